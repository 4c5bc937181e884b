//! What a SHA-256 is worth. Go's reader of certificates ignores what follows the signature, so whoever holds a
//! certificate and its key can present it under any number of SHA-256s; and a request of somebody of whom a
//! certificate was revoked is not like any other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{MAP, patch};
use crate::approver::{ONCE, RULES, ask, issued, recorded, stage, state};
use crate::attacks::{openssl_request, submit, tlv};
use crate::backend::Backend;
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    a_revoked_certificate_in_another_encoding_gets_no_new_one,
    an_unrecorded_certificate_is_renewed_once,
    who_was_revoked_before_is_told,
    what_is_revoked_during_a_question_counts,
    a_file_in_another_encoding_blocks_what_was_issued,
);

/// Somebody with the same certificate and key, with a byte more behind the signature each time. The sandbox's TLS
/// library refuses that.
fn reencoded(trial: &Trial, person: &Person, more: usize) -> Person {
    let view = person.kubectl(&["config", "view", "--raw", "-o", "json"]).ok();
    let mut config = view.json();
    let data = &mut config["users"][0]["user"]["client-certificate-data"];
    let pem = STANDARD.decode(data.as_str().expect("a certificate")).expect("base64");
    let pem = String::from_utf8(pem).expect("PEM");
    let lines = pem.lines().skip(1).take_while(|line| !line.starts_with('-'));
    let der = STANDARD.decode(lines.collect::<String>()).expect("base64");
    let header = if der[1] < 0x80 { 2 } else { 2 + usize::from(der[1] & 0x7f) };
    let longer = STANDARD.encode(tlv(0x30, &[&der[header..], &[5, 0].repeat(more)]));
    let pem = format!("-----BEGIN CERTIFICATE-----\n{longer}\n-----END CERTIFICATE-----\n");
    *data = STANDARD.encode(pem).into();
    trial.with_kubeconfig(&config.to_string())
}

fn asks(person: &Person, name: &str) {
    let pem = openssl_request(person, "/CN=alice/O=dev/O=ops", &[]);
    submit(person, name, &pem, json!({ "expirationSeconds": 3600 })).ok();
}

fn a_revoked_certificate_in_another_encoding_gets_no_new_one(trial: &Trial) {
    if !matches!(*trial.backend, Backend::ControlPlane(_)) {
        return;
    }
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    admin.write("stolen.conf", &alice.read(".kube/config"));
    let thief = reencoded(&trial, &alice, 1);
    let revoke = ["revoke", "--certificate", "stolen.conf", "--reason", "laptop stolen", "--yes"];
    admin.run(&revoke).ok();
    asks(&thief, "stolen");
    let doubted = "[doubtful-requester]";
    let sheet = admin.run(&["review", "stolen"]).exits(3);
    sheet.prints(&[doubted, "in another encoding", "laptop stolen", "[revoked-before]"]);
    admin.run(&["approve", "stolen", "--yes"]).exits(3).says(&[doubted]);
    admin.run(&["approve", "--all-pending", "--yes"]).exits(3).says(&["doubtful-requester"]);
    admin.run(&ONCE).ok().prints(&["stolen left"]);
    // Naming somebody else does not help.
    let pem = openssl_request(&thief, "/CN=carol", &[]);
    submit(&thief, "carol", &pem, json!({})).ok();
    admin.run(&["approve", "carol", "--yes"]).exits(3).says(&[doubted]);
    assert_eq!(["stolen", "carol"].map(|name| state(&admin, name)), ["", ""]);
    // Her next one is known, whoever approves with it.
    let create = ["create", "alice", "-g", "dev", "-g", "ops", "--standalone", "new.conf", "--yes"];
    admin.run(&create).ok().says(&["[revoked-before]"]);
    let hers = trial.with_kubeconfig(&admin.read("new.conf"));
    ask(&hers, "alice", &["dev", "ops"], "hers");
    admin.run(&["review", "hers"]).ok().prints(&["[revoked-before]"]);
    admin.run(&ONCE).ok().prints(&["hers approved under the rule developers"]);
    ask(&hers, "alice", &["dev", "ops"], "once-more");
    admin.run(&["approve", "once-more", "--yes"]).ok();
}

fn a_file_in_another_encoding_blocks_what_was_issued(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    let copy = reencoded(&trial, &alice, 1);
    admin.write("copy.conf", &copy.read(".kube/config"));
    let real = recorded(&admin, "alice")[0]["sha256"].as_str().expect("a SHA-256").to_owned();
    let told = admin.run(&["revoke", "--certificate", "copy.conf", "--yes"]).ok();
    told.says(&["under another SHA-256 too", &real[..16]]);
    let listed = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
    assert_eq!((listed.lines().count(), listed.contains(&real)), (2, true), "{listed}");
}

