//! The real kubectl.

use std::path::PathBuf;
use std::process::Command;

fn kubectl_program() -> String {
    std::env::var("USERCERT_KUBECTL").unwrap_or_else(|_| "kubectl".into())
}

/// Whether kubectl is there. A run that must have it sets `USERCERT_KUBECTL` or `USERCERT_ALL_TOOLS`.
pub(crate) fn has_kubectl() -> bool {
    let there = Command::new(kubectl_program()).arg("version").arg("--client").output();
    let there = there.is_ok_and(|output| output.status.success());
    let needed = ["USERCERT_KUBECTL", "USERCERT_ALL_TOOLS"].map(std::env::var_os);
    assert!(there || needed.iter().all(Option::is_none), "no kubectl to compare with");
    if !there {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: there is no kubectl to compare with");
        }
    }
    there
}

pub(crate) fn kubectl(files: &[PathBuf], args: &[&str]) -> Result<String, String> {
    let list = std::env::join_paths(files).unwrap();
    let output = Command::new(kubectl_program())
        .args(args)
        .env("KUBECONFIG", list)
        .env("HOME", std::env::temp_dir().join("usercert-no-home"))
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
