//! One process, killed before every single system call that it makes, or told that the call
//! failed: strace counts them in one run and strikes at the n-th call of each kind in the others.

mod abilities;
mod stored;

use std::collections::BTreeMap;
use std::path::Path;

use kubectl_usercert::files::{KubeconfigLock, PendingStore};

use super::*;

/// Whether there is a strace that may trace; says so loudly if not.
fn traceable() -> bool {
    let works = is_there("strace")
        && Command::new("strace").args(["-qq", "true"]).output().unwrap().status.success();
    if !works {
        eprintln!("SKIPPED: no crash was tried, because strace is missing or may not trace");
    }
    works
}

/// Runs the helper under strace; whether it succeeded, and the log.
fn traced(log: &Path, more: &[&str], arguments: &[&str]) -> (bool, String) {
    let program = helper();
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-f", "-o"]).arg(log).args(more).arg(program.get_program());
    let output = strace.args(arguments).output().unwrap();
    (output.status.success(), std::fs::read_to_string(log).unwrap())
}

/// They concern memory alone, and how often they come depends on where things lie in it.
const MEMORY: [&str; 6] = ["brk", "madvise", "mmap", "mprotect", "mremap", "munmap"];

/// Name and number (among those of its name) of every system call between the first mark and the
/// second or the end, but for those on memory.
fn calls(log: &str) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut calls = Vec::new();
    let mut inside = false;
    for line in log.lines() {
        // "1234  openat(AT_FDCWD, …"
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let Some((name, rest)) = call.split_once('(') else { continue };
        let count = counts.entry(name).or_default();
        *count += 1;
        if rest.contains("/files-helper-end") {
            break;
        }
        if inside && !MEMORY.contains(&name) {
            calls.push((name.to_owned(), *count));
        }
        inside |= rest.contains("/files-helper-start");
    }
    calls
}

/// What happens to a process at a system call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Strike {
    Kill,
    Fail,
}

/// Runs the helper once to the end and once to every system call of it; `prepare` makes the
/// directory that it works in, `check` gets it after each crash.
pub(super) fn at_every_call(
    strike: Strike,
    arguments: impl Fn(&Path) -> Vec<String>,
    prepare: impl Fn(&Path),
    check: impl Fn(&Path, &str),
) {
    if !traceable() {
        return;
    }
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let run = |more: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let arguments = arguments(directory.path());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (success, log) = traced(&log, more, &arguments);
        (directory, success, log)
    };

    let (_, success, whole) = run(&[]);
    assert!(success && whole.contains("/files-helper-end"), "{whole}");
    let calls = calls(&whole);
    assert!(calls.len() > 10, "{whole}");
    for (name, number) in &calls {
        let place = format!("{name} #{number}");
        let what = if strike == Strike::Kill { "signal=KILL" } else { "error=EIO" };
        let (directory, _, log) = run(&["-e", &format!("inject={name}:{what}:when={number}")]);
        assert!(log.contains("/files-helper-start"), "struck too early at {place}:\n{log}");
        if strike == Strike::Kill {
            assert!(!log.contains("/files-helper-end"), "not killed at {place}:\n{log}");
            assert!(log.contains("killed by SIGKILL"), "{log}");
        } else {
            assert!(log.contains("(INJECTED)"), "not struck at {place}:\n{log}");
        }
        check(directory.path(), &place);
    }
    eprintln!("struck at {} system calls", calls.len());
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn update_is_old_or_new_and_no_obstacle(strike: Strike) {
    let old = kubeconfig();
    let new = format!("{old}- name: crashed\n  user:\n    token: crashed\n");
    at_every_call(
        strike,
        |directory| {
            vec!["update".into(), "0".into(), "crashed".into(), text(&directory.join("config"))]
        },
        |directory| std::fs::write(directory.join("config"), &old).unwrap(),
        |directory, place| {
            let file = directory.join("config");
            let found = std::fs::read_to_string(&file).unwrap();
            assert!(found == old || found == new, "neither old nor new after {place}");

            // No waiting: a free lock is seen at once.
            let next = helper().args(["update", "0", "next"]).arg(&file).output().unwrap();
            let error = String::from_utf8_lossy(&next.stderr).into_owned();
            assert!(next.status.success(), "after {place}: {error}");
            let expected = format!("{found}- name: next\n  user:\n    token: next\n");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "{place}");
            assert_eq!(names(directory), ["config"], "{place}");
        },
    );
}

