//! Kubeconfig files: where they are, what they say together, and how to change them.
//!
//! Follows `k8s.io/client-go/tools/clientcmd`. Nothing here touches a file: texts come in and
//! texts go out, reading and writing them is the caller's work.
//!
//! - [`path`]: which files count, and which of them a change goes to.
//! - [`merged`]: what several files say together, and what a command connects with.
//! - [`document`]: one file's text with the places of its entries.
//! - [`edit`]: changed text in which nothing but the intended entries differs.
//! - [`Endpoint`] and [`UserEntry`]: which cluster an entry leads to, and as whom one comes.
//! - [`self_renewing`]: user entries whose certificate renews itself; [`plugin_policy`]: which programs a
//!   person lets run for a credential.
//! - [`install`]: the entries that a new certificate needs; [`contexts`]: what is there and what of
//!   it is dead.

use serde_json::Value;

use crate::encoding::yaml;

mod changes;
pub mod contexts;
mod digest;
pub mod document;
pub mod edit;
mod endpoint;
pub mod install;
mod kind;
mod lines;
pub mod merged;
pub mod path;
pub mod plugin_policy;
mod scan;
pub mod self_renewing;
mod splice;
mod style;
mod user_entry;

pub use endpoint::Endpoint;
pub use kind::Kind;
pub use user_entry::{OtherCredential, UserEntry};

/// The body of a context entry.
pub fn context_body(cluster: &str, user: &str, namespace: Option<&str>) -> Value {
    let mut body = yaml::object([("cluster", cluster.into()), ("user", user.into())]);
    if let Some(namespace) = namespace {
        body["namespace"] = namespace.into();
    }
    body
}
