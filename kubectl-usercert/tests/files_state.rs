//! Keys that wait for their certificate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use kubectl_usercert::files::{PendingStore, StateError};

const ID: &str = "0123456789abcdef0123456789abcdef";

fn open(state_home: &Path) -> Result<PendingStore, StateError> {
    PendingStore::open(Some(state_home.to_owned()), None)
}

#[test]
fn what_is_saved_can_be_loaded_changed_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("new/state")).unwrap();
    assert!(store.load(ID).unwrap().is_none());
    assert!(store.list().unwrap().is_empty());
    assert!(matches!(store.update_request(ID, b"{}"), Err(StateError::Missing { .. })));
    store.remove(ID).unwrap();

    store.save(ID, b"key", b"{\"a\":1}").unwrap();
    store.save("ffffffff", b"other", b"{}").unwrap();
    assert_eq!(store.list().unwrap(), [ID, "ffffffff"]);
    assert!(store.path_of(ID).ends_with(format!("kubectl-usercert/pending/{ID}")));

    store.update_request(ID, b"{\"a\":2}").unwrap();
    let pending = store.load(ID).unwrap().unwrap();
    assert_eq!(pending.key.as_slice(), b"key");
    assert_eq!(pending.request_json, b"{\"a\":2}");
    assert!(!format!("{pending:?}").contains("107"), "the key is shown");

    store.remove(ID).unwrap();
    assert!(store.load(ID).unwrap().is_none());
    assert_eq!(store.list().unwrap(), ["ffffffff"]);
    // Nothing is left of it under another name either.
    let pending = store.path_of(ID).parent().unwrap().to_owned();
    let mut names: Vec<_> =
        std::fs::read_dir(pending).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", "ffffffff"]);
    assert_eq!(store.load("ffffffff").unwrap().unwrap().key.as_slice(), b"other");
}

#[test]
fn a_key_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    store.save(ID, b"first", b"{}").unwrap();
    assert!(matches!(store.save(ID, b"second", b"{}"), Err(StateError::Exists { .. })));
    assert_eq!(store.load(ID).unwrap().unwrap().key.as_slice(), b"first");

    let other = "ffffffff";
    let winners: Vec<u8> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|i| {
                let home = directory.path();
                scope.spawn(move || match open(home).unwrap().save(other, &[i], b"{}") {
                    Ok(()) => Some(i),
                    Err(StateError::Exists { .. }) => None,
                    Err(error) => panic!("{error}"),
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(*store.load(other).unwrap().unwrap().key, winners);
}

#[test]
fn ids_are_hashes_and_never_paths() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let long = "a".repeat(129);
    for id in ["", "..", "../../x", "/etc", "ABCDEF0123456789", "alice", "0123", ".lock", &long] {
        assert!(matches!(store.load(id), Err(StateError::InvalidId { .. })), "{id:?}");
        assert!(matches!(store.save(id, b"", b""), Err(StateError::InvalidId { .. })), "{id:?}");
        assert!(matches!(store.remove(id), Err(StateError::InvalidId { .. })), "{id:?}");
    }
}

#[test]
fn the_state_directory_is_found_as_xdg_says() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let store = PendingStore::open(Some(PathBuf::from("relative")), Some(home.clone())).unwrap();
    assert!(store.path_of(ID).starts_with(home.join(".local/state/kubectl-usercert/pending")));
    assert!(matches!(PendingStore::open(None, None), Err(StateError::NoHome)));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn everything_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        store.save(ID, b"key", b"{}").unwrap();
        store.update_request(ID, b"{}").unwrap();
        let folder = store.path_of(ID);
        assert_eq!(mode(&folder.join("key.pem")), 0o600);
        assert_eq!(mode(&folder.join("request.json")), 0o600);
        for level in folder.ancestors().take(3) {
            assert_eq!(mode(level), 0o700, "{level:?}");
        }
    }

    #[test]
    fn levels_open_to_others_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        store.save(ID, b"key", b"{}").unwrap();
        let folder = store.path_of(ID);
        set_mode(&folder, 0o750);
        assert!(matches!(store.load(ID), Err(StateError::Mode { mode: 0o750, .. })));
        assert!(matches!(store.remove(ID), Err(StateError::Mode { .. })));
        set_mode(&folder, 0o700);
        set_mode(&folder.join("key.pem"), 0o644);
        assert!(matches!(store.load(ID), Err(StateError::Mode { mode: 0o644, .. })));
        set_mode(&folder.join("key.pem"), 0o600);
        assert!(store.load(ID).unwrap().is_some());
        for level in folder.ancestors().skip(1).take(2) {
            set_mode(level, 0o711);
            assert!(
                matches!(open(directory.path()), Err(StateError::Mode { path, .. }) if path == level)
            );
            set_mode(level, 0o700);
        }
    }

    #[test]
    fn levels_that_are_links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        store.save(ID, b"key", b"{}").unwrap();
        let folder = store.path_of(ID);
        for level in folder.ancestors().take(3) {
            let moved = directory.path().join("moved");
            std::fs::rename(level, &moved).unwrap();
            symlink(&moved, level).unwrap();
            let refused = open(directory.path()).and_then(|store| store.load(ID));
            assert!(matches!(refused, Err(StateError::Kind { path }) if path == level));
            std::fs::remove_file(level).unwrap();
            std::fs::rename(moved, level).unwrap();
        }
        // A key that is a link, to somewhere private even.
        let key = folder.join("key.pem");
        std::fs::rename(&key, directory.path().join("key")).unwrap();
        symlink(directory.path().join("key"), &key).unwrap();
        assert!(matches!(store.load(ID), Err(StateError::Kind { path }) if path == key));
    }

    #[test]
    fn levels_of_others_are_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        store.save(ID, b"key", b"{}").unwrap();
        let folder = store.path_of(ID);
        for level in folder.ancestors().take(3).chain([folder.join("key.pem").as_path()]) {
            chown(level, Some(1234), None).unwrap();
            let refused = open(directory.path()).and_then(|store| store.load(ID));
            assert!(matches!(refused, Err(StateError::Owner { path }) if path == level));
            chown(level, Some(0), None).unwrap();
        }
    }
}
