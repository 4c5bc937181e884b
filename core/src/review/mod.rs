//! What an approver must know of a request before deciding: findings, each with a documented code and
//! a severity.
//!
//! The approver is the only guard: the API server blocks nothing but the group `system:masters`, and
//! the signers check their usage rules only after approval
//! (`plugin/pkg/admission/certificates/subjectrestriction`, `pkg/controller/certificates/signer`).

mod bound;
mod finding;
mod form;
mod names;
#[cfg(feature = "policy")]
pub mod policy;
mod revoked;

use crate::api::csr::CsrObject;
use crate::time::UnixTime;
use crate::x509::identity::Identity;
use crate::x509::key::Verification;
use crate::x509::pkcs10::{CertificateRequest, CsrError};

pub use bound::BoundNames;
pub use finding::{Finding, FindingCode, Severity, UnknownFinding};
pub use revoked::Revoked;

pub(crate) use finding::Findings;

/// Largest request that passes without a refusal, in bytes of `spec.request`'s PEM.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// Longest asked lifetime that passes without a warning, in seconds: a year.
pub(crate) const LONG_LIFETIME_SECONDS: i64 = 366 * 86_400;

/// What is reviewed. Everything beside the request may be unknown, as for a file.
#[derive(Clone, Debug)]
pub struct Reviewed<'a> {
    /// The bytes of `spec.request`.
    pub request_pem: &'a [u8],
    /// What was read of them.
    pub request: Result<&'a CertificateRequest, CsrError>,
    /// The object's name; `None` where there is no object.
    pub object_name: Option<&'a str>,
    /// `spec.signerName`.
    pub signer_name: &'a str,
    /// `spec.usages`.
    pub usages: &'a [String],
    /// `spec.expirationSeconds`.
    pub expiration_seconds: Option<i64>,
    /// Who submitted it; `None` for a request that is not in a cluster yet.
    pub requester: Option<&'a str>,
    /// The id of the credential that the requester came with, as the API server knows it.
    pub requester_credential: Option<&'a str>,
    /// The requester's groups, as the API server knows them.
    pub requester_groups: &'a [String],
    /// The user's valid certificates that are known and not revoked.
    pub held: &'a [HeldCertificate],
    /// What the list of revoked certificates says.
    pub revoked: Revoked<'a>,
    /// Whether the certificate with which the request was submitted is known to be the requester's, and is not
    /// revoked.
    pub requester_known: bool,
    /// Whether the request's signature is good; `None` where it has not been looked at.
    pub signature: Option<Verification>,
    /// Names that role bindings of the cluster give rights to; `None` if they were not looked at.
    pub bound_names: Option<&'a BoundNames>,
}

impl<'a> Reviewed<'a> {
    /// Whether it was submitted with a client certificate.
    fn comes_with_certificate(&self) -> bool {
        self.requester_credential.is_some_and(|id| id.starts_with("X509SHA256="))
    }

    /// The text of a request and what was read of it, and nothing that is asked for beside it.
    pub fn new(request_pem: &'a [u8], request: Result<&'a CertificateRequest, CsrError>) -> Self {
        Self {
            request_pem,
            request,
            object_name: None,
            signer_name: "",
            usages: &[],
            expiration_seconds: None,
            requester: None,
            requester_credential: None,
            requester_groups: &[],
            held: &[],
            revoked: Revoked::default(),
            requester_known: false,
            signature: None,
            bound_names: None,
        }
    }

    /// What an object asks for, by itself: a requester, a signature and bound names are added by who
    /// has looked at them.
    pub fn of<Raw>(object: &'a CsrObject<Raw>) -> Self {
        Self {
            object_name: Some(&object.metadata.name),
            signer_name: &object.spec.signer_name,
            usages: &object.spec.usages,
            expiration_seconds: object.spec.expiration_seconds,
            requester_credential: object.requester_credential(),
            requester_groups: &object.spec.groups,
            ..Self::new(object.pem(), object.request())
        }
    }
}

/// A valid certificate that the user of a request holds.
#[derive(Clone, Debug)]
pub struct HeldCertificate {
    /// The id by which the API server knows it, as `X509SHA256=…`.
    pub credential: String,
    /// Its key, if that is known: the DER of the SubjectPublicKeyInfo.
    pub spki: Option<Vec<u8>>,
    /// End of validity.
    pub not_after: UnixTime,
    /// Where it is known from, safe to show.
    pub place: String,
}

/// All findings on a request, the gravest first.
#[must_use]
pub fn review(reviewed: &Reviewed<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    form::envelope(reviewed, &mut findings);
    match &reviewed.request {
        Ok(request) => {
            form::form(request, reviewed, &mut findings);
            names::names(request, reviewed.bound_names, &mut findings);
            revoked::revoked(request, reviewed, &mut findings);
            form::content(request, reviewed, &mut findings);
        }
        Err(error) => findings.add(FindingCode::Unreadable, error.to_string()),
    }
    if let Some(name) = reviewed.object_name {
        let user = reviewed.request.as_ref().map(|r| r.subject.user()).unwrap_or_default();
        names::object_name(name, user, &mut findings);
        if reviewed.requester.is_none() {
            names::same_person(name, user, &mut findings);
        }
    }
    form::asked(reviewed, &mut findings);
    findings.sorted()
}

/// Findings on the names of somebody who is about to ask, before there is a request.
pub fn review_names(identity: &Identity) -> Vec<Finding> {
    let mut findings = Findings::default();
    names::name("user name", identity.user.as_str(), None, &mut findings);
    for group in &identity.groups {
        names::group_name(group.as_str(), None, &mut findings);
    }
    findings.sorted()
}

/// Whether a finding refuses that was not accepted; [`Severity::Hard`] ones cannot be.
#[must_use]
pub fn refuses(findings: &[Finding], accepted: &[String]) -> bool {
    findings.iter().any(|f| match f.severity {
        Severity::Hard => true,
        Severity::Refuse => !accepted.iter().any(|a| a == f.code.as_str()),
        Severity::Info | Severity::Warn => false,
    })
}

#[cfg(test)]
mod tests;
