//! What `revoke` reports is true when it ends, whatever happened while it ran; it claims nothing that was not tested.

use serde_json::{Value, json};

use super::{MAP, own_server, patch};
use crate::approver::{ONCE, RULES, ask, issued, person, recorded, stage, state};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    a_renewal_that_is_approved_during_the_question_is_blocked,
    a_renewal_without_a_record_is_found_by_its_request,
    what_is_not_blocked_is_no_success,
    a_wrong_end_is_corrected_and_a_record_gives_none,
    what_was_changed_since_it_was_shown_is_not_pruned,
    of_many_only_the_tried_are_called_blocked,
    exceptions_from_the_block_of_a_user_end_with_it,
);

fn listed(admin: &Person) -> Vec<Value> {
    let list = admin.run(&["revocations", "list", "-o", "json"]).json();
    list["items"].as_array().expect("items").clone()
}

fn sha256(admin: &Person, user: &str) -> String {
    recorded(admin, user)[0]["sha256"].as_str().expect("a SHA-256").to_owned()
}

fn a_renewal_that_is_approved_during_the_question_is_blocked(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    let bob = person(&trial, &admin, "bob", &["dev"]);
    let forms: [(&str, &Person, &[&str], &[&str]); 2] = [
        ("alice", &alice, &["dev", "ops"], &["revoke", "alice"]),
        ("bob", &bob, &["dev"], &["revoke", "--certificate", "bob.conf"]),
    ];
    for (user, holder, groups, revoke) in forms {
        let before = listed(&admin).len();
        let mut terminal = admin.on_terminal(revoke);
        assert!(terminal.asked().contains("[y/N]"));
        let (renewal, pending) = (format!("{user}-renewed"), format!("{user}-pending"));
        ask(holder, user, groups, &renewal);
        admin.run(&ONCE).ok().prints(&[&format!("{renewal} approved")]);
        issued(&admin, &renewal);
        ask(holder, user, groups, &pending);
        let done = terminal.answer("y").exits(0);
        for said in [
            "Issued or submitted meanwhile: certificate ",
            &format!("request {renewal}"),
            &format!("{pending} denied"),
        ] {
            let all = format!("{}{}", done.stdout, done.stderr);
            assert!(all.contains(said), "{said}: {all}");
        }
        assert_eq!(
            done.stdout.matches("blocked: refused for writes").count(),
            2,
            "{}",
            done.stdout
        );
        assert_eq!(listed(&admin).len(), before + 2);
        assert_eq!(state(&admin, &pending), "Denied UsercertRevoked;");
    }
}

/// What is issued to a request that was submitted with the revoked certificate descends from it, before
/// anybody has recorded that.
fn a_renewal_without_a_record_is_found_by_its_request(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    admin.write("alice.conf", &alice.read(".kube/config"));
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "stolen");
    admin.run(&ONCE).ok().prints(&["stolen approved"]);
    issued(&admin, "stolen");
    assert_eq!(recorded(&admin, "alice").len(), 1);
    // And what that one was used for.
    thief.run(&["install", "alice", "--csr-name", "stolen", "--replace"]).ok();
    ask(&thief, "alice", &["dev"], "less");
    admin.run(&["approve", "less", "--yes"]).ok();
    issued(&admin, "less");
    let done = admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    done.prints(&["(request stolen, submitted with ", "(request less, submitted with "]);
    assert_eq!(listed(&admin).len(), 3);
}

fn what_is_not_blocked_is_no_success(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    person(&trial, &admin, "alice", &["dev"]);
    let revoke = ["revoke", "alice", "--yes"];
    let open = "is not blocked: this cluster has no list of revoked certificates";
    admin.run(&revoke).exits(1).prints(&[open]);
    // The roles alone can be taken.
    admin.run(&["revoke", "alice", "--roles-only", "--yes"]).ok();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.kubectl(&[&["delete"], &MAP[..]].concat()).ok();
    admin.run(&revoke).exits(1).prints(&[open]);
    admin.run(&["revocations", "install", "--yes"]);
    // Who may not try cannot tell.
    let revoker = trial.nobody_special("revoker", &[]);
    trial.grant(
        "revoker",
        json!([
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
            {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "patch"]},
        ]),
    );
    revoker.run(&revoke).exits(1).prints(&["cannot tell whether it is blocked"]);
    let unknown = "check the name. Groups, and certificates that are not known here, may still";
    for more in ["--yes", "--dry-run"] {
        admin.run(&["revoke", "nobody-ever", more]).exits(1).says(&[unknown]);
    }
    let group = ["revoke", "nobody-ever", "--group", "--yes"];
    admin.run(&group).exits(1).says(&["check the name. Certificates are blocked by user"]);
    admin.run(&["revoke", "--all-certificates", "--yes", "--", ""]).exits(2);
    assert_eq!(listed(&admin).len(), 1);
}

