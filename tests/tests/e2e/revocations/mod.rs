//! Revoked certificates, on API servers of their own: what makes a server refuse them is the whole server's.

pub(crate) mod admission;
pub(crate) mod authorization;
pub(crate) mod blinding;
pub(crate) mod escapes;
pub(crate) mod guards;
pub(crate) mod list;
pub(crate) mod meanwhile;
pub(crate) mod reencoded;
pub(crate) mod services;
pub(crate) mod verdicts;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::backend::Backend;
use crate::control_plane::ControlPlane;
use crate::trial::{Outcome, Person, Trial};

/// What a person reads whose certificate was revoked.
pub(crate) const SENTENCE: &str = "this client certificate was revoked: ";

/// The list of what is revoked, as kubectl names it.
pub(crate) const MAP: [&str; 4] = ["configmap", "-n", "usercert-system", "revoked-certificates"];

/// Changes an object by hand.
pub(crate) fn patch(admin: &Person, what: &[&str], patch: &Value) {
    admin.write("patch.json", &patch.to_string());
    let how = ["--type=merge", "--patch-file=patch.json"];
    admin.kubectl(&[&["patch"], what, &how].concat()).ok();
}

/// A fresh server of the same kind, and its AuthorizationConfiguration; `None` where one cannot be had.
pub(crate) fn own_server(trial: &Trial) -> Option<(Trial, PathBuf)> {
    let (backend, file) = match &*trial.backend {
        Backend::Sandbox(_) => {
            let folder = tempfile::tempdir().expect("a directory").keep();
            let folder = folder.canonicalize().expect("a directory");
            let file = folder.join("authorization.yaml");
            std::fs::write(&file, "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n- type: Node\n  name: node\n- type: RBAC\n  name: rbac\n").expect("a file");
            set_mode(&file, 0o600);
            let authorization_config = Some(file.clone());
            let options = SandboxOptions { authorization_config, ..SandboxOptions::default() };
            (Backend::Sandbox(Sandbox::start(options).expect("a sandbox")), file)
        }
        Backend::ControlPlane(_) => {
            let assets = std::env::var_os("KUBEBUILDER_ASSETS").expect("it is set");
            let plane = ControlPlane::start(&PathBuf::from(assets));
            let file = plane.authorization_config();
            (Backend::ControlPlane(plane), file)
        }
        Backend::Cluster(_) => return None,
    };
    Some((Trial::new(Arc::new(backend), "revocations"), file))
}

/// Whatever the umask made of it.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its mode");
}

/// Somebody with a certificate who may do everything by a binding, and the certificate's file.
pub(crate) fn powerful(trial: &Trial, user: &str) -> Person {
    let person = trial.nobody_special(user, &[]);
    let binding = trial.user("all");
    let admin = trial.admin();
    let role = ["create", "clusterrolebinding", &binding, "--clusterrole=cluster-admin", "--user"];
    admin.kubectl(&[&role[..], &[user]].concat()).ok();
    person
}

/// Repeats a command until it comes to this; an API server takes a moment to notice.
pub(crate) fn becomes(mut command: impl FnMut() -> Outcome, refused: bool) -> Outcome {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let outcome = command();
        let is = outcome.stderr.contains("this client certificate was revoked");
        if is == refused || Instant::now() > until {
            return outcome;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
