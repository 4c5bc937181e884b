//! Lines that fit a terminal.

use usercert_core::text::width;

/// A line of ours, folded at spaces to this width; what follows is indented, so that nothing in it begins
/// a line.
pub fn folded(line: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| width(line) > *columns) else {
        return line.to_owned();
    };
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    laid_out(&words, " ", columns.saturating_sub(5)).join("\n    ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_folded_where_it_does_not_fit() {
        assert_eq!(folded("a bc d", Some(6)), "a bc d");
        assert_eq!(folded("a bc d e", Some(7)), "a\n    bc\n    d\n    e");
        assert_eq!(folded("a bc d", None), "a bc d");
    }
}
