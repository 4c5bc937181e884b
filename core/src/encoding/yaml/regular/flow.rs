//! Collections in brackets (all of JSON), and literal blocks. Only where there is no parser for all of
//! YAML: the places of these events are not the parser's.

use std::borrow::Cow;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use super::word::{Word, is_harmless, line_length};
use super::{MAX_DEPTH, Regular, end_of, start_of};

impl Regular<'_> {
    /// The whole text, when that is one collection in brackets.
    pub(super) fn json(&mut self) -> Option<()> {
        let start = self.white(self.at);
        self.begin(Span::empty(self.mark(start)), false);
        let end = self.flow(start)?;
        self.flowed = true;
        self.at = self.white(end);
        (self.at == self.text.len()).then_some(())
    }

    /// A collection in brackets; gives where it ends.
    pub(super) fn flow(&mut self, start: usize) -> Option<usize> {
        self.collection(start, self.open.len())
    }

    fn collection(&mut self, start: usize, depth: usize) -> Option<usize> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let list = self.text.as_bytes().get(start)? == &b'[';
        let bracket = if list { b']' } else { b'}' };
        let span = Span::empty(self.mark(self.line.1));
        self.events.push_back((start_of(list, StructureStyle::Flow), span));
        let mut at = self.white(start + 1);
        while self.text.as_bytes().get(at)? != &bracket {
            if !list {
                let end = self.scalar(at)?;
                at = self.white(end);
                if self.text.as_bytes().get(at)? != &b':' {
                    return None;
                }
                at = self.white(at + 1);
            }
            at = match self.text.as_bytes().get(at)? {
                b'{' | b'[' => self.collection(at, depth + 1)?,
                _ => self.scalar(at)?,
            };
            at = self.white(at);
            match self.text.as_bytes().get(at)? {
                b',' => at = self.white(at + 1),
                end if *end == bracket => {}
                _ => return None,
            }
        }
        self.events.push_back((end_of(list), span));
        Some(at + 1)
    }

    fn scalar(&mut self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let word = match bytes.get(start)? {
            b'"' | b'\'' => Word::value(self.text, start)?,
            _ => {
                let of_word = |b: &&u8| {
                    b.is_ascii_alphanumeric()
                        || matches!(**b, b'-' | b'.' | b'_' | b'+' | b'/' | b'=')
                };
                let length = bytes.get(start..)?.iter().take_while(of_word).count();
                let place = start..start + length;
                let text = self.text.get(place.clone()).filter(|text| begins_word(text))?;
                Word { text: Cow::Borrowed(text), style: ScalarStyle::Plain, place }
            }
        };
        let end = word.place.end;
        let event = Event::Scalar(word.text, word.style, 0, None);
        self.events.push_back((event, Span::empty(self.mark(self.line.1))));
        Some(end)
    }

    /// Where white space ends, line breaks included.
    fn white(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
    }

    /// A literal block: `|`, and the lines below that are indented further.
    pub(super) fn literal(&mut self, start: usize) -> Option<()> {
        let column = self.open.last()?.column;
        let head = self.text.get(start..)?;
        let head = head.get(..line_length(head.as_bytes()))?.trim_end();
        if !matches!(head, "|" | "|-") {
            return None;
        }
        self.end_line(start + head.len())?;
        let mut content = String::new();
        let mut indent = None;
        // At the very end of the text a line may lack its break.
        let mut broken = false;
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let length = line_length(rest.as_bytes());
            let line = rest.get(..length)?.trim_end_matches('\r');
            let spaces = line.len() - line.trim_start_matches(' ').len();
            let blank = spaces == line.len();
            if !blank && spaces <= column {
                break;
            }
            if blank && spaces > 0 {
                return None;
            }
            if !blank {
                broken = length < rest.len();
                let indent = *indent.get_or_insert(spaces);
                if spaces < indent || !is_harmless(line) {
                    return None;
                }
                content.push_str(line.get(indent..)?);
            }
            content.push('\n');
            self.at += (length + 1).min(rest.len());
        }
        let kept = content.trim_end_matches('\n').len();
        content.truncate(kept);
        if head == "|" && !content.is_empty() && broken {
            content.push('\n');
        }
        let event = Event::Scalar(Cow::Owned(content), ScalarStyle::Literal, 0, None);
        self.events.push_back((event, Span::empty(self.mark(self.line.1))));
        Some(())
    }
}

/// What begins otherwise may be a mark of a list or of a document.
fn begins_word(text: &str) -> bool {
    text.strip_prefix('-').unwrap_or(text).starts_with(|c: char| c.is_ascii_alphanumeric())
}
