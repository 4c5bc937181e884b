//! Changes: who may change what, and what happens when two do.

use serde_json::{Value, json};

use crate::raw::{REQUESTS, send, send_text};
use crate::support::World;

struct Admin<'a>(&'a World);

impl Admin<'_> {
    fn put(&self, name: &str, subresource: &str, object: &Value) -> (u16, Value) {
        let path = format!("{REQUESTS}/{name}{subresource}");
        send(&self.0.sandbox.admin_kubeconfig(), "PUT", &path, Some(object))
    }

    fn merge(&self, name: &str, subresource: &str, patch: &Value) -> (u16, Value) {
        let path = format!("{REQUESTS}/{name}{subresource}");
        let kubeconfig = self.0.sandbox.admin_kubeconfig();
        let content_type = "application/merge-patch+json";
        let (code, text) = send_text(&kubeconfig, "PATCH", &path, content_type, &patch.to_string());
        (code, serde_json::from_str(&text).unwrap())
    }
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": "Test", "message": "for a test"})
}

fn with_conditions(mut object: Value, conditions: Value) -> Value {
    object["status"]["conditions"] = conditions;
    object
}

#[test]
fn an_approval_binds_only_by_uid_or_version() {
    let world = World::new();
    let admin = Admin(&world);
    world.submit("alice", "/CN=alice");
    let seen = with_conditions(world.get("alice"), json!([condition("Approved")]));
    let (uid, version) = (&seen["metadata"]["uid"], &seen["metadata"]["resourceVersion"]);
    // Somebody swaps the request.
    world.kubectl(&["delete", "csr", "alice"]);
    world.submit("alice", "/CN=alice/O=kubeadm:cluster-admins");
    let swapped = world.get("alice");

    let (code, body) = admin.put("alice", "/approval", &seen);
    assert_eq!((code, &body["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        body["message"],
        format!(
            "Operation cannot be fulfilled on certificatesigningrequests.certificates.k8s.io \"alice\": StorageError: \
             invalid object, Code: 4, Key: /registry/certificatesigningrequests/alice, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: {}",
            uid.as_str().unwrap(),
            swapped["metadata"]["uid"].as_str().unwrap()
        )
    );
    let mut only_version = seen.clone();
    only_version["metadata"].as_object_mut().unwrap().remove("uid");
    let (code, body) = admin.put("alice", "/approval", &only_version);
    assert_eq!(code, 409);
    assert!(body["message"].as_str().unwrap().ends_with(
        "the object has been modified; please apply your changes to the latest version and try again"
    ));
    let conditions = json!([condition("Approved")]);
    let by_uid = json!({"metadata": {"uid": uid}, "status": {"conditions": conditions}});
    let (code, body) = admin.merge("alice", "/approval", &by_uid);
    assert_eq!((code, &body["reason"]), (422, &json!("Invalid")));
    assert!(body["message"].as_str().unwrap().ends_with(": field is immutable"), "{body}");
    let by_version =
        json!({"metadata": {"resourceVersion": version}, "status": {"conditions": conditions}});
    assert_eq!(admin.merge("alice", "/approval", &by_version).0, 409);

    // With neither, the swapped request is approved.
    let mut blind = seen.clone();
    for field in ["uid", "resourceVersion"] {
        blind["metadata"].as_object_mut().unwrap().remove(field);
    }
    let (code, body) = admin.put("alice", "/approval", &blind);
    assert_eq!((code, &body["spec"]), (200, &swapped["spec"]));
    assert_eq!(body["status"]["conditions"][0]["type"], "Approved");
}

#[test]
fn each_path_takes_its_part_and_restores_the_rest() {
    let world = World::new();
    let admin = Admin(&world);
    world.submit("alice", "/CN=alice");
    let stored = world.get("alice");
    let mut changed = with_conditions(stored.clone(), json!([condition("Approved")]));
    changed["spec"]["username"] = "other".into();
    changed["metadata"]["labels"] = json!({"a": "b"});

    // The main resource takes the metadata.
    let (code, body) = admin.put("alice", "", &changed);
    assert_eq!((code, &body["status"], &body["spec"]), (200, &json!({}), &stored["spec"]));
    assert_eq!(body["metadata"]["labels"], json!({"a": "b"}));

    // The status takes no decision.
    let current = world.get("alice");
    let approving = with_conditions(current.clone(), json!([condition("Approved")]));
    let (code, body) = admin.put("alice", "/status", &approving);
    assert_eq!(code, 422);
    assert_eq!(
        body["message"],
        "CertificateSigningRequest.certificates.k8s.io \"alice\" is invalid: status.conditions: Forbidden: updates may \
         not add a condition of type \"Approved\""
    );
    // It takes others, and fills in the times.
    let failing = with_conditions(current, json!([condition("Failed"), condition("Progress")]));
    let (code, body) = admin.put("alice", "/status", &failing);
    assert_eq!(code, 200, "{body}");
    assert!(body["status"]["conditions"][1]["lastTransitionTime"].is_string());
    // Failed stays.
    let healed = with_conditions(world.get("alice"), json!([]));
    let (code, body) = admin.put("alice", "/approval", &healed);
    assert_eq!(code, 422);
    assert!(
        body["message"].as_str().unwrap().ends_with(
            "status.conditions: Forbidden: updates may not remove a condition of type \"Failed\""
        ),
        "{body}"
    );
}

#[test]
fn conditions_are_validated() {
    let world = World::new();
    let admin = Admin(&world);
    world.submit("alice", "/CN=alice");
    let object = world.get("alice");
    let head = "CertificateSigningRequest.certificates.k8s.io \"alice\" is invalid: ";
    for (conditions, text) in [
        (
            json!([{"type": "Approved", "status": "False"}]),
            "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"",
        ),
        (json!([{"type": "Approved"}]), "status.conditions[0].status: Required value"),
        (
            json!([{"type": "Progress", "status": "Maybe"}]),
            "status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\"",
        ),
        (json!([{"status": "True"}]), "status.conditions[0].type: Required value"),
        (
            json!([condition("Approved"), condition("Approved")]),
            "status.conditions[1].type: Duplicate value: \"Approved\"",
        ),
        (
            json!([condition("Approved"), condition("Denied")]),
            "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
        ),
    ] {
        let sent = with_conditions(object.clone(), conditions);
        let (code, body) = admin.put("alice", "/approval", &sent);
        assert_eq!((code, body["message"].as_str().unwrap()), (422, &*format!("{head}{text}")));
    }
}

#[test]
fn certificates_are_set_once_and_only_by_the_status() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let world = World::new();
    let admin = Admin(&world);
    world.submit("alice", "/CN=alice");
    let with_certificate = |text: &str| {
        let mut object = world.get("alice");
        object["status"]["certificate"] = STANDARD.encode(text).into();
        object
    };
    let message = |object: &Value| {
        let (code, body) = admin.put("alice", "/status", object);
        assert_eq!(code, 422, "{body}");
        let message = body["message"].as_str().unwrap();
        message.split_once("is invalid: status.certificate: ").unwrap().1.to_owned()
    };
    let ca = world.sandbox.ca_pem();
    for (text, why) in [
        ("junk".into(), "must contain at least one CERTIFICATE PEM block"),
        (
            ca.replace("CERTIFICATE", "PUBLIC KEY"),
            "only CERTIFICATE PEM blocks are allowed, found \"PUBLIC KEY\"",
        ),
        (ca.replacen("-----\n", "-----\na: b\n\n", 1), "no PEM block headers are permitted"),
    ] {
        let complaint = message(&with_certificate(&text));
        assert_eq!(complaint, format!("Invalid value: \"<certificate data>\": {why}"));
    }
    // Elsewhere it is put back without a word.
    let (code, body) = admin.put("alice", "/approval", &with_certificate(ca));
    assert_eq!((code, &body["status"]), (200, &json!({})));
    let (code, body) = admin.put("alice", "/status", &with_certificate(&format!("text\n{ca}{ca}")));
    assert_eq!(code, 200, "{body}");
    assert_eq!(
        message(&with_certificate(ca)),
        "Forbidden: updates may not modify existing certificate content"
    );
}

#[test]
fn deletion_heeds_preconditions_and_finalizers() {
    let world = World::new();
    let kubeconfig = world.sandbox.admin_kubeconfig();
    world.submit("alice", "/CN=alice");
    let path = format!("{REQUESTS}/alice");
    let delete = |body: &Value| send(&kubeconfig, "DELETE", &path, Some(body));
    let (code, body) = delete(&json!({"preconditions": {"uid": "stale"}}));
    assert_eq!((code, &body["reason"]), (409, &json!("Conflict")));
    let why = "the UID in the precondition (stale) does not match the UID in record";
    assert!(body["message"].as_str().unwrap().contains(why), "{body}");
    assert_eq!(delete(&json!({"preconditions": {"resourceVersion": "1"}})).0, 409);

    let finalizers = |value: Value| {
        Admin(&world).merge("alice", "", &json!({"metadata": {"finalizers": value}}))
    };
    assert_eq!(finalizers(json!(["example.com/hold"])).0, 200);
    let (code, body) =
        delete(&json!({"preconditions": {"uid": world.get("alice")["metadata"]["uid"]}}));
    assert_eq!((code, &body["kind"]), (200, &json!("CertificateSigningRequest")));
    assert!(body["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(finalizers(Value::Null).0, 200);
    let (code, body) = send(&kubeconfig, "GET", &path, None);
    assert_eq!((code, &body["reason"]), (404, &json!("NotFound")));
    assert_eq!(
        body["message"],
        "certificatesigningrequests.certificates.k8s.io \"alice\" not found"
    );
    world.submit("bob", "/CN=bob");
    let (code, body) = send(&kubeconfig, "DELETE", &format!("{REQUESTS}/bob"), None);
    assert_eq!((code, &body["status"]), (200, &json!("Success")));
}

#[test]
fn kubectl_patches() {
    let world = World::new();
    world.submit("alice", "/CN=alice");
    world.kubectl(&["label", "csr", "alice", "team=dev"]);
    let patch = r#"[{"op": "test", "path": "/metadata/labels/team", "value": "ops"}]"#;
    let refusal = world.refused(&["patch", "csr", "alice", "--type=json", "-p", patch]);
    assert!(refusal.contains("the server rejected our request"), "{refusal}");
    let patch = r#"{"status": {"conditions": [{"type": "Denied", "status": "True"}]}}"#;
    let args = ["patch", "csr", "alice", "--subresource=approval", "--type=merge", "-p", patch];
    world.kubectl(&args);
    assert_eq!(world.get("alice")["status"]["conditions"][0]["type"], "Denied");
}
