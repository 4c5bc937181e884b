//! What is found in which bytes.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use super::*;
use crate::encoding::pem;
use crate::inspect::Artifact;
use crate::inspect::testing::PEM;
use crate::x509::pkcs10;
use crate::x509::testing::request;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

/// What is found, each with where it stands.
fn whats(input: &[u8]) -> Vec<String> {
    let items = crate::inspect::inspect(input, crate::time::UnixTime(0)).unwrap_or_default();
    items
        .iter()
        .map(|item| format!("{} {}", item.what, item.word("field")).trim().to_owned())
        .collect()
}

#[test]
fn every_form_of_a_certificate() {
    let der = pem::all(PEM.as_bytes()).remove(0).der;
    let base64 = STANDARD.encode(PEM);
    let forms: [Vec<u8>; 7] = [
        PEM.into(),
        der.clone(),
        STANDARD.encode(&der).into(),
        base64.clone().into(),
        STANDARD.encode(base64).into(),
        PEM.replace('\n', "\r\n").into(),
        [b"caf\xe9 text before\n", PEM.as_bytes()].concat(),
    ];
    for form in forms {
        assert_eq!(whats(&form), ["certificate"], "{}", String::from_utf8_lossy(&form));
    }
    let indented: String = PEM.lines().map(|l| format!("  {l}\n")).collect();
    let found = read(indented.as_bytes()).unwrap();
    assert_eq!(found[0].findings[0].code, "indented-pem");
}

#[test]
fn bundles_and_labels() {
    let csr = pkcs10::to_pem(&request("alice", &[]).der);
    let old = csr.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    assert_eq!(
        whats(format!("{PEM}text\n{KEY}{csr}{PEM}").as_bytes()),
        ["certificate", "private key", "certificate request", "certificate"]
    );
    assert_eq!(read(old.as_bytes()).unwrap()[0].findings[0].code, "old-label");
    let old = PEM.replace("CERTIFICATE", "X509 CERTIFICATE");
    assert_eq!(read(old.as_bytes()).unwrap()[0].findings[0].code, "old-label");
    let headers = PEM.replacen('\n', "\nA: b\n\n", 1);
    assert_eq!(read(headers.as_bytes()).unwrap()[0].findings[0].code, "pem-headers");
    let garbage = pem::encode("CERTIFICATE", b"x") + &pem::encode("X509 CRL", b"x");
    assert_eq!(whats(garbage.as_bytes()), ["unreadable CERTIFICATE", "X509 CRL"]);
}

#[test]
fn keys_by_their_kind_only() {
    let item = |input: &str| {
        let items = crate::inspect::inspect(input.as_bytes(), crate::time::UnixTime(0));
        format!("{:?}", items.unwrap())
    };
    assert!(item(KEY).contains("Ed25519"));
    let encrypted = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let legacy = KEY.replacen('\n', "\nProc-Type: 4,ENCRYPTED\n\n", 1);
    for key in [encrypted.as_str(), legacy.as_str()] {
        assert!(item(key).contains("\"encrypted\""), "{key}");
    }
    for key in [KEY, encrypted.as_str(), legacy.as_str()] {
        assert!(!item(key).contains("MC4CAQAw"));
        assert!(!format!("{:?}", read(key.as_bytes())).contains("157, 97, 177"));
    }
}

#[test]
fn pem_in_any_object() {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: web}}\ndata:\n  tls.crt: {}\n  tls.key: {}\n  other: aGVsbG8=\n",
        STANDARD.encode(PEM),
        STANDARD.encode(KEY)
    );
    assert_eq!(whats(secret.as_bytes()), ["certificate data.tls.crt", "private key data.tls.key"]);
    let found = read(secret.as_bytes()).unwrap();
    assert_eq!(found[0].about["object"], "Secret web");
    assert_eq!(found[0].group, found[1].group);
    let json = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "webhooks": [{"clientConfig": {"caBundle": STANDARD.encode(PEM)}}, {"pem": PEM}]});
    assert_eq!(
        whats(json.to_string().as_bytes()),
        ["certificate webhooks[0].clientConfig.caBundle", "certificate webhooks[1].pem"]
    );
}

