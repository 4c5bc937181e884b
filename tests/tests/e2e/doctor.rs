//! `doctor`, for people with more and less to say; its advice is followed and then has to be right.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    an_admin,
    an_approver_by_the_ready_made_role,
    only_the_right_to_create,
    nothing_and_then_what_was_advised,
    signer_not_known_yet,
    by_token,
    no_server_or_no_access,
);

/// The state of each check, by command and what.
fn states(diagnosis: &Value) -> Vec<(String, String)> {
    let checks = diagnosis["checks"].as_array().expect("a list").iter();
    let word = |check: &Value, field: &str| check[field].as_str().expect("a word").to_owned();
    checks.map(|c| (word(c, "command"), word(c, "state"))).collect()
}

fn state<'a>(states: &'a [(String, String)], command: &str) -> &'a str {
    let found = states.iter().find(|(c, _)| c == command);
    found.map(|(_, state)| state.as_str()).expect("a check")
}

fn diagnosis(person: &Person) -> Value {
    person.run(&["doctor", "-o", "json"]).ok().json()
}

/// Diagnoses until a check comes out as it should; authorizers learn of changes a moment later.
fn becomes(person: &Person, command: &str, wanted: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let found = diagnosis(person);
        if state(&states(&found), command) == wanted {
            return found;
        }
        assert!(Instant::now() < until, "{command} never {wanted}: {found}");
    }
}

fn an_admin(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    admin.run(&["request", &alice]).ok();
    admin.run(&["approve", &alice, "--yes"]).ok();
    admin.kubectl(&["wait", "--for=jsonpath={.status.certificate}", &format!("csr/{alice}")]).ok();
    let found = diagnosis(&admin);
    assert!(states(&found).iter().all(|(_, state)| state == "ok"), "{found}");
    assert_eq!(found["kind"], "Diagnosis");
    assert_eq!(found["signing"]["state"], "works", "{found}");
    let version = admin.kubectl(&["version", "-o", "json"]).ok().json();
    assert_eq!(found["version"], version["serverVersion"]["gitVersion"]);
    let who = admin.kubectl(&["auth", "whoami", "-o", "json"]).ok().json();
    assert_eq!(found["user"], who["status"]["userInfo"]["username"]);
    assert_eq!(found["groups"], who["status"]["userInfo"]["groups"]);
    assert_eq!(found["clockSkewSeconds"], 0);
    assert!(found["certificate"]["notAfter"].is_string());
    let text = admin.run(&["doctor"]).ok();
    text.prints(&["agree", "MAY I", "issues: request", "old, expires in"]).never_shows("missing");
}

/// The role that Kubernetes brings holds half of what approving takes.
fn an_approver_by_the_ready_made_role(trial: &Trial) {
    let user = trial.user("approver");
    let approver = trial.nobody_special(&user, &[]);
    let role = "system:certificates.k8s.io:kube-apiserver-client-approver";
    trial.admin().run(&["grant", &user, "--clusterrole", role, "--cluster-wide", "--yes"]).ok();
    let until = Instant::now() + Duration::from_secs(30);
    let signer = "kubernetes.io/kube-apiserver-client";
    loop {
        let out = approver.run(&["doctor"]).ok();
        if !out.stdout.contains(signer)
            || !out.stdout.contains(&format!("resourceNames: [\"{signer}\"], verbs: [approve]"))
        {
            out.prints(&["resources: [certificatesigningrequests/approval], verbs: [update]"]);
            return;
        }
        assert!(Instant::now() < until, "{}", out.stdout);
    }
}

fn only_the_right_to_create(trial: &Trial) {
    let user = trial.user("starter");
    let starter = trial.nobody_special(&user, &[]);
    trial.grant(
        &user,
        json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]),
    );
    let found = becomes(&starter, "request", "ok");
    let others = states(&found).into_iter().filter(|(command, _)| command != "request");
    assert!(others.clone().all(|(_, state)| state == "no"), "{found}");
    assert_eq!(found["signing"]["state"], "unknown");
}

/// Whoever is given the rules that were named may do everything.
fn nothing_and_then_what_was_advised(trial: &Trial) {
    let user = trial.user("nobody");
    let nobody = trial.nobody_special(&user, &[]);
    let found = diagnosis(&nobody);
    assert!(states(&found).iter().all(|(_, state)| state == "no"), "{found}");
    let text = nobody.run(&["doctor"]).ok().prints(&["you may not list requests"]).stdout;
    let rules: Vec<&str> = text.lines().filter(|l| l.starts_with("- {")).collect();
    let name = trial.user("advised");
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n{}\n",
        rules.join("\n")
    );
    let admin = trial.admin();
    admin.write("role.yaml", &role);
    admin.kubectl(&["create", "-f", "role.yaml"]).ok();
    admin.run(&["grant", &user, "--clusterrole", &name, "--cluster-wide", "--yes"]).ok();
    let found = becomes(&nobody, "token", "ok");
    assert!(states(&found).iter().all(|(_, state)| state == "ok"), "{found}");
}

fn signer_not_known_yet(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    admin.run(&["request", "alice"]).ok();
    admin.run(&["doctor"]).ok().prints(&["unknown: no request was approved recently"]);
}

fn by_token(trial: &Trial) {
    let admin = trial.admin();
    let robot = trial.user("robot");
    admin.kubectl(&["create", "serviceaccount", &robot, "-n", "default"]).ok();
    admin.run(&["token", &robot, "-n", "default", "--standalone", "robot.conf"]).ok();
    let found = admin.run(&["doctor", "--kubeconfig", "robot.conf", "-o", "json"]).ok().json();
    assert_eq!(found["user"], format!("system:serviceaccount:default:{robot}"));
    assert!(found["certificate"].is_null());
}

fn no_server_or_no_access(trial: &Trial) {
    let admin = trial.admin();
    admin.run(&["doctor", "--server", "https://127.0.0.1:1"]).exits(1).says(&["was refused"]);
    let text = admin.read(".kube/config");
    let stranger = trial.with_kubeconfig(&text);
    let context = stranger.kubectl(&["config", "current-context"]).ok().stdout.trim().to_owned();
    stranger.kubectl(&["config", "set-credentials", "stranger", "--token", "nonsense"]).ok();
    stranger.kubectl(&["config", "set-context", &context, "--user", "stranger"]).ok();
    stranger.run(&["doctor"]).exits(1).says(&["Unauthorized"]);
    // Without any: whoever is let in as anonymous may still ask nothing.
    stranger.kubectl(&["config", "delete-user", "stranger"]).ok();
    let out = stranger.run(&["doctor"]);
    if out.code == 0 {
        out.prints(&["system:anonymous"]);
    } else {
        out.exits(1).says(&["Unauthorized"]);
    }
}
