//! Reviews under a policy.

use crate::cases;
use crate::trial::Trial;

cases!(
    in_ci_without_a_cluster,
    holds_wherever_requests_are_judged,
    broken_policies_stop_everything
);

const HEAD: &str = "apiVersion: usercert/v1\nkind: Policy\n";

fn in_ci_without_a_cluster(trial: &Trial) {
    let person = trial.newcomer();
    let made = person.run(&[
        "request",
        "jane",
        "-g",
        "dev",
        "--expires",
        "90d",
        "--offline",
        "-o",
        "yaml",
    ]);
    person.write("r.yaml", &made.ok().stdout);
    person
        .write("allows.yaml", &format!("{HEAD}groups: {{allow: [dev]}}\nlifetime: {{max: 90d}}\n"));
    person
        .write("forbids.yaml", &format!("{HEAD}groups: {{deny: [d*]}}\nlifetime: {{max: 30d}}\n"));
    let review =
        |policy| person.run(&["review", "--from", "r.yaml", "--policy", policy, "-o", "json"]);
    let good = review("allows.yaml").ok().json();
    assert_eq!((&good["refused"], &good["policy"]), (&false.into(), &"allows.yaml".into()));
    let bad = review("forbids.yaml").exits(3).json();
    let codes: Vec<&str> = bad["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["code"].as_str())
        .collect();
    assert_eq!(codes, ["policy-group", "policy-lifetime"]);
    person.run(&["review", "--from", "r.yaml"]).ok();
}

fn holds_wherever_requests_are_judged(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("ruled");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    // The requester is the admin, not the user.
    let folder = admin.home.join(".config/kubectl-usercert");
    std::fs::create_dir_all(&folder).expect("a directory");
    let strict =
        format!("{HEAD}requester: {{sameUser: true}}\nfindings: {{requester-differs: refuse}}\n");
    admin.write(".config/kubectl-usercert/policy.yaml", &strict);
    admin.run(&["review", &user]).exits(3).prints(&["Policy ", "policy-requester"]);
    admin.run(&["list"]).ok().prints(&["policy-requester"]);
    admin
        .run(&["approve", &user, "--yes"])
        .exits(3)
        .says(&["policy.yaml", "--accept policy-requester --accept requester-differs"]);
    let label = format!("case={user}");
    admin.kubectl(&["label", "csr", &user, &label]).ok();
    admin
        .run(&["approve", "-l", &label, "--dry-run"])
        .exits(3)
        .says(&["Reviewed under the policy", "policy-requester"]);
    let create = ["create", &user, "-g", "dev", "--standalone", "c", "--yes", "--policy", "-"];
    let rules = format!("{HEAD}groups: {{allow: [ops]}}\n");
    admin.run_with(&create, rules.as_bytes()).exits(3).says(&["policy-group"]);
    assert!(!admin.has("c"));
    // A policy that is named counts instead of the one that lies there.
    admin.write("mild.yaml", &format!("{HEAD}findings: {{requester-differs: allow}}\n"));
    admin
        .run(&["approve", &user, "--yes", "--policy", "mild.yaml"])
        .ok()
        .says(&["No objections found"]);
}

fn broken_policies_stop_everything(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("halted");
    admin.run(&["request", &user]).ok();
    let folder = admin.home.join(".config/kubectl-usercert");
    std::fs::create_dir_all(&folder).expect("a directory");
    for (policy, says) in [
        (format!("{HEAD}group: {{}}\n"), "policy.yaml: line 3, column 1: unknown field `group`"),
        (
            format!("{HEAD}findings: {{not-expected: allow}}\n"),
            "line 3, column 12: findings: not-expected: it always refuses",
        ),
        (String::new(), "line 1, column 1: it is empty"),
        (format!("{HEAD}users: [\n"), "line 3, column 8: an unmatched bracket"),
    ] {
        admin.write(".config/kubectl-usercert/policy.yaml", &policy);
        for args in [&["approve", &user, "--yes"][..], &["review", &user], &["list"]] {
            admin.run(args).exits(1).says(&[says, "nothing was reviewed"]);
        }
    }
    std::fs::remove_file(folder.join("policy.yaml")).expect("removed");
    std::fs::create_dir(folder.join("policy.yaml")).expect("a directory");
    admin.run(&["approve", &user, "--yes"]).exits(1).says(&["policy.yaml"]);
    std::fs::remove_dir(folder.join("policy.yaml")).expect("removed");
    std::os::unix::fs::symlink("/nowhere/policy", folder.join("policy.yaml")).expect("a link");
    admin.run(&["approve", &user, "--yes"]).exits(1).says(&["policy.yaml"]);
    std::fs::remove_dir_all(&folder).expect("removed");
    for (link, parent) in [(folder.clone(), None), (admin.home.join(".config"), Some(()))] {
        if parent.is_some() {
            std::fs::remove_dir_all(&link).expect("removed");
        }
        std::os::unix::fs::symlink("/nowhere/folder", &link).expect("a link");
        admin.run(&["approve", &user, "--yes"]).exits(1).says(&["policy.yaml"]);
        std::fs::remove_file(&link).expect("removed");
        std::fs::create_dir(&link).expect("a folder");
    }
    admin.run(&["approve", &user, "--yes", "--policy", "missing"]).exits(1).says(&["missing"]);
    let state = ["get", "csr", &user, "-o", "jsonpath={.status.conditions}"];
    assert_eq!(admin.kubectl(&state).ok().stdout, "");
}
