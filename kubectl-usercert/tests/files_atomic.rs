//! Writing and locking within one process: modes, links, refusals, full disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use kubectl_usercert::files::kubeconfig::{UpdateError, read_all, update, verify_still_there};
use kubectl_usercert::files::{
    Access, Folder, KubeconfigLock, LockError, ReadError, WriteError, create_new, read_limited,
    read_sensitive, replace,
};
use usercert_core::kubeconfig::merged::SourceFile;
use usercert_core::kubeconfig::path::LoadingList;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn acquire(files: &[&Path]) -> Result<KubeconfigLock, LockError> {
    let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
    KubeconfigLock::acquire(&files, Duration::ZERO)
}

fn list(files: &[&Path]) -> LoadingList {
    LoadingList { files: files.iter().map(|file| file.to_path_buf()).collect(), explicit: false }
}

#[test]
fn create_new_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.key");
    create_new(&file, b"first", Access::Private).unwrap();
    let again = create_new(&file, b"second", Access::Private);
    assert!(matches!(again, Err(WriteError::Exists { path }) if path == file));
    assert_eq!(std::fs::read(&file).unwrap(), b"first");
    assert_eq!(names(directory.path()), ["a.key"]);
}

#[test]
fn names_that_leave_the_opened_directory_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::open(directory.path()).unwrap();
    for name in ["../x", "/tmp/x", "..", ".", "", "a/b"] {
        let refused = folder.create_new(name, b"", Access::Private);
        assert!(matches!(refused, Err(WriteError::NotRegular { .. })), "{name:?}");
    }
    assert!(names(directory.path()).is_empty());
}

#[test]
fn reading_has_a_limit() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a");
    std::fs::write(&file, "12345").unwrap();
    assert_eq!(read_limited(&file, 5).unwrap(), b"12345");
    assert_eq!(read_sensitive(&file, 5).unwrap().as_slice(), b"12345");
    assert_eq!(read_sensitive(&file, 500).unwrap().as_slice(), b"12345");
    assert!(matches!(read_limited(&file, 4), Err(ReadError::TooLarge { limit: 4, .. })));
    assert!(matches!(read_sensitive(&file, 4), Err(ReadError::TooLarge { limit: 4, .. })));
    assert!(read_limited(&directory.path().join("b"), 5).unwrap_err().is_missing());
}

#[test]
fn an_update_sees_and_writes_the_files_of_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (directory.path().join("a"), directory.path().join("sub/b"));
    std::fs::write(&a, "old").unwrap();
    let list = list(&[&b, &a]);
    let written = update(&list, Duration::ZERO, |files| {
        let files: Vec<_> = files.into_iter().map(|file| (file.path, file.text)).collect();
        assert_eq!(files, [(b.clone(), None), (a.clone(), Some("old".to_owned()))]);
        assert!(a.with_extension("lock").exists());
        assert!(b.with_extension("lock").exists());
        Ok::<_, std::io::Error>(vec![(b.clone(), "new b".into()), (a.clone(), "new a".into())])
    });
    assert_eq!(written.unwrap(), [b.clone(), a.clone()]);
    let texts: Vec<_> = read_all(&list).unwrap().into_iter().map(|file| file.text).collect();
    assert_eq!(texts, [Some("new b".to_owned()), Some("new a".to_owned())]);
    assert_eq!(names(directory.path()), ["a", "sub"]);

    let there = |files: Vec<SourceFile>| files.iter().all(|file| file.text.is_some());
    assert!(verify_still_there(&list, Duration::ZERO, there).unwrap());
    std::fs::remove_file(&b).unwrap();
    assert!(!verify_still_there(&list, Duration::ZERO, there).unwrap());
    assert_eq!(names(directory.path()), ["a", "sub"]);
}

#[test]
#[cfg(unix)]
fn a_pipe_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = update(&list(&[&pipe]), Duration::ZERO, |_| Ok::<_, std::io::Error>(vec![]));
    assert!(matches!(refused, Err(UpdateError::Read(ReadError::Pipe { path })) if path == pipe));
    assert_eq!(names(directory.path()), ["pipe"]);
}