#[test]
fn requests_in_the_cluster_and_lists_of_them() {
    let csr = STANDARD.encode(pkcs10::to_pem(&request("alice", &[]).der));
    let object = format!(
        "{{\"apiVersion\": \"certificates.k8s.io/v1\", \"kind\": \"CertificateSigningRequest\", \"metadata\": {{\"name\": \"a\"}}, \"spec\": {{\"request\": \"{csr}\"}}, \"status\": {{\"certificate\": \"{}\"}}}}",
        STANDARD.encode(PEM)
    );
    let three = ["CertificateSigningRequest", "certificate request", "certificate"];
    assert_eq!(whats(object.as_bytes()), three);
    let list =
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{object}, {object}]}}");
    assert_eq!(whats(list.as_bytes()).len(), 6);
    let bare = object.replacen("\"kind\": \"CertificateSigningRequest\", ", "", 1);
    let list = format!(
        "{{\"apiVersion\": \"certificates.k8s.io/v1\", \"kind\": \"CertificateSigningRequestList\", \"items\": [{bare}]}}"
    );
    assert_eq!(whats(list.as_bytes()), three);
}

#[test]
fn as_many_things_as_a_text_can_really_hold() {
    let user = "- name: alice\n  user: {token: a}\n";
    let many = |n| format!("apiVersion: v1\nkind: Config\nusers:\n{}", user.repeat(n));
    assert_eq!(whats(many(900).as_bytes()).len(), 901);
    let found = read(many(6_000).as_bytes()).unwrap();
    assert!(found.len() < 4_500);
    let Some(Artifact::Unreadable { name, error, .. }) = found.last().map(|f| &f.thing) else {
        panic!("nothing is said of the rest")
    };
    assert_eq!(name, "rest");
    assert!(error.contains(&format!("only its first {}", found.len() - 1)), "{error}");
    let items = r#"{"kind": "CertificateSigningRequestList", "items": [{}"#.to_owned();
    let items = items + &", {}".repeat(3_000) + "]}";
    assert!(read(items.as_bytes()).unwrap().len() < 2_000);
    // Real ones are never too many.
    assert_eq!(whats(PEM.repeat(3_000).as_bytes()).len(), 3_000);
    let user = "- name: a\n  user: {client-certificate: /home/alice/pki/client.crt}\n";
    let users = format!("apiVersion: v1\nkind: Config\nusers:\n{}", user.repeat(5_000));
    assert_eq!(whats(users.as_bytes()).len(), 5_001);
}

#[test]
fn kubeconfigs() {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: gone\nclusters:\n- name: c\n  cluster: {{server: https://x, insecure-skip-tls-verify: true}}\n\
         contexts:\n- name: a@c\n  context: {{cluster: c, user: a}}\nusers:\n- name: a\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n- name: b\n  user: {{token: s3cret}}\n",
        STANDARD.encode(PEM),
        STANDARD.encode(KEY)
    );
    assert_eq!(
        whats(text.as_bytes()),
        ["kubeconfig", "kubeconfig cluster", "kubeconfig user", "private key", "kubeconfig user"]
    );
    let items = crate::inspect::inspect(text.as_bytes(), crate::time::UnixTime(0)).unwrap();
    assert_eq!(items[0].findings[0].code, "context-missing");
    assert_eq!(items[1].findings[0].code, "insecure");
    assert_eq!(items[2].properties["contexts"], serde_json::json!(["a@c"]));
    assert_eq!(items[4].properties["credentials"], serde_json::json!(["token"]));
    assert!(!format!("{items:?}").contains("s3cret"));
}

#[test]
fn nothing_known_is_said_so() {
    let deep = "[".repeat(100_000);
    let inputs =
        ["", " ", "hello", "0", "kind: Pod", "apiVersion: v1\nkind: Pod\n", "aGVsbG8=", &deep];
    for input in inputs {
        assert!(matches!(read(input.as_bytes()), Err(Unknown::Other)), "{input:.20}");
    }
    let broken = read(b"apiVersion: v1\nkind: Config\nusers:\n  - name: a\n - b\n").unwrap_err();
    assert!(broken.to_string().contains("cannot be read: line 5, column 2: "), "{broken}");
}

#[test]
fn what_programs_pass_over_is_said() {
    let broken = PEM.replacen("MII", "M!I", 1);
    assert_ne!(broken, PEM);
    let cut = PEM.split_at(PEM.len() - 30).0.to_owned();
    let quoted: String = PEM.lines().map(|l| format!("> {l}\n")).collect();
    for second in [broken, cut, quoted] {
        let both = format!("{PEM}{second}");
        assert_eq!(whats(both.as_bytes()), ["certificate", "unreadable PEM block"], "{second}");
    }
    assert_eq!(whats(format!("{PEM}{KEY}").as_bytes()), ["certificate", "private key"]);
    let half = format!("{PEM}{}", PEM.split_at(60).0);
    let latin = [b"caf\xe9\n", half.as_bytes()].concat();
    assert_eq!(whats(&latin), ["certificate", "unreadable PEM block"]);
    let object = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"ca": half}});
    let whats = whats(object.to_string().as_bytes());
    assert_eq!(whats, ["certificate data.ca", "unreadable PEM block data.ca"]);
}

