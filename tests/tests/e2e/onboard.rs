//! Many people at once, from a file; killed on the way, and gone on with.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use serde_json::Value;
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    people_and_robots,
    everything_wrong_is_said_before_anything_is_sent,
    what_refuses_is_left_out,
    roles_are_bound,
    killed_twice_and_resumed,
    two_runs_exclude_each_other,
    a_file_in_the_way,
    who_may_not_is_told_soon,
    dry_runs_leave_nothing,
    requests_of_somebody_else,
    a_denial_is_one_persons,
);

/// Cases that need a hold on the server.
pub(crate) const SANDBOX_CASES: &[crate::Named] = &[
    ("onboard::a_busy_server_is_waited_for", a_busy_server_is_waited_for),
    ("onboard::a_server_without_a_signer", a_server_without_a_signer),
    ("onboard::restart_asks_first", restart_asks_first),
];

/// How many people the killed run serves; the long version is run by hand.
fn crowd() -> usize {
    std::env::var("USERCERT_CROWD").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

fn dirs(person: &Person) {
    for dir in ["out", "replies"] {
        std::fs::create_dir_all(person.home.join(dir)).expect("a directory");
    }
}

fn onboard(person: &Person, file: &str, more: &[&str]) -> Outcome {
    let args = ["onboard", file, "--standalone-dir", "out", "--reply-dir", "replies"];
    person.run(&[&args[..], more].concat())
}

fn items(outcome: &Outcome) -> Vec<Value> {
    outcome.json()["items"].as_array().expect("items").clone()
}

/// The only journal of a person.
fn journal(person: &Person) -> Option<PathBuf> {
    let folder = person.home.join(".local/state/kubectl-usercert/onboard");
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let first = files.next();
    assert!(files.next().is_none(), "one journal");
    first
}

fn lines(person: &Person) -> usize {
    let text = journal(person).and_then(|f| std::fs::read(f).ok()).unwrap_or_default();
    text.iter().filter(|b| **b == b'\n').count()
}

/// Objects in the cluster that were made for users of this name.
fn requests(person: &Person, user: &str) -> Vec<String> {
    let all = person.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    let mine = all.lines().filter(|l| l.contains(&format!("/{user}")));
    mine.map(str::to_owned).collect()
}

fn people_and_robots(trial: &Trial) {
    let (robot, carol) = (trial.user("robot"), trial.user("carol"));
    let admin = trial.admin();
    dirs(&admin);
    let newcomer = trial.newcomer();
    let request = newcomer.run(&["request", &carol, "-g", "dev", "--offline"]).ok();
    admin.write("carol.csr", &request.stdout);
    admin.write(
        "team.yaml",
        &format!(
            "people:\n- {{name: {robot}, groups: [ci, deploy], expires: 12h, keyType: p384}}\n\
             - name: {carol}\n  groups: dev\n  csr: carol.csr\n"
        ),
    );
    let done = onboard(&admin, "team.yaml", &["--yes", "-o", "json"]).ok();
    let done = done.says(&[&request.code_shown(), "2 people: 2 Issued"]);
    let list = items(&done);
    assert_eq!(list[0]["state"], "Issued");
    assert_eq!(list[1]["state"], "Issued");

    // The robot's kubeconfig is complete and closed to others; the server knows it by its names.
    let file = list[0]["file"].as_str().expect("a file");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let text = std::fs::read_to_string(file).expect("readable");
    let (user, groups) = trial.with_kubeconfig(&text).whoami(
        text.lines()
            .find_map(|l| l.strip_prefix("current-context: "))
            .expect("a context")
            .trim_matches('"'),
    );
    assert_eq!(user, robot);
    assert!(
        groups.contains(&"ci".to_owned()) && groups.contains(&"deploy".to_owned()),
        "{groups:?}"
    );

    // The person's reply holds no key, has the stated code, and installs.
    let reply =
        std::fs::read_to_string(list[1]["file"].as_str().expect("a file")).expect("a reply");
    assert!(!reply.contains("client-key-data"));
    newcomer.write("reply", &reply);
    let code = list[1]["replyCode"].as_str().expect("a code");
    newcomer.run(&["install", &carol, "--reply", "reply", "--expect-reply", code, "--yes"]).ok();
    assert_eq!(newcomer.whoami(&newcomer.context_of(&carol)).0, carol);

    // No key stays behind, and the same command does nothing more.
    let journal = std::fs::read_to_string(journal(&admin).expect("a journal")).expect("text");
    assert!(!journal.contains("PRIVATE KEY"), "{journal}");
    let again = onboard(&admin, "team.yaml", &["-o", "json"]).ok();
    let again = items(&again);
    assert!(again.iter().all(|item| item["state"] == "IssuedBefore"), "{again:?}");
    assert_eq!(again[0]["sha256"], list[0]["sha256"]);
    assert_eq!(requests(&admin, &robot).len(), 1);
}

fn everything_wrong_is_said_before_anything_is_sent(trial: &Trial) {
    let good = trial.user("good");
    let admin = trial.admin();
    dirs(&admin);
    let other = trial.newcomer().run(&["request", "other", "--offline"]).ok().stdout;
    admin.write("other.csr", &other);
    admin.write(
        "team.csv",
        &format!("name,groups,expires,csr\n{good},,,\nb,system:masters\n{good}\nc,,5s\n"),
    );
    onboard(&admin, "team.csv", &["--yes"]).exits(1).says(&[
        "team.csv has 3 problems:",
        "line 3: the group system:masters cannot be requested",
        &format!("line 4: {good} is on line 2 already"),
        "line 5: expires: \"5s\" is shorter than 10 minutes",
        "nothing was sent",
    ]);
    admin.write("team.csv", &format!("name,csr\n{good},other.csr\nx,missing.csr\ny,team.csv\n"));
    onboard(&admin, "team.csv", &["--yes"]).exits(1).says(&[
        "line 2: other.csr: the request is for other",
        "line 3: cannot read missing.csr",
        "line 4: team.csv: it is neither a certificate request",
    ]);
    admin.write("team.csv", &format!("name\n{good}\n"));
    admin.run(&["onboard", "team.csv", "--yes"]).exits(2).says(&["give --standalone-dir DIR"]);
    admin
        .run(&["onboard", "team.csv", "--standalone-dir", "nowhere", "--yes"])
        .exits(1)
        .says(&["nowhere"]);
    onboard(&admin, "team.csv", &[]).exits(2).says(&[&good, "there is no terminal to ask on"]);
    assert!(requests(&admin, &good).is_empty());
}

fn what_refuses_is_left_out(trial: &Trial) {
    let (good, node) = (trial.user("good"), format!("system:{}", trial.user("node")));
    let twin = good.replacen('o', "о", 1);
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name\n{node}\n{good}\n{twin}\n"));
    let out = onboard(&admin, "team.csv", &["--yes", "-o", "json"]).exits(3).says(&[
        &format!("left out: line 2, {node}: user name {node} is reserved for Kubernetes itself"),
        &format!("looks like {good} on line 3, but is another"),
        "3 people: 2 Refused, 1 Issued",
    ]);
    let states: Vec<Value> = items(&out).iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["Refused", "Issued", "Refused"]);
    assert!(requests(&admin, &node).is_empty());
    onboard(&admin, "team.csv", &["--yes", "--accept", "nonsense"]).exits(2);
    let accepted = onboard(&admin, "team.csv", &["--yes", "--accept", "look-alike"]).exits(3);
    accepted.prints(&["IssuedBefore", "Refused"]).says(&["1 Issued"]);
    assert_eq!(requests(&admin, &twin).len(), 1);
}

