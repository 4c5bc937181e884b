//! What somebody was sent or has at hand, told apart by what it is for: so that one place can take
//! it all.
//!
//! Only the purpose is told here. Whether a thing is any good is for its reader to say, in words.

use serde_json::Value;

use crate::encoding::{base64, pem, yaml};
use crate::exchange::armor;
use crate::exchange::request_file::{self, decode, manifest_part, quoted_part};
use crate::x509::certificate::{self, Certificate};
use crate::x509::key;
use crate::x509::pkcs10::{self, CertificateRequest};

const BEGIN: &str = "-----BEGIN ";

/// What a thing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A private key.
    Key,
    /// A reply, an issued certificate, or an object with one.
    Answer,
    /// A request, as a file or an object without certificate.
    Request,
    /// A cluster's address or CA.
    Cluster,
    /// A kubeconfig with credentials of its own.
    Kubeconfig,
    /// None of these.
    Other,
}

impl Purpose {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Answer => "answer",
            Self::Request => "request",
            Self::Cluster => "cluster",
            Self::Kubeconfig => "kubeconfig",
            Self::Other => "other",
        }
    }
}

/// A thing that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What it is for.
    pub purpose: Purpose,
    /// Its text without byte order mark, marks of quoting, fences and what was written around it;
    /// `None` for what is not text.
    pub text: Option<String>,
}

/// Identifies the purpose of the input, and removes quote marks, fences and text around it.
pub fn read(input: &[u8]) -> Received {
    if let purpose @ (Purpose::Key | Purpose::Answer | Purpose::Request | Purpose::Cluster) =
        of_der(input)
    {
        return Received { purpose, text: None };
    }
    // PEM that is quoted is none before the marks are taken off.
    let pem = request_file::clean(input).filter(|text| text.contains(BEGIN));
    let Some(text) = pem.or_else(|| decode(input)) else {
        return Received { purpose: Purpose::Other, text: None };
    };
    let quoted = quoted_part(&text);
    let fenced = fenced(quoted.as_deref().unwrap_or(&text));
    let mut forms = vec![text];
    forms.extend(fenced);
    forms.extend(quoted);
    let parts: Vec<String> = forms.iter().filter_map(|form| manifest_part(form)).collect();
    forms.extend(parts);
    let known = forms.iter().map(|form| of_text(form)).position(|p| p != Purpose::Other);
    let text = forms.swap_remove(known.unwrap_or(0));
    let purpose = if known.is_some() { of_text(&text) } else { Purpose::Other };
    Received { purpose, text: Some(text) }
}

/// What stands between the first two lines that begin with three backticks.
fn fenced(text: &str) -> Option<String> {
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    let inside = text.lines().skip_while(|line| !is_fence(line)).skip(1);
    let part: String =
        inside.take_while(|line| !is_fence(line)).map(|l| format!("{l}\n")).collect();
    (!part.is_empty()).then_some(part)
}

fn of_der(der: &[u8]) -> Purpose {
    if der.first() != Some(&0x30) {
        return Purpose::Other;
    }
    if let Ok(certificate) = Certificate::from_der(der) {
        return of_certificate(&certificate);
    }
    if CertificateRequest::from_der(der).is_ok() {
        return Purpose::Request;
    }
    if key::to_pkcs8(der).is_ok() { Purpose::Key } else { Purpose::Other }
}

fn of_certificate(certificate: &Certificate) -> Purpose {
    if certificate.is_ca { Purpose::Cluster } else { Purpose::Answer }
}

fn of_text(text: &str) -> Purpose {
    if text.contains(BEGIN) && !text.contains("apiVersion") {
        return of_pem(text);
    }
    match yaml::parse(text) {
        Ok(value @ Value::Object(_)) => return of_object(&value),
        // Perhaps base64, which is not a mapping.
        _ if text.contains(':') => return Purpose::Other,
        _ => {}
    }
    let Some(decoded) = base64::decode_spaced(text) else { return Purpose::Other };
    match std::str::from_utf8(&decoded) {
        Ok(inner) if inner.contains(BEGIN) => of_pem(inner),
        _ => of_der(&decoded),
    }
}

fn of_pem(text: &str) -> Purpose {
    if text.contains("PRIVATE KEY-----") {
        return Purpose::Key;
    }
    match pem::all(pem::unindented(text).as_bytes()).first() {
        Some(block) if block.label == certificate::LABEL => of_der(&block.der),
        Some(block) if block.label.ends_with(pkcs10::LABEL) => Purpose::Request,
        _ if text.contains(armor::REQUEST) => Purpose::Request,
        _ if text.contains(armor::REPLY) => Purpose::Answer,
        // Damaged: what reads certificates says how.
        _ if text.contains("CERTIFICATE REQUEST") => Purpose::Request,
        _ if text.contains("CERTIFICATE") => Purpose::Answer,
        _ => Purpose::Other,
    }
}

