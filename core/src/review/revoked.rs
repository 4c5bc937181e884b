//! What the list of revoked certificates says against a request.
//!
//! A certificate's SHA-256 proves less than it seems to: Go ignores bytes after the signature
//! (`crypto/x509/parser.go`), so whoever holds a certificate and its key can present it under any number of
//! SHA-256s. So an id that is not on the list says nothing for a requester of whom a certificate is.

use super::Reviewed;
use super::finding::{FindingCode, Findings};
use crate::text::show_short;
use crate::x509::pkcs10::CertificateRequest;

/// Lines of the list that concern a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked<'a> {
    /// Of the user as a whole, if it blocks them.
    pub user: Option<&'a str>,
    /// Of the certificate with which the request was submitted.
    pub requester: Option<&'a str>,
    /// Of single certificates of the user, the newest first.
    pub users: Vec<&'a str>,
    /// Of single certificates of the requester, the newest first.
    pub requesters: Vec<&'a str>,
}

pub(super) fn revoked(
    request: &CertificateRequest,
    reviewed: &Reviewed<'_>,
    findings: &mut Findings,
) {
    if cfg!(not(feature = "revocations")) {
        return;
    }
    let revoked = &reviewed.revoked;
    if let Some(line) = revoked.user {
        let message = format!("the user's certificates are revoked: {}", show_short(line, 250));
        findings.add(FindingCode::RevokedUser, message);
    }
    if let Some(line) = revoked.requester {
        let line = show_short(line, 250);
        let message = format!("submitted with a certificate that is revoked: {line}");
        findings.add(FindingCode::RevokedRequester, message);
    } else if let Some(lines) = in_short(&revoked.requesters)
        && reviewed.comes_with_certificate()
        && !reviewed.requester_known
    {
        let message = format!(
            "submitted with a certificate that is not known here, so it may be a revoked one of {} in \
             another encoding, in a thief's hands: {lines}",
            show_short(reviewed.requester.unwrap_or_default(), 80),
        );
        findings.add(FindingCode::DoubtfulRequester, message);
    }
    if let Some(lines) = in_short(&revoked.users) {
        let user = show_short(request.subject.user(), 80);
        let message = format!("a certificate of {user} was revoked before: {lines}");
        findings.add(FindingCode::RevokedBefore, message);
    }
}

/// The first line, and how many more there are.
fn in_short(lines: &[&str]) -> Option<String> {
    let first = show_short(lines.first()?, 250);
    Some(match lines.len() - 1 {
        0 => first,
        more => format!("{first}, and {more} more"),
    })
}
