//! What is put down for all changes together, and what is refused.

use std::ops::Range;

use serde_json::Map;

use crate::kubeconfig::Kind;
use crate::kubeconfig::changes::{Changes, EditError, header_fields};
use crate::kubeconfig::document::{Content, Document, Node, Root, Shape};
use crate::kubeconfig::lines::Lines;
use crate::kubeconfig::style::Style;

pub(super) struct Writer<'d, 't> {
    pub(super) document: &'d Document<'t>,
    pub(super) text: &'t str,
    pub(super) lines: Lines<'t>,
    pub(super) style: Style<'d, 't>,
    splices: Vec<(Range<usize>, String)>,
}

impl<'d, 't> Writer<'d, 't> {
    fn new(document: &'d Document<'t>) -> Self {
        let text = document.text();
        let (lines, style) = (Lines { text }, Style::of(document));
        Writer { document, text, lines, style, splices: Vec::new() }
    }

    /// The replacements that make the changes.
    pub(super) fn splices(
        document: &'d Document<'t>,
        changes: &Changes<'_>,
    ) -> Result<Vec<(Range<usize>, String)>, EditError> {
        let mut writer = Self::new(document);
        if !changes.is_empty() {
            writer.check(changes)?;
            writer.write(changes)?;
            writer.check_splices()?;
        }
        Ok(writer.splices)
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
                let reason = "the document is null";
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

    pub(super) fn referred(&self, alias: usize) -> EditError {
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
                    missing.insert(kind.section().to_owned(), changes.entries(kind));
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

    /// The line break that is missing before a line that starts at `at`: none where what is removed up to
    /// there takes the unfinished line with it.
    pub(super) fn line_break_before(&self, at: usize) -> &'static str {
        let removed = self.splices.iter().filter(|(range, new)| range.end == at && new.is_empty());
        self.style.line_break_before(removed.map(|(range, _)| range.start).min().unwrap_or(at))
    }

    pub(super) fn in_flow(&self) -> bool {
        matches!(&self.document.content, Content::Mapping(root) if matches!(root.node.shape, Shape::Flow { .. }))
    }

    pub(super) fn splice(&mut self, range: Range<usize>, new: String) {
        self.splices.push((range, new));
    }
}

pub(super) fn is_spaces(indent: &str) -> bool {
    indent.bytes().all(|byte| byte == b' ')
}

pub(super) fn unsafe_at(node: &Node, reason: &'static str) -> EditError {
    EditError::Unsafe { line: node.line, reason }
}
