//! Key types, public keys as found in requests and certificates, and private keys as bytes.
//!
//! Core makes no keys and signs nothing; it knows which kinds there are, wraps the older private key
//! formats into PKCS#8 (RFC 5208) and says what a foreign signature was made with.

mod curve;
mod private;
mod public;
mod signature;

pub(crate) use self::curve::is_on_curve;
pub use self::private::{PrivateKeyError, kind_of_pkcs8, pem_block, to_pkcs8};
pub(crate) use self::public::{DSA, EC, ED25519, RSA};
pub use self::public::{KeyKind, KeyType, PublicKey, UnknownKeyType};
pub use self::signature::{Hash, SignatureAlgorithm, Verification};
