//! Rosters as YAML or JSON: `people:` and a list, or the list alone.
//!
//! A plain scalar is taken as it is written: the user name `0042` is no number here, and `no` a name.

use granit_parser::{Event, Marker, Span};

use super::{FIELDS, Problem, Row, unknown_field};
use crate::encoding::yaml::{Events, YamlError};
use crate::text;

impl From<YamlError> for Problem {
    fn from(error: YamlError) -> Self {
        Self::new(error.line, error.problem)
    }
}

pub(super) fn rows(text: &str, problems: &mut Vec<Problem>) -> Result<Vec<Row>, Problem> {
    let mut reader = Reader { events: Events::new(text)?, problems, rows: Vec::new() };
    if reader.events.peek_document()?.is_some() {
        match reader.next()? {
            (Event::MappingStart(..), _) => reader.top()?,
            (Event::SequenceStart(..), _) => reader.people()?,
            (Event::Scalar(text, ..), _) if text.is_empty() => {}
            (_, span) => {
                return Err(problem(
                    &span.start,
                    "a list of people is expected: `people:` and one `- name: …` for each, or CSV whose first line names the fields",
                ));
            }
        }
        reader.next()?;
        if let Some(mark) = reader.events.peek_document()? {
            return Err(problem(&mark, "a second document starts here"));
        }
    }
    Ok(reader.rows)
}

fn problem(mark: &Marker, what: impl std::fmt::Display) -> Problem {
    Problem::new(mark.line(), what)
}

struct Reader<'t, 'p> {
    events: Events<'t>,
    problems: &'p mut Vec<Problem>,
    rows: Vec<Row>,
}

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        let (event, span) = self.events.next()?;
        match event {
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(_, 1.., _)
            | Event::MappingStart(_, 1.., _) => {
                Err(problem(&span.start, "anchors and aliases are not taken here"))
            }
            event => Ok((event, span)),
        }
    }

    fn wrong(&mut self, span: &Span, what: impl std::fmt::Display) {
        self.problems.push(problem(&span.start, what));
    }

    /// The mapping around the list.
    fn top(&mut self) -> Result<(), Problem> {
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(problem(&span.start, "a field's name is expected")),
            };
            let (value, place) = self.next()?;
            match (key.as_str(), &value) {
                ("people", Event::SequenceStart(..)) => self.people()?,
                ("people", Event::Scalar(text, ..)) if text.is_empty() => {}
                ("people", _) => {
                    self.wrong(&place, "people: a list is expected");
                    self.pass(&value)?;
                }
                _ => {
                    let what = format!(
                        "there is no field {}; there is people",
                        text::show_short(&key, 40)
                    );
                    self.wrong(&span, what);
                    self.pass(&value)?;
                }
            }
        }
    }

    fn people(&mut self) -> Result<(), Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(()),
                Event::MappingStart(..) => self.person(span.start.line())?,
                other => {
                    self.wrong(
                        &span,
                        "a person with at least a name is expected, as `- name: alice`",
                    );
                    self.pass(&other)?;
                }
            }
        }
    }

    fn person(&mut self, line: usize) -> Result<(), Problem> {
        let before = self.problems.len();
        let mut row = Row { line, ..Row::default() };
        let mut seen: Vec<String> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let field = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(problem(&span.start, "a field's name is expected")),
            };
            let (value, place) = self.next()?;
            if !FIELDS.contains(&field.as_str()) {
                self.wrong(&span, unknown_field(&field));
                self.pass(&value)?;
                continue;
            }
            if seen.contains(&field) {
                self.wrong(&span, format!("{field} is there twice"));
                self.pass(&value)?;
                continue;
            }
            if let Some(word) = row.word(&field) {
                match scalar(&value) {
                    Some(text) => *word = text,
                    None => {
                        self.wrong(&place, format!("{field}: one value is expected"));
                        self.pass(&value)?;
                    }
                }
            } else if let Some(list) = row.list(&field) {
                *list = self.values(&field, &value, &place)?;
            }
            seen.push(field);
        }
        if self.problems.len() == before {
            self.rows.push(row);
        }
        Ok(())
    }

    /// A value or a list of values.
    fn values(
        &mut self,
        field: &str,
        event: &Event<'_>,
        span: &Span,
    ) -> Result<Vec<String>, Problem> {
        let mut values = Vec::new();
        if let Some(text) = scalar(event) {
            values.extend(Some(text).filter(|text| !text.is_empty()));
            return Ok(values);
        }
        let expected = format!("{field}: a value or a list of values is expected");
        if !matches!(event, Event::SequenceStart(..)) {
            self.wrong(span, expected);
            self.pass(event)?;
            return Ok(values);
        }
        loop {
            let (event, span) = self.next()?;
            match scalar(&event) {
                _ if matches!(event, Event::SequenceEnd) => return Ok(values),
                Some(text) => values.push(text),
                None => {
                    self.wrong(&span, &expected);
                    self.pass(&event)?;
                }
            }
        }
    }

    /// Passes over the rest of a value that begins with this event.
    fn pass(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        let mut depth = depth_change(event);
        while depth > 0 {
            depth += depth_change(&self.next()?.0);
        }
        Ok(())
    }
}

fn depth_change(event: &Event<'_>) -> i32 {
    match event {
        Event::MappingStart(..) | Event::SequenceStart(..) => 1,
        Event::MappingEnd | Event::SequenceEnd => -1,
        _ => 0,
    }
}

/// A scalar's text; that of an empty one, also of one written as `null` or `~`, is empty.
fn scalar(event: &Event<'_>) -> Option<String> {
    use granit_parser::ScalarStyle::Plain;
    match event {
        Event::Scalar(text, Plain, ..) if matches!(text.as_ref(), "null" | "~") => {
            Some(String::new())
        }
        Event::Scalar(text, ..) => Some(text.to_string()),
        _ => None,
    }
}
