//! The events of a text that is written as kubectl and people mostly write, found line by line.
//!
//! Nearly every kubeconfig has nothing but comments and lines `key: value`, `- key: value` and
//! `- value`, indented by spaces, and nearly all of a large one is base64. A parser for all of YAML
//! looks at each character several times; here it is once. Whatever else a line holds ends the
//! reading, and the text is read by the parser instead: this is faster, never more tolerant. Events
//! and their places are those of the parser (`Spec: YAML 1.2.2, chapters 7.3 and 8.2`).

#[cfg(any(test, not(feature = "whole-yaml")))]
mod flow;
mod word;

use std::borrow::Cow;
use std::collections::VecDeque;

use granit_parser::{Event, Marker, ScalarStyle, Span, StructureStyle};

use self::word::{Word, is_harmless, line_length};
use super::error::YamlError;

/// How deep collections may nest here.
const MAX_DEPTH: usize = 32;

type Spanned<'t> = (Event<'t>, Span);

/// A text that is being read.
pub(super) struct Regular<'t> {
    text: &'t str,
    /// Where the next line starts.
    at: usize,
    /// The number of the line that is being read, counted from 1, and where it starts.
    line: (usize, usize),
    open: Vec<Level>,
    /// The colon of a key whose value has not come yet.
    pending: Option<Marker>,
    events: VecDeque<Spanned<'t>>,
    begun: bool,
    ended: bool,
    /// Whether the whole document was in brackets.
    flowed: bool,
    /// Whether there is no parser for what is not regular: then more is read here.
    #[cfg(any(test, not(feature = "whole-yaml")))]
    alone: bool,
}

/// A collection that has not ended.
#[derive(Clone, Copy)]
struct Level {
    column: usize,
    list: bool,
}

