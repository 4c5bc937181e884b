mod bound;

use std::collections::BTreeSet;

use der::Tag;
use serde_json::json;

use super::*;
use crate::api::csr::CLIENT_AUTH;
use crate::api::rbac::Binding;
use crate::encoding::pem;
use crate::x509::pkcs10;
use crate::x509::testing::{crafted, request, reviewed};

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";

fn review_of<'a>(pem: &'a str, change: impl FnOnce(&mut Reviewed<'a>)) -> Vec<Finding> {
    review(&reviewed(pem, change))
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.code.as_str()).collect()
}

fn good() -> String {
    pkcs10::to_pem(&request("alice", &["dev", "ops"]).der)
}

#[test]
fn nothing_is_found_in_an_ordinary_request() {
    assert_eq!(codes(&review_of(&good(), |r| r.requester = Some("alice"))), [""; 0]);
}

#[test]
fn what_is_asked_beside_the_request_is_looked_at() {
    let pem = good();
    let any = ["any".to_owned(), CLIENT_AUTH.to_owned()];
    let server = ["server auth".to_owned()];
    let kubelet = "kubernetes.io/kubelet-serving";
    type Change<'a> = Box<dyn FnOnce(&mut Reviewed<'a>) + 'a>;
    let cases: Vec<(&str, Change<'_>)> = vec![
        ("unexpected-usages", Box::new(|r| r.usages = &any)),
        ("unexpected-usages", Box::new(|r| r.usages = &server)),
        ("unexpected-usages", Box::new(|r| r.usages = &[])),
        ("wrong-signer", Box::new(|r| r.signer_name = kubelet)),
        ("unknown-signer", Box::new(|r| r.signer_name = "example.com/own")),
        ("no-lifetime", Box::new(|r| r.expiration_seconds = None)),
        ("long-lifetime", Box::new(|r| r.expiration_seconds = Some(3_153_600_000))),
        ("requester-differs", Box::new(|r| r.requester = Some("bob"))),
        ("revoked-user", Box::new(|r| r.revoked.user = Some("2026-11-30 left (by x)"))),
        ("revoked-requester", Box::new(|r| r.revoked.requester = Some("2026-11-30 stolen (by x)"))),
        ("revoked-before", Box::new(|r| r.revoked.users = vec!["2026-11-30 stolen (by x)"])),
        ("signature-invalid", Box::new(|r| r.signature = Some(Verification::Invalid))),
        ("signature-unchecked", Box::new(|r| r.signature = Some(Verification::Unsupported))),
    ];
    for (code, change) in cases {
        assert_eq!(codes(&review_of(&pem, change)), [code]);
    }
}

#[test]
fn a_requester_with_a_certificate_of_their_own_is_a_warning() {
    let pem = good();
    let masters = ["system:masters".to_owned()];
    for (certificate, groups, severity) in [
        (false, &[][..], Severity::Info),
        (true, &[], Severity::Warn),
        (true, &masters, Severity::Info),
    ] {
        let findings = review_of(&pem, |r| {
            r.requester = Some("bob");
            r.requester_credential = certificate.then_some("X509SHA256=00");
            r.requester_groups = groups;
        });
        assert_eq!(findings[0].severity, severity);
    }
}

