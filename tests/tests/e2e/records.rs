//! Records of issued certificates, on servers of their own: the namespace they are in is the whole server's.

use serde_json::{Value, json};

use crate::cases;
use crate::revocations::own_server;
use crate::trial::{Person, Trial};

cases!(
    where_nothing_is_kept_it_is_told,
    whom_one_approves_is_recorded,
    what_was_issued_is_listed_with_who_approved_it,
    without_namespace_or_right_it_is_told_once,
    a_person_is_revoked_by_records_alone,
    what_was_tampered_with_is_told_and_harms_no_other,
    what_has_ended_is_pruned_and_nothing_else,
);

fn installed(trial: &Trial) -> Person {
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok().prints(&["usercert-recorder created"]);
    admin
}

/// A certificate for `user` in a kubeconfig of its own.
fn created(admin: &Person, user: &str, more: &[&str]) -> String {
    let file = format!("{user}.conf");
    let made = ["create", user, "--yes", "--standalone", &file];
    admin.run(&[&made[..], more].concat()).ok().never_shows("not recorded");
    admin.read(&file)
}

fn recorded(admin: &Person, more: &[&str]) -> Value {
    admin.run(&[&["certificates", "-o", "json"][..], more].concat()).ok().json()["items"].clone()
}

fn where_nothing_is_kept_it_is_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    let says = ["keeps no records of certificates", "revocations install"];
    admin.run(&["certificates"]).ok().says(&says);
    admin.run(&["certificates", "--expires-within", "7d"]).exits(1).says(&says);
    installed(&trial);
    admin.run(&["certificates"]).ok().never_shows(says[0]);
    admin.run(&["certificates", "--expires-within", "7d"]).ok().never_shows(says[0]);
}

/// The request is forgotten after an hour; `revoke` has to know the certificate all the same.
fn whom_one_approves_is_recorded(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = installed(&trial);
    for user in ["alice", "bob", "carol", "dave"] {
        admin.run(&["request", user, "-g", "dev"]).ok();
    }
    admin.run(&["approve", "dave", "--yes", "--dry-run=server"]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok().never_shows("not recorded");
    admin.run(&["approve", "--all-pending", "--yes"]).ok().never_shows("not recorded");
    // Once more is no second record.
    admin.run(&["approve", "alice", "--yes"]).ok();
    admin.kubectl(&["delete", "csr", "--all"]).ok();
    let recorded = recorded(&admin, &[]);
    let mut users: Vec<&str> = recorded
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["user"].as_str())
        .collect();
    users.sort_unstable();
    assert_eq!(users, ["alice", "bob", "carol", "dave"]);
    admin.run(&["revoke", "alice", "--yes"]).ok().prints(&["(recorded) blocked"]);
}

