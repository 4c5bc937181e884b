use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use super::*;
use crate::x509::testing::request;

fn user(input: &[u8]) -> Result<String, HandoverError> {
    read(input).map(|i| i.request.subject.user().to_owned())
}

fn users(input: &[u8]) -> Result<Vec<String>, HandoverError> {
    Ok(read_all(input)?.iter().map(|i| i.request.subject.user().to_owned()).collect())
}

fn pem(user: &str) -> String {
    pkcs10::to_pem(&request(user, &["dev"]).der)
}

fn quoted(text: &str, mark: &str) -> String {
    text.lines().map(|l| format!("{mark}{l}\r\n")).collect()
}

fn manifest(user: &str) -> Value {
    serde_json::json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "metadata": { "name": format!("{user}-1"), "labels": { "a": "b" }, "uid": "u" },
        "spec": {
            "request": STANDARD.encode(pem(user)),
            "signerName": "example.com/s", "usages": ["client auth"], "expirationSeconds": 3600,
        },
        "status": { "conditions": [{ "type": "Approved", "status": "True" }] },
    })
}

#[test]
fn requests_as_people_send_them() {
    let der = request("alice", &["dev"]).der;
    let pem = pem("alice");
    let manifest = yaml::to_string(&manifest("alice"));
    let html: String = pem.lines().map(|l| format!("&gt;&nbsp;{l}<br>")).collect();
    let utf16: Vec<u8> =
        format!("\u{feff}{manifest}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let inputs = [
        der.clone(),
        pem.clone().into(),
        pem.replace('\n', "\r\n").into(),
        format!("\u{feff}{pem}").into(),
        format!("Hello,\n\n{pem}\nBye: alice").into(),
        format!("On Monday she wrote:\r\n{}", quoted(&pem, "> ")).into(),
        format!("Look:\r\n{}", quoted(&pem, "> > ")).into(),
        format!("Look:\r\n{}", quoted(&pem, ">>")).into(),
        format!("{pem}\nOn Monday she wrote:\r\n{}", quoted(&pem, "> ")).into(),
        pem.lines().map(|l| format!("\u{a0}\u{a0}{l}\n")).collect::<String>().into(),
        pem.replace('\n', " ").into(),
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").into(),
        format!("<html><body><p>Hello</p>{html}</body></html>").into(),
        pem.replace('+', "&#43;").replace('\n', "<br/>\n").into(),
        STANDARD.encode(&pem).into(),
        STANDARD.encode(&der).into(),
        manifest.clone().into(),
        manifest.replace("    ", "\u{a0}\u{a0}  ").into(),
        format!("She wrote:\r\n{}\r\nBye", quoted(&manifest, "> > ")).into(),
        utf16,
        format!("Hi: admin,\n\n{manifest}\nBye").into(),
        format!("She wrote:\r\n> Hi,\r\n>\r\n{}> \r\n> Bye", quoted(&manifest, "> ")).into(),
        format!("<p>Hi,</p><pre>{manifest}</pre>Bye").into(),
    ];
    for input in inputs {
        let shown = String::from_utf8_lossy(&input).into_owned();
        let found = users(&input).unwrap_or_else(|e| panic!("{e}: {shown}"));
        assert_eq!(found, ["alice"], "{shown}");
    }
}

#[test]
fn several_requests_come_in_one_stream() {
    let (alice, bob) = (manifest("alice"), manifest("bob"));
    let bare = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
        value
    };
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [alice, bob] });
    let own = serde_json::json!({
        "apiVersion": API_VERSION, "kind": format!("{KIND}List"),
        "metadata": { "resourceVersion": "7" }, "items": [bare(&alice), bare(&bob)],
    });
    let array = serde_json::json!([alice, bob]);
    let both = |text: fn(&Value) -> String| [text(&alice), text(&bob)];
    let inputs = [
        format!("{}{}", pem("alice"), pem("bob")),
        format!("Alice:\n{}\nand Bob:\n{}\n", pem("alice"), quoted(&pem("bob"), "> ")),
        both(yaml::to_string).join("---\n"),
        format!("---\n{}\n...\n---\n---\n", both(yaml::to_string).join("---\n")),
        both(Value::to_string).concat(),
        both(Value::to_string).join("\n"),
        list.to_string(),
        yaml::to_string(&list),
        own.to_string(),
        array.to_string(),
        serde_json::json!([list]).to_string(),
    ];
    for input in inputs {
        let found = users(input.as_bytes()).unwrap_or_else(|e| panic!("{e}: {input}"));
        assert_eq!(found, ["alice", "bob"], "{input}");
        assert!(matches!(read(input.as_bytes()), Err(HandoverError::Several(2))));
    }
    let emoji = manifest("alice").to_string().replace("alice-1", "\\ud83d\\ude00");
    let found = read(emoji.as_bytes()).unwrap();
    assert_eq!(found.name.as_deref(), Some("😀"), "JSON's surrogate pairs");
}

