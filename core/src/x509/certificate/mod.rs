//! X.509 certificates (RFC 5280) as answers to requests: read, describe, and check against what was
//! asked.
//!
//! The API server checks only that `status.certificate` parses; whether it belongs to the request is
//! for the client to find out (`pkg/apis/certificates/validation/validation.go`).

mod check;
mod read;
mod readable;
mod refusals;
mod usages;

pub use check::{Chain, Check, Expected, Outcome, any_failed, check};
pub use read::{Certificate, CertificateError, LABEL, chain_to_pem};
pub use refusals::refusals;
pub(crate) use usages::KEY_USAGES;
