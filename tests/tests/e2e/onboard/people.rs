//! One run over a roster.

use serde_json::Value;

use super::{dirs, items, journal, lines, onboard, requests};
use crate::cases;
use crate::rbac::{harmless, is_bound, swap};
use crate::trial::Trial;

cases!(
    people_and_robots,
    everything_wrong_is_said_before_anything_is_sent,
    what_refuses_is_left_out,
    roles_are_bound,
    a_role_that_was_changed_meanwhile_is_not_bound,
    a_file_in_the_way,
    what_the_signer_shortens_is_said,
    a_group_that_holds_a_comma_is_quoted,
    who_may_not_is_told_soon,
    dry_runs_leave_nothing,
);

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

fn what_the_signer_shortens_is_said(trial: &Trial) {
    let (long, short) = (trial.user("long"), trial.user("short"));
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name,expires\n{long},5y\n{short},1h\n"));
    let out = onboard(&admin, "team.csv", &["--yes"]).ok();
    let out = out.says(&[&format!("note: {long}: "), "of the 5y that were requested"]);
    out.never_shows(&format!("note: {short}: "));
}

fn a_group_that_holds_a_comma_is_quoted(trial: &Trial) {
    let (one, two) = (trial.user("one"), trial.user("two"));
    let admin = trial.admin();
    dirs(&admin);
    let people = format!(
        "people:\n- {{name: {one}, groups: ['dev,ops'], expires: 12h, grants: ['clusterrole/view@dev']}}\n\
         - {{name: {two}, groups: [dev, ops], expires: 2h}}\n"
    );
    admin.write("team.yaml", &people);
    trial.admin().kubectl(&["create", "namespace", "dev"]);
    let args = ["onboard", "team.yaml", "--standalone-dir", "out", "--dry-run"];
    admin.run(&args).ok().says(&["\"dev,ops\"", "12h"]);
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
    // Flags, rows, requests and roles in one go.
    admin.write(
        "team.csv",
        &format!(
            "name,expires,grants,csr\n{good},,clusterrole/view@nowhere;clusterrole/none@*,\nb,5s,,\n\
             d,,clusterrole/edit@nowhere,missing.csr\n"
        ),
    );
    let wrong = ["onboard", "team.csv", "--yes", "--expires", "soon", "--accept", "nonsense"];
    let wrong = admin.run(&[&wrong[..], &["--reply-dir", "made-by-nobody"]].concat()).exits(1);
    wrong.says(&[
        "--expires: ",
        "--accept: ",
        "line 2: ",
        "give --standalone-dir DIR",
        "team.csv has 4 problems:",
        "line 2: there is no ClusterRole none",
        "line 2: there is no namespace nowhere",
        "line 3: expires: \"5s\" is shorter than 10 minutes",
        "line 4: cannot read missing.csr",
        "nothing was sent",
    ]);
    assert!(!admin.has("made-by-nobody"));
    admin.write("team.csv", &format!("name,grants\n{good},clusterrole/view@nowhere\n"));
    let nowhere = onboard(&admin, "team.csv", &["--yes"]).exits(1);
    nowhere.says(&["line 2: there is no namespace nowhere", "nothing was sent"]);
    admin.write("team.csv", &format!("name\n{good}\n"));
    admin.run(&["onboard", "team.csv", "--yes"]).exits(2).says(&["give --standalone-dir DIR"]);
    admin
        .run(&["onboard", "team.csv", "--standalone-dir", "no/where", "--yes"])
        .exits(1)
        .says(&["no/where"]);
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
        &format!("looks like {good} on line 3, but differs"),
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
    let allows = format!("clusterrole/view@default (for {user}) allows");
    onboard(&admin, "team.csv", &["--yes"]).ok().says(&[&allows]);
    assert!(can("list", "default") && !can("list", "kube-system") && !can("delete", "default"));
    // A role more, for somebody who has a certificate.
    admin.write("team.csv", &roster("clusterrole/view@default;clusterrole/edit@default"));
    onboard(&admin, "team.csv", &["--yes"]).ok().prints(&["Granted"]);
    assert!(can("delete", "default"));
    onboard(&admin, "team.csv", &[]).ok().prints(&["IssuedBefore"]);
    assert_eq!(requests(&admin, &user).len(), 1);
}

fn a_role_that_was_changed_meanwhile_is_not_bound(trial: &Trial) {
    let (admin, user, role) = (trial.admin(), trial.user("holder"), harmless(trial));
    dirs(&admin);
    admin.write("team.csv", &format!("name,grants\n{user},clusterrole/{role}@*\n"));
    let args = ["onboard", "team.csv", "--standalone-dir", "out", "--reply-dir", "replies"];
    let mut terminal = admin.on_terminal(&args);
    assert!(terminal.asked().contains(&format!("(for {user}) allows get pods")));
    swap(&admin, &role);
    let changed = format!("the ClusterRole {role} was changed after it was shown");
    terminal.answer("y").exits(1).prints(&["the certificate is issued", &changed]);
    assert!(!is_bound(&admin, &role));
    // The next run shows what it allows now.
    let allows = format!("(for {user}) allows ! read secrets");
    onboard(&admin, "team.csv", &["--yes"]).ok().says(&[&allows]);
    assert!(is_bound(&admin, &role));
}

fn a_file_in_the_way(trial: &Trial) {
    let user = trial.user("again");
    let admin = trial.admin();
    dirs(&admin);
    admin.write("team.csv", &format!("name\n{user}\n"));
    let file = format!("out/{user}.kubeconfig");
    admin.write(&file, "precious");
    let told = onboard(&admin, "team.csv", &["--yes"]).exits(1);
    told.prints(&["Failed", "already exists"]).says(&["move the file", "stays valid"]);
    assert_eq!(admin.read(&file), "precious");
    assert!(requests(&admin, &user).is_empty());
    std::fs::remove_file(admin.home.join(&file)).expect("removed");
    onboard(&admin, "team.csv", &["--yes"]).ok();
    // Another row for the same user is another certificate, which does not replace the first one.
    let first = admin.read(&file);
    admin.write("team.csv", &format!("name,groups\n{user},more\n"));
    onboard(&admin, "team.csv", &["--yes"]).exits(1).prints(&["already exists"]);
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
