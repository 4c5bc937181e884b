//! What is found out about several things together.

use zeroize::Zeroizing;

use super::chains::check_chain;
use super::links::CANDIDATES;
use super::*;
use crate::inspect::testing::{DURING, certificate, found};
use crate::inspect::{PrivateKey, describe};
use crate::x509::certificate::Certificate;
use crate::x509::key::KeyKind;

fn placed(source: &str, group: usize, thing: Artifact) -> LocatedArtifact {
    let mut found = found(thing);
    found.group = group;
    LocatedArtifact { source: source.to_owned(), open: false, pairs: Vec::new(), found }
}

fn leaf(user: &str, key: u8) -> Artifact {
    let mut certificate = certificate(user, &[]);
    certificate.key.spki = vec![key];
    certificate.der = vec![key, 1];
    Artifact::Certificate(Box::new(certificate))
}

fn ca() -> Artifact {
    let Artifact::Certificate(mut ca) = leaf("ca", 9) else { unreachable!() };
    ca.is_ca = true;
    Artifact::Certificate(ca)
}

fn key() -> Artifact {
    let pkcs8 = Zeroizing::new(vec![1]);
    Artifact::PrivateKey(PrivateKey { pkcs8, kind: Ok(KeyKind::P256) })
}

/// Codes of findings that come from relations, and the properties of each thing.
fn related(
    placed: &[LocatedArtifact],
    signature: Verification,
    publics: &[Option<u8>],
) -> (Vec<Description>, Vec<&'static str>) {
    let mut items: Vec<Description> = placed.iter().map(|p| describe(&p.found, DURING)).collect();
    items.iter_mut().for_each(|item| item.findings.clear());
    let links = links(placed);
    let signatures = vec![signature; links.len()];
    let public_keys: Vec<_> = publics.iter().map(|k| k.map(|k| vec![k])).collect();
    let answers = Answers { signatures: &signatures, public_keys: &public_keys };
    relate(placed, &mut items, &links, &answers);
    let codes = items.iter().flat_map(|i| &i.findings).map(|f| f.code).collect();
    (items, codes)
}

#[test]
fn a_chain_is_told_when_the_signatures_hold() {
    let things =
        [placed("a.crt", 1, leaf("alice", 1)), placed("ca.crt", 1, ca()), placed("b", 1, ca())];
    let (items, codes) = related(&things, Verification::Valid, &[None, None, None]);
    assert_eq!(items[0].word("issuedBy"), "ca.crt");
    assert_eq!(items[0].properties["chain"], serde_json::json!(["CN=ca"]));
    assert_eq!(items[1].properties["selfSigned"], true);
    assert!(codes.is_empty(), "{codes:?}");
    let (items, codes) = related(&things, Verification::Invalid, &[None, None, None]);
    assert_eq!(items[0].word("issuedBy"), "");
    assert_eq!(codes, ["not-signed-by-its-ca"]);
}

/// Without that nobody can read their DER, which is made up.
fn described(things: &[LocatedArtifact]) -> Vec<Description> {
    let mut items: Vec<Description> = things.iter().map(|p| describe(&p.found, DURING)).collect();
    items.iter_mut().for_each(|item| item.findings.retain(|f| f.code != "unreadable-to-go"));
    items
}

#[test]
fn a_leaf_signs_nobody_and_outlives_no_ca_silently() {
    let Artifact::Certificate(mut short) = ca() else { unreachable!() };
    short.not_after = short.not_after.plus(-1);
    let things = [placed("a", 1, leaf("alice", 1)), placed("ca", 1, Artifact::Certificate(short))];
    assert_eq!(related(&things, Verification::Valid, &[None, None]).1, ["outlives-its-ca"]);
    let signed_by = |change: &dyn Fn(&mut Certificate), signature| {
        let mut above = certificate("ca", &[]);
        above.der = vec![2];
        above.issuer_der = b"subject of a root".to_vec();
        change(&mut above);
        let above = Artifact::Certificate(Box::new(above));
        let things = [placed("a", 1, leaf("alice", 1)), placed("x", 1, above)];
        related(&things, signature, &[None, None])
    };
    let (items, codes) = signed_by(&|_| {}, Verification::Valid);
    assert_eq!(codes, ["issuer-cannot-sign"]);
    assert_eq!(items[0].findings[0].message, "CN=ca above it is no CA: nobody accepts it");
    assert_ne!(items[1].word("profile"), "ca");
    for signature in [Verification::Invalid, Verification::Unsupported] {
        assert_eq!(signed_by(&|_| {}, signature).1, [""; 0], "somebody else of that name");
    }
    let no_signer = |c: &mut Certificate| {
        c.is_ca = true;
        c.key_usages = Some(vec!["digital signature"]);
    };
    let (items, codes) = signed_by(&no_signer, Verification::Valid);
    assert_eq!(codes, ["issuer-cannot-sign"]);
    assert!(items[0].findings[0].message.contains("by its key usage"));
    let old = |c: &mut Certificate| c.version = 1;
    assert_eq!(signed_by(&old, Verification::Valid).1, [""; 0], "Go takes it at its word");
}

