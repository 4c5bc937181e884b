//! Values from events, as `goyaml.v2/decode.go` makes them.

use granit_parser::{Event, Span};
use serde_json::{Map, Number, Value};

use super::error::{MAX_DEPTH, YamlError};
use super::events::Events;
use super::scalar::{is_merge, resolve};
use super::write::whole;

/// What aliases may add to a text's own weight, in bytes.
const ALIAS_ALLOWANCE: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Duplicates {
    Refuse,
    LastWins,
}

/// Builds values from events.
pub(super) struct ValueReader<'t> {
    pub(super) events: Events<'t>,
    duplicates: Duplicates,
    /// What anchors stand for, by their numbers. (Another kind of map would cost the page 2 KB.)
    anchors: Map<String, Value>,
    allowance: usize,
}

impl<'t> ValueReader<'t> {
    pub(super) fn new(text: &str, events: Events<'t>, duplicates: Duplicates) -> Self {
        ValueReader {
            events,
            duplicates,
            anchors: Map::new(),
            allowance: ALIAS_ALLOWANCE.saturating_add(text.len().saturating_mul(4)),
        }
    }

    pub(super) fn document(&mut self) -> Result<Option<Value>, YamlError> {
        if self.events.peek_document()?.is_none() {
            return Ok(None);
        }
        self.anchors.clear();
        let first = self.events.next()?;
        let value = self.node(first, 0)?;
        self.events.next()?;
        Ok(Some(value))
    }

    pub(super) fn node(
        &mut self,
        (event, span): (Event<'t>, Span),
        depth: usize,
    ) -> Result<Value, YamlError> {
        let fail = |problem| YamlError::at(&span.start, problem);
        if depth > MAX_DEPTH {
            return Err(fail("nested too deeply"));
        }
        let (value, id) = match event {
            Event::Scalar(text, style, id, tag) => {
                let scalar = resolve(text, style, tag.as_deref()).map_err(fail)?;
                self.events.anchor(id)?;
                (scalar.into_value().map_err(fail)?, id)
            }
            Event::SequenceStart(_, id, _) => {
                self.events.anchor(id)?;
                let mut items = Vec::new();
                loop {
                    match self.events.next()? {
                        (Event::SequenceEnd, _) => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                (Value::Array(items), id)
            }
            Event::MappingStart(_, id, _) => {
                self.events.anchor(id)?;
                (Value::Object(self.mapping(depth)?), id)
            }
            Event::Alias(id) => {
                let value = self.anchors.get(&id.to_string());
                let value = value.ok_or_else(|| fail("an alias for what it is part of"))?;
                spend(&mut self.allowance, value).map_err(fail)?;
                (value.clone(), 0)
            }
            _ => return Err(fail("not valid YAML")),
        };
        if id != 0 {
            spend(&mut self.allowance, &value).map_err(fail)?;
            self.anchors.insert(id.to_string(), value.clone());
        }
        Ok(value)
    }

    fn mapping(&mut self, depth: usize) -> Result<Map<String, Value>, YamlError> {
        let mut map = Map::new();
        // Keys that only a merge has set so far: they may come once more.
        let mut merged = Map::new();
        loop {
            let (event, span) = self.events.next()?;
            let fail = |problem| YamlError::at(&span.start, problem);
            let key = match event {
                Event::MappingEnd => return Ok(map),
                Event::Scalar(ref text, style, id, ref tag)
                    if is_merge(text, style, tag.as_deref()) =>
                {
                    self.events.anchor(id)?;
                    self.merge(&mut map, &mut merged, depth)?;
                    continue;
                }
                event => self
                    .node((event, span), depth + 1)
                    .and_then(|key| key_text(key).map_err(fail))?,
            };
            let value = self.events.next()?;
            let value = self.node(value, depth + 1)?;
            let again = merged.remove(&key).is_some();
            if map.insert(key, value).is_some() && !again && self.duplicates == Duplicates::Refuse {
                return Err(fail("a key that appears twice"));
            }
        }
    }

    /// In the order of the text, as there: a merge after a key replaces its value.
    fn merge(
        &mut self,
        map: &mut Map<String, Value>,
        merged: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), YamlError> {
        let event = self.events.next()?;
        let mark = event.1.start;
        let sources = match self.node(event, depth + 1)? {
            Value::Object(source) => vec![Value::Object(source)],
            Value::Array(sources) => sources,
            _ => vec![Value::Null],
        };
        for source in sources.into_iter().rev() {
            let Value::Object(source) = source else {
                return Err(YamlError::at(&mark, "a merge of something that is not a mapping"));
            };
            for (key, value) in source {
                merged.insert(key.clone(), Value::Null);
                map.insert(key, value);
            }
        }
        Ok(())
    }
}

/// A key has to be a scalar, and becomes a string.
pub(super) fn key_text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(if value { "true" } else { "false" }.to_owned()),
        Value::Number(number) => Ok(whole(&number).unwrap_or_else(|| float_key(&number))),
        _ => Err("a key that is not a string"),
    }
}

/// Go's `FormatFloat(value, 'g', -1, 32)`.
fn float_key(number: &Number) -> String {
    if cfg!(not(feature = "fractions")) {
        return String::new();
    }
    let value = number.as_f64().unwrap_or_default() as f32;
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn spend(allowance: &mut usize, value: &Value) -> Result<(), &'static str> {
    *allowance = allowance
        .checked_sub(weight(value))
        .ok_or("aliases that would make the text many times as large")?;
    Ok(())
}

fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        _ => 0,
    };
    inside + 32
}
