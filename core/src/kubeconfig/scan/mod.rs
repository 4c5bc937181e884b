//! The one pass over a kubeconfig's events that finds the places of its entries.
//!
//! - `list`: the lists and their entries.
//! - `node`: everything else, and the places between events.

mod list;
mod node;

use crate::text::sorted::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::{Event, Span, StructureStyle};

use super::Kind;
use super::digest::{self, Digest};
use super::document::{Content, Current, Document, DocumentError, Node, Root, Shape};
use crate::encoding::yaml::{self, Events};

impl<'t> Document<'t> {
    /// Finds the entries in one pass over the text.
    ///
    /// # Errors
    /// When kubectl could not read the text either, or would read less than all of it, and when a
    /// key or a name appears twice.
    pub fn parse(text: &'t str) -> Result<Self, DocumentError> {
        // What is wrong is the parser's to say.
        Scan::new(text, Events::regular(text))
            .document()
            .or_else(|_| Scan::new(text, Events::new(text)?).document())
    }
}

/// What an anchor stands for.
struct Anchor {
    place: Range<usize>,
    digest: Digest,
    text: Text,
}

/// The string of a scalar, nothing inside when it is null.
type Text = Option<Option<String>>;

/// A key of a mapping.
struct Key {
    node: Node,
    /// The string that it is.
    text: Option<String>,
    /// Where its colon ends.
    colon: usize,
    /// Whether it merges other mappings into this one.
    merges: bool,
}

/// One pass over a text.
struct Scan<'t> {
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
    fn new(text: &'t str, events: Events<'t>) -> Self {
        Scan {
            text,
            events,
            anchors: BTreeMap::new(),
            aliases: Vec::new(),
            end: 0,
            open_scalar: None,
        }
    }

    fn document(mut self) -> Result<Document<'t>, DocumentError> {
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
                    return Err(must_be(&node, "the document", "a mapping"));
                }
                document.content = match node.shape {
                    Shape::Empty if !node.has_props() => Content::Marker(floor),
                    _ => Content::Null(node.line),
                };
            }
        }
        self.events.next()?;
        if let Some(mark) = self.events.peek_document()? {
            let problem = "a second document starts here".to_owned();
            return Err(DocumentError::Misfit(mark.line(), problem));
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
        let mut rest = digest::Collection::mapping();
        let mut keys = BTreeSet::new();
        while let Some(key) = self.key(style, 1)? {
            if key.merges {
                merge = Some(key.node.line);
            }
            last_key = Some(key.node.start);
            let text = &key.text;
            if text.as_ref().is_some_and(|text| !keys.insert(text.clone())) {
                return Err(twice(&key.node));
            }
            let kind = Kind::ALL.into_iter().find(|kind| Some(kind.section()) == text.as_deref());
            match (kind, text.as_deref()) {
                (Some(kind), _) => {
                    let section = self.section(kind, key.node.start, key.colon)?;
                    document.sections[kind.index()] = Some(section);
                }
                (None, Some("current-context")) => {
                    let (node, value) = self.value(&key, 1)?;
                    let value = string(&node, value, "current-context")?;
                    document.current = Some(Current { colon: key.colon, node, value });
                }
                (None, name) => {
                    let (node, value) = self.value(&key, 1)?;
                    match name {
                        Some("apiVersion") => check(&node, value, "apiVersion", "v1")?,
                        Some("kind") => check(&node, value, "kind", "Config")?,
                        _ => {}
                    }
                    rest.pair(key.node.digest, node.digest);
                }
            }
            last = self.end;
        }
        let end = self.end;
        document.rest = rest.finish();
        let shape = Shape::of(style, false, last_key.is_none());
        // Anchor and tag of the whole are of no interest but for their being there.
        let before = if id != 0 || has_tag { 0 } else { start };
        let line = span.start.line();
        let node = Node { shape, line, start: before, content: start, end, digest: document.rest };
        Ok(Root { node, last, last_key, merge })
    }
}

fn is_merge(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, style, _, tag) if yaml::is_merge(text, *style, tag.as_deref()))
}

fn must_be(node: &Node, what: &str, expected: &str) -> DocumentError {
    DocumentError::Misfit(node.line, format!("{what} must be {expected}"))
}

fn twice(key: &Node) -> DocumentError {
    DocumentError::Misfit(key.line, "a key that appears twice".to_owned())
}

fn string(node: &Node, value: Option<Option<String>>, what: &str) -> Result<String, DocumentError> {
    value.map(Option::unwrap_or_default).ok_or_else(|| must_be(node, what, "a string"))
}

fn check(node: &Node, value: Text, key: &str, expected: &str) -> Result<(), DocumentError> {
    match string(node, value, key)?.as_str() {
        "" => Ok(()),
        text if text == expected => Ok(()),
        _ => {
            let problem = format!("{key} is not {expected}, so this is not a kubeconfig");
            Err(DocumentError::Misfit(node.line, problem))
        }
    }
}