#[test]
fn a_ca_goes_before_what_is_none() {
    let no_ca = || leaf("ca", 9);
    for above in [[no_ca(), ca()], [ca(), no_ca()]] {
        let [first, second] = above;
        let things =
            [placed("a", 1, leaf("alice", 1)), placed("1", 1, first), placed("2", 1, second)];
        let mut things = things;
        if let Artifact::Certificate(ca) = &mut things[2].found.thing {
            ca.der.push(2);
        }
        let (_, codes) = related(&things, Verification::Valid, &[None, None, None]);
        assert!(!codes.contains(&"issuer-cannot-sign"), "{codes:?}");
    }
}

#[test]
fn what_another_of_the_same_name_signed_is_not_self_signed() {
    let Artifact::Certificate(mut twin) = leaf("ca", 1) else { unreachable!() };
    twin.issuer_der.clone_from(&twin.subject_der);
    let things = [placed("a", 1, Artifact::Certificate(twin)), placed("ca", 1, ca())];
    let mut items = described(&things);
    assert_eq!(items[0].findings[0].code, "self-signed");
    let links = links(&things);
    let verdict = |l: &Link| match (l.subject, l.issuer) {
        (0, 0) => Verification::Invalid,
        _ => Verification::Valid,
    };
    let signatures: Vec<_> = links.iter().map(verdict).collect();
    let answers = Answers { signatures: &signatures, public_keys: &[None, None] };
    relate(&things, &mut items, &links, &answers);
    assert_eq!(items[0].word("issuedBy"), "ca");
    assert!(items[0].findings.is_empty(), "{:?}", items[0].findings);
}

#[test]
fn what_was_not_verified_is_nobodys() {
    let things = [placed("alice", 0, leaf("alice", 1)), placed("ca", 0, ca())];
    let mut things = things;
    let Artifact::Certificate(alice) = &mut things[0].found.thing else { unreachable!() };
    alice.issuer_der = certificate("ca", &[]).subject_der;
    let (items, codes) = related(&things, Verification::Unsupported, &[None, None]);
    assert_eq!(codes, ["signature-unchecked"]);
    assert!(items[0].word("issuedBy").is_empty() && !items[0].properties.contains_key("chain"));
    let (items, codes) = related(&things, Verification::Valid, &[None, None]);
    assert!(codes.is_empty() && items[0].word("issuedBy") == "ca");
}

#[test]
fn a_renewed_ca_beside_its_old_certificate_is_no_ring() {
    let twin = |der: u8, not_after: i64| {
        let Artifact::Certificate(mut ca) = ca() else { unreachable!() };
        ca.der = vec![9, der];
        ca.issuer_der.clone_from(&ca.subject_der);
        ca.not_after = DURING.plus(not_after);
        ca.path_length = Some(0);
        Artifact::Certificate(ca)
    };
    let (old, new) = (|| twin(1, -5), || twin(2, 1_000_000_000));
    for twins in [[old(), new()], [new(), old()]] {
        let [one, other] = twins;
        let mut things =
            vec![placed("one", 0, one), placed("other", 0, other), placed("a", 0, leaf("a", 1))];
        let Artifact::Certificate(a) = &mut things[2].found.thing else { unreachable!() };
        a.issuer_der = certificate("ca", &[]).subject_der;
        let mut items = described(&things);
        let links = links(&things);
        let signatures = vec![Verification::Valid; links.len()];
        let answers = Answers { signatures: &signatures, public_keys: &[None, None, None] };
        relate(&things, &mut items, &links, &answers);
        assert_eq!(items[2].properties["chain"].as_array().map(Vec::len), Some(1));
        assert!(items[2].findings.is_empty(), "{:?}", items[2].findings);
        assert!(items[..2].iter().all(|item| item.properties["selfSigned"] == true));
        let codes: Vec<_> = items[..2].iter().flat_map(|i| &i.findings).map(|f| f.code).collect();
        assert_eq!(codes, ["expired"]);
    }
}

#[test]
fn an_answer_to_another_request_is_told() {
    let in_object = |thing| {
        let mut placed = placed("csr/a", 1, thing);
        placed.found.about.insert(KIND.to_owned(), "a".into());
        placed
    };
    let request = crate::x509::testing::request("alice", &["dev"]);
    let mut right = certificate("alice", &["dev"]);
    right.key = request.key.clone();
    let other = Certificate { subject: certificate("root", &[]).subject, ..right.clone() };
    for (answer, expected) in [(right, &[][..]), (other, &["not-the-answer"])] {
        let things = [
            in_object(Artifact::Request(Box::new(request.clone()))),
            in_object(Artifact::Certificate(Box::new(answer))),
        ];
        let (_, codes) = related(&things, Verification::Valid, &[None, None]);
        assert_eq!(codes, expected);
    }
}

