//! Where a change goes in the text, and in what style.
//!
//! What is added looks like what stands beside it: line breaks, indentation, block style or
//! brackets, JSON in JSON. Strings are always quoted, because kubectl reads YAML 1.1.
//!
//! - `list`: entries of a list, added and removed.
//! - `writer`: what is put down for all changes together, and what is refused.
//! - `value`: another value in the place of one, and keys added to the outermost mapping.

mod list;
mod value;
mod writer;

use std::ops::Range;

use self::writer::Writer;
use super::changes::{Changes, EditError};
use super::document::Document;

/// With how many replacements a text is better written anew than moved each time.
const IN_PLACE: usize = 4;

/// Replacements in the text.
pub(super) struct Plan {
    splices: Vec<(Range<usize>, String)>,
}

impl Plan {
    pub(super) fn make(document: &Document<'_>, changes: &Changes<'_>) -> Result<Plan, EditError> {
        let mut splices = Writer::splices(document, changes)?;
        // Stable: at the same place, what was put down first comes first.
        splices.sort_by_key(|(range, _)| (range.start, range.end));
        Ok(Plan { splices })
    }

    pub(super) fn carry_out(mut self, text: &mut String) {
        // What is removed twice goes once.
        let mut at = 0;
        for (range, _) in &mut self.splices {
            *range = at.max(range.start)..at.max(range.end);
            at = range.end;
        }
        if self.splices.len() > IN_PLACE {
            *text = self.rewritten(text);
            return;
        }
        text.reserve_exact(self.splices.iter().map(|(_, new)| new.len()).sum());
        for (range, new) in self.splices.iter().rev() {
            text.replace_range(range.clone(), new);
        }
    }

    fn rewritten(&self, text: &str) -> String {
        let added: usize = self.splices.iter().map(|(_, new)| new.len()).sum();
        let mut out = String::with_capacity(text.len() + added);
        let mut at = 0;
        for (range, new) in &self.splices {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(new);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}