fn of_object(value: &Value) -> Purpose {
    let word = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    match word("/kind") {
        Some("Config") => of_config(value),
        Some(kind) if kind.contains("CertificateSigningRequest") || kind == "List" => {
            match word("/status/certificate") {
                Some(certificate) if !certificate.is_empty() => Purpose::Answer,
                _ => Purpose::Request,
            }
        }
        Some(_) => Purpose::Other,
        None if value.get("clusters").is_some() || word("/server").is_some() => of_config(value),
        None => Purpose::Other,
    }
}

/// A kubeconfig of one user without a key is a reply, one without users tells of a cluster.
fn of_config(value: &Value) -> Purpose {
    let users = value.get("users").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let has = |key: &str| users.iter().any(|user| user.pointer(&format!("/user/{key}")).is_some());
    match users {
        [] => Purpose::Cluster,
        // Whatever else it holds, the reader of replies refuses by name.
        [_] if !has("client-key-data") && !has("token") => Purpose::Answer,
        _ => Purpose::Kubeconfig,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::request;

    const CERTIFICATE: &str = include_str!("../../tests/data/expired.pem");

    fn purpose(text: &str) -> Purpose {
        read(text.as_bytes()).purpose
    }

    fn config(user: &str) -> String {
        format!("apiVersion: v1\nkind: Config\nclusters: []\nusers: [{user}]\n")
    }

    #[test]
    fn things_are_told_apart_by_what_they_are_for() {
        let csr = pkcs10::to_pem(&request("alice", &[]).der);
        let key = "# mine\n-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n";
        let object = |status: &str| {
            format!(
                "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nstatus: {status}\n"
            )
        };
        for (text, expected) in [
            (key, Purpose::Key),
            (&csr, Purpose::Request),
            (CERTIFICATE, Purpose::Answer),
            (&object("{}"), Purpose::Request),
            (&object("{certificate: eA==}"), Purpose::Answer),
            (&config(""), Purpose::Cluster),
            ("{\"server\": \"https://x\"}", Purpose::Cluster),
            (&config("{name: a, user: {client-certificate-data: eA==}}"), Purpose::Answer),
            (
                &config("{name: a, user: {client-certificate-data: eA==, client-key-data: eA==}}"),
                Purpose::Kubeconfig,
            ),
            (&config("{name: a, user: {token: x}}"), Purpose::Kubeconfig),
            (&base64::encode(&csr), Purpose::Request),
            (&armor::wrap(armor::REQUEST, "alice", [], "kind: X"), Purpose::Request),
            (&armor::wrap(armor::REPLY, "alice", [], "kind: X"), Purpose::Answer),
            ("hello", Purpose::Other),
            ("", Purpose::Other),
            ("kind: Pod", Purpose::Other),
        ] {
            assert_eq!(purpose(text), expected, "{text}");
        }
    }

    #[test]
    fn what_mail_programs_and_chats_put_around_it_is_taken_off() {
        let reply = config("{name: a, user: {client-certificate-data: eA==}}");
        let mail = format!("Hello,\nhere it is.\n\n{reply}\nBye\n");
        let quoted: String = mail.lines().map(|l| format!("> {l}\n")).collect();
        let fenced = format!("Hi!\n```yaml\n{reply}```\nand so on\n");
        let marked = format!("\u{feff}{reply}").replace('\n', "\r\n");
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(reply.encode_utf16().flat_map(u16::to_le_bytes));
        for bytes in
            [mail.as_bytes(), quoted.as_bytes(), fenced.as_bytes(), marked.as_bytes(), &utf16]
        {
            let received = read(bytes);
            assert_eq!(received.purpose, Purpose::Answer, "{received:?}");
            let text = received.text.unwrap();
            assert!(yaml::parse(&text).unwrap()["kind"] == "Config", "{text}");
        }
    }

    #[test]
    fn what_is_quoted_is_what_it_would_be_without() {
        let csr = pkcs10::to_pem(&request("alice", &[]).der);
        let key = "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n";
        for (pem, expected) in
            [(key, Purpose::Key), (&csr, Purpose::Request), (CERTIFICATE, Purpose::Answer)]
        {
            let quoted: String = pem.lines().map(|l| format!("> {l}\n")).collect();
            for text in [quoted.clone(), format!("Jane wrote:\n{quoted}\nBye\n")] {
                let plain = Received { purpose: expected, text: Some(pem.to_owned()) };
                assert_eq!(read(text.as_bytes()), plain);
            }
        }
        // What somebody has written below a quoted mail goes first.
        let quoted: String = CERTIFICATE.lines().map(|l| format!("> {l}\n")).collect();
        assert_eq!(purpose(&format!("{quoted}\n{csr}")), Purpose::Request);
    }
}
