//! Files under many processes: at once, and killed in the middle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[cfg(unix)]
mod crash;
mod many;
mod stored;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kubectl_usercert::files;
use usercert_core::kubeconfig::merged::{Merged, SourceFile};
use usercert_core::kubeconfig::path::LoadingList;

/// The program of `examples/files_helper.rs`. `cargo test` builds it, but not where it is told what to
/// test; then it is built here, for the system that this runs on.
fn helper() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let here = std::env::current_exe().unwrap();
        let built = here.parent().and_then(Path::parent).unwrap();
        let helper = format!("files_helper{}", std::env::consts::EXE_SUFFIX);
        let path = built.join("examples").join(helper);
        if !path.exists() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--locked", "--workspace", "--example", "files_helper"]);
            // Below the target folder stands the target, where one was named.
            let above = built.parent().unwrap();
            if !above.join(".rustc_info.json").exists() {
                cargo.arg("--target").arg(above.file_name().unwrap());
            }
            assert!(cargo.status().unwrap().success());
        }
        assert!(path.exists(), "{} is missing", path.display());
        path
    });
    Command::new(path)
}

/// Whether a program is there; says so loudly if not, and fails where all are said to be.
fn is_there(program: &str) -> bool {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(&file).is_file());
    assert!(is_there || std::env::var_os("USERCERT_ALL_TOOLS").is_none(), "{program} is missing");
    if !is_there {
        eprintln!("SKIPPED: {program} is missing");
    }
    is_there
}

/// Waits for a condition; there is nothing to wake us.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A kubeconfig of several pages, so that half of it would be noticed.
fn kubeconfig() -> String {
    let mut text = String::from(
        "# kept\napiVersion: v1\nkind: Config\ncurrent-context: \"\"\nclusters: []\ncontexts: []\nusers:\n",
    );
    for i in 0..300 {
        text += &format!("- name: old-{i:04}\n  user:\n    token: \"{}\"\n", "x".repeat(200));
    }
    text
}

/// The users in a file; fails if it is damaged.
fn users(path: &Path) -> Vec<String> {
    // As the program reads it: Windows refuses a file for a moment while it is replaced.
    let text = String::from_utf8(files::read_limited(path, 1 << 30).unwrap()).unwrap();
    let list = LoadingList { files: vec![path.to_owned()], explicit: true };
    let file = SourceFile { path: path.to_owned(), text: Some(text) };
    let merged = Merged::load(&list, vec![file]).unwrap();
    merged.users().map(|user| user.name.to_owned()).collect()
}

/// What is in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
