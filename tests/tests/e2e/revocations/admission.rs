//! Refusal by the admission policy: what it refuses, what it does not, and that nothing more is claimed.

use serde_json::json;

use super::{SENTENCE, becomes, own_server, powerful};
use crate::backend::Backend;
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    a_certificate_is_refused_and_let_in_again,
    a_person_loses_everything_with_one_command,
    what_is_issued_from_now_on_works,
    nobody_locks_the_cluster_or_themselves_out,
    what_the_revoked_can_still_do_is_seen,
    the_printed_rights_suffice_and_no_less_does,
);

fn create(person: &Person) -> crate::trial::Outcome {
    person.kubectl(&["create", "serviceaccount", "made", "--dry-run=server"])
}

fn a_certificate_is_refused_and_let_in_again(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice, bob) =
        (trial.admin(), powerful(&trial, "alice@example.com"), powerful(&trial, "bob"));
    admin.run(&["revocations", "install", "--yes"]).ok().prints(&["policy.admission", "created"]);
    let again = admin.run(&["revocations", "install"]).ok();
    assert!(!again.stdout.contains("created"), "{}", again.stdout);
    create(&alice).ok();
    admin.kubectl(&["create", "serviceaccount", "robot"]).ok();
    admin.write("alice.conf", &alice.read(".kube/config"));
    let revoked = admin
        .run(&["revoke", "--certificate", "alice.conf", "--reason", "laptop stolen", "--yes"])
        .ok()
        .prints(&[
            "alice@example.com",
            "blocked: refused for writes, exec and proxy; still possible until",
        ]);
    // Said once, however many certificates there are.
    assert_eq!(
        revoked.stdout.matches("may write admission policies").count(),
        1,
        "{}",
        revoked.stdout
    );
    // What it says was seen, so the very next request is refused.
    let refused = create(&alice).exits(1);
    let sentence = format!("denied request: {SENTENCE}20");
    refused.says(&[&sentence, "laptop stolen (by "]);

    alice.kubectl(&["get", "namespaces"]).ok();
    alice.kubectl(&["auth", "whoami"]).ok().prints(&["alice@example.com"]);
    for forbidden in [
        &["delete", "configmap", "kube-root-ca.crt", "-n", "default"][..],
        &["label", "namespace", "default", "a=b"],
        &["create", "token", "robot"],
        &["create", "clusterrolebinding", "x", "--clusterrole=view", "--user=x"],
        &["delete", "configmap", "-n", "usercert-system", "revoked-certificates"],
        &[
            "patch",
            "configmap",
            "-n",
            "usercert-system",
            "revoked-certificates",
            "--type=merge",
            "-p",
            "{\"data\":null}",
        ],
    ] {
        let out = alice.kubectl(forbidden).exits(1);
        assert!(out.stderr.contains(&sentence), "{forbidden:?}: {}", out.stderr);
    }
    if matches!(*trial.backend, Backend::ControlPlane(_)) {
        let pod = "/api/v1/namespaces/default/pods/none";
        let pods = ["proxy/", "exec?command=id", "attach?stdout=true", "portforward?ports=80"];
        let pods = pods.map(|way| format!("{pod}/{way}"));
        for connect in pods.iter().map(String::as_str).chain(["/api/v1/nodes/none/proxy/"]) {
            alice.kubectl(&["get", "--raw", connect]).exits(1).says(&[&sentence]);
        }
    }
    // Every command of ours says what it is.
    alice.run(&["grant", "x", "--clusterrole", "view", "-n", "default", "--yes"]).exits(1).says(&[
        "error: this certificate was revoked: 20",
        "laptop stolen",
        "user alice@example.com, context ",
        "server https://",
        "ask your admin",
    ]);
    alice.run(&["request", "carol"]).exits(1).says(&["this certificate was revoked"]);
    create(&bob).ok();
    // An impersonated user has no certificate.
    alice.kubectl(&["create", "serviceaccount", "made", "--dry-run=server", "--as=bob"]).ok();

    let list = admin.run(&["revocations", "list", "-o", "json"]).ok().json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["items"][0]["user"], "alice@example.com");
    assert_eq!(list["enforcement"], json!({"admission": "refuses", "authorization": "not-set-up"}));
    let id = list["items"][0]["id"].as_str().expect("an id").to_owned();
    // Once more changes nothing, not even the reason, unless there is a new one.
    let again = ["revoke", "--certificate", &id, "--yes"];
    admin.run(&again).ok().prints(&["already blocked", "refused for writes"]);
    admin.run(&["revocations", "list"]).ok().prints(&["laptop stolen"]);
    let found = admin.run(&["revocations", "lift", "alice@example.com", "--yes"]).exits(2);
    found.says(&["alice@example.com is a user, not an id", &id]);
    let mut terminal = admin.on_terminal(&["revocations", "lift", &id]);
    assert!(terminal.asked().contains(": remove it from the list"));
    terminal.answer("n").exits(3);
    admin.run(&["revocations", "lift", &id[..8], "--yes"]).ok().prints(&["removed from the list"]);
    becomes(|| create(&alice), false).ok();
    admin.run(&["revocations", "lift", &id, "--yes"]).exits(1).says(&["is not revoked here"]);
}

