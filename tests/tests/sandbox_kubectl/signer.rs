//! What is issued for what, judged by openssl.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use usercert_sandbox::SandboxOptions;

use crate::support::{CLIENT_SIGNER, World, manifest, until};

#[test]
fn an_idle_signer_leaves_approved_requests_alone() {
    let world = World::with(SandboxOptions { signer: false, ..SandboxOptions::default() });
    world.create(&manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER));
    world.kubectl(&["certificate", "approve", "alice"]);
    assert!(world.get("alice")["status"]["certificate"].is_null());
    world.sandbox.set_signer(true);
    world.wait_for("alice", |it| it["status"]["certificate"].is_string());
    // Foreign signers are nobody's business here.
    world.submit("other", "/CN=other");
    world.kubectl(&["certificate", "approve", "other"]);
    world.create(&manifest("last", &world.request("/CN=last"), CLIENT_SIGNER));
    world.approve("last");
    assert!(world.get("other")["status"]["certificate"].is_null());
}

#[test]
fn the_subject_is_rebuilt() {
    let world = World::new();
    for (name, subject, expected) in [
        ("groups", "/O=development/O=ops/CN=alice", "O = ops + O = development, CN = alice"),
        ("last-cn", "/CN=first/CN=last/O=dev", "O = dev, CN = last"),
        (
            "order",
            "/CN=a/OU=unit/O=org/L=Bonn/ST=NRW/C=DE",
            "C = DE, ST = NRW, L = Bonn, O = org, OU = unit, CN = a",
        ),
        ("dropped", "/CN=a/DC=example/UID=1/emailAddress=a@b.c/title=Dr", "CN = a"),
        ("one-group", "/CN=a/O=dev,O=ops", "O = \"dev,O=ops\", CN = a"),
    ] {
        world.create(&manifest(name, &world.request(subject), CLIENT_SIGNER));
        let text = world.describe(&world.approve(name));
        assert!(text.contains(&format!("Subject: {expected}\n")), "{expected}: {text}");
    }
}

#[test]
fn usages_and_names_are_copied_and_nothing_else() {
    let world = World::new();
    let names =
        "subjectAltName=DNS:a.example,email:a@b.c,IP:127.0.0.1,URI:urn:x,otherName:1.2.3;UTF8:y";
    let options =
        ["-addext", names, "-addext", "keyUsage=keyCertSign", "-addext", "1.2.3.4=DER:00"];
    let request = world.request_with("/CN=a", &options);
    let mut object = manifest("a", &request, CLIENT_SIGNER);
    object["spec"]["usages"] = json!(["client auth", "key encipherment", "digital signature"]);
    world.create(&object);
    let text = world.describe(&world.approve("a"));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let after = |head: &str| lines[lines.iter().position(|it| it.starts_with(head)).unwrap() + 1];
    assert_eq!(after("X509v3 Key Usage: critical"), "Digital Signature, Key Encipherment");
    assert_eq!(after("X509v3 Extended Key Usage"), "TLS Web Client Authentication");
    assert_eq!(
        after("X509v3 Subject Alternative Name"),
        "DNS:a.example, email:a@b.c, IP Address:127.0.0.1, URI:urn:x"
    );
    assert!(!text.contains("1.2.3.4"), "{text}");
}

#[test]
fn lifetimes_follow_the_rules() {
    let max_cert_duration = std::time::Duration::from_secs(10 * 24 * 3600);
    let world = World::with(SandboxOptions { max_cert_duration, ..SandboxOptions::default() });
    let lifetime = |name: &str, seconds: Option<i64>| {
        let mut object = manifest(name, &world.request("/CN=a"), CLIENT_SIGNER);
        object["spec"]["expirationSeconds"] = json!(seconds);
        world.create(&object);
        world.write("a.crt", world.approve(name));
        let date = |which: &str| {
            let options = ["x509", "-in", "a.crt", "-noout", which, "-dateopt", "iso_8601"];
            let text = world.openssl(&options);
            let text = text.trim().split_once('=').unwrap().1.replace(' ', "T");
            text.parse::<jiff::Timestamp>().unwrap().as_second()
        };
        date("-enddate") - date("-startdate")
    };
    assert_eq!(lifetime("ten-minutes", Some(600)), 600 + 300);
    assert_eq!(lifetime("below-eight-hours", Some(28_799)), 28_799 + 300);
    assert_eq!(lifetime("eight-hours", Some(28_800)), 28_800);
    assert_eq!(lifetime("unasked", None), 864_000);
    assert_eq!(lifetime("too-long", Some(864_001)), 864_000);
    assert_eq!(lifetime("longest", Some(i64::from(i32::MAX))), 864_000);
}

