//! Servers that are busy, do not sign, or are not the same any more; each a sandbox of its own.

use usercert_sandbox::{Sandbox, SandboxOptions};

use super::{dirs, items, journal, onboard, requests};
use crate::cases;
use crate::trial::Trial;

cases!(a_busy_server_is_waited_for, a_server_without_a_signer, restart_asks_first);

fn a_busy_server_is_waited_for(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    dirs(&admin);
    admin.write("team.csv", "name\nann\nben\n");
    sandbox.be_busy(8, 0);
    onboard(&admin, "team.csv", &["--yes"])
        .ok()
        .says(&["the requests were repeated after the time it named"]);
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
    onboard(&admin, "team.csv", &["--restart", "--yes"]).ok().says(&["1 person: 1 Issued"]);
    assert_eq!(requests(&admin, "ann").len(), 2);
}
