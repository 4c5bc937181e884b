//! The one pass over a kubeconfig's events that finds the places of its entries.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::Kind;
use super::digest::{self, Digest};
use super::document::{
    Content, Current, Document, DocumentError, EntrySpan, Node, Root, Section, Shape, trimmed,
};
use crate::yaml::{self, Events, Scalar, YamlError};

/// What an anchor stands for.
struct Anchor {
    place: Range<usize>,
    digest: Digest,
    /// For scalars: the string, or nothing when it is null.
    text: Option<Option<String>>,
}

/// One pass over a text.
pub(super) struct Scan<'t> {
    text: &'t str,
    events: Events<'t>,
    anchors: BTreeMap<usize, Anchor>,
    aliases: Vec<(usize, Range<usize>)>,
    /// Behind the last content so far.
    end: usize,
    open_scalar: Option<usize>,
}

type Spanned<'t> = (Event<'t>, Span);

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str, events: Events<'t>) -> Self {
        Scan {
            text,
            events,
            anchors: BTreeMap::new(),
            aliases: Vec::new(),
            end: 0,
            open_scalar: None,
        }
    }

    pub(super) fn document(mut self) -> Result<Document<'t>, DocumentError> {
        let mut document = Document {
            text: self.text,
            content: Content::Nothing,
            sections: [None, None, None],
            current: None,
            rest: Digest::default(),
            aliases: Vec::new(),
            open_scalar: None,
        };
        let Some(mark) = self.events.peek_document()? else { return Ok(document) };
        let start = mark.byte_offset().unwrap_or_default();
        let marker = self.text.get(start..).is_some_and(|text| text.starts_with("---"));
        let floor = if marker { start + 3 } else { start };
        match self.events.next()? {
            (Event::MappingStart(style, id, tag), span) => {
                let has_tag = tag.is_some();
                let root = self.root(&mut document, style, id, has_tag, &span)?;
                document.content = Content::Mapping(root);
            }
            event => {
                let (node, text) = self.node(event, floor, 0)?;
                if text != Some(None) {
                    let (what, expected) = ("the document", "a mapping");
                    return Err(DocumentError::Type { line: node.line, what, expected });
                }
                document.content = match node.shape {
                    Shape::Empty if !node.has_props() => Content::Marker(floor),
                    _ => Content::Null(node.line),
                };
            }
        }
        self.events.next()?;
        if let Some(mark) = self.events.peek_document()? {
            return Err(DocumentError::MultipleDocuments { line: mark.line() });
        }
        document.aliases = std::mem::take(&mut self.aliases);
        document.open_scalar = self.open_scalar;
        Ok(document)
    }

    fn root(
        &mut self,
        document: &mut Document<'t>,
        style: StructureStyle,
        id: usize,
        has_tag: bool,
        span: &Span,
    ) -> Result<Root, DocumentError> {
        self.events.anchor(id)?;
        let start = self.start_of(span);
        self.end = if style == StructureStyle::Flow { start + 1 } else { start };
        let (mut last, mut last_key, mut merge) = (self.end, None, None);
        let mut rest = digest::Mapping::new();
        let mut keys = BTreeSet::new();
        let end = loop {
            let event = match self.events.next()? {
                (Event::MappingEnd, span) => break self.end_of(&span, style),
                event => event,
            };
            if is_merge(&event.0) {
                merge = Some(event.1.start.line());
            }
            let (key, text) = self.node(event, 0, 1)?;
            last_key = Some(key.start);
            let colon = self.colon(key.end);
            let text = text.flatten();
            if text.as_ref().is_some_and(|text| !keys.insert(text.clone())) {
                return Err(DocumentError::DuplicateKey { line: key.line });
            }
            let kind = Kind::ALL.into_iter().find(|kind| Some(kind.section()) == text.as_deref());
            match (kind, text.as_deref()) {
                (Some(kind), _) => {
                    let section = self.section(kind, key.start, colon)?;
                    document.sections[kind.index()] = Some(section);
                }
                (None, Some("current-context")) => {
                    let event = self.events.next()?;
                    let (node, value) = self.node(event, colon, 1)?;
                    let value = string(&node, value, "current-context")?;
                    document.current = Some(Current { colon, node, value });
                }
                (None, name) => {
                    let event = self.events.next()?;
                    let (node, value) = self.node(event, colon, 1)?;
                    match name {
                        Some("apiVersion") => check(&node, value, "apiVersion", "v1")?,
                        Some("kind") => check(&node, value, "kind", "Config")?,
                        _ => {}
                    }
                    rest.pair(key.digest, node.digest);
                }
            }
            last = self.end;
        };
        document.rest = rest.finish();
        let shape = match style {
            StructureStyle::Flow => Shape::Flow { empty: last_key.is_none(), list: false },
            StructureStyle::Block => Shape::Block { list: false },
        };
        // Anchor and tag of the whole are of no interest but for their being there.
        let before = if id != 0 || has_tag { 0 } else { start };
        let line = span.start.line();
        let node = Node { shape, line, start: before, content: start, end, digest: document.rest };
        Ok(Root { node, last, last_key, merge })
    }

    fn section(&mut self, kind: Kind, key: usize, colon: usize) -> Result<Section, DocumentError> {
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
                let (what, expected) = (kind.section(), "a list");
                return Err(DocumentError::Type { line: node.line, what, expected });
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
        let mut items = digest::Sequence::new();
        self.end = start + 1;
        let end = loop {
            let event = match self.events.next()? {
                (Event::SequenceEnd, span) => break self.end_of(&span, style),
                event => event,
            };
            let dash = (style == StructureStyle::Block).then(|| self.token(floor));
            let entry = self.entry(kind, event, dash, &mut section.indirect)?;
            floor = self.end;
            items.item(entry.node.digest);
            match section.index.entry(entry.name.clone()) {
                Slot::Occupied(slot) => {
                    let first = section.entries.get(*slot.get()).map_or(0, |entry| entry.line);
                    let (name, second) = (entry.name, entry.line);
                    // Of names that are found elsewhere nothing is known.
                    if section.indirect.is_none() {
                        return Err(DocumentError::DuplicateName { kind, name, first, second });
                    }
                }
                Slot::Vacant(slot) => {
                    slot.insert(section.entries.len());
                    section.entries.push(entry);
                }
            }
        };
        let shape = match style {
            StructureStyle::Flow => Shape::Flow { empty: section.entries.is_empty(), list: true },
            StructureStyle::Block => Shape::Block { list: true },
        };
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
                _ => {
                    let (what, expected) = ("an entry", "a mapping");
                    return Err(DocumentError::Type { line: node.line, what, expected });
                }
            }
            let mut rest = digest::Mapping::new();
            rest.pair(node.digest, node.digest);
            return Ok(EntrySpan::new(node, dash, rest.finish()));
        };
        let anchor = self.events.anchor(id)?;
        let content = self.start_of(&span);
        let start = [anchor, tag.and(span.tag_span())]
            .iter()
            .flatten()
            .map(|span| self.start_of(span))
            .fold(content, usize::min);
        self.end = if style == StructureStyle::Flow { content + 1 } else { content };
        let mut entry = EntrySpan::new(Node::empty(start, line), dash, Digest::default());
        let (mut all, mut rest) = (digest::Mapping::new(), digest::Mapping::new());
        let mut keys: Vec<String> = Vec::new();
        let end = loop {
            let event = match self.events.next()? {
                (Event::MappingEnd, span) => break self.end_of(&span, style),
                event => event,
            };
            if is_merge(&event.0) {
                *indirect = Some(event.1.start.line());
            }
            let (key, text) = self.node(event, 0, 3)?;
            let colon = self.colon(key.end);
            let event = self.events.next()?;
            let (node, value) = self.node(event, colon, 3)?;
            entry.last = self.end;
            all.pair(key.digest, node.digest);
            let text = text.flatten().unwrap_or_default();
            if keys.contains(&text) {
                return Err(DocumentError::DuplicateKey { line: key.line });
            }
            if text == kind.body_key() {
                let fits = match node.shape {
                    Shape::Block { list } | Shape::Flow { list, .. } => !list,
                    Shape::Scalar { null, .. } => null,
                    Shape::Empty | Shape::Alias => true,
                };
                if !fits {
                    let (what, expected) = (kind.body_key(), "a mapping");
                    return Err(DocumentError::Type { line: node.line, what, expected });
                }
                entry.body = Some(node.start..self.trimmed(node.end).max(node.start));
                entry.body_node = Some((colon, node));
            } else {
                if text == "name" {
                    entry.name = string(&node, value, "a name")?;
                }
                rest.pair(key.digest, node.digest);
            }
            keys.push(text);
        };
        let shape = match style {
            StructureStyle::Flow => Shape::Flow { empty: keys.is_empty(), list: false },
            StructureStyle::Block => Shape::Block { list: false },
        };
        let digest = all.finish();
        entry.rest = rest.finish();
        entry.span = start..self.trimmed(end);
        entry.node = Node { shape, line, start, content, end, digest };
        self.define(id, start, digest, None);
        Ok(entry)
    }

    /// Passes over a node. `floor` is where its key's colon or its dash ends. For scalars also
    /// returns the string that it is, or nothing inside when it is null.
    fn node(
        &mut self,
        (event, span): Spanned<'t>,
        floor: usize,
        depth: usize,
    ) -> Result<(Node, Option<Option<String>>), DocumentError> {
        let line = span.start.line();
        let fail = |problem| DocumentError::Yaml(YamlError::at(&span.start, problem));
        if depth > yaml::MAX_DEPTH {
            return Err(fail("nested too deeply"));
        }
        let content = self.start_of(&span);
        let (shape, id, tag, digest, text) = match event {
            Event::Alias(id) => {
                let anchor =
                    self.anchors.get(&id).ok_or_else(|| fail("an alias for what it is part of"))?;
                self.aliases.push((content, anchor.place.clone()));
                self.end = self.end_of_span(&span);
                let (digest, text) = (anchor.digest, anchor.text.clone());
                let (start, end) = (content, self.end);
                return Ok((Node { shape: Shape::Alias, line, start, content, end, digest }, text));
            }
            Event::Scalar(value, style, id, tag) => {
                let has_tag = tag.is_some();
                let empty = style == ScalarStyle::Plain && self.end_of_span(&span) == content;
                let scalar = yaml::resolve(value, style, tag.as_deref()).map_err(fail)?;
                let digest = digest::scalar(&scalar);
                let null = matches!(scalar, Scalar::Null);
                let text = match scalar {
                    // Only names are wanted; nobody needs a copy of every certificate.
                    Scalar::Text(value) if depth <= 3 && value.len() < 4096 => {
                        Some(Some(value.into_owned()))
                    }
                    Scalar::Null => Some(None),
                    _ => None,
                };
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                self.end = self.end_of_span(&span).max(floor);
                if block {
                    // The event goes on into the indentation of the next line.
                    let lines = self.text[..self.end].trim_end_matches(' ');
                    if lines.ends_with('\n') {
                        self.end = lines.len();
                    }
                }
                if block && self.end == self.text.len() && !self.text.ends_with('\n') {
                    self.open_scalar = Some(line);
                }
                let shape = if empty { Shape::Empty } else { Shape::Scalar { null, block } };
                (shape, id, has_tag, digest, text)
            }
            Event::SequenceStart(style, id, tag) => {
                let anchor = self.events.anchor(id)?;
                let (mut items, mut empty) = (digest::Sequence::new(), true);
                loop {
                    match self.events.next()? {
                        (Event::SequenceEnd, span) => {
                            self.end = self.end_of(&span, style);
                            break;
                        }
                        event => {
                            empty = false;
                            items.item(self.node(event, 0, depth + 1)?.0.digest);
                        }
                    }
                }
                let digest = items.finish();
                let shape = match style {
                    StructureStyle::Flow => Shape::Flow { empty, list: true },
                    StructureStyle::Block => Shape::Block { list: true },
                };
                let start = self.with_props(content, anchor, tag.is_some(), &span);
                self.define(id, start, digest, None);
                return Ok((Node { shape, line, start, content, end: self.end, digest }, None));
            }
            Event::MappingStart(style, id, tag) => {
                let anchor = self.events.anchor(id)?;
                let (mut pairs, mut empty) = (digest::Mapping::new(), true);
                loop {
                    let key = match self.events.next()? {
                        (Event::MappingEnd, span) => {
                            self.end = self.end_of(&span, style);
                            break;
                        }
                        event => self.node(event, 0, depth + 1)?.0,
                    };
                    empty = false;
                    let colon = self.colon(key.end);
                    let event = self.events.next()?;
                    let value = self.node(event, colon, depth + 1)?.0;
                    pairs.pair(key.digest, value.digest);
                }
                let digest = pairs.finish();
                let shape = match style {
                    StructureStyle::Flow => Shape::Flow { empty, list: false },
                    StructureStyle::Block => Shape::Block { list: false },
                };
                let start = self.with_props(content, anchor, tag.is_some(), &span);
                self.define(id, start, digest, None);
                return Ok((Node { shape, line, start, content, end: self.end, digest }, None));
            }
            _ => return Err(fail("not valid YAML")),
        };
        let anchor = self.events.anchor(id)?;
        let end = self.end;
        let (start, content) = match shape {
            Shape::Empty if id == 0 && !tag => (content.max(floor), content.max(floor)),
            // The event starts behind the header, which is what follows the colon.
            Shape::Scalar { block: true, .. } => {
                let start = self.token(floor);
                (start, if id == 0 && !tag { start } else { content })
            }
            _ => (self.with_props(content, anchor, tag, &span), content),
        };
        if id != 0 {
            self.define(id, start, digest, text.clone());
        }
        Ok((Node { shape, line, start, content, end, digest }, text))
    }

    fn with_props(&self, content: usize, anchor: Option<Span>, tag: bool, span: &Span) -> usize {
        let tag = if tag { span.tag_span() } else { None };
        [anchor, tag].iter().flatten().map(|span| self.start_of(span)).fold(content, usize::min)
    }

    fn define(&mut self, id: usize, at: usize, digest: Digest, text: Option<Option<String>>) {
        if id != 0 {
            self.anchors.insert(id, Anchor { place: at..self.end, digest, text });
        }
    }

    fn start_of(&self, span: &Span) -> usize {
        span.byte_range().map_or(0, |range| range.start)
    }

    fn end_of_span(&self, span: &Span) -> usize {
        span.byte_range().map_or(0, |range| range.end)
    }

    /// Where a collection ends: in block style where its last content does.
    fn end_of(&mut self, span: &Span, style: StructureStyle) -> usize {
        if style == StructureStyle::Flow {
            self.end = self.end_of_span(span);
        }
        self.end
    }

    /// The next byte from `at` on that is neither white space nor comment.
    fn token(&self, at: usize) -> usize {
        next_token(self.text, at)
    }

    /// Behind the colon that follows a key, or behind the key when there is none.
    fn colon(&self, key_end: usize) -> usize {
        let at = self.token(key_end);
        if self.text.as_bytes().get(at) == Some(&b':') { at + 1 } else { key_end }
    }

    fn trimmed(&self, end: usize) -> usize {
        trimmed(self.text, end)
    }
}

/// The next byte from `at` on that is neither white space nor comment.
fn next_token(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => {
                at = bytes[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n)
            }
            _ => break,
        }
    }
    at
}

fn is_merge(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, style, _, tag) if yaml::is_merge(text, *style, tag.as_deref()))
}

fn string(
    node: &Node,
    value: Option<Option<String>>,
    what: &'static str,
) -> Result<String, DocumentError> {
    let expected = "a string";
    value.map(Option::unwrap_or_default).ok_or(DocumentError::Type {
        line: node.line,
        what,
        expected,
    })
}

fn check(
    node: &Node,
    value: Option<Option<String>>,
    key: &'static str,
    expected: &'static str,
) -> Result<(), DocumentError> {
    match string(node, value, key)?.as_str() {
        "" => Ok(()),
        text if text == expected => Ok(()),
        _ => Err(DocumentError::NotKubeconfig { line: node.line, key, expected }),
    }
}
