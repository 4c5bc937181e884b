//! The ends that a request can come to other than a certificate: each with its message and exit code.

use usercert_sandbox::{Fault, Sandbox, SandboxOptions};

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
    rejected,
    never_submitted,
    other_identity_keeps_both,
    wait_in_request,
    somebody_elses_request,
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
    assert!(admin.pending().is_empty(), "its key is of no use any more");
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
    admin
        .run(&["install", &user, "--timeout", "1s", "--request-timeout", "29s"])
        .exits(5)
        .says(&["still pending"]);
    assert_eq!(admin.pending().len(), 1, "the key is kept");
}

/// A signer that nobody plays: approved, and then nothing.
fn nobody_signs(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("unsigned");
    admin.run(&["request", &user, "--signer", "example.com/nobody"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok().says(&["unknown-signer"]);
    admin
        .run(&["install", &user, "--timeout", "1s", "--request-timeout", "29s"])
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
    let told = admin.run(&["request", &user]).exits(3);
    told.says(&["was denied", "run the same command again"]);
    // What it says to do works.
    let made = admin.run(&["request", &user]).ok().prints(&["created"]);
    let name = made.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    admin.run(&["approve", &name, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
    assert_eq!(admin.whoami(&admin.context_of(&user)).0, user);
}

/// What the server has turned down leaves nothing behind.
fn rejected(trial: &Trial) {
    let (name, user) = (trial.user("nobody"), trial.user("rejected"));
    let person = trial.nobody_special(&name, &[]);
    let request = ["request", &user];
    person.run(&request).exits(1).says(&["Forbidden"]);
    let create = ["create", &user, "--yes", "--standalone", "x.conf"];
    person.run(&create).exits(1).says(&["Forbidden", "no key is kept"]);
    let files = ["request", &user, "--out-dir", "out"];
    for _ in 0..2 {
        person.run(&files).exits(1).says(&["Forbidden"]);
    }
    let offline = person.run(&[&files[..], &["--offline"]].concat()).ok();
    offline.says(&["resuming", "kubectl usercert approve -f"]);
    assert!(person.pending().is_empty());
    let rule = serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create", "get"]}]);
    trial.grant(&name, rule);
    person.run(&request).ok().prints(&["created"]);
    person.run(&request).ok().prints(&["unchanged: it is still pending"]);

    // Invalid, and mended.
    let (admin, user) = (trial.admin(), trial.user("mended"));
    admin.run(&["request", &user, "--signer", "people"]).exits(1).says(&["Invalid"]);
    admin.run(&["request", &user]).ok().prints(&[&format!("{user} created")]);
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
}

/// Whether it has arrived is not known: the key is kept, and nobody says that there was a request.
fn never_submitted(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    sandbox.fail_at("certificatesigningrequests", Fault::Failing(503));
    admin.run(&["request", "alice", "-g", "dev", "--expires", "5h"]).exits(1);
    assert_eq!(admin.pending().len(), 1);
    sandbox.recover();
    let told = admin.run(&["install", "alice"]).exits(1);
    let line = "kubectl usercert request -g dev --expires 5h -- alice";
    told.says(&["alice was made, but did not reach the server", line]).never_shows("gone");
    // Somebody else was faster.
    let eve = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    eve.run(&["request", "alice", "--csr-name", "alice"]).ok();
    admin.run(&["install", "alice"]).exits(1).says(&["did not reach the server"]);
    admin.kubectl(&["delete", "csr", "alice"]).ok();

    let made = admin.run(&["request", "alice", "-g", "dev", "--expires", "6h"]).ok();
    made.prints(&["created"]).never_shows("its lifetime stays");
    let seconds = ["get", "csr", "alice", "-o", "jsonpath={.spec.expirationSeconds}"];
    assert_eq!(admin.kubectl(&seconds).ok().stdout, "21600");
    let again = admin.run(&["request", "alice", "-g", "dev"]).ok().prints(&["unchanged"]);
    again.says(&["its lifetime stays 6h, not 30d"]);
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

fn somebody_elses_request(trial: &Trial) {
    let admin = trial.admin();
    let (alice, bob) = (trial.user("alice"), trial.user("bob"));
    admin.run(&["request", &alice]).ok();
    admin.run(&["approve", &alice, "--yes"]).ok();
    admin.run(&["install", &bob, "--csr-name", &alice]).exits(1).says(&["not for"]);
    assert_eq!(admin.pending().len(), 1);
}