#[test]
fn a_refused_change_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    let list = list(&[&file]);

    let refused = update(&list, Duration::ZERO, |_| Err(std::io::Error::other("no")));
    assert!(matches!(refused, Err(UpdateError::Decide(_))));
    let elsewhere = update(&list, Duration::ZERO, |_| {
        Ok::<_, std::io::Error>(vec![(file.clone(), "new".into()), ("other".into(), "x".into())])
    });
    assert!(matches!(elsewhere, Err(UpdateError::NotInList { .. })));
    std::fs::write(&file, [0xff]).unwrap();
    let binary = update(&list, Duration::ZERO, |_| Ok::<_, std::io::Error>(vec![]));
    assert!(matches!(binary, Err(UpdateError::Read(ReadError::NotUtf8 { path })) if path == file));

    assert_eq!(std::fs::read(&file).unwrap(), [0xff]);
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn a_foreign_lock_is_reported_with_its_age_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (directory.path().join("a"), directory.path().join("b"));
    let foreign = directory.path().join("b.lock");
    let file = std::fs::File::create(&foreign).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3 * 3600 + 60)).unwrap();
    // As kubectl makes it.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();

    let error = KubeconfigLock::acquire(&[b, a], Duration::from_millis(30)).unwrap_err();
    assert!(matches!(&error, LockError::Foreign { path, age: Some(_) } if *path == foreign));
    let message = error.to_string();
    assert!(message.contains("b.lock") && message.contains("3 hours ago"), "{message}");
    // The lock of `a` was taken before and is gone again.
    assert_eq!(names(directory.path()), ["b.lock"]);
    assert_eq!(std::fs::metadata(&foreign).unwrap().len(), 0);
}

#[test]
fn a_lock_that_only_looks_like_ours_is_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let lock = directory.path().join("config.lock");
    let held = acquire(&[&file]).unwrap();
    let marker = std::fs::read(&lock).unwrap();
    drop(held);
    std::fs::write(&lock, &marker[..marker.len() - 1]).unwrap();
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { .. })));

    // Left on another computer: a free lock proves nothing.
    let text = String::from_utf8(marker).unwrap();
    let elsewhere: String = text
        .split_inclusive('\n')
        .map(|line| if line.starts_with("host ") { "host elsewhere.invalid\n" } else { line })
        .collect();
    std::fs::write(&lock, &elsewhere).unwrap();
    let error = acquire(&[&file]).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder, .. } if holder.host == "elsewhere.invalid"));
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), elsewhere);

    // Left here.
    std::fs::write(&lock, text).unwrap();
    drop(acquire(&[&file]).unwrap());
    assert!(names(directory.path()).is_empty());
}

#[test]
fn one_file_under_several_names_is_locked_once() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    let file = directory.path().join("config");
    let other = directory.path().join("sub/../config");
    let lock = acquire(&[&file, &other, &file, Path::new("")]).unwrap();
    assert_eq!(names(directory.path()), ["config.lock", "sub"]);
    assert!(matches!(acquire(&[&other]), Err(LockError::Held { .. })));
    drop(lock);
    drop(acquire(&[&other]).unwrap());
    assert_eq!(names(directory.path()), ["sub"]);
}

#[test]
fn a_lock_deleted_by_hand_and_taken_by_others_is_not_deleted_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let first = acquire(&[&file]).unwrap();
    std::fs::remove_file(directory.path().join("config.lock")).unwrap();
    let second = match acquire(&[&file]) {
        // Older versions of Windows, and wine, keep a deleted name until its last handle is closed.
        Err(LockError::Held { .. }) if cfg!(windows) => return,
        second => second.unwrap(),
    };
    drop(first);
    assert_eq!(names(directory.path()), ["config.lock"]);
    drop(second);
    assert!(names(directory.path()).is_empty());
}

#[test]
fn temporary_files_of_a_crash_are_removed_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at(".kubectl-usercert-0123456789abcdef.tmp"), "left").unwrap();
    let others = [
        ".kubectl-usercert-0123456789abcdex.tmp",
        ".kubectl-usercert-1111111111111111.tmp",
        ".kubectl-usercert-123.tmp",
        ".other.tmp",
    ];
    for name in others {
        std::fs::write(at(name), "").unwrap();
    }
    // Somebody works on this one.
    let busy = std::fs::File::options().write(true).open(at(others[1])).unwrap();
    busy.lock().unwrap();
    replace(&at("config"), b"new").unwrap();
    assert_eq!(names(directory.path()), [others[0], others[1], others[2], others[3], "config"]);
}

#[cfg(unix)]
#[path = "files_unix/mod.rs"]
mod unix;

#[cfg(windows)]
#[path = "files_windows/mod.rs"]
mod windows;
