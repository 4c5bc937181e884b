//! Stored certificates that renew themselves.

use std::path::Path;

use kubectl_usercert::files::{CredentialStore, StateHome};

use super::helper;

pub(super) const ID: &str = "0123456789abcdef";

fn home(directory: &Path) -> StateHome {
    StateHome { state_home: Some(directory.join("state")), home: None }
}

pub(super) fn promote(directory: &Path, pair: &str) -> Vec<String> {
    let state = directory.join("state").to_str().unwrap().to_owned();
    vec!["promote".into(), state, ID.into(), pair.into()]
}

pub(super) fn stored(directory: &Path) -> Option<(String, String)> {
    let store = CredentialStore::open(&home(directory), ID).unwrap()?;
    let credential = store.load().unwrap()?;
    Some((credential.certificate, credential.key.to_string()))
}

#[test]
fn one_process_renews_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = CredentialStore::create(&home(directory.path()), ID).unwrap();
    let lock = store.try_lock().unwrap().expect("it is free");
    let again = CredentialStore::open(&home(directory.path()), ID).unwrap().unwrap();
    assert!(again.try_lock().unwrap().is_none());
    let other = helper().args(promote(directory.path(), "other")).output().unwrap();
    assert!(!other.status.success() && stored(directory.path()).is_none());
    drop(lock);
    assert!(again.try_lock().unwrap().is_some());
    store.remove().unwrap();
    assert!(CredentialStore::open(&home(directory.path()), ID).unwrap().is_none());
}
