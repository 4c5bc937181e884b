//! The service killed at any moment: no certificate is renewed twice, and no renewal is lost.

use super::{ONCE, RULES, ask, comes, person, recorded, stage, state};
use crate::cases;
use crate::trial::{Person, Trial, plugin, traces};

cases!(killed_at_any_write);

/// Runs it until it would change something on the server for the so many-th time, or, where the server
/// cannot be told to wait, until it sends anything at all for the so many-th time; and kills it then. False
/// if it did so less often.
fn killed(trial: &Trial, admin: &Person, number: u32) -> bool {
    if let Some(sandbox) = trial.backend.sandbox() {
        sandbox.clear_log();
        sandbox.hold_writes(number - 1);
        let held = || sandbox.log().iter().any(|entry| entry.status == 0);
        let mut running = admin.start(&ONCE);
        while !held() && running.try_wait().expect("a state").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.kill().expect("it is killed");
        running.wait().expect("it ends");
        sandbox.recover();
        return held();
    }
    let inject = format!("inject=sendto,sendmsg,writev:signal=KILL:when={number}");
    let program = plugin().to_str().expect("a path");
    let trace = ["-qq", "-f", "-o", "log", "-e", "trace=sendto,sendmsg,writev", "-e", &inject];
    admin.tool("strace", &[&trace[..], &[program], &ONCE].concat());
    admin.read("log").contains("killed by SIGKILL")
}

/// The holder of a certificate and a thief ask for its renewal. Whatever the service was doing when it was
/// killed, one of them gets it, the other is denied, and both are shut out.
fn killed_at_any_write(trial: &Trial) {
    if trial.backend.sandbox().is_none() && !traces() {
        return;
    }
    // Where reads count too, killing it at every seventh is enough but for the long run.
    let stride = match trial.backend.sandbox() {
        None if std::env::var_os("USERCERT_SOAK").is_none() => 7,
        _ => 1,
    };
    let rules = format!("{RULES}  onReuse: revoke\n");
    let Some((trial, admin, _)) = stage(trial, &rules) else { return };
    let mut kills = 0;
    for number in (1..).step_by(stride) {
        // Those of before would be work, too.
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        let user = format!("user{number}");
        let names = [format!("{user}-2"), format!("{user}-3")];
        let holder = person(&trial, &admin, &user, &["dev"]);
        names.iter().for_each(|name| ask(&holder, &user, &["dev"], name));
        // The first time it approves, the second time it denies and records.
        let died = [0, 1].map(|_| killed(&trial, &admin, number)).contains(&true);
        let states = || names.each_ref().map(|name| state(&admin, name));
        comes(&|| {
            admin.run(&ONCE);
            states().iter().all(|state| !state.is_empty()) && recorded(&admin, &user).len() == 2
        });
        let mut ends = states();
        ends.sort();
        let [approved, denied] = ends;
        assert_eq!(approved, "Approved UsercertRenewal/developers;", "{number}");
        // Once it has shut both out, it sees that first.
        assert!(denied.starts_with("Denied UsercertRenewalRe"), "{denied}: {number}");
        let events = admin.kubectl(&["get", "events", "-n", "default", "-o", "json"]).ok().json();
        let events = events["items"].as_array().expect("items").iter();
        let told = events.filter(|e| {
            e["involvedObject"]["name"].as_str().is_some_and(|n| names.iter().any(|name| name == n))
        });
        assert_eq!(told.count(), 1, "{number}");
        let records = recorded(&admin, &user);
        let [child, parent] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!(child["renews"], parent["sha256"], "{number}");
        for record in &records {
            assert!(record["blocked"].as_str().is_some_and(|b| b.contains("renewed twice")));
        }
        if !died {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "it was killed only {kills} times");
}
