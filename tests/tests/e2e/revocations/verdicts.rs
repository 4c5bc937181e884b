//! `revocations list`, `doctor` and `revoke` report what refuses here; they claim nothing that was not seen.

use serde_json::{Value, json};

use super::{MAP, becomes, own_server, patch, powerful};
use crate::backend::Backend;
use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    the_newest_entries_are_tried_and_a_file_that_is_behind_is_told,
    an_old_copy_of_the_list_is_told,
    a_changed_object_outranks_the_trial,
    a_list_that_is_gone_or_emptied_is_told,
    blocking_that_was_refused_is_no_success,
    the_holder_finds_out,
);

const LIST: [&str; 2] = ["revocations", "list"];

fn create(person: &Person) -> Outcome {
    person.kubectl(&["create", "serviceaccount", "made", "--dry-run=server"])
}

/// People who may do everything, with their certificates in the admin's home as `NAME.conf`.
fn people(trial: &Trial, admin: &Person, names: &[&str]) -> Vec<Person> {
    let made = names.iter().map(|name| {
        let person = powerful(trial, name);
        admin.write(&format!("{name}.conf"), &person.read(".kube/config"));
        person
    });
    made.collect()
}

fn revoke(admin: &Person, name: &str) -> Outcome {
    admin.run(&["revoke", "--certificate", &format!("{name}.conf"), "--yes"])
}

fn the_newest_entries_are_tried_and_a_file_that_is_behind_is_told(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let admin = trial.admin();
    let file = file.to_str().expect("UTF-8");
    let sync = ["revocations", "sync", "--once", "--authorization-config", file];
    admin.run(&["revocations", "install", "--yes"]).ok().says(&["refuses writes"]);
    // Before anything is revoked it can be tried all the same.
    admin
        .run(&LIST)
        .ok()
        .prints(&["Nothing is revoked.", "refuses writes, exec and proxy (tested)"]);
    people(&trial, &admin, &["alice", "bob"]);
    revoke(&admin, "alice").ok();
    admin.run(&sync).ok().says(&["The API server uses it."]);
    admin.run(&LIST).ok().prints(&["refuses everything"]);
    // One more, and nothing that writes the file.
    revoke(&admin, "bob").ok().prints(&[
        "blocked: refused for writes, exec and proxy; still possible",
        "1 of 2 tested entries are not refused",
        "revocations sync",
    ]);
    let behind = "WARNING: 1 of 3 tested entries are not refused";
    admin.run(&LIST).exits(1).prints(&[behind, "revocations sync"]);
    admin.run(&["doctor"]).ok().prints(&[behind]);
    admin.run(&sync).ok();
    admin.run(&LIST).ok().prints(&["refuses everything"]);
}

/// An API server stops watching the list when the last policy or binding with a list is deleted.
fn an_old_copy_of_the_list_is_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let [alice, bob] = people(&trial, &admin, &["alice", "bob"]).try_into().ok().expect("two");
    revoke(&admin, "alice").ok();
    let policy = ["delete", "validatingadmissionpolicy", "usercert-revoked-certificates"];
    alice.kubectl(&policy).ok();
    becomes(|| create(&alice), false).ok();
    for command in [&LIST[..], &["doctor"]] {
        let out = admin.run(command);
        out.prints(&["WARNING: not enforced", "is missing", "install` restores it"]);
    }
    admin
        .run(&["revocations", "install", "--yes"])
        .exits(1)
        .says(&["1 of 2 tested entries are not refused", "restart the API server"]);
    // What was on the list then is refused, what comes later is not.
    becomes(|| create(&alice), true).exits(1);
    revoke(&admin, "bob").exits(1).prints(&[
        "not blocked: it is on the list",
        "old copy",
        "restart the API server",
    ]);
    create(&bob).ok();
    admin.run(&LIST).exits(1).prints(&["1 of 3 tested entries", "restart the API server"]);
    admin.run(&["doctor"]).ok().prints(&["restart the API server"]);
    if let Backend::ControlPlane(plane) = &*trial.backend {
        plane.restart_api_server();
        admin.run(&LIST).ok().prints(&["refuses writes, exec and proxy (tested)"]);
        create(&bob).exits(1).says(&["this client certificate was revoked"]);
        admin.run(&["revocations", "install"]).ok();
    }
}

