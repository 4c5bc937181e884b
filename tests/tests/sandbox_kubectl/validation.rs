//! What the server refuses, and in which words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::raw::{REQUESTS, send};
use crate::support::{CLIENT_SIGNER, World, manifest};

/// Creates an object and returns the code, the message and the fields that are to blame.
fn create(world: &World, object: &Value) -> (u16, String, Vec<String>) {
    let path = format!("{REQUESTS}?dryRun=All");
    let (code, body) = send(&world.sandbox.admin_kubeconfig(), "POST", &path, Some(object));
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    let causes = body["details"]["causes"].as_array().cloned().unwrap_or_default();
    let fields = causes.iter().map(|it| it["field"].as_str().unwrap().to_owned()).collect();
    (code, message, fields)
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
    object
}

#[test]
fn fields_are_validated() {
    let world = World::new();
    let good = manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER);
    assert_eq!(create(&world, &good).0, 201);
    let invalid = "CertificateSigningRequest.certificates.k8s.io \"alice\" is invalid: ";
    for (pointer, value, field, text) in [
        ("/spec/usages", json!([]), "spec.usages", "Required value"),
        (
            "/spec/usages",
            json!(["client auth", "client auth"]),
            "spec.usages[1]",
            "Duplicate value: \"client auth\"",
        ),
        (
            "/spec/usages",
            json!(["clientauth"]),
            "spec.usages[0]",
            "Unsupported value: \"clientauth\": supported values: \"any\", \"cert sign\", \"client auth\", \"code \
             signing\", \"content commitment\", \"crl sign\", \"data encipherment\", \"decipher only\", \"digital \
             signature\", \"email protection\", \"encipher only\", \"ipsec end system\", \"ipsec tunnel\", \"ipsec \
             user\", \"key agreement\", \"key encipherment\", \"microsoft sgc\", \"netscape sgc\", \"ocsp signing\", \
             \"s/mime\", \"server auth\", \"signing\", \"timestamping\"",
        ),
        (
            "/spec/expirationSeconds",
            json!(599),
            "spec.expirationSeconds",
            "Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)",
        ),
        (
            "/spec/expirationSeconds",
            json!(-1),
            "spec.expirationSeconds",
            "Invalid value: -1: may not specify a duration less than 600 seconds (10 minutes)",
        ),
        ("/spec/signerName", json!(""), "spec.signerName", "Required value"),
        (
            "/spec/signerName",
            json!("signer"),
            "spec.signerName",
            "Invalid value: \"signer\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
        ),
        (
            "/spec/signerName",
            json!("example/signer"),
            "spec.signerName",
            "Invalid value: \"example\": should be a domain with at least two segments separated by dots",
        ),
        (
            "/spec/signerName",
            json!("Example.com/signer"),
            "spec.signerName",
            "Invalid value: \"Example.com\": validating label \"Example\": a lowercase RFC 1123 label must consist of \
             lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. \
             'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
        (
            "/spec/signerName",
            json!("kubernetes.io/legacy-unknown"),
            "spec.signerName",
            "Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via this API version",
        ),
        (
            "/metadata/labels",
            json!({"a": "b c"}),
            "metadata.labels",
            "Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', \
             '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or \
             '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
    ] {
        let (code, message, fields) = create(&world, &with(good.clone(), pointer, value));
        assert_eq!(message, format!("{invalid}{field}: {text}"));
        assert_eq!((code, fields), (422, vec![field.to_owned()]));
    }
}

#[test]
fn names_are_validated() {
    let world = World::new();
    let request = world.request("/CN=alice");
    for (name, text) in [
        ("..", "metadata.name: Invalid value: \"..\": may not be '..'"),
        ("a/b", "metadata.name: Invalid value: \"a/b\": may not contain '/'"),
        ("100%", "metadata.name: Invalid value: \"100%\": may not contain '%'"),
        ("", "metadata.name: Required value: name or generateName is required"),
    ] {
        let (code, message, _) = create(&world, &manifest(name, &request, CLIENT_SIGNER));
        let kind = "CertificateSigningRequest.certificates.k8s.io";
        assert_eq!((code, message), (422, format!("{kind} \"{name}\" is invalid: {text}")));
    }
    for name in ["A b:@_", "--all", "$(id)", "x\ny", "ü", &"n".repeat(3000)] {
        assert_eq!(create(&world, &manifest(name, &request, CLIENT_SIGNER)).0, 201, "{name:?}");
    }
    // They can be reached, too.
    world.create(&manifest("A b:@_", &request, CLIENT_SIGNER));
    assert_eq!(world.get("A b:@_")["metadata"]["name"], "A b:@_");
}

#[test]
fn requests_are_validated() {
    let world = World::new();
    let good = world.request("/CN=alice");
    let pem = String::from_utf8(good.clone()).unwrap();
    let der = STANDARD.decode(pem.lines().filter(|it| !it.starts_with('-')).collect::<String>());
    let der = der.unwrap();
    let wrap = |der: &[u8]| {
        let label = "CERTIFICATE REQUEST";
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
            .into_bytes()
    };
    let mut forged = der.clone();
    *forged.last_mut().unwrap() ^= 1;
    let trailing = [der.as_slice(), &[0]].concat();
    let label = "PEM block type must be CERTIFICATE REQUEST";
    for (request, why) in [
        (Vec::new(), label),
        (der.clone(), label),
        (world.request_with("/CN=alice", &["-newhdr"]), label),
        (format!(" {pem}").into_bytes(), label),
        (wrap(&trailing), "asn1: syntax error: trailing data"),
        (wrap(&forged), "x509: ECDSA verification failure"),
    ] {
        let (code, message, _) = create(&world, &manifest("a", &request, CLIENT_SIGNER));
        let tail = message.rsplit_once("\": ").map(|(_, tail)| tail);
        assert_eq!((code, tail), (422, Some(why)), "{message}");
    }
    // What Go overlooks: text around, further blocks.
    for request in [format!("text\n{pem}"), format!("{pem}{pem}text")] {
        let object = manifest("a", request.as_bytes(), CLIENT_SIGNER);
        assert_eq!(create(&world, &object).0, 201);
    }
    let object = with(manifest("a", &good, CLIENT_SIGNER), "/spec/request", json!("!!!!"));
    let (code, message, _) = create(&world, &object);
    let kind = "CertificateSigningRequest";
    let why = "illegal base64 data at input byte 0";
    let expected = format!("{kind} in version \"v1\" cannot be handled as a {kind}: {why}");
    assert_eq!((code, message), (400, expected));
}

#[test]
fn keys_and_signatures_are_validated_as_go_does() {
    let world = World::new();
    let make = |key: &[&str], options: &[&str]| {
        world.openssl(&[key, &["-out", "odd.key"]].concat());
        let args = ["req", "-new", "-key", "odd.key", "-subj", "/CN=a", "-out", "odd.csr"];
        world.openssl(&[&args, options].concat());
        create(&world, &manifest("a", &world.read("odd.csr"), CLIENT_SIGNER))
    };
    let rsa = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1", "-sha384"];
    fn ec(curve: &str) -> [&str; 5] {
        ["ecparam", "-genkey", "-noout", "-name", curve]
    }
    for (key, options) in [
        (&ec("secp384r1")[..], &["-sha512"][..]),
        (&ec("secp521r1"), &["-sha256"]),
        (&ec("prime256v1"), &["-sha1"]),
        (&["genpkey", "-algorithm", "ed25519"], &[]),
        (&rsa, &["-sha1"]),
        (&rsa, &pss),
    ] {
        let (code, message, _) = make(key, options);
        assert_eq!(code, 201, "{key:?} {options:?}: {message}");
    }
    for (key, options, why) in [
        (&ec("secp256k1")[..], &[][..], "x509: unsupported elliptic curve"),
        (
            &["genpkey", "-algorithm", "ed448"],
            &[],
            "x509: cannot verify signature: algorithm unimplemented",
        ),
        (&rsa, &["-md5"], "x509: cannot verify signature: insecure algorithm MD5-RSA"),
        (
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"],
            &["-sha256"],
            "crypto/rsa: 512-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)",
        ),
    ] {
        let (code, message, _) = make(key, options);
        assert!(message.ends_with(why), "{message}");
        assert_eq!(code, 422);
    }
}

#[test]
fn several_complaints_come_together() {
    let world = World::new();
    let mut object = manifest("..", b"junk", "signer");
    object["spec"]["usages"] = json!([]);
    // Names are judged after everything else.
    let (_, message, fields) = create(&world, &object);
    assert_eq!(fields, ["spec.request", "spec.usages", "spec.signerName"]);
    assert!(message.contains("is invalid: [spec.request: "), "{message}");
    assert!(message.ends_with("'example.com/signer-name']"), "{message}");
}

#[test]
fn admission_guards_the_masters_group() {
    let world = World::new();
    let request = world.request("/O=system:masters/CN=eve");
    assert_eq!(
        world
            .create_refused(&manifest("eve", &request, CLIENT_SIGNER))
            .split_once("): ")
            .unwrap()
            .1,
        format!(
            "error when creating \"{}\": certificatesigningrequests.certificates.k8s.io \"eve\" is forbidden: use of \
             kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
            world.path("object.json").display()
        )
    );
    // Other signers and other mighty groups pass: the approver has to look.
    world.create(&manifest("other", &request, "example.com/signer"));
    let request = world.request("/O=kubeadm:cluster-admins/CN=eve");
    world.create(&manifest("kubeadm", &request, CLIENT_SIGNER));
}

#[test]
fn the_server_fills_in_and_takes_away() {
    let world = World::new();
    let mut object = manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER);
    object["spec"]["username"] = "somebody".into();
    object["spec"]["groups"] = json!(["system:masters"]);
    object["status"] = json!({
        "conditions": [{"type": "Approved", "status": "True"}],
        "certificate": "YQ==",
    });
    object["metadata"]["namespace"] = "default".into();
    let requester = world.sandbox.kubeconfig_for("bob", &["dev"]);
    world.kubectl(&["create", "clusterrole", "requester", "--verb=create", "--resource=csr"]);
    let binding = ["create", "clusterrolebinding", "bob", "--clusterrole=requester", "--user=bob"];
    world.kubectl(&binding);
    let (code, created) = send(&requester, "POST", REQUESTS, Some(&object));
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["spec"]["username"], "bob");
    assert_eq!(created["spec"]["groups"], json!(["dev", "system:authenticated"]));
    assert!(created["spec"]["extra"]["authentication.kubernetes.io/credential-id"].is_array());
    assert_eq!(created["status"], json!({}));
    assert_eq!(created["metadata"]["namespace"], Value::Null);
    let (code, again) = send(&requester, "POST", REQUESTS, Some(&object));
    assert_eq!((code, &again["reason"]), (409, &json!("AlreadyExists")));
    assert_eq!(
        again["message"],
        "certificatesigningrequests.certificates.k8s.io \"alice\" already exists"
    );
}

