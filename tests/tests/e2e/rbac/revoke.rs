//! Taking roles away: `revoke`.

use serde_json::json;

use super::{DEV, becomes, can, role, rule};
use crate::cases;
use crate::trial::Trial;

cases!(
    only_ours_go_unless_all,
    changed_while_it_was_looked_at,
    what_comes_meanwhile_is_told,
    roles_of_a_namespace,
    what_remains,
);

fn only_ours_go_unless_all(trial: &Trial) {
    let admin = trial.admin();
    let (alice, bob) = (trial.user("alice"), trial.user("bob"));
    let role = role(trial, &admin, json!([rule(&["get"], &["pods"])]));
    let (shared, own) = (trial.user("shared"), trial.user("own"));
    let create = |name: &str, users: &[&str]| {
        let mut args = vec!["create", "rolebinding", name, "-n", DEV, "--clusterrole", &role];
        users.iter().for_each(|u| args.extend(["--user", u]));
        admin.kubectl(&args).ok();
    };
    create(&shared, &[&bob, &alice]);
    create(&own, &[&alice]);
    admin.run(&["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"]).ok();
    admin.run(&["revoke", &alice, "--yes"]).ok().prints(&[
        "ClusterRole view in namespace default",
        "What still reaches",
        &shared,
        "not made by kubectl usercert",
    ]);
    becomes(&admin, true, &alice, "get", "pods", &["-n", DEV]);

    let plan = admin.run(&["revoke", &alice, "--all", "--dry-run"]).ok();
    plan.says(&["delete it", "also names 1 more"]);
    admin.run(&["revoke", &alice, "--all", "--yes"]).ok().prints(&["no longer names", "deleted"]);
    becomes(&admin, false, &alice, "get", "pods", &["-n", DEV]);
    assert!(can(&admin, &bob, "get", "pods", &["-n", DEV]), "the other subject keeps it");
    let left = admin.kubectl(&["get", "rolebinding", &shared, "-n", DEV, "-o", "json"]).ok().json();
    assert_eq!(left["subjects"].as_array().map(Vec::len), Some(1));
    admin.kubectl(&["get", "rolebinding", &own, "-n", DEV]).exits(1);
}

/// Between the question and the answer somebody else changes the bindings.
fn changed_while_it_was_looked_at(trial: &Trial) {
    let admin = trial.admin();
    let (alice, bob) = (trial.user("alice"), trial.user("bob"));
    admin.run(&["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"]).ok();
    let made = admin.run(&["access", &alice, "-o", "name"]).ok().stdout;
    let name = made.trim().rsplit('/').next().expect("a name").to_owned();
    let shared = trial.user("shared");
    let users = ["--user", alice.as_str(), "--user", bob.as_str()];
    let create = ["create", "rolebinding", &shared, "-n", DEV, "--clusterrole", "view"];
    admin.kubectl(&[&create[..], &users].concat()).ok();
    let mut terminal = admin.on_terminal(&["revoke", &alice, "--all"]);
    assert!(terminal.asked().contains("also names 1 more"));
    let subject = json!([{"op": "add", "path": "/subjects/-", "value": {"kind": "User",
        "apiGroup": "rbac.authorization.k8s.io", "name": "carol"}}]);
    for binding in [&name, &shared] {
        let patch = ["patch", "rolebinding", binding, "-n", DEV, "--type=json", "-p"];
        admin.kubectl(&[&patch[..], &[&subject.to_string()]].concat()).ok();
    }
    let out = terminal.answer("y").exits(1);
    assert_eq!(out.stderr.matches("has changed since it was read").count(), 2, "{}", out.stderr);
    for binding in [&name, &shared] {
        let left =
            admin.kubectl(&["get", "rolebinding", binding, "-n", DEV, "-o", "json"]).ok().json();
        let names: Vec<&str> = left["subjects"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|s| s["name"].as_str())
            .collect();
        assert!(names.contains(&alice.as_str()) && names.contains(&"carol"), "{names:?}");
    }
    // Looked at again, ours now loses one subject only.
    admin.run(&["revoke", &alice, "--all", "--yes"]).ok();
    let left = admin.kubectl(&["get", "rolebinding", &name, "-n", DEV, "-o", "json"]).ok().json();
    assert_eq!(left["subjects"].as_array().map(Vec::len), Some(1));
    becomes(&admin, false, &alice, "list", "pods", &["-n", DEV]);
}

/// While the question is open somebody grants more.
fn what_comes_meanwhile_is_told(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let grant = |role| admin.run(&["grant", &alice, "--clusterrole", role, "-n", DEV, "--yes"]);
    grant("view").ok();
    let mut terminal = admin.on_terminal(&["revoke", &alice, "--roles-only"]);
    assert!(terminal.asked().contains("ClusterRole view"));
    grant("edit").ok();
    let foreign = trial.user("foreign");
    let user = format!("--user={alice}");
    let create = ["create", "rolebinding", &foreign, "-n", DEV, "--clusterrole=view", &user];
    admin.kubectl(&create).ok();
    let done = terminal.answer("y").exits(1);
    assert_eq!(done.stderr.matches("created or changed meanwhile").count(), 2, "{}", done.stderr);
    for said in ["What still reaches the user", "ClusterRole edit", &foreign] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("No binding"), "{}", done.stdout);
    admin.run(&["revoke", &alice, "--all", "--roles-only", "--yes"]).ok();
}