/// Whoever holds a revoked certificate can present it under another SHA-256.
#[test]
fn an_unknown_certificate_is_refused_where_one_of_the_requester_is_revoked() {
    let pem = good();
    let found =
        |requester: &str, credential: Option<&str>, known: bool, revoked: Revoked<'static>| {
            review_of(&pem, |r| {
                r.requester = Some(requester);
                r.requester_credential = credential;
                r.requester_known = known;
                r.revoked = revoked;
            })
        };
    let line = "2026-11-30 laptop stolen (by jane)";
    let of = |users: usize, requesters: usize| Revoked {
        users: vec![line; users],
        requesters: vec![line; requesters],
        ..Revoked::default()
    };
    let certificate = Some("X509SHA256=aa");
    let hers = found("alice", certificate, false, of(2, 2));
    assert_eq!(codes(&hers), ["doubtful-requester", "revoked-before"]);
    assert!(refuses(&hers, &[]) && !refuses(&hers, &["doubtful-requester".to_owned()]));
    assert_eq!(
        hers[0].message,
        "submitted with a certificate that is not known here, so it may be a revoked one of alice in \
         another encoding, in a thief's hands: 2026-11-30 laptop stolen (by jane), and 1 more"
    );
    assert_eq!(
        hers[1].message,
        "a certificate of alice was revoked before: 2026-11-30 laptop stolen (by jane), and 1 more"
    );
    assert_eq!(codes(&found("alice", certificate, true, of(1, 1))), ["revoked-before"]);
    for other in [None, Some("JTI=7c3b")] {
        assert_eq!(codes(&found("alice", other, false, of(1, 1))), ["revoked-before"]);
    }
    // For somebody else, or somebody else for her.
    let bobs = found("bob", certificate, false, of(0, 1));
    assert_eq!(codes(&bobs), ["doubtful-requester", "requester-differs"]);
    let hers = found("bob", certificate, false, of(1, 0));
    assert_eq!(codes(&hers), ["revoked-before", "requester-differs"]);
    // That it is the revoked one itself says more.
    let itself = Revoked { requester: Some(line), ..of(1, 1) };
    let itself = found("alice", certificate, false, itself);
    assert_eq!(codes(&itself), ["revoked-requester", "revoked-before"]);
}

#[test]
fn a_second_key_is_told_unless_the_first_one_asks_for_it() {
    let request = request("alice", &[]);
    let pem = pkcs10::to_pem(&request.der);
    let held = |credential: &str, spki: Option<&[u8]>| HeldCertificate {
        credential: credential.to_owned(),
        spki: spki.map(<[u8]>::to_vec),
        not_after: UnixTime(86_400),
        place: "request alice".to_owned(),
    };
    let found = |held: &[HeldCertificate], requester: &str, credential: Option<&str>| {
        let findings = review_of(&pem, |r| {
            r.held = held;
            r.requester = Some(requester);
            r.requester_credential = credential;
        });
        let second = findings.into_iter().find(|f| f.code == FindingCode::SecondKey);
        second.map(|f| f.message)
    };
    let two = [held("X509SHA256=aa", Some(b"other")), held("X509SHA256=bb", None)];
    assert_eq!(
        found(&two, "alice", None).unwrap(),
        "alice holds a valid certificate already (request alice, until 1970-01-02, and 1 more); this is another key, and was not requested with it"
    );
    assert!(found(&two, "alice", Some("X509SHA256=cc")).is_some());
    assert_eq!(found(&two, "alice", Some("X509SHA256=bb")), None, "a renewal");
    assert!(found(&two, "bob", Some("X509SHA256=bb")).is_some(), "bob does not renew for alice");
    let same = [held("X509SHA256=aa", Some(&request.key.spki))];
    assert_eq!(found(&same, "bob", None), None, "the same key once more");
    assert_eq!(found(&[], "bob", None), None);
}

#[test]
fn signatures_are_judged_as_the_server_judges_them() {
    use crate::x509::key::{Hash, SignatureAlgorithm};
    let other = |oid: &str| SignatureAlgorithm::Other(oid.to_owned());
    let sha1 = [Hash::Sha1].map(SignatureAlgorithm::Rsa).into_iter();
    let weak = sha1.chain([SignatureAlgorithm::Ecdsa(Hash::Sha1)]);
    let refused = ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.14", "1.2.840.10045.4.3.1", "1.2.3"];
    let cases = weak
        .map(|algorithm| (algorithm, Verification::Valid, ["weak-signature"; 2], [false; 2]))
        .chain(refused.map(|oid| {
            let codes = ["unsupported-signature", "signature-unchecked"];
            (other(oid), Verification::Unsupported, codes, [true, false])
        }));
    let good = good();
    for (algorithm, verification, expected, refuse) in cases {
        let mut read = CertificateRequest::from_pem(good.as_bytes()).unwrap();
        read.signature_algorithm = algorithm.clone();
        let of = |requester| {
            let reviewed = reviewed(&good, |r| {
                r.signature = Some(verification);
                r.requester = requester;
            });
            review(&Reviewed { request: Ok(&read), ..reviewed })
        };
        // Handed over, and in the cluster, where the server has taken it.
        for (i, requester) in [None, Some("alice")].into_iter().enumerate() {
            let findings = of(requester);
            assert_eq!(codes(&findings), [expected[i]], "{algorithm}");
            assert_eq!(refuses(&findings, &[]), refuse[i], "{algorithm}");
        }
    }
}

