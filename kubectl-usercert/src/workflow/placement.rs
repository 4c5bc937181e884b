//! Where an installed certificate goes.

use std::path::PathBuf;

use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::self_renewing::StoreReference;

use crate::cluster::Target;

#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Name of context and user entry; USER@CLUSTER if absent.
    pub context_name: Option<String>,
    /// Namespace of the context, instead of the cluster's own.
    pub namespace: Option<String>,
    /// The user entry to renew; nothing but its certificate and key is written then.
    pub renewed: Option<String>,
    /// A file of its own, instead of the kubeconfig.
    pub standalone: Option<PathBuf>,
    /// Replace an entry of the same cluster and user.
    pub replace: bool,
    pub use_context: bool,
    /// Whether it renews itself, and where it is kept then.
    pub auto_renew: Option<AutoRenew>,
}

#[derive(Clone, Debug)]
pub enum AutoRenew {
    /// In the store of the cluster and user.
    New { kuberc: Option<PathBuf> },
    /// Where the one before was kept.
    In(StoreReference),
}

#[derive(Clone, Debug)]
pub struct ClusterEntry {
    pub endpoint: Endpoint,
    pub name: String,
    pub namespace: Option<String>,
}

impl ClusterEntry {
    pub fn of(target: &Target) -> Self {
        Self {
            endpoint: target.endpoint.clone(),
            name: target.cluster_name().to_owned(),
            namespace: target.namespace().map(str::to_owned),
        }
    }
}
