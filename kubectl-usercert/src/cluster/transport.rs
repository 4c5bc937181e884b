//! Failures on the way to the API server.

use kube::client::AuthError;
use usercert_core::text::{show, show_lines};

use crate::error::chain;

/// A failure on the way, in words. What an exec plugin printed stays out of it: it may be a token.
pub(super) fn transport_message(error: &kube::Error) -> String {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        match cause.downcast_ref::<AuthError>() {
            Some(AuthError::AuthExecRun { cmd, out }) => {
                return format!("exec: executable {} failed: {}", show(cmd), out.status);
            }
            Some(AuthError::AuthExecParse(_)) => {
                return "the exec plugin printed something that is no ExecCredential".to_owned();
            }
            Some(AuthError::AuthExecStart(error)) => {
                return format!("exec: the plugin's executable cannot be run: {error}");
            }
            _ => source = cause.source(),
        }
    }
    let text = chain(error);
    // A page about TLS for programmers.
    let text = text.split(": https://docs.rs/").next().unwrap_or_default();
    show_lines(text, 1000)
}
