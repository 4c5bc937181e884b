//! What is wrong with a text, and the limit that all readers share.

use granit_parser::Marker;

/// How deep collections may nest.
pub(crate) const MAX_DEPTH: usize = 100;

/// What is wrong with a text, and where. Never holds any of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct YamlError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

impl YamlError {
    pub(crate) fn at(mark: &Marker, problem: &'static str) -> Self {
        YamlError { line: mark.line(), column: mark.col() + 1, problem }
    }
}
