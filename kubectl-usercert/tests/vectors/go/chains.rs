//! Chains: those that Go makes at random, and NIST's.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubectl_usercert::keys;
use serde::{Deserialize, Serialize};
use usercert_core::inspect::relations::{self, Answers, LocatedArtifact};
use usercert_core::inspect::{self, Artifact, Description, Severity};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{self, Certificate, Expected, Outcome};
use usercert_core::x509::key::Verification;

use super::{Reading, ask, certificates, found, oracle, times};
use crate::corpus;

/// How many are made at random; USERCERT_SOAK times as many.
const CHAINS: i64 = 1500;

#[derive(Deserialize, Serialize)]
struct Chain {
    certificates: Vec<String>,
    cas: Vec<String>,
    at: i64,
}

#[test]
fn go_and_we_take_the_same_chains() {
    let oracle = oracle();
    let seeds: Vec<i64> = (0..times(CHAINS)).collect();
    let chains: Vec<Chain> = ask(&oracle, "make", &seeds);
    let verdicts: Vec<String> = ask(&oracle, "verify", &chains);
    for (seed, chain) in chains.iter().enumerate().filter(|(seed, _)| verdicts[*seed].is_empty()) {
        assert_eq!(refusals(chain), [""; 0], "seed {seed}");
    }
    let ours = chains.iter().map(|chain| {
        let placed = placed(chain);
        verdict(&placed, &related(&placed, chain.at), 0)
    });
    let named = seeds.iter().map(|seed| format!("seed {seed}"));
    compare("chains made at random", named.zip(ours), &verdicts, 100);
}

/// What `install` objects to.
fn refusals(chain: &Chain) -> Vec<String> {
    let read = |all: &[String]| -> Vec<Certificate> {
        let ders = all.iter().map(|base64| STANDARD.decode(base64).unwrap());
        ders.map(|der| Certificate::from_der(&der).unwrap()).collect()
    };
    let (certificates, cas) = (read(&chain.certificates), read(&chain.cas));
    let leaf = &certificates[0];
    let expected = Expected {
        spki: leaf.key.spki.clone(),
        user: leaf.subject.user().to_owned(),
        groups: leaf.subject.groups(),
        lifetime: None,
    };
    let signed = keys::verify_chain(leaf, &certificates[1..], &cas);
    assert!(matches!(signed, certificate::Chain::Issuer(Verification::Valid)), "{signed:?}");
    let mut checks = certificate::check(leaf, &expected, signed, UnixTime(chain.at));
    // An expired CA of the same name as the one that signed counts for nothing.
    checks.extend(certificate::refusals(&certificates[..1], &cas, UnixTime(chain.at)));
    checks.into_iter().filter(|c| c.outcome == Outcome::Fail).map(|c| c.message).collect()
}

/// NIST's suite for the verification of chains, whose CAs are all there.
#[test]
fn go_and_we_take_the_same_certificates_of_pkits() {
    let Some(corpus) = corpus() else { return };
    // Within the validity of most.
    const AT: i64 = 1_500_000_000;
    let (mut cas, mut all) = (Vec::new(), Vec::new());
    for (name, der) in certificates(&corpus.join("PKITS_data/certs")) {
        let list = if name.starts_with("TrustAnchorRoot") { &mut cas } else { &mut all };
        list.push((name, der));
    }
    assert!(cas.len() == 1 && all.len() > 350, "{} and {} certificates", cas.len(), all.len());
    // Go takes no list with one that it cannot read.
    let oracle = oracle();
    let encode = |all: &[(String, Vec<u8>)]| -> Vec<String> {
        all.iter().map(|(_, der)| STANDARD.encode(der)).collect()
    };
    let readings: Vec<Reading> = ask(&oracle, "read", &encode(&all));
    let mut readable = readings.iter().map(|reading| reading.error.is_empty());
    all.retain(|_| readable.next().unwrap());
    let whole = Chain { certificates: encode(&all), cas: encode(&cas), at: AT };
    let placed = placed(&whole);
    let items = related(&placed, AT);
    // Of all certificates those that a chain can lead through.
    let of = |index: usize| placed[index].found.certificate().unwrap();
    let chains: Vec<Chain> = (0..all.len())
        .map(|leaf| {
            let mut way = vec![leaf];
            let mut at = 0;
            while let Some(subject) = way.get(at).copied() {
                for issuer in 0..all.len() {
                    if of(issuer).subject_der == of(subject).issuer_der && !way.contains(&issuer) {
                        way.push(issuer);
                    }
                }
                at += 1;
            }
            let certificates = way.iter().map(|i| whole.certificates[*i].clone()).collect();
            Chain { certificates, cas: whole.cas.clone(), at: AT }
        })
        .collect();
    let verdicts: Vec<String> = ask(&oracle, "verify", &chains);
    let ours = (0..all.len()).map(|leaf| verdict(&placed, &items, leaf));
    compare("PKITS", all.iter().map(|(name, _)| name.clone()).zip(ours), &verdicts, 200);
}

