//! Roles: `grant`, `revoke` and `access`, with kubectl's `auth can-i` as the judge.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    granted_twice_and_revoked,
    groups_and_the_whole_cluster,
    same_object_as_kubectl_makes,
    dry_runs_change_nothing,
    words_before_the_question,
    roles_that_are_not_there,
    names_that_are_taken,
    nobody_passes_on_what_he_does_not_hold,
    only_ours_go_unless_all,
    changed_while_it_was_looked_at,
    roles_of_a_namespace,
    what_remains,
    access_in_words,
    access_as_far_as_one_may_look,
    with_a_certificate,
    with_an_approval,
    wrong_usage,
);

const DEV: &str = "default";

/// Whether the user may do this, as the server sees it.
fn can(admin: &Person, user: &str, verb: &str, resource: &str, more: &[&str]) -> bool {
    let args = [&["auth", "can-i", verb, resource, "--as", user], more].concat();
    admin.kubectl(&args).stdout.trim() == "yes"
}

/// Waits until the server sees it so; its authorizer learns of changes a moment later.
fn becomes(admin: &Person, allowed: bool, user: &str, verb: &str, resource: &str, more: &[&str]) {
    let until = Instant::now() + Duration::from_secs(30);
    while can(admin, user, verb, resource, more) != allowed {
        assert!(Instant::now() < until, "{user} {verb} {resource} {more:?}: not {allowed}");
    }
}

/// A ClusterRole of this case's own.
fn role(trial: &Trial, admin: &Person, rules: Value) -> String {
    let name = trial.user("role");
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules});
    admin.write("made.json", &role.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "made.json"]).ok();
    name
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

fn granted_twice_and_revoked(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    assert!(!can(&admin, &alice, "list", "pods", &["-n", DEV]));
    let grant = ["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"];
    let made =
        admin.run(&grant).ok().says(&["ClusterRole view in namespace default", &alice, "read:"]);
    let name = made.stdout.strip_suffix(" created\n").expect("one line").to_owned();
    assert!(name.starts_with("rolebinding.rbac.authorization.k8s.io/usercert-alice-"), "{name}");
    becomes(&admin, true, &alice, "list", "pods", &["-n", DEV]);
    assert!(!can(&admin, &alice, "list", "pods", &["-n", "kube-system"]));
    assert!(!can(&admin, &alice, "list", "secrets", &["-n", DEV]));

    let again = admin.run(&["grant", &alice, "--clusterrole", "view", "-n", DEV]).ok();
    assert_eq!(
        again.stdout,
        format!("{name} unchanged\n"),
        "no question when nothing is to be done"
    );

    let revoked = admin.run(&["revoke", &alice, "--yes"]).ok();
    revoked.prints(&[
        &format!("{name} deleted: ClusterRole view in namespace default"),
        "cannot be revoked",
    ]);
    becomes(&admin, false, &alice, "list", "pods", &["-n", DEV]);
    admin.run(&["revoke", &alice]).ok().prints(&["Nothing to take"]);
}

fn groups_and_the_whole_cluster(trial: &Trial) {
    let admin = trial.admin();
    let group = trial.user("team");
    let role = role(trial, &admin, json!([rule(&["get"], &["nodes"])]));
    let as_member = ["--as-group", group.as_str()];
    admin
        .run(&["grant", &group, "--group", "--clusterrole", &role, "--cluster-wide", "--yes"])
        .ok();
    becomes(&admin, true, "somebody", "get", "nodes", &as_member);
    assert!(!can(&admin, &group, "get", "nodes", &[]), "the group's name is no user");
    // A user of the group's name has nothing to lose.
    admin.run(&["revoke", &group, "--yes"]).ok().prints(&["Nothing to take"]);
    assert!(can(&admin, "somebody", "get", "nodes", &as_member));
    admin.run(&["revoke", &group, "--group", "-n", DEV, "--yes"]).ok().prints(&["Nothing to take"]);
    admin.run(&["revoke", &group, "--group", "--cluster-wide", "--yes"]).ok().prints(&["deleted"]);
    becomes(&admin, false, "somebody", "get", "nodes", &as_member);
}

