//! Foreign strings as people can be shown them.

use std::fmt::Write as _;
use std::path::Path;

use super::hidden::{first_hidden, is_hidden};

/// Stands where something was cut out.
const CUT: char = '…';
/// How what was cut out is named; strings that hold it themselves are quoted.
const CUT_MARK: &str = "…(";

/// `s` as it can be shown to a person on one line.
///
/// Ordinary strings come back unchanged; others are [`quoted`].
pub fn show(s: &str) -> String {
    let plain = !s.is_empty()
        && s.trim() == s
        && !s.starts_with('"')
        && !s.contains("  ")
        && !s.contains(CUT_MARK)
        && first_hidden(s).is_none();
    if plain { s.to_owned() } else { quoted(s) }
}

/// A path as it can be shown to a person.
pub fn show_path(path: &Path) -> String {
    show(&path.display().to_string())
}

/// `s` in double quotes, with hidden characters and spaces that stand side by side written as
/// `\u{202e}`, `\n`, … and quotes and backslashes doubled up.
pub fn quoted(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    let mut before = None;
    let mut rest = s.chars().peekable();
    while let Some(c) = rest.next() {
        let in_run = c == ' ' && (before == Some(' ') || rest.peek() == Some(&' '));
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if in_run || c == CUT || is_hidden(c) => escape(c, &mut out),
            c => out.push(c),
        }
        before = Some(c);
    }
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Several lines of text in which hidden characters are made visible, whose layout stays: for what is
/// ours, with strings from elsewhere in it. At most `max` characters are kept.
pub fn show_lines(s: &str, max: usize) -> String {
    let cut: String = s.chars().take(max).collect();
    let mut out = String::new();
    for (i, line) in cut.lines().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        for c in line.chars() {
            if is_hidden(c) && c != '\t' { escape(c, &mut out) } else { out.push(c) }
        }
    }
    if cut.len() < s.len() {
        out.push(CUT);
    }
    out
}

/// [`show_lines`] for what a stranger has laid out, such as a server's message: spaces side by side
/// are made visible too, but for a short indentation.
pub fn show_message(s: &str, max: usize) -> String {
    let lines = show_lines(s, max);
    if !lines.contains("  ") && !lines.contains('\t') {
        return lines;
    }
    let mut out = String::with_capacity(lines.len());
    for (i, line) in lines.lines().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let inner = line.trim_start_matches(' ');
        let indentation = line.len() - inner.len();
        let kept = if indentation > 8 { 0 } else { indentation };
        out.push_str(line.get(..kept).unwrap_or_default());
        let mut before = None;
        let mut rest = line.get(kept..).unwrap_or_default().chars().peekable();
        while let Some(c) = rest.next() {
            let in_run = c == ' ' && (before == Some(' ') || rest.peek() == Some(&' '));
            if in_run || c == '\t' {
                escape(c, &mut out)
            } else {
                out.push(c)
            }
            before = Some(c);
        }
    }
    out
}

/// How many columns of a terminal a text takes.
pub fn width(s: &str) -> usize {
    s.chars().map(columns).sum()
}

/// How many columns a character takes.
#[cfg(feature = "unicode")]
fn columns(c: char) -> usize {
    unicode_width::UnicodeWidthChar::width(c).unwrap_or(0)
}

