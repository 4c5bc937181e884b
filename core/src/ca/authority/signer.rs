//! Acting as the signer of a cluster: which objects wait for a signature, and what becomes of them.
//!
//! Sources: `pkg/controller/certificates/signer/signer.go` (which objects are handled, and that a
//! refusal is the condition Failed), `pkg/controller/certificates/authority/policies.go` (lifetimes),
//! `pkg/apis/core/validation/names.go` (names of signers).

use serde_json::{Value, json};

use super::findings::adapt;
use crate::api::csr::{self, CLIENT_SIGNER, CsrObject, Object, State};
use crate::ca::profile;
use crate::encoding::base64;
use crate::review::{self, Finding, FindingCode, Severity};
use crate::text;
use crate::text::dns::{is_domain, is_label};
use crate::time::UnixTime;
use crate::x509::lifetime::Lifetime;
use crate::x509::pkcs10::CertificateRequest;

/// The reason of the condition Failed, the built-in signers' own.
pub const REASON: &str = "SignerValidationFailure";
/// Longest message of that condition, in characters.
const MESSAGE: usize = 1000;
/// Longest label and longest name of DNS, in bytes.
const LONGEST_LABEL: usize = 63;
const LONGEST_DOMAIN: usize = 253;
/// Longest name of a signer: a domain, a slash, and a path that has room for a label, a dot and a domain.
const LONGEST_NAME: usize = LONGEST_DOMAIN + 1 + LONGEST_LABEL + 1 + LONGEST_DOMAIN;

/// Why a text is not a signer's name for this signer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignerNameError {
    /// Not of the form that the API server takes.
    #[error("{} is not a signer name; write it as example.com/people", text::show_short(.0, 80))]
    Form(String),
    /// One of Kubernetes' own whose certificates are not people's.
    #[error("{} signs certificates that are not people's", text::show_short(.0, 80))]
    OtherPurpose(String),
}

/// Checks the name under which this signer acts.
///
/// # Errors
/// The form is wrong, or it is a built-in signer other than [`CLIENT_SIGNER`].
pub fn check_signer_name(name: &str) -> Result<(), SignerNameError> {
    // Each piece of the path may be as long as a whole domain.
    let is_path = |text: &str| text.split('.').all(|piece| is_label(piece, LONGEST_DOMAIN));
    let fits = name.split_once('/').is_some_and(|(domain, path)| {
        domain.contains('.') && is_domain(domain, LONGEST_LABEL) && is_path(path)
    });
    if !fits || name.len() > LONGEST_NAME {
        return Err(SignerNameError::Form(name.to_owned()));
    }
    if name.starts_with("kubernetes.io/") && name != CLIENT_SIGNER {
        return Err(SignerNameError::OtherPurpose(name.to_owned()));
    }
    Ok(())
}

/// Whether an object waits for this signer: approved, without certificate or failure.
pub fn is_waiting(object: &Object, signer_name: &str) -> bool {
    object.spec.signer_name == signer_name
        && object.state() == State::Approved
        && object.status.certificate.is_empty()
}

/// How long its certificate lives: as asked, at most `longest`. If nothing is asked it is this signer
/// that chooses: `longest`, at most what the policy allows. (What was asked is the review's business.)
pub fn granted(object: &Object, longest: Lifetime, allowed: Option<Lifetime>) -> Lifetime {
    let asked = object.spec.expiration_seconds.and_then(Lifetime::from_seconds);
    asked.or(allowed).map_or(longest, |lifetime| lifetime.min(longest))
}

/// Why a request fails, from the review's `findings` on it, weighed by `weigh`; `None` if it is to be
/// signed.
///
/// An approver may have let findings pass; that is not this signer's business, which refuses what it
/// does not accept itself.
#[must_use]
pub fn refusal(
    findings: Vec<Finding>,
    request: Option<&CertificateRequest>,
    accepted: &[String],
    weigh: impl Fn(FindingCode) -> Severity,
) -> Option<String> {
    let against: Vec<String> = adapt(findings, request, profile::user(), weigh)
        .iter()
        // Which signer it is, is no question here.
        .filter(|f| !matches!(f.code, FindingCode::WrongSigner | FindingCode::UnknownSigner))
        .filter(|f| review::refuses(std::slice::from_ref(*f), accepted))
        .map(|f| format!("{} [{}]", f.message, f.code.as_str()))
        .collect();
    (!against.is_empty()).then(|| text::show_short(&against.join("; "), MESSAGE))
}

/// The object's JSON exactly as the server sent it, with the certificate in: the body for a PUT to
/// `/status`. UID and resourceVersion stay, so that another signer's work is not overwritten.
pub fn with_certificate(read: &CsrObject, chain_pem: &str) -> Value {
    let mut body = read.raw().clone();
    if !body["status"].is_object() {
        body["status"] = json!({});
    }
    body["status"]["certificate"] = base64::encode(chain_pem).into();
    body
}

