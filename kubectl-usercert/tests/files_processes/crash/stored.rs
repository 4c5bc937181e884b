//! Stored certificates that renew themselves, when whoever stores them is killed or meets an error.

use super::{Strike, at_every_call};
use crate::helper;
use crate::stored::{ID, promote, stored};

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