/// Subject and role as `kubectl create rolebinding` writes them, for every kind of subject.
fn same_object_as_kubectl_makes(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let account = format!("system:serviceaccount:{DEV}:{alice}");
    let of_account = format!("{DEV}:{alice}");
    for (name, flag, kubectl) in [
        (alice.as_str(), None, ["--user", alice.as_str()]),
        (alice.as_str(), Some("--group"), ["--group", alice.as_str()]),
        (account.as_str(), None, ["--serviceaccount", of_account.as_str()]),
    ] {
        let mut args =
            vec!["grant", name, "--clusterrole", "view", "-n", DEV, "--yes", "-o", "json"];
        args.extend(flag);
        let ours = admin.run(&args).ok().json();
        let mut args = vec!["create", "rolebinding", "x", "--clusterrole", "view", "-n", DEV];
        args.extend(["--dry-run=client", "-o", "json"]);
        args.extend(kubectl);
        let theirs = admin.kubectl(&args).ok().json();
        for field in ["apiVersion", "kind", "roleRef", "subjects"] {
            assert_eq!(ours[field], theirs[field], "{field}");
        }
        let label = &ours["metadata"]["labels"]["app.kubernetes.io/managed-by"];
        assert_eq!(label, "kubectl-usercert");
        assert!(ours["metadata"]["uid"].is_string() && ours["metadata"]["managedFields"].is_null());
    }
    let fields = ["get", "rolebindings", "-n", DEV, "--show-managed-fields", "-o", "json"];
    let all = admin.kubectl(&fields).ok().json();
    let ours = all["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|b| b["subjects"][0]["name"] == alice.as_str());
    if let Some(fields) = ours.expect("it is there")["metadata"]["managedFields"].as_array() {
        assert_eq!(fields[0]["manager"], "kubectl-usercert");
    }
    admin
        .run(&["access", &account])
        .ok()
        .says(&["is a service account"])
        .prints(&["ClusterRole/view"]);
    admin
        .run(&["revoke", &account, "--yes"])
        .ok()
        .prints(&["deleted", "tokens end with the service account"]);
}

fn dry_runs_change_nothing(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let grant = ["grant", &alice, "--clusterrole", "view", "-n", DEV];
    for (flag, mark) in [("--dry-run", "(dry run)"), ("--dry-run=server", "(server dry run)")] {
        let out = admin.run(&[&grant[..], &[flag]].concat()).ok();
        out.prints(&["created", mark]);
        let object = admin.run(&[&grant[..], &[flag, "-o", "yaml"]].concat()).ok().stdout;
        admin.write("binding.yaml", &object);
        assert!(!can(&admin, &alice, "list", "pods", &["-n", DEV]), "{flag}");
    }
    // What was shown can be applied as it is.
    let object = admin.run(&[&grant[..], &["--dry-run", "-o", "yaml"]].concat()).ok().stdout;
    admin.write("binding.yaml", &object);
    admin.kubectl(&["create", "-f", "binding.yaml"]).ok();
    admin.run(&grant).ok().prints(&["unchanged"]);
    becomes(&admin, true, &alice, "list", "pods", &["-n", DEV]);
    for flag in ["--dry-run", "--dry-run=server"] {
        admin.run(&["revoke", &alice, flag]).ok().prints(&["deleted", "dry run"]);
        assert!(can(&admin, &alice, "list", "pods", &["-n", DEV]), "{flag}");
    }
    admin.run(&["revoke", &alice, "--yes"]).ok();
}

fn words_before_the_question(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let mut terminal =
        admin.on_terminal(&["grant", &alice, "--clusterrole", "cluster-admin", "--cluster-wide"]);
    assert!(terminal.asked().contains("! everything: all verbs on all resources"));
    terminal.answer("n").exits(3);
    assert!(!can(&admin, &alice, "list", "secrets", &["-A"]));
    // Without a terminal there is nobody to ask.
    admin.run(&["grant", &alice, "--clusterrole", "edit", "-n", DEV]).exits(2).says(&[
        "! read secrets",
        "! run commands in pods",
        "! make tokens of service accounts",
        "--yes",
    ]);
    assert!(!can(&admin, &alice, "list", "pods", &["-n", DEV]));
    let everybody =
        ["grant", "system:authenticated", "--group", "--clusterrole", "view", "-n", DEV];
    admin.run(&everybody).exits(2).says(&["WARNING", "everybody whom the server knows"]);
    let scheduler = ["grant", "system:kube-scheduler", "--clusterrole", "view", "-n", DEV];
    admin.run(&scheduler).exits(2).says(&["WARNING", "a name of Kubernetes itself"]);
}

fn roles_that_are_not_there(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    admin.run(&["grant", &alice, "--clusterrole", "no-such", "-n", DEV, "--yes"]).exits(1).says(&[
        "there is no ClusterRole no-such",
        "nothing was granted",
        "kubectl get clusterroles",
    ]);
    admin
        .run(&["grant", &alice, "--role", "view", "-n", DEV, "--yes"])
        .exits(1)
        .says(&["there is no Role view in namespace default", "kubectl get roles -n default"]);
    // One of several: none is given.
    admin
        .run(&[
            "grant",
            &alice,
            "--clusterrole",
            "view",
            "--clusterrole",
            "no-such",
            "-n",
            DEV,
            "--yes",
        ])
        .exits(1);
    assert!(!can(&admin, &alice, "list", "pods", &["-n", DEV]));
    admin
        .run(&["grant", &alice, "--clusterrole", "view", "-n", "no-such", "--yes"])
        .exits(1)
        .says(&["namespaces \"no-such\" not found"]);
}

fn names_that_are_taken(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let grant = ["grant", &alice, "--clusterrole", "view", "-n", DEV, "--yes"];
    let made = admin.run(&[&grant[..], &["-o", "json", "--dry-run"]].concat()).ok().json();
    let name = made["metadata"]["name"].as_str().expect("a name").to_owned();
    admin
        .kubectl(&[
            "create",
            "rolebinding",
            &name,
            "-n",
            DEV,
            "--clusterrole",
            "admin",
            "--user",
            "eve",
        ])
        .ok();
    admin.run(&grant).exits(1).says(&[
        "is there already",
        "ClusterRole admin",
        "nothing was changed",
    ]);
    admin.kubectl(&["delete", "rolebinding", &name, "-n", DEV]).ok();
    let theirs =
        ["create", "rolebinding", &name, "-n", DEV, "--clusterrole", "view", "--user", &alice];
    admin.kubectl(&theirs).ok();
    admin.run(&grant).exits(1).says(&["is there already", "label"]);
    admin.run(&["revoke", &alice, "--yes"]).ok().prints(&["Nothing to take", "not made by"]);
    admin.kubectl(&["delete", "rolebinding", &name, "-n", DEV]).ok();
}

/// A namespace's admin in the making: may create bindings, holds little.
fn nobody_passes_on_what_he_does_not_hold(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let bindings = |verbs: &[&str]| {
        json!({"apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["rolebindings", "roles", "clusterroles"], "verbs": verbs})
    };
    let binder =
        person(trial, json!([bindings(&["get", "create", "list"]), rule(&["get"], &["pods"])]));
    let strong = role(
        trial,
        &admin,
        json!([rule(&["get", "list"], &["secrets"]), rule(&["get"], &["pods"])]),
    );
    let grant = ["grant", &alice, "--clusterrole", &strong, "-n", DEV, "--yes"];
    binder.run(&grant).exits(1).says(&[
        "you may not pass on",
        "! read secrets",
        "get, list: secrets",
        "verbs: [bind]",
        &format!("resourceNames: [\"{strong}\"]"),
    ]);
    assert!(!can(&admin, &alice, "get", "secrets", &["-n", DEV]));
    let weak = role(trial, &admin, json!([rule(&["get"], &["pods"])]));
    binder.run(&["grant", &alice, "--clusterrole", &weak, "-n", DEV, "--yes"]).ok();
    // Whoever may not look at a role, or not create a binding, is told the rule for it.
    let blind = person(
        trial,
        json!([{"apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["rolebindings"], "verbs": ["create"]}]),
    );
    blind.run(&grant).exits(1).says(&["Forbidden", "resources: [clusterroles]", "verbs: [get]"]);
    let reader = person(trial, json!([bindings(&["get"])]));
    reader.run(&grant).exits(1).says(&[
        "Forbidden",
        "resources: [rolebindings]",
        "verbs: [create]",
    ]);
    // With the verb bind it is his to give.
    let passer = person(
        trial,
        json!([bindings(&["get", "create"]), {"apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"], "resourceNames": [strong], "verbs": ["bind"]}]),
    );
    passer.run(&grant).ok();
    becomes(&admin, true, &alice, "get", "secrets", &["-n", DEV]);
}

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
    assert_eq!(
        out.stderr.matches("has changed since it was looked at").count(),
        2,
        "{}",
        out.stderr
    );
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
    let out = admin.run(&["revoke", &alice, "--yes", "-o", "json"]).ok().json();
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
    admin.run(&["revoke", &alice]).ok().prints(&[
        "lets its bearer in until",
        "cannot be revoked",
        &team,
    ]);
    // From elsewhere, the request that is still there tells.
    let other = trial.admin();
    other
        .run(&["revoke", &alice])
        .ok()
        .prints(&["lets its bearer in until", &format!("request {alice}")]);
    other.run(&["revoke", "nobody-ever"]).ok().prints(&["is not known here"]);
    admin.run(&["revoke", &team, "--group", "--yes"]).ok();
}

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
        .prints(&["ClusterRole/view", "you may not look at the role"])
        .says(&["resources: [clusterrolebindings]"]);
    half.run(&["revoke", &alice, "--yes"]).exits(1).says(&["verbs: [delete]"]);
    nobody.run(&["revoke", &alice, "--yes"]).exits(1).says(&["verbs: [list]"]);
    assert!(can(&admin, &alice, "list", "pods", &["-n", DEV]));
    admin.run(&["revoke", &alice, "--yes"]).ok();
}

/// One question for certificate and roles; what fails is looked at before.
fn with_a_certificate(trial: &Trial) {
    let admin = trial.admin();
    let robot = trial.user("robot");
    let roles = ["--clusterrole", "view", "-n", DEV];
    let create = |more: &[&str]| {
        let args = ["create", robot.as_str(), "--standalone", "robot.conf"];
        admin.run(&[&args, &roles[..], more].concat())
    };
    create(&["--dry-run"]).ok().says(&["Allows", "created (dry run)"]);
    create(&[])
        .exits(2)
        .says(&["User         robot", "Role         ClusterRole view in namespace default"]);
    admin
        .run(&[
            "create",
            &robot,
            "--standalone",
            "robot.conf",
            "--clusterrole",
            "gone",
            "-n",
            DEV,
            "--yes",
        ])
        .exits(1)
        .says(&["there is no ClusterRole gone"]);
    assert!(!admin.has("robot.conf"), "nothing was requested");
    let made = create(&["--yes", "-o", "json"]).ok().json();
    assert_eq!(made["bindings"].as_array().map(Vec::len), Some(1));
    becomes(&admin, true, &robot, "list", "pods", &["-n", DEV]);
    admin.kubectl(&["--kubeconfig", "robot.conf", "get", "configmaps"]).ok();
    admin.run(&["create", "x", "--standalone", "x.conf", "--clusterrole", "view"]).exits(2);

    // May create, approve and fetch, but not bind: the certificate is there, and the line that is left to do.
    let certificates = |resource: &str, verbs: &[&str]| json!({"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs});
    let helper = person(
        trial,
        json!([
            certificates("certificatesigningrequests", &["create", "get", "watch"]),
            certificates("certificatesigningrequests/approval", &["update"]),
            certificates("signers", &["approve"]),
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["get"]},
        ]),
    );
    let other = trial.user("other");
    let line = format!("kubectl usercert grant --clusterrole view -n {DEV} -- {other}");
    helper
        .run(&[
            "create",
            &other,
            "--standalone",
            "o.conf",
            "--clusterrole",
            "view",
            "-n",
            DEV,
            "--yes",
        ])
        .exits(1)
        .says(&["Forbidden", "the kubeconfig is written; to finish:", &line]);
    helper.kubectl(&["--kubeconfig", "o.conf", "auth", "whoami"]).ok().prints(&[&other]);
}

fn with_an_approval(trial: &Trial) {
    let admin = trial.admin();
    let alice = trial.user("alice");
    let roles = ["--clusterrole", "view", "-n", DEV];
    let approve = |more: &[&'static str]| {
        admin.run(&[&["approve", alice.as_str()], &roles[..], more].concat())
    };
    admin.run(&["request", &alice]).ok();
    admin
        .run(&["approve", &alice, "--clusterrole", "gone", "-n", DEV, "--yes"])
        .exits(1)
        .says(&["gone"]);
    admin
        .run(&["approve", &alice, "--clusterrole", "view", "--yes"])
        .exits(2)
        .says(&["--cluster-wide"]);
    approve(&["--dry-run"]).ok().prints(&["approved (dry run)", "created (dry run)"]);
    admin.run(&["review", &alice]).ok().prints(&["State        Pending"]);
    // One question for both, and no for both.
    let mut terminal = admin.on_terminal(&[&["approve", alice.as_str()], &roles[..]].concat());
    let asked = terminal.asked().to_owned();
    assert!(asked.contains("and give them ClusterRole view in namespace default?"), "{asked}");
    assert!(asked.contains("Allows       read: "), "{asked}");
    terminal.answer("n").exits(3);
    admin.run(&["review", &alice]).ok().prints(&["State        Pending", "no role bindings"]);
    let done = approve(&["--yes", "-o", "json"]).ok().json();
    assert_eq!(done["bindings"].as_array().map(Vec::len), Some(1));
    becomes(&admin, true, &alice, "list", "pods", &["-n", DEV]);
    // Once more: nothing to ask, nothing changed.
    approve(&[]).ok().says(&["approved before"]).prints(&["unchanged"]);
    admin.run(&["approve", "--all-pending", "--clusterrole", "view", "-n", DEV]).exits(2);

    // The approval stands when a role cannot be given, and the reply is written all the same.
    let certificates = |resource: &str, verbs: &[&str]| json!({"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs});
    let approver = person(
        trial,
        json!([
            certificates("certificatesigningrequests", &["get", "watch"]),
            certificates("certificatesigningrequests/approval", &["update"]),
            certificates("signers", &["approve"]),
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["get"]},
        ]),
    );
    let bob = trial.user("bob");
    admin.run(&["request", &bob]).ok();
    let args =
        ["approve", &bob, "--clusterrole", "view", "-n", DEV, "--yes", "--reply", "bob.conf"];
    approver.run(&args).exits(1).prints(&["approved"]).says(&[
        "Forbidden",
        "the request is approved; to finish:",
        &format!("kubectl usercert grant --clusterrole view -n {DEV} -- {bob}"),
        "reply written",
    ]);
    assert!(approver.has("bob.conf"));
}

fn wrong_usage(trial: &Trial) {
    let admin = trial.admin();
    admin.run(&["grant", "alice"]).exits(2).says(&["which role", "--clusterrole"]);
    admin
        .run(&["grant", "alice", "--clusterrole", "view"])
        .exits(2)
        .says(&["-n NAMESPACE", "--cluster-wide"]);
    admin
        .run(&["grant", "alice", "--clusterrole", "view", "-n", "x", "--cluster-wide"])
        .exits(2)
        .says(&["exclude each other"]);
    admin
        .run(&["grant", "alice", "--role", "r", "--cluster-wide"])
        .exits(2)
        .says(&["belongs to a namespace"]);
    admin.run(&["grant", "", "--clusterrole", "view", "-n", "x"]).exits(2).says(&["empty"]);
    admin.run(&["grant", "a", "--clusterrole", "a/b", "-n", "x"]).exits(2).says(&["a/b"]);
    admin
        .run(&["grant", "ali\u{202e}ce", "--clusterrole", "view", "-n", "x"])
        .exits(2)
        .says(&["U+202E"])
        .never_shows("\u{202e}");
    admin
        .run(&["grant", "system:masters", "--group", "--clusterrole", "view", "-n", "x"])
        .exits(2)
        .says(&["system:masters"]);
    admin
        .run(&["revoke", "alice", "-n", "x", "--cluster-wide"])
        .exits(2)
        .says(&["exclude each other"]);
}
