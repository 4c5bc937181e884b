//! Failures on the way to the API server.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use usercert_core::text::show_lines;

use crate::error::chain;

/// A failure on the way, in words.
pub(super) fn transport_message(error: &kube::Error) -> String {
    let text = chain(telling(error));
    // A page about TLS for programmers.
    let text = text.split(": https://docs.rs/").next().unwrap_or_default();
    show_lines(text, 1000)
}

/// The failure that says what happened; around it are the names of the library's layers.
fn telling(error: &kube::Error) -> &(dyn Error + 'static) {
    let mut told: &(dyn Error + 'static) = error;
    while (told.is::<kube::Error>() || told.is::<legacy::Error>())
        && let Some(source) = told.source()
    {
        told = source;
    }
    told
}

/// Whether a connection that was there ended before anything of an answer came, as when a server closes an
/// idle one while a request is on its way (`shouldRetryRequest` in Go's net/http/transport.go).
pub(super) fn ended_unanswered(error: &kube::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect) {
            return false;
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>()
            && (http.is_incomplete_message() || http.is_canceled() || http.is_closed())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            let ends = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
            return ends.contains(&error.kind());
        }
        next = error.source();
    }
    false
}
