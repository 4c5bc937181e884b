//! The service that approves renewals, on servers of their own: what it trusts is the whole server's.

pub(crate) mod crashes;
pub(crate) mod renewal;
pub(crate) mod reuse;
pub(crate) mod rights;
pub(crate) mod service;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::revocations::own_server;
use crate::trial::{Person, Trial};

pub(crate) const RULES: &str = "\
apiVersion: usercert/v1
kind: Policy
renewals:
- name: developers
  groups: {allow: [dev, ops]}
  until: \"2099-06-30\"
  maxLifetime: 12h
  earliest: 0%
";
const SERVE: [&str; 6] =
    ["approve", "--watch", "--policy", "policy.yaml", "--listen", "127.0.0.1:0"];
pub(crate) const ONCE: [&str; 5] = ["approve", "--watch", "--once", "--policy", "policy.yaml"];

/// A server with everything installed, its admin with a policy, and `alice` with a recorded certificate
/// who may make requests.
pub(crate) fn stage(trial: &Trial, rules: &str) -> Option<(Trial, Person, Person)> {
    let (trial, _) = own_server(trial)?;
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("policy.yaml", rules);
    let requests =
        ["--verb=create,get,watch", "--resource=certificatesigningrequests.certificates.k8s.io"];
    admin.kubectl(&[&["create", "clusterrole", "requester"][..], &requests].concat()).ok();
    let everybody = "--group=system:authenticated";
    admin
        .kubectl(&[
            "create",
            "clusterrolebinding",
            "requester",
            "--clusterrole=requester",
            everybody,
        ])
        .ok();
    let alice = person(&trial, &admin, "alice", &["dev", "ops"]);
    Some((trial, admin, alice))
}

pub(crate) fn person(trial: &Trial, admin: &Person, user: &str, groups: &[&str]) -> Person {
    let file = format!("{user}.conf");
    let mut args = vec!["create", user, "--yes", "--standalone", &file];
    groups.iter().for_each(|g| args.extend(["-g", g]));
    admin.run(&args).ok();
    trial.with_kubeconfig(&admin.read(&file))
}

/// Somebody asks for a certificate with a new key.
pub(crate) fn ask(person: &Person, user: &str, groups: &[&str], name: &str) {
    let mut args = vec!["request", user, "--csr-name", name, "--expires", "1h"];
    groups.iter().for_each(|g| args.extend(["-g", g]));
    person.run(&args).ok();
}

/// Types of the conditions of a request, and their reasons.
pub(crate) fn state(admin: &Person, name: &str) -> String {
    let path = "jsonpath={range .status.conditions[*]}{.type} {.reason};{end}";
    admin.kubectl(&["get", "csr", name, "-o", path]).ok().stdout
}

pub(crate) fn recorded(admin: &Person, user: &str) -> Vec<Value> {
    let out = admin.run(&["certificates", user, "-o", "json"]).ok().json();
    out["items"].as_array().expect("items").clone()
}

pub(crate) fn issued(admin: &Person, name: &str) {
    admin.kubectl(&["wait", "--for=jsonpath={.status.certificate}", &format!("csr/{name}")]).ok();
}

/// The admin's kubeconfig with the cluster and nobody.
fn without_credentials(admin: &Person) -> String {
    let view = admin.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]).ok();
    let mut view = view.json();
    view["users"][0]["user"] = json!({});
    view.to_string()
}

/// Waits for a condition, not for ever.
fn comes(condition: &dyn Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < until, "it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