/// The same with the condition Failed.
pub fn with_failure(read: &CsrObject, message: &str, now: UnixTime) -> Value {
    csr::appended(read.raw(), "Failed", REASON, message, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::csr::{API_VERSION, CLIENT_AUTH, KIND};
    use crate::review::Reviewed;
    use crate::x509::key::Verification;
    use crate::x509::pkcs10;
    use crate::x509::testing::request;

    const SIGNER: &str = "example.com/people";

    fn value(user: &str, conditions: &[&str]) -> Value {
        let conditions: Vec<Value> =
            conditions.iter().map(|t| json!({"type": t, "status": "True"})).collect();
        json!({
            "apiVersion": API_VERSION, "kind": KIND,
            "metadata": {"name": "x", "uid": "1", "resourceVersion": "7"},
            "spec": {
                "request": base64::encode(pkcs10::to_pem(&request(user, &["dev"]).der)),
                "signerName": SIGNER, "usages": [CLIENT_AUTH], "expirationSeconds": 86_400,
            },
            "status": {"conditions": conditions},
        })
    }

    fn object(user: &str, conditions: &[&str]) -> Object {
        Object::from_value(&value(user, conditions)).unwrap()
    }

    fn refusal_of(object: &Object, signature: Verification, accepted: &[&str]) -> Option<String> {
        let object = CsrObject::from(object.clone());
        let reviewed = Reviewed { signature: Some(signature), ..Reviewed::of(&object) };
        let accepted: Vec<String> = accepted.iter().map(|a| (*a).to_owned()).collect();
        refusal(review::review(&reviewed), object.request().ok(), &accepted, FindingCode::severity)
    }

    #[test]
    fn signers_have_names_of_their_own() {
        for name in [SIGNER, "a.b/c", CLIENT_SIGNER, "my-org.example.com/a.b"] {
            assert_eq!(check_signer_name(name), Ok(()), "{name}");
        }
        let refused = |name: &str| {
            assert_eq!(check_signer_name(name), Err(SignerNameError::Form(name.to_owned())));
        };
        let bad = "|people|example/people|a.b/c/d|a.b/|.b/c|A.b/c|a.b/c d|a_b.c/d|a.b/c_d|a.b/c..d";
        bad.split('|').for_each(refused);
        let bad =
            "a..b/c|a.b./c|-a.b/c|a-.b/c|a.b/-c|a.b/c-|a.b/.c|a.b/c.|a.b/C|a.b/c:d|ä.b/c|/c|a.b";
        bad.split('|').for_each(refused);
        let (label, piece) = ("a".repeat(63), "a".repeat(253));
        let domain = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for name in [format!("{domain}/{label}.{piece}"), format!("{label}.b/{piece}")] {
            assert_eq!(check_signer_name(&name), Ok(()), "{name}");
        }
        for name in [
            format!("{domain}a/b"),
            format!("{label}a.b/c"),
            format!("a.b/{piece}a"),
            format!("{domain}/{label}.{piece}.a"),
        ] {
            refused(&name);
        }
        assert!(check_signer_name("kubernetes.io/kubelet-serving").is_err());
    }

    #[test]
    fn only_approved_requests_without_an_end_are_waiting() {
        assert!(is_waiting(&object("a", &["Approved"]), SIGNER));
        for conditions in [&[][..], &["Denied"], &["Approved", "Failed"], &["Approved", "Denied"]] {
            assert!(!is_waiting(&object("a", conditions), SIGNER), "{conditions:?}");
        }
        assert!(!is_waiting(&object("a", &["Approved"]), "example.com/other"));
        let mut issued = object("a", &["Approved"]);
        issued.status.certificate = "eA==".to_owned();
        assert!(!is_waiting(&issued, SIGNER));
    }

    #[test]
    fn lifetimes_are_those_of_the_built_in_signers() {
        let mut alice = object("alice", &["Approved"]);
        let of = |text: &str| text.parse::<Lifetime>().unwrap();
        assert_eq!(granted(&alice, of("365d"), None), of("24h"));
        assert_eq!(granted(&alice, of("1h"), None), of("1h"));
        alice.spec.expiration_seconds = None;
        assert_eq!(granted(&alice, of("48h"), None), of("48h"));
    }

    #[test]
    fn a_policy_bounds_what_the_signer_chooses() {
        let mut alice = object("alice", &["Approved"]);
        let of = |text: &str| text.parse::<Lifetime>().unwrap();
        alice.spec.expiration_seconds = None;
        assert_eq!(granted(&alice, of("365d"), Some(of("30d"))), of("30d"));
        assert_eq!(granted(&alice, of("7d"), Some(of("30d"))), of("7d"));
        // Whether a day that was asked for passes, the review says.
        alice.spec.expiration_seconds = Some(86_400);
        assert_eq!(granted(&alice, of("365d"), Some(of("1h"))), of("24h"));
    }

    #[test]
    fn what_the_review_refuses_is_refused_whoever_approved_it() {
        let valid = Verification::Valid;
        let alice = object("alice", &["Approved"]);
        assert_eq!(refusal_of(&alice, valid, &[]), None);
        assert!(refusal_of(&alice, Verification::Unsupported, &[]).is_some());
        assert!(refusal_of(&alice, Verification::Unsupported, &["signature-unchecked"]).is_some());
        let node = object("system:node:n1", &["Approved"]);
        let message = refusal_of(&node, valid, &[]).unwrap();
        assert!(message.contains("[privileged-user]"), "{message}");
        assert_eq!(refusal_of(&node, valid, &["privileged-user"]), None);
        let mut server = object("alice", &["Approved"]);
        server.spec.usages = vec!["server auth".to_owned()];
        assert!(refusal_of(&server, valid, &[]).is_some());
    }

    #[test]
    fn what_was_read_is_kept() {
        let object = CsrObject::from_value(value("alice", &["Approved"])).unwrap();
        let read = object.raw();
        let signed = with_certificate(&object, "PEM");
        assert_eq!(signed["metadata"], read["metadata"]);
        assert_eq!(signed["status"]["conditions"], read["status"]["conditions"]);
        assert_eq!(signed["status"]["certificate"], base64::encode("PEM"));
        let failed = with_failure(&object, "why", UnixTime(0));
        assert_eq!(failed["spec"], read["spec"]);
        assert_eq!(failed["status"]["conditions"][1]["reason"], REASON);
        assert_eq!(failed["status"]["conditions"][1]["lastUpdateTime"], "1970-01-01T00:00:00Z");
    }
}
