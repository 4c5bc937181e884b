//! Roles, with kubectl's `auth can-i` as the judge.

pub(crate) mod access;
pub(crate) mod grant;
pub(crate) mod revoke;
pub(crate) mod together;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::trial::{Person, Trial};

const DEV: &str = "default";

/// Whether the user may do this, as the server sees it.
fn can(admin: &Person, user: &str, verb: &str, resource: &str, more: &[&str]) -> bool {
    let args = [&["auth", "can-i", verb, resource, "--as", user], more].concat();
    admin.kubectl(&args).stdout.trim() == "yes"
}

/// Waits until the server sees it so; its authorizer learns of changes a moment later.
pub(crate) fn becomes(
    admin: &Person,
    allowed: bool,
    user: &str,
    verb: &str,
    resource: &str,
    more: &[&str],
) {
    let until = Instant::now() + Duration::from_secs(30);
    while can(admin, user, verb, resource, more) != allowed {
        assert!(Instant::now() < until, "{user} {verb} {resource} {more:?}: not {allowed}");
    }
}

/// A ClusterRole of this case's own.
fn role(trial: &Trial, admin: &Person, rules: Value) -> String {
    let name = trial.user("role");
    make(admin, &name, &rules);
    name
}

fn make(admin: &Person, name: &str, rules: &Value) {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules});
    admin.write("made.json", &role.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "made.json"]).ok();
}

/// A ClusterRole that allows to read pods.
pub(crate) fn harmless(trial: &Trial) -> String {
    role(trial, &trial.admin(), json!([rule(&["get"], &["pods"])]))
}

/// Another ClusterRole of the same name.
pub(crate) fn swap(admin: &Person, role: &str) {
    admin.kubectl(&["delete", "clusterrole", role]).ok();
    make(admin, role, &json!([rule(&["*"], &["*"])]));
}

/// Whether a binding, cluster-wide, gives this role.
pub(crate) fn is_bound(admin: &Person, role: &str) -> bool {
    let bindings = admin.kubectl(&["get", "clusterrolebindings", "-o", "json"]).ok().json();
    let items = bindings["items"].as_array().expect("a list");
    items.iter().any(|binding| binding["roleRef"]["name"] == role)
}

fn rule(verbs: &[&str], resources: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": resources, "verbs": verbs})
}

/// Somebody with these rules everywhere.
fn person(trial: &Trial, rules: Value) -> Person {
    let user = trial.user("person");
    let person = trial.nobody_special(&user, &[]);
    let last = rules.as_array().and_then(|r| r.last()).expect("a rule").clone();
    trial.grant(&user, rules);
    let word = |field: &str| last[field][0].as_str().unwrap_or_default().to_owned();
    let (group, name) = (word("apiGroups"), word("resourceNames"));
    let resource =
        if group.is_empty() { word("resources") } else { format!("{}.{group}", word("resources")) };
    let resource = if name.is_empty() { resource } else { format!("{resource}/{name}") };
    becomes(&trial.admin(), true, &user, &word("verbs"), &resource, &[]);
    person
}