/// One that cannot be taken spoils the stream: nobody should think that all were.
#[test]
fn one_bad_request_among_good_ones_is_named() {
    let (good, key) = (pem("alice"), pem::encode("EC PRIVATE KEY", b"secret"));
    let manifests = |second: Value| serde_json::json!([manifest("alice"), second]).to_string();
    let mut with_key = manifest("bob");
    with_key["spec"]["request"] = STANDARD.encode(format!("{}{key}", pem("bob"))).into();
    let mut with_two = manifest("bob");
    with_two["spec"]["request"] = STANDARD.encode(pem("bob") + &pem("carol")).into();
    let secret = serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "data": {} });
    let stream = format!("{good}{}", pem::encode(pkcs10::LABEL, b"x"));
    for (input, error) in [
        (format!("{good}{key}"), "it holds a private key"),
        (quoted(&format!("{good}{key}"), "> "), "it holds a private key"),
        (format!("{good}{}", key.replace(' ', "&nbsp;")), "it holds a private key"),
        (format!("{good}{}", key.replace('\n', "<br>")), "it holds a private key"),
        (manifests(with_key), "request 2 of 2: it holds a private key"),
        (manifests(with_two), "request 2 of 2: it holds 2 requests"),
        (manifests(secret), "request 2 of 2: this is Secret (v1)"),
        (stream, "request 2 of 2: the certificate request cannot be read"),
        (format!("{good}{}", pem::encode("CERTIFICATE", b"x")), "it holds a CERTIFICATE where"),
        (format!("{good}-----BEGIN CERTIFICATE REQUEST-----\n"), "its PEM block is damaged"),
        ("apiVersion: v1\nkind: List\nitems: []".to_owned(), "it is a list without requests"),
        (format!("{good}\nkind: {KIND}\n"), "it looks like a manifest, but cannot be read"),
        (
            format!("kind: {KIND}\na: 1\na: 2"),
            "it looks like a manifest, but cannot be read: line 3",
        ),
    ] {
        let found = users(input.as_bytes()).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}: {input}");
    }
}

#[test]
fn a_manifest_brings_what_it_asks_for_and_nothing_else() {
    let request = request("alice", &[]);
    let text = format!(
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\n\
         metadata: {{name: x, labels: {{a: b}}, uid: u}}\n\
         spec:\n  request: {}\n  signerName: example.com/s\n  usages: [client auth]\n  expirationSeconds: 3600\n",
        STANDARD.encode(pkcs10::to_pem(&request.der))
    );
    let incoming = read(text.as_bytes()).unwrap();
    assert_eq!(incoming.name.as_deref(), Some("x"));
    assert_eq!(incoming.signer_name.as_deref(), Some("example.com/s"));
    assert_eq!(incoming.expiration_seconds, Some(3600));
    assert_eq!(incoming.request, request);
}

