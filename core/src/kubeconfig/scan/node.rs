//! Any node, and the places that lie between events.

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::{Anchor, Key, Scan, Spanned, Text, is_merge};
use crate::encoding::yaml::{self, Scalar, YamlError};
use crate::kubeconfig::digest::{self, Digest};
use crate::kubeconfig::document::{DocumentError, Node, Shape, trimmed};

impl<'t> Scan<'t> {
    /// Passes over a node. `floor` is where its key's colon or its dash ends. For scalars also
    /// returns the string that it is, or nothing inside when it is null.
    pub(super) fn node(
        &mut self,
        (event, span): Spanned<'t>,
        floor: usize,
        depth: usize,
    ) -> Result<(Node, Text), DocumentError> {
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
                let (mut items, mut empty) = (digest::Collection::list(), true);
                while let Some(event) = self.item(style)? {
                    empty = false;
                    items.item(self.node(event, 0, depth + 1)?.0.digest);
                }
                let digest = items.finish();
                let start = self.with_props(content, anchor, tag.is_some(), &span);
                self.define(id, start, digest, None);
                let shape = Shape::of(style, true, empty);
                return Ok((Node { shape, line, start, content, end: self.end, digest }, None));
            }
            Event::MappingStart(style, id, tag) => {
                let anchor = self.events.anchor(id)?;
                let (mut pairs, mut empty) = (digest::Collection::mapping(), true);
                while let Some(key) = self.key(style, depth + 1)? {
                    empty = false;
                    let value = self.value(&key, depth + 1)?.0;
                    pairs.pair(key.node.digest, value.digest);
                }
                let digest = pairs.finish();
                let start = self.with_props(content, anchor, tag.is_some(), &span);
                self.define(id, start, digest, None);
                let shape = Shape::of(style, false, empty);
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

    /// The next item of a list; nothing at its end.
    pub(super) fn item(
        &mut self,
        style: StructureStyle,
    ) -> Result<Option<Spanned<'t>>, DocumentError> {
        match self.events.next()? {
            (Event::SequenceEnd | Event::MappingEnd, span) => {
                // In block style it ends where its last content does.
                if style == StructureStyle::Flow {
                    self.end = self.end_of_span(&span);
                }
                Ok(None)
            }
            event => Ok(Some(event)),
        }
    }

    /// The next key of a mapping; nothing at its end.
    pub(super) fn key(
        &mut self,
        style: StructureStyle,
        depth: usize,
    ) -> Result<Option<Key>, DocumentError> {
        let Some(event) = self.item(style)? else { return Ok(None) };
        let merges = is_merge(&event.0);
        let (node, text) = self.node(event, 0, depth)?;
        let colon = self.colon(node.end);
        Ok(Some(Key { node, text: text.flatten(), colon, merges }))
    }

    /// What follows a key.
    pub(super) fn value(&mut self, key: &Key, depth: usize) -> Result<(Node, Text), DocumentError> {
        let event = self.events.next()?;
        self.node(event, key.colon, depth)
    }

    pub(super) fn with_props(
        &self,
        content: usize,
        anchor: Option<Span>,
        tag: bool,
        span: &Span,
    ) -> usize {
        let tag = if tag { span.tag_span() } else { None };
        [anchor, tag].iter().flatten().map(|span| self.start_of(span)).fold(content, usize::min)
    }

    pub(super) fn define(&mut self, id: usize, at: usize, digest: Digest, text: Text) {
        if id != 0 {
            self.anchors.insert(id, Anchor { place: at..self.end, digest, text });
        }
    }

    pub(super) fn start_of(&self, span: &Span) -> usize {
        span.byte_range().map_or(0, |range| range.start)
    }

    pub(super) fn end_of_span(&self, span: &Span) -> usize {
        span.byte_range().map_or(0, |range| range.end)
    }

    /// The next byte from `at` on that is neither white space nor comment.
    pub(super) fn token(&self, at: usize) -> usize {
        next_token(self.text, at)
    }

    /// Behind the colon that follows a key, or behind the key when there is none.
    fn colon(&self, key_end: usize) -> usize {
        let at = self.token(key_end);
        if self.text.as_bytes().get(at) == Some(&b':') { at + 1 } else { key_end }
    }

    pub(super) fn trimmed(&self, end: usize) -> usize {
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