fn a_changed_object_outranks_the_trial(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let [alice] = people(&trial, &admin, &["alice"]).try_into().ok().expect("one");
    revoke(&admin, "alice").ok();
    // It still refuses what is tried, and no longer all that it should.
    let exclude = r#"{"spec":{"matchConstraints":{"excludeResourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["secrets"],"operations":["*"]}]}}}"#;
    let patch = ["patch", "validatingadmissionpolicy", "usercert-revoked-certificates"];
    alice.kubectl(&[&patch[..], &["--type=merge", "-p", exclude]].concat()).ok();
    create(&alice).exits(1);
    let said = [
        "WARNING: validatingadmissionpolicy.admissionregistration.k8s.io/usercert-revoked-certificates was changed",
        "spec.matchConstraints.excludeResourceRules",
        "revocations install` restores it",
    ];
    admin.run(&LIST).exits(1).prints(&said);
    admin.run(&["doctor"]).ok().prints(&said);
    claims_nothing(&admin, "spec.matchConstraints.excludeResourceRules");
    admin.run(&["revocations", "install", "--yes"]).ok().prints(&["configured"]);
    // It refuses where it is tried, and nowhere else.
    let narrow = json!({ "spec": { "matchResources": { "namespaceSelector": {
        "matchLabels": { "kubernetes.io/metadata.name": "usercert-system" } } } } });
    let binding = ["validatingadmissionpolicybinding", "usercert-revoked-certificates"];
    super::patch(&admin, &binding, &narrow);
    claims_nothing(&admin, "spec.matchResources");
    admin.run(&["revocations", "install", "--yes"]).ok().prints(&["configured"]);
    revoke(&admin, "alice").ok().prints(&["already blocked: refused for writes"]);
    admin.run(&LIST).ok().prints(&["refuses writes"]).never_shows("WARNING");
}

/// What was refused in a test shows nothing while policy or binding say something else than they should.
fn claims_nothing(admin: &Person, place: &str) {
    let said =
        ["cannot tell whether it is blocked: the test was refused, but", "was changed: ", place];
    revoke(admin, "alice").exits(1).prints(&said).never_shows("blocked: refused");
    let revoke = ["revoke", "--certificate", "alice.conf", "--yes", "-o", "json"];
    let value = admin.run(&revoke).exits(1).json();
    assert_eq!(value["certificates"][0]["state"], "unknown");
}

fn a_list_that_is_gone_or_emptied_is_told(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let admin = trial.admin();
    let path = file.to_str().expect("UTF-8");
    let sync = ["revocations", "sync", "--once", "--authorization-config", path];
    admin.run(&LIST).ok().prints(&["not installed", "has no list of revoked certificates yet"]);
    admin.run(&["revocations", "install", "--yes"]).ok();
    people(&trial, &admin, &["alice"]);
    revoke(&admin, "alice").ok();
    admin.run(&sync).ok();
    let before = std::fs::read_to_string(&file).expect("a file");
    frozen_lists_are_told(&admin);
    patch(&admin, &MAP, &json!({ "data": null }));
    let emptied = "WARNING: the list was emptied";
    admin.run(&LIST).exits(1).prints(&[emptied, "install"]).never_shows("Nothing is revoked");
    admin.run(&["doctor"]).ok().prints(&[emptied]);
    admin.run(&sync).exits(1).says(&["was emptied", "stays as it is"]);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), before);
    admin
        .run(&["revocations", "install", "--yes"])
        .ok()
        .prints(&["revoked-certificates configured"]);
    admin.run(&LIST).ok().prints(&["Nothing is revoked."]);
    admin.kubectl(&[&["delete"], &MAP[..]].concat()).ok();
    let missing = "WARNING: the list is missing (configmap revoked-certificates";
    admin.run(&LIST).exits(1).prints(&[missing]).never_shows("Nothing is revoked");
    admin.run(&["doctor"]).ok().prints(&[missing]);
}

