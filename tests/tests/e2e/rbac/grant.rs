//! Giving roles: `grant`.

use serde_json::json;

use super::{DEV, becomes, can, person, role, rule};
use crate::cases;
use crate::trial::Trial;

cases!(
    granted_twice_and_revoked,
    groups_and_the_whole_cluster,
    same_object_as_kubectl_makes,
    dry_runs_change_nothing,
    words_before_the_question,
    roles_that_are_not_there,
    names_that_are_taken,
    nobody_passes_on_what_he_does_not_hold,
    wrong_usage,
);

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
        "It is unknown how long",
    ]);
    becomes(&admin, false, &alice, "list", "pods", &["-n", DEV]);
    admin.run(&["revoke", &alice]).exits(1).prints(&["Nothing to remove"]);
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
    admin.run(&["revoke", &group, "--yes"]).exits(1).prints(&["Nothing to remove"]);
    assert!(can(&admin, "somebody", "get", "nodes", &as_member));
    admin
        .run(&["revoke", &group, "--group", "-n", DEV, "--yes"])
        .ok()
        .prints(&["Nothing to remove"]);
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
    admin.run(&everybody).exits(2).says(&["WARNING", "everybody whom the server authenticates"]);
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
        .run(&["grant", &alice, "--role", "no-such", "-n", DEV, "--yes"])
        .exits(1)
        .says(&["there is no Role no-such in namespace default", "kubectl get roles -n default"]);
    admin
        .run(&["grant", &alice, "--role", "view", "-n", DEV, "--yes"])
        .exits(1)
        .says(&["no Role view in namespace default, but a ClusterRole", "--clusterrole view"]);
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
        "already exists",
        "ClusterRole admin",
        "nothing was changed",
    ]);
    admin.kubectl(&["delete", "rolebinding", &name, "-n", DEV]).ok();
    let theirs =
        ["create", "rolebinding", &name, "-n", DEV, "--clusterrole", "view", "--user", &alice];
    admin.kubectl(&theirs).ok();
    admin.run(&grant).exits(1).says(&["already exists", "label"]);
    admin.run(&["revoke", &alice, "--yes"]).ok().prints(&["Nothing to remove", "not made by"]);
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
        "you may not grant",
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

fn wrong_usage(trial: &Trial) {
    let admin = trial.admin();
    admin.run(&["grant", "alice"]).exits(2).says(&["the role", "--clusterrole"]);
    admin
        .run(&["grant", "alice", "--clusterrole", "view"])
        .exits(2)
        .says(&["-n NAMESPACE", "--cluster-wide"]);
    admin
        .run(&["grant", "alice", "--clusterrole", "view", "-n", "x", "--cluster-wide"])
        .exits(2)
        .says(&["cannot be combined"]);
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
        .says(&["cannot be combined"]);
}