fn roles_are_bound(trial: &Trial) {
    let user = trial.user("holder");
    let admin = trial.admin();
    dirs(&admin);
    let roster = |grants: &str| format!("name,grants\n{user},{grants}\n");
    admin.write("team.csv", &roster("clusterrole/view@default;clusterrole/nonsense@*"));
    onboard(&admin, "team.csv", &["--yes"])
        .exits(1)
        .says(&["line 2: there is no ClusterRole nonsense"]);
    assert!(requests(&admin, &user).is_empty());
    admin.write("team.csv", &roster("clusterrole/view@default"));
    onboard(&admin, "team.csv", &["--dry-run=server"]).ok();
    let can = |verb: &str, namespace: &str| {
        let asked = ["auth", "can-i", verb, "pods", "-n", namespace, "--as", &user];
        admin.kubectl(&asked).stdout.trim() == "yes"
    };
    assert!(!can("list", "default"), "a dry run binds nothing");
    onboard(&admin, "team.csv", &["--yes"]).ok().says(&["clusterrole/view@default (for 1) allows"]);
    assert!(can("list", "default") && !can("list", "kube-system") && !can("delete", "default"));
    // A role more, for somebody who has a certificate.
    admin.write("team.csv", &roster("clusterrole/view@default;clusterrole/edit@default"));
    onboard(&admin, "team.csv", &["--yes"]).ok().prints(&["Granted"]);
    assert!(can("delete", "default"));
    onboard(&admin, "team.csv", &[]).ok().prints(&["IssuedBefore"]);
    assert_eq!(requests(&admin, &user).len(), 1);
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
        .says(&["another run is at work on", "nothing was sent"]);
    assert!(requests(&admin, &user).is_empty());
    drop(file);
    onboard(&admin, "team.csv", &["--yes"]).ok();
}

