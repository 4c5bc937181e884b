//! The terminal: what is said and asked there, results, and the flags that commands share.

pub mod args;
pub mod host;
pub mod output;
pub mod role_args;
mod terminal;