/// Immutable, the list refuses as before, but nothing can be added.
fn frozen_lists_are_told(admin: &Person) {
    let json = admin.kubectl(&[&["get"], &MAP[..], &["-o", "json"]].concat()).ok().stdout;
    patch(admin, &MAP, &json!({ "immutable": true }));
    admin.run(&LIST).exits(1).prints(&["WARNING: somebody has made the list immutable"]);
    let unknown = "ef".repeat(32);
    admin
        .run(&["revoke", "--certificate", &unknown, "--yes"])
        .exits(1)
        .says(&["somebody has made the list immutable", "create it again"]);
    let mut kept: Value = serde_json::from_str(&json).expect("JSON");
    kept["metadata"] = json!({"name": MAP[3], "namespace": MAP[2]});
    admin.write("kept.json", &kept.to_string());
    admin.kubectl(&[&["delete"], &MAP[..]].concat()).ok();
    admin.kubectl(&["create", "--validate=false", "-f", "kept.json"]).ok();
    becomes(|| admin.run(&LIST), false).ok().prints(&["alice"]);
}

fn blocking_that_was_refused_is_no_success(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    people(&trial, &admin, &["alice"]);
    admin.run(&["request", "alice"]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok();
    admin.run(&["grant", "alice", "--clusterrole", "view", "-n", "default", "--yes"]).ok();
    // Somebody who may take roles, and see requests and the list.
    let helper = trial.nobody_special("helper", &[]);
    trial.grant(
        "helper",
        json!([
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        ]),
    );
    helper
        .run(&["revoke", "alice", "--yes"])
        .exits(1)
        .says(&["Forbidden", "ClusterRole usercert-revoker"])
        .prints(&[
            "deleted: ClusterRole view",
            "(request alice) is not blocked: Error from server",
        ]);
    // Roles alone are what was asked for here, and what is known of certificates is said.
    helper
        .run(&["revoke", "alice", "--roles-only", "--yes"])
        .ok()
        .prints(&["(request alice) is not blocked: only roles were asked for"]);
}

/// Who may not read the list learns it as the next request would show it.
fn the_holder_finds_out(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let (held, plain) =
        (trial.nobody_special("held", &["dev"]), trial.nobody_special("plain", &["dev"]));
    let rule = json!([{ "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create", "get"] }]);
    trial.grant("held", rule);
    admin.write("held.conf", &held.read(".kube/config"));
    let note = "the server does not refuse this certificate";
    held.run(&["verify"]).ok().says(&[note]);
    held.run(&["doctor"]).ok().prints(&["ask for a certificate"]).never_shows("revoked   ");
    admin.run(&["revoke", "--certificate", "held.conf", "--reason", "laptop stolen", "--yes"]).ok();
    let told = ["this certificate was revoked", "laptop stolen"];
    held.run(&["verify"]).exits(1).says(&told);
    held.run(&["contexts", "--check-revoked"]).ok().prints(&["revoked"]);
    let out = held.run(&["doctor"]).ok().prints(&told);
    let line = out.stdout.lines().find(|l| l.contains("ask for a certificate")).expect("a line");
    assert!(line.starts_with("revoked"), "{line}");
    assert!(held.kubectl(&["get", "csr"]).stdout.is_empty());
    // Without the right to try it, nobody says more than is known.
    plain.run(&["verify"]).ok().says(&["cannot tell whether this certificate was revoked"]);
}