fn a_person_loses_everything_with_one_command(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["request", "alice"]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok();
    admin.run(&["install", "alice"]).ok();
    let context = admin.context_of("alice");
    admin.run(&["grant", "alice", "--clusterrole", "edit", "-n", "default", "--yes"]).ok();
    // Without anything installed roles go, and it says what is missing.
    let plan = admin.run(&["revoke", "alice", "--dry-run"]).ok();
    plan.says(&["does not refuse revoked certificates", "Not installed", "revocations install"])
        .prints(&["is not blocked: this cluster has no list of revoked certificates"]);
    // Asked, it installs what is missing; then it asks for the rest.
    let mut terminal = admin.on_terminal(&["revoke", "alice", "--reason", "left"]);
    assert!(terminal.asked().contains("Install it"));
    terminal.press("y");
    terminal.says("(block it)");
    terminal.asked();
    let out = terminal.answer("y");
    let out = out.exits(0);
    assert!(out.stdout.contains("blocked: refused for writes"), "{}", out.stdout);
    assert!(out.stdout.contains("deleted: ClusterRole edit"), "{}", out.stdout);
    let made = ["--context", &context, "create", "serviceaccount", "x", "--dry-run=server"];
    admin.kubectl(&made).exits(1).says(&["cannot create resource"]);
    let again = admin.run(&["revoke", "alice", "--yes", "-o", "json"]).ok().json();
    assert_eq!(again["authenticatesUntil"], json!(null));
    assert_eq!(again["certificates"][0]["enforcement"]["admission"], "refuses");
    assert_eq!(again["certificates"][0]["state"], "blocked");
    assert_eq!(again["certificates"][0]["already"], true);
    // Narrowed, or told so, it takes roles only.
    for narrow in [&["--roles-only"][..], &["-n", "default"]] {
        let out = admin.run(&[&["revoke", "alice", "--yes"], narrow].concat()).ok();
        out.never_shows("blocked: refused").prints(&["is on the list of revoked certificates"]);
    }
}

fn what_is_issued_from_now_on_works(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let name = "jürgen@example.com";
    let old = powerful(&trial, name);
    admin
        .run(&["revoke", name, "--all-certificates", "--reason", "keys on GitHub", "--yes"])
        .ok()
        .prints(&["every certificate of jürgen@example.com", "blocked: refused for writes"]);
    create(&old).exits(1).says(&["keys on GitHub"]);
    // Whoever approves is told, and what is accepted all the same is excepted.
    let made = ["create", name, "--standalone", "again.conf", "--yes"];
    let refused = admin.run(&made).exits(3);
    refused.says(&[
        "the user's certificates are revoked",
        "[revoked-user]",
        "keys on GitHub",
        "--accept revoked-user",
    ]);
    let accepted = [&made[..], &["--accept", "revoked-user"]].concat();
    admin.run(&accepted).ok().says(&["excepted from the block of"]);
    let again = trial.with_kubeconfig(&admin.read("again.conf"));
    becomes(|| create(&again), false).ok();
    admin.run(&["request", name, "--csr-name", "asked"]).ok();
    admin.run(&["review", "asked"]).exits(3).prints(&["[revoked-user]"]);
    let approve = ["approve", "asked", "--yes"];
    admin.run(&approve).exits(3).says(&["[revoked-user]"]);
    let accepted = [&approve[..], &["--accept", "revoked-user"]].concat();
    admin.run(&accepted).ok().says(&["excepted from the block of"]);
    admin.write("team.csv", &format!("name\n{name}\n"));
    admin.tool("mkdir", &["confs"]).ok();
    let onboard = ["onboard", "team.csv", "--standalone-dir", "confs", "--yes"];
    admin.run(&onboard).exits(3).prints(&["[revoked-user]"]);
    let accepted = [&onboard[..], &["--accept", "revoked-user"]].concat();
    admin.run(&accepted).ok().says(&["excepted from the block of"]);
    let list = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
    assert_eq!(list.lines().filter(|l| l.starts_with("except/")).count(), 3, "{list}");
    for line in list.lines().filter(|l| l.starts_with("except/")) {
        admin.run(&["revocations", "lift", line, "--yes"]).ok();
    }
    becomes(|| create(&again), true).exits(1).says(&["keys on GitHub"]);
    again
        .run(&["renew", "--signer", "kubernetes.io/kube-apiserver-client"])
        .exits(1)
        .says(&["this certificate was revoked"]);
    let new = again;
    admin.write("new.conf", &new.read(".kube/config"));
    admin
        .run(&["revocations", "lift", "new.conf", "--yes"])
        .ok()
        .prints(&["excepted from the block of its user"]);
    becomes(|| create(&new), false).ok();
    create(&old).exits(1).says(&["keys on GitHub"]);
    admin.run(&["revocations", "lift", &format!("user/{name}"), "--yes"]).ok();
    becomes(|| create(&old), false).ok();
    // The exception has nothing left to do.
    admin.run(&["revocations", "prune", "--yes"]).ok().prints(&["removed"]);
    admin.run(&["revocations", "list"]).ok().prints(&["Nothing is revoked."]);
}

