//! The manual road to access, step by step as people do it today.

use std::fs;

use serde_json::json;

use crate::support::{CLIENT_SIGNER, World, manifest};

#[test]
fn a_person_gets_access_by_hand() {
    let world = World::new();
    // Key, request, object.
    world.openssl(&["genrsa", "-out", "alice.key", "2048"]);
    let subject = "/CN=alice/O=dev/O=ops";
    world.openssl(&["req", "-new", "-key", "alice.key", "-subj", subject, "-out", "alice.csr"]);
    let mut object = manifest("alice", &world.read("alice.csr"), CLIENT_SIGNER);
    object["spec"]["expirationSeconds"] = 86_400.into();
    let file = world.write("alice.json", object.to_string());
    let created = world.kubectl(&["apply", "-f", &file]);
    assert_eq!(created, "certificatesigningrequest.certificates.k8s.io/alice created\n");

    // The administrator looks and approves.
    let table = world.kubectl(&["get", "csr"]);
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let expected = ["NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"];
    assert_eq!(columns, expected);
    let mut cells: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    cells.remove(1); // age
    assert_eq!(cells, ["alice", CLIENT_SIGNER, "admin", "24h", "Pending"]);
    let approved = world.kubectl(&["certificate", "approve", "alice"]);
    assert_eq!(approved, "certificatesigningrequest.certificates.k8s.io/alice approved\n");
    world.wait_for("alice", |it| it["status"]["certificate"].is_string());
    assert!(world.kubectl(&["get", "csr", "alice"]).contains("Approved,Issued"));

    // The certificate.
    let jsonpath = "jsonpath={.status.certificate}";
    let base64 = world.kubectl(&["get", "csr", "alice", "-o", jsonpath]);
    world.write("alice.b64", base64);
    world.openssl(&["base64", "-d", "-A", "-in", "alice.b64", "-out", "alice.crt"]);
    let text = world.describe(&world.read("alice.crt"));
    for line in [
        "Version: 3 (0x2)",
        "Issuer: CN = sandbox-ca",
        "Subject: O = dev + O = ops, CN = alice",
        "TLS Web Client Authentication",
        "X509v3 Basic Constraints: critical",
        "CA:FALSE",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    for line in ["X509v3 Key Usage", "X509v3 Subject Key Identifier", "Alternative Name"] {
        assert!(!text.contains(line), "{line} is too much in {text}");
    }
    world.write("ca.crt", world.sandbox.ca_pem());
    world.openssl(&["verify", "-CAfile", "ca.crt", "-purpose", "sslclient", "alice.crt"]);
    let modulus = |kind, file| world.openssl(&[kind, "-in", file, "-noout", "-modulus"]);
    assert_eq!(modulus("x509", "alice.crt"), modulus("rsa", "alice.key"));

    // The kubeconfig.
    fs::copy(world.path("admin.kubeconfig"), world.path("config")).unwrap();
    let config = |args: &[&str]| world.kubectl_as("config", &[&["config"], args].concat()).ok();
    config(&[
        "set-credentials",
        "alice",
        "--client-key=alice.key",
        "--client-certificate=alice.crt",
        "--embed-certs",
    ]);
    config(&["set-context", "alice", "--cluster=sandbox", "--user=alice", "--namespace=team"]);
    config(&["use-context", "alice"]);
    let alice = |args: &[&str]| world.kubectl_as("config", args);
    let whoami: serde_json::Value =
        serde_json::from_str(&alice(&["auth", "whoami", "-o", "json"]).ok()).unwrap();
    let fingerprint = world
        .openssl(&["x509", "-in", "alice.crt", "-noout", "-fingerprint", "-sha256"])
        .split_once('=')
        .map(|(_, hex)| hex.trim().replace(':', "").to_lowercase())
        .unwrap();
    assert_eq!(
        whoami["status"]["userInfo"],
        json!({
            "username": "alice",
            "groups": ["dev", "ops", "system:authenticated"],
            "extra": {
                "authentication.kubernetes.io/credential-id": [format!("X509SHA256={fingerprint}")],
            },
        })
    );

    // The permissions.
    let forbidden = alice(&["get", "pods"]).refused();
    assert_eq!(
        forbidden,
        "Error from server (Forbidden): pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \
         \"\" in the namespace \"team\""
    );
    world.kubectl(&["create", "namespace", "team"]);
    let role = ["create", "role", "developer", "--verb=get,list", "--resource=pods", "-n", "team"];
    world.kubectl(&role);
    let name = "developer-binding-alice";
    let binding = ["create", "rolebinding", name, "--role=developer", "--user=alice", "-n", "team"];
    world.kubectl(&binding);
    assert_eq!(alice(&["auth", "can-i", "list", "pods"]).ok(), "yes\n");
    assert_eq!(alice(&["auth", "can-i", "delete", "pods"]).stdout, "no\n");
    assert_eq!(alice(&["auth", "can-i", "list", "pods", "-n", "default"]).stdout, "no\n");
    let pods = alice(&["get", "pods"]);
    assert_eq!((pods.success, pods.stderr.trim()), (true, "No resources found in team namespace."));
    let wide = world.kubectl(&["get", "rolebinding", "-n", "team", "-o", "wide"]);
    let columns: Vec<&str> = wide.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "ROLE", "AGE", "USERS", "GROUPS", "SERVICEACCOUNTS"]);
    assert!(wide.contains("Role/developer") && wide.contains("alice"), "{wide}");
}

