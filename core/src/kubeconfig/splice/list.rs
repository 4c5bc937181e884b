//! The entries of a list: added, removed, given another body.

use std::ops::Range;

use serde_json::{Map, Value};

use super::writer::{Writer, is_spaces, unsafe_at};
use crate::encoding::yaml::{self, Escapes};
use crate::kubeconfig::Kind;
use crate::kubeconfig::changes::{EditError, ListChanges, entry};
use crate::kubeconfig::document::{EntrySpan, Section, Shape, trimmed};

impl Writer<'_, '_> {
    pub(super) fn section(
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
        let new = list.entries(kind);
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
        let lines = self.lines;
        let dash_of = |entry: &EntrySpan| {
            let dash = entry.dash.unwrap_or(entry.node.start);
            lines
                .own_line(dash)
                .filter(|indent| is_spaces(indent))
                .map(|indent| (dash, indent.len()))
                .ok_or_else(|| unsafe_at(&entry.node, reason))
        };
        let mut removed = 0;
        let mut last_kept: Option<&EntrySpan> = None;
        for (position, entry) in section.entries.iter().enumerate() {
            if !matches!(list.existing.get(&position), Some(None)) {
                last_kept = Some(entry);
                continue;
            }
            let (dash, column) = dash_of(entry)?;
            let mut end = self.lines.behind(entry.node.end, column);
            // They would be part of what then stands before them.
            if last_kept.is_some_and(|kept| keeps_blank_lines(&self.text[kept.span.clone()])) {
                end += blank_lines(&self.text[end..]);
            }
            removed += 1;
            self.splice(dash - column..end, String::new());
        }
        if let (Some(last), false) = (section.entries.last(), list.added.is_empty()) {
            let (dash, column) = dash_of(last)?;
            let same_line = !self.text[dash..last.node.content].contains('\n');
            let width = match last.node.shape {
                Shape::Block { .. } if same_line => last.node.content - dash,
                _ => 2,
            };
            let at = self.lines.behind(last.node.end, column);
            let mut new = self.line_break_before(at).to_owned();
            for (name, body) in &list.added {
                self.style.item(&mut new, &entry(kind, name, body), column, width);
            }
            self.splice(at..at, new);
        } else if removed == section.entries.len() && !section.node.has_props() {
            self.splice(section.colon..section.colon, " []".to_owned());
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
                self.style.separate(&mut new, pretty);
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
                let mut new = self.line_break_before(at).to_owned();
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
            _ => return Err(unsafe_at(&entry.node, "an entry that is not a mapping")),
        }
        Ok(())
    }
}

/// Whether a text in these lines may be a block scalar that keeps what follows it (YAML 1.2.2, section
/// 8.1.1.2).
fn keeps_blank_lines(entry: &str) -> bool {
    let is_indicator = |text: &str| text.ends_with(['|', '>']);
    entry.match_indices('+').any(|(at, _)| {
        is_indicator(&entry[..at])
            || is_indicator(entry[..at].trim_end_matches(|c: char| c.is_ascii_digit()))
    })
}

/// How long the blank lines are with which a text begins.
fn blank_lines(text: &str) -> usize {
    let lines = text.split_inclusive('\n');
    lines.take_while(|line| line.trim().is_empty()).map(str::len).sum()
}
