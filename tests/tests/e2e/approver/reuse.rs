//! A certificate that is renewed a second time.

use serde_json::json;

use super::{ONCE, RULES, ask, comes, issued, person, recorded, stage, state};
use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    a_second_renewal_is_denied_and_told,
    a_thief_and_the_holder_are_shut_out,
    an_interrupted_renewal_is_taken_up_and_no_other,
    the_same_holder_may_ask_again,
    who_may_only_record_harms_nobody,
);

/// The first renewal, by a thief, and the second, by the holder of the same certificate.
fn renewed_twice(trial: &Trial, admin: &Person, alice: &Person) -> Outcome {
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "thief");
    admin.run(&ONCE).ok().prints(&["thief approved"]);
    issued(admin, "thief");
    ask(alice, "alice", &["dev", "ops"], "alice-2");
    let out = admin.run(&ONCE).exits(3);
    assert_eq!(state(admin, "alice-2"), "Denied UsercertRenewalReused;");
    out.prints(&["alice-2 denied", "was renewed before, with another key, by the request thief"])
}

fn a_second_renewal_is_denied_and_told(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    renewed_twice(&trial, &admin, &alice).never_shows("revoked");
    let events = admin.kubectl(&["get", "events", "-n", "default", "-o", "json"]).ok().json();
    let events = events["items"].as_array().expect("items");
    let event = events.iter().find(|e| e["reason"] == "UsercertRenewalReused").expect("an event");
    assert_eq!(event["involvedObject"]["name"], "alice-2");
    assert!(event["message"].as_str().is_some_and(|m| m.contains("two hold it")), "{event}");
    assert!(recorded(&admin, "alice").iter().all(|r| r["blocked"].is_null()));
}

fn a_thief_and_the_holder_are_shut_out(trial: &Trial) {
    let rules = format!("{RULES}  onReuse: revoke\n");
    let Some((trial, admin, alice)) = stage(trial, &rules) else { return };
    let bob = person(&trial, &admin, "bob", &["dev"]);
    renewed_twice(&trial, &admin, &alice)
        .prints(&["the certificate and its renewals are revoked, 2 in all"]);
    let records = recorded(&admin, "alice");
    assert_eq!(records.len(), 2);
    for record in &records {
        let line = record["blocked"].as_str().unwrap_or_default();
        assert!(line.contains("renewed twice"), "{record}");
    }
    ask(&bob, "bob", &["dev"], "bob-2");
    admin.run(&ONCE).ok().prints(&["bob-2 approved"]);
    // A renewal that nobody has recorded can be shut out only with the whole user.
    ask(&bob, "bob", &["dev"], "unseen");
    issued(&admin, "bob-2");
    admin.kubectl(&["delete", "csr", "bob-2"]).ok();
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["unseen denied", "every certificate of the user is revoked"]);
    let list = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
    assert!(list.contains("user/bob") && !list.contains("user/alice"), "{list}");
}

fn an_interrupted_renewal_is_taken_up_and_no_other(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    if let Some(sandbox) = trial.backend.sandbox() {
        sandbox.clear_log();
        // It never hears how its approval went, and is killed.
        sandbox.fail_at("/approval", usercert_sandbox::Fault::Silent);
        let mut killed = admin.start(&ONCE);
        comes(&|| sandbox.log().iter().any(|e| e.path.contains("/approval")));
        killed.kill().expect("it is killed");
        killed.wait().expect("it ends");
        sandbox.recover();
    } else {
        // Where the server has no such fault: as it is left by then.
        claim(&admin, &alice, "alice-2");
    }
    assert_eq!(state(&admin, "alice-2"), "");
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "a-thief");
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["alice-2 approved", "a-thief denied"]);
    assert_eq!(state(&admin, "alice-2"), "Approved UsercertRenewal/developers;");
}

/// Claims the renewal of somebody's certificate for a request, as the service does.
fn claim(admin: &Person, person: &Person, name: &str) {
    let request = admin.kubectl(&["get", "csr", name, "-o", "json"]).ok().json();
    let id = &request["spec"]["extra"]["authentication.kubernetes.io/credential-id"][0];
    let digits = id.as_str().and_then(|id| id.strip_prefix("X509SHA256=")).expect("a certificate");
    let pem = admin.kubectl(&["get", "csr", name, "-o", "jsonpath={.spec.request}"]).ok().stdout;
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.decode(pem).expect("base64");
    person.write("claimed.csr", &String::from_utf8(pem).expect("PEM"));
    let script =
        "openssl req -in claimed.csr -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum";
    let key = person.tool("sh", &["-c", script]).ok().stdout;
    let claim = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": format!("renewal-{digits}"), "namespace": "usercert-system", "labels": {
            "app.kubernetes.io/managed-by": "kubectl-usercert", "usercert/kind": "renewal",
        }, "annotations": {
            "usercert/parent": id, "usercert/request": name, "usercert/key": key.split(' ').next(),
            "usercert/rule": "developers",
        }},
        "spec": {"holderIdentity": request["metadata"]["uid"]},
    });
    admin.write("claim.json", &claim.to_string());
    admin.kubectl(&["create", "-f", "claim.json"]).ok();
}

