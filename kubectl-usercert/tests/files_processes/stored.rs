//! Stored certificates that renew themselves, when whoever stores them is killed or meets an error.

use std::path::Path;

use kubectl_usercert::files::{CredentialStore, StateHome};

use super::crash::{Strike, at_every_call, text};
use super::helper;

const ID: &str = "0123456789abcdef";

fn home(directory: &Path) -> StateHome {
    StateHome { state_home: Some(directory.join("state")), home: None }
}

fn promote(directory: &Path, pair: &str) -> Vec<String> {
    vec!["promote".into(), text(&directory.join("state")), ID.into(), pair.into()]
}

fn stored(directory: &Path) -> Option<(String, String)> {
    let store = CredentialStore::open(&home(directory), ID).unwrap()?;
    let credential = store.load().unwrap()?;
    Some((credential.certificate, credential.key.to_string()))
}

fn the_old_pair_or_the_new_one(strike: Strike) {
    let old = "old".repeat(500);
    let new = "new".repeat(500);
    at_every_call(
        strike,
        |directory| promote(directory, &new),
        |directory| {
            let made = helper().args(promote(directory, &old)).status().unwrap();
            assert!(made.success());
        },
        |directory, place| {
            let (certificate, key) = stored(directory).expect("a pair");
            assert_eq!(certificate, key, "certificate and key belong together after {place}");
            assert!(certificate == old || certificate == new, "{place}");
            // It is no obstacle to the next one.
            let next = helper().args(promote(directory, "next")).status().unwrap();
            assert!(next.success(), "after {place}");
            assert_eq!(stored(directory), Some(("next".to_owned(), "next".to_owned())));
            let folder = directory.join("state/kubectl-usercert/credentials").join(ID);
            let mut names: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            assert_eq!(names, [".lock", "credential.json"], "nothing with a key is left: {place}");
        },
    );
}

#[test]
fn a_killed_promotion_leaves_the_old_pair_or_the_new_one() {
    the_old_pair_or_the_new_one(Strike::Kill);
}

#[test]
fn a_promotion_that_meets_an_error_leaves_the_old_pair_or_the_new_one() {
    the_old_pair_or_the_new_one(Strike::Fail);
}

#[test]
fn a_killed_first_one_leaves_a_pair_or_none() {
    at_every_call(
        Strike::Kill,
        |directory| promote(directory, "first"),
        |_| {},
        |directory, place| {
            let found = stored(directory);
            let first = ("first".to_owned(), "first".to_owned());
            assert!(found.is_none() || found == Some(first), "{place}");
            let next = helper().args(promote(directory, "next")).status().unwrap();
            assert!(next.success(), "after {place}");
        },
    );
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
