//! Many processes at once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn start_update(entry: &str, file: &Path) -> Child {
    helper().args(["update", "120", entry]).arg(file).spawn().unwrap()
}

/// Starts a process that takes the lock of `file`, and kills it while it has it.
fn crash_with_lock(file: &Path) {
    let mut child = helper()
        .arg("hold")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn nothing_is_lost_and_readers_always_see_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig()).unwrap();

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut most = 0;
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let count = users(&file).len();
                assert!(count >= most, "entries disappeared: {count} after {most}");
                most = count;
                reads += 1;
            }
            reads
        });
        let children: Vec<_> =
            (0..32).map(|i| start_update(&format!("new-{i:02}"), &file)).collect();
        let succeeded: Vec<bool> =
            children.into_iter().map(|mut child| child.wait().unwrap().success()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
        assert!(succeeded.iter().all(|success| *success), "{succeeded:?}");
    });

    let users: BTreeSet<String> = users(&file).into_iter().collect();
    assert_eq!(users.len(), 300 + 32);
    for i in 0..32 {
        assert!(users.contains(&format!("new-{i:02}")), "new-{i:02} is lost");
    }
    assert!(std::fs::read_to_string(&file).unwrap().starts_with(&kubeconfig()));
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn kubectl_among_the_writers_does_no_damage() {
    if !is_there("kubectl") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig()).unwrap();

    let kubectl = |i: usize| {
        Command::new("kubectl")
            .args(["config", "set-credentials", &format!("kubectl-{i:02}"), "--token=t"])
            .arg("--kubeconfig")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for i in 0..16 {
        ours.push(start_update(&format!("new-{i:02}"), &file));
        theirs.push(kubectl(i));
    }
    // The helper refuses a damaged file, so its success shows that there was none under the lock.
    for mut child in ours {
        assert!(child.wait().unwrap().success());
    }
    for mut child in theirs {
        // It fails at once when it meets a lock.
        child.wait().unwrap();
    }
    let users: BTreeSet<String> = users(&file).into_iter().collect();
    for i in 0..300 {
        assert!(users.contains(&format!("old-{i:04}")), "old-{i:04} is lost");
    }
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn kubectl_respects_our_lock() {
    if !is_there("kubectl") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig()).unwrap();
    let set = || {
        Command::new("kubectl")
            .args(["config", "set-credentials", "kubectl", "--token=t", "--kubeconfig"])
            .arg(&file)
            .output()
            .unwrap()
    };
    let lock = kubectl_usercert::files::KubeconfigLock::acquire(
        std::slice::from_ref(&file),
        Duration::ZERO,
    )
    .unwrap();
    let refused = set();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("file exists"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kubeconfig());
    drop(lock);
    assert!(set().status.success());
}

#[test]
fn a_lock_is_waited_for_while_its_holder_lives() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let mut holder = helper()
        .arg("hold")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();

    let refused = helper().args(["update", "0", "new"]).arg(&file).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(message.contains(&holder.id().to_string()), "{message}");

    let mut waiting = start_update("new", &file);
    holder.stdin.take().unwrap().flush().unwrap();
    assert!(holder.wait().unwrap().success());
    assert!(waiting.wait().unwrap().success());
    assert_eq!(users(&file), ["new"]);
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn of_many_who_find_a_crashed_lock_one_at_a_time_is_inside() {
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("counter");
    std::fs::write(&counter, "0").unwrap();
    for round in 1..=6 {
        crash_with_lock(&counter);
        assert_eq!(names(directory.path()), ["counter", "counter.lock"]);
        let takers: Vec<_> =
            (0..6).map(|_| helper().arg("count").arg(&counter).arg("5").spawn().unwrap()).collect();
        for mut taker in takers {
            assert!(taker.wait().unwrap().success());
        }
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), (round * 30).to_string());
        assert_eq!(names(directory.path()), ["counter"]);
    }
}

#[test]
fn takers_that_crash_themselves_stop_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("counter");
    std::fs::write(&counter, "0").unwrap();
    let count = |times: &str| helper().arg("count").arg(&counter).arg(times).spawn().unwrap();
    let mut steady: Vec<_> = (0..3).map(|_| count("30")).collect();
    for _ in 0..20 {
        let mut holder = helper()
            .arg("hold")
            .arg(&counter)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Some are killed while they wait, some while they hold.
        until("any lock", || directory.path().join("counter.lock").exists());
        holder.kill().unwrap();
        holder.wait().unwrap();
        if steady.iter_mut().all(|child| child.try_wait().unwrap().is_some()) {
            steady.push(count("3"));
        }
    }
    for mut child in steady {
        assert!(child.wait().unwrap().success());
    }
    crash_with_lock(&counter);
    assert!(count("1").wait().unwrap().success());
    assert_eq!(names(directory.path()), ["counter"]);
}
