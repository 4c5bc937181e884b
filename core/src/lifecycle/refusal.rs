//! Distinguishes a server's refusal of a revoked certificate from other failures.
//!
//! Sources: `apiserver/pkg/admission/plugin/policy/validating/dispatcher.go` (what a policy's denial
//! says), `apiserver/pkg/authorization/cel/matcher.go` (an expression that fails).

use super::{SENTENCE, admission, authorization};

/// What refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The admission policy.
    Admission,
    /// The API server's authorization configuration.
    Authorization,
}

impl Layer {
    /// In one word, as in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Authorization => "authorization",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// By what.
    pub layer: Layer,
    /// The line of the list's entry, where the refusal says it; a foreign text.
    pub reason: Option<String>,
}

/// Whether a failure says that the client certificate was revoked. The policy's name has to stand where the
/// server names who refused: what follows it is the text of that policy, which can say anything.
#[must_use]
pub fn refusal(message: &str) -> Option<Refusal> {
    let policy = admission::POLICY;
    let denied = format!(
        "ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {SENTENCE}"
    );
    if let Some(rest) = forbidden(message).and_then(|why| why.strip_prefix(&denied)) {
        let reason = rest.strip_prefix(": ").map(|r| r.trim().to_owned());
        let reason = reason.filter(|r| !r.is_empty());
        return Some(Refusal { layer: Layer::Admission, reason });
    }
    let failed = format!("no such key: {}", authorization::MESSAGE);
    message.contains(&failed).then_some(Refusal { layer: Layer::Authorization, reason: None })
}

/// Why, of `RESOURCE.GROUP "NAME" is forbidden: WHY`; without a name where there is none.
/// `apimachinery/pkg/api/errors/errors.go`, where `%q` writes the name.
fn forbidden(message: &str) -> Option<&str> {
    let (resource, why) = message.split_once(" is forbidden: ")?;
    let named = resource
        .split_once(' ')
        .is_none_or(|(_, name)| name.len() > 1 && name.starts_with('"') && name.ends_with('"'));
    named.then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_refusals_are_recognized() {
        let denied = "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'usercert-revoked-certificates' with binding 'usercert-revoked-certificates' denied request: this client certificate was revoked: 2026-11-29 laptop stolen (by admin)";
        assert_eq!(
            refusal(denied),
            Some(Refusal {
                layer: Layer::Admission,
                reason: Some("2026-11-29 laptop stolen (by admin)".to_owned())
            })
        );
        let failed = "Internal Server Error: \"/api/v1/namespaces\": cel evaluation error: expression '{'': true}[…]' resulted in error: no such key: this client certificate was revoked; ask your admin for a new one";
        assert_eq!(refusal(failed), Some(Refusal { layer: Layer::Authorization, reason: None }));
    }

    #[test]
    fn others_are_not() {
        for message in [
            "pods is forbidden: User \"alice\" cannot list resource \"pods\"",
            "certificatesigningrequests.certificates.k8s.io \"this client certificate was revoked: x\" not found",
            "ValidatingAdmissionPolicy 'other' with binding 'other' denied request: this client certificate was revoked: x",
            "services \"x\" is forbidden: ValidatingAdmissionPolicy 'other' with binding 'other' denied request: ValidatingAdmissionPolicy 'usercert-revoked-certificates' with binding 'usercert-revoked-certificates' denied request: this client certificate was revoked: x",
            "services \"x\" is forbidden: ValidatingAdmissionPolicy 'other' with binding 'other' denied request: x is forbidden: ValidatingAdmissionPolicy 'usercert-revoked-certificates' with binding 'usercert-revoked-certificates' denied request: this client certificate was revoked: x",
        ] {
            assert_eq!(refusal(message), None, "{message}");
        }
    }
}
