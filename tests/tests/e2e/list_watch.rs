//! `list --watch`: new requests as they come.

use crate::cases;
use crate::trial::{Person, Trial};

cases!(new_requests_as_they_come, a_command_that_fails_keeps_nobody_from_the_next);

/// Waits until a file holds so many lines.
fn until(person: &Person, file: &str, lines: usize) {
    for _ in 0..1000 {
        if person.has(file) && person.read(file).lines().count() >= lines {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{file} never had {lines} lines");
}

fn new_requests_as_they_come(trial: &Trial) {
    let admin = trial.admin();
    let (first, second) = (trial.user("first"), trial.user("second"));
    // Nobody else's requests.
    let signer = format!("example.com/{first}");
    let ask = |user: &str| {
        admin.run(&["request", user, "-g", "dev", "--signer", &signer]).ok();
    };
    let list = ["list", "--watch", "--signer", &signer];
    let script = "cat >> reviews; echo done >> done";
    let exec = ["-o", "name", "--exec", "sh", "-c", script];
    let running = admin.serving(&[&list[..], &exec].concat(), "Waiting for new ones");
    ask(&first);
    until(&admin, "done", 1);
    let review: serde_json::Value = serde_json::from_str(&admin.read("reviews")).expect("one line");
    assert_eq!((&review["kind"], &review["user"]), (&"Review".into(), &first.as_str().into()));
    assert_eq!(review["groups"], serde_json::json!(["dev"]));
    assert!(review["code"].is_string(), "{review}");
    // A decision is nothing new.
    admin.run(&["deny", "--", &first]).ok();
    ask(&second);
    until(&admin, "done", 2);
    let out = running.stop().ok();
    let names =
        [&first, &second].map(|n| format!("certificatesigningrequest.certificates.k8s.io/{n}\n"));
    assert_eq!(out.stdout, names.concat());

    // What is pending at the beginning comes first, as a line of the table.
    let exec = ["--exec", "sh", "-c", "cat >/dev/null; echo again >> again"];
    let running = admin.serving(&[&list[..], &exec].concat(), "");
    until(&admin, "again", 1);
    let out = running.stop().ok().stdout;
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        matches!(lines.as_slice(), [header, row]
        if header.starts_with("NAME") && row.starts_with(second.as_str())),
        "{out}"
    );
    admin.run(&["list", "--exec", "true"]).exits(2);
}

fn a_command_that_fails_keeps_nobody_from_the_next(trial: &Trial) {
    let admin = trial.admin();
    let (first, second) = (trial.user("told"), trial.user("also"));
    let signer = format!("example.com/{first}");
    for user in [&first, &second] {
        admin.run(&["request", user, "--signer", &signer]).ok();
    }
    let script = "echo tried >> tried; exit 7";
    let list = ["list", "--watch", "--signer", &signer, "-o", "json", "--exec", "sh", "-c", script];
    let running = admin.serving(&list, "");
    until(&admin, "tried", 2);
    let out = running.stop().ok().says(&["sh ended with exit code 7", &first, &second]);
    let users: Vec<serde_json::Value> = out
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(users.len(), 2);
    assert!(users.iter().all(|review| review["kind"] == "Review"));
}
