//! Where a change goes in the text, and in what style.
//!
//! What is added looks like what stands beside it: line breaks, indentation, block style or
//! brackets, JSON in JSON. Strings are always quoted, because kubectl reads YAML 1.1.
//!
//! - `list`: entries of a list, added and removed.
//! - `value`: another value in the place of one, and keys added to the outermost mapping.

mod list;
mod value;

use std::ops::Range;

use serde_json::Map;

use super::Kind;
use super::document::{Content, Document, Node, Root, Shape};
use super::edit::{Changes, EditError, header_fields};
use super::lines::Lines;
use super::style::Style;

/// With how many replacements a text is better written anew than moved each time.
const IN_PLACE: usize = 4;

/// Replacements in the text.
pub(super) struct Plan {
    splices: Vec<(Range<usize>, String)>,
}

impl Plan {
    pub(super) fn make(document: &Document<'_>, changes: &Changes<'_>) -> Result<Plan, EditError> {
        let mut writer = Writer::new(document);
        if !changes.is_empty() {
            writer.check(changes)?;
            writer.write(changes)?;
            writer.check_splices()?;
        }
        let mut splices = writer.splices;
        // Stable: at the same place, what was put down first comes first.
        splices.sort_by_key(|(range, _)| (range.start, range.end));
        Ok(Plan { splices })
    }

    pub(super) fn carry_out(mut self, text: &mut String) {
        // What is removed twice goes once.
        let mut at = 0;
        for (range, _) in &mut self.splices {
            *range = at.max(range.start)..at.max(range.end);
            at = range.end;
        }
        if self.splices.len() > IN_PLACE {
            *text = self.rewritten(text);
            return;
        }
        text.reserve_exact(self.splices.iter().map(|(_, new)| new.len()).sum());
        for (range, new) in self.splices.iter().rev() {
            text.replace_range(range.clone(), new);
        }
    }

    fn rewritten(&self, text: &str) -> String {
        let added: usize = self.splices.iter().map(|(_, new)| new.len()).sum();
        let mut out = String::with_capacity(text.len() + added);
        let mut at = 0;
        for (range, new) in &self.splices {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(new);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

struct Writer<'d, 't> {
    document: &'d Document<'t>,
    text: &'t str,
    lines: Lines<'t>,
    style: Style<'d, 't>,
    splices: Vec<(Range<usize>, String)>,
}

impl<'d, 't> Writer<'d, 't> {
    fn new(document: &'d Document<'t>) -> Self {
        let text = document.text();
        let (lines, style) = (Lines { text }, Style::of(document));
        Writer { document, text, lines, style, splices: Vec::new() }
    }

    /// Refuses what has no safe place for any change.
    fn check(&self, changes: &Changes<'_>) -> Result<(), EditError> {
        if let Some(at) = self
            .text
            .match_indices('\r')
            .map(|(at, _)| at)
            .find(|at| self.text.as_bytes().get(at + 1) != Some(&b'\n'))
        {
            let line = self.text[..at].matches('\n').count() + 1;
            let reason = "a carriage return without a line feed";
            return Err(EditError::Unsafe { line, reason });
        }
        match &self.document.content {
            Content::Null(line) => {
                let reason = "the document is a written null, which holds nothing";
                return Err(EditError::Unsafe { line: *line, reason });
            }
            Content::Mapping(Root { merge: Some(line), .. }) => {
                let reason = "a merge may set what would be changed";
                return Err(EditError::Unsafe { line: *line, reason });
            }
            _ => {}
        }
        for kind in Kind::ALL {
            let indirect = self.document.section(kind).and_then(|section| section.indirect);
            if let (Some(line), false) = (indirect, changes.list(kind).is_empty()) {
                let reason = "an alias or a merge hides which entries the list has";
                return Err(EditError::Unsafe { line, reason });
            }
        }
        Ok(())
    }

    /// Refuses to take away an anchor that something else refers to, and to give a line break to a
    /// string that has none.
    fn check_splices(&self) -> Result<(), EditError> {
        for (range, new) in &self.splices {
            if let (Some(line), false, true) =
                (self.document.open_scalar, new.is_empty(), range.start == self.text.len())
            {
                let reason = "the file ends in a block scalar without a line break";
                return Err(EditError::Unsafe { line, reason });
            }
            let lost = |(alias, anchor): &&(usize, Range<usize>)| {
                range.start < anchor.end && range.end > anchor.start && !range.contains(alias)
            };
            if let Some((alias, _)) = self.document.aliases.iter().find(lost) {
                return Err(self.referred(*alias));
            }
        }
        Ok(())
    }

    fn referred(&self, alias: usize) -> EditError {
        let line = self.text[..alias].matches('\n').count() + 1;
        EditError::Unsafe { line, reason: "an alias refers to what would be changed or removed" }
    }

    fn write(&mut self, changes: &Changes<'_>) -> Result<(), EditError> {
        let document = self.document;
        let mut missing = Map::new();
        if document.is_blank() {
            for (key, value) in header_fields() {
                missing.insert(key.to_owned(), value.into());
            }
        }
        for kind in [Kind::Cluster, Kind::Context, Kind::User] {
            let changes = changes.list(kind);
            match document.section(kind) {
                _ if changes.is_empty() => {}
                Some(section) => self.section(kind, section, changes)?,
                None => {
                    missing.insert(kind.section().to_owned(), list::entries(kind, changes));
                }
            }
        }
        if let Some(name) = changes.current {
            match &document.current {
                Some(current) => self.scalar(current.colon, &current.node, name)?,
                None => {
                    missing.insert("current-context".to_owned(), name.into());
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        match &document.content {
            Content::Mapping(root) => self.append(root, missing),
            Content::Marker(at) => {
                let at = self.lines.line_end(*at);
                self.append_lines(at, "", missing);
                Ok(())
            }
            Content::Nothing | Content::Null(_) => {
                self.append_lines(self.text.len(), "", missing);
                Ok(())
            }
        }
    }

    fn in_flow(&self) -> bool {
        matches!(&self.document.content, Content::Mapping(root) if matches!(root.node.shape, Shape::Flow { .. }))
    }

    fn splice(&mut self, range: Range<usize>, new: String) {
        self.splices.push((range, new));
    }
}

impl Document<'_> {
    /// Whether it says nothing at all.
    pub(super) fn is_blank(&self) -> bool {
        match &self.content {
            Content::Mapping(root) => root.last_key.is_none(),
            _ => true,
        }
    }
}

fn is_spaces(indent: &str) -> bool {
    indent.bytes().all(|byte| byte == b' ')
}

fn unsafe_at(node: &Node, reason: &'static str) -> EditError {
    EditError::Unsafe { line: node.line, reason }
}
