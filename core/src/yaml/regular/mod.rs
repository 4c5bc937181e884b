//! The events of a text that is written as kubectl writes, found line by line.
//!
//! Nearly every kubeconfig has nothing but comments and lines `key: value`, `- key: value` and
//! `- value`, indented by spaces, and nearly all of a large one is base64. A parser for all of YAML
//! looks at each character several times; here it is once. Whatever else a line holds ends the
//! reading, and the text is read by the parser instead: this is faster, never more tolerant. Events
//! and their places are those of the parser (`Spec: YAML 1.2.2, chapters 7.3 and 8.2`).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use granit_parser::{Event, Marker, ScalarStyle, Span, StructureStyle};

use super::check_characters;

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
    ended: bool,
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
            at: 0,
            line: (0, 0),
            open: Vec::new(),
            pending: None,
            events: VecDeque::new(),
            ended: false,
        }
    }

    /// The next event; nothing when the text is not regular.
    pub(super) fn next(&mut self) -> Option<Spanned<'t>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.at < self.text.len() {
                self.read_line()?;
            } else {
                self.end()?;
            }
        }
    }

    fn read_line(&mut self) -> Option<()> {
        self.line = (self.line.0 + 1, self.at);
        let rest = self.text.get(self.at..)?;
        let column = rest.bytes().take_while(|byte| *byte == b' ').count();
        match rest.as_bytes().get(column) {
            None | Some(b'\n' | b'\r' | b'#') => {
                let line = rest.split_inclusive('\n').next()?;
                self.at += line.len();
                let line = line.strip_suffix('\n').unwrap_or(line);
                is_harmless(line.strip_suffix('\r').unwrap_or(line)).then_some(())
            }
            Some(_) => self.content(column),
        }
    }

    fn content(&mut self, column: usize) -> Option<()> {
        let start = self.at + column;
        let dash = self.text.get(start..)?.starts_with("- ");
        self.enter(Level { column, list: dash }, start)?;
        let start = if dash { start + 2 } else { start };
        let Some(colon) = self.key(start) else {
            return if dash { self.value(start) } else { None };
        };
        if dash {
            self.open(Level { column: column + 2, list: false }, start)?;
        }
        self.scalar(start..colon, start..colon, ScalarStyle::Plain);
        let behind = colon + 1;
        if self.text.as_bytes().get(behind) == Some(&b' ') {
            return self.value(behind + 1);
        }
        self.pending = Some(self.mark(colon));
        self.end_line(behind)
    }

    /// Ends what does not go on at this column, and begins what starts there.
    fn enter(&mut self, here: Level, start: usize) -> Option<()> {
        let Some(top) = self.open.last() else {
            let mark = self.mark(start);
            self.events.push_back((Event::DocumentStart(false, None), Span::empty(mark)));
            return self.open(here, start);
        };
        if let Some(colon) = self.pending.take() {
            if here.column > top.column {
                return self.open(here, start);
            }
            if here.column == top.column && here.list {
                // Without indentation, the parser sees the list only behind its first dash.
                return self.open(here, start + 2);
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

    /// Where the colon behind a key is.
    fn key(&self, start: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(start..)?;
        rest.first().filter(|byte| byte.is_ascii_alphabetic())?;
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = rest.iter().take(128).take_while(|byte| fits(byte)).count();
        match rest.get(length..)? {
            [b':'] | [b':', b' ' | b'\n' | b'\r', ..] => Some(start + length),
            _ => None,
        }
    }

    /// Reads what is left of the line as one value.
    fn value(&mut self, start: usize) -> Option<()> {
        let rest = self.text.as_bytes().get(start..)?;
        let end = match rest {
            [b'"', inside @ ..] => {
                let ends = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < b' ';
                let end = start + 1 + inside.iter().position(ends)?;
                let whole = self.text.get(start..end)?;
                self.scalar(start + 1..end, start..end + 1, ScalarStyle::DoubleQuoted);
                (rest.get(end - start) == Some(&b'"') && is_harmless(whole)).then_some(end + 1)?
            }
            [b'{', b'}', ..] | [b'[', b']', ..] => {
                let (style, list) = (StructureStyle::Flow, rest.first() == Some(&b'['));
                let (open, close) = if list {
                    (Event::SequenceStart(style, 0, None), Event::SequenceEnd)
                } else {
                    (Event::MappingStart(style, 0, None), Event::MappingEnd)
                };
                let marks = [start, start + 1, start + 2].map(|at| self.mark(at));
                self.events.push_back((open, Span::new(marks[0], marks[1])));
                self.events.push_back((close, Span::new(marks[1], marks[2])));
                start + 2
            }
            [first, after @ ..] => {
                let is_text =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.');
                let next = after.first();
                let option = *first == b'-' && next.is_some_and(|n| is_text(n) || *n == b'-');
                if !is_text(first) && !option {
                    return None;
                }
                let place = start..start + plain_length(rest);
                // A colon would make it a key.
                if rest.get(place.len() - 1) == Some(&b':') {
                    return None;
                }
                self.scalar(place.clone(), place.clone(), ScalarStyle::Plain);
                place.end
            }
            [] => return None,
        };
        self.end_line(end)
    }

    /// Goes to the next line, when this one has nothing more.
    fn end_line(&mut self, end: usize) -> Option<()> {
        self.at = match self.text.as_bytes().get(end..)? {
            [] => end,
            [b'\n', ..] => end + 1,
            [b'\r', b'\n', ..] => end + 2,
            _ => return None,
        };
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        self.line = (self.line.0, self.text.len());
        let mark = self.mark(self.text.len());
        if !self.ended {
            if let Some(colon) = self.pending.take() {
                self.null(colon);
            }
            // A text without content is for the parser to judge.
            self.open.last()?;
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
        let style = StructureStyle::Block;
        let event = if level.list {
            Event::SequenceStart(style, 0, None)
        } else {
            Event::MappingStart(style, 0, None)
        };
        self.events.push_back((event, Span::empty(self.mark(start))));
        self.open.push(level);
        (self.open.len() < MAX_DEPTH).then_some(())
    }

    fn close(&mut self) {
        if let Some(level) = self.open.pop() {
            let event = if level.list { Event::SequenceEnd } else { Event::MappingEnd };
            let mark = self.mark(self.line.1);
            self.events.push_back((event, Span::empty(mark)));
        }
    }

    fn scalar(&mut self, content: Range<usize>, place: Range<usize>, style: ScalarStyle) {
        let text = Cow::Borrowed(self.text.get(content).unwrap_or_default());
        let span = Span::new(self.mark(place.start), self.mark(place.end));
        self.events.push_back((Event::Scalar(text, style, 0, None), span));
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

/// Whether there is no control character, no line break of any kind and no character that kubectl
/// refuses.
fn is_harmless(text: &str) -> bool {
    let bad = |byte: u8| byte < b' ' && byte != b'\t';
    !text.bytes().any(bad) && (text.is_ascii() || check_characters(text).is_ok())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Events;
    use super::*;

    /// The events with the lines and bytes that they come from, as far as anybody looks at them.
    fn told(mut events: Events<'_>) -> Option<Vec<String>> {
        let mut told = Vec::new();
        loop {
            let (event, span) = events.next().ok()?;
            let place = match event {
                Event::MappingEnd | Event::SequenceEnd if span.is_empty() => None,
                Event::DocumentEnd | Event::StreamEnd => None,
                _ => Some((span.start.line(), span.byte_range())),
            };
            told.push(format!("{event:?} {place:?}"));
            if event == Event::StreamEnd {
                return Some(told);
            }
        }
    }

    /// Whether the text is regular; then its events are the parser's.
    fn is_regular(text: &str) -> bool {
        let Some(ours) = told(Events::regular(text)) else { return false };
        assert_eq!(Some(ours), Events::new(text).ok().and_then(told), "{text:?}");
        true
    }

    /// The ways in which kubectl and we write.
    const REGULAR: &[&str] = &[
        "a: b",
        "a: b\n",
        "a:\nb:\n",
        "a:\n  b:\n",
        "a:\n- b:\n",
        "a:\n- b:\n  - c\n",
        "a:\n  - b: c\n    d: e\n  - f\n",
        "a: b\r\nc:\r\n- d: e\r\n\r\nf: {}\r\n",
        "# ü\n\n  # more\nkind: Config\n   \npreferences: {}\nusers: []\n# end",
        "users:\n- name: \"ü: # \"\n  user:\n    exec:\n      args:\n      - --x=y\n      - -z\n      env: null\n",
        "a:\n# comment\n- b: https://c:6443/d\n# after\nc: 1_000\nd: 1::1\n",
    ];

    #[test]
    fn events_are_the_parsers() {
        for text in REGULAR {
            assert!(is_regular(text), "{text:?}");
        }
    }

    #[test]
    fn so_are_those_of_any_kubeconfig() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubeconfig"));
        let regular = files.unwrap().filter(|file| {
            let text = std::fs::read(file.as_ref().unwrap().path()).unwrap();
            String::from_utf8(text).is_ok_and(|text| is_regular(&text))
        });
        assert!(regular.count() > 10);
    }

    /// Mostly one of the first, sometimes one of the second.
    fn part(
        usual: &'static [&'static str],
        odd: &'static [&'static str],
    ) -> impl Strategy<Value = &'static str> {
        prop_oneof![15 => prop::sample::select(usual), 1 => prop::sample::select(odd)]
    }

    proptest! {
        #[test]
        fn and_those_of_any_lines(
            lines in prop::collection::vec(
                (
                    0..3usize,
                    part(&["", "- "], &["-", "- - ", "#", "? ", "\t", " ", "-  "]),
                    part(&["a", "b.c", "d-e", "y", "http"], &["0", "<<", "\"f\"", "", "é"]),
                    part(&[":", ": ", ": "], &["", ":  ", " : "]),
                    part(
                        &["", "", "x", "1_0", "\"q: # ü\"", "{}", "[]", "--o", "https://h:1/"],
                        &[
                            "x y", "'s'", "[ ]", "{a: b}", "-", "- o", "-o", "h:", "x #c", "x#c", "|", "*a",
                            "&a x", "!t x", "~", "null", "...", "---", "é", "\"\\n\"", "\"open", "%", "@x", ".5",
                            "-.5", "a,b", "/", ">", "\u{85}", "\u{feff}", "\u{7f}",
                        ],
                    ),
                    part(&["\n", "\n", "\r\n", "\n\n", "\n# c\n"], &[" \n", "", "\r", "\n...\n", "\n---\n"]),
                ),
                0..7,
            )
        ) {
            let line = |(indent, dash, key, colon, value, end): &(usize, _, _, _, _, _)| {
                format!("{}{dash}{key}{colon}{value}{end}", "  ".repeat(*indent))
            };
            is_regular(&lines.iter().map(line).collect::<String>());
        }
    }
}