#[test]
fn what_stands_above_can_spoil_it() {
    let leaf = certificate("alice", &[]);
    let found = |change: &dyn Fn(&mut Certificate), codes_of_ca: &[&'static str]| {
        let mut ca = certificate("ca", &[]);
        ca.extended_key_usages = None;
        ca.is_ca = true;
        change(&mut ca);
        let mut items =
            vec![Description::new("certificate"), Description::new("CA"), Description::new("CA")];
        for code in codes_of_ca {
            items[1].problem(code, "");
        }
        check_chain(&mut items, 0, &leaf, &[(1, &ca), (2, &ca)]);
        items[0].findings.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(found(&|_| {}, &[]), [""; 0]);
    assert_eq!(found(&|_| {}, &["expired"]), ["ca-expired"]);
    // The first of the two may have none below it, the second one.
    assert_eq!(found(&|ca| ca.path_length = Some(1), &[]), [""; 0]);
    assert_eq!(found(&|ca| ca.path_length = Some(0), &[]), ["path-too-long"]);
    let server = |ca: &mut Certificate| {
        ca.extended_key_usages = Some(vec!["server auth".to_owned()]);
    };
    assert_eq!(found(&server, &[]), ["ca-other-purpose"]);
    assert_eq!(found(&|ca| ca.has_name_constraints = true, &[]), ["name-constraints"]);
}

#[test]
fn keys_find_what_they_belong_to() {
    let things = [
        placed("x.crt", 1, leaf("alice", 1)),
        placed("x.key", 1, key()),
        placed("y-key.pem", 1, key()),
        placed("y.pem", 1, leaf("bob", 2)),
    ];
    let (items, codes) =
        related(&things, Verification::Unsupported, &[None, Some(1), Some(2), None]);
    assert_eq!(items[0].word("privateKey"), "x.key");
    assert_eq!(items[1].properties["belongsTo"], serde_json::json!(["x.crt"]));
    assert_eq!(items[3].word("privateKey"), "y-key.pem");
    assert!(codes.is_empty(), "{codes:?}");
    let (_, codes) = related(&things, Verification::Unsupported, &[None, Some(2), Some(2), None]);
    assert_eq!(codes, ["key-mismatch"], "x.crt and x.key");
    // The leaf has to come first where the key is in a file of its own, too.
    let behind = [
        placed("x.crt", 1, leaf("ca", 1)),
        placed("x.crt", 1, leaf("alice", 2)),
        placed("x.key", 1, key()),
    ];
    let (_, codes) = related(&behind, Verification::Unsupported, &[None, None, Some(2)]);
    assert_eq!(codes, ["leaf-not-first"]);
    // Two certificates of one name, and the key of one of them.
    let two = [
        placed("x.crt", 1, leaf("alice", 1)),
        placed("x.pem", 1, leaf("bob", 2)),
        placed("x.key", 1, key()),
    ];
    assert!(related(&two, Verification::Unsupported, &[None, None, Some(2)]).1.is_empty());
    for (certificate, file) in [("a/cert.pem", "a/key.pem"), ("tls-cert.pem", "tls-key.pem")] {
        let pair = [placed(certificate, 1, leaf("alice", 1)), placed(file, 1, key())];
        assert_eq!(related(&pair, Verification::Unsupported, &[None, Some(2)]).1, ["key-mismatch"]);
        assert!(related(&pair, Verification::Unsupported, &[None, Some(1)]).1.is_empty());
    }
    let named = |source: &str, thing| LocatedArtifact {
        pairs: vec!["pod --".to_owned()],
        ..placed(source, 1, thing)
    };
    let by_flags = [named("a.crt", leaf("alice", 1)), named("b.key", key())];
    assert_eq!(related(&by_flags, Verification::Unsupported, &[None, Some(2)]).1, ["key-mismatch"]);
    // A key of which nothing is known accuses nobody.
    assert!(related(&things, Verification::Unsupported, &[None; 4]).1.is_empty());
}

#[test]
fn what_stands_in_one_entry_belongs_together() {
    let pair = |group| {
        [
            placed("config", 1, leaf("alice", 1)),
            placed("config", 1, leaf("issuer", 2)),
            placed("config", group, key()),
        ]
    };
    let codes =
        |group, key| related(&pair(group), Verification::Unsupported, &[None, None, Some(key)]).1;
    assert!(codes(1, 1).is_empty());
    assert_eq!(codes(1, 3), ["key-mismatch"]);
    assert_eq!(codes(1, 2), ["leaf-not-first"]);
    assert!(codes(2, 3).is_empty(), "another entry's key");
}

#[test]
fn readable_keys_are_told() {
    let mut things = [placed("a b.key", 1, key())];
    things[0].open = true;
    let (items, codes) = related(&things, Verification::Valid, &[None]);
    assert_eq!(codes, ["key-readable"]);
    assert!(items[0].findings[0].message.ends_with(&protect_line("a b.key")));
}

#[test]
fn a_bundle_of_one_name_costs_no_more_than_its_length() {
    let many: Vec<LocatedArtifact> = (0..5_000_u32)
        .map(|i| {
            let Artifact::Certificate(mut ca) = ca() else { unreachable!() };
            ca.der = i.to_be_bytes().to_vec();
            ca.issuer_der.clone_from(&ca.subject_der);
            placed("bundle", 1, Artifact::Certificate(ca))
        })
        .collect();
    // Quadratic work would take minutes for these.
    assert!(links(&many).len() <= many.len() * CANDIDATES);
}
