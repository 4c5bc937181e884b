//! Any bytes: what is this, in Kubernetes terms?
//!
//! Three steps: [`read`] finds the things in some bytes, [`describe`] says what can be said of one by
//! itself, and [`relations`] what several have to do with each other. [`inspect`] does the first two,
//! which is what the web page needs; `manifest` and `dump` are for the plugin.

mod certificate;
mod describe;
pub mod dump;
mod item;
mod kubeconfig;
pub mod manifest;
mod profile;
mod read;
pub mod relations;
mod subject;
#[cfg(test)]
mod testing;
mod thing;

pub use self::describe::describe;
pub use self::item::{Finding, Item, Severity};
pub use self::read::read;
pub use self::thing::{Found, PrivateKey, Thing};
use crate::encoding::yaml::YamlError;
use crate::time::UnixTime;

/// Nothing that is known here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unknown {
    /// Something else.
    #[error(
        "nothing known in it: no certificate, request, key, CertificateSigningRequest or kubeconfig"
    )]
    Other,
    /// What names its `apiVersion`, but is no YAML.
    #[error("it seems to be a Kubernetes object or a kubeconfig, but cannot be read: {0}")]
    Yaml(YamlError),
}

/// Everything found in `input`.
///
/// # Errors
/// When there is nothing known.
pub fn inspect(input: &[u8], now: UnixTime) -> Result<Vec<Item>, Unknown> {
    Ok(read(input)?.iter().map(|found| describe(found, now)).collect())
}
