//! Keys and signatures by AWS-LC, the provider that the TLS connections use too.

mod authority;
mod encrypted;
mod private_key;
mod random;
mod verification;

pub use authority::NewAuthority;
pub use encrypted::EncryptedKey;
pub use private_key::{KeyError, PrivateKey};
pub use random::random;
pub use verification::{verify, verify_chain, verify_request};

/// Longest file with a private key that is read, in bytes.
pub const KEY_LIMIT: usize = 64 * 1024;
