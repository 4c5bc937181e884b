//! Text from values, in which every string is quoted.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::scalar::{Scalar, resolve_plain};
use crate::text::is_hidden;

/// How block-style text is laid out.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'n> {
    /// Columns by which a mapping inside a mapping is indented.
    pub(crate) unit: usize,
    /// The line break.
    pub(crate) newline: &'n str,
}

/// Whether a value takes lines of its own.
pub(crate) fn is_block(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    }
}

impl Layout<'_> {
    /// Writes a collection at `column`; the first line is already indented, and the last one ends
    /// with a line break.
    pub(crate) fn block(self, out: &mut String, value: &Value, column: usize) {
        let mut first = true;
        let mut start = |out: &mut String| {
            if !first {
                spaces(out, column);
            }
            first = false;
        };
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    start(out);
                    self.key(out, key, column);
                    self.value(out, value, column);
                }
            }
            Value::Array(items) => {
                for item in items {
                    start(out);
                    out.push_str("- ");
                    if is_block(item) {
                        self.block(out, item, column + 2);
                    } else {
                        flow(out, item, Escapes::Yaml);
                        out.push_str(self.newline);
                    }
                }
            }
            _ => {}
        }
    }

    /// Writes what follows a key at `column`, with the line break.
    pub(crate) fn value(self, out: &mut String, value: &Value, column: usize) {
        if is_block(value) {
            let column = if value.is_object() { column + self.unit } else { column };
            out.push_str(self.newline);
            spaces(out, column);
            self.block(out, value, column);
        } else {
            out.push(' ');
            flow(out, value, Escapes::Yaml);
            out.push_str(self.newline);
        }
    }

    /// Writes a key with its colon. YAML bounds the length of keys that it recognizes by the colon
    /// alone, so longer ones are announced.
    fn key(self, out: &mut String, key: &str, column: usize) {
        let mut text = String::new();
        if is_plain_key(key) {
            text.push_str(key);
        } else {
            quote(&mut text, key, Escapes::Yaml);
        }
        if text.chars().count() > 1000 {
            let _ = write!(out, "? {text}{}", self.newline);
            spaces(out, column);
        } else {
            out.push_str(&text);
        }
        out.push(':');
    }
}

pub(crate) fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        && matches!(resolve_plain(key.into()), Scalar::Text(_))
}

/// Which escapes a quoted string may hold.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Escapes {
    /// Those that JSON and YAML share. Above U+FFFF there is none: kubectl refuses JSON's
    /// surrogate pairs, so such characters stay as they are.
    Json,
    /// YAML's.
    Yaml,
}

/// Writes a value on one line.
pub(crate) fn flow(out: &mut String, value: &Value, escapes: Escapes) {
    match value {
        Value::String(text) => quote(out, text, escapes),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                flow(out, item, escapes);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                quote(out, key, escapes);
                out.push_str(": ");
                flow(out, value, escapes);
            }
            out.push('}');
        }
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match whole(number) {
            Some(digits) => out.push_str(&digits),
            None if cfg!(feature = "fractions") => {
                let _ = write!(out, "{number}");
            }
            None => {}
        },
    }
}

/// Writes a string in double quotes. What does not show, or changes the order in which text shows,
/// is escaped.
pub(crate) fn quote(out: &mut String, text: &str, escapes: Escapes) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) && c <= '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if is_hidden(c) && escapes == Escapes::Yaml => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The digits of a number without fraction.
pub(super) fn whole(number: &Number) -> Option<String> {
    let unsigned = number.as_u64().map(|number| number.to_string());
    unsigned.or_else(|| number.as_i64().map(|number| number.to_string()))
}