/// How many columns a character takes at most.
#[cfg(not(feature = "unicode"))]
fn columns(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

/// [`show()`], cut in the middle to `max` columns, with the length of the whole; for table cells and
/// sentences.
pub fn show_short(s: &str, max: usize) -> String {
    cut(show(s), s, max)
}

/// [`quoted`], cut as by [`show_short`]: whatever it holds, it ends where the quotes do.
pub fn show_quoted(s: &str, max: usize) -> String {
    cut(quoted(s), s, max)
}

/// A name in a sentence: as it is where it cannot be taken for more than a name, else as by [`show_quoted`].
pub fn show_name(s: &str, max: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    match !s.is_empty() && s.chars().all(plain) {
        true => show_short(s, max),
        false => show_quoted(s, max),
    }
}

fn cut(shown: String, s: &str, max: usize) -> String {
    // Marks that stand above a letter take no column of their own, but a thousand of them a screen.
    let room_of = |c: char| columns(c).max(1);
    if shown.len() <= max || shown.chars().map(room_of).sum::<usize>() <= max {
        return shown;
    }
    let count = s.chars().count();
    let marks = [format!("{CUT}({count} characters){CUT}"), format!("{CUT}({count}){CUT}")];
    let mark = marks.into_iter().find(|mark| 2 * width(mark) <= max).unwrap_or(CUT.to_string());
    let room = max.saturating_sub(width(&mark));
    let fitting = |room: usize| {
        let mut left = room;
        move |c: &char| match left.checked_sub(room_of(*c)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        }
    };
    let head: String = shown.chars().take_while(fitting(room - room / 3)).collect();
    let tail: String = shown.chars().rev().take_while(fitting(room / 3)).collect();
    format!("{head}{mark}{}", tail.chars().rev().collect::<String>())
}

/// Names one after the other, each as [`show_short`] gives it: at most `most` of them, and how many more
/// there are. A name that holds a comma is quoted.
pub fn show_list<'a>(
    names: impl ExactSizeIterator<Item = &'a str>,
    most: usize,
    longest: usize,
) -> String {
    let more = names.len().saturating_sub(most);
    let item = |name: &str| match name.contains(',') {
        true => show_quoted(name, longest),
        false => show_short(name, longest),
    };
    let shown: Vec<String> = names.take(most).map(item).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_shown_as_they_are() {
        for name in
            ["alice", "Jürgen Groß", "alice@example.com", "CORP\\alice", "名前", "🦀", "dev,ops"]
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
        assert_eq!(show("a\u{fdd0}\u{1d159}b"), r#""a\u{fdd0}\u{1d159}b""#);
        assert_eq!(show(""), r#""""#);
    }

    #[test]
    fn spaces_side_by_side_paint_nothing() {
        assert_eq!(show("a  b c"), r#""a\u{20}\u{20}b c""#);
        assert_eq!(show("  a"), r#""\u{20}\u{20}a""#);
        assert_eq!(show_message("  in  a\n\tb", 99), "  in\\u{20}\\u{20}a\n\\u{9}b");
        assert_eq!(show_message("            x", 99), r"\u{20}".repeat(12) + "x");
        assert_eq!(show_lines("User   alice", 99), "User   alice", "what we have laid out");
    }

    #[test]
    fn rendering_is_injective() {
        let tricky = [
            "a\n",
            "a\\n",
            "\"a\\n\"",
            "a",
            "\"a\"",
            "a\u{a}b",
            "a\\u{a}b",
            "a  b",
            "a b",
            r"a\u{20}\u{20}b",
            "a…b",
            r"a\u{2026}b",
        ];
        for (i, a) in tricky.iter().enumerate() {
            for b in &tricky[i + 1..] {
                assert_ne!(show(a), show(b), "{a:?} {b:?}");
                assert_ne!(quoted(a), quoted(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_is_cut_fits_and_says_how_long_it_is() {
        assert_eq!(show_short("alice", 5), "alice");
        let long = "x".repeat(3000);
        assert_eq!(show_short(&long, 20), "xxxxxxxx…(3000)…xxxx");
        assert_eq!(show_short(&long, 40).matches("…(3000 characters)…").count(), 1);
        assert_eq!(show_short("abcdefgh", 5), "abc…h");
        assert_eq!(show_quoted("abcdefgh", 7), "\"abc…h\"");
        // The mark cannot be forged.
        assert_eq!(show("x…(3000)…x"), r#""x\u{2026}(3000)\u{2026}x""#);
        for name in ["x".repeat(300), "名".repeat(300), "e\u{301}".repeat(300), " ".repeat(300)] {
            for max in [5, 12, 20, 40, 79] {
                let shown = show_short(&name, max);
                assert!(width(&shown) <= max && shown.chars().count() <= max, "{shown}");
            }
        }
    }

    #[test]
    fn a_list_has_as_many_items_as_there_are_names() {
        let names = ["dev", "a, b"];
        assert_eq!(show_list(names.into_iter(), 9, 40), r#"dev, "a, b""#);
        assert_eq!(show_list(names.into_iter(), 1, 40), "dev and 1 more");
    }
}
