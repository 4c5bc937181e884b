//! What Go's crypto/x509 says of certificates, by a small program in `go`, beside what we say: over the
//! same corpus, over certificates that are damaged in every way that a tree of elements can be, and over
//! chains made at random.
//!
//! Every verdict has to be the same. Exceptions are listed, with the reason's number in
//! docs/conformance.md.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubectl_usercert::keys;
use serde::{Deserialize, Serialize};
use usercert_core::encoding::pem;
use usercert_core::inspect::relations::{self, Answers, LocatedArtifact};
use usercert_core::inspect::{self, Artifact, Description, FoundArtifact, Severity};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{self, Certificate, Expected, Outcome};
use usercert_core::x509::key::Verification;

use crate::damage::{Random, damaged};

/// How many damaged certificates are made of each one, and how many chains; USERCERT_SOAK times as many.
const DAMAGES: i64 = 10;
const CHAINS: i64 = 1500;

fn times(most: i64) -> i64 {
    let soak = std::env::var("USERCERT_SOAK").ok().and_then(|n| n.parse::<i64>().ok());
    // The other tests that heed it count in thousands.
    most * (soak.unwrap_or_default() / 1000).clamp(1, 100)
}

#[derive(Deserialize)]
struct Reading {
    error: String,
    user: String,
    groups: Option<Vec<String>>,
    from: i64,
    until: i64,
    ca: bool,
    length: i64,
    usages: Option<Vec<String>>,
    critical: bool,
    subject: Option<String>,
    authority: Option<String>,
    signature: Option<String>,
    names: Option<Vec<String>>,
    version: u32,
}

#[derive(Deserialize, Serialize)]
struct Chain {
    certificates: Vec<String>,
    cas: Vec<String>,
    at: i64,
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
}

/// Go's compiler: the one that docs/scripts/need has fetched, else the one on the PATH.
fn compiler() -> PathBuf {
    let fetched = target().join("go/go/bin/go");
    let runs = |go: &Path| Command::new(go).arg("version").output().is_ok();
    let found = [fetched, PathBuf::from("go")].into_iter().find(|go| runs(go));
    found.unwrap_or_else(|| panic!("there is no Go: run docs/scripts/need go"))
}

/// The program, built.
fn oracle() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("oracle{}", std::env::consts::EXE_SUFFIX));
    let built = Command::new(compiler())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/go"))
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .env("GOCACHE", folder.join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

fn ask<A: for<'a> Deserialize<'a>>(oracle: &Path, what: &str, questions: &impl Serialize) -> A {
    let mut child = Command::new(oracle)
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(questions).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success(), "the Go program failed at {what}");
    serde_json::from_slice(&out.stdout).unwrap()
}

/// All certificates of the corpus, by file and place in it.
fn certificates(corpus: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths = Vec::new();
    super::files(corpus, &mut paths);
    paths.sort();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &paths {
        let name = path.strip_prefix(corpus).unwrap().to_str().unwrap().to_owned();
        let data = std::fs::read(path).unwrap();
        let blocks = pem::all(&data);
        let mut ders: Vec<Vec<u8>> =
            blocks.into_iter().filter(|b| b.label == certificate::LABEL).map(|b| b.der).collect();
        if matches!(path.extension().and_then(|e| e.to_str()), Some("crt" | "der" | "cer")) {
            ders.push(data);
        }
        for (place, der) in ders.into_iter().enumerate() {
            if seen.insert(der.clone()) {
                found.push((format!("{name} {place}"), der));
            }
        }
    }
    found
}

#[test]
fn go_and_we_read_alike() {
    let Some(corpus) = super::corpus() else {
        assert!(std::env::var_os("CI").is_none(), "no corpus: run docs/scripts/need vectors");
        eprintln!("skipped, there is no corpus: run docs/scripts/need python vectors");
        return;
    };
    let mut all = certificates(&corpus);
    let whole = all.len();
    assert!(whole > 400, "{whole} certificates are not the corpus");
    let mut random = Random(1);
    for at in 0..whole {
        let (name, der) = all[at].clone();
        for number in 0..times(DAMAGES) {
            all.push((format!("{name} damaged {number}"), damaged(&der, &mut random)));
        }
    }
    let encoded: Vec<String> = all.iter().map(|(_, der)| STANDARD.encode(der)).collect();
    let answers: Vec<Reading> = ask(&oracle(), "read", &encoded);
    let mut differences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut refused = 0;
    for (((name, der), go), base64) in all.iter().zip(&answers).zip(&encoded) {
        refused += usize::from(!go.error.is_empty());
        for difference in compared(der, go) {
            let line = format!("{name}: {} {base64}", go.error);
            differences.entry(difference).or_default().push(line);
        }
    }
    let count: usize = differences.values().map(Vec::len).sum();
    eprintln!(
        "Go: {} certificates, {refused} of which it refuses; {count} differ from what we say",
        all.len()
    );
    for (difference, lines) in &differences {
        eprintln!("{difference}: {}\n  {}", lines.len(), lines[..lines.len().min(4)].join("\n  "));
    }
    assert_eq!(count, 0);
}

