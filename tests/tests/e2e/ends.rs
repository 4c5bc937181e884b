//! The ends that a request can come to other than a certificate: each with its message and exit code.

use crate::cases;
use crate::trial::Trial;

cases!(
    denied,
    still_pending,
    nobody_signs,
    vanished,
    replaced,
    failed,
    denied_before_request_again,
    other_identity_keeps_both,
    wait_in_request,
);

fn denied(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("denied");
    admin.run(&["request", &user]).ok();
    admin
        .run(&["deny", &user, "--reason", "NotYet", "--message", "Ask \u{1b}[31mlater\u{7}"])
        .ok()
        .prints(&["denied"]);
    let out = admin.run(&["install", &user]).exits(3).says(&["was denied", "NotYet", "later"]);
    out.never_shows("\u{1b}").never_shows("\u{7}");
    let out = admin.run(&["approve", &user, "--yes"]).exits(3);
    out.says(&["is already Denied (NotYet): ", "later"]).never_shows("\u{1b}");
    admin.run(&["deny", &user]).ok();
}

fn still_pending(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("pending");
    admin.run(&["request", &user]).ok();
    admin
        .run(&["install", &user, "--timeout", "0"])
        .exits(5)
        .says(&["still pending", "kubectl usercert approve"]);
    admin.run(&["install", &user, "--timeout", "1s"]).exits(5).says(&["still pending"]);
    assert_eq!(admin.pending().len(), 1, "the key is kept");
}

/// A signer that nobody plays: approved, and then nothing.
fn nobody_signs(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("unsigned");
    admin.run(&["request", &user, "--signer", "example.com/nobody"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok().says(&["unknown-signer"]);
    admin
        .run(&["install", &user, "--timeout", "1s"])
        .exits(5)
        .says(&["no signer has acted", "EKS"]);
}

fn vanished(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("gone");
    admin.run(&["request", &user]).ok();
    admin.kubectl(&["delete", "csr", &user]).ok();
    admin.run(&["install", &user]).exits(1).says(&["is gone", "kubectl usercert request"]);
    assert_eq!(admin.pending().len(), 1, "the key is kept");
    // Deleted while somebody waits.
    admin.run(&["request", &user]).ok();
    let waiting = {
        let (admin, user) = (admin.clone(), user.clone());
        std::thread::spawn(move || admin.run(&["install", &user, "--timeout", "60s"]))
    };
    admin.kubectl(&["delete", "csr", &user]).ok();
    waiting.join().expect("it ends").exits(1).says(&["is gone"]);
}

fn replaced(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("replaced");
    admin.run(&["request", &user]).ok();
    admin.kubectl(&["delete", "csr", &user]).ok();
    eve.run(&["request", &user, "-g", "other"]).ok();
    eve.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).exits(1).says(&["another request has taken the name"]);
    assert_eq!(admin.pending().len(), 1, "the key is kept");
}

/// The signer refuses usages only after approval.
fn failed(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("failed");
    admin.run(&["request", &user, "--out-dir", ".", "--offline"]).ok();
    let manifest = admin.read(&format!("{user}.yaml"));
    let usage = manifest.lines().find(|l| l.contains("client auth")).expect("a usage").to_owned();
    let manifest = manifest
        .replace(&usage, &format!("{usage}\n{}", usage.replace("client auth", "code signing")));
    admin.write("m.yaml", &manifest);
    admin.kubectl(&["create", "--validate=false", "-f", "m.yaml"]).ok();
    admin
        .run(&["approve", &user, "--yes"])
        .exits(3)
        .says(&["unexpected-usages", "--accept unexpected-usages"]);
    admin.run(&["approve", &user, "--yes", "--accept", "unexpected-usages"]).ok();
    let key = format!("{user}.key");
    admin.run(&["install", "--key", &key, "--", &user]).exits(1).says(&[
        "the signer refused it",
        "SignerValidationFailure",
        "code signing",
    ]);
}

fn denied_before_request_again(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("deny-again");
    admin.run(&["request", &user]).ok();
    admin.run(&["deny", &user]).ok();
    admin.run(&["request", &user]).exits(3).says(&["was denied", "--csr-name"]);
}

/// The same user name with other groups is another request: neither key is lost.
fn other_identity_keeps_both(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("both");
    admin.run(&["request", &user, "-g", "wrong"]).ok();
    let second = admin.run(&["request", &user, "-g", "right"]).ok();
    assert_eq!(admin.pending().len(), 2);
    let name = second
        .stdout
        .split_whitespace()
        .next()
        .expect("a name")
        .rsplit('/')
        .next()
        .expect("a name")
        .to_owned();
    admin.run(&["approve", &name, "--yes"]).ok();
    admin.run(&["install", &user, "--csr-name", &name]).ok();
    assert!(admin.whoami(&admin.context_of(&user)).1.contains(&"right".to_owned()));
}

fn wait_in_request(trial: &Trial) {
    let admin = trial.admin();
    let (user, late) = (trial.user("wait"), trial.user("late"));
    admin.run(&["request", &late, "--wait", "--timeout", "0"]).exits(5);
    let waiting = {
        let (admin, user) = (admin.clone(), user.clone());
        std::thread::spawn(move || {
            admin.run(&["request", &user, "--wait", "--use", "--timeout", "60s"])
        })
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(50);
    let approver = trial.admin();
    while approver.run(&["approve", &user, "--yes", "-q"]).code != 0 {
        assert!(std::time::Instant::now() < until, "the request never came");
    }
    waiting.join().expect("it ends").ok();
    let context = admin.context_of(&user);
    assert_eq!(admin.whoami(&context).0, user);
    assert_eq!(admin.kubectl(&["config", "current-context"]).ok().stdout.trim(), context);
}
