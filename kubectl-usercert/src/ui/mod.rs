//! The terminal: what is said and asked there, results, and the flags that commands share.

pub mod args;
pub mod fold;
pub mod help;
pub mod host;
pub mod output;
mod paint;
pub mod role_args;
pub mod terminal;
