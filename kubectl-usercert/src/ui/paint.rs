//! Colors of what is shown to people: by what a line of ours begins with, and by the words of a column.
//!
//! Foreign strings begin no line and cannot leave their column, so they cannot dress up as ours.

use std::fmt::Write as _;

use anstream::ColorChoice;

/// The columns of a label on a sheet.
pub const LABEL: usize = 13;

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[1;31m";
const CYAN: &str = "\x1b[36m";

/// What lines begin with, the longer before the shorter.
const BEGINNINGS: &[(&str, &str)] = &[
    ("Error from server", RED),
    ("error:", RED),
    ("hint:", CYAN),
    ("warning:", YELLOW),
    ("Warning:", YELLOW),
    ("WARNING", YELLOW),
    ("note:", CYAN),
    ("note ", YELLOW),
    ("ok ", GREEN),
    ("FAILED", RED),
    ("REFUSED, cannot be accepted", RED),
    ("REFUSED", RED),
    ("info:", DIM),
    ("No objections", GREEN),
];

/// Labels that fill their column, so that they look like the first words of a sentence.
const LONG_LABELS: &[&str] = &["Submitted by ", "No roles yet "];

/// Words that are a whole column.
const STATES: &[(&str, &str)] = &[
    ("Pending", YELLOW),
    ("Approved", GREEN),
    ("Issued", GREEN),
    ("Denied", RED),
    ("Failed", RED),
    ("ok", GREEN),
    ("no", YELLOW),
    ("refused", RED),
    ("<none>", DIM),
    ("<unknown>", DIM),
    ("(none)", DIM),
];

/// The text with colors, if they are wanted.
pub fn painted(text: &str, wanted: ColorChoice) -> String {
    if wanted == ColorChoice::Never {
        return text.to_owned();
    }
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let command = text.strip_prefix("  ").is_some_and(|rest| rest.starts_with("kubectl "));
    if command || is_header(text) {
        return format!("{BOLD}{text}{RESET}{end}");
    }
    let (head, rest) = match BEGINNINGS.iter().find(|(start, _)| text.starts_with(start)) {
        Some((start, color)) => {
            let (start, rest) = text.split_at(start.len());
            (format!("{color}{start}{RESET}"), rest)
        }
        None => match split_label(text) {
            ("", text) => (String::new(), text),
            (label, rest) => (format!("{DIM}{label}{RESET}"), rest),
        },
    };
    format!("{head}{}{end}", columns(rest))
}

/// The headings of a table: capitals only, in columns.
fn is_header(text: &str) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c == ' ';
    text.contains("   ")
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(capital)
}

/// The label of a sheet, which fills a column of its own, and what stands beside it; an empty one if there is none.
pub fn split_label(text: &str) -> (&str, &str) {
    let is_label = |text: &str| {
        let begins = text.starts_with("  ") || text.starts_with(|c: char| c.is_ascii_uppercase());
        let plain = text.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
        let ends = text.ends_with("  ") || LONG_LABELS.contains(&text);
        begins && plain && ends && !text.trim().is_empty()
    };
    match text.split_at_checked(LABEL) {
        Some((label, rest)) if is_label(label) && !rest.starts_with(' ') => (label, rest),
        _ => ("", text),
    }
}

/// Words that are states, and codes, wherever they are.
fn columns(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(' ').len();
        let (spaces, after) = rest.split_at(gap);
        out.push_str(spaces);
        let end = after.find("  ").unwrap_or(after.len());
        let (cell, next) = after.split_at(end);
        match STATES.iter().find(|(word, _)| *word == cell) {
            Some((_, color)) => {
                let _ = write!(out, "{color}{cell}{RESET}");
            }
            None => out.push_str(&codes(cell)),
        }
        rest = next;
    }
    out
}

/// Codes, which two people compare.
fn codes(text: &str) -> String {
    let is_code = |word: &str| {
        let groups: Vec<&str> = word.split('-').collect();
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        groups.len() == 4 && groups.iter().all(|g| g.len() == 4 && g.chars().all(upper))
    };
    let shown = |word: &str| match is_code(word.trim_end_matches([':', ',', '.'])) {
        true => format!("{BOLD}{CYAN}{word}{RESET}"),
        false => word.to_owned(),
    };
    text.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let painted = painted(text, ColorChoice::Always);
        let plain = [RESET, BOLD, DIM, GREEN, YELLOW, RED, CYAN]
            .iter()
            .fold(painted.clone(), |text, code| text.replace(code, ""));
        assert_eq!(plain, text, "nothing but colors is added");
        let names = [(RESET, ">"), (BOLD, "<b "), (DIM, "<d "), (GREEN, "<g "), (YELLOW, "<y ")];
        let names = names.iter().chain(&[(RED, "<r "), (CYAN, "<c ")]);
        names.fold(painted, |text, (code, name)| text.replace(code, name))
    }

    #[test]
    fn lines_are_colored_by_what_they_begin_with() {
        for (text, colored) in [
            ("error: x\nhint: y", "<r error:> x\n<c hint:> y"),
            ("ok     key      fits", "<g ok >    key      fits"),
            ("WARNING: x [y]", "<y WARNING>: x [y]"),
            ("NAME    STATE", "<b NAME    STATE>"),
            ("jane    Pending   <none>", "jane    <y Pending>   <d <none>>"),
            ("What reaches everybody", "What reaches everybody"),
            ("Submitted by x", "<d Submitted by >x"),
            ("State        Denied", "<d State        ><r Denied>"),
            ("Code AAAA-BBBB-0000-1111", "Code <b <c AAAA-BBBB-0000-1111>"),
            ("  kubectl usercert x", "<b   kubectl usercert x>"),
            ("certificatesigningrequest.x/y approved", "certificatesigningrequest.x/y approved"),
        ] {
            assert_eq!(shown(text), colored);
        }
        assert_eq!(painted("error: x", ColorChoice::Never), "error: x");
    }
}
