//! What only Unix has: modes, links, pipes.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use super::nobody::{as_nobody, directory_of_nobody};
use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn modes_are_kept_and_new_files_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    replace(&file, b"1").unwrap();
    assert_eq!(mode(&file), 0o600);
    for kept in [0o644, 0o640, 0o600, 0o660, 0o606, 0o755] {
        set_mode(&file, kept);
        replace(&file, b"2").unwrap();
        assert_eq!(mode(&file), kept);
    }
    create_new(&directory.path().join("key"), b"", Access::Private).unwrap();
    assert_eq!(mode(&directory.path().join("key")), 0o600);
    create_new(&directory.path().join("reply"), b"", Access::Public).unwrap();
    assert_eq!(mode(&directory.path().join("reply")) & !0o044, 0o600);
}

#[test]
fn the_lock_lies_beside_the_path_as_named_and_directories_are_made_as_kubectl_does() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("real")).unwrap();
    symlink("real/config", directory.path().join("config")).unwrap();
    let new = directory.path().join("a/b/config");
    let lock = acquire(&[&directory.path().join("config"), &new]).unwrap();
    assert_eq!(names(directory.path()), ["a", "config", "config.lock", "real"]);
    assert_eq!(mode(new.parent().unwrap()) & !0o055, 0o700);
    assert_eq!(mode(&directory.path().join("config.lock")), 0o600);
    drop(lock);
    assert_eq!(names(directory.path()), ["a", "config", "real"]);
    assert!(names(new.parent().unwrap()).is_empty());
}

#[test]
fn links_are_followed_and_stay() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("real")).unwrap();
    std::fs::write(at("real/config"), "old").unwrap();
    set_mode(&at("real/config"), 0o640);
    symlink("real/config", at("second")).unwrap();
    symlink(at("second"), at("first")).unwrap();
    replace(&at("first"), b"new").unwrap();
    assert!(at("first").is_symlink() && at("second").is_symlink());
    assert_eq!(std::fs::read(at("real/config")).unwrap(), b"new");
    assert_eq!(mode(&at("real/config")), 0o640);

    // To nothing yet.
    symlink("real/new", at("dangling")).unwrap();
    replace(&at("dangling"), b"new").unwrap();
    assert!(at("dangling").is_symlink());
    assert_eq!(std::fs::read(at("real/new")).unwrap(), b"new");
    assert_eq!(mode(&at("real/new")), 0o600);

    // To nowhere.
    symlink("missing/new", at("lost")).unwrap();
    assert!(matches!(replace(&at("lost"), b"new"), Err(WriteError::Open { .. })));
    symlink("loop", at("loop")).unwrap();
    assert!(replace(&at("loop"), b"new").is_err());

    // Never by what creates.
    for name in ["first", "dangling", "lost", "loop"] {
        let refused = create_new(&at(name), b"x", Access::Private);
        assert!(matches!(refused, Err(WriteError::Exists { .. })), "{name}");
    }
    assert_eq!(names(&at("real")), ["config", "new"]);
    assert_eq!(names(directory.path()), ["dangling", "first", "loop", "lost", "real", "second"]);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    make_pipe(&pipe);
    for path in [&pipe, directory.path(), Path::new("/dev/null"), Path::new("/"), Path::new("..")] {
        let refused = replace(path, b"new");
        assert!(
            matches!(refused, Err(WriteError::NotRegular { .. } | WriteError::Open { .. })),
            "{path:?}: {refused:?}"
        );
    }
    assert_eq!(names(directory.path()), ["pipe"]);
}

#[test]
fn locks_that_are_links_or_pipes_are_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let lock = directory.path().join("config.lock");
    symlink("nowhere", &lock).unwrap();
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { .. })));
    std::fs::remove_file(&lock).unwrap();
    make_pipe(&lock);
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { .. })));
    assert_eq!(names(directory.path()), ["config.lock"]);
}

#[test]
fn read_only_files_and_directories_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let (file, closed) = (directory.path().join("config"), directory.path().join("closed"));
    std::fs::write(&file, "old").unwrap();
    set_mode(&file, 0o444);
    std::fs::create_dir(&closed).unwrap();
    std::fs::write(closed.join("config"), "old").unwrap();
    set_mode(&closed.join("config"), 0o666);
    set_mode(&closed, 0o555);
    as_nobody("unix::nobody_meets_read_only_files", directory.path());
    set_mode(&closed, 0o755);
    assert_eq!(names(directory.path()), ["closed", "config"]);
    assert_eq!(names(&closed), ["config"]);
}

#[test]
#[ignore = "run by read_only_files_and_directories_are_refused"]
fn nobody_meets_read_only_files() {
    let directory = directory_of_nobody();
    // As kubectl: the directory would allow it, the file does not.
    let file = directory.join("config");
    let refused = replace(&file, b"new");
    assert!(matches!(refused, Err(WriteError::Open { path, .. }) if path == file));
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    // The file would allow it, the directory does not.
    let file = directory.join("closed/config");
    assert!(matches!(replace(&file, b"new"), Err(WriteError::Open { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert!(matches!(acquire(&[&file]), Err(LockError::Create { .. })));
    let below = directory.join("closed/new/config");
    assert!(matches!(acquire(&[&below]), Err(LockError::Directory { .. })));
    // A lock of kubectl's, which cannot even be read.
    let lock = directory.join("other.lock");
    std::fs::File::create(&lock).unwrap();
    set_mode(&lock, 0o000);
    let foreign = acquire(&[&directory.join("other")]);
    assert!(matches!(foreign, Err(LockError::Foreign { age: Some(_), .. })));
    std::fs::remove_file(lock).unwrap();
}
