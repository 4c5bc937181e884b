//! Lines that fit a terminal.

use usercert_core::text::width;

use crate::ui::paint::LABEL;

/// A line of ours, folded at spaces to this width; what follows is indented, so that nothing in it begins
/// a line.
pub fn folded(line: &str, columns: Option<usize>) -> String {
    folded_beside("", line, columns)
}

/// The same, of the value of a label: what follows stands below the value.
pub fn folded_beside(label: &str, value: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| width(label) + width(value) > *columns) else {
        return format!("{label}{value}");
    };
    let text = value.trim_start_matches(' ');
    let leading = value.len() - text.len();
    let indent = match width(label) {
        // Further in than it begins, unless it begins below a value.
        0 if leading < LABEL => leading + 4,
        label => label + leading,
    };
    let lines = laid_out(&words(text), " ", columns.saturating_sub(indent + 1));
    format!("{label}{:leading$}{}", "", lines.join(&format!("\n{:indent$}", "")))
}

/// The words of a line; a command in backticks is one, so that it can be copied.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::<String>::new();
    let mut is_open = false;
    for word in line.split(' ') {
        match words.last_mut().filter(|_| is_open) {
            Some(command) => command.push_str(&format!(" {word}")),
            None => words.push(word.to_owned()),
        }
        is_open ^= word.matches('`').count() % 2 == 1;
    }
    words
}

/// What of a line is not a command in backticks.
pub fn outside_backticks(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Pieces with something between them, in lines that are at most `room` wide where no piece is wider.
pub fn laid_out(pieces: &[String], between: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::<String>::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(piece) <= room => {
                line.push_str(between);
                line.push_str(piece);
            }
            last => {
                if let Some(last) = last {
                    last.push_str(between.trim_end());
                }
                lines.push(piece.clone());
            }
        }
    }
    lines
}

/// What is safe to show already, in lines of this width at most, broken at spaces where there are any; those that
/// follow are indented, so that nothing in it begins a line.
pub fn wrapped(shown: &str, columns: Option<usize>) -> String {
    const INDENT: &str = "\n      ";
    let Some(columns) = columns else { return shown.to_owned() };
    let room = columns.saturating_sub(INDENT.len()).max(20);
    let pieces: Vec<String> = shown.split(' ').flat_map(|word| in_pieces(word, room)).collect();
    laid_out(&pieces, " ", room).join(INDENT)
}

/// A word in pieces of so many columns at most.
fn in_pieces(word: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut buffer = [0; 4];
    for c in word.chars() {
        let c = c.encode_utf8(&mut buffer);
        match pieces.last_mut().filter(|last| width(last) + width(c) <= room) {
            Some(last) => last.push_str(c),
            None => pieces.push(c.to_owned()),
        }
    }
    pieces
}

/// What is safe to show already, cut to so many columns.
pub fn cut(shown: &str, columns: usize) -> String {
    if width(shown) <= columns {
        return shown.to_owned();
    }
    let mut out = String::new();
    let mut buffer = [0; 4];
    for c in shown.chars() {
        if width(&out) + width(c.encode_utf8(&mut buffer)) >= columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// The same, of which the end matters, as of a path.
pub fn cut_front(shown: &str, columns: usize) -> String {
    if width(shown) <= columns {
        return shown.to_owned();
    }
    let fits = |from: &usize| shown.get(*from..).is_some_and(|end| width(end) < columns);
    let from = shown.char_indices().map(|(at, _)| at).find(fits).unwrap_or(shown.len());
    format!("…{}", shown.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_broken_and_others_are_not() {
        let long = "x".repeat(50);
        assert_eq!(
            wrapped(&format!("a bcd {long} e"), Some(26)),
            format!("a bcd\n      {0}\n      {0}\n      {1} e", "x".repeat(20), "x".repeat(10))
        );
        assert_eq!(wrapped("a bcd", None), "a bcd");
    }

    #[test]
    fn a_line_is_folded_where_it_does_not_fit() {
        assert_eq!(folded("a bc d", Some(6)), "a bc d");
        assert_eq!(folded("a bc d e", Some(7)), "a\n    bc\n    d\n    e");
        assert_eq!(folded("a bc d", None), "a bc d");
        assert_eq!(folded("  a bc", Some(5)), "  a\n      bc");
        assert_eq!(folded(&format!("{:13}a bc", ""), Some(15)), format!("{0:13}a\n{0:13}bc", ""));
        assert_eq!(folded_beside("Label ", "a bc", Some(9)), "Label a\n      bc");
        assert_eq!(
            folded("to it: `a b c d` or x", Some(9)),
            "to\n    it:\n    `a b c d`\n    or x"
        );
    }
}
