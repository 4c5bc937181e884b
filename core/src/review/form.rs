//! What is odd about a request's form, its key and signature, and what it asks for beside names.

use crate::text::sorted::BTreeSet;

use super::finding::{Finding, FindingCode, Findings, Severity};
use super::{HeldCertificate, LONG_LIFETIME_SECONDS, MAX_REQUEST_BYTES, Reviewed};
use crate::api::csr::{CLIENT_AUTH, CLIENT_SIGNER};
use crate::encoding::pem;
use crate::text;
use crate::time::human_duration;
use crate::x509::identity::SYSTEM_MASTERS;
use crate::x509::key::{KeyKind, SignatureAlgorithm, Verification};
use crate::x509::pkcs10::{self, CertificateRequest};

pub(super) fn envelope(reviewed: &Reviewed<'_>, findings: &mut Findings) {
    let text = reviewed.request_pem;
    if text.len() > MAX_REQUEST_BYTES {
        findings.add(FindingCode::Oversized, format!("the request is {} bytes long", text.len()));
    }
    let blocks = pem::all(text);
    if pem::mentions_private_key(text) {
        findings.add(
            FindingCode::PrivateKeyIncluded,
            "a private key is beside the request: it is no longer secret, make a new one",
        );
    }
    if let Some((first, _)) = pem::first(text)
        && !pem::is_canonical(text, pkcs10::LABEL, &first.der)
    {
        let what = match blocks.len() {
            1 if first.has_headers => "it has PEM headers".to_owned(),
            1 => "there is other text around the block, or its layout is unusual".to_owned(),
            n => format!("there are {n} PEM blocks, and the API server reads only the first"),
        };
        findings.add(FindingCode::NotCanonicalPem, format!("not one canonical PEM block: {what}"));
    }
}

pub(super) fn form(request: &CertificateRequest, reviewed: &Reviewed<'_>, findings: &mut Findings) {
    if !request.strict {
        let reason = match request.subject.is_readable() {
            true => "the DER does not encode back to the same bytes",
            false => "a name holds characters that its string type cannot hold",
        };
        findings.add(FindingCode::NotStrictDer, reason);
    }
    // What is not known here, Go does not know either; what is in a cluster, a server has verified.
    let is_unknown = matches!(request.signature_algorithm, SignatureAlgorithm::Other(_));
    match reviewed.signature {
        Some(Verification::Invalid) => {
            findings.add(FindingCode::SignatureInvalid, "the request's signature does not verify");
        }
        Some(Verification::Unsupported) if reviewed.requester.is_none() && is_unknown => findings
            .add(
                FindingCode::UnsupportedSignature,
                format!(
                    "signed with {}: the API server refuses the request",
                    request.signature_algorithm
                ),
            ),
        Some(Verification::Unsupported) => findings.add(
            FindingCode::SignatureUnchecked,
            format!("signed with {}, which is not checked here", request.signature_algorithm),
        ),
        Some(Verification::Valid) | None => {}
    }
    if request.signature_algorithm.is_weak() {
        let message = format!("signed with {}", request.signature_algorithm);
        findings.add(FindingCode::WeakSignature, message);
    }
    match &request.key.kind {
        KeyKind::Rsa(bits) if *bits < 2048 => {
            findings.add(FindingCode::WeakKey, format!("an RSA key of {bits} bits"));
        }
        KeyKind::P224 => findings
            .add(FindingCode::WeakKey, "a key on the curve P-224, which TLS 1.3 has dropped"),
        KeyKind::Rsa(bits) if *bits > 8192 => {
            findings.add(
                FindingCode::OddKey,
                format!("an RSA key of {bits} bits; servers refuse more than 8192"),
            );
        }
        KeyKind::Other(oid) => {
            findings.add(FindingCode::OddKey, format!("a key of the unknown kind {oid}"));
        }
        _ => {}
    }
}

