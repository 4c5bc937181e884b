//! What runs on: replicas, health and metrics, a policy that changes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{ONCE, RULES, SERVE, ask, comes, recorded, stage, state};
use crate::cases;
use crate::trial::{Person, Running, Trial};

cases!(
    it_serves_until_told_and_another_takes_over,
    a_broken_policy_changes_nothing_and_is_told,
    wrong_use,
);

pub(super) struct Service {
    pub(super) running: Running,
    address: String,
}

/// The service, once it has said where its health can be asked for.
pub(super) fn serving(person: &Person, more: &[&str]) -> Service {
    let running = person.serving(&[&SERVE[..], more].concat(), "\n");
    let address = running.said().trim().rsplit("http://").next().expect("an address").to_owned();
    Service { running, address }
}

impl Service {
    /// The code and text that are answered.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let code = answer.split(' ').nth(1).and_then(|c| c.parse().ok()).expect("a code");
        (code, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    pub(super) fn metric(&self, line: &str) -> bool {
        self.get("/metrics").1.lines().any(|l| l == line)
    }
}

fn it_serves_until_told_and_another_takes_over(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    let first = serving(&admin, &[]);
    comes(&|| first.metric("usercert_approver_leader 1"));
    let second = serving(&admin, &[]);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    comes(&|| first.metric("usercert_approver_decisions_total{decision=\"approved\"} 1"));
    comes(&|| {
        first.metric("usercert_approver_recorded_total 2") || recorded(&admin, "alice").len() == 2
    });
    assert!(second.metric("usercert_approver_leader 0"));
    assert!(second.metric("usercert_approver_decisions_total{decision=\"approved\"} 0"));
    for service in [&first, &second] {
        assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
        assert_eq!(service.get("/readyz"), (200, "ok\n".to_owned()));
        assert_eq!(service.get("/").0, 404);
    }
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    first.running.stop().ok().says(&["working: this replica holds the lease", "stopped"]);
    comes(&|| second.metric("usercert_approver_leader 1"));
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    comes(&|| second.metric("usercert_approver_decisions_total{decision=\"approved\"} 1"));
    second.running.stop().ok().prints(&["alice-3 approved"]).never_shows("warning");
}

fn a_broken_policy_changes_nothing_and_is_told(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    let service = serving(&admin, &[]);
    comes(&|| service.metric("usercert_approver_leader 1"));
    // As a ConfigMap's mount does it.
    let exchange = |text: &str| {
        admin.write("policy.new", text);
        std::fs::rename(admin.home.join("policy.new"), admin.home.join("policy.yaml"))
            .expect("renamed");
    };
    exchange(&format!("{RULES}  groups: {{allow: [\"*\"]}}\n"));
    comes(&|| service.get("/readyz").0 == 503);
    assert!(
        service.get("/readyz").1.contains("policy: policy.yaml"),
        "{:?}",
        service.get("/readyz")
    );
    assert!(service.metric("usercert_approver_policy_valid 0"));
    assert_eq!(service.get("/healthz").0, 200);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    comes(&|| state(&admin, "alice-2").contains("developers"));
    // Mended, it is in force: the rule has another name now.
    exchange(&RULES.replace("developers", "engineers"));
    comes(&|| service.get("/readyz").0 == 200);
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    comes(&|| state(&admin, "alice-3").contains("engineers"));
    let out = service.running.stop().ok();
    out.says(&[
        "the new policy is invalid, the previous one stays in force",
        "the policy was reloaded",
    ]);
}

fn wrong_use(trial: &Trial) {
    let admin = trial.admin();
    let policy = "apiVersion: usercert/v1\nkind: Policy\nsigners: [a]\n";
    admin.write("policy.yaml", policy);
    admin.run(&ONCE).exits(2).says(&["no rules in `renewals`"]);
    admin.run(&["approve", "--watch"]).exits(2).says(&["--policy"]);
    admin.run(&[&ONCE[..], &["alice"]].concat()).exits(2).says(&["cannot be used with"]);
    admin.run(&[&ONCE[..], &["--yes"]].concat()).exits(2).says(&["cannot be used with"]);
    admin.run(&["approve", "alice", "--once"]).exits(2).says(&["--watch"]);
    admin.write("policy.yaml", RULES);
    let watch = ["approve", "--watch", "--policy", "policy.yaml"];
    admin.run(&[&watch[..], &["--dry-run"]].concat()).exits(2).says(&["--once"]);
    admin.run(&[&watch[..], &["--print-manifests"]].concat()).exits(2).says(&["--image"]);
    admin.run(&[&watch[..], &["--listen", "nowhere"]].concat()).exits(2).says(&["--listen"]);
    admin.write("policy.yaml", &format!("{RULES}  onReuse: warn\n"));
    admin.run(&ONCE).exits(1).says(&["line 9, column 12", "unknown variant `warn`"]);
}
