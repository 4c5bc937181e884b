//! Runs that are interrupted, run twice, or find the work of others.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;

use super::{dirs, items, journal, lines, onboard, requests};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    killed_twice_and_resumed,
    two_runs_exclude_each_other,
    files_that_are_gone,
    requests_of_somebody_else,
    a_denial_is_one_persons,
);

/// How many people the killed run serves; the long version is run by hand.
fn crowd() -> usize {
    std::env::var("USERCERT_CROWD").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

fn killed_twice_and_resumed(trial: &Trial) {
    let crowd = crowd();
    let base = trial.user("member");
    let admin = trial.admin();
    dirs(&admin);
    let mut roster = "name,groups\n".to_owned();
    for i in 0..crowd {
        writeln!(roster, "{base}-{i:05},dev;team-{i}").expect("text");
    }
    admin.write("team.csv", &roster);
    let args = ["onboard", "team.csv", "--standalone-dir", "out", "--yes", "-q"];
    // A row makes three lines: the key, the submitted request, the written file.
    for enough in [crowd, 2 * crowd] {
        let mut run = admin.start(&args);
        while lines(&admin) < enough {
            assert!(run.try_wait().expect("a process").is_none(), "it ended before it was killed");
            std::thread::yield_now();
        }
        run.kill().expect("it is killed");
        run.wait().expect("it ends");
        assert!(lines(&admin) < 3 * crowd, "it was killed on the way");
    }
    let last = admin.run(&[&args[..], &["-o", "json"]].concat()).ok();
    let last = items(&last);
    let count = |state: &str| last.iter().filter(|item| item["state"] == state).count();
    assert!(count("IssuedBefore") > 0 && count("Issued") > 0);
    assert_eq!(count("IssuedBefore") + count("Issued"), crowd);

    // Nobody is missing, and what is there is what the roster says.
    let mut certificates = BTreeSet::new();
    for (i, item) in last.iter().enumerate() {
        let file = item["file"].as_str().expect("a file");
        let shown = admin.run(&["inspect", file, "-o", "json"]).ok();
        let text = shown.stdout;
        assert!(
            text.contains(&format!("{base}-{i:05}")) && text.contains(&format!("team-{i}\"")),
            "{text}"
        );
        certificates.insert(item["sha256"].as_str().expect("a digest").to_owned());
    }
    assert_eq!(certificates.len(), crowd);
    // Nobody has two.
    assert_eq!(requests(&admin, &base).len(), crowd);
    assert_eq!(std::fs::read_dir(admin.home.join("out")).expect("a directory").count(), crowd);
    let journal = std::fs::read_to_string(journal(&admin).expect("a journal")).expect("text");
    assert!(!journal.contains("PRIVATE KEY"));
}

fn two_runs_exclude_each_other(trial: &Trial) {
    let user = trial.user("solo");
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name\n{user}\n"));
    onboard(&admin, "team.csv", &[]).exits(2);
    let file =
        File::options().write(true).open(journal(&admin).expect("a journal")).expect("a file");
    file.lock().expect("it is free");
    onboard(&admin, "team.csv", &["--yes"])
        .exits(1)
        .says(&["another run is working on", "nothing was sent"]);
    assert!(requests(&admin, &user).is_empty());
    drop(file);
    onboard(&admin, "team.csv", &["--yes"]).ok();
}

/// A reply is written again; a key is nowhere else.
fn files_that_are_gone(trial: &Trial) {
    let (robot, carol) = (trial.user("robot"), trial.user("carol"));
    let admin = trial.admin();
    dirs(&admin);
    let newcomer = trial.newcomer();
    let request = newcomer.run(&["request", &carol, "--offline"]).ok().stdout;
    admin.write("carol.csr", &request);
    admin.write("team.csv", &format!("name,csr\n{robot},\n{carol},carol.csr\n"));
    let first = items(&onboard(&admin, "team.csv", &["--yes", "-o", "json"]).ok());
    let file = |item: &serde_json::Value| item["file"].as_str().expect("a file").to_owned();
    let (key, reply) = (file(&first[0]), file(&first[1]));
    let text = std::fs::read_to_string(&reply).expect("a reply");
    std::fs::remove_file(&reply).expect("it goes");
    let dry = onboard(&admin, "team.csv", &["--dry-run"]).ok();
    dry.prints(&["WouldWrite"]);
    assert!(!std::path::Path::new(&reply).exists());
    let code = first[1]["replyCode"].as_str().expect("a code");
    let again = onboard(&admin, "team.csv", &[]).ok();
    again.prints(&["WrittenAgain", &reply]).says(&["install --reply", code]);
    assert_eq!(std::fs::read_to_string(&reply).expect("a reply"), text);
    onboard(&admin, "team.csv", &[]).ok().says(&["2 people: 2 IssuedBefore"]);

    // Another directory gets it too.
    std::fs::create_dir_all(admin.home.join("other")).expect("a directory");
    let other = ["onboard", "team.csv", "--standalone-dir", "out", "--reply-dir", "other"];
    admin.run(&other).ok().prints(&["WrittenAgain"]);
    assert_eq!(std::fs::read_dir(admin.home.join("other")).expect("a directory").count(), 1);
    let other = ["onboard", "team.csv", "--standalone-dir", "other", "--reply-dir", "replies"];
    admin.run(&other).exits(1).prints(&["FileMissing", "of an earlier run", &key]);

    std::fs::remove_file(&key).expect("it goes");
    let gone = onboard(&admin, "team.csv", &[]).exits(1);
    let gone = gone.prints(&["FileMissing", "is gone, with the key in it", "create --standalone"]);
    gone.says(&["1 FileMissing"]).never_shows("run the same command again");
    assert_eq!(requests(&admin, &robot).len() + requests(&admin, &carol).len(), 2);
}

/// Newcomers whose requests somebody else has submitted as `onboard` would, and the rows for them.
fn submitted_by_eve(trial: &Trial, admin: &Person, count: usize) -> (String, Vec<String>, String) {
    let eve = trial.user("eve");
    let rule = serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]);
    trial.grant(&eve, rule);
    let stranger = trial.nobody_special(&eve, &[]);
    dirs(&stranger);
    let users: Vec<String> = (0..count).map(|_| trial.user("carol")).collect();
    let mut rows = "name,csr\n".to_owned();
    for user in &users {
        let request = trial.newcomer().run(&["request", user, "--offline"]).ok().stdout;
        for person in [&stranger, admin] {
            person.write(&format!("{user}.csr"), &request);
        }
        writeln!(rows, "{user},{user}.csr").expect("text");
    }
    stranger.write("team.csv", &rows);
    onboard(&stranger, "team.csv", &["--yes"]).exits(1).prints(&["cannot update resource"]);
    (eve, users, rows)
}

