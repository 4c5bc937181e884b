//! How somebody who was revoked could get away: by what was renewed, by what is on its way, by switching the
//! refusal off, by an entry or a clock that says something else than it seems to.

use serde_json::{Value, json};
use usercert_sandbox::Fault;

use super::{MAP, becomes, own_server, patch, powerful};
use crate::approver::{ONCE, RULES, ask, issued, person, recorded, stage, state};
use crate::backend::Backend;
use crate::cases;
use crate::rbac::becomes as may_become;
use crate::trial::Trial;

cases!(
    what_was_renewed_from_a_revoked_certificate_is_revoked,
    a_forged_record_shuts_nobody_out,
    requests_on_their_way_are_denied_or_told,
    what_a_server_does_not_list_is_a_failure,
    a_policy_that_follows_no_list_is_told,
    whoever_may_end_the_policy_is_told,
    entries_that_refuse_nobody_are_told,
    the_servers_clock_decides_what_has_ended,
);

fn what_was_renewed_from_a_revoked_certificate_is_revoked(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    admin.write("alice.conf", &alice.read(".kube/config"));
    // A copy is renewed, and asks again with what it got.
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "stolen");
    admin.run(&ONCE).ok().prints(&["stolen approved"]);
    issued(&admin, "stolen");
    admin.run(&ONCE).ok().says(&["recorded: certificate"]);
    thief.run(&["install", "alice", "--csr-name", "stolen", "--replace"]).ok();
    ask(&thief, "alice", &["dev", "ops"], "again");
    admin.run(&["revoke", "--certificate", "alice.conf", "--dry-run"]).ok().prints(&[
        "alice.conf) blocked (dry run)",
        "recorded as a renewal of",
        "again denied",
    ]);
    assert_eq!(state(&admin, "again"), "");
    let done = admin.run(&["revoke", "--certificate", "alice.conf", "--yes", "-o", "json"]).ok();
    let done = done.json();
    let states: Vec<&Value> =
        done["certificates"].as_array().expect("a list").iter().map(|c| &c["state"]).collect();
    assert_eq!(states, ["blocked", "blocked"]);
    assert_eq!(done["requests"][0]["state"], "denied");
    assert_eq!(state(&admin, "again"), "Denied UsercertRevoked;");
    let records = recorded(&admin, "alice");
    assert!(records.len() == 2 && records.iter().all(|r| r["blocked"].is_string()), "{records:?}");
    // One that was missed, or let in by mistake, is not renewed.
    let child = records.iter().find(|r| r["renews"].is_string()).expect("a renewal");
    let child = child["sha256"].as_str().expect("a SHA-256").to_owned();
    admin.run(&["revocations", "lift", &child, "--yes"]).ok();
    ask(&thief, "alice", &["dev", "ops"], "once-more");
    admin.run(&ONCE).exits(3).prints(&["once-more denied", "descends from one that is revoked"]);
    assert_eq!(state(&admin, "once-more"), "Denied UsercertRenewalRevoked;");
}

fn a_forged_record_shuts_nobody_out(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    let bob = person(&trial, &admin, "bob", &["dev"]);
    let name = admin.run(&["certificates", "bob", "-o", "name"]).ok().stdout;
    let parent = recorded(&admin, "alice")[0]["sha256"].as_str().expect("one").to_owned();
    let get = ["get", "-n", "usercert-system", name.trim(), "-o", "json"];
    let mut record = admin.kubectl(&get).ok().json();
    record["data"]["renews"] = format!("X509SHA256={parent}").into();
    let labels = record["metadata"]["labels"].take();
    let at = name.trim().rsplit('/').next().expect("a name");
    record["metadata"] = json!({"name": at, "namespace": "usercert-system", "labels": labels});
    admin.kubectl(&["delete", "-n", "usercert-system", name.trim()]).ok();
    admin.write("record.json", &record.to_string());
    admin.kubectl(&["create", "-f", "record.json"]).ok();
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin
        .run(&["revoke", "--certificate", "alice.conf", "--yes"])
        .ok()
        .says(&["of bob is recorded as its renewal, which is impossible; it is not blocked"]);
    assert_eq!(recorded(&admin, "bob")[0]["blocked"], Value::Null);
    ask(&bob, "bob", &["dev"], "bob-2");
    admin.run(&ONCE).ok().prints(&["bob-2 approved"]);
}

