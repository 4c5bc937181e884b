//! From a thing to what is said of it.

use super::key::check_key;
use super::{Artifact, Description, FoundArtifact, PrivateKey, certificate, subject};
use crate::api::csr::{self, Object, State};
use crate::text::{show, show_short};
use crate::time::{UnixTime, human_duration};
use crate::x509::key::{PrivateKeyError, SignatureAlgorithm};
use crate::x509::pkcs10::CertificateRequest;

/// What can be said of a thing by itself, without the others and without cryptography.
pub fn describe(found: &FoundArtifact, now: UnixTime) -> Description {
    let mut item = match &found.thing {
        Artifact::Certificate(certificate) => certificate::describe(certificate, now),
        Artifact::Request(request) => of_request(request),
        Artifact::PrivateKey(key) => of_private_key(key),
        Artifact::PublicKey(key) => {
            let mut item = Description::new("public key").with("key", key.kind.to_string());
            check_key(&mut item, &key.kind);
            item
        }
        Artifact::Object(object) => of_object(object),
        Artifact::Entry => Description::new("entry"),
        Artifact::SelfRenewing { .. } => {
            let mut item = Description::new("entry");
            // Where the store was looked for, it is said what came of that.
            if found.findings.is_empty() {
                let message = "its certificate is in a store of the machine that it was installed on, where kubectl usercert renews it";
                item.note("stored-elsewhere", message);
            }
            item
        }
        Artifact::Other { name, meaning } => {
            let mut item = Description::new(name.clone());
            item.note("not-looked-into", *meaning);
            item
        }
        Artifact::Unreadable { name, error, .. } => {
            let mut item = Description::new(format!("unreadable {name}"));
            item.problem("unreadable", error.clone());
            item
        }
    };
    if let Some(role) = found.role {
        role.clone_into(&mut item.what);
    }
    let mut properties = found.about.clone();
    properties.extend(std::mem::take(&mut item.properties));
    item.properties = properties;
    item.findings.splice(0..0, found.findings.iter().cloned());
    item
}

fn of_request(request: &CertificateRequest) -> Description {
    let mut item = Description::new("certificate request");
    subject::describe(&mut item, &request.subject);
    subject::check(&mut item, &request.subject);
    item.set("key", request.key.kind.to_string());
    item.set("signature", request.signature_algorithm.to_string());
    item.set("code", request.code().short());
    item.set("sha256", request.code().full());
    if !request.alternative_names.is_empty() {
        item.set("alternativeNames", request.alternative_names.clone());
    }
    if !request.other_requests.is_empty() {
        item.set("otherRequests", request.other_requests.clone());
    }
    check_key(&mut item, &request.key.kind);
    if let SignatureAlgorithm::Other(_) = request.signature_algorithm {
        item.problem(
            "unverifiable-signature",
            "signed in a way that the API server does not verify: it refuses the request",
        );
    }
    if request.signature_algorithm.is_weak() {
        item.problem("weak-signature", "signed with SHA-1");
    }
    if !request.strict {
        item.problem(
            "not-strict-der",
            "its DER is not strict: programs may disagree about what it says",
        );
    }
    item
}

fn of_private_key(key: &PrivateKey) -> Description {
    let mut item = Description::new("private key");
    match &key.kind {
        Ok(kind) => {
            item.set("key", kind.to_string());
            check_key(&mut item, kind);
        }
        Err(PrivateKeyError::Encrypted) => {
            item.set("key", "encrypted");
            item.note(
                "encrypted",
                "encrypted: Kubernetes programs cannot read it; remove the passphrase with: openssl \
                 pkey -in FILE -out FILE.plain",
            );
        }
        Err(error) => item.problem("unreadable", error.to_string()),
    }
    item
}

/// What it has come to. What no server has given a UID was not submitted.
fn state(object: &Object) -> &'static str {
    match object.state() {
        State::Pending if object.metadata.uid.is_empty() => "not submitted",
        state => state.name(),
    }
}

fn of_object(object: &Object) -> Description {
    let lifetime =
        object.spec.expiration_seconds.map_or("signer's choice".to_owned(), human_duration);
    let usages: Vec<String> = object.spec.usages.iter().map(|u| show_short(u, 40)).collect();
    let mut item = Description::new(csr::KIND)
        .with("name", show(&object.metadata.name))
        .with("signer", show(&object.spec.signer_name))
        .with("usages", usages)
        .with("lifetime", lifetime)
        .with("state", state(object));
    if !object.spec.username.is_empty() {
        item.set("requester", object.spec.username.clone());
    }
    item
}
