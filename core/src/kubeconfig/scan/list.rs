//! The lists of a kubeconfig and their entries.

use crate::text::sorted::{BTreeMap, BTreeSet};

use granit_parser::{Event, StructureStyle};

use super::{Key, Scan, Spanned, must_be, string, twice};
use crate::kubeconfig::Kind;
use crate::kubeconfig::digest::{self, Digest};
use crate::kubeconfig::document::{DocumentError, EntrySpan, Node, Section, Shape};

impl<'t> Scan<'t> {
    pub(super) fn section(
        &mut self,
        kind: Kind,
        key: usize,
        colon: usize,
    ) -> Result<Section, DocumentError> {
        let event = self.events.next()?;
        let line = event.1.start.line();
        let mut section = Section {
            key,
            colon,
            node: Node::empty(colon, line),
            entries: Vec::new(),
            index: BTreeMap::new(),
            indirect: None,
        };
        let (Event::SequenceStart(style, id, tag), span) = event else {
            let (node, text) = self.node(event, colon, 1)?;
            if node.shape == Shape::Alias {
                section.indirect = Some(node.line);
            } else if text != Some(None) {
                return Err(must_be(&node, kind.section(), "a list"));
            }
            section.node = node;
            return Ok(section);
        };
        let anchor = self.events.anchor(id)?;
        let mut floor = [anchor, tag.and(span.tag_span())]
            .iter()
            .flatten()
            .map(|span| self.end_of_span(span))
            .fold(colon, usize::max);
        let start = self.token(floor);
        let props = floor > colon;
        let mut items = digest::Collection::list();
        self.end = start + 1;
        while let Some(event) = self.item(style)? {
            let dash = (style == StructureStyle::Block).then(|| self.token(floor));
            let entry = self.entry(kind, event, dash, &mut section.indirect)?;
            floor = self.end;
            items.item(entry.node.digest);
            match section.index.get(&entry.name) {
                Some(first) => {
                    let first = section.entries.get(*first).map_or(0, |entry| entry.line);
                    let (name, second) = (entry.name, entry.line);
                    // Aliased or merged entries may have other names, so duplicates cannot be judged.
                    if section.indirect.is_none() {
                        return Err(DocumentError::DuplicateName { kind, name, first, second });
                    }
                }
                None => {
                    section.index.insert(entry.name.clone(), section.entries.len());
                    section.entries.push(entry);
                }
            }
        }
        let end = self.end;
        let shape = Shape::of(style, true, section.entries.is_empty());
        let digest = items.finish();
        let before = if props { self.token(colon) } else { start };
        section.node = Node { shape, line, start: before, content: start, end, digest };
        self.define(id, before, digest, None);
        Ok(section)
    }

    fn entry(
        &mut self,
        kind: Kind,
        event: Spanned<'t>,
        dash: Option<usize>,
        indirect: &mut Option<usize>,
    ) -> Result<EntrySpan, DocumentError> {
        let floor = dash.map_or(0, |dash| dash + 1);
        let line = event.1.start.line();
        let (Event::MappingStart(style, id, tag), span) = event else {
            let (node, text) = self.node(event, floor, 2)?;
            match (node.shape, text) {
                (Shape::Alias, _) => *indirect = Some(node.line),
                (_, Some(None)) => {}
                _ => return Err(must_be(&node, "an entry", "a mapping")),
            }
            let mut rest = digest::Collection::mapping();
            rest.pair(node.digest, node.digest);
            return Ok(EntrySpan::new(node, dash, rest.finish()));
        };
        let anchor = self.events.anchor(id)?;
        let content = self.start_of(&span);
        let start = self.with_props(content, anchor, tag.is_some(), &span);
        self.end = if style == StructureStyle::Flow { content + 1 } else { content };
        let mut entry = EntrySpan::new(Node::empty(start, line), dash, Digest::default());
        let (mut all, mut rest) = (digest::Collection::mapping(), digest::Collection::mapping());
        let mut keys = BTreeSet::new();
        while let Some(key) = self.key(style, 3)? {
            if key.merges {
                *indirect = Some(key.node.line);
            }
            let (node, value) = self.value(&key, 3)?;
            let Key { node: key, text, colon, .. } = key;
            entry.last = self.end;
            all.pair(key.digest, node.digest);
            let text = text.unwrap_or_default();
            if keys.contains(&text) {
                return Err(twice(&key));
            }
            if text == kind.body_key() {
                let fits = match node.shape {
                    Shape::Block { list } | Shape::Flow { list, .. } => !list,
                    Shape::Scalar { null, .. } => null,
                    Shape::Empty | Shape::Alias => true,
                };
                if !fits {
                    return Err(must_be(&node, kind.body_key(), "a mapping"));
                }
                entry.body = Some(node.start..self.trimmed(node.end).max(node.start));
                entry.body_node = Some((colon, node));
            } else {
                if text == "name" {
                    entry.name = string(&node, value, "a name")?;
                }
                rest.pair(key.digest, node.digest);
            }
            keys.insert(text);
        }
        let end = self.end;
        let shape = Shape::of(style, false, keys.is_empty());
        let digest = all.finish();
        entry.rest = rest.finish();
        entry.span = start..self.trimmed(end);
        entry.node = Node { shape, line, start, content, end, digest };
        self.define(id, start, digest, None);
        Ok(entry)
    }
}
