//! A certificate and its roles with one question: `create` and `approve` with `--clusterrole`.

use serde_json::json;

use super::{DEV, becomes, harmless, is_bound, person, swap};
use crate::cases;
use crate::trial::Trial;

cases!(with_a_certificate, with_an_approval, a_role_that_was_changed_meanwhile);

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
    admin.run(&["review", &alice]).ok().prints(&["State        Pending", "No roles yet"]);
    let done = approve(&["--yes", "-o", "json"]).ok().json();
    assert_eq!(done["bindings"].as_array().map(Vec::len), Some(1));
    becomes(&admin, true, &alice, "list", "pods", &["-n", DEV]);
    // Once more: nothing to ask, nothing changed.
    approve(&[]).ok().says(&["is already approved"]).prints(&["unchanged"]);
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

/// What is given is what was shown before the question; the certificate has been issued by then.
fn a_role_that_was_changed_meanwhile(trial: &Trial) {
    let admin = trial.admin();
    let (alice, robot) = (trial.user("alice"), trial.user("robot"));
    admin.run(&["request", &alice]).ok();
    let approve = ["approve", alice.as_str()];
    let create = ["create", robot.as_str(), "--standalone", "robot.conf"];
    let grant = ["grant", alice.as_str()];
    for (command, done, before) in [
        (&approve[..], "approved", "the request is approved; to finish:"),
        (&create[..], "robot", "the kubeconfig is written; to finish:"),
        (&grant[..], "", "nothing was granted"),
    ] {
        let role = harmless(trial);
        let args = [command, &["--clusterrole", &role, "--cluster-wide"]].concat();
        let mut terminal = admin.on_terminal(&args);
        assert!(terminal.asked().contains("Allows       get: pods"));
        swap(&admin, &role);
        let changed = format!("the ClusterRole {role} was changed after it was shown");
        terminal.answer("y").exits(1).says(&[&changed, before]).prints(&[done]);
        assert!(!is_bound(&admin, &role), "{command:?}");
    }
    admin.run(&["review", &alice]).ok().prints(&["State        Issued", "No roles yet"]);
    admin.kubectl(&["--kubeconfig", "robot.conf", "auth", "whoami"]).ok().prints(&[&robot]);
}