fn compare(
    what: &str,
    ours: impl Iterator<Item = (String, Verdict)>,
    verdicts: &[String],
    unsure_at_most: usize,
) {
    let mut differences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unsure = 0;
    for ((name, ours), go) in ours.zip(verdicts) {
        let difference = match (&ours, go.as_str()) {
            (Verdict::Unsure, _) => {
                unsure += 1;
                continue;
            }
            (Verdict::Fine, "") => continue,
            (Verdict::Refused(_), go) if !go.is_empty() => continue,
            (Verdict::Refused(why), _) => format!("refused: {}", why.join(", ")),
            (Verdict::Fine, go) => format!("fine to us: {go}"),
        };
        differences.entry(difference).or_default().push(name);
    }
    let taken = verdicts.iter().filter(|v| v.is_empty()).count();
    let count: usize = differences.values().map(Vec::len).sum();
    eprintln!(
        "Go: {what}: {}, {taken} of which it takes; {unsure} that we say we cannot judge, {count} differ",
        verdicts.len()
    );
    for (difference, names) in &differences {
        eprintln!("{difference}: {} {}", names.len(), names[..names.len().min(6)].join(", "));
    }
    assert!(taken * 20 > verdicts.len(), "Go takes hardly any");
    assert!(unsure <= unsure_at_most, "{unsure} are not judged");
    assert_eq!(count, 0);
}

enum Verdict {
    Fine,
    Refused(Vec<String>),
    /// Something is said not to have been checked.
    Unsure,
}

fn placed(chain: &Chain) -> Vec<LocatedArtifact> {
    let read = |source: String, base64: &String| LocatedArtifact {
        source,
        open: false,
        pairs: Vec::new(),
        found: found(Artifact::Certificate(Box::new(
            Certificate::from_der(&STANDARD.decode(base64).unwrap()).unwrap(),
        ))),
    };
    let own = chain.certificates.iter().enumerate();
    let cas = chain.cas.iter().enumerate();
    own.map(|(i, c)| read(format!("chain {i}"), c))
        .chain(cas.map(|(i, c)| read(format!("ca {i}"), c)))
        .collect()
}

fn related(placed: &[LocatedArtifact], at: i64) -> Vec<Description> {
    let mut items: Vec<Description> =
        placed.iter().map(|p| inspect::describe(&p.found, UnixTime(at))).collect();
    let links = relations::links(placed);
    let signatures: Vec<_> = links
        .iter()
        .map(|link| {
            let s = link.signed(placed).unwrap();
            keys::verify(s.key, s.algorithm, s.message, s.signature)
        })
        .collect();
    let public_keys = vec![None; placed.len()];
    let answers = Answers { signatures: &signatures, public_keys: &public_keys };
    relations::relate(placed, &mut items, &links, &answers);
    items
}

/// What `inspect` says of a client's certificate beside its CAs.
fn verdict(placed: &[LocatedArtifact], items: &[Description], leaf: usize) -> Verdict {
    let mut why = Vec::new();
    let mut unsure = false;
    if !placed[leaf].found.certificate().unwrap().allows_client_auth() {
        why.push("no client auth".to_owned());
    }
    // What Kubernetes, TLS or OpenSSL say of it, or nobody as long as it signs nothing.
    let others =
        ["no-common-name", "odd-key", "no-digital-signature", "weak-key", "ca-cannot-sign"];
    for finding in &items[leaf].findings {
        match (finding.severity, finding.code) {
            (_, "name-constraints" | "signature-unchecked") => unsure = true,
            (_, "ca-other-purpose") if finding.message.ends_with("client auth") => {
                why.push("not for clients above".to_owned());
            }
            (_, "ca-other-purpose") | (Severity::Info, _) => {}
            (_, code) if others.contains(&code) => {}
            (_, code) => why.push(code.to_owned()),
        }
    }
    let mut at = leaf;
    while !placed[at].source.starts_with("ca") {
        let above = items[at].word("issuedBy");
        let Some(next) = placed.iter().position(|p| p.source == above) else {
            why.push("no chain".to_owned());
            break;
        };
        at = next;
        let trusted = placed[at].source.starts_with("ca");
        for finding in &items[at].findings {
            let code = finding.code;
            let of_all = ["ca-cannot-sign", "unknown-critical", "unreadable-to-go", "expired"];
            let of_signature = ["weak-signature", "unverifiable-signature"];
            if of_all.contains(&code) || !trusted && of_signature.contains(&code) {
                why.push(format!("{code} above"));
            }
        }
    }
    match (why.is_empty(), unsure) {
        (false, _) => Verdict::Refused(why),
        (true, true) => Verdict::Unsure,
        (true, false) => Verdict::Fine,
    }
}
