//! The cluster: the only user of the Kubernetes client.
//!
//! Which server, CA and credentials are used is decided by core's view of the kubeconfig; the client
//! library is handed exactly one resolved configuration and infers nothing.

mod api;
mod changes;
mod client;
mod connect;
mod connection;
mod explain;
mod failure;
mod kubeconfig;
mod list;
mod pair;
mod plugin;
mod rbac;
mod records;
mod revocations;
pub mod runtime;
mod server;
mod signed;
mod signing;
mod transport;
mod wait;
mod wire;

pub use api::{Cluster, ListOptions, UserInfo};
pub use changes::Change;
pub use connect::{Credentials, Target};
pub use explain::{Need, explain, revoked};
pub use failure::ApiError;
pub use kubeconfig::Kubeconfig;
pub use list::{Freshness, Page, Pages};
pub use signed::Signed;
pub use wait::WaitEnd;