fn nobody_locks_the_cluster_or_themselves_out(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, boss) = (trial.admin(), powerful(&trial, "boss"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    let own = boss.run(&["revoke", "--certificate", ".kube/config", "--yes"]).exits(3);
    own.says(&["this is the certificate that you are using", "again with --certificate"]);
    boss.run(&["revoke", "boss", "--all-certificates", "--yes"])
        .exits(3)
        .says(&["this is your own user"]);
    admin.run(&["ca", "init", "--name", "x", "--ca-cert", "c.crt", "--ca-key", "c.key"]).ok();
    for (name, profile) in [("system:kube-scheduler", "scheduler"), ("system:node:n1", "node")] {
        admin
            .run(&["revoke", name, "--all-certificates", "--yes"])
            .exits(3)
            .says(&["belongs to the cluster itself"]);
        let mut sign =
            vec!["ca", "sign", "--profile", profile, "--ca-cert", "c.crt", "--ca-key", "c.key"];
        let (out, key) = (format!("{profile}.crt"), format!("{profile}.key"));
        sign.extend(["--new-key", &key, "--out", &out, "--yes"]);
        if profile == "node" {
            sign.extend(["--name", "n1"]);
        }
        admin.run(&sign).ok();
        admin
            .run(&["revoke", "--certificate", &out, "--yes"])
            .exits(3)
            .says(&["belongs to the cluster itself"]);
    }
    let long = "a".repeat(10_000);
    for (reason, said) in [("\u{1b}[2Jx", "U+001B"), ("a\nb", "U+000A"), (&long, "at most 200")] {
        admin.run(&["revoke", "x", "--reason", reason, "--yes"]).exits(2).says(&[said]);
    }
    let name = "x".repeat(125);
    admin.run(&["revoke", &name, "--all-certificates", "--yes"]).exits(2).says(&["at most 124"]);
    // Named twice it is meant.
    let twice =
        ["revoke", "--certificate", ".kube/config", "--certificate", ".kube/config", "--yes"];
    boss.run(&twice).ok();
    becomes(|| create(&boss), true).exits(1);
}

/// The revoked person holds cluster-admin.
fn what_the_revoked_can_still_do_is_seen(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    // No policy guards policies: whoever may delete the binding ends it.
    let weaken = ["patch", "validatingadmissionpolicybinding", "usercert-revoked-certificates"];
    let patch = ["--type=merge", "-p", "{\"spec\":{\"validationActions\":[\"Audit\"]}}"];
    alice.kubectl(&[&weaken[..], &patch].concat()).ok();
    becomes(|| create(&alice), false).ok();
    let list = admin.run(&["revocations", "list", "-o", "json"]).exits(1).json();
    let problems = list["policy"]["problems"].to_string();
    assert!(problems.contains("spec.validationActions"), "{problems}");
    assert_eq!(list["policy"]["inForce"], false);
    admin.run(&["revocations", "install", "--yes"]).ok().prints(&["configured"]);
    becomes(|| create(&alice), true).exits(1);
    // Deleted instead of weakened.
    let binding = ["delete", "validatingadmissionpolicybinding", "usercert-revoked-certificates"];
    alice.kubectl(&binding).ok();
    becomes(|| create(&alice), false).ok();
    admin.run(&["revocations", "list"]).exits(1).prints(&[
        "WARNING: not enforced",
        "is missing",
        "revocations install` restores it",
    ]);
    // The list itself is gone: nobody is locked out, and it is told.
    admin.kubectl(&["delete", "configmap", "-n", "usercert-system", "revoked-certificates"]).ok();
    create(&admin).ok();
    admin.run(&["revocations", "list"]).exits(1).prints(&["WARNING: the list is missing"]);
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).exits(1).says(&["install"]);
}

