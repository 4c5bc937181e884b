//! What `inspect` says of an entry whose certificate renews itself.

use serde_json::Value;

use super::{Holder, issue, refusing};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(whom_it_names_and_when_it_is_renewed, what_keeps_clients_from_it);

/// The user entry in a kubeconfig, and the codes of what is found in it.
fn entry(person: &Person) -> (Value, Vec<String>) {
    let out = person.run(&["inspect", ".kube/config", "-o", "json"]).ok();
    let items = out.never_shows("PRIVATE KEY-").json()["items"].clone();
    let items = items.as_array().expect("items");
    let entry = items.iter().find(|item| item["what"] == "kubeconfig user").expect("an entry");
    let findings = entry["findings"].as_array().expect("findings").iter();
    let codes = findings.map(|f| f["code"].as_str().expect("a code").to_owned()).collect();
    (entry.clone(), codes)
}

fn whom_it_names_and_when_it_is_renewed(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "looked", 60, 6000) else { return };
    let Holder { person, user, .. } = &holder;
    let (found, codes) = entry(person);
    assert!(codes.is_empty(), "{codes:?}");
    let is = &found["properties"];
    assert_eq!((&is["user"], &is["renewsItself"]), (&user.as_str().into(), &true.into()));
    assert_eq!(is["groups"], serde_json::json!(["dev", "ops"]));
    assert!(is["credentials"].is_null(), "{is}");
    let rows = person.run(&["contexts", "-o", "json"]).ok().json();
    assert_eq!(found["expires"], rows["items"][0]["notAfter"]);
    let due = person.run(&["verify"]).ok().stdout;
    let from = is["renewsFrom"].as_str().expect("a time");
    assert!(due.contains(&format!("renews itself from {from} on")), "{from} is not in {due}");

    let sheet = person.run(&["inspect", ".kube/config"]).ok().never_shows("PRIVATE KEY-");
    let store = holder.store().display().to_string();
    sheet.prints(&[user, "dev, ops", "Renewed from", from, &store, "Private key  in the store"]);
    let text = person.run(&["inspect", ".kube/config", "--text"]).ok();
    text.never_shows("PRIVATE KEY-").prints(&["Self-renewed yes", "Public key: "]);
    person.run(&["inspect", ".kube/config", "--expires-within", "1h"]).ok();
    person.run(&["inspect", ".kube/config", "--expires-within", "3h"]).exits(4);
    // What came by a pipe may be another machine's.
    let config = person.read(".kube/config");
    let piped = person.run_with(&["inspect", "-"], config.as_bytes()).ok();
    piped.prints(&["stored-elsewhere"]).never_shows("dev, ops");
}

fn what_keeps_clients_from_it(trial: &Trial) {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(holder) = Holder::aged(trial, "unfit", 60, 6000) else { return };
    let person = &holder.person;
    let file = holder.store().join("credential.json");
    let whole = holder.stored();
    issue(trial, person, &holder.user, 60, 6000).expect("the CA is known");
    let mut other = whole.clone();
    other["key"] = person.read("aged.key").into();
    std::fs::write(&file, other.to_string()).expect("a file");
    assert_eq!(entry(person).1, ["key-mismatch"]);
    refusing::make_expired(trial, &holder);
    assert_eq!(entry(person).1, ["expired"]);
    person.run(&["inspect", ".kube/config"]).ok().prints(&["PROBLEM", "401"]);
    std::fs::write(&file, whole.to_string()).expect("a file");

    let set = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set(0o644);
    assert_eq!(entry(person).1, ["store-unreadable"]);
    set(0o600);
    assert!(entry(person).1.is_empty());
    let config = person.read(".kube/config");
    let program = crate::trial::plugin().to_str().expect("a path");
    assert!(config.contains(program), "{config}");
    person.write(".kube/config", &config.replace(program, "/nowhere/kubectl-usercert"));
    assert_eq!(entry(person).1, ["program-missing"]);
    std::fs::remove_dir_all(holder.store()).expect("the store goes");
    assert_eq!(entry(person).1, ["program-missing", "store-missing"]);
}
