//! What is wrong with a run before anything is sent: all of it is told at once.

use std::path::Path;

use usercert_core::roster::Problem;

use crate::error::{Error, Exit, Result};
use crate::ui::host::input_name;

/// Problems that are listed; who has more has the wrong file.
const LISTED: usize = 100;

#[derive(Default)]
pub struct Wrong {
    /// Of flags.
    flags: Vec<Error>,
    /// Of lines of the roster.
    pub rows: Vec<Problem>,
}

impl Wrong {
    /// What a flag says, if nothing is wrong with it.
    pub fn flag<T>(&mut self, value: Result<T>) -> Option<T> {
        value.map_err(|error| self.flags.push(error)).ok()
    }

    pub fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.rows.is_empty()
    }

    /// All of it in one error.
    pub fn into_error(mut self, file: &Path) -> Error {
        if !self.rows.is_empty() {
            self.rows.sort_by_key(|p| p.line);
            self.flags.push(refuse(file, &self.rows));
        }
        let (mut exit, mut messages, mut hints) = (Exit::Done, Vec::new(), Vec::new());
        for error in self.flags {
            exit = exit.gravest(error.exit);
            messages.push(error.message);
            hints.extend(
                error.hints.into_iter().filter(|hint| !hints.contains(hint)).collect::<Vec<_>>(),
            );
        }
        Error { exit, message: messages.join("\n"), hints }
    }
}

/// An error that lists problems of a roster.
pub fn refuse(file: &Path, problems: &[Problem]) -> Error {
    let name = input_name(file);
    let mut message = match problems.len() {
        1 => format!("{name} has a problem:"),
        n => format!("{name} has {n} problems:"),
    };
    for problem in problems.iter().take(LISTED) {
        message.push_str(&format!("\n{problem}"));
    }
    if problems.len() > LISTED {
        message.push_str(&format!("\nand {} more", problems.len() - LISTED));
    }
    Error::new(message).hint("nothing was sent; fix the file and run the command again")
}
