//! YAML as kubectl reads it, to and from JSON values.
//!
//! kubectl reads YAML 1.1: plain `y`, `on`, `0x1F` and `1_000` are no strings there. Which scalar
//! becomes what follows `goyaml.v2/resolve.go` and `decode.go` of `sigs.k8s.io/yaml`, the library
//! under every kubectl; the syntax itself is granit-parser's.

mod regular;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag,
};
use serde_json::{Map, Number, Value};

use self::regular::Regular;

/// How deep collections may nest.
pub(crate) const MAX_DEPTH: usize = 100;

/// What aliases may add to a text's own weight, in bytes.
const ALIAS_ALLOWANCE: usize = 4 << 20;

const CORE_TAGS: &str = "tag:yaml.org,2002:";

/// What is wrong with a text, and where. Never holds any of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct YamlError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

impl YamlError {
    pub(crate) fn at(mark: &Marker, problem: &'static str) -> Self {
        YamlError { line: mark.line(), column: mark.col() + 1, problem }
    }
}

/// The one document of a text as a JSON value; `null` when there is none.
///
/// # Errors
/// When the text is no YAML, has several documents, holds a key twice, or expands too much.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader::new(text, Events::new(text)?, Duplicates::Refuse);
    let value = reader.document()?.unwrap_or(Value::Null);
    match reader.events.peek_document()? {
        None => Ok(value),
        Some(mark) => Err(YamlError::at(&mark, "a second document starts here")),
    }
}

/// All documents of a text as JSON values.
///
/// # Errors
/// When the text is no YAML, holds a key twice, or expands too much.
pub fn parse_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut reader = Reader::new(text, Events::new(text)?, Duplicates::Refuse);
    let mut values = Vec::new();
    while let Some(value) = reader.document()? {
        values.push(value);
    }
    Ok(values)
}

/// The first document, the way kubectl takes a kubeconfig: what follows it goes unread, and of a
/// key that is there twice the last one counts.
pub(crate) fn parse_first_leniently(text: &str) -> Result<Value, YamlError> {
    let reader = |events| Reader::new(text, events, Duplicates::LastWins);
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
    let mut reader = Reader::new(text, Events::regular(text), Duplicates::Refuse);
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
        let key = reader.node(event, 1).ok().and_then(|key| key_text(key).ok())?;
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

/// A value as block-style YAML in which every string is quoted.
#[must_use]
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

/// The parser's events with positions, without what carries no content.
pub(crate) struct Events<'t> {
    source: Source<'t>,
}

enum Source<'t> {
    Parser(Box<Parser<'t, StrInput<'t>>>),
    Regular(Regular<'t>),
}

impl<'t> Events<'t> {
    pub(crate) fn new(text: &'t str) -> Result<Self, YamlError> {
        check_characters(text)?;
        let mut options = granit_parser::options! {
            emit_anchor_events: true,
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        options.set_emit_comments(false);
        let parser = Box::new(Parser::new_from_str_with_options(text, options));
        Ok(Events { source: Source::Parser(parser) })
    }

    /// The same events, found faster, until an error says that the text is not regular; it says
    /// nothing else.
    pub(crate) fn regular(text: &'t str) -> Self {
        Events { source: Source::Regular(Regular::new(text)) }
    }

    /// The next event; `StreamEnd` from the end on.
    pub(crate) fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        let parser = match &mut self.source {
            Source::Parser(parser) => parser,
            Source::Regular(regular) => {
                return regular.next().ok_or(YamlError { line: 0, column: 0, problem: "" });
            }
        };
        match parser.next_event() {
            Some(Ok((Event::StreamStart, _))) => self.next(),
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError::at(error.marker(), describe(error.kind()))),
            None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 0, 0)))),
        }
    }

    /// The anchor's place, when the node of the last event has one.
    pub(crate) fn anchor(&mut self, id: usize) -> Result<Option<Span>, YamlError> {
        if id == 0 {
            return Ok(None);
        }
        self.next().map(|(_, span)| Some(span))
    }

    /// Goes to the next document and says where it starts.
    pub(crate) fn peek_document(&mut self) -> Result<Option<Marker>, YamlError> {
        match self.next()? {
            (Event::DocumentStart(_, version), span) => {
                if version.is_some_and(|version| (version.major, version.minor) != (1, 1)) {
                    return Err(YamlError::at(&span.start, "kubectl reads YAML 1.1 only"));
                }
                Ok(Some(span.start))
            }
            _ => Ok(None),
        }
    }
}

