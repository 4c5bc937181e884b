//! Whether a certificate is the answer to a request.

use crate::text::sorted::BTreeSet;

use serde::Serialize;

use super::Certificate;
use crate::text;
use crate::time::{UnixTime, human_duration};
use crate::x509::key::Verification;
use crate::x509::lifetime::{self, Granted, Lifetime};
use crate::x509::pkcs10::CertificateRequest;

/// What is expected of a certificate: that it answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// DER SubjectPublicKeyInfo of our key.
    pub spki: Vec<u8>,
    /// The user that was asked for.
    pub user: String,
    /// The groups that were asked for.
    pub groups: BTreeSet<String>,
    /// The lifetime that was asked for, if any.
    pub lifetime: Option<Lifetime>,
}

impl Expected {
    /// What answers this request, for which this lifetime was asked.
    pub fn of(request: &CertificateRequest, lifetime: Option<Lifetime>) -> Self {
        Self {
            spki: request.key.spki.clone(),
            user: request.subject.user().to_owned(),
            groups: request.subject.groups(),
            lifetime,
        }
    }

    /// Whether this request asks for it.
    pub(crate) fn is_asked_by(&self, request: &CertificateRequest) -> bool {
        request.key.spki == self.spki
            && request.subject.user() == self.user
            && request.subject.groups() == self.groups
    }
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Worth knowing, no obstacle.
    Note,
    /// The certificate is not usable or not the answer to this request.
    Fail,
}

/// One line of an account of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `key`, `user`, `groups`, `usage`, `validity`, `chain`.
    pub code: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// In words, safe to show.
    pub message: String,
}

impl Check {
    fn new(code: &'static str, outcome: Outcome, message: impl Into<String>) -> Self {
        Self { code, outcome, message: message.into() }
    }
}

/// Whether a cluster's CA signed a certificate, as found by whoever has the cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// No CA of the cluster is known.
    NoCa,
    /// A known CA has the issuer's name; this is what its key says of the signature.
    Issuer(Verification),
    /// No known CA has the issuer's name.
    OtherIssuer,
}

/// Checks a certificate against the request it should answer. It may be installed when no check
/// failed.
#[must_use]
pub fn check(leaf: &Certificate, expected: &Expected, chain: Chain, now: UnixTime) -> Vec<Check> {
    vec![
        check_key(leaf, expected),
        check_user(leaf, expected),
        check_groups(leaf, expected),
        check_usage(leaf),
        check_validity(leaf, expected.lifetime, now),
        check_chain(leaf, chain),
    ]
}

fn check_key(leaf: &Certificate, expected: &Expected) -> Check {
    if leaf.key.spki == expected.spki {
        Check::new("key", Outcome::Pass, format!("belongs to the private key ({})", leaf.key.kind))
    } else {
        Check::new("key", Outcome::Fail, "the certificate is for another key")
    }
}

fn check_user(leaf: &Certificate, expected: &Expected) -> Check {
    let (found, wanted) = (leaf.subject.user(), expected.user.as_str());
    if found == wanted {
        return Check::new("user", Outcome::Pass, format!("user {}", text::show(found)));
    }
    let message = format!(
        "the certificate names the user {}, not {} as requested",
        text::show(found),
        text::show(wanted)
    );
    Check::new("user", Outcome::Fail, message)
}

fn check_groups(leaf: &Certificate, expected: &Expected) -> Check {
    let found = leaf.subject.groups();
    if found == expected.groups {
        let message = match found.is_empty() {
            true => "no groups, as requested".to_owned(),
            false => format!("groups {}", listed(&found)),
        };
        return Check::new("groups", Outcome::Pass, message);
    }
    let without = |some: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<String> {
        some.iter().filter(|group| !others.contains(*group)).cloned().collect()
    };
    let (missing, extra) = (without(&expected.groups, &found), without(&found, &expected.groups));
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("lacks the groups {}", listed(&missing)));
    }
    if !extra.is_empty() {
        parts.push(format!("has groups that were not requested: {}", listed(&extra)));
    }
    Check::new("groups", Outcome::Fail, format!("the certificate {}", parts.join(" and ")))
}

fn check_usage(leaf: &Certificate) -> Check {
    if leaf.is_ca {
        return Check::new("usage", Outcome::Fail, "this is the certificate of a CA");
    }
    if leaf.allows_client_auth() {
        return Check::new("usage", Outcome::Pass, "good for client authentication");
    }
    let usages = leaf.extended_key_usages.as_deref().unwrap_or_default().join(", ");
    let message = format!("not good for client authentication, only for: {}", text::show(&usages));
    Check::new("usage", Outcome::Fail, message)
}

fn check_validity(leaf: &Certificate, asked: Option<Lifetime>, now: UnixTime) -> Check {
    let until = format!(
        "valid until {} ({})",
        leaf.not_after,
        lifetime::expiry_in_words(leaf.not_after, now)
    );
    if now > leaf.not_after {
        let message = format!(
            "expired at {} ({} ago)",
            leaf.not_after,
            human_duration(now.since(leaf.not_after))
        );
        return Check::new("validity", Outcome::Fail, message);
    }
    if now < leaf.not_before {
        let message = format!(
            "not valid before {}; this machine's clock says {now}, is it right?",
            leaf.not_before
        );
        return Check::new("validity", Outcome::Note, message);
    }
    match lifetime::granted(asked, leaf.not_before, leaf.not_after) {
        Granted::Shorter(by) => {
            let (asked, granted) = asked_and_granted(asked, -by);
            let message = format!(
                "{until}: {granted} of the {asked} that were requested, by a limit of the signer or its CA"
            );
            Check::new("validity", Outcome::Note, message)
        }
        Granted::Longer(by) => {
            let (asked, granted) = asked_and_granted(asked, by);
            let message = format!("{until}: {granted}, though {asked} were requested");
            Check::new("validity", Outcome::Note, message)
        }
        Granted::AsAsked | Granted::SignersChoice => Check::new("validity", Outcome::Pass, until),
    }
}

