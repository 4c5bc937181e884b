//! What Go's crypto/x509 says of certificates, by a small program in `go`, beside what we say: over the
//! same corpus, over certificates that are damaged in every way that a tree of elements can be, and over
//! chains made at random.
//!
//! Every verdict has to be the same. Exceptions are listed, with the reason's number in
//! docs/conformance.md.

mod chains;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use usercert_core::encoding::pem;
use usercert_core::inspect::{self, Artifact, FoundArtifact};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{self, Certificate};

use crate::damage::{Random, damaged};

/// How many damaged certificates are made of each one; USERCERT_SOAK times as many.
const DAMAGES: i64 = 10;

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

fn found(thing: Artifact) -> FoundArtifact {
    let about = serde_json::Map::new();
    FoundArtifact { thing, role: None, about, group: 1, findings: Vec::new() }
}

#[test]
fn go_and_we_read_alike() {
    let Some(corpus) = super::corpus() else { return };
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
