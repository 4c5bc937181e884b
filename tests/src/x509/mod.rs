//! Certificates and requests, read and written as Go's `crypto/x509` would.
//!
//! x509-parser reads and x509-cert writes, so that they are another opinion than the core library's. What is written
//! here is where Go has its own: which PEM and which strings it takes, what it keeps of a name, and its error texts.

mod authority;
mod certificate;
mod name;
mod pem;
mod request;
mod usage;

pub(crate) use self::authority::{Authority, ClientKey, IssueError, Profile};
pub(crate) use self::certificate::{check_certificate, sha256_hex};
pub(crate) use self::name::{Name, subject_of};
pub(crate) use self::pem::encode as encode_pem;
pub(crate) use self::request::{AltNames, Request};
pub(crate) use self::usage::{KNOWN_USAGES, Usages};
