//! Requests that change, vanish or take a name while somebody decides.

use super::state;
use crate::cases;
use crate::trial::Trial;

cases!(
    swapped_while_the_question_stands,
    swapped_before_expect,
    deleted_while_the_question_stands,
    harmless_change_while_the_question_stands,
    answer_no,
    name_taken_before_from,
    a_second_key,
);

fn swapped_while_the_question_stands(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("swap");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    assert!(terminal.asked().contains("Groups       dev"));
    eve.kubectl(&["delete", "csr", &user]).ok();
    eve.run(&["request", &user, "-g", "kubeadm:cluster-admins"]).ok();
    terminal.answer("y").exits(1).says(&["not the one that was reviewed"]);
    assert_eq!(state(&admin, &user), "", "the other request is not approved");
}

fn swapped_before_expect(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("expect");
    let code = admin.run(&["request", &user, "-g", "dev"]).ok().code_shown();
    eve.kubectl(&["delete", "csr", &user]).ok();
    eve.run(&["request", &user, "-g", "dev"]).ok();
    let out = admin.run(&["approve", &user, "--expect", &code, "--yes"]).exits(3);
    out.says(&["not-expected", "its code is"]);
    admin.run(&["approve", &user, "--expect", &code, "--yes", "--accept", "not-expected"]).exits(2);
    assert_eq!(state(&admin, &user), "");
}

fn deleted_while_the_question_stands(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("deleted");
    admin.run(&["request", &user]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    terminal.asked();
    trial.admin().kubectl(&["delete", "csr", &user]).ok();
    terminal.answer("yes").exits(1).says(&["was deleted while it was reviewed"]);
}

/// A label set in between is no reason to refuse, and must not get lost either.
fn harmless_change_while_the_question_stands(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("label");
    admin.run(&["request", &user]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    terminal.asked();
    trial.admin().kubectl(&["label", "csr", &user, "team=blue"]).ok();
    terminal.answer("y").ok();
    assert_eq!(state(&admin, &user), "Approved");
    let label =
        admin.kubectl(&["get", "csr", &user, "-o", "jsonpath={.metadata.labels.team}"]).ok();
    assert_eq!(label.stdout, "blue");
}

fn answer_no(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("no");
    admin.run(&["request", &user]).ok();
    for word in ["n", "", "maybe", "yes please"] {
        let mut terminal = admin.on_terminal(&["approve", &user]);
        terminal.asked();
        terminal.answer(word).exits(3).says(&["not done: the answer was no"]);
    }
    admin.run(&["approve", &user]).exits(2).says(&["no terminal", "--yes"]);
    assert_eq!(state(&admin, &user), "");
}

/// Somebody has created the name first, with a request of their own.
fn name_taken_before_from(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("first");
    let newcomer = trial.newcomer();
    let mine =
        newcomer.run(&["request", &user, "-g", "dev", "--offline", "-o", "yaml"]).ok().stdout;
    eve.run(&["request", &user, "-g", "kubeadm:cluster-admins"]).ok();
    admin.write("r.yaml", &mine);
    let out = admin.run(&["approve", "--from", "r.yaml", "--yes", "--reply", "reply"]).ok();
    assert!(!out.stdout.contains(&format!("/{user} ")), "under a name of its own: {}", out.stdout);
    assert_eq!(state(&admin, &user), "", "the other request is not approved");
    newcomer.write("reply", &admin.read("reply"));
    newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).ok();
    let groups = newcomer.whoami(&newcomer.context_of(&user)).1;
    assert!(groups.contains(&"dev".to_owned()) && !groups.iter().any(|g| g.contains("kubeadm")));
}

/// Whoever asks in the name of somebody who is in already is told apart from a renewal.
fn a_second_key(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("second"));
    admin.run(&["request", &user, "-g", "dev"]).ok();
    admin.run(&["review", &user]).ok().never_shows("[second-key]");
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
    let other = admin.run(&["request", &user, "-g", "ops"]).ok();
    let other = other.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    let told = format!("{user} holds a valid certificate already (request {user}, until 20");
    admin.run(&["review", &other]).ok().prints(&[&told, "[second-key]"]);
    let listed = admin.run(&["list", "-o", "json"]).ok().json();
    let items = listed["items"].as_array().expect("items");
    let row = items.iter().find(|i| i["name"] == other.as_str()).expect("a row");
    assert!(row["findings"].to_string().contains("second-key"), "{row}");
    let mut terminal = admin.on_terminal(&["approve", &other]);
    assert!(terminal.says("continue without it: ").contains("[second-key]"));
    terminal.press("");
    terminal.asked();
    terminal.answer("n").exits(3);
    // A warning is for people, unless the policy says otherwise.
    admin.write(
        "policy.yaml",
        "apiVersion: usercert/v1\nkind: Policy\nfindings: {second-key: refuse}\n",
    );
    let approve = ["approve", &other, "--yes"];
    let refused = admin.run(&[&approve[..], &["--policy", "policy.yaml"]].concat()).exits(3);
    refused.says(&["[second-key]"]);
    assert_eq!(state(&admin, &other), "");
    admin.run(&approve).ok();
    // With the certificate itself it is a renewal.
    trial.grant(
        &user,
        serde_json::json!([{
            "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"],
            "verbs": ["create", "get", "list", "watch"],
        }]),
    );
    let context = admin.context_of(&user);
    let code = admin.run(&["renew", &context, "--timeout", "0"]).exits(5).code_shown();
    let listed = admin.run(&["list", "-o", "json"]).ok().json();
    let items = listed["items"].as_array().expect("items");
    let renewal = items.iter().find(|i| i["code"] == code.as_str()).expect("a row");
    assert!(!renewal["findings"].to_string().contains("second-key"), "{renewal}");
    let name = renewal["name"].as_str().expect("a name");
    admin.run(&["review", name]).ok().never_shows("[second-key]");
}
