//! Several requests at once: in one stream, and all that are pending.

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    one_stream_of_requests,
    each_has_its_own_question,
    expected_codes,
    spoilt_streams,
    replies_need_a_directory,
    all_pending_by_labels,
    all_pending_is_what_was_shown,
    nothing_to_approve,
    every_group_is_seen,
    names_as_kubectl_takes_them,
    one_of_several_is_missing,
    several_files_and_a_directory,
    the_answer_is_not_forgotten,
);

/// Manifests of newcomers, and their code and name.
fn manifests(trial: &Trial, groups: &[&str]) -> Vec<(Person, String, String, String)> {
    let one = |group: &&str| {
        let (newcomer, user) = (trial.newcomer(), trial.user("many"));
        let made = newcomer.run(&["request", &user, "-g", group, "--offline", "-o", "yaml"]).ok();
        let code = made.code_shown();
        (newcomer, user, code, made.stdout)
    };
    groups.iter().map(one).collect()
}

fn stream(people: &[(Person, String, String, String)]) -> String {
    people.iter().map(|(_, _, _, yaml)| yaml.as_str()).collect()
}

fn state(admin: &Person, name: &str) -> String {
    admin.kubectl(&["get", "csr", name, "-o", "jsonpath={.status.conditions[*].type}"]).ok().stdout
}

fn one_stream_of_requests(trial: &Trial) {
    let people = manifests(trial, &["dev", "system:nodes", "ops"]);
    let admin = trial.admin();
    std::fs::create_dir(admin.home.join("replies")).expect("a directory");
    let args = ["approve", "--from", "-", "--yes", "--reply", "replies", "-o", "json"];
    let out = admin.run_with(&args, stream(&people).as_bytes()).exits(3);
    let out = out.says(&["privileged-group", &people[0].2, &people[1].2, &people[2].2]);
    let list = out.json();
    assert_eq!(list["kind"], "DecisionList");
    let users: Vec<&str> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|i| i["user"].as_str())
        .collect();
    assert_eq!(users, [people[0].1.as_str(), people[2].1.as_str()]);
    admin.kubectl(&["get", "csr", &people[1].1]).exits(1);
    for (newcomer, user, ..) in [&people[0], &people[2]] {
        newcomer.write("reply", &admin.read(&format!("replies/{user}.kubeconfig")));
        newcomer.run(&["install", user, "--reply", "reply", "--yes"]).ok();
        assert_eq!(newcomer.whoami(&newcomer.context_of(user)).0, *user);
    }
    // What kubectl prints of several objects is as good.
    let names: Vec<&str> = vec![&people[0].1, &people[2].1];
    let list = admin.kubectl(&["get", "csr", "-o", "json", names[0], names[1]]).ok().stdout;
    let reviews = admin.run_with(&["review", "--from", "-", "-o", "json"], list.as_bytes()).ok();
    assert_eq!(reviews.json()["items"][1]["user"], names[1]);
}

fn each_has_its_own_question(trial: &Trial) {
    let people = manifests(trial, &["dev", "ops", "sre"]);
    let admin = trial.admin();
    admin.write("r.yaml", &stream(&people));
    let mut terminal = admin.on_terminal(&["approve", "--from", "r.yaml"]);
    assert!(terminal.asked().contains("Groups       dev"));
    terminal.press("y");
    assert!(terminal.asked().contains("Groups       ops"));
    terminal.press("n");
    terminal.asked();
    terminal.answer("y").exits(3).says(&["the answer was no"]);
    assert_eq!(state(&admin, &people[0].1), "Approved");
    assert_eq!(state(&admin, &people[2].1), "Approved");
    admin.kubectl(&["get", "csr", &people[1].1]).exits(1);
}

