//! The cluster: the only user of the Kubernetes client.
//!
//! Which server, CA and credentials are used is decided by core's view of the kubeconfig; the client
//! library is handed exactly one resolved configuration and infers nothing.

mod api;
mod client;
mod connect;
mod explain;
mod list;
mod rbac;
mod revocations;
mod server;
mod signed;
mod signing;
mod wire;

pub use api::{ApiError, Cluster, ListOptions, UserInfo, WaitEnd};
pub use connect::{Credentials, Kubeconfig, Target};
pub use explain::{Need, explain, revoked};
pub use list::{Page, Pages};
pub use revocations::ListChanges;
pub use signed::Signed;
pub use signing::Change;
pub use wire::OnBusy;
