//! Encodings: DER, PEM, YAML, and the two written forms of an ECDSA signature.

pub mod base64;
pub(crate) mod der;
pub mod ecdsa;
#[cfg(any(feature = "policy", feature = "roster"))]
pub(crate) mod handwritten;
pub mod pem;
pub mod utf16;
pub mod yaml;
