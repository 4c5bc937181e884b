//! Each requirement alone: the request that has it is approved, the one that has not is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::Tag;
use serde_json::{Value, json};

use super::*;
use crate::lifecycle::record::{RecordedApproval, StoredMap};
use crate::review::{FindingCode, Severity};
use crate::x509::pkcs10;
use crate::x509::testing::{crafted, request};

const RULES: &str = "\
apiVersion: usercert/v1
kind: Policy
renewals:
- name: by-group
  groups: {allow: [dev, ops]}
  until: \"2027-06-30\"
  maxLifetime: 12h
- name: by-name
  users: {allow: [bob]}
  until: \"2027-06-30\"
  maxLifetime: 1h
  onReuse: revoke
";
const NOW: &str = "2026-11-30T10:00:00Z";

fn now() -> UnixTime {
    NOW.parse().unwrap()
}

fn print(mark: u8) -> Fingerprint {
    Fingerprint::of(&[mark])
}

/// A renewal as it should be, by a certificate with the mark 1.
fn renewal(user: &str, groups: &[&str]) -> Value {
    let pem = pkcs10::to_pem(&request(user, groups).der);
    let held: Vec<&str> = groups.iter().copied().chain([AUTHENTICATED]).collect();
    json!({
        "metadata": { "name": "r2", "uid": "u2", "creationTimestamp": NOW },
        "spec": {
            "request": STANDARD.encode(pem), "signerName": crate::api::csr::CLIENT_SIGNER,
            "usages": ["client auth"], "expirationSeconds": 3600,
            "username": user, "groups": held,
            "extra": { super::super::CREDENTIAL_ID: [print(1).credential_id()] },
        },
    })
}

/// The record of the certificate with the mark 1: an hour from begin to end, 45 minutes of it over.
fn record(user: &str, groups: &[&str]) -> CertificateRecord {
    CertificateRecord {
        fingerprint: print(1),
        user: user.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        not_before: now().plus(-2700),
        not_after: now().plus(900),
        serial: "01".to_owned(),
        signer: String::new(),
        request: Default::default(),
        approval: RecordedApproval::default(),
        renews: None,
    }
}

/// What a test changes about a case that is as it should be.
struct Setting {
    object: Value,
    record: Option<CertificateRecord>,
    ancestors: Ledger,
    others: Ledger,
    unrecorded: Option<UnrecordedClaim>,
    claim: Option<RenewalClaim>,
    over: bool,
    revoked: Value,
    findings: Vec<Finding>,
    now: UnixTime,
}

impl Setting {
    fn of(user: &str, groups: &[&str]) -> Self {
        Self {
            object: renewal(user, groups),
            record: Some(record(user, groups)),
            ancestors: Ledger::default(),
            others: Ledger::default(),
            unrecorded: None,
            claim: None,
            over: false,
            revoked: json!({}),
            findings: Vec::new(),
            now: now(),
        }
    }

    fn alice() -> Self {
        Self::of("alice", &["dev", "ops"])
    }

    fn claim(&self) -> RenewalClaim {
        match self.decide() {
            RenewalDecision::Approve { claim, .. } => claim,
            other => panic!("{other:?}"),
        }
    }

    fn decide(&self) -> RenewalDecision {
        fn stored<T>(thing: Option<&T>) -> Stored<&T> {
            thing.map_or(Stored::Absent, Stored::There)
        }
        decide(&RenewalCase {
            object: &CsrObject::from_item(self.object.clone()).unwrap(),
            findings: &self.findings,
            policy: &Policy::parse(RULES).unwrap(),
            revoked: &RevocationList::read(&json!({ "data": self.revoked })),
            record: stored(self.record.as_ref()),
            ancestors: &self.ancestors,
            others: &self.others,
            unrecorded: stored(self.unrecorded.as_ref()),
            claim: stored(self.claim.as_ref()),
            claimed_is_over: self.over,
            now: self.now,
        })
    }

    /// Lets the request ask with these attributes besides the name.
    fn asks_with(&mut self, attributes: &[(&str, &str)]) {
        let name = [("2.5.4.3", "alice")];
        let all: Vec<(&str, Tag, &[u8])> = name
            .iter()
            .chain(attributes)
            .map(|(oid, text)| (*oid, Tag::Utf8String, text.as_bytes()))
            .collect();
        self.object["spec"]["request"] = STANDARD.encode(crafted(&all)).into();
    }