#[test]
fn deny_is_final_and_so_is_approve() {
    let world = World::new();
    world.submit("no", "/CN=no");
    let denied = world.kubectl(&["certificate", "deny", "no"]);
    assert_eq!(denied, "certificatesigningrequest.certificates.k8s.io/no denied\n");
    assert!(world.kubectl(&["get", "csr", "no"]).contains("Denied"));
    assert_eq!(
        world.refused(&["certificate", "approve", "no"]),
        "error: certificate signing request \"no\" is already Denied"
    );
    // Saying the same again is no error.
    world.kubectl(&["certificate", "deny", "no"]);

    world.submit("yes", "/CN=yes");
    world.kubectl(&["certificate", "approve", "yes"]);
    assert_eq!(
        world.refused(&["certificate", "deny", "yes"]),
        "error: certificate signing request \"yes\" is already Approved"
    );
    let condition = &world.get("yes")["status"]["conditions"][0];
    assert_eq!(condition["reason"], "KubectlApprove");
    assert_eq!(condition["message"], "This CSR was approved by kubectl certificate approve.");
    assert!(condition["lastTransitionTime"].is_string());
}

#[test]
fn describe_and_discovery_work() {
    let world = World::new();
    world.submit("alice", "/CN=alice/O=dev");
    let text = world.kubectl(&["describe", "csr", "alice"]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in ["Requesting User: admin", "Status: Pending", "Common Name: alice"] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert!(world.kubectl(&["version"]).contains("Server Version: v1.36.2+sandbox"));
    let resources = world.kubectl(&["api-resources", "--api-group=certificates.k8s.io"]);
    assert!(resources.contains("certificatesigningrequests   csr"), "{resources}");
    let ca = ["get", "configmap", "kube-root-ca.crt", "-n", "kube-public"];
    let ca = world.kubectl(&[&ca[..], &["-o", r"jsonpath={.data.ca\.crt}"]].concat());
    assert_eq!(ca, world.sandbox.ca_pem());
    world.kubectl(&["create", "namespace", "new"]);
    world.kubectl(&["get", "configmap", "kube-root-ca.crt", "-n", "new"]);
    // The older form of discovery, which other clients use.
    let group = world.kubectl(&["get", "--raw", "/apis/certificates.k8s.io/v1"]);
    assert!(group.contains("certificatesigningrequests/approval"), "{group}");
}
