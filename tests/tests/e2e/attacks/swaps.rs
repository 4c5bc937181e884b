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
        terminal.answer(word).exits(3).says(&["nothing was done"]);
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