impl<'t> Regular<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Regular {
            text,
            // Behind a byte order mark.
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            line: (0, 0),
            open: Vec::new(),
            pending: None,
            events: VecDeque::new(),
            begun: false,
            ended: false,
            flowed: false,
            #[cfg(any(test, not(feature = "whole-yaml")))]
            alone: false,
        }
    }

    /// For where there is no parser beside it: collections in brackets and literal blocks as well.
    #[cfg(any(test, not(feature = "whole-yaml")))]
    pub(super) fn alone(text: &'t str) -> Self {
        Regular { alone: true, ..Self::new(text) }
    }

    /// The next event; nothing when the text is not regular.
    pub(super) fn next(&mut self) -> Option<Spanned<'t>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            #[cfg(any(test, not(feature = "whole-yaml")))]
            if self.alone
                && self.line.0 == 0
                && !self.begun
                && self.text.trim_start().starts_with(['{', '['])
            {
                self.json()?;
                continue;
            }
            if self.at < self.text.len() {
                self.read_line()?;
            } else {
                self.end()?;
            }
        }
    }

    /// That the line that is being read is not regular.
    pub(super) fn irregular(&self, problem: &'static str) -> YamlError {
        YamlError { line: self.line.0, column: 1, problem }
    }

    fn read_line(&mut self) -> Option<()> {
        self.line = (self.line.0 + 1, self.at);
        let column = self.spaces(self.at);
        match self.text.as_bytes().get(self.at + column) {
            None | Some(b'\n' | b'\r' | b'#') => self.end_line(self.at),
            Some(b'-') if !self.begun && self.text.get(self.at..)?.starts_with("---") => {
                let (start, end) = (self.at, self.at + 3);
                self.begin(Span::new(self.mark(start), self.mark(end)), true);
                self.end_line(end)
            }
            Some(_) => self.content(column),
        }
    }

    fn content(&mut self, column: usize) -> Option<()> {
        let start = self.at + column;
        let dash = self.text.get(start..)?.starts_with("- ");
        self.enter(Level { column, list: dash }, start)?;
        let start = if dash { start + 1 + self.spaces(start + 1) } else { start };
        let Some(key) = Word::key(self.text, start) else {
            return if dash { self.value(start) } else { None };
        };
        if dash {
            self.open(Level { column: start - self.line.1, list: false }, start)?;
        }
        let colon = key.place.end;
        self.word(key);
        let value = colon + 1 + self.spaces(colon + 1);
        match self.text.as_bytes().get(value) {
            None | Some(b'\n' | b'\r' | b'#') => {
                self.pending = Some(self.mark(colon));
                self.end_line(colon + 1)
            }
            Some(_) => self.value(value),
        }
    }

    /// Ends what does not go on at this column, and begins what starts there.
    fn enter(&mut self, here: Level, start: usize) -> Option<()> {
        let Some(top) = self.open.last() else {
            if !self.begun {
                self.begin(Span::empty(self.mark(start)), false);
            }
            return self.open(here, start);
        };
        if let Some(colon) = self.pending.take() {
            if here.column > top.column {
                return self.open(here, start);
            }
            if here.column == top.column && here.list {
                // Without indentation, the parser sees the list only behind its first dash.
                return self.open(here, start + 1 + self.spaces(start + 1));
            }
            self.null(colon);
        }
        while let Some(top) = self.open.last()
            && (top.column > here.column || top.column == here.column && top.list && !here.list)
        {
            self.close();
        }
        let top = self.open.last()?;
        (top.column == here.column && top.list == here.list).then_some(())
    }

    /// Reads what is left of the line as one value.
    fn value(&mut self, start: usize) -> Option<()> {
        let rest = self.text.as_bytes().get(start..)?;
        #[cfg(any(test, not(feature = "whole-yaml")))]
        match rest.first()? {
            _ if !self.alone => {}
            b'{' | b'[' => {
                let end = self.flow(start)?;
                return self.end_line(end);
            }
            b'|' => return self.literal(start),
            _ => {}
        }
        let end = if rest.starts_with(b"{}") || rest.starts_with(b"[]") {
            self.brackets(start, rest.starts_with(b"["));
            start + 2
        } else {
            let word = Word::value(self.text, start)?;
            let end = word.place.end;
            self.word(word);
            end
        };
        self.end_line(end)
    }

    /// Goes to the next line, when this one has nothing more but a comment.
    fn end_line(&mut self, end: usize) -> Option<()> {
        let bytes = self.text.as_bytes();
        let spaces = self.spaces(end);
        let end = end + spaces;
        self.at = match bytes.get(end..)? {
            [] => end,
            [b'\n', ..] => end + 1,
            [b'\r', b'\n', ..] => end + 2,
            [b'#', comment @ ..] if spaces > 0 || end == self.line.1 => {
                let stop = end + 1 + line_length(comment);
                let comment = self.text.get(end..stop)?;
                is_harmless(comment.strip_suffix('\r').unwrap_or(comment)).then_some(())?;
                (stop + 1).min(bytes.len())
            }
            _ => return None,
        };
        Some(())
    }

    /// How many spaces there are.
    fn spaces(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| **byte == b' ').count()
    }

    fn end(&mut self) -> Option<()> {
        self.line = (self.line.0, self.text.len());
        let mark = self.mark(self.text.len());
        if !self.ended {
            if let Some(colon) = self.pending.take() {
                self.null(colon);
            }
            // A text without content is for the parser to judge.
            if !self.flowed {
                self.open.last()?;
            }
            while !self.open.is_empty() {
                self.close();
            }
            self.events.push_back((Event::DocumentEnd, Span::empty(mark)));
            self.ended = true;
        }
        self.events.push_back((Event::StreamEnd, Span::empty(mark)));
        Some(())
    }

    fn open(&mut self, level: Level, start: usize) -> Option<()> {
        let event = start_of(level.list, StructureStyle::Block);
        self.events.push_back((event, Span::empty(self.mark(start))));
        self.open.push(level);
        (self.open.len() < MAX_DEPTH).then_some(())
    }

    fn close(&mut self) {
        if let Some(level) = self.open.pop() {
            let mark = self.mark(self.line.1);
            self.events.push_back((end_of(level.list), Span::empty(mark)));
        }
    }

    fn begin(&mut self, span: Span, marker: bool) {
        self.begun = true;
        self.events.push_back((Event::DocumentStart(marker, None), span));
    }

    fn word(&mut self, word: Word<'t>) {
        let span = Span::new(self.mark(word.place.start), self.mark(word.place.end));
        self.events.push_back((Event::Scalar(word.text, word.style, 0, None), span));
    }

    /// An empty list or mapping.
    fn brackets(&mut self, start: usize, list: bool) {
        let marks = [start, start + 1, start + 2].map(|at| self.mark(at));
        let open = start_of(list, StructureStyle::Flow);
        self.events.push_back((open, Span::new(marks[0], marks[1])));
        self.events.push_back((end_of(list), Span::new(marks[1], marks[2])));
    }

    /// A value that is not written.
    fn null(&mut self, at: Marker) {
        let event = Event::Scalar(Cow::Borrowed("~"), ScalarStyle::Plain, 0, None);
        self.events.push_back((event, Span::empty(at)));
    }

    fn mark(&self, at: usize) -> Marker {
        let (line, start) = self.line;
        Marker::new(at, line, at - start).with_byte_offset(Some(at))
    }
}

fn start_of<'t>(list: bool, style: StructureStyle) -> Event<'t> {
    match list {
        true => Event::SequenceStart(style, 0, None),
        false => Event::MappingStart(style, 0, None),
    }
}

fn end_of<'t>(list: bool) -> Event<'t> {
    if list { Event::SequenceEnd } else { Event::MappingEnd }
}

#[cfg(test)]
mod tests;
