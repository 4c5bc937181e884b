//! What is approved, and what is not.

use serde_json::json;

use super::{ONCE, RULES, ask, issued, person, recorded, stage, state, without_credentials};
use crate::cases;
use crate::trial::Trial;

cases!(
    a_renewal_is_approved_and_recorded_with_its_parent,
    what_is_no_renewal_is_left_to_people,
    whoever_may_impersonate_with_extra_passes_for_the_holder,
    the_revoked_are_denied,
    without_a_list_nothing_is_approved,
);

fn a_renewal_is_approved_and_recorded_with_its_parent(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let dry = admin.run(&[&ONCE[..], &["--dry-run=client"]].concat()).ok();
    dry.prints(&["alice-2 approved under the rule developers, user alice (dry run)"]);
    assert_eq!(state(&admin, "alice-2"), "");
    let done = admin.run(&[&ONCE[..], &["-o", "json"]].concat()).ok();
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    let told = done.json();
    assert_eq!((&told["decision"], &told["rule"]), (&json!("Approved"), &json!("developers")));
    assert_eq!(state(&admin, "alice-2"), "Approved UsercertRenewal/developers;");
    issued(&admin, "alice-2");
    assert_eq!(admin.run(&ONCE).ok().says(&["recorded: certificate"]).stdout, "");
    let records = recorded(&admin, "alice");
    let [child, parent] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(child["renews"], parent["sha256"]);
    assert_eq!(child["approvalReason"], "UsercertRenewal/developers");
    assert_eq!(parent["renewed"], true);
    let me = admin.kubectl(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]).ok();
    assert_eq!(child["approvedBy"], me.stdout.as_str());
    // The new one works, and is renewed in its turn.
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    admin.run(&ONCE).ok().prints(&["alice-3 approved"]);
    assert_eq!(admin.run(&ONCE).ok().stdout, "", "nothing is done twice");
}

fn what_is_no_renewal_is_left_to_people(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops", "admins"], "more");
    ask(&alice, "alice", &["dev"], "fewer");
    ask(&alice, "bob", &["dev", "ops"], "bob");
    let outsider = person(&trial, &admin, "carol", &["guests"]);
    ask(&outsider, "carol", &["guests"], "carol");
    // By a token instead of a certificate.
    admin.kubectl(&["create", "serviceaccount", "robot"]).ok();
    let token = admin.kubectl(&["create", "token", "robot"]).ok().stdout;
    let robot =
        ["request", "alice", "-g", "dev", "-g", "ops", "--csr-name", "token", "--expires", "1h"];
    let bearer = trial.with_kubeconfig(&without_credentials(&admin));
    bearer.run(&[&robot[..], &["--token", token.trim()]].concat()).ok();
    // For longer than the rule allows.
    alice.run(&["request", "alice", "-g", "dev", "-g", "ops", "--csr-name", "long"]).ok();
    // Of somebody whose certificate is not recorded, and whose request is forgotten.
    let dave = person(&trial, &admin, "dave", &["dev"]);
    let made = admin.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    let made = made.lines().find(|line| line.contains("/dave-")).expect("a request").to_owned();
    admin.kubectl(&["delete", &made]).ok();
    let name = admin.run(&["certificates", "dave", "-o", "name"]).ok().stdout;
    admin.kubectl(&["delete", "-n", "usercert-system", name.trim()]).ok();
    ask(&dave, "dave", &["dev"], "dave");
    let left = admin.run(&ONCE).ok();
    for (name, why) in [
        ("more", "groups are not exactly those of its requester"),
        ("fewer", "groups are not exactly those of its requester"),
        ("bob", "it names bob, but was submitted by alice"),
        ("carol", "no rule is about its user and groups"),
        ("token", "not submitted with a client certificate"),
        ("long", "it allows a lifetime of at most 12h"),
        ("dave", "its certificate is not recorded"),
    ] {
        let line = left.stdout.lines().find(|l| l.contains(&format!("/{name} left")));
        assert!(line.is_some_and(|l| l.contains(why)), "{name}: {}", left.stdout);
        assert_eq!(state(&admin, name), "", "{name}");
    }
    // After the end, and before the time.
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    admin.write("policy.yaml", &RULES.replace("2099-06-30", "2020-06-30"));
    admin.run(&ONCE).ok().prints(&["rule developers: it ended at 2020-07-01"]);
    admin.write("policy.yaml", &RULES.replace("0%", "90%"));
    admin.run(&ONCE).ok().prints(&["its certificate may be renewed from"]);
    admin.write("policy.yaml", &format!("{RULES}users: {{deny: [alice]}}\n"));
    admin.run(&ONCE).ok().prints(&["the review refuses it: policy-user"]);
    assert_eq!(state(&admin, "alice-2"), "");
    let claims =
        ["get", "lease", "-n", "usercert-system", "-l", "usercert/kind=renewal", "-o", "name"];
    assert_eq!(admin.kubectl(&claims).ok().stdout, "", "nothing was claimed");
}