fn an_unrecorded_certificate_is_renewed_once(trial: &Trial) {
    let rules = RULES.replace("groups: {allow: [dev, ops]}", "users: {allow: [alice]}");
    let Some((trial, admin, alice)) = stage(trial, &rules) else { return };
    let copies = match &*trial.backend {
        Backend::ControlPlane(_) => [1, 2, 3].map(|more| reencoded(&trial, &alice, more)),
        // Where one cannot be presented in several ways, several stand for it.
        _ => ["1.conf", "2.conf", "3.conf"].map(|file| {
            let create = ["create", "alice", "-g", "dev", "-g", "ops", "--standalone", file];
            admin.run(&[&create[..], &["--yes"]].concat()).ok();
            trial.with_kubeconfig(&admin.read(file))
        }),
    };
    let forget = || {
        let records = ["delete", "cm", "-n", "usercert-system", "-l", "usercert/kind=certificate"];
        admin.kubectl(&records).ok();
    };
    let names = ["one", "two", "three"];
    copies.iter().zip(names).for_each(|(copy, name)| asks(copy, name));
    let own = "the user has recorded ones";
    if trial.backend.sandbox().is_none() {
        admin.run(&ONCE).ok().prints(&[own]).never_shows("approved");
    }
    // Those that are there bring no records any more.
    let all = admin.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    for other in
        all.lines().filter(|csr| names.iter().all(|name| !csr.ends_with(&format!("/{name}"))))
    {
        admin.kubectl(&["delete", other]).ok();
    }
    forget();
    let done = admin.run(&ONCE).ok().stdout;
    assert_eq!(done.matches("approved under the rule developers").count(), 1, "{done}");
    assert_eq!(done.matches("its certificate is not recorded, and").count(), 2, "{done}");
    let states = names.map(|name| state(&admin, name));
    let first = states.iter().position(|state| !state.is_empty()).expect("one is approved");
    issued(&admin, names[first]);
    admin.run(&ONCE).ok().says(&["recorded: certificate"]);
    admin.run(&ONCE).ok().prints(&[own]);
    forget();
    admin.kubectl(&["delete", "csr", names[first]]).ok();
    admin.run(&ONCE).ok().prints(&["another one of the user has been renewed"]);
    // Where one of the user's is revoked, it may be that one.
    let leases = ["delete", "lease", "--all", "-n", "usercert-system"];
    admin.kubectl(&leases).ok();
    let entry = json!({ "data": { "ab".repeat(32): "2026-11-29 stolen (by jane)\nuser: alice" } });
    patch(&admin, &MAP, &entry);
    admin.run(&ONCE).ok().prints(&["left"]).never_shows("approved");
    patch(&admin, &MAP, &json!({ "data": { "ab".repeat(32): Value::Null } }));
    admin.run(&ONCE).ok().prints(&["approved"]);
}

fn who_was_revoked_before_is_told(trial: &Trial) {
    let Some((trial, admin, _)) = stage(trial, RULES) else { return };
    admin.run(&["revoke", "alice", "--reason", "left", "--yes"]).ok();
    let told = ["[revoked-before]", "a certificate of alice was revoked before: 20", " left (by "];
    admin.run(&["request", "alice", "--csr-name", "again"]).ok();
    admin.run(&["review", "again"]).ok().prints(&told);
    let sheet = admin.run(&["review", "again", "-o", "json"]).ok().json();
    let found = sheet["findings"].as_array().expect("findings").iter();
    let found = found.filter(|f| f["code"] == "revoked-before" && f["severity"] == "warn");
    assert_eq!((found.count(), &sheet["refused"]), (1, &json!(false)));
    let all = admin.run(&["approve", "--all-pending", "--dry-run"]).ok();
    all.says(&["revoked-before"]);
    admin.run(&["list"]).ok().prints(&["revoked-before"]);
    admin.run(&["approve", "again", "--yes"]).ok().says(&told);
    admin.run(&["create", "alice", "--standalone", "new.conf", "--dry-run"]).ok().says(&told);
    admin.write("team.csv", "name\nalice\n");
    admin.tool("mkdir", &["team"]).ok();
    let onboard = ["onboard", "team.csv", "--standalone-dir", "team", "--dry-run"];
    let shown = admin.run(&onboard).ok();
    assert!(
        format!("{}{}", shown.stdout, shown.stderr).contains("revoked-before"),
        "{}",
        shown.stderr
    );
    let _own = trial;
}

fn what_is_revoked_during_a_question_counts(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "waiting");
    let print = recorded(&admin, "alice")[0]["sha256"].as_str().expect("a SHA-256").to_owned();
    admin.write("team.csv", "name\nalice\n");
    admin.tool("mkdir", &["team"]).ok();
    let commands: [&[&str]; 4] = [
        &["approve", "waiting"],
        &["approve", "--all-pending"],
        &["create", "alice", "--standalone", "new.conf"],
        &["onboard", "team.csv", "--standalone-dir", "team"],
    ];
    let revoked = |line: Value| patch(&admin, &MAP, &json!({ "data": { &print: line } }));
    for command in commands {
        let mut terminal = admin.on_terminal(command);
        assert!(!terminal.asked().contains("revoked"));
        // By hand: `revoke` would deny the request too.
        revoked("2026-11-30 stolen (by jane)\nuser: alice".into());
        let told = terminal.answer("y").exits(3);
        let told = format!("{}{}", told.stdout, told.stderr);
        assert!(told.contains("changed while the question was open"), "{told}");
        assert_eq!(state(&admin, "waiting"), "");
        revoked(Value::Null);
    }
    // What is revoked of others is none of its business.
    let mut terminal = admin.on_terminal(&["approve", "waiting"]);
    terminal.asked();
    patch(&admin, &MAP, &json!({ "data": { "ab".repeat(32): "2026-11-30 x (by y)\nuser: bob" } }));
    terminal.answer("y").ok();
    let _own = trial;
}
