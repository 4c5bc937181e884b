//! YAML files that people write by hand, read into types by serde: an error says line and column.
//!
//! Anchors, aliases and tags are refused: what they make of a value is easily overlooked.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use granit_parser::{Event, Span};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::yaml::{Events, Scalar, YamlError, resolve};
use crate::text;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct FileError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there; safe to show.
    pub problem: String,
}

impl FileError {
    fn at(span: &Span, problem: impl Into<String>) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1, problem: problem.into() }
    }
}

impl From<YamlError> for FileError {
    fn from(error: YamlError) -> Self {
        Self { line: error.line, column: error.column, problem: error.problem.to_owned() }
    }
}

/// A value, or the beginning of one, in the order of the text.
pub(crate) struct Node<'t> {
    /// The number of lists and mappings around it.
    pub(crate) depth: usize,
    /// A scalar, or the start of a list or mapping.
    pub(crate) event: Event<'t>,
    /// Where it begins.
    pub(crate) span: Span,
}

/// Looks at all keys and values of the one document, before serde does.
///
/// # Errors
/// No YAML, several documents, anchors, aliases and tags, or what `look` refuses.
pub(crate) fn walk<'t>(
    text: &'t str,
    mut look: impl FnMut(&Node<'t>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let mut events = Events::new(text)?;
    let mut depth = 0;
    events.peek_document()?;
    loop {
        let (event, span) = events.next()?;
        match event {
            Event::DocumentEnd | Event::StreamEnd => break,
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(_, 1.., _)
            | Event::MappingStart(_, 1.., _) => {
                return Err(FileError::at(&span, "anchors and aliases are not allowed here"));
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => {
                return Err(FileError::at(&span, "tags are not allowed here"));
            }
            Event::SequenceEnd | Event::MappingEnd => depth -= 1,
            event => {
                let opens = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
                look(&Node { depth, event, span })?;
                depth += usize::from(opens);
            }
        }
    }
    match events.next()? {
        (Event::DocumentStart(..), span) => {
            Err(FileError::at(&span, "a second document starts here"))
        }
        _ => Ok(()),
    }
}

/// Refuses a value that is none, and one that readers of YAML take for different things.
pub(crate) fn unambiguous(node: &Node<'_>) -> Result<(), FileError> {
    let Event::Scalar(text, style, _, tag) = &node.event else { return Ok(()) };
    let wrong = |problem: &str| Err(FileError::at(&node.span, problem));
    let number = || !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    match resolve(text.clone(), *style, tag.as_deref()) {
        Ok(Scalar::Text(_)) => Ok(()),
        Ok(Scalar::Bool(_)) if matches!(text.as_ref(), "true" | "false") => Ok(()),
        Ok(Scalar::Int(_)) if number() => Ok(()),
        Ok(Scalar::Null) => wrong("a value is missing; give one, or leave the field out"),
        Ok(_) => wrong(
            "some readers of YAML take this for true, false or a number; write true or false, or put it in quotes",
        ),
        Err(problem) => wrong(problem),
    }
}

/// The one document of a text.
///
/// # Errors
/// What serde refuses, with its place.
pub(crate) fn from_str<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, FileError> {
    serde_yaml::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |l| (l.line(), l.column()));
        let whole = error.to_string();
        let end = format!(" at line {line} column {column}");
        let problem = whole.strip_suffix(&end).unwrap_or(&whole);
        // The path of an item of the outermost list begins with a dot.
        let problem = text::show_short(problem.strip_prefix('.').unwrap_or(problem), 400);
        FileError { line, column, problem }
    })
}

/// A text that [`FromStr`] understands. What it refuses is told with the place of the text.
pub(crate) fn word<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Word<T>(PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, in quotes where it looks like something else")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Word(PhantomData))
}

/// A mapping that says something: an empty one would pass for a rule and be none.
pub(crate) fn filled<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default + PartialEq>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Filled<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de> + Default + PartialEq> Visitor<'de> for Filled<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let value = T::deserialize(MapAccessDeserializer::new(map))?;
            let empty = value == T::default();
            if empty {
                Err(A::Error::custom("this rule says nothing; fill it in or leave it out"))
            } else {
                Ok(value)
            }
        }
    }
    deserializer.deserialize_any(Filled(PhantomData))
}