/// Both in words that differ.
fn asked_and_granted(asked: Option<Lifetime>, difference: i64) -> (String, String) {
    let asked = asked.map(|l| i64::from(l.seconds())).unwrap_or_default();
    lifetime::apart(asked, asked + difference)
}

fn check_chain(leaf: &Certificate, chain: Chain) -> Check {
    let issuer = leaf.issuer.shown();
    match chain {
        Chain::Issuer(Verification::Valid) => {
            Check::new("chain", Outcome::Pass, format!("signed by the cluster's CA ({issuer})"))
        }
        Chain::Issuer(Verification::Invalid) => Check::new(
            "chain",
            Outcome::Fail,
            format!("names the cluster's CA ({issuer}) as its issuer, but that CA did not sign it"),
        ),
        Chain::Issuer(Verification::Unsupported) => Check::new(
            "chain",
            Outcome::Note,
            format!("signed with {}, which was not checked", leaf.signature_algorithm),
        ),
        Chain::OtherIssuer => Check::new(
            "chain",
            Outcome::Note,
            format!(
                "signed by {issuer}, not by the CA of the server's certificate; that is legal, clusters may keep separate client CAs"
            ),
        ),
        Chain::NoCa => Check::new(
            "chain",
            Outcome::Note,
            format!("signed by {issuer}; the cluster's CA is not known here"),
        ),
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|n| text::show(n)).collect::<Vec<_>>().join(", ")
}

/// Whether any check failed.
#[must_use]
pub fn any_failed(checks: &[Check]) -> bool {
    checks.iter().any(|c| c.outcome == Outcome::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::{expired, request};

    /// The codes of the checks that did not pass.
    fn objections(change: impl FnOnce(&mut Certificate), chain: Chain, now: i64) -> Vec<String> {
        let mut leaf = expired();
        let spki = leaf.key.spki.clone();
        change(&mut leaf);
        let (user, groups) = ("old".to_owned(), BTreeSet::new());
        let expected = Expected { spki, user, groups, lifetime: None };
        check(&leaf, &expected, chain, UnixTime(now))
            .into_iter()
            .filter(|c| c.outcome != Outcome::Pass)
            .map(|c| format!("{} {:?}", c.code, c.outcome))
            .collect()
    }

    const DURING: i64 = 1_577_880_000;
    const GOOD: Chain = Chain::Issuer(Verification::Valid);

    #[test]
    fn every_difference_from_what_was_asked_is_found() {
        let none: [&str; 0] = [];
        assert_eq!(objections(|_| {}, GOOD, DURING), none);
        assert_eq!(objections(|c| c.key.spki[5] ^= 1, GOOD, DURING), ["key Fail"]);
        assert_eq!(objections(|c| c.subject.attributes.clear(), GOOD, DURING), ["user Fail"]);
        let group = |c: &mut Certificate| {
            let mut group = c.subject.attributes[0].clone();
            group.oid = "2.5.4.10".to_owned();
            c.subject.attributes.push(group);
        };
        assert_eq!(objections(group, GOOD, DURING), ["groups Fail"]);
        let server =
            |c: &mut Certificate| c.extended_key_usages = Some(vec!["server auth".to_owned()]);
        assert_eq!(objections(server, GOOD, DURING), ["usage Fail"]);
        assert_eq!(objections(|c| c.is_ca = true, GOOD, DURING), ["usage Fail"]);
        assert_eq!(objections(|_| {}, GOOD, DURING + 200_000), ["validity Fail"]);
        assert_eq!(objections(|_| {}, GOOD, 0), ["validity Note"]);
    }

    #[test]
    fn a_request_asks_for_what_its_answer_must_be() {
        let alice = request("alice", &["dev", "ops"]);
        let expected = Expected::of(&alice, Lifetime::from_seconds(600));
        assert!(expected.is_asked_by(&alice));
        assert!(expected.is_asked_by(&request("alice", &["ops", "dev"])), "groups have no order");
        for other in [request("alice", &["dev"]), request("bob", &["dev", "ops"])] {
            assert!(!expected.is_asked_by(&other));
        }
        let mut other_key = alice;
        other_key.key.spki.push(0);
        assert!(!expected.is_asked_by(&other_key));
    }

    #[test]
    fn another_ca_is_legal_and_a_forged_one_is_not() {
        assert_eq!(objections(|_| {}, Chain::OtherIssuer, DURING), ["chain Note"]);
        assert_eq!(objections(|_| {}, Chain::NoCa, DURING), ["chain Note"]);
        assert_eq!(
            objections(|_| {}, Chain::Issuer(Verification::Unsupported), DURING),
            ["chain Note"]
        );
        let forged = Chain::Issuer(Verification::Invalid);
        assert_eq!(objections(|_| {}, forged, DURING), ["chain Fail"]);
        let with_id = |c: &mut Certificate| c.authority_key_id = Some(vec![1]);
        assert_eq!(objections(with_id, forged, DURING), ["chain Fail"]);
    }
}
