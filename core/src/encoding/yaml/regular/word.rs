//! Scalars that begin and end on one line.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::super::characters::check_characters;

/// A scalar and where it is.
pub(super) struct Word<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) style: ScalarStyle,
    pub(super) place: Range<usize>,
}

impl<'t> Word<'t> {
    /// The key that starts here, if one does: a colon follows.
    pub(super) fn key(text: &'t str, start: usize) -> Option<Self> {
        let rest = text.as_bytes().get(start..)?;
        let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let name = if quote.is_some() { rest.get(1..)? } else { rest };
        name.first().filter(|byte| byte.is_ascii_alphabetic())?;
        let fits =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        let length = name.iter().take(128).take_while(|byte| fits(byte)).count();
        let after = match quote {
            Some(quote) => name.get(length..)?.strip_prefix(&[quote])?,
            None => name.get(length..)?,
        };
        if !matches!(after, [b':'] | [b':', b' ' | b'\n' | b'\r', ..]) {
            return None;
        }
        let (begin, end) = (start + usize::from(quote.is_some()), text.len() - after.len());
        let content = Cow::Borrowed(text.get(begin..begin + length)?);
        Some(Word { text: content, style: style(quote), place: start..end })
    }

    /// The value that starts here and ends where nothing but a comment can follow on the line.
    pub(super) fn value(text: &'t str, start: usize) -> Option<Self> {
        let rest = text.get(start..)?;
        match rest.as_bytes().first()? {
            quote @ (b'"' | b'\'') => {
                let (content, length) = quoted(rest.get(1..)?, *quote)?;
                let place = start..start + 2 + length;
                Some(Word { text: content, style: style(Some(*quote)), place })
            }
            _ => {
                let content = plain(rest)?;
                let place = start..start + content.len();
                Some(Word { text: Cow::Borrowed(content), style: ScalarStyle::Plain, place })
            }
        }
    }
}

fn style(quote: Option<u8>) -> ScalarStyle {
    match quote {
        Some(b'"') => ScalarStyle::DoubleQuoted,
        Some(_) => ScalarStyle::SingleQuoted,
        None => ScalarStyle::Plain,
    }
}

/// What stands before the closing quote, and how many bytes that takes.
fn quoted(inside: &str, quote: u8) -> Option<(Cow<'_, str>, usize)> {
    let known = plain_length(inside.as_bytes());
    let rest = inside.get(known..)?;
    let ends = |byte: u8| byte == quote || byte < b' ' || (byte == b'\\' && quote == b'"');
    let length = rest.bytes().position(ends)?;
    let (more, rest) = rest.split_at_checked(length)?;
    if !is_harmless(more) {
        return None;
    }
    let content = inside.get(..known + length)?;
    if rest.as_bytes().first() == Some(&quote) {
        return Some((Cow::Borrowed(content), content.len()));
    }
    let mut content = content.to_owned();
    let length = known + length + unescape(rest, &mut content)?;
    Some((Cow::Owned(content), length))
}

/// Reads up to the closing double quote, with the escapes that people and programs need.
fn unescape(text: &str, out: &mut String) -> Option<usize> {
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (end, '"') => {
                return is_harmless(text.get(..end)?).then_some(end);
            }
            (_, '\\') => out.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '\\') => same,
                #[cfg(any(test, not(feature = "whole-yaml")))]
                '/' => '/',
                #[cfg(any(test, not(feature = "whole-yaml")))]
                'r' => '\r',
                #[cfg(any(test, not(feature = "whole-yaml")))]
                'u' => hexadecimal(&mut chars)?,
                _ => return None,
            }),
            (_, '\t') => return None,
            (_, other) => out.push(other),
        }
    }
}

/// The character of four hexadecimal digits; halves of a pair are none.
#[cfg(any(test, not(feature = "whole-yaml")))]
fn hexadecimal(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}

/// Text without quotes, of which no character has another meaning where it stands.
fn plain(text: &str) -> Option<&str> {
    let is_text = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '~' | '$' | '_');
    let mut chars = text.chars();
    let begins = match chars.next()? {
        '-' => chars.next().is_some_and(|c| is_text(c) || c == '-'),
        first => is_text(first),
    };
    let known = plain_length(text.as_bytes());
    let whole = match text.as_bytes().get(known) {
        None | Some(b'\n' | b'\r') => text.get(..known)?,
        Some(_) => {
            let line = text.get(..line_length(text.as_bytes()))?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            let content = line.split_once(" #").map_or(line, |(content, _)| content);
            let content = content.trim_end_matches(' ');
            // A tab before a comment would have to be cut off too, and a colon makes a key.
            let fits = is_harmless(content) && !content.contains('\t') && !content.contains(": ");
            fits.then_some(content)?
        }
    };
    (begins && !whole.ends_with(':')).then_some(whole)
}

/// How many bytes come before the next line feed.
pub(super) fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())
}

/// Whether there is no control character, no line break of any kind and no character that kubectl
/// refuses.
pub(super) fn is_harmless(text: &str) -> bool {
    let bad = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    let mark = text.starts_with('\u{feff}');
    !text.bytes().any(bad) && (text.is_ascii() || !mark && check_characters(text).is_ok())
}

/// How long a value goes on in characters that have no meaning to YAML. Colons have one only before
/// white space, which ends the value anyway.
fn plain_length(bytes: &[u8]) -> usize {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric()
            | (byte.wrapping_sub(b'+') <= b':' - b'+')
            | (byte == b'=')
            | (byte == b'@')
            | (byte == b'_')
    };
    // Without branches, so that many bytes are looked at at once.
    let blocks = bytes.chunks_exact(64);
    let whole = blocks.take_while(|block| block.iter().fold(true, |all, byte| all & fits(*byte)));
    let start = whole.count() * 64;
    start + bytes.iter().skip(start).take_while(|byte| fits(**byte)).count()
}
