//! What a command ends with when it does not succeed: a message, what to do next, an exit code.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the work failed; also failed, vanished and replaced requests.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: refused: denied, a refusing finding, or the person said no.
    Refused,
    /// 4: the condition asked about is met (something expires within …).
    Matched,
    /// 5: timed out, or interrupted, while pending or approved but unsigned.
    TimedOut,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Matched => 4,
            Self::TimedOut => 5,
        }
    }

    /// Of two outcomes the one that decides: 1, then 3, then 5, then the rest.
    pub fn gravest(self, other: Self) -> Self {
        let weight = |e: Self| match e {
            Self::Failed => 5,
            Self::Refused => 4,
            Self::TimedOut => 3,
            Self::Usage => 2,
            Self::Matched => 1,
            Self::Done => 0,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

/// Why a command did not do what it was asked.
///
/// Not a [`std::error::Error`] itself, so that every such error converts into it by `?`.
#[derive(Debug)]
pub struct Error {
    pub exit: Exit,
    /// What happened. Safe to show: foreign strings in it have been rendered.
    pub message: String,
    pub hints: Vec<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hints: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(message) }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, ..Self::new(message) }
    }

    pub fn timed_out(message: impl Into<String>) -> Self {
        Self { exit: Exit::TimedOut, ..Self::new(message) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self::new(chain(&error))
    }
}

/// An error and its sources in one line, each said once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}

pub trait ResultExt<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
    fn hint(self, hint: impl Into<String>) -> Result<T>;
    fn usage(self) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|e| {
            let mut error: Error = e.into();
            error.message = format!("{what}: {}", error.message);
            error
        })
    }

    fn hint(self, hint: impl Into<String>) -> Result<T> {
        self.map_err(|e| e.into().hint(hint))
    }

    fn usage(self) -> Result<T> {
        self.map_err(|e| Error { exit: Exit::Usage, ..e.into() })
    }
}
