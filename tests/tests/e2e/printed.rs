//! Commands that are printed do what was meant, and ask for the same.

use serde_json::json;

use crate::approver::{RULES, recorded, stage};
use crate::attacks::{openssl_request, submit};
use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    a_withdrawal_is_of_that_request,
    an_offline_line_asks_for_the_same,
    a_robots_line_asks_for_the_same,
    a_directory_of_requests_has_one_of_replies,
    names_are_those_of_kubectl,
    requests_for_others_are_told,
);

/// The words of the first printed line that holds this.
fn words(out: &Outcome, part: &str) -> Vec<String> {
    let all = format!("{}\n{}", out.stdout, out.stderr);
    let line = all.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{all}"));
    let (_, words) = line.split_once("kubectl usercert ").expect("a command");
    words.split(' ').map(str::to_owned).collect()
}

fn run(person: &Person, words: &[String]) -> Outcome {
    person.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn a_withdrawal_is_of_that_request(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("twice"));
    admin.run(&["request", &user, "-g", "a"]).ok();
    let offline = ["request", &user, "-g", "a", "--offline"];
    admin.run(&offline).ok();
    let again = admin.run(&offline).ok();
    run(&admin, &words(&again, "--withdraw")).ok().prints(&["its key is deleted"]);
    assert_eq!(admin.pending().len(), 1, "the other one is kept");
    admin.kubectl(&["get", "csr", &user]).ok();
    // Two of the same groups in the cluster.
    let (one, two) = (trial.user("one"), trial.user("two"));
    admin.run(&["request", &user, "-g", "b", "--csr-name", &one]).ok();
    let told = admin.run(&["request", &user, "-g", "b", "--csr-name", &two]).ok();
    let line = words(&told, &format!("--csr-name {one}"));
    run(&admin, &line).ok().prints(&[&format!("{one} withdrawn")]);
    admin.kubectl(&["get", "csr", &two]).ok();
    let choose = admin.run(&["install", &user]).exits(1);
    run(&admin, &words(&choose, "--withdraw")).ok();
    assert_eq!(admin.pending().len(), 1);
}

fn an_offline_line_asks_for_the_same(trial: &Trial) {
    let (name, user) = (trial.user("weak"), trial.user("asked"));
    let person = trial.nobody_special(&name, &[]);
    let terms = ["--expires", "12h", "--key-type", "p384", "--signer", "example.com/people"];
    let told = person.run(&[&["request", &user, "-g", "dev"][..], &terms].concat()).exits(1);
    let line = words(&told, "--offline");
    assert!(terms.iter().all(|term| line.iter().any(|word| word == term)), "{line:?}");
}

fn a_robots_line_asks_for_the_same(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("robot"));
    admin.write("team.csv", &format!("name,groups,expires\n{user},ci,24h\n"));
    let onboard = ["onboard", "team.csv", "--standalone-dir", "robots", "--yes"];
    admin.run(&onboard).ok();
    std::fs::remove_dir_all(admin.home.join("robots")).expect("it is there");
    let gone = admin.run(&onboard).exits(1);
    let all = format!("{}{}", gone.stdout, gone.stderr).replace('\n', " ");
    assert!(all.contains("create -g ci --expires 24h --standalone"), "{all}");
}

fn a_directory_of_requests_has_one_of_replies(trial: &Trial) {
    let (admin, newcomer, user) = (trial.admin(), trial.newcomer(), trial.user("alone"));
    let request = newcomer.run(&["request", &user, "--offline", "-o", "yaml", "-q"]).ok();
    admin.tool("mkdir", &["requests"]).ok();
    admin.write("requests/one.yaml", &request.stdout);
    let approve = ["approve", "-f", "requests", "--yes", "--reply"];
    admin.run(&[&approve[..], &["-", "-o", "json"]].concat()).exits(2).says(&["standard output"]);
    let done = admin.run(&[&approve[..], &["replies", "-q"]].concat()).ok();
    assert!(admin.has(&format!("replies/{user}.kubeconfig")));
    // Of several codes each has its name.
    done.says(&[&user]);
}

fn names_are_those_of_kubectl(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("labelled"));
    let ours = admin.run(&["contexts", "-o", "name"]).ok().stdout;
    assert_eq!(ours, admin.kubectl(&["config", "get-contexts", "-o", "name"]).ok().stdout);
    admin.run(&["request", &user]).ok();
    admin.kubectl(&["label", "csr", &user, &format!("of={user}")]).ok();
    let listed = admin.run(&["list", "-l", &format!("of={user}"), "-o", "name"]).ok().stdout;
    assert_eq!(listed, format!("certificatesigningrequest.certificates.k8s.io/{user}\n"));
    // A negative duration is no flag.
    admin.run(&["request", &user, "--expires", "-3d"]).exits(2).says(&["--expires", "-3d"]);
    admin.run(&["deny", &user]).ok();
    admin.run(&["install", &user, "--timeout", "-1s"]).exits(3);
}

/// Whoever took a certificate may hold the keys of what was requested with it.
fn requests_for_others_are_told(trial: &Trial) {
    let Some((_own, admin, alice)) = stage(trial, RULES) else { return };
    let pem = openssl_request(&alice, "/CN=carol", &[]);
    submit(&alice, "carol", &pem, json!({})).ok();
    recorded(&admin, "alice");
    let told = admin.run(&["revoke", "alice", "--yes"]).ok();
    told.says(&["with a certificate of alice, a request for carol was submitted: carol (Pending)"]);
}