fn the_printed_rights_suffice_and_no_less_does(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    let printed = admin.run(&["revocations", "install", "--dry-run=client", "-o", "yaml"]).ok();
    admin.write("objects.yaml", &printed.stdout);
    admin.kubectl(&["create", "--validate=false", "-f", "objects.yaml"]).ok();
    admin.run(&["revocations", "install"]).ok().prints(&["unchanged"]).never_shows("created");
    if matches!(*trial.backend, Backend::ControlPlane(_)) {
        let file = "/etc/kubernetes/usercert/authorization.yaml";
        let sync = ["revocations", "sync", "--authorization-config", file];
        let more = ["--print-manifests", "--image", "example.com/usercert:1"];
        admin.write("daemon.yaml", &admin.run(&[&sync[..], &more].concat()).ok().stdout);
        admin.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", "daemon.yaml"]).ok();
    }
    let bound = |user: &str, role: &str| {
        let person = trial.nobody_special(user, &[]);
        let user = format!("--user={user}");
        let role = format!("--clusterrole={role}");
        admin.kubectl(&["create", "clusterrolebinding", &trial.user("b"), &role, &user]).ok();
        person
    };
    let revoker = bound("revoker", "usercert-revoker");
    let viewer = bound("viewer", "usercert-revocations-viewer");
    revoker.write("alice.conf", &alice.read(".kube/config"));
    viewer.write("alice.conf", &alice.read(".kube/config"));
    let revoke = ["revoke", "--certificate", "alice.conf", "--yes"];
    viewer.run(&revoke).exits(1).says(&["ClusterRole usercert-revoker", "verbs: [get, patch]"]);
    // Who may only write the list cannot try it, and does not claim to have.
    let list =
        ["--verb=get,patch", "--resource=configmaps", "--resource-name=revoked-certificates"];
    admin.kubectl(&[&["create", "clusterrole", "writes-the-list"][..], &list].concat()).ok();
    let writer = bound("writer", "writes-the-list");
    writer.write("alice.conf", &alice.read(".kube/config"));
    writer
        .run(&revoke)
        .exits(1)
        .prints(&["cannot tell whether it is blocked", "may not impersonate"]);
    revoker.run(&revoke).ok().prints(&["already blocked: refused for writes, exec and proxy"]);
    revoker.run(&["revocations", "lift", "alice.conf", "--yes"]).ok();
    becomes(|| create(&alice), false).ok();
    revoker.run(&revoke).ok().prints(&["blocked: refused for writes, exec and proxy"]);
    becomes(|| create(&alice), true).exits(1);
    // What it may impersonate may do nothing, and nobody else.
    let as_probe = ["--as=usercert-probe", "--as-group=usercert-probe"];
    revoker
        .kubectl(&[&["get", "configmaps", "-n", "usercert-system"][..], &as_probe].concat())
        .exits(1);
    revoker.kubectl(&["get", "nodes", "--as=admin", "--as-group=system:masters"]).exits(1);
    let event = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "forged" },
        "involvedObject": { "namespace": "usercert-system" } });
    revoker.write("event.json", &event.to_string());
    let forge = ["create", "--validate=false", "-n", "usercert-system", "-f", "event.json"];
    revoker
        .kubectl(&[&forge[..], &as_probe].concat())
        .exits(1)
        .says(&["cannot create resource \"events\""]);
    admin
        .run(&["create", "usercert-probe", "--standalone", "x.conf", "--yes"])
        .exits(3)
        .says(&["privileged-user"]);
    viewer.run(&["revocations", "list"]).ok().prints(&["its objects are correct"]);
    alice.kubectl(&["get", "configmap", "-n", "usercert-system", "revoked-certificates"]).ok();
    revoker.run(&["revocations", "lift", "alice.conf", "--yes"]).ok();
    revoker.kubectl(&["create", "serviceaccount", "x"]).exits(1);
    let nobody = trial.nobody_special("nobody", &[]);
    nobody
        .run(&["revocations", "list"])
        .exits(1)
        .says(&["ClusterRole usercert-revocations-viewer", "verbs: [get]"]);
    // Whoever reviews without that right is told so, and hears of no clean bill.
    let requests = ["--verb=get,list", "--resource=certificatesigningrequests.certificates.k8s.io"];
    admin.kubectl(&[&["create", "clusterrole", "reads-requests"][..], &requests].concat()).ok();
    let reader = bound("reader", "reads-requests");
    admin.run(&["request", "bob"]).ok();
    reader
        .run(&["review", "bob"])
        .ok()
        .prints(&["unknown: you may not read the list of revoked certificates"])
        .never_shows("No objections found");
}
