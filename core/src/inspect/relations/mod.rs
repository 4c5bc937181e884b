//! How artifacts relate: who signed whom, which key belongs to which certificate.
//!
//! Whether a signature holds and which public half a private key has is the caller's to find out:
//! [`links`] says what to verify, [`relate`] takes the answers.

mod chains;
mod issuers;
mod keys;
mod links;
mod located;

use self::chains::chains;
use self::issuers::issuers;
use self::keys::{keys, mismatches};
pub use self::links::links;
pub use self::located::{Link, LocatedArtifact, Signed};
use super::{Artifact, Description};
use crate::api::csr::KIND;
use crate::text::protect_line;
use crate::x509::key::Verification;

/// What the caller found out.
#[derive(Debug)]
pub struct Answers<'a> {
    /// One for each of [`links`].
    pub signatures: &'a [Verification],
    /// DER of the public half of each private key, by its place in the list; `None` for all else and
    /// where it cannot be told.
    pub public_keys: &'a [Option<Vec<u8>>],
}

/// Adds to `items`, which describe `placed` one by one, what they have to do with each other.
pub fn relate(
    placed: &[LocatedArtifact],
    items: &mut [Description],
    links: &[Link],
    answers: &Answers<'_>,
) {
    let issuers = issuers(placed, items, links, answers.signatures);
    chains(placed, items, &issuers);
    answers_to_requests(placed, items);
    let owners = keys(placed, items, answers.public_keys);
    mismatches(placed, items, answers.public_keys, &owners);
    for (p, item) in placed.iter().zip(items.iter_mut()) {
        let secret = p.found.private_key().is_some_and(|key| key.kind.is_ok());
        if p.open && secret {
            item.problem(
                "key-readable",
                format!(
                    "users other than its owner can read the private key: {}",
                    protect_line(&p.source)
                ),
            );
        }
    }
}

/// Certificates that stand in an object beside the request that they do not answer; the API server
/// does not compare them.
fn answers_to_requests(placed: &[LocatedArtifact], items: &mut [Description]) {
    for (index, pair) in placed.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let together = first.source == second.source && first.found.group == second.found.group;
        let in_object = first.found.about.contains_key(KIND);
        let (Artifact::Request(request), Artifact::Certificate(leaf), true) =
            (&first.found.thing, &second.found.thing, together && in_object)
        else {
            continue;
        };
        let same = request.key.spki == leaf.key.spki
            && request.subject.user() == leaf.subject.user()
            && request.subject.groups() == leaf.subject.groups();
        if !same {
            items[index + 1].problem(
                "not-the-answer",
                "it is for another key, user or groups than the request beside it: whoever signed it did not answer that request",
            );
        }
    }
}

#[cfg(test)]
mod tests;
