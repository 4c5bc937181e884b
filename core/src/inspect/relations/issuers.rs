//! Who signed whom, from the answers about signatures.

use serde_json::Value;

use super::located::{Link, LocatedArtifact, certificate};
use crate::inspect::{Artifact, Description};
use crate::x509::certificate::Certificate;
use crate::x509::key::Verification;

/// For each thing the certificate that signed it. One that signed itself is a root, whoever has signed
/// it as well; else of several the one counts that is valid, and lasts longest.
pub(super) fn issuers(
    placed: &[LocatedArtifact],
    items: &mut [Description],
    links: &[Link],
    signatures: &[Verification],
) -> Vec<Option<usize>> {
    let mut issuers: Vec<Option<usize>> = vec![None; placed.len()];
    // What is to be said where nobody is found: by its subject, who is named and was not it.
    let mut others: Vec<Option<(usize, Verification)>> = vec![None; placed.len()];
    let valid: Vec<bool> = items.iter().map(is_valid).collect();
    let cannot_sign = |index| certificate(placed, index).and_then(Certificate::cannot_sign);
    let is_sound = |(index, item)| may_sign(item) && cannot_sign(index).is_none();
    let sound: Vec<bool> = items.iter().enumerate().map(is_sound).collect();
    // The CA that leaves the most to those below it.
    let rank = |ca: usize| {
        let c = certificate(placed, ca);
        let length = c.map(|c| c.path_length.unwrap_or(u32::MAX));
        let usages = c.map(|c| c.allows_client_auth());
        (sound[ca], valid[ca], usages, length, c.map(|c| c.not_after))
    };
    let is_request = |index: usize| matches!(placed[index].found.thing, Artifact::Request(_));
    for (link, signature) in links.iter().zip(signatures) {
        let Link { subject, issuer } = *link;
        let Some(item) = items.get_mut(subject) else { continue };
        let known = issuers[subject];
        let der = |index: usize| certificate(placed, index).map(|c| &c.der);
        if der(subject).is_some() && der(subject) == der(issuer) {
            item.set(
                "selfSigned",
                match signature {
                    Verification::Valid => Value::Bool(true),
                    Verification::Invalid => Value::Bool(false),
                    Verification::Unsupported => "unchecked".into(),
                },
            );
        }
        match signature {
            Verification::Invalid if is_request(subject) => item.problem(
                "signature-invalid",
                "its signature does not verify: whoever made it may not hold the key; the API server refuses it",
            ),
            Verification::Unsupported if is_request(subject) => item.note(
                "signature-unchecked",
                "its signature was not checked: unknown algorithm",
            ),
            Verification::Valid if subject == issuer => issuers[subject] = Some(issuer),
            // Nobody verifies what a root says of itself.
            Verification::Unsupported if subject == issuer => {
                issuers[subject].get_or_insert(issuer);
            }
            Verification::Valid => {
                let is_root = known == Some(subject);
                if !is_root && known.is_none_or(|known| rank(issuer) > rank(known)) {
                    issuers[subject] = Some(issuer);
                }
            }
            // Of a CA whose key has another identifier nothing else was to be expected, nor of what is
            // no CA.
            Verification::Invalid if !names_as_issuer(placed, link) => {}
            _ if certificate(placed, issuer).is_some_and(|c| !c.may_be_authority()) => {}
            Verification::Invalid => {
                others[subject].get_or_insert((issuer, Verification::Invalid));
            }
            Verification::Unsupported => {
                others[subject] = Some((issuer, Verification::Unsupported));
            }
        }
    }
    for (subject, other) in others.into_iter().enumerate() {
        let Some((issuer, signature)) = other else { continue };
        let itself = certificate(placed, subject) == certificate(placed, issuer);
        if issuers[subject].is_some() || itself {
            continue;
        }
        let by = &placed[issuer].source;
        if signature == Verification::Unsupported {
            let message = format!(
                "names the CA in {by} as its issuer; whether that signed it was not checked: \
                 unknown algorithm"
            );
            items[subject].note("signature-unchecked", message);
        } else {
            items[subject].problem(
                "not-signed-by-its-ca",
                format!("names the CA in {by} as its issuer, but that CA did not sign it"),
            );
        }
    }
    issuers
}

fn names_as_issuer(placed: &[LocatedArtifact], link: &Link) -> bool {
    let of = |index| certificate(placed, index);
    matches!((of(link.subject), of(link.issuer)), (Some(c), Some(ca)) if c.names_as_issuer(ca))
}

/// Whether nothing is known by which nobody takes a signature of it.
fn may_sign(item: &Description) -> bool {
    item.findings.iter().all(|f| !["unknown-critical", "unreadable-to-go"].contains(&f.code))
}

/// Whether nothing is wrong with its time.
pub(super) fn is_valid(item: &Description) -> bool {
    item.findings.iter().all(|f| !["expired", "not-yet-valid", "never-valid"].contains(&f.code))
}
