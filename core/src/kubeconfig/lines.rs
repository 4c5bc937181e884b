//! Lines and columns around a place in a text.

use super::document::trimmed;

/// A text by lines.
#[derive(Clone, Copy)]
pub(super) struct Lines<'t> {
    pub(super) text: &'t str,
}

impl<'t> Lines<'t> {
    /// What is before `at` on its line, when that is nothing but white space.
    pub(super) fn own_line(&self, at: usize) -> Option<&'t str> {
        let before = &self.text[self.line_start(at)..at];
        before.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(before)
    }

    /// The white space that the line of `at` starts with.
    pub(super) fn indent(&self, at: usize) -> &'t str {
        let line = &self.text[self.line_start(at)..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |line_break| line_break + 1);
        if start == 0 && self.text.starts_with('\u{feff}') && at > 2 { 3 } else { start }
    }

    /// Where the next line starts; `at` itself when a block scalar has ended with its line.
    pub(super) fn line_end(&self, at: usize) -> usize {
        if at > 0 && self.text.as_bytes().get(at - 1) == Some(&b'\n') {
            return at;
        }
        self.text[at..].find('\n').map_or(self.text.len(), |line_break| at + line_break + 1)
    }

    /// Where the line starts that follows content ending at `at` and the comments that belong to
    /// it: those right below and indented more than `column`.
    pub(super) fn behind(&self, at: usize, column: usize) -> usize {
        let mut end = self.line_end(at);
        let blank_lines = self.text[trimmed(self.text, at)..at].matches('\n').count() > 1;
        if blank_lines {
            return end;
        }
        while let Some(line) =
            self.text.get(end..).and_then(|rest| rest.split_inclusive('\n').next())
        {
            let content = line.trim_start_matches(' ');
            if !content.starts_with('#') || line.len() - content.len() <= column {
                break;
            }
            end += line.len();
        }
        end
    }
}