fn roles_of_a_namespace(trial: &Trial) {
    let admin = trial.admin();
    let (alice, role) = (trial.user("alice"), trial.user("deployer"));
    let create = ["create", "role", &role, "-n", DEV, "--verb=get,list", "--resource=configmaps"];
    admin.kubectl(&create).ok();
    let grant = ["grant", &alice, "--role", &role, "--clusterrole", "view", "-n", DEV, "--yes"];
    let out = admin.run(&[&grant[..], &["-o", "json"]].concat()).ok().json();
    assert_eq!((&out["kind"], out["items"].as_array().map(Vec::len)), (&"List".into(), Some(2)));
    becomes(&admin, true, &alice, "list", "configmaps", &["-n", DEV]);
    admin.run(&["access", &alice]).ok().prints(&[&format!("Role/{role}"), "get, list configmaps"]);
    // A ClusterRole is no Role.
    admin
        .run(&["revoke", &alice, "--role", "view", "--yes"])
        .exits(1)
        .says(&["has no Role view, but a ClusterRole view", "--clusterrole view"]);
    // Nothing is taken of what was never given, and that is no success.
    let foreign = trial.user("foreign");
    let user = format!("--user={alice}");
    let bind = ["create", "rolebinding", &foreign, "-n", DEV, "--clusterrole=edit", &user];
    admin.kubectl(&bind).ok();
    let named = ["--clusterrole", "edit", "--clusterrole", "nosuch", "-n", DEV, "--yes"];
    admin.run(&[&["revoke", &alice][..], &named].concat()).exits(1).says(&[
        &format!("the user {alice} was not seen to have ClusterRole edit in namespace {DEV}: kubectl usercert did not"),
        &format!("the user {alice} was not seen to have ClusterRole nosuch in namespace {DEV}: check the name"),
    ]);
    admin.kubectl(&["delete", "rolebinding", &foreign, "-n", DEV]).ok();
    // Only what was named goes.
    admin
        .run(&["revoke", &alice, "--role", &role, "--yes"])
        .ok()
        .prints(&[&format!("deleted: Role {role} in namespace default"), "by user alice"]);
    admin.run(&["access", &alice, "-o", "name"]).ok().prints(&["usercert-alice"]);
}

fn what_remains(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let team = trial.user("team");
    admin.run(&["request", &alice, "-g", &team]).ok();
    admin.run(&["approve", &alice, "--yes"]).ok();
    admin.run(&["install", &alice]).ok();
    admin.run(&["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"]).ok();
    admin.run(&["grant", &team, "--group", "--clusterrole", "view", "-n", DEV, "--yes"]).ok();
    let out = admin.run(&["revoke", &alice, "--yes", "-o", "json"]).exits(1).json();
    let until = admin.run(&["contexts", "-o", "json"]).ok().json();
    let until =
        until["items"].as_array().expect("a list").iter().find(|c| c["user"] == alice.as_str());
    assert_eq!(out["authenticatesUntil"], until.expect("the context")["notAfter"]);
    let by: Vec<&str> = out["remaining"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|r| r["by"].as_str())
        .collect();
    assert!(by.contains(&format!("group {team}").as_str()), "{by:?}");
    assert!(by.contains(&"group system:authenticated"), "{by:?}");
    assert!(!by.iter().any(|b| b.starts_with("user ")), "{by:?}");
    admin.run(&["revoke", &alice]).exits(1).prints(&[
        "gives access until",
        "is not blocked: this cluster has no list of revoked certificates",
        &team,
    ]);
    // From elsewhere, the request that is still there tells.
    let other = trial.admin();
    other
        .run(&["revoke", &alice])
        .exits(1)
        .prints(&["gives access until", &format!("request {alice}")]);
    // What one finds the other finds: the group's binding, and every certificate.
    other.run(&["access", &alice]).ok().prints(&[&format!("group {team}")]).says(&[
        "Groups of",
        &format!("request {alice}"),
        &team,
    ]);
    let second = format!("{alice}-second");
    admin.run(&["request", &alice, "-g", &team, "--csr-name", &second]).ok();
    admin.run(&["approve", &second, "--yes"]).ok();
    for (command, exit) in [("access", 0), ("revoke", 1)] {
        let run = other.run(&[command, &alice]).exits(exit);
        let said = format!("{}{}", run.stdout, run.stderr);
        for place in [&alice, &second] {
            assert!(said.contains(&format!("request {place}")), "{command}: {said}");
        }
    }
    other.run(&["revoke", "nobody-ever"]).exits(1).prints(&["It is unknown how long"]);
    admin.run(&["revoke", &team, "--group", "--yes"]).ok();
}
