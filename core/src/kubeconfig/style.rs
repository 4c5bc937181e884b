//! How a file is written, and new text written the same way.

use serde_json::Value;

use super::Kind;
use super::document::{Content, Document, Root, Shape};
use super::lines::Lines;
use crate::encoding::yaml::{self, Escapes, Layout};

/// The style of a file.
pub(super) struct Style<'d, 't> {
    document: &'d Document<'t>,
    lines: Lines<'t>,
    /// The line break that the first line ends with.
    pub(super) newline: &'static str,
}

impl<'d, 't> Style<'d, 't> {
    pub(super) fn of(document: &'d Document<'t>) -> Self {
        let text = document.text();
        let crlf = text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
        Style { document, lines: Lines { text }, newline: if crlf { "\r\n" } else { "\n" } }
    }

    /// Writes an entry in block style.
    pub(super) fn item(&self, out: &mut String, item: &Value, column: usize, width: usize) {
        yaml::spaces(out, column);
        out.push('-');
        yaml::spaces(out, width - 1);
        self.layout().block(out, item, column + width);
    }

    /// What follows a comma: a line indented so, or a space.
    pub(super) fn separate(&self, out: &mut String, indent: Option<&str>) {
        match indent {
            Some(indent) => {
                out.push_str(self.newline);
                out.push_str(indent);
            }
            None => out.push(' '),
        }
    }

    /// Writes a value in brackets: on lines of its own when it stands on a line indented so.
    pub(super) fn flow(&self, out: &mut String, value: &Value, indent: Option<&str>) {
        match indent {
            Some(indent) if yaml::is_block(value) => {
                let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
                let inner = format!("{indent}{}", self.json_unit());
                let mut first = true;
                let mut line = |out: &mut String| {
                    if !first {
                        out.push(',');
                    }
                    first = false;
                    out.push_str(self.newline);
                    out.push_str(&inner);
                };
                out.push(open);
                for item in value.as_array().into_iter().flatten() {
                    line(out);
                    self.flow(out, item, Some(&inner));
                }
                for (key, item) in value.as_object().into_iter().flatten() {
                    line(out);
                    yaml::quote(out, key, Escapes::Json);
                    out.push_str(": ");
                    self.flow(out, item, Some(&inner));
                }
                out.push_str(self.newline);
                out.push_str(indent);
                out.push(close);
            }
            _ => yaml::flow(out, value, Escapes::Json),
        }
    }

    /// One step of indentation within brackets, as the file has it.
    fn json_unit(&self) -> &str {
        match &self.document.content {
            Content::Mapping(Root { node, last_key: Some(key), .. })
                if matches!(node.shape, Shape::Flow { .. }) =>
            {
                self.lines.own_line(*key).filter(|indent| !indent.is_empty()).unwrap_or("  ")
            }
            _ => "  ",
        }
    }

    /// The block style of the file, as far as its first body shows it.
    pub(super) fn layout(&self) -> Layout<'static> {
        let unit = Kind::ALL.into_iter().find_map(|kind| {
            let entry = self.document.entries(kind).first()?;
            let (_, body) = entry.body_node.as_ref()?;
            match (entry.node.shape, body.shape) {
                (Shape::Block { .. }, Shape::Block { .. }) => self
                    .lines
                    .column(body.content)
                    .checked_sub(self.lines.column(entry.node.content))
                    .filter(|unit| *unit > 0),
                _ => None,
            }
        });
        Layout { unit: unit.unwrap_or(2), newline: self.newline }
    }

    /// How far dashes are indented below their key.
    pub(super) fn dash_offset(&self) -> usize {
        let offset = Kind::ALL.into_iter().find_map(|kind| {
            let section = self.document.section(kind)?;
            let dash = section.entries.first()?.dash?;
            self.lines.column(dash).checked_sub(self.lines.column(section.key))
        });
        offset.unwrap_or(0)
    }

    /// The line break that is missing before a line that starts at `at`.
    pub(super) fn line_break_before(&self, at: usize) -> &'static str {
        let before = &self.lines.text[..at];
        if before.is_empty() || before == "\u{feff}" || before.ends_with('\n') {
            ""
        } else {
            self.newline
        }
    }
}
