//! Failures on the way to the API server.

use usercert_core::text::show_lines;

use crate::error::chain;

/// A failure on the way, in words.
pub(super) fn transport_message(error: &kube::Error) -> String {
    let text = chain(error);
    // A page about TLS for programmers.
    let text = text.split(": https://docs.rs/").next().unwrap_or_default();
    show_lines(text, 1000)
}
