//! Renewals killed at any moment: whatever happens, the person has a pair that works, and one request is
//! approved.

use std::collections::BTreeSet;

use super::Holder;
use crate::cases;
use crate::trial::{Trial, plugin, traces};

cases!(credential_killed_at_any_write, renew_killed_at_any_write);

fn credential_killed_at_any_write(trial: &Trial) {
    let make = |trial: &Trial| Holder::aged(trial, "killed", 2000, 280);
    killed_at_any_write(trial, &make, &|holder| {
        let store = holder.store();
        let id = store.file_name().expect("a name").to_string_lossy().into_owned();
        ["credential", "--store", &id].map(str::to_owned).to_vec()
    });
}

/// With the pair in the kubeconfig itself.
fn renew_killed_at_any_write(trial: &Trial) {
    let make = |trial: &Trial| Holder::aged_in_kubeconfig(trial, "killed", 60, 6000);
    killed_at_any_write(trial, &make, &|_| vec!["renew".to_owned()]);
}

fn killed_at_any_write(
    trial: &Trial,
    make: &dyn Fn(&Trial) -> Option<Holder>,
    args: &dyn Fn(&Holder) -> Vec<String>,
) {
    if !traces() {
        return;
    }
    let admin = trial.admin();
    let mut ends = BTreeSet::new();
    let mut at = Vec::new();
    for call in ["mkdirat", "renameat", "linkat", "unlinkat"] {
        at.extend((1..=12).map(|number| (call, number)));
    }
    let mut over = BTreeSet::new();
    for (call, number) in at {
        if over.contains(call) {
            continue;
        }
        let Some(holder) = make(trial) else { return };
        let before = holder.certificate();
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let plugin = plugin().to_str().expect("a path").to_owned();
        let args = args(&holder);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let strace = ["-qq", "-f", "-o", "log", "-e", &inject, &plugin];
        let info = serde_json::json!({ "apiVersion": super::V1, "kind": "ExecCredential",
            "spec": { "cluster": holder.cluster } });
        let mut command = holder.person.command("strace".as_ref(), &[&strace[..], &args].concat());
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        // The first to submit is approved, the killed one or the next.
        let approving = |run: &(dyn Fn() -> bool + Sync)| {
            std::thread::scope(|scope| {
                let run = scope.spawn(run);
                while !run.is_finished() {
                    for name in holder.requests(&admin, |item| item["state"] == "Pending") {
                        admin.run(&["approve", "--yes", "--", &name]);
                    }
                }
                run.join().expect("it ends")
            })
        };
        let killed = || holder.person.read("log").contains("killed by SIGKILL");
        let command = std::sync::Mutex::new(command);
        approving(&|| {
            let mut command = command.lock().expect("one runs");
            command.output().expect("strace runs");
            while !killed() && holder.certificate() == before {
                // The admin was slow.
                let _ = std::fs::remove_file(holder.store().join("attempts.json"));
                command.output().expect("strace runs");
            }
            true
        });
        if !killed() {
            // There are no more calls of this kind.
            over.insert(call);
        }
        let place = format!("{call} #{number}");
        ends.insert(holder.certificate() != before);
        let whoami = holder.person.kubectl(&["auth", "whoami", "-o", "json"]);
        assert_eq!(
            whoami.ok().json()["status"]["userInfo"]["username"],
            holder.user.as_str(),
            "{place}"
        );
        let then = holder.certificate();
        // Whoever renews next ends with the new pair, by the same request.
        approving(&|| holder.person.run(&["renew"]).ok().code == 0);
        assert_ne!(holder.certificate(), before, "{place}");
        let issued = holder.requests(&admin, |item| item["state"] == "Issued").len();
        let renewed = 1 + usize::from(then != before);
        assert!(issued <= renewed, "{issued} certificates after {place}");
        assert_eq!(holder.person.whoami(&holder.context).0, holder.user, "{place}");
        assert!(holder.person.pending().is_empty(), "{place}");
    }
    assert_eq!(ends, [false, true].into(), "killed before the new pair was in place, and after");
}