    fn left(&self) -> String {
        match self.decide() {
            RenewalDecision::Leave(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_renewal_is_approved_under_the_rule_that_lets_it_pass() {
    let claim = Setting::alice().claim();
    assert_eq!((claim.parent, claim.rule.as_str()), (print(1), "by-group"));
    assert_eq!(claim.request, ("r2".to_owned(), "u2".to_owned()));
    assert_eq!(claim.until, Some(now().plus(900)));
    // Whom a rule names need not be recorded.
    let mut bob = Setting::of("bob", &[]);
    assert_eq!(bob.claim().rule, "by-name");
    bob.record = None;
    assert_eq!((bob.claim().rule.as_str(), bob.claim().until), ("by-name", None));
    // Groups in another order, and twice, are the same groups.
    let mut alice = Setting::alice();
    alice.object["spec"]["groups"] = json!([AUTHENTICATED, "ops", "dev", "ops"]);
    alice.claim();
}

#[test]
fn each_deviation_is_left_to_a_person() {
    type Change = fn(&mut Setting);
    let cases: Vec<(&str, Change)> = vec![
        ("it is already decided", |s| {
            s.object["status"] =
                json!({ "conditions": [{ "type": "Approved", "status": "True" }] });
        }),
        ("no rule is about the signer", |s| {
            s.object["spec"]["signerName"] = "kubernetes.io/kubelet-serving".into();
        }),
        // A token, an id of another form, two of them, none.
        ("not submitted with a client certificate", |s| {
            s.object["spec"]["extra"][super::super::CREDENTIAL_ID] = json!(["JTI=7c3b"]);
        }),
        ("not submitted with a client certificate", |s| {
            s.object["spec"]["extra"][super::super::CREDENTIAL_ID] = json!([print(1).to_string()]);
        }),
        ("not submitted with a client certificate", |s| {
            let ids = [print(1), print(2)].map(|p| p.credential_id());
            s.object["spec"]["extra"][super::super::CREDENTIAL_ID] = json!(ids);
        }),
        ("not submitted with a client certificate", |s| s.object["spec"]["extra"] = json!({})),
        ("it cannot be read", |s| s.object["spec"]["request"] = "eA==".into()),
        ("it names alice, but was submitted by eve", |s| {
            s.object["spec"]["username"] = "eve".into()
        }),
        // More groups than the requester has, and fewer.
        ("its groups are not exactly", |s| {
            s.object["spec"]["groups"] = json!(["dev", AUTHENTICATED])
        }),
        ("its groups are not exactly", |s| {
            s.object["spec"]["groups"] = json!(["dev", "ops", "admins", AUTHENTICATED]);
        }),
        ("its usages are not exactly", |s| {
            s.object["spec"]["usages"] = json!(["client auth", "server auth"]);
        }),
        ("its usages are not exactly", |s| s.object["spec"]["usages"] = json!([])),
        ("every certificate of the user is revoked", |s| {
            s.revoked = json!({ "user.616c696365": "x", format!("except.{}", print(1)): "x" });
        }),
        ("the review refuses it: weak-key", |s| {
            s.findings = vec![Finding {
                code: FindingCode::WeakKey,
                severity: Severity::Refuse,
                message: String::new(),
            }];
        }),
        ("it lists a group twice", |s| {
            s.asks_with(&[("2.5.4.10", "dev"), ("2.5.4.10", "ops"), ("2.5.4.10", "dev")])
        }),
        ("its subject holds OU besides", |s| {
            s.asks_with(&[("2.5.4.10", "dev"), ("2.5.4.10", "ops"), ("2.5.4.11", "admins")]);
        }),
        ("names another user or other groups", |s| s.record = Some(record("eve", &["dev", "ops"]))),
        ("names another user or other groups", |s| s.record = Some(record("alice", &["dev"]))),
        ("no rule is about its user and groups", |s| *s = Setting::of("alice", &["dev", "admins"])),
        ("rule by-group: it ended at 2027-07-01", |s| {
            s.now = "2027-07-01T00:00:00Z".parse().unwrap()
        }),
        ("a lifetime of at most 12h", |s| s.object["spec"]["expirationSeconds"] = 43_201.into()),
        ("a lifetime of at most 12h", |s| s.object["spec"]["expirationSeconds"] = Value::Null),
        ("its certificate is not recorded", |s| s.record = None),
        ("had expired when it was submitted", |s| {
            s.object["metadata"]["creationTimestamp"] = now().plus(901).to_string().into();
        }),
        ("may be renewed from", |s| {
            s.object["metadata"]["creationTimestamp"] = now().plus(-901).to_string().into();
        }),
        ("when it was submitted", |s| s.object["metadata"]["creationTimestamp"] = Value::Null),
    ];
    for (why, change) in cases {
        let mut setting = Setting::alice();
        change(&mut setting);
        let left = setting.left();
        assert!(left.contains(why), "{why}: {left}");
    }
    // In time, however long the request has waited since.
    let mut late = Setting::alice();
    late.now = now().plus(86_400);
    late.claim();
}

#[test]
fn what_is_damaged_is_left_to_a_person() {
    let object = CsrObject::from_item(renewal("alice", &["dev"])).unwrap();
    let (policy, revoked) = (Policy::parse(RULES).unwrap(), RevocationList::default());
    let record = record("alice", &["dev"]);
    let case = RenewalCase {
        object: &object,
        findings: &[],
        policy: &policy,
        revoked: &revoked,
        record: Stored::There(&record),
        ancestors: &Ledger::default(),
        others: &Ledger::default(),
        unrecorded: Stored::Absent,
        claim: Stored::Damaged("it is not immutable"),
        claimed_is_over: true,
        now: now(),
    };
    assert!(matches!(decide(&case), RenewalDecision::Leave(why) if why.contains("damaged")));
    let case = RenewalCase { record: Stored::Damaged("x"), claim: Stored::Absent, ..case };
    assert!(matches!(decide(&case), RenewalDecision::Leave(why) if why.contains("damaged")));
}

#[test]
fn the_revoked_are_denied() {
    let mut setting = Setting::alice();
    setting.revoked = json!({ print(1).to_string(): "2026-11-29 laptop stolen (by jane)" });
    let RenewalDecision::Deny(why) = setting.decide() else { panic!("not denied") };
    assert!(why.ends_with("is revoked: 2026-11-29 laptop stolen (by jane)"), "{why}");
    setting.revoked = json!({ "user.616c696365": "2026-11-29 left (by jane)" });
    assert!(matches!(setting.decide(), RenewalDecision::Deny(_)));
    // What descends from a revoked one.
    let mut thief = Setting::alice();
    let child = CertificateRecord { renews: Some(print(9)), ..record("alice", &["dev", "ops"]) };
    thief.ancestors.add(&StoredMap::read(&child.to_value()).unwrap());
    thief.claim();
    thief.revoked = json!({ print(9).to_string(): "2026-11-29 laptop stolen (by jane)" });
    let RenewalDecision::Deny(why) = thief.decide() else { panic!("not denied") };
    assert!(why.contains("descends from one that is revoked: 2026-11-29 laptop stolen"), "{why}");
}

/// A holder can present a certificate under any number of SHA-256s, and no record tells which is the true one.
#[test]
fn one_unrecorded_certificate_of_a_user_is_renewed_where_there_is_no_other() {
    let unrecorded = || Setting { record: None, ..Setting::of("bob", &[]) };
    let mut first = unrecorded();
    let RenewalDecision::Approve { unrecorded: Some(claim), .. } = first.decide() else {
        panic!("{:?}", first.decide());
    };
    assert_eq!(claim, UnrecordedClaim { parent: print(1), user: "bob".to_owned() });
    // Taken up after an interruption, without a second claim.
    first.unrecorded = Some(claim.clone());
    assert!(matches!(first.decide(), RenewalDecision::Approve { unrecorded: None, .. }));
    // A recorded one needs none.
    let recorded = Setting::of("bob", &[]);
    assert!(matches!(recorded.decide(), RenewalDecision::Approve { unrecorded: None, .. }));
    let ledger_of = |ends: i64| {
        let other = CertificateRecord {
            fingerprint: print(7),
            not_after: now().plus(ends),
            ..self::record("bob", &[])
        };
        let mut ledger = Ledger::default();
        ledger.add(&StoredMap::read(&other.to_value()).unwrap());
        ledger
    };
    Setting { others: ledger_of(-1), ..unrecorded() }.claim();
    let entry = |rest: &str| json!({ print(9).to_string(): format!("2026-11-29 stolen{rest}") });
    Setting { revoked: entry("\nuser: alice"), ..unrecorded() }.claim();
    for (why, setting) in [
        ("the user has recorded ones", Setting { others: ledger_of(1), ..unrecorded() }),
        (
            "another one of the user has been renewed",
            Setting {
                unrecorded: Some(UnrecordedClaim { parent: print(2), ..claim }),
                ..unrecorded()
            },
        ),
        ("one of the user is revoked", Setting { revoked: entry("\nuser: bob"), ..unrecorded() }),
        ("one of the user is revoked, or may be", Setting { revoked: entry(""), ..unrecorded() }),
    ] {
        let left = setting.left();
        assert!(left.starts_with("rule by-name: its certificate is not recorded, and"), "{left}");
        assert!(left.contains(why), "{why}: {left}");
    }
}

#[test]
fn a_certificate_is_renewed_once() {
    let mut second = Setting::alice();
    let own = second.claim();
    // Taken up after an interruption.
    second.claim = Some(own.clone());
    assert_eq!(second.claim(), own);
    // Another holder: another key.
    let other = RenewalClaim {
        request: ("r1".to_owned(), "u1".to_owned()),
        key: "00".repeat(32),
        ..own.clone()
    };
    second.claim = Some(other.clone());
    for over in [false, true] {
        second.over = over;
        assert_eq!(second.decide(), RenewalDecision::Reuse { parent: print(1), revoke: false });
    }
    let mut bob = Setting::of("bob", &[]);
    bob.claim = Some(other);
    assert_eq!(bob.decide(), RenewalDecision::Reuse { parent: print(1), revoke: true });
    // The same holder asks again, since the answer was gone before it was seen.
    let before = RenewalClaim { request: ("r1".to_owned(), "u1".to_owned()), ..own };
    second.claim = Some(before.clone());
    assert_eq!(second.claim(), before);
    second.over = false;
    assert!(second.left().contains("is being renewed for the same key by the request r1"));
}
