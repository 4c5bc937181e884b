//! Certificates and requests of a foreign corpus, as Python's cryptography reads them.
//!
//! The corpus is PyPI's `cryptography_vectors` in the version of the installed cryptography, a part of
//! which is hostile on purpose; `docs/scripts/need vectors` fetches it. What is read otherwise is
//! listed here and explained in docs/conformance.md; anything else that differs is a failure.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod damage;
mod go;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_usercert::keys;
use serde::Deserialize;
use usercert_core::inspect::{self, Artifact, FoundArtifact, dump, manifest, relations};
use usercert_core::text::show;
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::key::{KeyKind, Verification};
use usercert_core::x509::name::Subject;
use usercert_core::x509::pkcs10::CertificateRequest;

/// The version of which the list is complete.
const PINNED: &str = "48.0.0";

/// What we read otherwise than cryptography, with the reason's number in docs/conformance.md.
const KNOWN: &[(&str, &str, u8)] = &[
    ("PKITS_data/certs/InvalidNegativeSerialNumberTest15EE.crt", "serial", 1),
    ("custom/negative_serial.pem", "serial", 1),
    ("custom/ec_no_named_curve.pem", "key", 2),
    ("requests/zero-element-attribute.pem", "unread", 3),
    ("custom/rsa_pss.pem", "key", 4),
    ("custom/rsa_pss_cert.pem", "key", 4),
    ("custom/rsa_pss_cert_invalid_mgf.der", "key", 4),
    ("custom/rsa_pss_cert_no_sig_params.der", "key", 4),
    ("custom/rsa_pss_cert_unsupported_mgf_hash.der", "key", 4),
    ("requests/rsa_sha1.der", "signature", 5),
    ("requests/rsa_sha1.pem", "signature", 5),
    ("requests/san_rsa_sha1.der", "signature", 5),
    ("requests/san_rsa_sha1.pem", "signature", 5),
    ("utf8-dnsname.pem", "names", 6),
];

