//! The plugin, built from these sources for whoever tests it as a program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the plugin; gives its path.
///
/// The whole workspace and a test are named so that cargo chooses the same features of dependencies as
/// `cargo test --workspace`, which has built them already: another choice would build them once more.
pub(crate) fn build() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--quiet",
        "--workspace",
        "--bin",
        "kubectl-usercert",
        "--test",
        "package",
    ]);
    assert!(build.status().is_ok_and(|s| s.success()), "the plugin builds");
    let test = std::env::current_exe().expect("a path");
    let folder = test.parent().and_then(Path::parent).expect("target/debug");
    folder.join(format!("kubectl-usercert{}", std::env::consts::EXE_SUFFIX))
}