fn expected_codes(trial: &Trial) {
    let people = manifests(trial, &["dev", "ops"]);
    let admin = trial.admin();
    admin.write("r.yaml", &stream(&people));
    let (first, second) = (people[0].2.as_str(), people[1].2.as_str());
    let other = "0000-0000-0000-0000";
    let from = ["approve", "--from", "r.yaml", "--yes", "--expect"];
    admin.run(&[&from[..], &[first, "--expect", other]].concat()).exits(3).says(&[
        "none of the expected requests",
        second,
        "check the code for a typo",
        &format!("none of these requests has the code {other}"),
    ]);
    admin.kubectl(&["get", "csr", &people[1].1]).exits(1);
    let out = admin.run(&[&from[..], &[second, "--expect", first]].concat()).ok();
    assert!(!out.stderr.contains("none of these"), "{}", out.stderr);
    assert_eq!(state(&admin, &people[1].1), "Approved");
}

/// A private key, or anything else that does not belong there, and nothing at all is submitted.
fn spoilt_streams(trial: &Trial) {
    let people = manifests(trial, &["dev", "ops"]);
    let admin = trial.admin();
    admin.tool("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "k"]).ok();
    let (good, key) = (stream(&people), admin.read("k"));
    let indented: String = key.lines().map(|l| format!("    {l}\n")).collect();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
    for (input, says) in [
        (format!("{good}---\nkey: |\n{indented}"), "private key"),
        (format!("{good}---\n{secret}"), "request 3 of 3: this is Secret (v1)"),
        (format!("{secret}---\n{good}"), "request 1 of 3: this is Secret (v1)"),
    ] {
        let out = admin.run_with(&["approve", "--from", "-", "--yes"], input.as_bytes());
        out.exits(1)
            .says(&["standard input", says])
            .never_shows(key.lines().nth(1).expect("a line"));
        for (_, user, ..) in &people {
            admin.kubectl(&["get", "csr", user]).exits(1);
        }
    }
}

fn replies_need_a_directory(trial: &Trial) {
    let people = manifests(trial, &["dev", "ops"]);
    let admin = trial.admin();
    admin.write("r.yaml", &stream(&people));
    admin.write("one", "");
    for reply in ["one", "-"] {
        admin
            .run(&["approve", "--from", "r.yaml", "--yes", "--reply", reply])
            .exits(2)
            .says(&["must be a directory"]);
    }
    admin.run(&["approve", "-l", "a=b", "--yes", "--reply", "one"]).exits(2);
    admin.kubectl(&["get", "csr", &people[0].1]).exits(1);
    // Two requests of one user would be answered in one file.
    let (newcomer, user) = (trial.newcomer(), &people[0].1);
    let second = newcomer.run(&["request", user, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("two.yaml", &format!("{}---\n{second}", people[0].3));
    let out = admin.run(&["approve", "--from", "two.yaml", "--yes", "--reply", "dir"]).exits(1);
    out.says(&["is the reply file of another request"]);
    assert!(admin.has(&format!("dir/{user}.kubeconfig")));
}

/// Submits requests with a label of this case's own, and gives back label and names.
fn labelled(trial: &Trial, admin: &Person, groups: &[&str]) -> (String, Vec<String>) {
    let label = format!("case={}", trial.user("l"));
    let names: Vec<String> = groups
        .iter()
        .map(|group| {
            let user = trial.user("bulk");
            admin.run(&["request", &user, "-g", group]).ok();
            admin.kubectl(&["label", "csr", &user, &label]).ok();
            user
        })
        .collect();
    (label, names)
}

fn all_pending_by_labels(trial: &Trial) {
    let admin = trial.admin();
    let (label, names) = labelled(trial, &admin, &["dev", "system:nodes", "ops"]);
    let (_, others) = labelled(trial, &admin, &["dev"]);
    let bulk = ["approve", "--all-pending", "-l", &label];
    admin.run(&bulk).exits(2).says(&["no terminal", "--yes", &names[0], "REQUESTER"]);
    let dry = admin.run(&[&bulk[..], &["--dry-run=server"]].concat()).exits(3);
    dry.prints(&[&names[0], "approved (server dry run)"]);
    assert_eq!(state(&admin, &names[0]), "");
    let signer = ["--signer", "example.com/other", "--yes"];
    admin.run(&[&bulk[..], &signer].concat()).ok().says(&["No pending requests"]);

    let out = admin.run(&[&bulk[..], &["--yes", "-o", "json"]].concat()).exits(3).json();
    let approved: Vec<&str> =
        out["items"].as_array().expect("items").iter().filter_map(|i| i["name"].as_str()).collect();
    assert_eq!(approved, [names[0].as_str(), names[2].as_str()]);
    assert_eq!(out["leftOut"][0]["name"], names[1].as_str());
    assert_eq!(out["leftOut"][0]["findings"][0]["code"], "privileged-group");
    for (name, expected) in names.iter().zip(["Approved", "", "Approved"]) {
        assert_eq!(state(&admin, name), expected, "{name}");
    }
    assert_eq!(state(&admin, &others[0]), "", "another label");
    // What is refused passes by its name, as it does one by one; the replies go to a directory.
    std::fs::create_dir(admin.home.join("replies")).expect("a directory");
    admin
        .run(&[
            "approve",
            "-l",
            &label,
            "--yes",
            "--accept",
            "privileged-group",
            "--reply",
            "replies",
        ])
        .ok();
    assert!(admin.has(&format!("replies/{}.kubeconfig", names[1])));
}

fn all_pending_is_what_was_shown(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let (label, names) = labelled(trial, &admin, &["dev", "dev", "dev"]);
    let mut terminal = admin.on_terminal(&["approve", "-l", &label]);
    assert!(terminal.asked().contains("Approve these 3 requests on "));
    eve.kubectl(&["delete", "csr", &names[0], &names[1]]).ok();
    eve.run(&["request", &names[1], "-g", "dev"]).ok();
    eve.kubectl(&["label", "csr", &names[1], &label]).ok();
    eve.kubectl(&["label", "csr", &names[2], "team=blue"]).ok();
    let out = terminal.answer("y").exits(1);
    out.says(&[
        &format!("the request {} was deleted while it was reviewed", names[0]),
        &format!("the request {} is not the one that was reviewed", names[1]),
    ])
    .prints(&[&names[2]]);
    assert_eq!(state(&admin, &names[1]), "", "the other request is not approved");
    assert_eq!(state(&admin, &names[2]), "Approved");
}

fn nothing_to_approve(trial: &Trial) {
    let admin = trial.admin();
    let label = format!("case={}", trial.user("none"));
    admin.run(&["approve", "-l", &label]).ok().says(&["No pending requests"]);
    let empty = admin.run(&["approve", "-l", &label, "-o", "json"]).ok().json();
    assert_eq!(empty["items"].as_array().map(Vec::len), Some(0));
    admin.run(&["approve", "-l", "not a selector", "--yes"]).exits(1);
    admin.run(&["approve", "alice", "--all-pending"]).exits(2);
    admin.run(&["approve", "--from", "x", "-l", &label]).exits(2);
}

/// However long the others are: in the table of many, and in the question about one.
fn every_group_is_seen(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("crowd");
    let long = |letter: char| format!("{letter}-group-with-a-rather-long-name-of-its-own");
    let (first, last) = (long('a'), long('d'));
    let groups = ["-g", &first, "-g", "cluster-readers", "-g", &last];
    admin.run(&[&["request", &user][..], &groups].concat()).ok();
    let label = format!("who={user}");
    admin.kubectl(&["label", "csr", &user, &label]).ok();
    let out = admin.run(&["approve", "-l", &label, "--dry-run=server"]).ok();
    out.says(&["In full, names that the table cuts:", "\"cluster-readers\"", &format!("{last:?}")]);
    let mut terminal = admin.on_terminal(&["approve", "--", &user]);
    let asked = terminal.asked();
    let question = asked.rsplit("Approve ").next().unwrap_or_default();
    assert!(question.contains("\"cluster-readers\"") && question.contains(&last), "{asked}");
    terminal.answer("n").exits(3);
}

/// As `-o name` prints them.
fn names_as_kubectl_takes_them(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("typed");
    let name = admin.run(&["request", &user, "-o", "name"]).ok().stdout;
    admin.run(&["review", name.trim()]).ok();
    admin.run(&["approve", "--yes", &format!("csr/{user}")]).ok();
    admin.run(&["deny", "--message", "too late", name.trim()]).exits(1).says(&["already Approved"]);
}

/// As of `kubectl get a b`: what is there is a list, the other an error, and the exit code is 1.
fn one_of_several_is_missing(trial: &Trial) {
    let admin = trial.admin();
    let (user, other, missing) = (trial.user("there"), trial.user("there"), trial.user("missing"));
    admin.run(&["request", &user]).ok();
    admin.run(&["request", &other]).ok();
    let both = |command: &str, user: &str, more: &[&str]| {
        let out = admin.run(&[&[command, &missing, user], more].concat()).exits(1);
        out.says(&[&format!("\"{missing}\" not found")])
    };
    let list = both("review", &user, &["-o", "json"]).json();
    assert_eq!(list["kind"], "ReviewList");
    assert_eq!(list["items"][0]["user"], user.as_str());
    both("review", &user, &["-o", "name"]).prints(&[&user]);
    let none = both("review", &missing, &["-o", "json"]).json();
    assert_eq!((&none["kind"], &none["items"]), (&"ReviewList".into(), &serde_json::json!([])));
    let list = both("approve", &user, &["-o", "json", "--yes"]).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    let list = both("deny", &other, &["-o", "json"]).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!([state(&admin, &user), state(&admin, &other)], ["Approved", "Denied"]);
}

/// As kubectl takes them; what stands in several files is taken once.
fn several_files_and_a_directory(trial: &Trial) {
    let (admin, people) = (trial.admin(), manifests(trial, &["dev", "ops"]));
    let (newcomer, user) = (trial.newcomer(), trial.user("many"));
    // Key, request and manifest, as they are beside each other.
    let home = admin.home.to_str().expect("UTF-8");
    let folder = format!("{home}/in");
    newcomer.run(&["request", &user, "--offline", "--out-dir", &folder]).ok();
    admin.write("in/a.json", &stream(&people[..1]));
    admin.write("in/notes.txt", "not a request");
    std::fs::create_dir(admin.home.join("in/below")).expect("a directory");
    admin.write("in/below/b.yaml", "not a request");
    admin.write("c.yaml", &stream(&people));
    let both = ["-f", "in", "-f", "c.yaml", "-o", "json"];
    let list = admin.run(&[&["review"], &both[..]].concat()).ok().json();
    let users = |list: &serde_json::Value| {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|i| i["user"].as_str().expect("a user").to_owned()).collect::<Vec<_>>()
    };
    let all = [people[0].1.clone(), user, people[1].1.clone()];
    assert_eq!(users(&list), all);
    let list = admin.run(&[&["approve", "--yes"], &both[..]].concat()).ok().json();
    assert_eq!(users(&list), all);
    admin.run(&["review", "-f", "c.yaml", "-f", "in/below"]).exits(1).says(&["in/below/b.yaml"]);
    let empty = admin.run(&["review", "-f", "."]).ok();
    empty.prints(&[&people[0].1]);
    std::fs::remove_file(admin.home.join("c.yaml")).expect("removed");
    let none = admin.run(&["approve", "-f", ".", "--yes"]).exits(1);
    none.says(&["holds no requests", ".yaml, .yml, .json, .csr"]);
}

fn the_answer_is_not_forgotten(trial: &Trial) {
    let (admin, newcomer) = (trial.admin(), trial.newcomer());
    let user = trial.user("far");
    let made = newcomer.run(&["request", &user, "--offline", "-o", "yaml", "-q"]).ok();
    admin.write("far.yaml", &made.stdout);
    let reply = format!("{user}.kubeconfig");
    let out = admin.run(&["approve", "-f", "far.yaml", "--yes"]).ok();
    out.says(&[&format!("approve -f far.yaml --reply {reply}")]);
    let again = admin.run(&["approve", "-f", "far.yaml", "--yes", "--reply", &reply]).ok();
    again.prints(&["unchanged (already approved)"]);
    newcomer.write("reply", &admin.read(&reply));
    newcomer.run(&["install", "--reply", "reply", "--yes"]).ok();
}