fn the_same_holder_may_ask_again(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    alice
        .tool(
            "openssl",
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                "k.pem",
            ],
        )
        .ok();
    let again = |name: &str| {
        let args = [
            "request",
            "alice",
            "-g",
            "dev",
            "-g",
            "ops",
            "--expires",
            "1h",
            "--key",
            "k.pem",
            "--csr-name",
            name,
        ];
        alice.run(&args).ok();
    };
    again("first");
    admin.run(&ONCE).ok().prints(&["first approved"]);
    // While the first is there, a second is not needed.
    again("second");
    admin.run(&ONCE).ok().prints(&["second left", "for the same key by the request first"]);
    // Requests are forgotten an hour after their decision.
    admin.kubectl(&["delete", "csr", "first"]).ok();
    admin.run(&ONCE).ok().prints(&["second approved"]);
}

/// A claim on somebody's renewal and a record of somebody's certificate, made up by whoever may record.
fn who_may_only_record_harms_nobody(trial: &Trial) {
    let rules = format!("{RULES}  onReuse: revoke\n");
    let Some((trial, admin, alice)) = stage(trial, &rules) else { return };
    let bob = person(&trial, &admin, "bob", &["dev"]);
    let scribe = person(&trial, &admin, "scribe", &["dev"]);
    let bind = ["create", "rolebinding", "scribe", "--role=usercert-recorder", "--user=scribe"];
    admin.kubectl(&[&bind[..], &["-n", "usercert-system"]].concat()).ok();
    let plant = |scribe: &Person, object: &serde_json::Value| {
        scribe.write("planted.json", &object.to_string());
        scribe.kubectl(&["create", "--validate=false", "-f", "planted.json"])
    };
    // Bob's certificate is not recorded, so that its name is free.
    let hers = |user: &str| recorded(&admin, user)[0]["sha256"].as_str().expect("x").to_owned();
    let (bobs, scribes, alices) = (hers("bob"), hers("scribe"), hers("alice"));
    let record = ["configmap", "-n", "usercert-system"];
    let name = |sha: &str| format!("certificate-{sha}");
    let (from, to) = (name(&scribes), name(&bobs));
    let get = [&["get", "-o", "json"], &record[..], &[&from]].concat();
    let mut planted = admin.kubectl(&get).ok().json();
    admin.kubectl(&[&["delete"], &record[..], &[&to]].concat()).ok();
    planted["metadata"] = json!({
        "name": to, "namespace": "usercert-system", "labels": planted["metadata"]["labels"],
    });
    planted["data"]["credentialId"] = format!("X509SHA256={bobs}").into();
    planted["data"]["renews"] = format!("X509SHA256={scribes}").into();
    plant(&scribe, &planted).ok();
    let claim = |api: &str, kind: &str| {
        let data = json!({
            "parent": format!("X509SHA256={alices}"), "request": "none", "requestUid": "none",
            "key": "00".repeat(32), "rule": "developers",
        });
        json!({
            "apiVersion": api, "kind": kind, "immutable": true, "data": data,
            "metadata": {"name": format!("renewal-{alices}"), "namespace": "usercert-system",
                "labels": {"usercert/kind": "renewal"}},
        })
    };
    plant(&scribe, &claim("v1", "ConfigMap")).ok();
    plant(&scribe, &claim("coordination.k8s.io/v1", "Lease")).exits(1);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    admin.run(&ONCE).ok().prints(&["alice-2 approved"]);
    // Whoever renews twice on purpose takes nobody along.
    let twin = trial.with_kubeconfig(&scribe.read(".kube/config"));
    ask(&twin, "scribe", &["dev"], "scribe-2");
    admin.run(&ONCE).ok();
    issued(&admin, "scribe-2");
    ask(&scribe, "scribe", &["dev"], "scribe-3");
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["scribe-3 denied", "the certificate and its renewals are revoked, 2 in all"])
        .says(&["call them its renewals: 1"]);
    let list = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
    assert!(list.contains(&scribes) && !list.contains(&bobs) && !list.contains("user/"), "{list}");
    bob.kubectl(&["auth", "whoami"]).ok();
}
