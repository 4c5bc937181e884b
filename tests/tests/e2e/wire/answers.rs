//! What comes back from a server, or from something that poses as one.

use usercert_sandbox::{Fault, Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    watches_that_end_at_once,
    a_server_that_is_busy_for_years,
    a_huge_certificate,
    a_cut_watch_is_no_end,
    connections_that_end_between_two_requests,
);

/// A server of its own.
fn alone(trial: &Trial) -> (Sandbox, Person) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    (sandbox, admin)
}

/// As with a proxy that knows no streams: it is not asked again and again without a pause.
fn watches_that_end_at_once(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "alice"]).ok();
    sandbox.fail_at("watch=1", Fault::Empty);
    sandbox.clear_log();
    admin.run(&["install", "alice", "--timeout", "3s"]).exits(5).says(&["still pending"]);
    let asked = sandbox.log().len();
    // A read, and then pauses of 0, 1/4, 1/2, 1 and 2 seconds between watches and reads: on a slow machine
    // there are fewer.
    assert!((3..=12).contains(&asked), "{asked} requests: {:?}", sandbox.log());
    // Onboarding watches for all at once.
    admin.write("people.csv", "name\nbob\n");
    std::fs::create_dir(admin.home.join("out")).expect("a folder");
    sandbox.set_signer(false);
    sandbox.clear_log();
    let onboard = ["onboard", "people.csv", "--yes", "--timeout", "3s", "--standalone-dir", "out"];
    let out = admin.run(&onboard);
    out.exits(5).says(&["bob"]);
    let watches = sandbox.log().iter().filter(|e| e.path.contains("watch=1")).count();
    assert!((1..=6).contains(&watches), "{watches} watches: {:?}", sandbox.log());
}

fn a_server_that_is_busy_for_years(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    sandbox.fail_at("", Fault::Busy(u64::MAX));
    admin.run(&["list"]).exits(1).says(&[
        "TooManyRequests",
        "retry after 18446744073709551615 seconds",
        "hint: this command does not wait that long; try again later",
    ]);
    assert_eq!(sandbox.log().len(), 1);
}

fn a_huge_certificate(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "alice"]).ok();
    sandbox.fail_at("certificatesigningrequests/alice", Fault::Huge(100));
    admin.run(&["install", "alice"]).exits(1).says(&["it is longer than 8 MiB"]);
    sandbox.fail_at("certificatesigningrequests?", Fault::Endless);
    admin.run(&["list"]).exits(1).says(&["it is longer than 16 MiB"]);
}

/// A connection that breaks while a request is waited for: what it missed is read.
fn a_cut_watch_is_no_end(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "alice"]).ok();
    sandbox.fail_at("watch=1", Fault::Reset);
    sandbox.clear_log();
    let waiting = {
        let admin = admin.clone();
        std::thread::spawn(move || admin.run(&["install", "alice"]))
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while sandbox.log().iter().filter(|e| e.path.contains("watch=1")).count() < 2 {
        assert!(std::time::Instant::now() < until, "no second watch: {:?}", sandbox.log());
        std::thread::yield_now();
    }
    trial.with_kubeconfig(&sandbox.admin_kubeconfig()).run(&["approve", "alice", "--yes"]).ok();
    waiting.join().expect("it ends").ok();
}

/// What changes nothing is asked once more, on a new connection; a decision is not sent twice.
fn connections_that_end_between_two_requests(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "alice"]).ok();
    sandbox.close_reused();
    for args in [&["review", "alice"][..], &["access", "alice"], &["verify"], &["doctor"]] {
        admin.run(args).ok();
    }
    let before = sandbox.traffic().connections;
    admin.run(&["verify"]).ok();
    assert!(sandbox.traffic().connections - before >= 2, "the second request had a new one");
    admin.run(&["approve", "alice", "--yes"]).exits(1).says(&["Unable to connect"]);
    let decided = sandbox.log().iter().any(|entry| entry.method == "PUT");
    assert!(!decided, "{:?}", sandbox.log());
}