fn what_was_issued_is_listed_with_who_approved_it(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = installed(&trial);
    admin.run(&["certificates"]).ok().says(&["No certificates are recorded."]);
    created(&admin, "robot", &["-g", "ci", "-g", "bots", "--expires", "60d"]);
    // A request that somebody else has made, approved with a reply.
    let newcomer = trial.newcomer();
    admin.write("r", &newcomer.run(&["request", "bob", "--offline", "-o", "yaml"]).ok().stdout);
    let reason = ["--reason", "Ticket7", "--message", "asked by phone"];
    let reply = ["approve", "--from", "r", "--yes", "--reply", "bob.conf"];
    admin.run(&[&reply[..], &reason].concat()).ok().never_shows("not recorded");
    // And several people at once.
    std::fs::create_dir(admin.home.join("out")).expect("a directory");
    admin.write("people.csv", "name,groups\ncarol,dev\ndave,dev\n");
    admin
        .run(&["onboard", "people.csv", "--yes", "--standalone-dir", "out"])
        .ok()
        .never_shows("not recorded");

    let me = admin.kubectl(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]).ok();
    let items = recorded(&admin, &[]);
    let users: Vec<&str> =
        items.as_array().expect("items").iter().filter_map(|i| i["user"].as_str()).collect();
    assert_eq!(users.len(), 4, "{items}");
    assert_eq!(users[3], "robot", "the last to expire: {users:?}");
    let of = |user: &str| recorded(&admin, &[user])[0].clone();
    let robot = of("robot");
    assert_eq!(robot["groups"], json!(["bots", "ci"]));
    assert_eq!(robot["approvedBy"], me.stdout.as_str());
    assert_eq!(robot["approvalReason"], "UsercertCreate");
    let bob = of("bob");
    assert_eq!(
        (&bob["approvalReason"], &bob["approvalMessage"]),
        (&json!("Ticket7"), &json!("asked by phone"))
    );
    assert_eq!(of("carol")["approvalReason"], "UsercertOnboard");
    // It is the certificate that openssl reads.
    let print = ["x509", "-noout", "-fingerprint", "-sha256", "-in", "leaf.pem"];
    let pem = admin.kubectl(&[
        "config",
        "view",
        "--raw",
        "--kubeconfig",
        "robot.conf",
        "-o",
        "jsonpath={.users[0].user.client-certificate-data}",
    ]);
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.decode(pem.ok().stdout).expect("base64");
    admin.write("leaf.pem", &String::from_utf8(pem).expect("PEM"));
    let openssl = admin.tool("openssl", &print).ok().stdout;
    let openssl = openssl.trim().rsplit('=').next().expect("hex").replace(':', "").to_lowercase();
    assert_eq!(robot["sha256"], openssl.as_str());

    admin.run(&["certificates"]).ok().prints(&["USER", "APPROVED BY", "Ticket7", "bots,ci"]);
    let names = admin.run(&["certificates", "robot", "-o", "name"]).ok().stdout;
    let get = ["get", "-n", "usercert-system", names.trim(), "-o", "jsonpath={.data.user}"];
    assert_eq!(admin.kubectl(&get).ok().stdout, "robot");
    let soon = ["certificates", "--expires-within"];
    let soon = |within| admin.run(&[&soon[..], &[within, "-o", "name"]].concat());
    assert_eq!(soon("45d").exits(4).stdout.lines().count(), 3);
    soon("24h").ok().says(&["No recorded certificate expires"]);
    admin.run(&["certificates", "nobody"]).ok().says(&["No such certificate of nobody"]);
    // What ends soon but is revoked leaves nobody without.
    admin.run(&["revoke", "bob", "--yes"]).ok();
    assert_eq!(soon("45d").exits(4).stdout.lines().count(), 2);
    assert!(of("bob")["blocked"].as_str().is_some_and(|line| line.contains("(by ")));
}

fn without_namespace_or_right_it_is_told_once(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    std::fs::create_dir(admin.home.join("out")).expect("a directory");
    admin.write("people.csv", "name,groups\ncarol,dev\ndave,dev\n");
    let onboard = ["onboard", "people.csv", "--yes", "--standalone-dir", "out"];
    let out = admin.run(&onboard).ok().says(&["keeps no record", "revocations install"]);
    assert_eq!(out.stderr.matches("keeps no record").count(), 1, "{}", out.stderr);
    admin
        .run(&["create", "x", "--yes", "--standalone", "x.conf", "-q"])
        .ok()
        .never_shows("record of");
    admin.run(&["certificates"]).ok().says(&["No certificates are recorded."]);

    installed(&trial);
    let approver = trial.nobody_special("approver", &[]);
    let rule = |group: &str, resource: &str, verbs: &[&str]| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    let certificates = "certificates.k8s.io";
    trial.grant(
        "approver",
        json!([
            rule(certificates, "certificatesigningrequests", &["get", "list", "watch", "create"]),
            rule(certificates, "certificatesigningrequests/approval", &["update"]),
            rule(certificates, "signers", &["approve"]),
        ]),
    );
    let out = approver.run(&["create", "erin", "--yes", "--standalone", "erin.conf"]).ok();
    out.says(&["the certificate was not recorded", "Role usercert-recorder"]);
    assert!(recorded(&admin, &["erin"]).as_array().is_some_and(Vec::is_empty));
    let bind = [
        "create",
        "rolebinding",
        "-n",
        "usercert-system",
        "recorder",
        "--role=usercert-recorder",
        "--user=approver",
    ];
    admin.kubectl(&bind).ok();
    approver
        .run(&["create", "frank", "--yes", "--standalone", "frank.conf"])
        .ok()
        .never_shows("not recorded");
    assert_eq!(recorded(&admin, &["frank"])[0]["approvedBy"], "approver");
    approver.run(&["certificates"]).exits(1).says(&["configmaps"]);
    // A reader reads, and writes nothing.
    let reader = trial.nobody_special("reader", &[]);
    let bind = [
        "create",
        "rolebinding",
        "-n",
        "usercert-system",
        "reader",
        "--role=usercert-records-viewer",
        "--user=reader",
    ];
    admin.kubectl(&bind).ok();
    reader.run(&["certificates", "frank"]).ok().prints(&["frank"]).never_shows("not known");
    reader.run(&["certificates", "--prune"]).ok().prints(&["No recorded certificate"]);
}

