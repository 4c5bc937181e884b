//! Whether a request is the renewal of a certificate that a policy lets pass without a person.
//!
//! A thief of a certificate can ask for its renewal as well as its holder. So a renewal asks for nothing
//! that the certificate does not already give, ends with the rule, and happens once: a second one means
//! that two hold the certificate (RFC 9700, section 4.14, does the same with refresh tokens). Whatever is
//! not known for certain is left to a person.

use super::record::{CertificateRecord, Ledger, RenewalClaim, UnrecordedClaim};
use super::{Fingerprint, RevocationList};
use crate::api::csr::{CLIENT_AUTH, CsrObject, State};
use crate::api::rbac::AUTHENTICATED;
use crate::review::policy::{OnReuse, Policy, RenewalRule};
use crate::review::{self, Finding};
use crate::text::show_short;
use crate::time::UnixTime;
use crate::time::human_duration;
use crate::x509::pkcs10::CertificateRequest;

/// The reason of an approval, before the rule's name.
pub const APPROVED: &str = "UsercertRenewal";
/// The reason of a denial for a second renewal.
pub const REUSED: &str = "UsercertRenewalReused";
/// The reason of a denial for a revoked certificate.
pub const REVOKED: &str = "UsercertRenewalRevoked";

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenewalDecision {
    /// Approve it, once it has claimed the renewal.
    Approve {
        /// The claim to create before.
        claim: RenewalClaim,
        /// One to create before that, since the certificate is not recorded.
        unrecorded: Option<UnrecordedClaim>,
    },
    /// A person has to decide; why, safe to show.
    Leave(String),
    /// Deny it; why, safe to show.
    Deny(String),
    /// Deny it: the certificate was renewed before, with another key.
    Reuse {
        /// The certificate that two hold.
        parent: Fingerprint,
        /// Whether the rule wants its family revoked.
        revoke: bool,
    },
}

/// What the cluster has under the name of a record or claim.
#[derive(Clone, Copy, Debug)]
pub enum Stored<T> {
    /// Nothing.
    Absent,
    /// This.
    There(T),
    /// Something that is none; why.
    Damaged(&'static str),
}

impl<T> Stored<T> {
    /// From what was found, read by `read`.
    pub fn of<V>(found: Option<V>, read: impl Fn(V) -> Result<T, &'static str>) -> Self {
        found.map_or(Self::Absent, |value| read(value).map_or_else(Self::Damaged, Self::There))
    }

    /// The same by reference.
    pub fn as_ref(&self) -> Stored<&T> {
        match self {
            Self::Absent => Stored::Absent,
            Self::There(thing) => Stored::There(thing),
            Self::Damaged(why) => Stored::Damaged(why),
        }
    }
}

/// A request, and everything that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct RenewalCase<'a> {
    /// The request.
    pub object: &'a CsrObject,
    /// What the review found.
    pub findings: &'a [Finding],
    /// The rules.
    pub policy: &'a Policy,
    /// What is revoked.
    pub revoked: &'a RevocationList,
    /// The record of the certificate with which the request was submitted.
    pub record: Stored<&'a CertificateRecord>,
    /// The records of that certificate and of those from which it descends.
    pub ancestors: &'a Ledger,
    /// The user's records, where that certificate has none.
    pub others: &'a Ledger,
    /// Which unrecorded certificate of the user may be renewed.
    pub unrecorded: Stored<&'a UnrecordedClaim>,
    /// The claim on its renewal.
    pub claim: Stored<&'a RenewalClaim>,
    /// Whether the request that has claimed it is gone, denied or failed.
    pub claimed_is_over: bool,
    /// The time.
    pub now: UnixTime,
}

/// The certificate that a pending request would renew, if it can be a renewal under this policy at all;
/// else why it is left to a person, safe to show.
///
/// # Errors
/// Why it is none.
pub fn parent(object: &CsrObject, policy: &Policy) -> Result<Fingerprint, String> {
    if object.state() != State::Pending {
        return Err("it is already decided".to_owned());
    }
    let signer = &object.spec.signer_name;
    if !policy.renewals().iter().any(|rule| rule.signer() == signer) {
        return Err(format!("no rule is about the signer {}", show_short(signer, 80)));
    }
    submitted_with(object)
        .ok_or_else(|| "it was not submitted with a client certificate".to_owned())
}

