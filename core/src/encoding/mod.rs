//! Encodings: DER, PEM, YAML, and the two written forms of an ECDSA signature.

pub(crate) mod der;
pub mod ecdsa;
pub mod pem;
pub mod placed;
pub mod yaml;
