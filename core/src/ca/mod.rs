//! An own certificate authority, and the profiles of the certificates that it issues.

pub mod authority;
pub mod profile;