fn a_wrong_end_is_corrected_and_a_record_gives_none(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    admin.write("alice.conf", &alice.read(".kube/config"));
    let print = sha256(&admin, "alice");
    let planted = "2026-11-01 stolen (by jane)\nuntil: 2026-11-02T00:00:00Z\nuser: alice";
    patch(&admin, &MAP, &json!({ "data": { &print: planted } }));
    let revoke = ["revoke", "--certificate", "alice.conf", "--yes"];
    admin.run(&revoke).ok().prints(&["already blocked"]);
    let entry = listed(&admin).remove(0);
    assert_eq!(entry["reason"], "2026-11-01 stolen (by jane)");
    assert_eq!(entry["notAfter"], recorded(&admin, "alice")[0]["notAfter"]);
    admin.run(&["revocations", "prune", "--yes"]).ok().prints(&["Nothing to remove."]);
    // By the id that `revoke -o json` has.
    person(&trial, &admin, &format!("certificate/{print}"), &[]);
    let other = format!("certificate/{print}");
    admin.run(&["revoke", "--all-certificates", "--yes", "--", &other]).ok();
    admin.run(&["revocations", "lift", &other, "--yes"]).ok();
    admin.run(&["revocations", "lift", &format!("user/{other}"), "--yes"]).ok();
    // Nothing but a record tells of it, which anybody may have made who records.
    admin.kubectl(&["delete", "csr", "--all"]).ok();
    admin.run(&["revoke", "alice", "--yes"]).ok().prints(&["still possible until it expires"]);
    assert_eq!(listed(&admin)[0]["notAfter"], Value::Null);
    admin.run(&revoke).ok();
    assert_eq!(listed(&admin)[0]["notAfter"], recorded(&admin, "alice")[0]["notAfter"]);
}

fn what_was_changed_since_it_was_shown_is_not_pruned(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let [changed, same] = ["ab", "cd"].map(|pair| pair.repeat(32));
    let planted = "2020-11-01 stolen (by jane)\nuntil: 2020-11-02T00:00:00Z\nuser: alice";
    patch(&admin, &MAP, &json!({ "data": { &changed: planted, &same: planted } }));
    let mut terminal = admin.on_terminal(&["revocations", "prune"]);
    assert!(terminal.asked().contains(&changed));
    admin.run(&["revoke", "--certificate", &changed, "--reason", "again", "--yes"]).ok();
    let done = terminal.answer("y").exits(0);
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(all.contains(&format!("certificate {same} of alice removed")), "{all}");
    assert!(all.contains(&format!("{changed} of alice was changed meanwhile and stays")), "{all}");
    let left = listed(&admin);
    assert_eq!((left.len(), left[0]["id"].as_str()), (1, Some(changed.as_str())));
}

fn of_many_only_the_tried_are_called_blocked(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let ids: Vec<String> = (0..12).map(|n| format!("{n:064x}")).collect();
    let mut revoke = vec!["revoke", "--yes"];
    ids.iter().for_each(|id| revoke.extend(["--certificate", id]));
    let done = admin.run(&revoke).ok();
    assert_eq!(done.stdout.matches("refused for writes").count(), 10, "{}", done.stdout);
    done.prints(&["is on the list; not tested, as only 10 of them are"]);
    let value = admin.run(&[&revoke[..], &["-o", "json"]].concat()).ok().json();
    let states = value["certificates"].as_array().expect("a list").iter();
    assert_eq!(states.filter(|c| c["state"] == "listed" && c["enforcement"].is_null()).count(), 2);
}

fn exceptions_from_the_block_of_a_user_end_with_it(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    admin.write("alice.conf", &alice.read(".kube/config"));
    let revoke = ["revoke", "alice", "--all-certificates", "--yes"];
    let all = "every certificate of alice (also later ones, unless excepted) blocked";
    admin.run(&revoke).ok().prints(&[all]).never_shows("issued before now");
    admin.run(&["revocations", "lift", "alice.conf", "--yes"]).ok();
    let ids = || -> Vec<String> {
        listed(&admin).iter().map(|e| e["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert!(ids().iter().any(|id| id.starts_with("except/")), "{:?}", ids());
    // Doing it again ends exceptions.
    let mut terminal = admin.on_terminal(&revoke[..3]);
    assert!(terminal.asked().contains("the exception except/"));
    let done = terminal.answer("y").exits(0);
    assert!(done.stdout.contains("already blocked"), "{}", done.stdout);
    assert_eq!(ids(), ["user/alice"]);
    // One that names nobody may be for anybody's.
    let entry = format!("\nexcept.{} 2026-11-30 (by somebody)\n", "a".repeat(64));
    patch(&admin, &MAP, &json!({ "data": { "part.a8": entry } }));
    admin.run(&revoke).exits(1).prints(&["WARNING: exceptions that name no user: 1"]);
    let _own = trial;
}
