//! Many people at once: `onboard`.

pub(crate) mod people;
pub(crate) mod resume;
pub(crate) mod servers;

use std::path::PathBuf;

use serde_json::Value;

use crate::trial::{Outcome, Person};

fn dirs(person: &Person) {
    for dir in ["out", "replies"] {
        std::fs::create_dir_all(person.home.join(dir)).expect("a directory");
    }
}

fn onboard(person: &Person, file: &str, more: &[&str]) -> Outcome {
    let args = ["onboard", file, "--standalone-dir", "out", "--reply-dir", "replies"];
    person.run(&[&args[..], more].concat())
}

fn items(outcome: &Outcome) -> Vec<Value> {
    outcome.json()["items"].as_array().expect("items").clone()
}

/// The only journal of a person.
fn journal(person: &Person) -> Option<PathBuf> {
    let folder = person.home.join(".local/state/kubectl-usercert/onboard");
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let first = files.next();
    assert!(files.next().is_none(), "one journal");
    first
}

fn lines(person: &Person) -> usize {
    let text = journal(person).and_then(|f| std::fs::read(f).ok()).unwrap_or_default();
    text.iter().filter(|b| **b == b'\n').count()
}

/// Objects in the cluster that were made for users of this name.
fn requests(person: &Person, user: &str) -> Vec<String> {
    let all = person.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    let mine = all.lines().filter(|l| l.contains(&format!("/{user}")));
    mine.map(str::to_owned).collect()
}
