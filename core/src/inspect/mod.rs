//! Identifies arbitrary bytes in Kubernetes terms.
//!
//! Three steps: [`read`] finds the things in some bytes, [`describe`] says what can be said of one by
//! itself, and [`relations`] what several have to do with each other. [`inspect`] does the first two,
//! which is what the web page needs; `manifest` and `dump` are for the plugin.

mod artifact;
mod certificate;
mod describe;
mod description;
pub mod dump;
mod key;
pub mod manifest;
mod profile;
mod read;
pub mod relations;
mod subject;
#[cfg(test)]
mod testing;

pub use self::artifact::{Artifact, FoundArtifact, PrivateKey};
pub use self::describe::describe;
pub use self::description::{Description, Finding, Severity};
pub use self::read::{Unknown, read, stored};
use crate::time::UnixTime;

/// Everything found in `input`.
///
/// # Errors
/// When there is nothing known.
pub fn inspect(input: &[u8], now: UnixTime) -> Result<Vec<Description>, Unknown> {
    Ok(read(input)?.iter().map(|found| describe(found, now)).collect())
}
