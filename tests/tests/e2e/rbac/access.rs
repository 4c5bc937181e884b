//! Looking at who may do what: `access`.

use serde_json::json;

use super::{DEV, can, person, role, rule};
use crate::cases;
use crate::trial::Trial;

cases!(access_in_words, access_as_far_as_one_may_look,);

fn access_in_words(trial: &Trial) {
    let admin = trial.admin();
    let (alice, team) = (trial.user("alice"), trial.user("team"));
    let role = role(trial, &admin, json!([rule(&["get", "list", "watch"], &["secrets", "pods"])]));
    admin.run(&["grant", &alice, "--clusterrole", &role, "-n", DEV, "--yes"]).ok();
    admin
        .run(&["grant", &team, "--group", "--clusterrole", "view", "--cluster-wide", "--yes"])
        .ok();
    let dangling = trial.user("dangling");
    admin
        .kubectl(&[
            "create",
            "rolebinding",
            &dangling,
            "-n",
            DEV,
            "--role",
            "gone",
            "--user",
            &alice,
        ])
        .ok();
    let table = admin.run(&["access", &alice, "-g", &team]).ok();
    let table = table.prints(&[
        "NAMESPACE",
        "ALLOWS",
        "! read secrets; read 2 resources",
        "does not exist",
    ]);
    assert!(table.stdout.contains(&format!("group {team}")), "{}", table.stdout);
    assert!(
        table.stdout.lines().any(|l| l.starts_with("<all> ") && l.contains("ClusterRole/view"))
    );
    table.says(&["reach everybody (system:authenticated)"]);
    let alone = admin.run(&["access", &alice]).ok();
    assert!(!alone.stdout.contains("<all>"), "{}", alone.stdout);
    admin
        .run(&["access", &alice, "-o", "wide"])
        .ok()
        .prints(&["system:basic-user", "usercert-alice"]);
    let json = admin.run(&["access", &alice, "-o", "json"]).ok().json();
    assert_eq!(json["kind"], "AccessList");
    let first = json["items"].as_array().expect("a list").iter().find(|i| i["managed"] == true);
    let first = first.expect("ours");
    assert_eq!(first["powers"], json!(["read secrets"]));
    assert_eq!(first["actions"], json!([{"what": "read", "on": ["pods", "secrets"]}]));
    admin.run(&["access", &trial.user("nobody")]).ok().says(&["No role bindings reach"]);
    admin.run(&["revoke", &team, "--group", "--yes"]).ok();
}

fn access_as_far_as_one_may_look(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    admin.run(&["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"]).ok();
    let nobody = trial.nobody_special(&trial.user("nobody"), &[]);
    nobody.run(&["access", &alice]).exits(1).says(&[
        "Forbidden",
        "resources: [rolebindings]",
        "resources: [clusterrolebindings]",
    ]);
    let half = person(
        trial,
        json!([{"apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["rolebindings"], "verbs": ["list"]}]),
    );
    half.run(&["access", &alice])
        .exits(1)
        .prints(&["ClusterRole/view", "you may not read the role"])
        .says(&["resources: [clusterrolebindings]"]);
    half.run(&["revoke", &alice, "--yes"]).exits(1).says(&["verbs: [delete]"]);
    nobody.run(&["revoke", &alice, "--yes"]).exits(1).says(&["verbs: [list]"]);
    assert!(can(&admin, &alice, "list", "pods", &["-n", DEV]));
    admin.run(&["revoke", &alice, "--yes"]).ok();
}