pub(super) fn content(
    request: &CertificateRequest,
    reviewed: &Reviewed<'_>,
    findings: &mut Findings,
) {
    if let Some(requester) = reviewed.requester {
        let user = request.subject.user();
        if requester != user {
            let message = format!(
                "submitted by {}, not by {}",
                text::show_short(requester, 80),
                text::show_short(user, 80)
            );
            // Who may do everything anyway has no need of another's name.
            let masters = reviewed.requester_groups.iter().any(|group| group == SYSTEM_MASTERS);
            let severity = match reviewed.comes_with_certificate() && !masters {
                true => Severity::Warn,
                false => FindingCode::RequesterDiffers.severity(),
            };
            findings.push(Finding { code: FindingCode::RequesterDiffers, severity, message });
            let bound = reviewed.bound_names.is_some_and(|bound| bound.has_user_everywhere(user));
            if bound && !masters {
                let message = format!(
                    "{} has roles in the whole cluster already, and did not submit this",
                    text::show_short(user, 80)
                );
                findings.add(FindingCode::BoundUser, message);
            }
        }
    }
    second_key(request, reviewed, findings);
    if !request.alternative_names.is_empty() {
        let names = text::show_short(&request.alternative_names.join(", "), 200);
        findings.add(FindingCode::AlternativeNames, format!("asks for the names {names}"));
    }
    let mut dropped = BTreeSet::new();
    dropped.extend(request.subject.dropped().map(|a| a.name().to_owned()));
    dropped.extend(request.other_requests.iter().cloned());
    if !dropped.is_empty() {
        let names = dropped.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("the signer will leave out: {}", text::show_short(&names, 200));
        findings.add(FindingCode::DroppedAttributes, message);
    }
}

/// Somebody else may ask in the name of a user who is in already. A renewal comes with the certificate
/// that it renews.
fn second_key(request: &CertificateRequest, reviewed: &Reviewed<'_>, findings: &mut Findings) {
    let renewal = reviewed.held.iter().any(|held| {
        reviewed.requester_credential == Some(held.credential.as_str())
            && reviewed.requester == Some(request.subject.user())
    });
    let same_key = |held: &HeldCertificate| held.spki.as_ref() == Some(&request.key.spki);
    let others: Vec<&HeldCertificate> =
        reviewed.held.iter().filter(|held| !renewal && !same_key(held)).collect();
    let Some(first) = others.first() else { return };
    let date: String = first.not_after.to_string().chars().take(10).collect();
    let more = match others.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let message = format!(
        "{} holds a valid certificate already ({}, until {date}{more}); this is another key, and was not requested with it",
        text::show_short(request.subject.user(), 80),
        text::show_short(&first.place, 100),
    );
    findings.add(FindingCode::SecondKey, message);
}

pub(super) fn asked(reviewed: &Reviewed<'_>, findings: &mut Findings) {
    let allowed = [CLIENT_AUTH, "digital signature", "key encipherment"];
    let odd: Vec<String> = reviewed
        .usages
        .iter()
        .filter(|u| !allowed.contains(&u.as_str()))
        .map(|u| text::show_short(u, 40))
        .collect();
    if !odd.is_empty() {
        let message = format!("asks for the usages {}", odd.join(", "));
        findings.add(FindingCode::UnexpectedUsages, message);
    } else if !reviewed.usages.iter().any(|u| u == CLIENT_AUTH) {
        findings.add(FindingCode::UnexpectedUsages, "does not ask for the usage client auth");
    }
    let signer = reviewed.signer_name;
    if signer != CLIENT_SIGNER {
        let shown = text::show_short(signer, 80);
        match signer.split('/').next() {
            Some("kubernetes.io") => findings.add(
                FindingCode::WrongSigner,
                format!("the signer {shown} is not for people's certificates"),
            ),
            _ => findings.add(FindingCode::UnknownSigner, format!("the signer {shown} is unknown")),
        }
    }
    match reviewed.expiration_seconds {
        None => findings
            .add(FindingCode::NoLifetime, "asks for no lifetime: the signer's maximum applies"),
        Some(s) if s > LONG_LIFETIME_SECONDS => {
            let message =
                format!("asks for {}; whoever steals it has it that long", human_duration(s));
            findings.add(FindingCode::LongLifetime, message);
        }
        Some(_) => {}
    }
}
