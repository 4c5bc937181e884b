//! YAML as kubectl reads it, to and from JSON values.
//!
//! kubectl reads YAML 1.1: plain `y`, `on`, `0x1F` and `1_000` are no strings there. Which scalar
//! becomes what follows `goyaml.v2/resolve.go` and `decode.go` of `sigs.k8s.io/yaml`, the library
//! under every kubectl; the syntax itself is granit-parser's.
//!
//! - `characters`: what is refused before the parser sees the text.
//! - `events`: the parser's events with their places; `regular` finds them faster in most files.
//! - `scalar`: what a scalar stands for.
//! - `read`: values from events.
//! - `write`: text from values.

mod characters;
mod error;
mod events;
mod read;
mod regular;
mod scalar;
mod write;

use std::ops::Range;

use granit_parser::{Event, Span, StructureStyle};
use serde_json::{Map, Value};

pub(crate) use self::error::MAX_DEPTH;
pub use self::error::YamlError;
pub(crate) use self::events::Events;
use self::read::{Duplicates, ValueReader};
pub(crate) use self::scalar::{Scalar, is_merge, resolve};
pub(crate) use self::write::{Escapes, Layout, flow, is_block, quote, spaces};

/// The one document of a text as a JSON value; `null` when there is none.
///
/// # Errors
/// When the text is not YAML, has several documents, holds a key twice, or expands too much.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    let mut reader = ValueReader::new(text, Events::new(text)?, Duplicates::Refuse);
    let value = reader.document()?.unwrap_or(Value::Null);
    match reader.events.peek_document()? {
        None => Ok(value),
        Some(mark) => Err(YamlError::at(&mark, "a second document starts here")),
    }
}

/// All documents of a text as JSON values.
///
/// # Errors
/// When the text is not YAML, holds a key twice, or expands too much.
pub fn parse_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut reader = ValueReader::new(text, Events::new(text)?, Duplicates::Refuse);
    let mut values = Vec::new();
    while let Some(value) = reader.document()? {
        values.push(value);
    }
    Ok(values)
}

/// Whether a value is another's, by an alias. Where not all of YAML is read, no alias is.
#[cfg(feature = "whole-yaml")]
pub(crate) fn has_alias(text: &str) -> bool {
    let mut events = granit_parser::Parser::new_from_str(text);
    events.any(|event| matches!(event, Ok((Event::Alias(..), _))))
}

#[cfg(not(feature = "whole-yaml"))]
pub(crate) fn has_alias(_: &str) -> bool {
    false
}

/// The first document, the way kubectl takes a kubeconfig: what follows it goes unread, and of a
/// key that appears twice the last one counts.
pub(crate) fn parse_first_leniently(text: &str) -> Result<Value, YamlError> {
    let reader = |events| ValueReader::new(text, events, Duplicates::LastWins);
    let document = match reader(Events::regular(text)).document() {
        Ok(document) => document,
        Err(_) => reader(Events::new(text)?).document()?,
    };
    Ok(document.unwrap_or(Value::Null))
}

/// The outermost mapping of a regular text. The items of the lists that `lists` names are not in it:
/// each is handed to `item` with the lines that it stands on, which make the same item when read
/// alone. Nothing when the text is not regular, or `item` says no.
pub(crate) fn by_items(
    text: &str,
    lists: &[&str],
    mut item: impl FnMut(&str, Value, Range<usize>) -> bool,
) -> Option<Map<String, Value>> {
    let mut reader = ValueReader::new(text, Events::regular(text), Duplicates::Refuse);
    let line = |span: &Span| span.start.byte_offset()?.checked_sub(span.start.col());
    reader.events.peek_document().ok()??;
    let (Event::MappingStart(..), _) = reader.events.next().ok()? else { return None };
    let mut map = Map::new();
    loop {
        let event = reader.events.next().ok()?;
        if event.0 == Event::MappingEnd {
            // The text's end, so nothing in it is irregular.
            return reader.events.next().is_ok().then_some(map);
        }
        let key = reader.node(event, 1).ok().and_then(|key| read::key_text(key).ok())?;
        let event = reader.events.next().ok()?;
        let listed = lists.contains(&key.as_str());
        let value = if listed && matches!(event.0, Event::SequenceStart(StructureStyle::Block, ..))
        {
            let mut next = reader.events.next().ok()?;
            while next.0 != Event::SequenceEnd {
                let start = line(&next.1)?;
                let value = reader.node(next, 2).ok()?;
                next = reader.events.next().ok()?;
                if !item(&key, value, start..line(&next.1)?) {
                    return None;
                }
            }
            Value::Array(Vec::new())
        } else {
            reader.node(event, 1).ok()?
        };
        if map.insert(key, value).is_some() {
            return None;
        }
    }
}

/// A JSON object of these fields. (The macro of serde_json copies each value by way of a serializer,
/// which would cost the page 1 KB.)
pub(crate) fn object<'f>(fields: impl IntoIterator<Item = (&'f str, Value)>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(fields.collect())
}

/// A value as block-style YAML in which every string is quoted.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    let layout = Layout { unit: 2, newline: "\n" };
    if is_block(value) {
        layout.block(&mut out, value, 0);
    } else {
        flow(&mut out, value, Escapes::Yaml);
        out.push('\n');
    }
    out
}
