//! `usercert-core` for browsers and Node: an adapter without logic of its own.
//!
//! Every function takes and gives plain values: text, bytes, and structures as JSON text, which the
//! small JavaScript modules beside this crate (`js/`) parse and give their types. Cryptography is
//! WebCrypto's; what it needs to know for a key or a signature is in [`webcrypto`]. Bytes inside JSON
//! are base64.

pub mod answer;
pub mod inspection;
pub mod json;
pub mod key;
pub mod request;
pub mod webcrypto;

use usercert_core::text;
use usercert_core::time::UnixTime;
use usercert_core::x509::key::Verification;
use wasm_bindgen::prelude::*;

/// The version of this library, which is the plugin's as well.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// What an exported function gives when it cannot fail but for its arguments.
type Result<T> = std::result::Result<T, JsError>;

/// Seconds since 1970 as JavaScript has them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of floats saturate, and no time is that far"
)]
fn time(seconds: f64) -> UnixTime {
    UnixTime(seconds as i64)
}

/// The lines of a text, each of which ends with a line break: how lists of names come in. (Lists of
/// their own would cost the page 2 KB.)
fn lines(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}

/// Names that are safe to show.
fn shown<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    names.into_iter().map(|name| text::show(name)).collect()
}

fn verification(word: &str) -> Verification {
    match word {
        "valid" => Verification::Valid,
        "invalid" => Verification::Invalid,
        _ => Verification::Unsupported,
    }
}
