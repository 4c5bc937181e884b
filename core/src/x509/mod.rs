//! Names, keys, requests and certificates: X.509 as the API server reads it.

pub mod certificate;
pub mod chain;
pub mod code;
pub(crate) mod extension;
pub mod identity;
pub mod key;
pub mod lifetime;
pub mod name;
pub mod pkcs10;
#[cfg_attr(not(feature = "certificate-policies"), path = "policy_unchecked.rs")]
pub(crate) mod policy;
pub mod san;
#[cfg(test)]
pub(crate) mod testing;