#[test]
fn text_in_other_forms() {
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(PEM.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let found = read(&utf16).unwrap();
    assert_eq!((found.len(), found[0].findings[0].code), (1, "utf-16"));
    let bom = read(format!("\u{feff}{PEM}").as_bytes()).unwrap();
    assert!(bom[0].findings[0].message.starts_with("a byte order mark"));
    let cr = read(PEM.replace('\n', "\r").as_bytes()).unwrap();
    assert!(cr[0].findings[0].message.starts_with("its lines end with CR only"));
}

#[test]
fn der_that_others_write() {
    let der = pem::all(PEM.as_bytes()).remove(0).der;
    assert_eq!(whats(&[&der[..], b"\n"].concat()), ["certificate"]);
    assert_eq!(whats(&[&der[..], &der[..]].concat()), ["certificate", "certificate"]);
    let secret = format!(
        "apiVersion: v1\nkind: Secret\ndata:\n  a: {}\n  b: {}\n  c: {}\n",
        STANDARD.encode(format!("# the CA\n{PEM}")),
        STANDARD.encode(format!("\n{PEM}")),
        STANDARD.encode(&der)
    );
    assert_eq!(
        whats(secret.as_bytes()),
        ["certificate data.a", "certificate data.b", "certificate data.c"]
    );
}

#[test]
fn fields_that_hold_something_else() {
    let config = format!(
        "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
        STANDARD.encode(KEY),
        STANDARD.encode(PEM)
    );
    let found = read(config.as_bytes()).unwrap();
    let messages: Vec<_> =
        found.iter().flat_map(|f| &f.findings).map(|f| f.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "client-certificate-data holds it instead of a certificate",
            "client-key-data holds it instead of a private key"
        ]
    );
}

#[test]
fn damaged_pem_says_where() {
    let cut = PEM.replace("-----END CERTIFICATE-----", "");
    let Err(Unknown::Damaged { line, problem }) = read(cut.as_bytes()) else { unreachable!() };
    assert_eq!((line, problem), (PEM.lines().count() - 1, "the END line is missing"));
    let glued = PEM.replace("\n-----END", "-----END");
    assert!(matches!(read(glued.as_bytes()), Err(Unknown::Damaged { .. })));
}

#[test]
fn blocks_for_chats_are_opened() {
    let csr = STANDARD.encode(pkcs10::to_pem(&request("alice", &[]).der));
    let manifest = format!(
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: alice}}\n\
         spec: {{request: {csr}, signerName: x/y, usages: [client auth]}}\n"
    );
    let block = armor::wrap(armor::REQUEST, "alice", [], &manifest);
    let quoted: String = block.lines().map(|line| format!("> {line}\n")).collect();
    for text in [block.clone(), format!("Hi!\n```\n{block}```\n"), quoted] {
        assert_eq!(whats(text.as_bytes()), [csr_kind(), "certificate request"], "{text}");
    }
    let config = format!(
        "apiVersion: v1\nkind: Config\nusers:\n- {{name: a, user: {{client-certificate-data: {}}}}}\n",
        STANDARD.encode(PEM)
    );
    let reply = armor::wrap(armor::REPLY, "alice", [], &config);
    let inside = whats(config.as_bytes());
    assert!(inside.iter().any(|what| what.starts_with("kubeconfig")), "{inside:?}");
    assert_eq!(whats(reply.as_bytes()), inside);
    let items = crate::inspect::inspect(block.as_bytes(), crate::time::UnixTime(0)).unwrap();
    assert_eq!(items[0].word("state"), "not submitted");
}

fn csr_kind() -> &'static str {
    crate::api::csr::KIND
}
