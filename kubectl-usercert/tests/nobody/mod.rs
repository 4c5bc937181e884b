//! Tests of what root must not be: run as they are, or as nobody when root runs them.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs one test of this program, which is ignored otherwise, as nobody (if we are root). It
/// finds its directory in the environment.
pub(crate) fn as_nobody(test: &str, directory: &Path) {
    // Nobody may be unable to reach the build directory.
    let program = directory.join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.args(["--ignored", "--exact", test]).env("FILES_DIRECTORY", directory);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.current_dir("/").output().unwrap();
    std::fs::remove_file(program).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The directory of the test that runs this one.
pub(crate) fn directory_of_nobody() -> PathBuf {
    std::env::var_os("FILES_DIRECTORY").expect("run by another test").into()
}