#[test]
fn a_killed_update_leaves_the_old_file_or_the_new_one_and_no_obstacle() {
    update_is_old_or_new_and_no_obstacle(Strike::Kill);
}

#[test]
fn an_update_that_meets_an_error_leaves_the_old_file_or_the_new_one_and_no_obstacle() {
    update_is_old_or_new_and_no_obstacle(Strike::Fail);
}

#[test]
fn a_killed_update_of_linked_and_new_files_leaves_each_whole() {
    let old = kubeconfig();
    let entry = "- name: crashed\n  user:\n    token: crashed\n";
    let files = |directory: &Path| [directory.join("a/config"), directory.join("b/new/config")];
    at_every_call(
        Strike::Kill,
        |directory| {
            let [a, b] = files(directory);
            vec!["update".into(), "60".into(), "crashed".into(), text(&a), text(&b)]
        },
        |directory| {
            for name in ["a", "b", "real"] {
                std::fs::create_dir(directory.join(name)).unwrap();
            }
            std::fs::write(directory.join("real/config"), &old).unwrap();
            std::os::unix::fs::symlink("../real/config", directory.join("a/config")).unwrap();
        },
        |directory, place| {
            let [a, b] = files(directory);
            assert!(a.is_symlink(), "{place}");
            let first = std::fs::read_to_string(&a).unwrap();
            assert!(first == old || first == format!("{old}{entry}"), "{place}");
            if let Ok(second) = std::fs::read_to_string(&b) {
                assert!(second.ends_with(entry), "{place}");
                assert_ne!(first, old, "second before first: {place}");
            }
            let next = helper().args(["update", "0", "next"]).args([&a, &b]).output().unwrap();
            assert!(next.status.success(), "after {place}");
            assert!(users(&a).contains(&"next".to_owned()));
            assert!(users(&b).contains(&"next".to_owned()));
            assert_eq!(names(&directory.join("a")), ["config"], "{place}");
            assert_eq!(names(&directory.join("b/new")), ["config"], "{place}");
            assert_eq!(names(&directory.join("real")), ["config"], "{place}");
        },
    );
}

#[test]
fn a_killed_takeover_leaves_no_obstacle() {
    let old = kubeconfig();
    at_every_call(
        Strike::Kill,
        |directory| {
            vec!["update".into(), "60".into(), "crashed".into(), text(&directory.join("config"))]
        },
        |directory| {
            std::fs::write(directory.join("config"), &old).unwrap();
            let lock = KubeconfigLock::acquire(&[directory.join("config")], Duration::ZERO);
            // What is left when a process is gone: the file, without a lock on it.
            let lock = lock.unwrap();
            let marker = std::fs::read(directory.join("config.lock")).unwrap();
            drop(lock);
            std::fs::write(directory.join("config.lock"), marker).unwrap();
        },
        |directory, place| {
            let file = directory.join("config");
            let next = helper().args(["update", "0", "next"]).arg(&file).output().unwrap();
            let error = String::from_utf8_lossy(&next.stderr).into_owned();
            assert!(next.status.success(), "after {place}: {error}");
            assert!(users(&file).contains(&"next".to_owned()));
            assert_eq!(names(directory), ["config"], "{place}");
        },
    );
}

#[test]
fn a_killed_creation_leaves_a_whole_file_or_none() {
    let content = "key".repeat(100);
    at_every_call(
        Strike::Kill,
        |directory| vec!["create".into(), text(&directory.join("alice.key")), content.clone()],
        |_| {},
        |directory, place| {
            let file = directory.join("alice.key");
            match std::fs::read_to_string(&file) {
                Ok(found) => assert_eq!(found, content, "{place}"),
                Err(_) => {
                    let next = helper().arg("create").arg(&file).arg("x").status().unwrap();
                    assert!(next.success(), "{place}");
                    assert_eq!(names(directory), ["alice.key"], "{place}");
                }
            }
        },
    );
}