/// The API server takes whatever credential-id somebody impersonates who may: it is in the request like a
/// true one. What remains of a guard is the right to do so, the record, and that the holder's own renewal
/// is the second one then.
fn whoever_may_impersonate_with_extra_passes_for_the_holder(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    // What a credential-id looks like is no secret: it is in every request of hers.
    ask(&alice, "alice", &["dev", "ops"], "hers");
    let extra = "authentication.kubernetes.io/credential-id";
    let id = |name: &str| {
        let request = admin.kubectl(&["get", "csr", name, "-o", "json"]).ok().json();
        request["spec"]["extra"][extra].clone()
    };
    let hers = id("hers");
    admin.run(&["deny", "hers"]).ok();
    let mallory = person(&trial, &admin, "mallory", &["dev", "ops"]);
    let rule = |group: &str, resource: &str, names: &[&str]| json!({ "apiGroups": [group], "resources": [resource], "resourceNames": names, "verbs": ["impersonate"] });
    let alone = [rule("", "users", &["alice"]), rule("", "groups", &["dev", "ops"])];
    trial.grant("mallory", json!(alone));
    let forge = |name: &str, credential: &str| {
        let groups = ["-g", "dev", "-g", "ops", "--expires", "1h", "--csr-name", name];
        let pose = ["--as", "alice", "--as-group", "dev", "--as-group", "ops"];
        let extra = format!("{extra}={credential}");
        let extra: &[&str] = if credential.is_empty() { &[] } else { &["--as-user-extra", &extra] };
        mallory.run(&[&["request", "alice"], &groups[..], &pose, extra].concat())
    };
    // The right to pose as her is not the right to claim her certificate.
    let id_of_hers = hers[0].as_str().expect("a credential-id");
    forge("refused", id_of_hers).exits(1).says(&["Forbidden", "\"mallory\" cannot impersonate"]);
    forge("bare", "").ok();
    assert!(id("bare").is_null(), "not mallory's either");
    let left = admin.run(&ONCE).ok();
    left.prints(&["/bare left", "not submitted with a client certificate"]);

    let claim = rule("authentication.k8s.io", &format!("userextras/{extra}"), &[]);
    let mut claim = claim;
    claim.as_object_mut().expect("a rule").remove("resourceNames");
    trial.grant("mallory", json!([claim]));
    // A certificate that nobody recorded is no parent.
    forge("unknown", &format!("X509SHA256={}", "ab".repeat(32))).ok();
    admin.run(&ONCE).ok().prints(&["/unknown left", "is not recorded"]);
    forge("forged", id_of_hers).ok();
    assert_eq!(id("forged"), hers);
    admin.run(&ONCE).ok().prints(&["/forged approved"]);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["/alice-2 denied", "with another key, by the request forged"]);
}

fn the_revoked_are_denied(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    // Asked for before the policy of the server refuses to take the request; `revoke` would deny it.
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let print = recorded(&admin, "alice")[0]["sha256"].as_str().expect("one").to_owned();
    let entry = json!({ "data": { print: "2026-11-29 laptop stolen (by jane)" } }).to_string();
    let list = ["configmap", "-n", "usercert-system", "revoked-certificates", "--type=merge", "-p"];
    admin.kubectl(&[&["patch"], &list[..], &[&entry]].concat()).ok();
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["alice-2 denied", "is revoked: 20", "laptop stolen"]);
    assert_eq!(state(&admin, "alice-2"), "Denied UsercertRenewalRevoked;");
}

fn without_a_list_nothing_is_approved(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let list = ["configmap", "revoked-certificates", "-n", "usercert-system"];
    admin.kubectl(&[&["delete"][..], &list].concat()).ok();
    admin.run(&ONCE).exits(1).says(&["no list of revoked certificates"]);
    assert_eq!(state(&admin, "alice-2"), "");
}