fn requests_on_their_way_are_denied_or_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.run(&["request", "alice", "--csr-name", "waiting"]).ok();
    admin.run(&["request", "bob"]).ok();
    // Somebody who may see requests and deny none.
    let helper = trial.nobody_special("helper", &[]);
    let see = json!([
        {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["get", "list"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
    ]);
    trial.grant("helper", see);
    let forbidden = helper.run(&["revoke", "alice", "--yes"]).exits(1);
    forbidden.says(&["Forbidden"]).prints(&["WARNING: the request waiting was not denied"]);
    assert_eq!(state(&admin, "waiting"), "");
    let mut terminal = admin.on_terminal(&["revoke", "alice"]);
    assert!(terminal.asked().contains("request waiting, pending, submitted by"));
    let done = terminal.answer("y").exits(0);
    assert!(done.stdout.contains("waiting denied"), "{}", done.stdout);
    assert_eq!(state(&admin, "waiting"), "Denied UsercertRevoked;");
    assert_eq!(state(&admin, "bob"), "", "nobody else's");
    // Approved, and no signer has acted on it yet.
    let slow = ["request", "alice", "--csr-name", "slow", "--signer", "example.com/people"];
    admin.run(&slow).ok();
    admin.kubectl(&["certificate", "approve", "slow"]).ok();
    admin.run(&["revoke", "alice", "--yes"]).exits(1).prints(&[
        "WARNING: the request slow is approved and not issued yet: its certificate will not be blocked",
        "kubectl usercert revoke --all-certificates -- alice",
    ]);
    let value = admin.run(&["revoke", "alice", "--yes", "-o", "json"]).exits(1).json();
    assert_eq!(value["requests"][0]["state"], "approved");
    admin.run(&["revoke", "alice", "--all-certificates", "--yes"]).ok();
    // Who may not see them says so.
    let other = trial.nobody_special("other", &[]);
    let see = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
    ]);
    trial.grant("other", see);
    other
        .run(&["revoke", "bob", "--yes"])
        .exits(1)
        .says(&["cannot tell whether more certificates will be issued: you may not list requests"]);
}

/// However the certificates were named. That somebody may not look is none.
fn what_a_server_does_not_list_is_a_failure(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    let Some(sandbox) = trial.backend.sandbox() else { return };
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("alice.conf", &alice.read(".kube/config"));
    for (part, unknown, of_one) in [
        (
            "certificatesigningrequests",
            "cannot tell whether more certificates will be issued",
            None,
        ),
        (
            "usercert-system/configmaps?",
            "certificates that are known only from there are not blocked",
            Some("cannot tell whether it was renewed"),
        ),
    ] {
        sandbox.fail_at(part, Fault::Failing(503));
        admin.run(&["revoke", "alice", "--yes"]).exits(1).says(&[unknown]);
        let one = admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).exits(1);
        one.says(&[of_one.unwrap_or(unknown)]).prints(&["blocked"]);
        sandbox.recover();
    }
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
}

/// An API server stops watching the list when the last policy or binding with a list is deleted.
fn a_policy_that_follows_no_list_is_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    let create = || alice.kubectl(&["create", "serviceaccount", "made", "--dry-run=server"]);
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        admin.kubectl(&["delete", kind, "usercert-revoked-certificates"]).ok();
    }
    becomes(create, false).ok();
    admin.run(&["revocations", "install", "--yes"]).exits(1);
    becomes(create, true).exits(1);
    // All that is on the list is refused; what comes next would not be.
    let old = "old copy of the list";
    admin.run(&["revocations", "list"]).exits(1).prints(&["WARNING: 1 of 2 tested entries", old]);
    admin.run(&["doctor"]).ok().prints(&[old, "restart the API server"]);
    admin
        .run(&["revocations", "lift", "alice.conf", "--yes"])
        .exits(1)
        .prints(&["removed from the list"])
        .says(&["still refused: the API server uses an old copy"]);
    // Nothing of the trials is left.
    let list = admin.run(&["revocations", "list", "-o", "json"]).exits(1).json();
    assert_eq!(list["items"], json!([]));
}