#[test]
fn a_killed_creation_of_a_set_leaves_all_of_it_or_the_next_one_goes_on() {
    let files = |directory: &Path| ["a.key", "a.crt", "a.yaml"].map(|name| directory.join(name));
    let arguments = |directory: &Path| {
        let files = files(directory).map(|file| text(&file));
        [vec!["set".to_owned()], files.to_vec()].concat()
    };
    at_every_call(
        Strike::Kill,
        arguments,
        |_| {},
        |directory, place| {
            let whole = files(directory).iter().all(|file| file.exists());
            let next = helper().args(arguments(directory)).output().unwrap();
            let error = String::from_utf8_lossy(&next.stderr).into_owned();
            assert_eq!(next.status.success(), !whole, "after {place}: {error}");
            assert_eq!(names(directory), ["a.crt", "a.key", "a.yaml"], "{place}");
        },
    );
}

/// The API server reads the file at any moment, and at its own start.
#[test]
fn a_killed_authorization_update_leaves_a_file_that_the_server_takes() {
    for strike in [Strike::Kill, Strike::Fail] {
        at_every_call(
            strike,
            |directory| {
                let file = text(&directory.join("authorization.yaml"));
                vec!["authorize".into(), file, "before".into(), "after".into()]
            },
            |directory| std::fs::write(directory.join("authorization.yaml"), "before").unwrap(),
            |directory, place| {
                let read = |name: &str| std::fs::read_to_string(directory.join(name));
                let found = read("authorization.yaml").unwrap();
                assert!(found == "before" || found == "after", "{found:?} after {place}");
                if found == "after" {
                    // What it refers to, and the way back.
                    assert_eq!(read("beside").unwrap(), "beside", "{place}");
                    let kept = read("authorization.yaml.usercert-last-good").unwrap();
                    assert_eq!(kept, "before", "{place}");
                }
                let file = directory.join("authorization.yaml");
                let next = helper().arg("authorize").arg(&file).args([&found, "next"]).status();
                assert!(next.unwrap().success(), "after {place}");
                assert_eq!(read("authorization.yaml").unwrap(), "next", "{place}");
                let three =
                    ["authorization.yaml", "authorization.yaml.usercert-last-good", "beside"];
                assert_eq!(names(directory), three, "{place}");
            },
        );
    }
}

#[test]
fn a_killed_save_leaves_key_and_request_or_nothing() {
    let id = "0123456789abcdef";
    at_every_call(
        Strike::Kill,
        |directory| vec!["save".into(), text(directory), id.into(), "first".into()],
        |_| {},
        |directory, place| {
            let store = PendingStore::open(Some(directory.into()), None);
            let store = store.unwrap_or_else(|error| panic!("{place}: {error}"));
            match store.load(id).unwrap() {
                Some(found) => {
                    assert_eq!(found.key.as_slice(), b"first", "{place}");
                    assert_eq!(found.request_json, b"{}", "{place}");
                }
                None => store.save(id, b"second", b"{}").unwrap(),
            }
            let pending = directory.join("kubectl-usercert/pending");
            assert_eq!(names(&pending), [".lock", id], "{place}");
            assert_eq!(names(&pending.join(id)), ["key.pem", "request.json"], "{place}");
        },
    );
}

#[test]
fn a_killed_removal_leaves_key_and_request_or_nothing() {
    let id = "0123456789abcdef";
    let open = |directory: &Path| PendingStore::open(Some(directory.into()), None).unwrap();
    at_every_call(
        Strike::Kill,
        |directory| vec!["forget".into(), text(directory), id.into()],
        |directory| open(directory).save(id, b"key", b"{}").unwrap(),
        |directory, place| {
            let store = open(directory);
            let pending = directory.join("kubectl-usercert/pending");
            match store.load(id).unwrap() {
                Some(_) => assert_eq!(names(&pending), [".lock", id], "{place}"),
                None => assert_eq!(names(&pending), [".lock"], "{place}"),
            }
        },
    );
}
