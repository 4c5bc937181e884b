//! A policy: rules of one's own about what is approved, beside those that everybody has.
//!
//! A policy adds findings (`policy-…`) and says how much others weigh. It can make a finding refuse
//! that only warns and let one pass that refuses; what is [`Severity::Hard`] stays so. Its format is
//! described in `docs/reference.md` and `docs/policy.schema.json`.

mod pattern;
mod read;
mod renewals;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::encoding::handwritten::{self, FileError};
use crate::review::{self, Finding, FindingCode, Findings, Reviewed, Severity};
use crate::text::{show_list, show_short};
use crate::time::human_duration;
use crate::x509::key::KeyKind;
use crate::x509::lifetime::Lifetime;
use crate::x509::pkcs10::CertificateRequest;

use pattern::Pattern;

pub use renewals::{OnReuse, RenewalRule};

/// Longest policy that is looked at, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How many names one message lists.
const LISTED: usize = 10;

/// What is wrong with a policy file, with line and column.
pub type PolicyError = FileError;

/// Rules about what is approved.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    api_version: ApiVersion,
    kind: Kind,
    signers: Option<Vec<Pattern>>,
    #[serde(default, deserialize_with = "handwritten::filled")]
    users: Names,
    #[serde(default, deserialize_with = "handwritten::filled")]
    groups: Names,
    #[serde(default, deserialize_with = "handwritten::filled")]
    lifetime: LifetimeRule,
    #[serde(default, deserialize_with = "handwritten::filled")]
    keys: Families,
    #[serde(default, deserialize_with = "handwritten::filled")]
    requester: Requester,
    #[serde(default)]
    findings: Severities,
    #[serde(default, deserialize_with = "renewals::rules")]
    renewals: Vec<RenewalRule>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
enum ApiVersion {
    #[default]
    #[serde(rename = "usercert/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
enum Kind {
    #[default]
    Policy,
}

/// Names that are allowed, and names that are not even then.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    allow: Option<Vec<Pattern>>,
    deny: Option<Vec<Pattern>>,
}