#[test]
fn what_the_signer_refuses_fails() {
    let world = World::new();
    let client = "kubernetes.io/kube-apiserver-client-kubelet";
    let serving = "kubernetes.io/kubelet-serving";
    let node = "/O=system:nodes/CN=system:node:n";
    for (name, signer, subject, usages, message) in [
        (
            "server",
            CLIENT_SIGNER,
            "/CN=a",
            json!(["client auth", "server auth"]),
            "invalid usage for client certificate: server auth",
        ),
        (
            "none",
            CLIENT_SIGNER,
            "/CN=a",
            json!(["digital signature"]),
            "missing required usage for client certificate: client auth",
        ),
        (
            "org",
            client,
            "/CN=a",
            json!(["client auth"]),
            "subject organization is not system:nodes",
        ),
        (
            "cn",
            client,
            "/O=system:nodes/CN=a",
            json!(["client auth"]),
            "subject common name does not begin with system:node:",
        ),
        (
            "usages",
            client,
            node,
            json!(["client auth"]),
            "usages did not match [client auth digital signature key encipherment]",
        ),
        ("san", serving, node, json!(["server auth"]), "DNS or IP subjectAltName is required"),
    ] {
        let mut object = manifest(name, &world.request(subject), signer);
        object["spec"]["usages"] = usages;
        world.create(&object);
        world.kubectl(&["certificate", "approve", name]);
        let failed = world.wait_for(name, |it| it["status"]["conditions"][1].is_object());
        let condition = &failed["status"]["conditions"][1];
        assert_eq!(condition["type"], "Failed");
        assert_eq!(condition["reason"], "SignerValidationFailure");
        assert_eq!(condition["message"], message);
        assert!(world.kubectl(&["get", "csr", name]).contains("Approved,Failed"));
    }
}

#[test]
fn clients_may_come_from_another_ca() {
    let options = SandboxOptions { separate_client_ca: true, ..SandboxOptions::default() };
    let world = World::with(options);
    assert_ne!(world.sandbox.ca_pem(), world.sandbox.client_ca_pem());
    world.create(&manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER));
    let certificate = world.approve("alice");
    world.write("alice.crt", &certificate);
    world.write("client-ca.crt", world.sandbox.client_ca_pem());
    world.openssl(&["verify", "-CAfile", "client-ca.crt", "alice.crt"]);
    // And it works.
    let mut config: serde_json::Value =
        serde_json::from_str(&world.sandbox.admin_kubeconfig()).unwrap();
    config["users"][0]["user"] = json!({
        "client-certificate-data": STANDARD.encode(&certificate),
        "client-key-data": STANDARD.encode(world.read("p256.key")),
    });
    world.write("alice.kubeconfig", config.to_string());
    let whoami = world.kubectl_as("alice.kubeconfig", &["auth", "whoami"]).ok();
    assert!(whoami.contains("alice"), "{whoami}");
}

#[test]
fn kubectl_waits_for_conditions() {
    let world = World::new();
    world.create(&manifest("alice", &world.request("/CN=alice"), CLIENT_SIGNER));
    let mut waiting = world
        .kubectl_command("admin.kubeconfig")
        .args(["wait", "csr/alice", "--for=condition=Approved", "--timeout=30s"])
        .spawn()
        .unwrap();
    until("the watch", || world.sandbox.log().iter().any(|it| it.path.contains("watch=true")));
    world.kubectl(&["certificate", "approve", "alice"]);
    assert!(waiting.wait().unwrap().success());
}