fn a_person_is_revoked_by_records_alone(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = installed(&trial);
    created(&admin, "alice", &["-g", "dev"]);
    created(&admin, "bob", &[]);
    admin.kubectl(&["delete", "csr", "--all"]).ok();
    let mine = &recorded(&admin, &["alice"])[0]["sha256"];
    let out = admin.run(&["revoke", "alice", "--yes", "-o", "json"]).ok().json();
    let ids: Vec<String> = out["certificates"]
        .as_array()
        .expect("certificates")
        .iter()
        .map(|c| c["id"].to_string())
        .collect();
    assert_eq!(ids, [format!("\"certificate/{}\"", mine.as_str().expect("digits"))]);
    assert_eq!(out["certificates"][0]["user"], "alice");
    assert!(recorded(&admin, &["bob"])[0]["blocked"].is_null());
}

fn what_was_tampered_with_is_told_and_harms_no_other(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = installed(&trial);
    created(&admin, "alice", &[]);
    created(&admin, "bob", &[]);
    let name = admin.run(&["certificates", "alice", "-o", "name"]).ok().stdout.trim().to_owned();
    let in_system = |args: &[&str]| admin.kubectl(&[args, &["-n", "usercert-system"]].concat());
    let patch = ["patch", &name, "--type=merge", "-p", "{\"data\":{\"user\":\"mallory\"}}"];
    in_system(&patch).exits(1).says(&["field is immutable when `immutable` is set"]);
    let mut forged = in_system(&["get", &name, "-o", "json"]).ok().json();
    in_system(&["delete", &name]).ok();
    forged["data"]["user"] = "mallory".into();
    forged["metadata"] = json!({"name": forged["metadata"]["name"], "namespace": "usercert-system", "labels": forged["metadata"]["labels"]});
    admin.write("forged.json", &forged.to_string());
    admin.kubectl(&["create", "-f", "forged.json"]).ok();
    let out = admin.run(&["certificates", "-o", "json"]).ok();
    let listed = out.json();
    out.says(&["damaged record", &name, "its label is not that of its user"])
        .never_shows("mallory");
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["items"][0]["user"], "bob");
    assert_eq!(listed["damaged"].as_array().map(Vec::len), Some(1));
    admin.run(&["certificates", "--prune"]).ok();
    in_system(&["get", &name]).ok();
}

fn what_has_ended_is_pruned_and_nothing_else(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = installed(&trial);
    created(&admin, "alice", &[]);
    let name = admin.run(&["certificates", "-o", "name"]).ok().stdout;
    let get = ["get", "-n", "usercert-system", name.trim(), "-o", "json"];
    let record = admin.kubectl(&get).ok().json();
    // The same of a certificate that ended long ago.
    let digits = "ab".repeat(32);
    let mut old = record.clone();
    old["metadata"] = json!({"name": format!("certificate-{digits}"), "namespace": "usercert-system", "labels": record["metadata"]["labels"]});
    old["data"]["credentialId"] = format!("X509SHA256={digits}").into();
    old["data"]["notBefore"] = "2020-01-01T00:00:00Z".into();
    old["data"]["notAfter"] = "2020-01-02T00:00:00Z".into();
    admin.write("old.json", &old.to_string());
    admin.kubectl(&["create", "-f", "old.json"]).ok();
    let first = recorded(&admin, &[]);
    assert_eq!((&first[0]["sha256"], &first[0]["expired"]), (&json!(digits), &json!(true)));
    for dry in ["--dry-run", "--dry-run=server"] {
        admin.run(&["certificates", "--prune", dry]).ok().prints(&[
            &digits,
            "deleted (",
            "dry run)",
        ]);
    }
    assert_eq!(recorded(&admin, &[]).as_array().map(Vec::len), Some(2));
    let gone = admin.run(&["certificates", "--prune", "-o", "name"]).ok().stdout;
    assert_eq!(gone.trim(), format!("configmap/certificate-{digits}"));
    let left = recorded(&admin, &[]);
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(left[0]["expired"], false);
    admin.kubectl(&["get", "-n", "usercert-system", "configmap", "revoked-certificates"]).ok();
}