#[test]
fn a_manifest_with_somebody_elses_request_is_found() {
    let of = |name: &'static str, user: &str, requester| {
        let pem = pkcs10::to_pem(&request(user, &[]).der);
        let findings = review_of(&pem, |r| {
            r.object_name = Some(name);
            r.requester = requester;
        });
        findings.iter().any(|f| f.code == FindingCode::NameDiffers)
    };
    for (name, user, differs) in [
        ("john", "angela", true),
        ("bob-csr", "alice", true),
        ("alice", "alice", false),
        ("alice-0a1b2", "alice", false),
        ("a-b-c", "a/b%c", false),
        ("user-dotdot", "..", false),
        ("alice-csr", "alice", false),
        ("csr-for-Alice", "alice", false),
        ("alice", "alice@example.com", false),
        ("juergen-gross", "Juergen Gross", false),
        ("csr-7x2lk", "alice", false),
        ("myuser", "system:node:n1", true),
        ("node-n1", "system:node:n1", false),
    ] {
        assert_eq!(of(name, user, None), differs, "{name} {user}");
        assert!(!of(name, user, Some(user)), "in the cluster {name} {user}");
    }
}

#[test]
fn names_are_looked_at() {
    let utf8 = Tag::Utf8String;
    type Attributes<'a> = &'a [(&'a str, Tag, &'a [u8])];
    let cases: [(Attributes<'_>, &[&str]); 23] = [
        (&[(CN, utf8, b"a"), (CN, utf8, b"b")], &["several-common-names"]),
        (&[(O, utf8, b"dev")], &["no-common-name"]),
        (&[(CN, utf8, b"")], &["no-common-name"]),
        (&[(CN, Tag::TeletexString, b"alice")], &["odd-string-type"]),
        (&[(CN, utf8, b"a"), (O, Tag::BmpString, b"\0a")], &["odd-string-type"]),
        // What Go, and so the API server, refuses to read.
        (&[(CN, Tag::PrintableString, b"a@b")], &["not-strict-der", "odd-string-type"]),
        (&[(CN, Tag::PrintableString, b"a*b&c")], &[]),
        (&[(CN, utf8, b"a"), (O, utf8, b"")], &["empty-group"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"system:masters")], &["system-masters"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"system:nodes")], &["privileged-group"]),
        (&[(CN, utf8, b"system:admin")], &["privileged-user"]),
        (&[(CN, utf8, b"usercert-probe")], &["privileged-user"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"usercert-probe")], &["privileged-group"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"kubeadm:cluster-admins")], &["privileged-group"]),
        (&[(CN, utf8, b"a\x1bb")], &["hidden-characters"]),
        (&[(CN, utf8, b"a ")], &["padded-name"]),
        (&[(CN, utf8, b"a b"), (O, utf8, b"c  d")], &["spaced-name", "group-looks-like-list"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"dev,ops")], &["group-looks-like-list"]),
        (&[(CN, utf8, b"a"), (O, utf8, b"dev ops")], &["group-looks-like-list"]),
        (&[(CN, utf8, "j\u{430}ne".as_bytes())], &["mixed-scripts"]),
        (&[(CN, utf8, "Jürgen Groß 2".as_bytes())], &[]),
        (&[(CN, utf8, "Жанна".as_bytes())], &[]),
        (
            &[(CN, utf8, b"a"), ("1.2.840.113549.1.9.1", Tag::Ia5String, b"a@b")],
            &["dropped-attributes"],
        ),
    ];
    for (attributes, expected) in cases {
        let findings = review_of(&crafted(attributes), |_| {});
        assert_eq!(codes(&findings), expected, "{attributes:?}");
    }
    let long = "x".repeat(300);
    let findings = review_of(&crafted(&[(CN, utf8, long.as_bytes())]), |_| {});
    assert_eq!(codes(&findings), ["long-name"]);
}

