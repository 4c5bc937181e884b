//! Request, approval and certificate in one go: `create`.

use crate::cases;
use crate::trial::Trial;

cases!(create_in_one_go, create_loses_no_key,);

fn create_in_one_go(trial: &Trial) {
    let admin = trial.admin();
    let robot = trial.user("robot");
    admin.run(&["create", &robot, "--yes"]).exits(2).says(&["--standalone", "--install"]);
    admin
        .run(&["create", &robot, "-g", "ci", "--standalone", "robot.conf"])
        .exits(2)
        .says(&["--yes"]);
    assert!(!admin.has("robot.conf"));
    admin.run(&["create", &robot, "-g", "ci", "--standalone", "robot.conf", "--yes"]).ok();
    let who = admin.kubectl(&["--kubeconfig", "robot.conf", "auth", "whoami"]).ok();
    who.prints(&[&robot, "ci"]);
    admin
        .run(&["create", &robot, "--standalone", "robot.conf", "--yes"])
        .exits(1)
        .says(&["already exists"]);
    admin.run(&["create", &robot, "-g", "ci", "--install", "--yes"]).ok();
    assert_eq!(admin.whoami(&admin.context_of(&robot)).0, robot);
}

fn create_loses_no_key(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("keep");
    admin
        .run(&["create", &user, "--yes", "--standalone", "no/where/x"])
        .exits(1)
        .says(&["nothing was requested"]);
    admin.run(&["create", &user, "--yes", "--install"]).ok();
    admin
        .run(&["create", &user, "--yes", "--install"])
        .exits(1)
        .says(&["nothing was requested", "--context-name"]);
    assert!(admin.pending().is_empty());
    // Approved, but nobody signs: the key waits for the day when somebody does.
    let late = trial.user("late");
    let out = admin
        .run(&[
            "create",
            &late,
            "--yes",
            "--standalone",
            "y",
            "--signer",
            "example.com/nobody",
            "--timeout",
            "1s",
            "--request-timeout",
            "29s",
        ])
        .exits(5);
    let line = "kubectl usercert install --csr-name ";
    out.says(&["another `create` would make another", line, &format!(" --standalone y -- {late}")])
        .never_shows("the same command");
    assert_eq!(admin.pending().len(), 1);

    // A role that was to come with it is still to be given, and the printed line gives it.
    let late = trial.user("later");
    let signer = ["--signer", "example.com/nobody", "--timeout", "1s", "--request-timeout", "29s"];
    let role = ["--clusterrole", "view", "-n", "default"];
    let create = ["create", &late, "--yes", "--standalone", "z"];
    let out = admin.run(&[&create[..], &signer, &role].concat()).exits(5);
    let out = out.says(&["kubectl usercert install --csr-name ", "no role is granted yet"]);
    let line = out.stderr.lines().map(str::trim).find(|l| l.starts_with("kubectl usercert grant"));
    let words: Vec<&str> = line.expect("a line").split(' ').skip(2).collect();
    let (flags, name) = words.split_at(words.len() - 2);
    admin.run(&[flags, &["--yes"], name].concat()).ok().prints(&["created"]);
}
