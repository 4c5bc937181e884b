//! Tests that need root, for owners and mounts: `make root` runs them, nothing else does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod nobody;

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kubectl_usercert::files::kubeconfig::{UpdateError, update};
use kubectl_usercert::files::{
    Access, KubeconfigLock, LockError, PendingStore, StateError, WriteError, create_new, replace,
};
use nobody::{as_nobody, directory_of_nobody};
use usercert_core::kubeconfig::path::LoadingList;

const ID: &str = "0123456789abcdef0123456789abcdef";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[ignore = "needs root"]
fn root_keeps_owners() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    chown(&file, Some(1234), Some(5678)).unwrap();
    set_mode(&file, 0o640);
    replace(&file, b"new").unwrap();
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), mode(&file)), (1234, 5678, 0o640));
}

#[test]
#[ignore = "needs root"]
fn who_may_not_give_files_away_gives_no_rights_away_either() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    chown(&file, Some(1234), Some(5678)).unwrap();
    set_mode(&file, 0o666);
    as_nobody("nobody_replaces_a_file_of_somebody", directory.path());
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), mode(&file)), (65534, 0o606));
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
}

#[test]
#[ignore = "run by who_may_not_give_files_away_gives_no_rights_away_either"]
fn nobody_replaces_a_file_of_somebody() {
    let directory = directory_of_nobody();
    replace(&directory.join("config"), b"new").unwrap();
}

#[test]
#[ignore = "needs root"]
fn levels_of_others_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = PendingStore::open(Some(directory.path().to_owned()), None).unwrap();
    store.save(ID, b"key", b"{}").unwrap();
    let folder = store.path_of(ID);
    for level in folder.ancestors().take(3).chain([folder.join("key.pem").as_path()]) {
        chown(level, Some(1234), None).unwrap();
        let refused = PendingStore::open(Some(directory.path().to_owned()), None)
            .and_then(|store| store.load(ID));
        assert!(matches!(refused, Err(StateError::Owner { path }) if path == level));
        chown(level, Some(0), None).unwrap();
    }
}

/// A mount that goes at the end.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], target: &Path) -> Option<Self> {
        // A container may forbid it even to root; `make root` says so.
        if std::env::var_os("USERCERT_NO_MOUNT").is_some() {
            return None;
        }
        let status = Command::new("mount").args(arguments).arg(target).status();
        assert!(status.unwrap().success(), "root may not mount here");
        Some(Self(target.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["-t", "tmpfs", "-o", "size=256k", "files-test"];
    let Some(_mount) = Mount::new(&arguments, directory.path()) else { return };
    let file = directory.path().join("config");
    let old = vec![b'o'; 100 << 10];
    std::fs::write(&file, &old).unwrap();
    let new = "n".repeat(200 << 10);
    let list = LoadingList { files: vec![file.clone()], explicit: false };
    let refused =
        update(&list, Duration::ZERO, |_| Ok::<_, std::io::Error>(vec![(file.clone(), new)]));
    let Err(UpdateError::Write { source: WriteError::Write { source, .. }, written }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert!(written.is_empty());
    let created = create_new(&directory.path().join("key"), &[0; 200 << 10], Access::Private);
    assert!(matches!(created, Err(WriteError::Write { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), old);
    assert_eq!(names(directory.path()), ["config"]);

    // Full to the last page: not even the lock's marker fits.
    let filler = std::fs::write(directory.path().join("filler"), vec![0; 300 << 10]);
    assert!(filler.is_err());
    assert!(matches!(
        KubeconfigLock::acquire(std::slice::from_ref(&file), Duration::ZERO),
        Err(LockError::Create { .. })
    ));
    assert_eq!(names(directory.path()), ["config", "filler"]);
}

#[test]
#[ignore = "needs root"]
fn a_file_that_cannot_be_replaced_stays() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let mounted = directory.path().join("mounted");
    std::fs::write(&file, "").unwrap();
    std::fs::write(&mounted, "old").unwrap();
    // As in a container that gets the host's kubeconfig: the name is busy.
    let Some(mount) = Mount::new(&["--bind", mounted.to_str().unwrap()], &file) else { return };
    let refused = replace(&file, b"new");
    assert!(matches!(refused, Err(WriteError::Rename { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["config", "mounted"]);
    drop(mount);
}