#[test]
fn names_of_objects_are_those_that_tools_make() {
    let of = |name: &'static str, user: &str| {
        let pem = pkcs10::to_pem(&request(user, &[]).der);
        let findings = review_of(&pem, |r| r.object_name = Some(name));
        findings.iter().any(|f| f.code == FindingCode::OddObjectName)
    };
    let long: &'static str = Box::leak("x".repeat(254).into_boxed_str());
    for name in ["alice", "csr-7x2lk", "Alice", "alice@example.com", "node:n1", long] {
        assert_eq!(of(name, "alice"), name == long, "{name}");
    }
    for name in ["Jürgen Groß", "Jürgen Groß-0a1b2c3d"] {
        assert!(!of(name, "Jürgen Groß"), "{name}");
        assert!(of(name, "alice"), "{name}");
    }
    for name in ["", "-x", "a b", "Jürgen Groß x", "x\ny"] {
        assert!(of(name, "Jürgen Groß"), "{name}");
    }
}

#[test]
fn points_that_go_does_not_read_are_no_keys() {
    let mut spki = crate::x509::testing::spki();
    let point = spki.len() - 65;
    for form in [2, 3, 6, 7] {
        spki[point] = form;
        let key = crate::x509::key::PublicKey::from_spki(&spki).unwrap();
        assert_eq!(key.kind.to_string(), "unknown (EC, not uncompressed)");
    }
}

#[test]
fn the_name_that_the_server_would_take_is_told() {
    // Go leaves an OCTET STRING out, as it does a UniversalString.
    let pem = crafted(&[(CN, Tag::Utf8String, b"admin"), (CN, Tag::OctetString, b"alice")]);
    let findings = review_of(&pem, |_| {});
    let several = findings.iter().find(|f| f.code == FindingCode::SeveralCommonNames).unwrap();
    assert!(several.message.ends_with("would take admin"), "{}", several.message);
    assert!(findings.iter().any(|f| f.code == FindingCode::OddStringType));
}

#[test]
fn of_many_findings_a_few_are_kept_and_none_is_long() {
    let groups: Vec<String> =
        (0..5000).map(|i| format!("system:{i},{}", "x".repeat(200))).collect();
    let mut attributes: Vec<(&str, Tag, &[u8])> =
        groups.iter().map(|g| (O, Tag::Utf8String, g.as_bytes())).collect();
    let names: Vec<String> = (0..50).map(|i| format!("{i}{}", "y".repeat(200))).collect();
    attributes.extend(names.iter().map(|n| (CN, Tag::Utf8String, n.as_bytes())));
    let findings = review_of(&crafted(&attributes), |_| {});
    for (code, many) in [("privileged-group", 5000), ("group-looks-like-list", 5000)] {
        let found: Vec<&Finding> = findings.iter().filter(|f| f.code.as_str() == code).collect();
        assert_eq!(found.len(), 21, "{code}");
        assert_eq!(found[20].message, format!("and {} more of this kind", many - 20));
        assert_eq!(found[20].severity, found[0].severity);
    }
    let longest = findings.iter().map(|f| f.message.len()).max();
    assert!(longest < Some(1200), "{longest:?}");
}

#[test]
fn only_one_canonical_block_is_one() {
    let good = good();
    let key = pem::encode("PRIVATE KEY", b"secret");
    for (text, code) in [
        (format!("x\n{good}"), "not-canonical-pem"),
        (format!("{good}x"), "not-canonical-pem"),
        (format!("{good}{good}"), "not-canonical-pem"),
        (format!("{good}{key}"), "private-key-included"),
        (String::new(), "unreadable"),
        (pem::encode("NEW CERTIFICATE REQUEST", b"x"), "unreadable"),
    ] {
        let findings = review_of(&text, |_| {});
        assert!(codes(&findings).contains(&code), "{code}: {:?}", codes(&findings));
        assert!(refuses(&findings, &[code.to_owned()]), "{code} cannot be accepted");
        assert!(findings.iter().all(|f| !f.message.contains("c2VjcmV0")));
    }
}

#[test]
fn accepting_works_by_code_and_never_for_hard_ones() {
    let nodes = crafted(&[(CN, Tag::Utf8String, b"a"), (O, Tag::Utf8String, b"system:nodes")]);
    let findings = review_of(&nodes, |_| {});
    assert!(refuses(&findings, &[]));
    assert!(refuses(&findings, &["privileged-user".to_owned()]));
    assert!(!refuses(&findings, &["privileged-group".to_owned()]));
}

#[test]
fn every_code_is_unique_and_explained() {
    let words: BTreeSet<&str> = FindingCode::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(words.len(), FindingCode::ALL.len());
    assert!(FindingCode::ALL.iter().all(|c| c.explanation().len() > 20));
}
