//! The list itself: who writes it at the same time, what older versions and people wrote, and many entries.

use serde_json::{Value, json};

use super::{MAP, SENTENCE, becomes, own_server, patch, powerful};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    all_who_revoke_at_once_win,
    a_key_set_by_hand_counts_and_an_older_list_is_upgraded,
    five_thousand_entries_fit_and_refuse,
    a_text_that_is_too_long_is_told_and_not_written,
);

fn data(admin: &Person) -> serde_json::Map<String, Value> {
    let map = admin.kubectl(&[&["get"], &MAP[..], &["-o", "json"]].concat()).ok().json();
    map["data"].as_object().expect("a map").clone()
}

fn create(person: &Person) -> crate::trial::Outcome {
    person.kubectl(&["create", "serviceaccount", "made", "--dry-run=server"])
}

fn all_who_revoke_at_once_win(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    // In one text of the list, so that each change is one of the same value.
    let ids: Vec<String> = (0..8).map(|n| format!("a{n:063x}")).collect();
    let each = |command: fn(&str) -> Vec<&str>| {
        std::thread::scope(|scope| {
            for id in &ids {
                scope.spawn(|| admin.run(&command(id)).ok());
            }
        });
    };
    each(|id| vec!["revoke", "--certificate", id, "--yes"]);
    let listed = admin.run(&["revocations", "list", "-o", "json"]).ok().json();
    let found: Vec<&str> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(found, ids);
    assert_eq!(listed["damaged"], json!([]));
    each(|id| vec!["revocations", "lift", id, "--yes"]);
    assert_eq!(data(&admin).len(), 1, "the test entry");
}

fn a_key_set_by_hand_counts_and_an_older_list_is_upgraded(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice, bob) =
        (trial.admin(), powerful(&trial, "alice"), powerful(&trial, "bob@example.com"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    let me = alice.kubectl(&["auth", "whoami", "-o", "json"]).ok().stdout;
    let at = me.find("X509SHA256=").expect("a certificate's id") + 11;
    let print = &me[at..at + 64];
    let keys = json!({ print: "2026-11-29 by hand", "user.626f62406578616d706c652e636f6d": "2026-11-29 left" });
    patch(&admin, &MAP, &json!({ "data": keys }));
    becomes(|| create(&alice), true).exits(1).says(&[SENTENCE, "2026-11-29 by hand"]);
    // A user's does not, and that is told.
    create(&bob).ok();
    let older = ["WARNING: key user.626f", "blocks nothing there", "install` moves it"];
    admin.run(&["revocations", "list"]).exits(1).prints(&older);
    // A policy of an older version, which knows keys only.
    let older = "!request.userInfo.username.startsWith('system:') && has(request.userInfo.extra) && 'authentication.kubernetes.io/credential-id' in request.userInfo.extra && has(params.data) && request.userInfo.extra['authentication.kubernetes.io/credential-id'].exists(id, id.substring(11) in params.data)";
    let spec = json!({
        "matchConditions": [{ "name": "older", "expression": older }],
        "variables": null,
        "validations": [{ "expression": "false", "message": "this client certificate was revoked" }],
    });
    let policy = ["validatingadmissionpolicy", "usercert-revoked-certificates"];
    patch(&admin, &policy, &json!({ "spec": spec }));
    admin.run(&["revocations", "list"]).exits(1).prints(&["was changed", "install"]);
    admin
        .run(&["revocations", "install", "--yes"])
        .ok()
        .prints(&["validatingadmissionpolicy.admissionregistration.k8s.io/usercert-revoked-certificates configured"])
        .says(&["(tested)"]);
    // What had keys of their own is in the texts now.
    let keys: Vec<String> = data(&admin).into_iter().map(|(key, _)| key).collect();
    let texts = keys.iter().filter(|key| key.starts_with("part.") || *key == "users").count();
    assert_eq!((keys.len(), texts), (3, 2), "{keys:?}");
    create(&alice).exits(1).says(&["2026-11-29 by hand"]);
    becomes(|| create(&bob), true).exits(1).says(&["2026-11-29 left"]);
    admin.run(&["revocations", "list"]).ok().prints(&["2026-11-29 by hand", "user/bob"]);
    admin.run(&["revocations", "lift", print, "--yes"]).ok();
    becomes(|| create(&alice), false).ok();
    // What nothing finds is told.
    patch(&admin, &MAP, &json!({ "data": { "part.00": format!("\na{print} x\n") } }));
    admin
        .run(&["revocations", "list"])
        .exits(1)
        .prints(&["WARNING: key part.00: a", "blocks nothing"]);
}

fn five_thousand_entries_fit_and_refuse(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, alice, bob) = (trial.admin(), powerful(&trial, "alice"), powerful(&trial, "bob"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    let mut parts = serde_json::Map::new();
    for range in 0..64_u32 {
        let start = format!("{:02x}", range * 4);
        let entry = |n: u32| {
            format!(
                "{start}{n:062x} 2026-11-30 laptop stolen on the train (by jane.admin@example.com)\nuntil: 2036-12-30T00:00:00Z\nuser: alice.wonderland@example.com\nat: 02:00:00\n"
            )
        };
        let text: String = (0..78).map(entry).collect();
        parts.insert(format!("part.{start}"), format!("\n{text}").into());
    }
    patch(&admin, &MAP, &json!({ "data": parts }));
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin
        .run(&["revoke", "--certificate", "alice.conf", "--reason", "lost", "--yes"])
        .ok()
        .prints(&["blocked: refused for writes"]);
    create(&alice).exits(1).says(&[SENTENCE, " lost (by "]);
    create(&bob).ok();
    let list = admin.run(&["revocations", "list", "-o", "json"]).ok().json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(64 * 78 + 1));
    assert_eq!(list["damaged"], json!([]));
    admin.run(&["revocations", "lift", "alice.conf", "--yes"]).ok();
    becomes(|| create(&alice), false).ok();
}

/// Beyond a length, the policy fails for people with long names, and refuses all that they write.
fn a_text_that_is_too_long_is_told_and_not_written(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let name = |n: usize| format!("{n:0>120}");
    let hex = |name: &str| -> String { name.bytes().map(|byte| format!("{byte:02x}")).collect() };
    let users: String = (0..1_220).map(|n| format!("\nuser.{} left", hex(&name(n)))).collect();
    patch(&admin, &MAP, &json!({ "data": { "users": users } }));
    let told = ["a text of the list is longer than 300 kB", "revocations lift user/NAME"];
    admin.run(&["revocations", "list"]).exits(1).prints(&told);
    admin.run(&["doctor"]).ok().prints(&told);
    admin.run(&["revoke", "alice", "--all-certificates", "--yes"]).exits(1).says(&[
        "is full: its text users would be",
        "revocations prune",
        "lift user/NAME",
    ]);
    // Certificates have texts of their own, and one that is too long can become shorter.
    let unknown = "ab".repeat(32);
    admin.run(&["revoke", "--certificate", &unknown, "--yes"]).ok();
    admin.run(&["revocations", "lift", &format!("user/{}", name(1)), "--yes"]).ok();
}