#[test]
fn names_are_generated_and_dry_runs_leave_nothing() {
    let world = World::new();
    let mut object = manifest("", &world.request("/CN=alice"), CLIENT_SIGNER);
    object["metadata"] = json!({"generateName": "alice-"});
    let (code, created) = send(&world.sandbox.admin_kubeconfig(), "POST", REQUESTS, Some(&object));
    let name = created["metadata"]["name"].as_str().unwrap();
    let suffix = name.strip_prefix("alice-").unwrap();
    assert_eq!((code, suffix.len()), (201, 5));
    assert!(suffix.bytes().all(|it| b"bcdfghjklmnpqrstvwxz2456789".contains(&it)), "{name}");
    world.kubectl(&["delete", "csr", name]);
    assert_eq!(create(&world, &object).0, 201);
    assert_eq!(world.kubectl(&["get", "csr", "-o", "name"]), "");
}

#[test]
fn unknown_fields_are_refused_or_reported_as_asked() {
    let world = World::new();
    let mut object = manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER);
    object["spec"]["expires"] = "1h".into();
    let refusal = world.create_refused(&object);
    assert!(
        refusal.ends_with("strict decoding error: unknown field \"spec.expires\""),
        "{refusal}"
    );
    let file = world.write("object.json", object.to_string());
    let outcome = world.kubectl_as("admin.kubeconfig", &["create", "--validate=warn", "-f", &file]);
    assert_eq!(outcome.stderr, "Warning: unknown field \"spec.expires\"\n");
    outcome.ok();
}

#[test]
fn bodies_have_a_limit() {
    let world = World::new();
    let object = json!({"a": "x".repeat(3 << 20)});
    let (code, body) = send(&world.sandbox.admin_kubeconfig(), "POST", REQUESTS, Some(&object));
    assert_eq!((code, &body["reason"]), (413, &json!("RequestEntityTooLarge")));
    assert_eq!(body["message"], "Request entity too large: limit is 3145728");
}