fn requests_of_somebody_else(trial: &Trial) {
    let admin = trial.admin();
    dirs(&admin);
    let (eve, users, rows) = submitted_by_eve(trial, &admin, 1);
    admin.write("team.csv", &rows);
    let strict = "apiVersion: usercert/v1\nkind: Policy\nrequester: {users: [nobody]}\n";
    admin.write("strict", strict);
    let out = onboard(&admin, "team.csv", &["--yes", "--policy", "strict"]).exits(3);
    let out = out.prints(&["Refused", &format!("submitted before by {eve}"), "policy-requester"]);
    out.says(&["1 person: 1 Refused"]).never_shows("run the same command again");
    let name = &requests(&admin, &users[0])[0];
    let state = ["get", name, "-o", "jsonpath={.status.conditions}"];
    assert_eq!(admin.kubectl(&state).ok().stdout, "");
    onboard(&admin, "team.csv", &["--yes"]).ok().prints(&["Issued"]);
    assert_eq!(requests(&admin, &users[0]).len(), 1);
}

/// However many were denied, those who were not are served.
fn a_denial_is_one_persons(trial: &Trial) {
    let (admin, good) = (trial.admin(), trial.user("good"));
    dirs(&admin);
    let (_, users, rows) = submitted_by_eve(trial, &admin, 3);
    for user in &users {
        let name = requests(&admin, user)[0].clone();
        let name = name.rsplit('/').next().expect("a name");
        admin.run(&["deny", name, "--reason", "Stranger"]).ok();
    }
    admin.write("team.csv", &format!("{rows}{good},\n"));
    let out = onboard(&admin, "team.csv", &["--yes"]).exits(3);
    out.prints(&["is already Denied (Stranger)", "Issued"])
        .says(&["4 people: 3 Refused, 1 Issued"]);
}