fn a_file_in_the_way(trial: &Trial) {
    let user = trial.user("again");
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name\n{user}\n"));
    let file = format!("out/{user}.kubeconfig");
    admin.write(&file, "precious");
    onboard(&admin, "team.csv", &["--yes"]).exits(3).prints(&["is there already"]);
    assert_eq!(admin.read(&file), "precious");
    assert!(requests(&admin, &user).is_empty());
    std::fs::remove_file(admin.home.join(&file)).expect("removed");
    onboard(&admin, "team.csv", &["--yes"]).ok();
    // Another row for the same user is another certificate, which does not replace the first one.
    let first = admin.read(&file);
    admin.write("team.csv", &format!("name,groups\n{user},more\n"));
    onboard(&admin, "team.csv", &["--yes"]).exits(3).prints(&["is there already"]);
    assert_eq!(admin.read(&file), first);
    std::fs::rename(admin.home.join(&file), admin.home.join("first")).expect("renamed");
    onboard(&admin, "team.csv", &["--yes"]).ok().prints(&["Issued "]);
    assert_ne!(admin.read(&file), first);
    assert_eq!(requests(&admin, &user).len(), 2);
}

fn who_may_not_is_told_soon(trial: &Trial) {
    let person = trial.nobody_special(&trial.user("nobody"), &[]);
    dirs(&person);
    let base = trial.user("wish");
    let rows: String = (0..9).map(|i| format!("{base}-{i}\n")).collect();
    person.write("team.csv", &format!("name\n{rows}"));
    let out = onboard(&person, "team.csv", &["--yes", "-o", "json"]).exits(1).says(&[
        "stopped after 3 failures in a row",
        "9 people: 3 Failed, 6 NotStarted",
        "verbs: [create]",
    ]);
    assert!(items(&out)[0]["problem"].as_str().is_some_and(|p| p.contains("Forbidden")));
}

fn dry_runs_leave_nothing(trial: &Trial) {
    let user = trial.user("dry");
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name\n{user}\n"));
    for dry in ["--dry-run", "--dry-run=server"] {
        onboard(&admin, "team.csv", &[dry]).ok().prints(&["WouldIssue"]);
    }
    assert!(requests(&admin, &user).is_empty());
    assert!(!admin.has(&format!("out/{user}.kubeconfig")));
    assert_eq!(lines(&admin), 0);
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
    out.says(&["1 people: 1 Refused"]).never_shows("run the same command again");
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

fn a_busy_server_is_waited_for(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    dirs(&admin);
    admin.write("team.csv", "name\nann\nben\n");
    sandbox.be_busy(8, 0);
    onboard(&admin, "team.csv", &["--yes"]).ok().says(&["it was given the time that it asked for"]);
    // There are limits, and whoever comes again later is served.
    admin.write("team.csv", "name\nann\nben\ncid\n");
    sandbox.be_busy(u32::MAX, 0);
    onboard(&admin, "team.csv", &["--yes"]).exits(1).prints(&["TooManyRequests"]);
    sandbox.be_busy(0, 0);
    onboard(&admin, "team.csv", &["--yes"]).ok().says(&["3 people: 2 IssuedBefore, 1 Issued"]);
}

fn a_server_without_a_signer(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions { signer: false, ..SandboxOptions::default() });
    let sandbox = sandbox.expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    dirs(&admin);
    admin.write("team.csv", "name\nann\nben\n");
    let out = onboard(&admin, "team.csv", &["--yes", "--timeout", "0"]).exits(5);
    out.prints(&["TimedOut"]).says(&["run the same command again"]);
    sandbox.set_signer(true);
    let out = onboard(&admin, "team.csv", &["--yes", "-o", "json"]).ok();
    assert!(items(&out).iter().all(|item| item["state"] == "Issued"));
    assert_eq!(requests(&admin, "").len(), 2);
}

/// The journal holds keys that are nowhere else: only a yes forgets them.
fn restart_asks_first(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions { signer: false, ..SandboxOptions::default() });
    let sandbox = sandbox.expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    dirs(&admin);
    admin.write("team.csv", "name\nann\n");
    onboard(&admin, "team.csv", &["--yes", "--timeout", "0"]).exits(5);
    let text = || std::fs::read_to_string(journal(&admin).expect("a journal")).expect("text");
    let before = text();
    assert!(before.contains("PRIVATE KEY"));
    onboard(&admin, "team.csv", &["--restart"]).exits(2).says(&["there is no terminal to ask on"]);
    onboard(&admin, "team.csv", &["--restart", "--dry-run"]).ok();
    assert_eq!(text(), before);
    sandbox.set_signer(true);
    onboard(&admin, "team.csv", &["--yes"]).ok();
    assert_eq!(requests(&admin, "ann").len(), 1);
    std::fs::remove_file(admin.home.join("out/ann.kubeconfig")).expect("removed");
    onboard(&admin, "team.csv", &["--restart", "--yes"]).ok().says(&["1 people: 1 Issued"]);
    assert_eq!(requests(&admin, "ann").len(), 2);
}