/// The one client certificate that the API server saw, exactly as it writes it.
#[must_use]
pub fn submitted_with(object: &CsrObject) -> Option<Fingerprint> {
    let ids = object.spec.extra.get(super::CREDENTIAL_ID)?;
    let [id] = ids.as_slice() else { return None };
    id.parse().ok().filter(|print: &Fingerprint| print.credential_id() == *id)
}

/// Decides.
#[must_use]
pub fn decide(case: &RenewalCase<'_>) -> RenewalDecision {
    use RenewalDecision::{Approve, Deny, Leave, Reuse};
    let parent = match parent(case.object, case.policy) {
        Ok(parent) => parent,
        Err(why) => return Leave(why),
    };
    if let Some(by) = case.revoked.blocked(&parent, &case.object.spec.username) {
        let line = show_short(&by.entry.line, 200);
        return Deny(format!("the certificate that it was submitted with is revoked: {line}"));
    }
    let user = &case.object.spec.username;
    if let Some(entry) = case.ancestors.revoked_ancestor(&parent, user, case.revoked) {
        let line = show_short(&entry.line, 200);
        return Deny(format!(
            "the certificate that it was submitted with descends from one that is revoked: {line}"
        ));
    }
    let request = match case.object.request() {
        Ok(request) => request,
        Err(error) => return Leave(format!("it cannot be read: {error}")),
    };
    if let Err(why) = asks_for_the_same(case, request) {
        return Leave(why);
    }
    let rule = match rule_for(case, request, &parent) {
        Ok(rule) => rule,
        Err(why) => return Leave(why),
    };
    let metadata = &case.object.metadata;
    let wanted = RenewalClaim {
        parent,
        request: (metadata.name.clone(), metadata.uid.clone()),
        key: RenewalClaim::key_of(&request.key),
        rule: rule.name().to_owned(),
        until: match case.record {
            Stored::There(record) => Some(record.not_after),
            _ => None,
        },
    };
    let unrecorded = match (case.record, case.unrecorded) {
        (Stored::Absent, Stored::Absent) => Some(UnrecordedClaim { parent, user: user.clone() }),
        _ => None,
    };
    match case.claim {
        Stored::Damaged(why) => {
            Leave(format!("the claim on its certificate's renewal is damaged: {why}"))
        }
        Stored::Absent => Approve { claim: wanted, unrecorded },
        // Its own: a run that ended between claim and approval is taken up.
        Stored::There(claim) if claim.request.1 == wanted.request.1 => {
            Approve { claim: claim.clone(), unrecorded }
        }
        Stored::There(claim) if claim.key != wanted.key => {
            Reuse { parent, revoke: rule.on_reuse() == OnReuse::Revoke }
        }
        // The same key, so the same holder: whose first request was forgotten before the answer was seen.
        Stored::There(claim) if case.claimed_is_over => {
            Approve { claim: claim.clone(), unrecorded }
        }
        Stored::There(claim) => Leave(format!(
            "its certificate is being renewed for the same key by the request {}",
            show_short(&claim.request.0, 60)
        )),
    }
}

/// Whether the request asks for what the certificate that it was submitted with gives, and for no more.
fn asks_for_the_same(case: &RenewalCase<'_>, request: &CertificateRequest) -> Result<(), String> {
    let spec = &case.object.spec;
    let user = request.subject.user();
    if spec.username != user {
        return Err(format!(
            "it names {}, but was submitted by {}",
            show_short(user, 60),
            show_short(&spec.username, 60)
        ));
    }
    let mut held: Vec<&String> = spec.groups.iter().filter(|g| *g != AUTHENTICATED).collect();
    held.sort();
    held.dedup();
    let asked = request.subject.groups();
    if !asked.iter().eq(held) {
        return Err("its groups are not exactly those of its requester".to_owned());
    }
    // Kubernetes reads no more, but others may trust the same CA.
    if let Some(other) = request.subject.others().next() {
        let name = show_short(other.name(), 60);
        return Err(format!("its subject holds {name} besides user and groups"));
    }
    if request.subject.organizations().count() != asked.len() {
        return Err("it lists a group twice".to_owned());
    }
    if spec.usages != [CLIENT_AUTH] {
        return Err("its usages are not exactly client auth".to_owned());
    }
    if !request.alternative_names.is_empty() {
        return Err("it names hosts or addresses".to_owned());
    }
    if case.revoked.user(user).is_some() {
        return Err(
            "every certificate of the user is revoked but those that were excepted".to_owned()
        );
    }
    let refusing = |f: &&Finding| review::refuses(std::slice::from_ref(*f), &[]);
    let codes: Vec<&str> = case.findings.iter().filter(refusing).map(|f| f.code.as_str()).collect();
    if !codes.is_empty() {
        return Err(format!("the review refuses it: {}", codes.join(", ")));
    }
    if let Stored::There(record) = case.record
        && (record.user != user || record.groups != asked)
    {
        return Err("the record of its certificate names another user or other groups".to_owned());
    }
    Ok(())
}