#[test]
fn everything_else_says_what_it_is() {
    let pem = pkcs10::to_pem(&request("alice", &[]).der);
    let key = pem::encode("PRIVATE KEY", b"secret");
    assert!(matches!(user(b" \n"), Err(HandoverError::Empty)));
    assert!(matches!(user(&vec![b'a'; MAX_BYTES + 1]), Err(HandoverError::TooLong)));
    assert!(matches!(user(key.as_bytes()), Err(HandoverError::PrivateKey)));
    assert!(matches!(user(STANDARD.encode(&key).as_bytes()), Err(HandoverError::PrivateKey)));
    assert_eq!(user(format!("{pem}{pem}").as_bytes()).unwrap(), "alice", "twice the same");
    let certificate = pem::encode("CERTIFICATE", b"x");
    assert!(matches!(user(certificate.as_bytes()), Err(HandoverError::OtherBlock(_))));
    assert!(matches!(user(b"kind: Secret"), Err(HandoverError::Object(_))));
    assert!(matches!(user(b"hello"), Err(HandoverError::Unknown)));
    assert!(matches!(user(&[0xff, 0xff]), Err(HandoverError::Unknown)));
}

#[test]
fn base64_in_lines_is_read_as_go_reads_it() {
    let encoded = STANDARD.encode(pem("alice"));
    for end in ["\n", "\r\n"] {
        let lines: Vec<&str> = (0..encoded.len())
            .step_by(76)
            .map(|at| &encoded[at..encoded.len().min(at + 76)])
            .collect();
        let mut wrapped = manifest("alice");
        wrapped["spec"]["request"] = (lines.join(end) + end).into();
        assert_eq!(users(yaml::to_string(&wrapped).as_bytes()).unwrap(), ["alice"]);
        assert_eq!(users(wrapped.to_string().as_bytes()).unwrap(), ["alice"]);
    }
    let block: String = encoded.as_bytes().chunks(76).fold(String::new(), |text, line| {
        format!("{text}    {}\n", std::str::from_utf8(line).unwrap())
    });
    let plain = format!(
        "apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata:\n  name: a\nspec:\n  request: |\n{block}"
    );
    assert_eq!(users(plain.as_bytes()).unwrap(), ["alice"]);
}

#[test]
fn what_is_wrong_with_the_request_in_a_manifest_is_said() {
    for (field, message) in [
        ("", "spec.request is absent or empty"),
        (" \n", "spec.request is absent or empty"),
        (
            "$(base64 -w0 < alice.csr)",
            "spec.request holds the placeholder $(base64 -w0 < alice.csr), not a request",
        ),
        ("<base64 of the request>", "spec.request holds the placeholder <base64 of the request>"),
        ("{{ .Request }}", "spec.request holds the placeholder {{ .Request }}"),
        ("LS0tLS1CRUdJTi...", "spec.request holds the placeholder LS0tLS1CRUdJTi..."),
        ("no base64!", "spec.request is not base64"),
        ("eA==", "spec.request holds no certificate request: the base64 of its PEM is expected"),
    ] {
        let mut manifest = manifest("alice");
        manifest["spec"]["request"] = field.into();
        let error = read(manifest.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{field:?}: {error}");
    }
    let mut absent = manifest("alice");
    absent["spec"].as_object_mut().unwrap().remove("request");
    let error = read(absent.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("spec.request is absent or empty"), "{error}");
    let both = serde_json::json!([manifest("bob"), absent]).to_string();
    let error = read_all(both.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("request 2 of 2: ") && error.contains("spec.request"), "{error}");
}

#[test]
fn an_older_version_is_taken() {
    let mut older = manifest("alice");
    older["apiVersion"] = "certificates.k8s.io/v1beta1".into();
    let found = read(yaml::to_string(&older).as_bytes()).unwrap();
    assert_eq!(found.request.subject.user(), "alice");
    assert_eq!(found.signer_name.as_deref(), Some("example.com/s"));
    // Its defaults are not those of today: what is absent is for whoever takes the request to say.
    older["spec"].as_object_mut().unwrap().remove("signerName");
    older["spec"].as_object_mut().unwrap().remove("usages");
    let list = serde_json::json!({
        "apiVersion": "certificates.k8s.io/v1beta1", "kind": "CertificateSigningRequestList",
        "items": [{ "metadata": older["metadata"], "spec": older["spec"] }],
    });
    for text in [older.to_string(), list.to_string()] {
        let found = read(text.as_bytes()).unwrap();
        assert_eq!((found.signer_name, found.usages), (None, None));
    }
    older["kind"] = "Role".into();
    assert!(matches!(read(older.to_string().as_bytes()), Err(HandoverError::Object(_))));
}
