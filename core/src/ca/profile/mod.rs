//! Certificate profiles: whom the certificates of a cluster name and what they are good for.
//!
//! Each names its source: kubeadm (`cmd/kubeadm/app/phases/certs/certlist.go`,
//! `cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go`), the controller manager's signers
//! (`pkg/apis/certificates/helpers.go`), or the page "PKI certificates and requirements" of the
//! Kubernetes documentation.

mod definition;
mod error;
mod names;
mod naming;
mod recognition;
mod table;

pub use self::definition::{CertificateSubject, NODE_GROUP, NODE_USER, Names, Profile};
pub use self::error::ProfileError;
pub use self::names::ClusterNames;
pub use self::naming::Named;
pub use self::recognition::of;
pub use self::table::{PROFILES, find, user};

#[cfg(test)]
mod tests;