/// The first rule that lets it pass; else why the first one does not that is about its user.
fn rule_for<'a>(
    case: &RenewalCase<'a>,
    request: &CertificateRequest,
    parent: &Fingerprint,
) -> Result<&'a RenewalRule, String> {
    let (user, groups) = (request.subject.user(), request.subject.groups());
    let mut why = None;
    for rule in case.policy.renewals() {
        if rule.signer() != case.object.spec.signer_name || !rule.concerns(user, &groups) {
            continue;
        }
        match passes(rule, case, user, parent) {
            Ok(()) => return Ok(rule),
            Err(problem) => why = why.or(Some(format!("rule {}: {problem}", rule.name()))),
        }
    }
    Err(why.unwrap_or_else(|| "no rule is about its user and groups".to_owned()))
}

fn passes(
    rule: &RenewalRule,
    case: &RenewalCase<'_>,
    user: &str,
    parent: &Fingerprint,
) -> Result<(), String> {
    if case.now >= rule.until() {
        return Err(format!("it ended at {}", rule.until()));
    }
    let longest = i64::from(rule.longest().seconds());
    if case.object.spec.expiration_seconds.is_none_or(|asked| asked > longest) {
        return Err(format!("it allows a lifetime of at most {}", human_duration(longest)));
    }
    let record = match case.record {
        Stored::There(record) => record,
        Stored::Damaged(why) => return Err(format!("the certificate's record is damaged: {why}")),
        Stored::Absent if rule.names(user) => return unrecorded(case, user, parent),
        Stored::Absent => {
            return Err(
                "its certificate is not recorded, and the rule does not name the user".to_owned()
            );
        }
    };
    // By the server's clock, and independent of how long the request has waited.
    let Some(asked_at) = case.object.metadata.creation_timestamp else {
        return Err("it does not say when it was submitted".to_owned());
    };
    if asked_at > record.not_after {
        return Err("its certificate had expired when it was submitted".to_owned());
    }
    let earliest = rule.earliest(record.not_before, record.not_after);
    if asked_at < earliest {
        return Err(format!("its certificate may be renewed from {earliest} on"));
    }
    Ok(())
}

/// Of a certificate without a record nobody knows whether it is another one of its user, revoked or renewed before,
/// under another SHA-256. So one of each user is renewed, and only where there is no other.
fn unrecorded(case: &RenewalCase<'_>, user: &str, parent: &Fingerprint) -> Result<(), String> {
    let why = if case.revoked.may_revoke_one_of(user) {
        "one of the user is revoked, or may be: it may be that one in another encoding".to_owned()
    } else if case.others.records().iter().any(|record| record.not_after >= case.now) {
        "the user has recorded ones".to_owned()
    } else if !case.others.damaged.is_empty() {
        "a record of the user is damaged".to_owned()
    } else {
        match case.unrecorded {
            Stored::Absent => return Ok(()),
            Stored::There(claim) if claim.parent == *parent => return Ok(()),
            Stored::There(claim) => {
                format!("another one of the user has been renewed, SHA-256 {}", claim.parent)
            }
            Stored::Damaged(why) => format!("the claim of such a one is damaged: {why}"),
        }
    };
    Err(format!("its certificate is not recorded, and {why}"))
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
