//! The program that runs a sandbox.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::until;

#[test]
fn it_writes_kubeconfigs_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_usercert-sandbox"))
        .arg("--dir")
        .arg(dir.path())
        .args(["--users", "alice:dev,ops", "bob"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    until("the file ready", || dir.path().join("ready").exists());
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("ready")).unwrap().trim(), url);
    let export = lines.next().unwrap().unwrap();
    assert!(export.starts_with("export KUBECONFIG=/"), "{export}");
    for (name, groups) in [("admin", "system:masters"), ("alice", "dev ops"), ("bob", "")] {
        let file = dir.path().join(format!("{name}.kubeconfig"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let output = Command::new("kubectl")
            .args(["auth", "whoami", "--kubeconfig"])
            .arg(&file)
            .env("HOME", dir.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(name) && text.contains(groups), "{text}");
    }
    let pid = program.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.wait().unwrap().success());
}