/// In what our reading differs from Go's.
fn compared(der: &[u8], go: &Reading) -> Vec<String> {
    let ours = match Certificate::from_der(der) {
        Ok(ours) => ours,
        Err(error) if go.error.is_empty() => return vec![format!("refused: {error}")],
        Err(_) => return Vec::new(),
    };
    let thing = Artifact::Certificate(Box::new(ours.clone()));
    let said = inspect::describe(&found(thing), UnixTime(go.from)).findings;
    let said = said.iter().any(|finding| finding.code == "unreadable-to-go");
    match (ours.unreadable_to_go(), go.error.as_str()) {
        (None, "") => {}
        (Some(_), error) if !error.is_empty() && said => return Vec::new(),
        (Some(reason), _) => return vec![format!("refused: {reason}")],
        (None, error) => return vec![format!("fine to us: {error}")],
    }
    let set = |list: &Option<Vec<String>>| -> BTreeSet<String> {
        list.iter().flatten().cloned().collect()
    };
    let bytes = |text: &Option<String>| {
        text.as_deref().map(|text| STANDARD.decode(text).unwrap()).unwrap_or_default()
    };
    let names: Vec<String> = ours
        .alternative_names
        .iter()
        .filter(|name| name.starts_with("DNS:") || name.starts_with("IP:"))
        .cloned()
        .collect();
    let shown = |name: &String| match name.split_once(':') {
        Some(("IP", address)) => {
            // Go shows mapped addresses as those of IPv4.
            let address = address.parse::<std::net::IpAddr>().unwrap();
            format!("IP:{}", address.to_canonical())
        }
        Some((kind, name)) => format!("{kind}:{}", usercert_core::text::show(name)),
        None => name.clone(),
    };
    let length = ours.path_length.map_or(-1, i64::from);
    let usages = |known: &str| match known.contains(' ') || known == "any" {
        true => known.to_owned(),
        false => "other".to_owned(),
    };
    let our_usages: BTreeSet<String> =
        ours.extended_key_usages.iter().flatten().map(|u| usages(u)).collect();
    let go_usages: BTreeSet<String> = go.usages.iter().flatten().map(|u| usages(u)).collect();
    let mut differences = Vec::new();
    for (what, same) in [
        ("user", ours.subject.user() == go.user),
        ("groups", ours.subject.groups() == set(&go.groups)),
        ("from", ours.not_before.0 == go.from),
        ("until", ours.not_after.0 == go.until),
        ("ca", ours.is_ca == go.ca),
        ("length", length == go.length || length > 0x7f && go.length > 0x7f),
        ("usages", our_usages == go_usages),
        ("critical", ours.unknown_critical.is_empty() != go.critical),
        ("subject key", ours.subject_key_id.clone().unwrap_or_default() == bytes(&go.subject)),
        (
            "authority key",
            ours.authority_key_id.clone().unwrap_or_default() == bytes(&go.authority),
        ),
        ("signature", ours.signature == bytes(&go.signature)),
        ("version", ours.version == go.version),
        (
            "names",
            names.iter().cloned().collect::<BTreeSet<_>>()
                == go.names.iter().flatten().map(shown).collect::<BTreeSet<_>>(),
        ),
    ] {
        if !same {
            differences.push(what.to_owned());
        }
    }
    differences
}

fn found(thing: Artifact) -> FoundArtifact {
    let about = serde_json::Map::new();
    FoundArtifact { thing, role: None, about, group: 1, findings: Vec::new() }
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
    let Some(corpus) = super::corpus() else {
        assert!(std::env::var_os("CI").is_none(), "no corpus: run docs/scripts/need vectors");
        return;
    };
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
