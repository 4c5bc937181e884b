//! A text with names in place of its long base64 values, for readers that look at every character.
//!
//! Nearly all of a large kubeconfig is certificates and keys, each on its key's line. What they are
//! does not matter to the file's structure, so it is found on the short text. That is sound only if
//! every name comes back as one whole string, once and in order; whoever reads the short text checks
//! that, and otherwise reads the full one.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Span};
use serde_json::Value;

use crate::yaml::{self, Events, YamlError};

/// What the names start with.
const NAME: &str = "shortened-base64-";
/// The shortest value that is worth a name.
const LONG: usize = 256;
/// How far into its line a value may start.
const KEY: usize = 128;

/// A value that has given way to a name.
struct Cut {
    /// The name's place in the short text.
    short: Range<usize>,
    /// The value's place in the full text.
    full: Range<usize>,
}

/// A text without its long values.
pub(super) struct Short<'t> {
    full: &'t str,
    text: String,
    cuts: Vec<Cut>,
}

impl<'t> Short<'t> {
    /// Nothing when it would not be any shorter.
    pub(super) fn of(full: &'t str) -> Option<Self> {
        let mut short = Short { full, text: String::new(), cuts: Vec::new() };
        let (mut line_start, mut copied) = (0, 0);
        for line in full.split_inclusive('\n') {
            if let Some(value) = long_value(line) {
                let value = line_start + value.start..line_start + value.end;
                short.text.push_str(&full[copied..value.start]);
                let at = short.text.len();
                short.text.push_str(NAME);
                short.text.push_str(&short.cuts.len().to_string());
                copied = value.end;
                short.cuts.push(Cut { short: at..short.text.len(), full: value });
            }
            line_start += line.len();
        }
        short.text.push_str(&full[copied..]);
        let unmistakable = short.text.matches(NAME).count() == short.cuts.len();
        (!short.cuts.is_empty() && unmistakable).then_some(short)
    }

    /// The value that a string is the name of.
    fn value(&self, name: &str) -> Option<(usize, &'t str)> {
        let number: usize = name.strip_prefix(NAME)?.parse().ok()?;
        let cut = self.cuts.get(number)?;
        Some((number, &self.full[cut.full.clone()]))
    }

    /// Puts the values back, given how many came before; false when that is not possible.
    fn restore(&self, value: &mut Value, count: &mut usize) -> bool {
        match value {
            Value::String(text) => {
                if let Some((number, full)) = self.value(text) {
                    if number != *count {
                        return false;
                    }
                    *count += 1;
                    full.clone_into(text);
                }
                true
            }
            Value::Array(items) => items.iter_mut().all(|item| self.restore(item, count)),
            Value::Object(map) => map.values_mut().all(|item| self.restore(item, count)),
            _ => true,
        }
    }
}

/// Where the value is on a line `key: value` or `"key": "value",` whose value is long, base64 and
/// nothing else: above all no number.
fn long_value(line: &str) -> Option<Range<usize>> {
    if line.len() < LONG {
        return None;
    }
    let bytes = line.as_bytes();
    let colon = bytes.get(..KEY)?.windows(2).position(|pair| pair == b": ")?;
    let rest = line.get(colon + 2..)?.trim_end_matches(['\n', '\r']);
    let (start, value) = match rest.strip_prefix('"') {
        Some(quoted) => (colon + 3, quoted.strip_suffix(',').unwrap_or(quoted).strip_suffix('"')?),
        None => (colon + 2, rest),
    };
    let letter = value.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let fits = value.len() >= LONG && letter && is_base64(value.trim_end_matches('='));
    fits.then_some(start..start + value.len())
}

/// Whether there is nothing but base64's characters, padding aside.
pub(super) fn is_base64(text: &str) -> bool {
    // Without branches, so that many bytes are looked at at once.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/');
    text.as_bytes().chunks(256).all(|block| block.iter().fold(true, |all, byte| all & fits(*byte)))
}

/// [`yaml::parse_first_leniently`].
pub(super) fn parse_first_leniently(text: &str) -> Result<Value, YamlError> {
    if let Some(short) = Short::of(text)
        && let Ok(mut value) = yaml::parse_first_leniently(&short.text)
    {
        let mut count = 0;
        if short.restore(&mut value, &mut count) && count == short.cuts.len() {
            return Ok(value);
        }
    }
    yaml::parse_first_leniently(text)
}

/// The events of a text, with its values and places, whether it has been shortened or not.
pub(super) struct Source<'s> {
    events: Events<'s>,
    short: Option<&'s Short<'s>>,
    /// How many values were put back.
    count: usize,
}

impl<'s> Source<'s> {
    pub(super) fn full(text: &'s str) -> Result<Self, YamlError> {
        Ok(Source { events: Events::new(text)?, short: None, count: 0 })
    }

    pub(super) fn short(short: &'s Short<'s>) -> Result<Self, YamlError> {
        Ok(Source { events: Events::new(&short.text)?, short: Some(short), count: 0 })
    }

    /// Whether all values were put back.
    pub(super) fn is_whole(&self) -> bool {
        self.short.is_none_or(|short| short.cuts.len() == self.count)
    }

    /// As [`Events::next`].
    pub(super) fn next(&mut self) -> Result<(Event<'s>, Span), YamlError> {
        let (event, span) = self.events.next()?;
        match (event, self.short) {
            (Event::Scalar(text, style, id, tag), Some(short)) => {
                let text = match short.value(&text) {
                    Some((number, value)) if number == self.count => {
                        self.count += 1;
                        Cow::Borrowed(value)
                    }
                    _ => text,
                };
                Ok((Event::Scalar(text, style, id, tag), span))
            }
            (event, _) => Ok((event, span)),
        }
    }

    /// As [`Events::anchor`].
    pub(super) fn anchor(&mut self, id: usize) -> Result<Option<Span>, YamlError> {
        self.events.anchor(id)
    }

    /// As [`Events::peek_document`].
    pub(super) fn peek_document(&mut self) -> Result<Option<granit_parser::Marker>, YamlError> {
        self.events.peek_document()
    }

    /// A place in the full text, from one that an event gave.
    pub(super) fn place(&self, at: usize) -> usize {
        let cuts = self.short.map_or(&[][..], |short| &short.cuts);
        // Nearly always the value that was put back last is the one before.
        let near = self.count.saturating_sub(1);
        let is_next = |cut: &Cut| cut.short.start > at;
        let before = if cuts.get(near).is_some_and(|cut| !is_next(cut))
            && cuts.get(near + 1).is_none_or(is_next)
        {
            Some(near)
        } else {
            cuts.partition_point(|cut| !is_next(cut)).checked_sub(1)
        };
        match before.and_then(|before| cuts.get(before)) {
            None => at,
            Some(cut) if at < cut.short.end => cut.full.start + (at - cut.short.start),
            Some(cut) => cut.full.end + (at - cut.short.end),
        }
    }
}
