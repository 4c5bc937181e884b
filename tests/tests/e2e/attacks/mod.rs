//! Attempts to fool an approver or an installer, each with what must come of it.

pub(crate) mod forms;
pub(crate) mod layout;
pub(crate) mod machine;
pub(crate) mod names;
pub(crate) mod swaps;

use crate::trial::{Outcome, Person};

/// Submits PEM text as it is, under this name, by an admin's hands.
pub(crate) fn submit(admin: &Person, name: &str, pem: &str, extra: serde_json::Value) -> Outcome {
    use base64::Engine as _;
    let mut spec = serde_json::json!({
        "request": base64::engine::general_purpose::STANDARD.encode(pem),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"], "expirationSeconds": 86400,
    });
    if let (Some(to), Some(from)) = (spec.as_object_mut(), extra.as_object()) {
        to.extend(from.clone());
    }
    let object = serde_json::json!({"apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest", "metadata": {"name": name}, "spec": spec});
    admin.write("submit.json", &object.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "submit.json"])
}

/// A request by openssl for this subject, PEM.
pub(crate) fn openssl_request(person: &Person, subject: &str, more: &[&str]) -> String {
    person
        .tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k"])
        .ok();
    let mut args = vec!["req", "-new", "-utf8", "-key", "k", "-subj", subject];
    args.extend(more);
    person.tool("openssl", &args).ok().stdout
}

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=127 => out.push(n as u8),
        n @ 128..=255 => out.extend([0x81, n as u8]),
        n @ 256..=65535 => out.extend([0x82, (n >> 8) as u8, n as u8]),
        n => out.extend([0x83, (n >> 16) as u8, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

fn attribute(last_arc: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[&[0x55, 4, last_arc]]), &tlv(tag, &[value])])
}

const CN: u8 = 3;

const O: u8 = 10;

const UTF8: u8 = 12;

const UNIVERSAL: u8 = 28;

/// A signed request over exactly these relative names and trailing bytes of its info.
fn crafted(person: &Person, rdns: &[Vec<u8>], trailing: &[u8]) -> String {
    use base64::Engine as _;
    person
        .tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k"])
        .ok();
    person
        .tool("openssl", &["pkey", "-in", "k", "-pubout", "-outform", "DER", "-out", "spki"])
        .ok();
    let spki = std::fs::read(person.home.join("spki")).expect("a file");
    let rdns: Vec<&[u8]> = rdns.iter().map(Vec::as_slice).collect();
    let subject = tlv(0x30, &rdns);
    let info = tlv(0x30, &[&tlv(2, &[&[0]]), &subject, &spki, &tlv(0xa0, &[]), trailing]);
    std::fs::write(person.home.join("info"), &info).expect("a file");
    person.tool("openssl", &["dgst", "-sha256", "-sign", "k", "-out", "sig", "info"]).ok();
    let signature = std::fs::read(person.home.join("sig")).expect("a file");
    let ecdsa_sha256 = tlv(0x30, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
    let request = tlv(0x30, &[&info, &ecdsa_sha256, &tlv(3, &[&[0], &signature])]);
    let data = base64::engine::general_purpose::STANDARD.encode(request);
    let lines: Vec<String> =
        data.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        lines.join("\n")
    )
}

fn one(attribute: Vec<u8>) -> Vec<u8> {
    tlv(0x31, &[&attribute])
}

fn state(admin: &Person, name: &str) -> String {
    admin
        .kubectl(&["get", "csr", "-o", "jsonpath={.status.conditions[*].type}", "--", name])
        .ok()
        .stdout
}

/// Refused for this finding, which nothing can accept; the object stays undecided.
fn hard(admin: &Person, name: &str, finding: &str) {
    admin.run(&["review", "--", name]).exits(3).prints(&[finding, "cannot be accepted"]);
    admin.run(&["approve", "--yes", "--", name]).exits(3).says(&[finding]);
    admin.run(&["approve", "--yes", "--accept", finding, "--", name]).exits(2);
    assert_eq!(state(admin, name), "", "nothing was decided");
}

/// Refused for this finding unless it is accepted.
fn refused(admin: &Person, name: &str, finding: &str) {
    admin.run(&["review", "--", name]).exits(3).prints(&[finding]);
    admin
        .run(&["approve", "--yes", "--", name])
        .exits(3)
        .says(&[finding, &format!("--accept {finding}")]);
    assert_eq!(state(admin, name), "", "nothing was decided");
}
