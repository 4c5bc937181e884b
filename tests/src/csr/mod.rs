//! CertificateSigningRequests: what the server fills in, restores and refuses, and who signs.

mod admission;
mod signer;
mod strategy;
mod validate;

pub(crate) use self::admission::{admit_create, admit_update};
pub(crate) use self::signer::run as run_signer;
pub(crate) use self::strategy::{prepare_create, prepare_update};
pub(crate) use self::validate::{validate_create, validate_update};

/// The signer for users' certificates.
pub(crate) const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const KUBELET_CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const KUBELET_SERVING_SIGNER: &str = "kubernetes.io/kubelet-serving";
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";

const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";
