//! Certificates for tests of this folder: real in form, changed in what matters.

use super::{Artifact, FoundArtifact, describe};
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::name::Subject;
use crate::x509::testing::request;

/// Within the validity of the certificates here.
pub(crate) const DURING: UnixTime = UnixTime(1_577_880_000);

pub(crate) const PEM: &str = include_str!("../../tests/data/expired.pem");

/// A client's certificate for this user and these groups; an empty user has no common name.
pub(crate) fn certificate(user: &str, groups: &[&str]) -> Certificate {
    let mut certificate = Certificate::chain_from_pem(PEM.as_bytes()).unwrap().remove(0);
    certificate.subject = match user {
        "" => Subject::default(),
        user => {
            // system:masters cannot be asked for, but certificates have it.
            let askable = groups.iter().map(|g| if *g == "system:masters" { "m" } else { *g });
            let mut subject = request(user, &askable.collect::<Vec<_>>()).subject;
            for attribute in &mut subject.attributes {
                if attribute.value.as_deref() == Some("m") {
                    attribute.value = Some("system:masters".to_owned());
                }
            }
            subject
        }
    };
    certificate.version = 3;
    certificate.subject_der = format!("subject {user}").into_bytes();
    certificate.issuer_der = b"subject ca".to_vec();
    certificate.extended_key_usages = usages(&["client auth"]);
    certificate
}

pub(crate) fn usages(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|n| (*n).to_owned()).collect())
}

pub(crate) fn found(thing: Artifact) -> FoundArtifact {
    let about = serde_json::Map::new();
    FoundArtifact { thing, role: None, about, group: 1, findings: Vec::new() }
}

/// The codes of what is found in a certificate by itself.
pub(crate) fn codes(certificate: Certificate, now: UnixTime) -> Vec<&'static str> {
    let item = describe(&found(Artifact::Certificate(Box::new(certificate))), now);
    item.findings.iter().map(|f| f.code).collect()
}
