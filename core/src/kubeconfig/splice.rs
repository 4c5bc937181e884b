//! Where a change goes in the text, and in what style.
//!
//! What is added looks like what stands beside it: line breaks, indentation, block style or
//! brackets, JSON in JSON. Strings are always quoted, because kubectl reads YAML 1.1.

use std::ops::Range;

use serde_json::{Map, Value};

use super::Kind;
use super::document::{Content, Document, EntrySpan, Node, Root, Section, Shape, trimmed};
use super::edit::{Changes, EditError, ListChanges, entry, header_fields};
use super::lines::Lines;
use super::style::Style;
use crate::yaml::{self, Escapes};

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
            let list = changes.list(kind);
            match document.section(kind) {
                _ if list.is_empty() => {}
                Some(section) => self.section(kind, section, list)?,
                None => {
                    missing.insert(kind.section().to_owned(), entries(kind, list));
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

    /// Adds keys to the outermost mapping.
    fn append(&mut self, root: &Root, missing: Map<String, Value>) -> Result<(), EditError> {
        if let Shape::Flow { .. } = root.node.shape {
            let first = root.last_key.is_none();
            let pretty = root.last_key.and_then(|key| self.lines.own_line(key));
            let mut new = String::new();
            for (index, (key, value)) in missing.iter().enumerate() {
                if !(first && index == 0) {
                    new.push(',');
                }
                match pretty {
                    Some(indent) => {
                        new.push_str(self.style.newline);
                        new.push_str(indent);
                    }
                    None if first && index == 0 => {}
                    None => new.push(' '),
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
    fn append_lines(&mut self, at: usize, indent: &str, missing: Map<String, Value>) {
        let layout = self.style.layout();
        let offset = self.style.dash_offset();
        let mut new = self.style.line_break_before(at).to_owned();
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

    fn section(
        &mut self,
        kind: Kind,
        section: &Section,
        list: &ListChanges<'_>,
    ) -> Result<(), EditError> {
        let whole = |(_, place): &&(usize, Range<usize>)| place.start == section.node.start;
        if let Some((alias, _)) = self.document.aliases.iter().find(whole) {
            return Err(self.referred(*alias));
        }
        for (position, body) in &list.existing {
            if let (Some(body), Some(entry)) = (body, section.entries.get(*position)) {
                self.replace(kind, entry, body)?;
            }
        }
        match section.node.shape {
            Shape::Block { .. } => self.block_list(kind, section, list),
            Shape::Flow { empty: false, .. } => {
                self.flow_list(kind, section, list);
                Ok(())
            }
            _ => {
                self.fill(kind, section, list);
                Ok(())
            }
        }
    }

    /// Gives the first entries to a list that is empty or null.
    fn fill(&mut self, kind: Kind, section: &Section, list: &ListChanges<'_>) {
        let (node, colon) = (&section.node, section.colon);
        let new = entries(kind, list);
        let indent = self.lines.own_line(section.key);
        if let Some(indent) = indent.filter(|_| self.can_be_block(colon, node)) {
            let mut lines = String::new();
            for item in new.as_array().into_iter().flatten() {
                self.style.item(&mut lines, item, indent.len() + self.style.dash_offset(), 2);
            }
            self.put_lines(colon, node, &lines);
            return;
        }
        let mut text = String::new();
        let pretty = if self.in_flow() { indent } else { None };
        self.style.flow(&mut text, &new, pretty);
        self.put(colon, node, text);
    }

    fn block_list(
        &mut self,
        kind: Kind,
        section: &Section,
        list: &ListChanges<'_>,
    ) -> Result<(), EditError> {
        let reason = "a list that does not start on a line of its own";
        let dash_of = |entry: &EntrySpan| {
            let dash = entry.dash.unwrap_or(entry.node.start);
            self.lines
                .own_line(dash)
                .filter(|indent| is_spaces(indent))
                .map(|indent| (dash, indent.len()))
                .ok_or_else(|| unsafe_at(&entry.node, reason))
        };
        let mut removed = Vec::new();
        for (position, body) in &list.existing {
            if let (None, Some(entry)) = (body, section.entries.get(*position)) {
                let (dash, column) = dash_of(entry)?;
                removed.push(dash - column..self.lines.behind(entry.node.end, column));
            }
        }
        if let (Some(last), false) = (section.entries.last(), list.added.is_empty()) {
            let (dash, column) = dash_of(last)?;
            let same_line = !self.text[dash..last.node.content].contains('\n');
            let width = match last.node.shape {
                Shape::Block { .. } if same_line => last.node.content - dash,
                _ => 2,
            };
            let at = self.lines.behind(last.node.end, column);
            let mut new = self.style.line_break_before(at).to_owned();
            for (name, body) in &list.added {
                self.style.item(&mut new, &entry(kind, name, body), column, width);
            }
            self.splice(at..at, new);
        } else if removed.len() == section.entries.len() && !section.node.has_props() {
            self.splice(section.colon..section.colon, " []".to_owned());
        }
        for range in removed {
            self.splice(range, String::new());
        }
        Ok(())
    }

    fn flow_list(&mut self, kind: Kind, section: &Section, list: &ListChanges<'_>) {
        let entries = &section.entries;
        let stays = |position: &usize| !matches!(list.existing.get(position), Some(None));
        let last_kept = (0..entries.len()).rev().find(stays);
        let model = last_kept.or(entries.len().checked_sub(1)).and_then(|at| entries.get(at));
        let (Some(model), Some(first), Some(last)) = (model, entries.first(), entries.last())
        else {
            return;
        };
        let pretty = self.lines.own_line(model.node.start);
        let mut new = String::new();
        for (index, (name, body)) in list.added.iter().enumerate() {
            if last_kept.is_some() || index > 0 {
                new.push(',');
                match pretty {
                    Some(indent) => {
                        new.push_str(self.style.newline);
                        new.push_str(indent);
                    }
                    None => new.push(' '),
                }
            }
            let many_lines = self.text[model.span.clone()].contains('\n');
            self.style.flow(&mut new, &entry(kind, name, body), pretty.filter(|_| many_lines));
        }
        let Some(kept) = last_kept else {
            // Nothing but the brackets stays, and no comma behind the last entry.
            let range = if new.is_empty() {
                section.node.content + 1..section.node.end - 1
            } else {
                first.node.start..last.node.end
            };
            self.splice(range, new);
            return;
        };
        // Up to the last one that stays, an entry goes with what leads to the next one; the rest
        // goes with what leads from the last one that stays.
        for position in (0..kept).filter(|position| !stays(position)) {
            if let (Some(entry), Some(next)) = (entries.get(position), entries.get(position + 1)) {
                self.splice(entry.node.start..next.node.start, String::new());
            }
        }
        self.splice(model.node.end..last.node.end, new);
    }

    /// Puts another body into an entry.
    fn replace(&mut self, kind: Kind, entry: &EntrySpan, body: &Value) -> Result<(), EditError> {
        let many_lines = entry.body.clone().is_some_and(|body| self.text[body].contains('\n'));
        let Some((colon, node)) = &entry.body_node else {
            return self.add_body(kind, entry, body);
        };
        let mut new = String::new();
        if let (Shape::Block { .. }, true) = (node.shape, yaml::is_block(body)) {
            let indent = self.lines.own_line(node.content).filter(|indent| is_spaces(indent));
            let indent = indent.ok_or_else(|| unsafe_at(node, "an unusual first line"))?;
            self.style.layout().block(&mut new, body, indent.len());
            new.truncate(new.len() - self.style.newline.len());
            self.splice(node.content..trimmed(self.text, node.end), new);
            return Ok(());
        }
        let block = matches!(entry.node.shape, Shape::Block { .. });
        if block && yaml::is_block(body) && self.can_be_block(*colon, node) {
            let layout = self.style.layout();
            let column = self.lines.column(entry.node.content) + layout.unit;
            yaml::spaces(&mut new, column);
            layout.block(&mut new, body, column);
            self.put_lines(*colon, node, &new);
            return Ok(());
        }
        self.style.flow(
            &mut new,
            body,
            Some(self.lines.indent(node.content)).filter(|_| many_lines),
        );
        self.put(*colon, node, new);
        Ok(())
    }

    /// Gives a body to an entry that has none.
    fn add_body(&mut self, kind: Kind, entry: &EntrySpan, body: &Value) -> Result<(), EditError> {
        let mut pair = Map::new();
        pair.insert(kind.body_key().to_owned(), body.clone());
        match entry.node.shape {
            Shape::Block { .. } => {
                let column = self.lines.column(entry.node.content);
                let at = self.lines.line_end(entry.node.end);
                let mut new = self.style.line_break_before(at).to_owned();
                yaml::spaces(&mut new, column);
                self.style.layout().block(&mut new, &Value::Object(pair), column);
                self.splice(at..at, new);
            }
            Shape::Flow { .. } => {
                let mut new = ", ".to_owned();
                yaml::quote(&mut new, kind.body_key(), Escapes::Json);
                new.push_str(": ");
                self.style.flow(&mut new, body, None);
                self.splice(entry.last..entry.last, new);
            }
            _ => return Err(unsafe_at(&entry.node, "an entry that is no mapping")),
        }
        Ok(())
    }

    fn scalar(&mut self, colon: usize, node: &Node, name: &str) -> Result<(), EditError> {
        if matches!(node.shape, Shape::Scalar { block: true, .. }) && node.has_props() {
            return Err(unsafe_at(node, "a block scalar with an anchor or a tag"));
        }
        let mut new = String::new();
        yaml::quote(&mut new, name, Escapes::Json);
        self.put(colon, node, new);
        Ok(())
    }

    /// Replaces a value by one on its line.
    fn put(&mut self, colon: usize, node: &Node, new: String) {
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
    fn can_be_block(&self, colon: usize, node: &Node) -> bool {
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
    fn put_lines(&mut self, colon: usize, node: &Node, lines: &str) {
        if node.shape == Shape::Empty {
            let at = self.lines.line_end(colon);
            self.splice(at..at, format!("{}{lines}", self.style.line_break_before(at)));
        } else {
            let lines = lines.strip_suffix(self.style.newline).unwrap_or(lines);
            self.splice(colon..node.end, format!("{}{lines}", self.style.newline));
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

fn entries(kind: Kind, list: &ListChanges<'_>) -> Value {
    list.added.iter().map(|(name, body)| entry(kind, name, body)).collect()
}

fn is_header(key: &str, text: &str) -> bool {
    header_fields().contains(&(key, text))
}

fn is_spaces(indent: &str) -> bool {
    indent.bytes().all(|byte| byte == b' ')
}

fn unsafe_at(node: &Node, reason: &'static str) -> EditError {
    EditError::Unsafe { line: node.line, reason }
}
