//! Calls that a file system lacks or that fail, one at a time.

use super::*;

/// File systems that lack a call, such as FAT (links) or some network mounts (locks).
#[test]
fn missing_abilities_of_a_file_system_are_done_without() {
    if !traceable() {
        return;
    }
    let faults: [&[&str]; 4] = [
        &["inject=linkat:error=EPERM"],
        &["inject=flock:error=EOPNOTSUPP"],
        &["inject=linkat:error=EPERM", "inject=flock:error=ENOLCK"],
        &["inject=getdents64:error=EIO", "inject=fchown:error=EPERM"],
    ];
    for faults in faults {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        let log = directory.path().join("log");
        std::fs::write(&file, kubeconfig()).unwrap();
        let more: Vec<&str> = faults.iter().flat_map(|fault| ["-e", *fault]).collect();
        for entry in ["one", "two"] {
            let (success, log) = traced(&log, &more, &["update", "0", entry, &text(&file)]);
            assert!(success, "{faults:?}:\n{log}");
            assert!(users(&file).contains(&entry.to_owned()), "{faults:?}");
        }
        let key = text(&directory.path().join("key"));
        assert!(traced(&log, &more, &["create", &key, "1"]).0, "{faults:?}");
        assert!(!traced(&log, &more, &["create", &key, "2"]).0, "{faults:?}");
        assert_eq!(std::fs::read(&key).unwrap(), b"1");
        assert_eq!(names(directory.path()), ["config", "key", "log"], "{faults:?}");
    }
}

#[test]
fn a_rename_that_fails_leaves_the_old_file_and_nothing_else() {
    if !traceable() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let logs = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig()).unwrap();
    for error in ["ESTALE", "EXDEV", "EBUSY", "EDQUOT", "EROFS"] {
        let inject = format!("inject=renameat,renameat2,rename:error={error}");
        let arguments = ["update", "0", "new", &text(&file)];
        let (success, log) = traced(&logs.path().join("log"), &["-e", &inject], &arguments);
        assert!(!success && log.contains("(INJECTED)"), "{log}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), kubeconfig());
        assert_eq!(names(directory.path()), ["config"]);
    }
}

/// Between opening the lock file that it found and taking its flock, a process sleeps while that
/// lock is released and another process takes the name: it must not think that it may take over.
#[test]
fn a_lock_that_changed_hands_meanwhile_is_not_taken_over() {
    if !traceable() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig()).unwrap();
    let file_text = text(&file);
    let arguments = ["update", "0", "new", &file_text];
    let acquire = || KubeconfigLock::acquire(std::slice::from_ref(&file), Duration::ZERO).unwrap();

    // The call before the second flock; the first is that of its own temporary file.
    let first = acquire();
    let calls = calls(&traced(&log, &[], &arguments).1);
    let flock = calls.iter().enumerate().filter(|(_, (name, _))| name == "flock").nth(1).unwrap().0;
    let (name, number) = &calls[flock - 1];

    let mut strace = Command::new("strace");
    strace.args(["-qq", "-f", "-o"]).arg(&log).arg("-e");
    strace.arg(format!("inject={name}:signal=STOP:when={number}"));
    strace.arg(helper().get_program()).args(arguments).stderr(std::process::Stdio::null());
    let mut strace = strace.spawn().unwrap();
    let stopped = || std::fs::read_to_string(&log).unwrap().contains("--- stopped by SIGSTOP");
    until("the stop", stopped);

    drop(first);
    let second = acquire();
    let so_far = std::fs::read_to_string(&log).unwrap();
    let pid = so_far.split_whitespace().next().unwrap();
    assert!(Command::new("kill").args(["-CONT", pid]).status().unwrap().success());

    assert!(!strace.wait().unwrap().success());
    let log = std::fs::read_to_string(&log).unwrap();
    let won = log.lines().filter(|line| line.contains(" flock(") && line.ends_with("= 0")).count();
    assert_eq!(won, 2, "the flock of the file that was let go was to be had:\n{log}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kubeconfig());
    assert_eq!(names(directory.path()), ["config", "config.lock"]);
    drop(second);
    assert_eq!(names(directory.path()), ["config"]);
}
