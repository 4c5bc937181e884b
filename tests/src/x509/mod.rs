//! Certificates and requests, read and written as Go's `crypto/x509` would.
//!
//! The sandbox imitates a server written in Go, down to the names that only Go reads in a certain way. So it brings its
//! own small reader and writer instead of a library with opinions of its own.

mod authority;
mod certificate;
mod der;
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
