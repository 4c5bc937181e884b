//! Many who write to one kubeconfig at once.

use crate::cases;
use crate::trial::{Person, Trial};

cases!(many_writers, many_writers_with_kubectl_among_them);

/// So many people's replies, each in a home of its own, all for one kubeconfig.
fn writers(trial: &Trial, shared: &std::path::Path, count: usize) -> Vec<(Person, String)> {
    let admin = trial.admin();
    (0..count)
        .map(|_| {
            let user = trial.user("w");
            let mut person = trial.newcomer();
            let offline = person.run(&["request", &user, "--offline", "-o", "yaml", "-q"]).ok();
            let reply = admin
                .run_with(
                    &["approve", "--from", "-", "--yes", "--reply", "-"],
                    offline.stdout.as_bytes(),
                )
                .ok();
            person.write("reply", &reply.stdout);
            person.kubeconfig = shared.to_owned();
            (person, user)
        })
        .collect()
}

fn install_all(people: &[(Person, String)]) -> Vec<crate::trial::Outcome> {
    let threads: Vec<_> = people
        .iter()
        .cloned()
        .map(|(person, user)| {
            std::thread::spawn(move || {
                person.run(&["install", &user, "--reply", "reply", "--yes", "--no-verify"])
            })
        })
        .collect();
    threads.into_iter().map(|t| t.join().expect("it ends")).collect()
}

/// None is lost, and whoever reads at any moment reads a whole file.
fn many_writers(trial: &Trial) {
    let shared = trial.newcomer().home.join("shared");
    let people = writers(trial, &shared, 32);
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = {
        let (shared, done) = (shared.clone(), std::sync::Arc::clone(&done));
        std::thread::spawn(move || {
            let mut reads = 0_usize;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                if let Ok(text) = std::fs::read_to_string(&shared) {
                    assert!(
                        text.ends_with('\n') && text.contains("current-context")
                            || text.contains("contexts"),
                        "{text}"
                    );
                    reads += 1;
                }
            }
            reads
        })
    };
    for outcome in install_all(&people) {
        outcome.ok();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reader.join().expect("every read was whole") > 0);
    for (person, user) in &people {
        person.context_of(user);
    }
}

/// kubectl reads before it locks, so entries can get lost; never without a word.
///
/// One at a time: of several, one can read what another has just emptied in order to write it, and
/// then removes everything, long after the installation.
fn many_writers_with_kubectl_among_them(trial: &Trial) {
    let shared = trial.newcomer().home.join("shared");
    let people = writers(trial, &shared, 32);
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let other = {
        let (mut person, done) = (trial.newcomer(), std::sync::Arc::clone(&done));
        person.kubeconfig = shared.clone();
        std::thread::spawn(move || {
            for i in 0.. {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                // Fails at once while somebody holds the lock: that is kubectl's way.
                let user = format!("k{}", i % 4);
                person.kubectl(&["config", "set-credentials", &user, "--token=x"]);
            }
        })
    };
    let outcomes = install_all(&people);
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    other.join().expect("it ends");
    let names = people[0].0.kubectl(&["config", "get-contexts", "-o", "name"]).ok().stdout;
    for ((person, user), outcome) in people.iter().zip(outcomes) {
        let there = names.lines().any(|n| n.starts_with(&format!("{user}@")));
        if there {
            continue;
        }
        outcome.exits(1).says(&["kept", "run"]);
        assert_eq!(person.pending().len(), 1, "the key is kept");
        person.run(&["install", user, "--reply", "reply", "--yes", "--no-verify"]).ok();
    }
}
