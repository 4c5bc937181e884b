//! The real kubectl.

#[path = "../../../tests/tests/require/mod.rs"]
mod require;

use std::path::PathBuf;
use std::process::Command;

fn kubectl_program() -> String {
    std::env::var("USERCERT_KUBECTL").unwrap_or_else(|_| "kubectl".into())
}

/// Whether kubectl is there; one that is named in `USERCERT_KUBECTL` is.
pub(crate) fn has_kubectl() -> bool {
    std::env::var_os("USERCERT_KUBECTL").is_some() || require::require("kubectl")
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