/// Characters that kubectl's reader refuses, and line breaks that YAML 1.1 has and 1.2 has not:
/// what is a comment to one reader would be content to another.
fn check_characters(text: &str) -> Result<(), YamlError> {
    // Bytes that are, or start, such a character; looked for in blocks, since files are large and
    // have none of them.
    let suspicious = |byte: u8| {
        (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
            || matches!(byte, 0x7f | 0xc2 | 0xe2 | 0xef)
    };
    let blocks = text.as_bytes().chunks(256).enumerate();
    let found = blocks
        .filter(|(_, block)| block.iter().fold(false, |found, byte| found | suspicious(*byte)))
        .flat_map(|(number, block)| (number * 256..).zip(block))
        .filter(|(_, byte)| suspicious(**byte));
    for (at, _) in found {
        let problem = match text[at..].chars().next() {
            Some('\u{85}' | '\u{2028}' | '\u{2029}') => {
                "a character that is a line break to some YAML readers only"
            }
            Some('\u{feff}') if at > 0 => "a byte order mark in the middle of the text",
            Some('\u{0}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') => "a control character",
            _ => continue,
        };
        let before = &text[..at];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        return Err(YamlError { line, column, problem });
    }
    Ok(())
}

/// The parser's own texts are many, and one of them quotes the input.
fn describe(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownAnchor => "an alias for which there is no anchor before it",
        ErrorKind::RecursionLimitExceeded => "nested too deeply",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "a tab where YAML allows none",
        ErrorKind::InvalidIndentation
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidFlowScalarIndent => "the indentation does not fit",
        ErrorKind::UnclosedQuotedScalar => "a quoted string that does not end",
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate => "an escape that YAML does not know",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => "a bracket without its counterpart",
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            "a comma or closing bracket is missing"
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => "a key with a colon is missing",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "a colon where none can stand"
        }
        _ => "not valid YAML",
    }
}

/// A scalar once it is known what it stands for.
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

/// What a scalar stands for.
pub(crate) fn resolve<'a>(
    text: Cow<'a, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Scalar<'a>, &'static str> {
    let plain = style == ScalarStyle::Plain;
    let Some(tag) = tag else {
        return Ok(if plain { resolve_plain(text) } else { Scalar::Text(text) });
    };
    let Some(core) = tag.suffix_in_namespace(CORE_TAGS) else {
        return Ok(Scalar::Text(text));
    };
    match core.as_ref() {
        "str" | "timestamp" => Ok(Scalar::Text(text)),
        "binary" => {
            let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = STANDARD.decode(text).map_err(|_| "!!binary without valid base64")?;
            Ok(Scalar::Text(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())))
        }
        "null" | "bool" | "int" | "float" => match (core.as_ref(), resolve_plain(text)) {
            ("float", Scalar::Int(int)) => Ok(Scalar::Float(int as f64)),
            ("float", Scalar::Uint(int)) => Ok(Scalar::Float(int as f64)),
            ("null", value @ Scalar::Null)
            | ("bool", value @ Scalar::Bool(_))
            | ("int", value @ (Scalar::Int(_) | Scalar::Uint(_)))
            | ("float", value @ Scalar::Float(_)) => Ok(value),
            _ => Err("a tag that does not fit its value"),
        },
        _ => Ok(Scalar::Text(text)),
    }
}

fn resolve_plain(text: Cow<'_, str>) -> Scalar<'_> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => fraction(&text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits: Cow<'_, str> = if text.contains('_') {
                text.replace('_', "").into()
            } else {
                text.as_ref().into()
            };
            integer(&digits).or_else(|| float(&digits)).or_else(|| signed_binary(&digits))
        }
        _ => None,
    };
    number.unwrap_or(Scalar::Text(text))
}

