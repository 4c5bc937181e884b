//! A value in the place of another one, and keys that are added to the outermost mapping.

use serde_json::{Map, Value};

use super::writer::{Writer, is_spaces, unsafe_at};
use crate::encoding::yaml::{self, Escapes};
use crate::kubeconfig::changes::{EditError, header_fields};
use crate::kubeconfig::document::{Node, Root, Shape, trimmed};

impl Writer<'_, '_> {
    /// Adds keys to the outermost mapping.
    pub(super) fn append(
        &mut self,
        root: &Root,
        missing: Map<String, Value>,
    ) -> Result<(), EditError> {
        if let Shape::Flow { .. } = root.node.shape {
            let first = root.last_key.is_none();
            let pretty = root.last_key.and_then(|key| self.lines.own_line(key));
            let mut new = String::new();
            for (index, (key, value)) in missing.iter().enumerate() {
                if !(first && index == 0) {
                    new.push(',');
                    self.style.separate(&mut new, pretty);
                }
                yaml::quote(&mut new, key, Escapes::Json);
                new.push_str(": ");
                self.style.flow(&mut new, value, pretty);
            }
            self.splice(root.last..root.last, new);
            return Ok(());
        }
        let first = root.node.content;
        let indent = self.lines.own_line(first).filter(|indent| is_spaces(indent));
        let indent = indent.ok_or_else(|| unsafe_at(&root.node, "an unusual first line"))?;
        let at = self.lines.behind(root.last, indent.len());
        self.append_lines(at, indent, missing);
        Ok(())
    }

    /// Adds top-level keys in block style as lines of their own.
    pub(super) fn append_lines(&mut self, at: usize, indent: &str, missing: Map<String, Value>) {
        let layout = self.style.layout();
        let offset = self.style.dash_offset();
        let mut new = self.line_break_before(at).to_owned();
        for (key, value) in &missing {
            new.push_str(indent);
            new.push_str(key);
            new.push(':');
            match value {
                Value::Array(items) => {
                    new.push_str(layout.newline);
                    for item in items {
                        self.style.item(&mut new, item, indent.len() + offset, 2);
                    }
                }
                // The names of versions need no quotes, and no one is used to seeing them.
                Value::String(text) if is_header(key, text) => {
                    new.push(' ');
                    new.push_str(text);
                    new.push_str(layout.newline);
                }
                value => layout.value(&mut new, value, indent.len()),
            }
        }
        self.splice(at..at, new);
    }

    pub(super) fn scalar(
        &mut self,
        colon: usize,
        node: &Node,
        name: &str,
    ) -> Result<(), EditError> {
        if matches!(node.shape, Shape::Scalar { block: true, .. }) && node.has_props() {
            return Err(unsafe_at(node, "a block scalar with an anchor or a tag"));
        }
        let mut new = String::new();
        yaml::quote(&mut new, name, Escapes::Json);
        self.put(colon, node, new);
        Ok(())
    }

    /// Replaces a value by one on its line.
    pub(super) fn put(&mut self, colon: usize, node: &Node, new: String) {
        if node.shape == Shape::Empty && !node.has_props() {
            self.splice(colon..colon, format!(" {new}"));
        } else if node.shape == Shape::Empty {
            self.splice(node.end..node.end, format!(" {new}"));
        } else {
            // Where the value touches its key's colon, as in JSON, it still does.
            self.splice(node.content..trimmed(self.text, node.end).max(node.content), new);
        }
    }

    /// Whether a value can give way to lines below its key: it takes up nothing but the rest of
    /// the key's line.
    pub(super) fn can_be_block(&self, colon: usize, node: &Node) -> bool {
        let rest = &self.text[node.end..self.lines.line_end(node.end)];
        let one_line = !self.text[colon..node.end].contains('\n');
        let gives_way = match node.shape {
            Shape::Empty => true,
            Shape::Scalar { null, .. } => null && rest.trim().is_empty(),
            Shape::Flow { empty, .. } => empty && rest.trim().is_empty(),
            _ => false,
        };
        gives_way && one_line && !node.has_props() && !self.in_flow()
    }

    /// Replaces such a value by lines below its key.
    pub(super) fn put_lines(&mut self, colon: usize, node: &Node, lines: &str) {
        if node.shape == Shape::Empty {
            let at = self.lines.line_end(colon);
            self.splice(at..at, format!("{}{lines}", self.line_break_before(at)));
        } else {
            let lines = lines.strip_suffix(self.style.newline).unwrap_or(lines);
            self.splice(colon..node.end, format!("{}{lines}", self.style.newline));
        }
    }
}

fn is_header(key: &str, text: &str) -> bool {
    header_fields().contains(&(key, text))
}
