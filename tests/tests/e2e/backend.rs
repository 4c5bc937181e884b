//! The API servers that the suite runs on.

use std::path::PathBuf;
use std::sync::Arc;

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::control_plane::ControlPlane;

/// One API server.
pub(crate) enum Backend {
    Sandbox(Sandbox),
    ControlPlane(ControlPlane),
    /// The text of a kubeconfig whose user may do everything.
    Cluster(String),
}

/// All that are available.
pub(crate) fn all() -> Vec<Arc<Backend>> {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let mut found = vec![Arc::new(Backend::Sandbox(sandbox))];
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|a| !a.is_empty()) {
        let plane = ControlPlane::start(&PathBuf::from(assets));
        found.push(Arc::new(Backend::ControlPlane(plane)));
    }
    if let Some(file) = std::env::var_os("USERCERT_TEST_KUBECONFIG").filter(|f| !f.is_empty()) {
        let text = std::fs::read_to_string(&file).expect("USERCERT_TEST_KUBECONFIG is readable");
        found.push(Arc::new(Backend::Cluster(text)));
    }
    found
}

impl Backend {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sandbox(_) => "sandbox",
            Self::ControlPlane(_) => "control-plane",
            Self::Cluster(_) => "cluster",
        }
    }

    pub(crate) fn sandbox(&self) -> Option<&Sandbox> {
        match self {
            Self::Sandbox(sandbox) => Some(sandbox),
            _ => None,
        }
    }

    /// Certificate and key of the CA of users' certificates, PEM, where it is known.
    pub(crate) fn client_ca(&self) -> Option<(String, String)> {
        match self {
            Self::Sandbox(s) => Some((s.client_ca_pem().to_owned(), s.client_ca_key_pem())),
            Self::ControlPlane(plane) => Some(plane.client_ca()),
            Self::Cluster(_) => None,
        }
    }

    pub(crate) fn admin_kubeconfig(&self) -> String {
        match self {
            Self::Sandbox(sandbox) => sandbox.admin_kubeconfig(),
            Self::ControlPlane(plane) => plane.admin_kubeconfig(),
            Self::Cluster(text) => text.clone(),
        }
    }
}
