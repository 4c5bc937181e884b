//! What is in the store of a certificate that renews itself, in the place of the entry that names it.

use super::artifacts::Artifacts;
use super::pem;
use crate::inspect::{Finding, FoundArtifact, Severity};
use crate::lifecycle::credential::{Attempts, StoredCredential, renewal_point};
use crate::text::show_short;

/// The certificate and key of a user entry, as its store holds them; `place` is where that is, safe to
/// show.
pub fn stored(
    entry: FoundArtifact,
    credential: &StoredCredential,
    attempts: Option<&Attempts>,
    place: &str,
) -> Vec<FoundArtifact> {
    let (certificate, key) = (credential.certificate.as_bytes(), credential.key.as_bytes());
    let mut things = Artifacts::in_bytes(certificate.len() + key.len());
    pem::add(&mut things, certificate);
    if things.is_empty() {
        things.push_unreadable("certificate", "the store holds no PEM block");
    }
    pem::add(&mut things, key);
    for found in &mut things.found {
        found.group = entry.group;
        found.about.insert("store".to_owned(), place.into());
        if let Some(name) = entry.about.get("name") {
            found.about.insert("name".to_owned(), name.clone());
        }
    }
    let mut found = things.all();
    let Some(first) = found.first_mut() else { return vec![entry] };
    first.role = entry.role;
    first.about.extend(entry.about);
    first.findings.splice(0..0, entry.findings);
    if let Some(leaf) = first.certificate() {
        let failed = attempts.filter(|a| a.certificate == leaf.fingerprint());
        let due = renewal_point(leaf);
        first.about.insert("renewsFrom".to_owned(), due.to_string().into());
        if let Some(attempts) = failed {
            let message = format!("not renewed yet: {}", show_short(&attempts.why, 300));
            let (code, severity) = ("renewal-waits", Severity::Info);
            first.findings.push(Finding { code, severity, message });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::inspect::testing::{DURING, PEM};
    use crate::inspect::{Artifact, describe};
    use crate::kubeconfig::self_renewing::{self, StoreReference};

    fn entry() -> FoundArtifact {
        let store = StoreReference { id: "0123abcd".to_owned(), state_home: None };
        let exec = self_renewing::exec("/opt/kubectl-usercert", &store);
        let config = serde_json::json!({ "apiVersion": "v1", "kind": "Config",
            "users": [{ "name": "alice", "user": { "exec": exec } }] });
        let found = read(config.to_string().as_bytes()).unwrap().pop().unwrap();
        assert!(matches!(&found.thing, Artifact::SelfRenewing { store: s, .. } if *s == store));
        found
    }

    fn credential(certificate: &str) -> StoredCredential {
        serde_json::from_value(serde_json::json!({
            "context": "c", "server": "https://s", "signerName": "n", "certificate": certificate,
            "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        }))
        .unwrap()
    }

    #[test]
    fn an_entry_is_described_by_what_its_store_holds() {
        let alone = describe(&entry(), DURING);
        assert_eq!(alone.what, "kubeconfig user");
        assert_eq!(alone.findings[0].code, "stored-elsewhere");
        assert!(!alone.properties.contains_key("credentials"));
        let mut attempts = Attempts {
            certificate: "another".to_owned(),
            failures: 1,
            next: DURING,
            why: "nobody\u{7} answers".to_owned(),
        };
        let codes = |found: &[FoundArtifact]| -> Vec<&str> {
            describe(&found[0], DURING).findings.iter().map(|f| f.code).collect()
        };
        let found = stored(entry(), &credential(PEM), Some(&attempts), "/state/x");
        assert!(!codes(&found).contains(&"renewal-waits"), "it is about an earlier certificate");
        let item = describe(&found[0], DURING);
        assert_eq!((item.what.as_str(), item.word("name")), ("kubeconfig user", "alice"));
        assert_eq!(item.word("store"), "/state/x");
        assert!(item.expires.is_some() && !item.word("renewsFrom").is_empty());
        assert!(found[1].private_key().is_some());
        assert_eq!((found[1].group, found[1].role), (found[0].group, None));
        attempts.certificate = found[0].certificate().unwrap().fingerprint();
        let found = stored(entry(), &credential(PEM), Some(&attempts), "/state/x");
        assert!(codes(&found).contains(&"renewal-waits"));
        let found = stored(entry(), &credential("junk"), None, "/state/x");
        assert_eq!(codes(&found), ["unreadable"]);
    }
}
