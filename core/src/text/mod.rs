//! Rendering of foreign strings for people, and names that look alike.
//!
//! User names, groups, object names, conditions and server messages come from strangers. A terminal
//! interprets control characters, bidirectional or invisible ones make two different names look the
//! same (Unicode TR36 and TR39), and runs of spaces paint columns and lines that are not there.
//! [`show()`] is injective: two different strings never render alike byte for byte, and the rendering
//! of any string holds only visible characters and single spaces.

pub(crate) mod confusable;
pub(crate) mod dns;
mod hidden;
mod shell;
mod show;
pub mod sorted;

pub use hidden::{first_hidden, is_hidden};
pub use shell::{delete_line, protect_line, shell_word};
pub use show::{
    quoted, show, show_lines, show_list, show_message, show_name, show_path, show_quoted,
    show_short, width,
};