fn whoever_may_end_the_policy_is_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    let bob = trial.nobody_special("bob", &["dev"]);
    admin.run(&["revocations", "install", "--yes"]).ok();
    for (name, person) in [("alice.conf", &alice), ("bob.conf", &bob)] {
        admin.write(name, &person.read(".kube/config"));
    }
    let warning = "may write admission policies or their bindings";
    admin
        .run(&["revoke", "--certificate", "alice.conf", "--yes"])
        .ok()
        .prints(&[&format!("WARNING: alice {warning}"), "kubectl usercert access -- alice"]);
    let revoke = ["revoke", "--certificate", "bob.conf", "--yes"];
    admin
        .run(&revoke)
        .ok()
        .never_shows("WARNING")
        .prints(&["Whoever may write admission policies"]);
    let value = admin.run(&[&revoke[..], &["-o", "json"]].concat()).ok().json();
    assert_eq!(value["certificates"][0]["mayEndPolicy"], false);
    // By a group of the certificate. No policy is asked about the objects of others either: one that
    // changes what is written can empty the list, one that refuses can keep it from being written.
    for (verb, resource) in [
        ("patch", "validatingadmissionpolicies"),
        ("deletecollection", "validatingadmissionpolicybindings"),
        ("create", "validatingadmissionpolicies"),
        ("create", "mutatingadmissionpolicies"),
        ("update", "mutatingadmissionpolicybindings"),
        ("patch", "mutatingadmissionpolicies"),
    ] {
        let group = "admissionregistration.k8s.io";
        // Written down, for the sandbox serves no mutating ones.
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": "mends" },
            "rules": [{ "apiGroups": [group], "resources": [resource], "verbs": [verb] }],
        });
        admin.write("mends.json", &role.to_string());
        admin.kubectl(&["create", "-f", "mends.json"]).ok();
        // kubectl asks about no resource that is not served; the sandbox learns of changes at once.
        let is_asked = trial.backend.sandbox().is_none() || resource.starts_with("validating");
        let resource = format!("{resource}.{group}");
        let seen = |allowed| {
            if is_asked {
                may_become(&admin, allowed, "bob", verb, &resource, &["--as-group=dev"]);
            }
        };
        let bind = ["create", "clusterrolebinding", "mends", "--clusterrole=mends", "--group=dev"];
        admin.kubectl(&bind).ok();
        seen(true);
        admin.run(&revoke).ok().prints(&[&format!("WARNING: bob {warning}")]);
        for kind in ["clusterrolebinding", "clusterrole"] {
            admin.kubectl(&["delete", kind, "mends"]).ok();
        }
        seen(false);
    }
}

fn entries_that_refuse_nobody_are_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    patch(
        &admin,
        &MAP,
        &json!({ "data": { "users": "\nuser.73797374656d3a78 2026-11-30 planted\n" } }),
    );
    let list = admin.run(&["revocations", "list"]).exits(1);
    list.prints(&["(user/system:x): users system:… are never refused", "Nothing is revoked."]);
    // Of a SHA-256 alone nobody knows whether it is a component's.
    let unknown = "ab".repeat(32);
    let revoke = ["revoke", "--certificate", &unknown, "--yes"];
    let said = "blocked, unless its user is a component (system:…): refused for writes";
    admin.run(&revoke).ok().prints(&[said]);
    let value = admin.run(&[&revoke[..], &["-o", "json"]].concat()).ok().json();
    let one = &value["certificates"][0];
    assert_eq!((&one["state"], &one["ownerKnown"]), (&json!("unknown"), &json!(false)));
}

fn the_servers_clock_decides_what_has_ended(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let days = |ago: i64| {
        let date = format!("date -u -d '{ago} days ago' +%Y-%m-%dT%H:%M:%SZ");
        admin.tool("sh", &["-c", &date]).ok().stdout.trim().to_owned()
    };
    let (recent, old) = ("ab".repeat(32), "cd".repeat(32));
    let entry = |ago| format!("2026-11-30 stolen\nuntil: {}\nuser: alice", days(ago));
    patch(&admin, &MAP, &json!({ "data": { &recent: entry(2), &old: entry(9) } }));
    let prune = ["revocations", "prune"];
    // Nothing is taken out without a question.
    admin.run(&prune).exits(2).says(&["no terminal to ask on"]);
    admin.run(&[&prune[..], &["--dry-run"]].concat()).ok().prints(&[&recent, &old]);
    if let Backend::Sandbox(sandbox) = &*trial.backend {
        // To this server it is three days ago.
        sandbox.tell_time(-3 * 86_400);
        admin
            .run(&[&prune[..], &["--yes"]].concat())
            .ok()
            .prints(&[&format!("certificate {old} of alice removed")])
            .never_shows(&recent)
            .says(&["this machine's clock is 3d ahead of the server's"]);
        sandbox.tell_time(0);
    }
    let mut terminal = admin.on_terminal(&prune);
    assert!(terminal.asked().contains(&recent));
    terminal.answer("y").exits(0);
    admin.run(&prune).ok().prints(&["Nothing to remove."]);
}
