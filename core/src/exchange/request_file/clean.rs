//! Text as it was before mail programs, browsers and editors had it.

use crate::encoding::utf16::Utf16;
use crate::exchange::armor::unquoted;

/// The text of a file or paste: UTF-8, or UTF-16 as Windows PowerShell writes it; without byte order
/// mark, with LF line ends and plain spaces. `None` if it is not text.
pub(crate) fn decode(input: &[u8]) -> Option<String> {
    let text = match Utf16::of(input) {
        Some(encoding) => encoding.decode(input)?,
        None => std::str::from_utf8(input).ok()?.to_owned(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Some(text.replace("\r\n", "\n").replace('\r', "\n").replace('\u{a0}', " "))
}

/// Only what is quoted, where anything is.
pub(crate) fn quoted_part(text: &str) -> Option<String> {
    let quoted = text.lines().filter(|line| line.starts_with('>'));
    let part: String = quoted.map(|line| unquoted(line).to_owned() + "\n").collect();
    (!part.is_empty()).then_some(part)
}

/// Extracts the manifests from text with prose around them. One begins with its
/// `apiVersion` and ends with the first line that is not a line of a mapping.
pub(crate) fn manifest_part(text: &str) -> Option<String> {
    let of_mapping = |line: &str| {
        let key = line.split_once(':').map_or("", |(key, _)| key);
        line.starts_with([' ', '-'])
            || (!key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    let mut part = String::new();
    let (mut inside, mut beside) = (false, false);
    for line in text.lines() {
        if !inside && line.starts_with("apiVersion:") {
            part.push_str("---\n");
            inside = true;
        }
        inside = inside && of_mapping(line);
        beside |= !inside;
        if inside {
            part.push_str(line);
            part.push('\n');
        }
    }
    (beside && !part.is_empty()).then_some(part)
}

/// The text of a web page's source or of an HTML mail, where it is one.
pub(super) fn without_html(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut any) = (text, false);
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = match tag(from).or_else(|| entity(from)) {
            Some((meaning, after)) => {
                any = true;
                out.push_str(&meaning);
                after
            }
            None => {
                out.push_str(from.get(..1).unwrap_or_default());
                from.get(1..).unwrap_or_default()
            }
        };
    }
    out.push_str(rest);
    any.then(|| out.replace('\u{a0}', " "))
}

/// Longest tag that is taken for one, in bytes.
const LONGEST_TAG: usize = 1024;
/// Longest entity, likewise.
const LONGEST_ENTITY: usize = 12;

/// The text before an ASCII character that is near, and the text after it. Where another tag begins
/// before, there is none; so no byte is looked at more than twice.
fn until(text: &str, end: char, longest: usize) -> Option<(&str, &str)> {
    let at = text.bytes().take(longest).position(|byte| byte == b'<' || char::from(byte) == end)?;
    Some((text.get(..at)?, text.get(at..)?.strip_prefix(end)?))
}

/// What a tag at the beginning of the text stands for, and what follows it.
fn tag(text: &str) -> Option<(String, &str)> {
    let (inside, after) = until(text.strip_prefix('<')?, '>', LONGEST_TAG)?;
    let name = inside.trim_start_matches('/').split([' ', '/', '\n']).next()?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let lines = ["br", "p", "div", "pre", "li", "tr", "blockquote"];
    let ends_line = lines.iter().any(|line| name.eq_ignore_ascii_case(line));
    Some((if ends_line { "\n" } else { "" }.to_owned(), after))
}

/// The character that an entity at the beginning of the text stands for, and what follows it.
fn entity(text: &str) -> Option<(String, &str)> {
    let (name, after) = until(text.strip_prefix('&')?, ';', LONGEST_ENTITY)?;
    let character = match name {
        "nbsp" => ' ',
        "gt" => '>',
        "lt" => '<',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "plus" => '+',
        "sol" => '/',
        "equals" => '=',
        "colon" => ':',
        "hyphen" => '-',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character.to_string(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_quoting_go_and_indentation_stays() {
        for (line, text) in [
            ("> a", "a"),
            (">a", "a"),
            ("> > a", "a"),
            (">>   a", "  a"),
            ("> >   a: b", "  a: b"),
            ("a > b", "a > b"),
            (">", ""),
        ] {
            assert_eq!(unquoted(line), text, "{line:?}");
        }
        assert_eq!(quoted_part("She wrote:\n> a:\n>   b\nBye").as_deref(), Some("a:\n  b\n"));
        assert_eq!(quoted_part("a > b\n"), None);
    }

    #[test]
    fn manifests_are_found_between_other_lines() {
        let text =
            "Hi: you,\n\napiVersion: v1\nkind: X\na:\n- b\n  c: d\n\nBye: me\napiVersion: v1\nBye";
        let part = "---\napiVersion: v1\nkind: X\na:\n- b\n  c: d\n---\napiVersion: v1\n";
        assert_eq!(manifest_part(text).as_deref(), Some(part));
        assert_eq!(manifest_part("see apiVersion: v1"), None);
    }

    #[test]
    fn html_becomes_the_text_that_it_shows() {
        for (html, text) in [
            ("a&nbsp;b&#160;c&#xA0;d", "a b c d"),
            ("a<br>b<BR/>c<br />d", "a\nb\nc\nd"),
            ("<p class=\"x\">a</p><b>b</b>", "\na\nb"),
            ("1 &lt; 2 &amp;&amp; 3 > 2", "1 < 2 && 3 > 2"),
            ("a < b & c<br>", "a < b & c\n"),
            ("a<<br>b", "a<\nb"),
            ("&#43;&#x2F;&#61;&plus;", "+/=+"),
            ("&#xD800;&unknown;&amp;", "&#xD800;&unknown;&"),
            ("ä<ö&ü&lt;", "ä<ö&ü<"),
        ] {
            assert_eq!(without_html(html).as_deref(), Some(text), "{html:?}");
        }
        for text in ["plain", "a < b & c", "&unknown;&", "<ü>"] {
            assert_eq!(without_html(text), None, "{text:?}");
        }
        // What is too long for a tag or an entity is none, however much of it follows.
        for text in [format!("<a {}>", "b".repeat(1100)), format!("&#{}65;", "0".repeat(20))] {
            assert_eq!(without_html(&text), None, "{text:?}");
        }
    }

    #[test]
    fn utf16_is_read_where_it_is_announced() {
        let little: Vec<u8> = "\u{feff}aä\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}aä\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&little).as_deref(), Some("aä\n"));
        assert_eq!(decode(&big).as_deref(), Some("aä\n"));
        assert_eq!(decode(&[0xff, 0xfe, 0]), None);
        assert_eq!(decode(&[0xff]), None);
    }
}
