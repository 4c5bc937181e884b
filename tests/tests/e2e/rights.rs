//! People who may do some of it: what they are told about the rest.

use serde_json::json;

use crate::cases;
use crate::trial::Trial;

cases!(
    approver_role_alone,
    only_create,
    nothing_at_all,
    approval_without_the_signer,
    the_right_that_is_missing_is_named,
);

fn csr_rule(resource: &str, verbs: &[&str]) -> serde_json::Value {
    json!({"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs})
}

fn pending(trial: &Trial) -> String {
    let user = trial.user("asks");
    trial.admin().run(&["request", &user]).ok();
    user
}

fn undecided(trial: &Trial, name: &str) {
    let state = ["get", "csr", name, "-o", "jsonpath={.status.conditions}"];
    assert_eq!(trial.admin().kubectl(&state).ok().stdout, "");
}

fn the_right_that_is_missing_is_named(trial: &Trial) {
    let person = trial.nobody_special(&trial.user("nobody"), &[]);
    let out = person.run(&["certificates"]).exits(1);
    out.says(&["Forbidden", "the Role usercert-records-viewer in namespace usercert-system"]);
    let out = person.run(&["revocations", "install", "--yes"]).exits(1);
    // Whichever object the server names.
    let out = out.says(&["Forbidden", "cluster-admin"]);
    let hint = out.stderr.split("hint:").nth(1).expect("a hint");
    assert!(!hint.contains("usercert-revocations-viewer"), "{hint}");
    let out = person.run(&["list", "--as", "somebody"]).exits(1);
    out.says(&["verbs: [impersonate]"]).never_shows("certificatesigningrequests]");
    let context = person.kubectl(&["config", "current-context"]).ok().stdout;
    let set = ["config", "set-context", context.trim(), "--user=nosuch"];
    person.kubectl(&set).ok();
    let out = person.run(&["list"]).exits(1);
    out.says(&["holds none, or is missing", "usercert contexts"]).never_shows("an admin grants");
}

/// The built-in role for approvers does not let them write approvals.
fn approver_role_alone(trial: &Trial) {
    let (asks, approver) = (pending(trial), trial.user("approver"));
    let person = trial.nobody_special(&approver, &[]);
    let role = "system:certificates.k8s.io:kube-apiserver-client-approver";
    let (role, user) = (format!("--clusterrole={role}"), format!("--user={approver}"));
    trial.admin().kubectl(&["create", "clusterrolebinding", &approver, &role, &user]).ok();
    person
        .run(&["approve", &asks, "--yes"])
        .exits(1)
        .says(&["Forbidden", "resources: [certificatesigningrequests]\n        verbs: [get"]);
    trial.grant(&approver, json!([csr_rule("certificatesigningrequests", &["get"])]));
    person.run(&["approve", &asks, "--yes"]).exits(1).says(&[
        "cannot update resource \"certificatesigningrequests/approval\"",
        "the missing rule is\n      - apiGroups: [certificates.k8s.io]\n        resources: [certificatesigningrequests/approval]\n        verbs: [update]",
    ]);
    undecided(trial, &asks);
    trial.grant(&approver, json!([csr_rule("certificatesigningrequests/approval", &["update"])]));
    person.run(&["approve", &asks, "--yes"]).ok();
}

fn approval_without_the_signer(trial: &Trial) {
    let (asks, approver) = (pending(trial), trial.user("approver"));
    let person = trial.nobody_special(&approver, &[]);
    trial.grant(
        &approver,
        json!([
            csr_rule("certificatesigningrequests", &["get", "list"]),
            csr_rule("certificatesigningrequests/approval", &["update"])
        ]),
    );
    person.run(&["approve", &asks, "--yes"]).exits(1).says(&[
        "user not permitted to approve requests with signerName",
        "the missing rule is\n      - apiGroups: [certificates.k8s.io]\n        resources: [signers]\n        resourceNames: [\"kubernetes.io/kube-apiserver-client\"]\n        verbs: [approve]",
    ]);
    undecided(trial, &asks);
    // Whoever may not list bindings is told so, and approves all the same.
    person.run(&["review", &asks]).ok().prints(&["you may not list role bindings"]);
}

fn only_create(trial: &Trial) {
    let (asks, starter) = (pending(trial), trial.user("starter"));
    let person = trial.nobody_special(&starter, &[]);
    trial.grant(&starter, json!([csr_rule("certificatesigningrequests", &["create"])]));
    let own = trial.user("own");
    person.run(&["request", &own]).ok().says(&["kubectl usercert approve --"]);
    for args in [&["approve", &asks, "--yes"][..], &["review", &asks], &["deny", &asks]] {
        person.run(args).exits(1).says(&["Forbidden", "verbs: [get"]);
    }
    for args in [&["approve", "--all-pending", "--yes"][..], &["list"]] {
        person.run(args).exits(1).says(&["Forbidden", "verbs: [get, list, watch]"]);
    }
    undecided(trial, &asks);
    undecided(trial, &own);
}

fn nothing_at_all(trial: &Trial) {
    let (asks, user) = (pending(trial), trial.user("nobody"));
    let person = trial.nobody_special(&user, &[]);
    person
        .run(&["request", &user, "-g", "dev"])
        .exits(1)
        .says(&["Forbidden", "verbs: [create, get, list, watch]"])
        .says(&[&format!("kubectl usercert request -g dev --offline -- {user}")]);
    person.run(&["approve", &asks, "--yes"]).exits(1).says(&["Forbidden", "verbs: [get"]);
    let create = ["create", &user, "--standalone", "c", "--yes"];
    person.run(&create).exits(1).says(&["Forbidden", "verbs: [create]"]);
    assert!(!person.has("c"));
    undecided(trial, &asks);
}
