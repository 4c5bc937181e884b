//! What a scalar stands for: `goyaml.v2/resolve.go`, and where it differs Go's `strconv`.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

use crate::encoding::base64;

const CORE_TAGS: &str = "tag:yaml.org,2002:";

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
            let bytes = base64::decode_lines(&text).ok_or("!!binary without valid base64")?;
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

pub(super) fn resolve_plain(text: Cow<'_, str>) -> Scalar<'_> {
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
    pub(super) fn into_value(self) -> Result<Value, &'static str> {
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

/// Whether a key merges other mappings into its own.
pub(crate) fn is_merge(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    text == "<<"
        && match tag {
            None => style == ScalarStyle::Plain,
            Some(tag) => tag.suffix_in_namespace(CORE_TAGS).is_some_and(|tag| tag == "merge"),
        }
}