/// Go's `ParseInt` and `ParseUint` with base 0.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let (sign, rest) = match text.as_bytes().first()? {
        sign @ (b'+' | b'-') => (Some(*sign), &text[1..]),
        _ => (None, text),
    };
    let (base, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &rest[2..]),
        [b'0', b'b' | b'B', ..] => (2, &rest[2..]),
        [b'0', b'o' | b'O', ..] => (8, &rest[2..]),
        [b'0', _, ..] => (8, &rest[1..]),
        _ => (10, rest),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    match (sign, i64::try_from(size)) {
        (Some(b'-'), _) => 0i64.checked_sub_unsigned(size).map(Scalar::Int),
        (_, Ok(int)) => Some(Scalar::Int(int)),
        (None, Err(_)) => Some(Scalar::Uint(size)),
        (Some(_), Err(_)) => None,
    }
}

fn signed_binary(text: &str) -> Option<Scalar<'static>> {
    i64::from_str_radix(text.strip_prefix("0b")?, 2).ok().map(Scalar::Int)
}

/// Go's `ParseFloat`, which lets underscores stand between digits.
fn fraction(text: &str) -> Option<Scalar<'static>> {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let mut underscores = text.match_indices('_').map(|(at, _)| at);
    underscores
        .all(|at| digit(bytes.get(at.wrapping_sub(1))) && digit(bytes.get(at + 1)))
        .then(|| float(&text.replace('_', "")))?
}

/// Digits with at most one point and at least one digit, and an exponent if need be.
fn float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
        }
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if well_formed { fractional(text) } else { None }
}

/// Without the feature `fractions` such a number stays text.
fn fractional(text: &str) -> Option<Scalar<'static>> {
    if cfg!(not(feature = "fractions")) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite()).map(Scalar::Float)
}

impl Scalar<'_> {
    fn into_value(self) -> Result<Value, &'static str> {
        Ok(match self {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => value.into(),
            Scalar::Uint(value) => value.into(),
            Scalar::Float(value) => Some(value)
                .filter(|_| cfg!(feature = "fractions"))
                .and_then(Number::from_f64)
                .map(Value::Number)
                .ok_or("a number that JSON does not have")?,
            Scalar::Text(text) => Value::String(text.into_owned()),
        })
    }
}

/// A key has to be a scalar, and becomes a string.
fn key_text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(if value { "true" } else { "false" }.to_owned()),
        Value::Number(number) => Ok(whole(&number).unwrap_or_else(|| float_key(&number))),
        _ => Err("a key that is no string"),
    }
}

/// The digits of a number without fraction.
fn whole(number: &Number) -> Option<String> {
    let unsigned = number.as_u64().map(|number| number.to_string());
    unsigned.or_else(|| number.as_i64().map(|number| number.to_string()))
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

#[derive(Clone, Copy, PartialEq)]
enum Duplicates {
    Refuse,
    LastWins,
}

/// Builds values from events.
struct Reader<'t> {
    events: Events<'t>,
    duplicates: Duplicates,
    /// What anchors stand for, by their numbers. (Another kind of map would cost the page 2 KB.)
    anchors: Map<String, Value>,
    allowance: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &str, events: Events<'t>, duplicates: Duplicates) -> Self {
        Reader {
            events,
            duplicates,
            anchors: Map::new(),
            allowance: ALIAS_ALLOWANCE.saturating_add(text.len().saturating_mul(4)),
        }
    }

    fn document(&mut self) -> Result<Option<Value>, YamlError> {
        if self.events.peek_document()?.is_none() {
            return Ok(None);
        }
        self.anchors.clear();
        let first = self.events.next()?;
        let value = self.node(first, 0)?;
        self.events.next()?;
        Ok(Some(value))
    }

    fn node(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Value, YamlError> {
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
                return Err(fail("a key that is there twice"));
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
                return Err(YamlError::at(&mark, "a merge of what is no mapping"));
            };
            for (key, value) in source {
                merged.insert(key.clone(), Value::Null);
                map.insert(key, value);
            }
        }
        Ok(())
    }
}

/// Whether a key merges other mappings into its own.
pub(crate) fn is_merge(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    text == "<<"
        && match tag {
            None => style == ScalarStyle::Plain,
            Some(tag) => tag.suffix_in_namespace(CORE_TAGS).is_some_and(|tag| tag == "merge"),
        }
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

    /// Writes a key with its colon. YAML bounds the length of keys that it recognises by the colon
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

/// Characters that are controls, invisible, bidirectional, or no characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c as u32) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
