//! Base64 as texts hold it.

use zeroize::Zeroizing;

/// Base64 in one line; it may be that of a key.
pub(super) fn without_space(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    line.extend(text.chars().filter(|c| !c.is_whitespace()));
    line
}
