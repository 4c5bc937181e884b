//! Rosters as YAML or JSON: `people:` and a list, or the list alone.
//!
//! A plain scalar is taken as it is written: the user name `0042` is not a number here, and `no` a name.

use std::fmt;

use granit_parser::Event;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::{Problem, Row};
use crate::encoding::handwritten::{self, FileError};

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        Self { line: error.line, what: error.problem }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(
    expecting = "a list of people: `people:` and one `- name: …` for each, or CSV whose first line names the fields"
)]
struct Roster {
    people: Option<Vec<Row>>,
}

pub(super) fn rows(text: &str) -> Result<Vec<Row>, Problem> {
    // serde does not say where a row begins: in a list alone its items do, else what is in the list of a field.
    let mut alone = None;
    let mut lines = Vec::new();
    handwritten::walk(text, |node| {
        let item = if *alone.get_or_insert(matches!(node.event, Event::SequenceStart(..))) {
            1
        } else {
            2
        };
        if node.depth == item {
            lines.push(node.span.start.line());
        }
        Ok(())
    })?;
    let mut rows: Vec<Row> = match alone {
        None => Vec::new(),
        Some(true) => handwritten::from_str(text)?,
        Some(false) => handwritten::from_str::<Roster>(text)?.people.unwrap_or_default(),
    };
    for (row, line) in rows.iter_mut().zip(lines) {
        row.line = line;
    }
    Ok(rows)
}

/// A value as it is written; none is an empty one.
pub(super) fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A value or a list of values.
pub(super) fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Values;
    impl<'de> Visitor<'de> for Values {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of values, or one value, in quotes where it looks like a number")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(if text.is_empty() { Vec::new() } else { vec![text.to_owned()] })
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = items.next_element::<Option<String>>()? {
                values.push(value.unwrap_or_default());
            }
            Ok(values)
        }
    }
    deserializer.deserialize_any(Values)
}
