//! Rendering of foreign strings for people.
//!
//! User names, groups, object names, conditions and server messages come from strangers. A terminal
//! interprets control characters, and bidirectional or invisible ones make two different names look
//! the same (Unicode TR36 and TR39). [`show`] is injective: two different strings never render alike
//! byte for byte, and the rendering of any string holds only visible characters.

pub mod confusable;

use std::fmt::Write as _;

#[cfg(feature = "unicode")]
use unicode_normalization::UnicodeNormalization;

/// Whether `c` acts on its surroundings or shows nothing: control, bidirectional, zero-width,
/// filler, tag and non-character code points.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || is_unusual_space(c)
        || matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff)
}

/// White space that is not the plain space, as U+00A0 or U+3000: it looks like one and is not.
fn is_unusual_space(c: char) -> bool {
    c != ' ' && c.is_whitespace()
}

/// The first hidden character of `s` with its position in characters.
#[must_use]
pub fn first_hidden(s: &str) -> Option<(usize, char)> {
    s.chars().enumerate().find(|(_, c)| is_hidden(*c))
}

/// `s` as it can be shown to a person on one line.
///
/// Ordinary strings come back unchanged; others are put in double quotes with their hidden
/// characters written as `\u{202e}`, `\n`, … and quotes and backslashes doubled up.
#[must_use]
pub fn show(s: &str) -> String {
    let plain = !s.is_empty() && s.trim() == s && !s.starts_with('"') && first_hidden(s).is_none();
    if plain {
        return s.to_owned();
    }
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Several lines of foreign text, such as an error message of a server, each line rendered as by
/// [`show`] where it needs it. At most `max` characters are kept.
#[must_use]
pub fn show_lines(s: &str, max: usize) -> String {
    let mut out = String::new();
    let cut: String = s.chars().take(max).collect();
    for (i, line) in cut.lines().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        for c in line.chars() {
            if is_hidden(c) && c != '\t' {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            } else {
                out.push(c);
            }
        }
    }
    if cut.len() < s.len() {
        out.push('…');
    }
    out
}

/// [`show`], cut to `max` characters with an ellipsis; for table cells.
#[must_use]
pub fn show_short(s: &str, max: usize) -> String {
    let shown = show(s);
    if shown.chars().count() <= max {
        return shown;
    }
    let mut cut: String = shown.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Names one after the other, each as [`show_short`] gives it: at most `most` of them, and how many more
/// there are.
#[must_use]
pub fn show_list<'a>(
    names: impl ExactSizeIterator<Item = &'a str>,
    most: usize,
    longest: usize,
) -> String {
    let more = names.len().saturating_sub(most);
    let shown: Vec<String> = names.take(most).map(|name| show_short(name, longest)).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `arg` as one word of a POSIX shell command line.
#[must_use]
pub fn shell_word(arg: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !arg.is_empty() && arg.bytes().all(safe) {
        return arg.to_owned();
    }
    if first_hidden(arg).is_none() {
        return format!("'{}'", arg.replace('\'', r"'\''"));
    }
    // ANSI-C quoting of bash, zsh and ksh: the only form that shows hidden characters as text.
    let mut out = String::from("$'");
    for c in arg.chars() {
        match c {
            '\'' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if is_hidden(c) => {
                let mut buffer = [0; 4];
                for b in c.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(out, "\\x{b:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A form in which names that look alike are equal: NFKC, hidden characters removed, the confusable
/// skeleton of Unicode TR39, lower case.
///
/// Without the feature `unicode` this is [`crate::text::confusable::look`], which knows reserved names only.
#[cfg(feature = "unicode")]
#[must_use]
pub fn look(s: &str) -> String {
    let visible: String = s.nfkc().filter(|c| !is_hidden(*c)).collect();
    let skeleton: String = unicode_security::skeleton(visible.trim()).collect();
    let lower = skeleton.to_lowercase();
    // Lower-casing can bring characters back for which TR39 has a skeleton of their own (I, l, 1).
    unicode_security::skeleton(&lower).collect()
}

#[cfg(not(feature = "unicode"))]
pub use crate::text::confusable::look;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_shown_as_they_are() {
        for name in ["alice", "Jürgen Groß", "alice@example.com", "CORP\\alice", "名前", "🦀"]
        {
            assert_eq!(show(name), name);
        }
    }

    #[test]
    fn hidden_characters_become_visible() {
        assert_eq!(show("a\u{1b}[2Jb"), r#""a\u{1b}[2Jb""#);
        assert_eq!(show("ali\u{202e}ce"), r#""ali\u{202e}ce""#);
        assert_eq!(show("alice "), r#""alice ""#);
        assert_eq!(show("a\u{200b}b"), r#""a\u{200b}b""#);
        assert_eq!(show("a\u{a0}b"), r#""a\u{a0}b""#);
        assert_eq!(show(""), r#""""#);
    }

    #[test]
    fn rendering_is_injective() {
        let tricky = ["a\n", "a\\n", "\"a\\n\"", "a", "\"a\"", "a\u{a}b", "a\\u{a}b"];
        for (i, a) in tricky.iter().enumerate() {
            for b in &tricky[i + 1..] {
                assert_ne!(show(a), show(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn shell_words_are_one_word_and_visible() {
        assert_eq!(shell_word("alice"), "alice");
        assert_eq!(shell_word("$(id)"), "'$(id)'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("a\nb"), r"$'a\x0ab'");
        assert_eq!(shell_word(""), "''");
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn look_alikes_fold_together() {
        assert_eq!(look("аdmin"), look("admin"), "Cyrillic а");
        assert_eq!(look("ｓystem:masters"), look("system:masters"), "full width");
        assert_eq!(look("sys\u{200b}tem:x"), look("system:x"));
        assert_eq!(look("a1ice"), look("alice"));
        assert_eq!(look("Alice"), look("alice"));
        assert_ne!(look("alice"), look("bob"));
    }
}
