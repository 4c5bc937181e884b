//! Typing that is not shown, and the width of the terminal.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod system;

use std::io;

use terminal_size::terminal_size_of;

pub use self::system::{forget_typed, leave_signals, read_silently};

/// How many columns the terminal of standard error has, or else that of standard output.
pub fn columns() -> Option<usize> {
    let (width, _) = terminal_size_of(io::stderr()).or_else(|| terminal_size_of(io::stdout()))?;
    Some(usize::from(width.0)).filter(|columns| *columns > 0)
}