impl Names {
    /// Whether a name passes.
    fn permit(&self, name: &str) -> bool {
        let allowed = self.allow.as_ref().is_none_or(|allow| any(allow, name));
        allowed && !self.deny.as_ref().is_some_and(|deny| any(deny, name))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LifetimeRule {
    #[serde(default, deserialize_with = "read::lifetime")]
    max: Option<Lifetime>,
    signer_chooses: Option<bool>,
}

impl LifetimeRule {
    /// A maximum that the signer need not keep would be none.
    fn signer_chooses(&self) -> bool {
        self.signer_chooses.unwrap_or(self.max.is_none())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Families {
    types: Option<Vec<Family>>,
    minimum_rsa_bits: Option<RsaBits>,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "u64")]
struct RsaBits(usize);

/// Kinds of key, those of RSA together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Family {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa,
}

/// How much findings weigh.
#[derive(Clone, Debug, Default, PartialEq)]
struct Severities(BTreeMap<FindingCode, Severity>);

impl Family {
    fn of(kind: &KeyKind) -> Option<Self> {
        Some(match kind {
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
            KeyKind::P521 => Self::P521,
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::Rsa(_) => Self::Rsa,
            KeyKind::P224 | KeyKind::Other(_) => return None,
        })
    }
}

/// Who may submit a request: any of these; anybody where nobody is named.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Requester {
    same_user: bool,
    users: Vec<Pattern>,
    groups: Vec<Pattern>,
}

fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// What is wrong with it, with line and column: a policy that is not understood whole is none.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        read::policy(text)
    }

    /// All findings on a request, as [`review::review`] gives them and as this policy sees them, the
    /// gravest first.
    #[must_use]
    pub fn review(&self, reviewed: &Reviewed<'_>) -> Vec<Finding> {
        let mut findings = Findings::from(review::review(reviewed));
        self.asked(reviewed, &mut findings);
        if let Ok(request) = &reviewed.request {
            self.names(request, &mut findings);
            self.key(request, &mut findings);
            self.requester(request, reviewed, &mut findings);
        }
        for finding in findings.iter_mut() {
            let weight = self.findings.0.get(&finding.code);
            if let Some(severity) = weight.filter(|_| finding.severity != Severity::Hard) {
                finding.severity = *severity;
            }
        }
        if self.requester != Requester::default() && reviewed.requester.is_none() {
            // Nothing that a weight applies to: there is nobody to judge.
            findings.push(Finding {
                code: FindingCode::PolicyRequester,
                severity: Severity::Info,
                message:
                    "nobody has submitted it yet, so the policy's rule about requesters does not apply"
                        .to_owned(),
            });
        }
        findings.sorted()
    }

    /// How much a finding weighs.
    pub fn severity(&self, code: FindingCode) -> Severity {
        self.findings.0.get(&code).copied().unwrap_or_else(|| code.severity())
    }

    /// The longest lifetime that it allows, if it says so.
    pub fn longest(&self) -> Option<Lifetime> {
        self.lifetime.max
    }

    /// The rules about certificates that are renewed without a person.
    pub fn renewals(&self) -> &[RenewalRule] {
        &self.renewals
    }

    fn asked(&self, reviewed: &Reviewed<'_>, findings: &mut Findings) {
        let signer = reviewed.signer_name;
        if self.signers.as_ref().is_some_and(|signers| !any(signers, signer)) {
            let message =
                format!("the policy does not allow the signer {}", show_short(signer, 80));
            findings.add(FindingCode::PolicySigner, message);
        }
        let rule = &self.lifetime;
        let most = rule.max.map(|max| human_duration(max.seconds().into()));
        let at_most = most.map(|m| format!("; it allows at most {m}")).unwrap_or_default();
        match (reviewed.expiration_seconds, rule.max) {
            (None, _) if !rule.signer_chooses() => {
                let message = format!(
                    "the policy does not allow leaving the lifetime to the signer{at_most}"
                );
                findings.add(FindingCode::PolicyLifetime, message);
            }
            (Some(asked), Some(max)) if asked > i64::from(max.seconds()) => {
                let asked = human_duration(asked);
                let message = format!("the policy does not allow a lifetime of {asked}{at_most}");
                findings.add(FindingCode::PolicyLifetime, message);
            }
            _ => {}
        }
    }

    fn names(&self, request: &CertificateRequest, findings: &mut Findings) {
        let groups = request.subject.groups();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let user = [request.subject.user()];
        for (rule, names, what, code) in [
            (&self.users, user.as_slice(), "the user name", FindingCode::PolicyUser),
            (&self.groups, &groups, "the group", FindingCode::PolicyGroup),
        ] {
            let denied = |name: &str| rule.deny.as_ref().is_some_and(|deny| any(deny, name));
            let unknown = |name: &str| rule.allow.as_ref().is_some_and(|allow| !any(allow, name));
            let (denied, rest): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| denied(n));
            let unknown: Vec<&str> = rest.into_iter().filter(|name| unknown(name)).collect();
            if !denied.is_empty() {
                findings.add(code, format!("the policy forbids {what} {}", listed(&denied)));
            }
            if !unknown.is_empty() {
                let message = format!(
                    "{what} {} is not among those that the policy allows",
                    listed(&unknown)
                );
                findings.add(code, message);
            }
        }
    }

    fn key(&self, request: &CertificateRequest, findings: &mut Findings) {
        let kind = &request.key.kind;
        let types = self.keys.types.as_ref();
        let unknown = types
            .is_some_and(|types| Family::of(kind).is_none_or(|family| !types.contains(&family)));
        if unknown {
            let message = format!("the policy does not allow a {kind} key");
            findings.add(FindingCode::PolicyKey, message);
        }
        if let (KeyKind::Rsa(bits), Some(RsaBits(least))) = (kind, self.keys.minimum_rsa_bits)
            && *bits < least
        {
            let message = format!("an RSA key of {bits} bits; the policy asks for {least} or more");
            findings.add(FindingCode::PolicyKey, message);
        }
    }

    fn requester(
        &self,
        request: &CertificateRequest,
        reviewed: &Reviewed<'_>,
        findings: &mut Findings,
    ) {
        let rule = &self.requester;
        let Some(requester) = reviewed.requester.filter(|_| *rule != Requester::default()) else {
            return;
        };
        let allowed = (rule.same_user && requester == request.subject.user())
            || any(&rule.users, requester)
            || reviewed.requester_groups.iter().any(|group| any(&rule.groups, group));
        if !allowed {
            let message = format!(
                "the policy does not let {} submit requests for {}",
                show_short(requester, 80),
                show_short(request.subject.user(), 80)
            );
            findings.add(FindingCode::PolicyRequester, message);
        }
    }
}

fn listed(names: &[&str]) -> String {
    show_list(names.iter().copied(), LISTED, 80)
}

#[cfg(test)]
mod tests;
