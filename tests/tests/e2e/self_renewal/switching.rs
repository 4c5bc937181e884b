//! From a certificate in the kubeconfig to one that renews itself, and back.

use serde_json::Value;

use super::{Holder, krew_link, mode};
use crate::cases;
use crate::trial::Trial;

cases!(installed_so, there_and_back, what_stays_as_it_is, an_expired_one_is_pruned);

fn user_entry(holder: &Holder) -> Value {
    let view = holder.person.kubectl(&["config", "view", "--raw", "-o", "json"]).ok().json();
    let users = view["users"].as_array().expect("users").clone();
    let entry = users.into_iter().find(|u| u["name"] == holder.context.as_str());
    entry.expect("the entry")["user"].clone()
}

fn installed_so(trial: &Trial) {
    let person = trial.admin();
    let user = trial.user("auto");
    let link = krew_link(&person);
    person.run(&["request", &user, "-g", "dev"]).ok();
    person.run(&["approve", &user, "--yes"]).ok();
    std::fs::create_dir_all(person.home.join(".kube")).expect("a directory");
    person.write(
        ".kube/kuberc",
        "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n\
         credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: aws\n",
    );
    let out = person.run(&["install", &user, "--auto-renew"]).ok();
    let command = link.to_str().expect("a path");
    let out = out.says(&["may not create, get, watch certificatesigningrequests"]);
    let out = out.says(&[".kube/kuberc", &format!("- command: \"{command}\"")]);
    out.prints(&["renews itself from "]);
    assert!(person.pending().is_empty(), "the key is in the store");
    let context = person.context_of(&user);
    let holder = Holder {
        person: person.clone(),
        user: user.clone(),
        context: context.clone(),
        cluster: Value::Null,
    };
    let entry = user_entry(&holder);
    assert_eq!(entry.as_object().expect("an entry").len(), 1, "{entry}");
    let exec = &entry["exec"];
    assert_eq!(exec["command"], command, "by the path that stays when krew upgrades");
    assert_eq!(exec["apiVersion"], super::V1);
    assert_eq!(
        (&exec["interactiveMode"], &exec["provideClusterInfo"]),
        (&"Never".into(), &true.into())
    );
    assert!(exec["installHint"].as_str().is_some_and(|hint| hint.contains("renew --auto")));
    let store = holder.store();
    assert_eq!((mode(&store), mode(&store.join("credential.json"))), (0o700, 0o600));

    person.write(".kube/kuberc", "");
    assert_eq!(person.whoami(&context).0, user);
    let shown = person.run(&["contexts"]).ok().stdout;
    let row = shown.lines().find(|l| l.contains(&context)).expect("a row");
    assert!(row.contains("valid, renews itself") && row.contains("dev"), "{row}");
    let rows = person.run(&["contexts", "-o", "json"]).ok().json();
    let rows = rows["items"].as_array().expect("items");
    assert!(rows.iter().any(|r| r["context"] == context.as_str() && r["renewsItself"] == true));
    person.run(&["verify", &context]).ok().prints(&["Renewal     renews itself from ", &user]);
    person.run(&["contexts", "--expires-within", "60d"]).exits(4);
    // Our own commands connect by it too.
    person.run(&["list", "--context", &context]).exits(1).says(&["Forbidden", &user]);
    person.run(&["revoke", &user, "--dry-run", "--yes"]).ok().prints(&[&context]);

    // The program goes away.
    std::fs::remove_file(&link).expect("the link goes");
    person.run(&["verify", &context]).ok().says(&["kubectl cannot run", "renew --auto"]);
    let gone = person.kubectl(&["--context", &context, "auth", "whoami"]).exits(1);
    gone.says(&[command]);
    person.run(&["list", "--context", &context]).exits(1).says(&["not found", "renew --auto"]);
    person.run(&["renew", "--auto", &context]).ok();
    assert_eq!(person.whoami(&context).0, user, "by its new path");
}

fn there_and_back(trial: &Trial) {
    let Some(holder) = Holder::aged_in_kubeconfig(trial, "back", 60, 6000) else { return };
    let Holder { person, user, context, .. } = &holder;
    // What else the entry says stays.
    let entry = format!("- name: {user}\n  user:\n");
    let text = person.read(".kube/config");
    let more = format!("{entry}    extensions:\n    - extension: kept\n      name: note\n");
    assert!(text.contains(&entry), "{text}");
    person.write(".kube/config", &text.replace(&entry, &more));
    let before = person.read(".kube/config");
    person.run(&["renew", "--auto", "--dry-run"]).ok().prints(&["dry run"]);
    assert_eq!(person.read(".kube/config"), before);
    let out = person.run(&["renew", "--auto", context, "-o", "json"]).ok().json();
    assert_eq!((&out["renewsItself"], &out["user"]), (&true.into(), &user.as_str().into()));
    assert_eq!(out["groups"], serde_json::json!(["dev", "ops"]));
    assert!(!person.read(".kube/config").contains("client-"), "no credential is left in it");
    assert_eq!(person.whoami(context).0, *user);
    // Again, it changes nothing.
    let auto = person.read(".kube/config");
    person.run(&["renew", "--auto", context]).ok();
    assert_eq!(person.read(".kube/config"), auto);

    person.run(&["renew", "--static", context]).ok().prints(&["written", "expires in"]);
    assert_eq!(person.whoami(context).0, *user);
    assert!(user_entry(&holder)["exec"].is_null());
    assert_eq!(user_entry(&holder)["extensions"][0]["extension"], "kept");
    assert!(user_entry(&holder)["client-key-data"].is_string());
    let stores = person.home.join(".local/state/kubectl-usercert/credentials");
    assert_eq!(std::fs::read_dir(stores).expect("a folder").count(), 0, "no key is left in it");
    let again = person.run(&["renew", "--static", context]).ok();
    again.prints(&["unchanged: its certificate does not renew itself"]);
    person.run(&["renew", "--static", "--auto"]).exits(2);
}

fn what_stays_as_it_is(trial: &Trial) {
    let Some(holder) = Holder::aged_in_kubeconfig(trial, "stays", 60, 6000) else { return };
    let Holder { person, user, .. } = &holder;
    person.kubectl(&["config", "set-credentials", user, "--token=abc"]).ok();
    let before = person.read(".kube/config");
    let refused = person.run(&["renew", "--auto"]).exits(1);
    refused.says(&["also holds a token"]);
    assert_eq!(person.read(".kube/config"), before);
    let stores = person.home.join(".local/state/kubectl-usercert/credentials");
    assert!(!stores.exists(), "nothing was stored");
}

fn an_expired_one_is_pruned(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "dead", 60, 6000) else { return };
    let Holder { person, user, .. } = &holder;
    person.run(&["contexts", "--prune", "--yes"]).ok().says(&["Nothing to remove"]);
    super::refusing::make_expired(trial, &holder);
    let shown = person.run(&["contexts", "--prune", "--yes"]).ok();
    shown.prints(&[&format!("user {user} removed")]);
    assert!(!person.read(".kube/config").contains("exec"));
    let stores = person.home.join(".local/state/kubectl-usercert/credentials");
    assert_eq!(std::fs::read_dir(stores).expect("a folder").count(), 0, "the key is gone too");
}