/// What cryptography says of one certificate or request; `None` where it refuses to say.
#[derive(Deserialize)]
struct Foreign {
    kind: String,
    subject: Option<Vec<(String, Option<String>)>>,
    names: Option<Vec<(String, Option<String>)>>,
    key: Option<String>,
    from: Option<i64>,
    until: Option<i64>,
    usages: Option<Usages>,
    ca: Option<bool>,
    signature: Option<bool>,
    serial: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Usages {
    #[expect(dead_code, reason = "always false")]
    Absent(bool),
    Listed(Vec<String>),
}

/// The certificates to read; where there are none, that is said, and in CI is a failure.
fn corpus() -> Option<PathBuf> {
    let found = find_corpus();
    if found.is_none() {
        assert!(
            std::env::var_os("USERCERT_ALL_TOOLS").is_none(),
            "no corpus: run docs/scripts/need vectors"
        );
        eprintln!("skipped, there is no corpus: run docs/scripts/need python vectors");
    }
    found
}

fn find_corpus() -> Option<PathBuf> {
    let version = Command::new("python3")
        .args(["-c", "import cryptography; print(cryptography.__version__)"])
        .output()
        .ok()
        .filter(|out| out.status.success())?;
    let version = String::from_utf8(version.stdout).ok()?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    Some(target.join("vectors").join(version.trim()).join("x509")).filter(|folder| folder.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn cryptography_and_we_read_alike() {
    let Some(corpus) = corpus() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/read.py");
    let out = Command::new("python3").arg(script).arg(&corpus).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let foreign: BTreeMap<String, Vec<Foreign>> = serde_json::from_slice(&out.stdout).unwrap();

    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    assert!(paths.len() > 1500, "{} files are not the corpus", paths.len());
    let mut differences = BTreeSet::new();
    let mut compared = 0;
    for path in &paths {
        let name = path.strip_prefix(&corpus).unwrap().to_str().unwrap().to_owned();
        let data = std::fs::read(path).unwrap();
        let found = whole_road(&data);
        let ours: Vec<&FoundArtifact> = found
            .iter()
            .filter(|f| matches!(f.thing, Artifact::Certificate(_) | Artifact::Request(_)))
            .collect();
        let theirs = foreign.get(&name).map(Vec::as_slice).unwrap_or_default();
        for (i, theirs) in theirs.iter().enumerate() {
            compared += 1;
            let fields = match ours.get(i).map(|f| &f.thing) {
                Some(Artifact::Certificate(c)) if theirs.kind == "certificate" => {
                    certificate(c, theirs)
                }
                Some(Artifact::Request(r)) if theirs.kind == "request" => request(r, theirs),
                _ => vec!["unread"],
            };
            differences.extend(fields.into_iter().map(|field| (name.clone(), field.to_owned())));
        }
    }
    assert!(compared > 400, "only {compared} were compared");
    let known: BTreeSet<(String, String)> =
        KNOWN.iter().map(|(name, field, _)| ((*name).to_owned(), (*field).to_owned())).collect();
    let new: Vec<_> = differences.difference(&known).collect();
    assert!(new.is_empty(), "{} of {compared} differ anew: {new:#?}", new.len());
    if corpus.parent().is_some_and(|folder| folder.ends_with(PINNED)) {
        let gone: Vec<_> = known.difference(&differences).collect();
        assert!(gone.is_empty(), "these agree now, take them off the list: {gone:#?}");
    }
}

/// Everything that inspect does with an input; the things that it finds.
fn whole_road(data: &[u8]) -> Vec<FoundArtifact> {
    let _ = manifest::named_files(data);
    let Ok(found) = inspect::read(data) else { return Vec::new() };
    let mut items: Vec<_> =
        found.iter().map(|f| inspect::describe(f, UnixTime(1_700_000_000))).collect();
    found.iter().for_each(|f| drop(dump::dump(f)));
    let placed: Vec<_> = found
        .into_iter()
        .map(|found| relations::LocatedArtifact {
            source: "x".to_owned(),
            open: true,
            pairs: Vec::new(),
            found,
        })
        .collect();
    let links = relations::links(&placed);
    let signatures: Vec<_> = links
        .iter()
        .filter_map(|link| link.signed(&placed))
        .map(|s| keys::verify(s.key, s.algorithm, s.message, s.signature))
        .collect();
    let public_keys = vec![None; placed.len()];
    let answers = relations::Answers { signatures: &signatures, public_keys: &public_keys };
    relations::relate(&placed, &mut items, &links, &answers);
    placed.into_iter().map(|p| p.found).collect()
}

fn certificate(ours: &Certificate, theirs: &Foreign) -> Vec<&'static str> {
    let mut differences = common(&ours.subject, &ours.alternative_names, &ours.key.kind, theirs);
    let mut check = |field, same: bool| {
        if !same {
            differences.push(field)
        }
    };
    check("from", theirs.from.is_none_or(|t| t == ours.not_before.0));
    check("until", theirs.until.is_none_or(|t| t == ours.not_after.0));
    check("ca", theirs.ca.is_none_or(|ca| ca == ours.is_ca));
    let serial = |s: &str| s.trim_start_matches('0').to_owned();
    check("serial", theirs.serial.as_deref().is_none_or(|s| serial(s) == serial(&ours.serial)));
    let usages = match &theirs.usages {
        None => true,
        Some(Usages::Absent(_)) => ours.extended_key_usages.is_none(),
        Some(Usages::Listed(oids)) => {
            let theirs: BTreeSet<String> = oids.iter().map(|oid| usage(oid)).collect();
            ours.extended_key_usages
                .as_ref()
                .is_some_and(|u| u.iter().cloned().collect::<BTreeSet<_>>() == theirs)
        }
    };
    check("usages", usages);
    let own = keys::verify(&ours.key, &ours.signature_algorithm, &ours.signed, &ours.signature);
    check("signature", signature(own, theirs.signature));
    differences
}

fn request(ours: &CertificateRequest, theirs: &Foreign) -> Vec<&'static str> {
    let mut differences = common(&ours.subject, &ours.alternative_names, &ours.key.kind, theirs);
    if !signature(keys::verify_request(ours), theirs.signature) {
        differences.push("signature");
    }
    differences
}

fn common(
    subject: &Subject,
    names: &[String],
    key: &KeyKind,
    theirs: &Foreign,
) -> Vec<&'static str> {
    let mut differences = Vec::new();
    let same_subject = theirs.subject.as_ref().is_none_or(|theirs| {
        theirs.len() == subject.attributes.len()
            && theirs.iter().zip(&subject.attributes).all(|((oid, value), ours)| {
                // What is no text to the one or vanishes for the other cannot be compared.
                let unknown = value.is_none() || ours.value.is_none();
                *oid == ours.oid && (unknown || *value == ours.value)
            })
    });
    if !same_subject {
        differences.push("subject");
    }
    let same_names = theirs.names.as_ref().is_none_or(|theirs| {
        theirs.len() == names.len()
            && theirs.iter().zip(names).all(|((kind, value), ours)| match value {
                Some(value) => *ours == format!("{kind}:{}", show(value)),
                None => ours.starts_with(kind.as_str()) || !ours.contains(':'),
            })
    });
    if !same_names {
        differences.push("names");
    }
    let kind = match key {
        KeyKind::Other(_) => "other".to_owned(),
        known => known.to_string(),
    };
    if theirs.key.as_ref().is_some_and(|theirs| *theirs != kind) {
        differences.push("key");
    }
    differences
}

/// Whether two verdicts agree; one that was not given agrees with all.
fn signature(ours: Verification, theirs: Option<bool>) -> bool {
    match (ours, theirs) {
        (Verification::Unsupported, _) | (_, None) => true,
        (ours, Some(theirs)) => (ours == Verification::Valid) == theirs,
    }
}

fn usage(oid: &str) -> String {
    let known = match oid {
        "2.5.29.37.0" => "any",
        "1.3.6.1.5.5.7.3.1" => "server auth",
        "1.3.6.1.5.5.7.3.2" => "client auth",
        "1.3.6.1.5.5.7.3.3" => "code signing",
        "1.3.6.1.5.5.7.3.4" => "email protection",
        "1.3.6.1.5.5.7.3.8" => "timestamping",
        "1.3.6.1.5.5.7.3.9" => "ocsp signing",
        other => other,
    };
    known.to_owned()
}
