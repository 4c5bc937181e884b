//! The end of a certificate before its time: what is revoked, and what makes a cluster refuse it.
//!
//! The list of revoked certificates is one ConfigMap. Two mechanisms of stock Kubernetes refuse by it,
//! since every request that comes with a client certificate carries the certificate's SHA-256 in the
//! user's extra (`apiserver/pkg/authentication/request/x509/x509.go`, from 1.32 on):
//!
//! - `admission`, on any cluster: a ValidatingAdmissionPolicy whose parameter is the ConfigMap. It
//!   sees what changes something, not what reads.
//! - `authorization`, where the API server's files can be changed: entries of an
//!   AuthorizationConfiguration. They see every request but those of the group `system:masters`.
//!
//! The list does not depend on how it is enforced.

pub mod admission;
#[cfg(feature = "policy")]
pub mod approver;
pub mod authorization;
pub mod credential;
pub mod daemon;
pub mod enforcement;
mod fingerprint;
pub mod probe;
mod protected;
pub mod record;
mod refusal;
#[cfg(feature = "policy")]
pub mod renewal;
mod revocation;
pub mod static_pod;
pub mod verdict;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use protected::{Protected, protected};
pub use refusal::{Layer, Refusal, refusal};
pub use revocation::{
    Blocked, Damaged, ListError, MAX_REASON, MAX_TEXT, MAX_USER, PART, Revocation, RevocationError,
    RevocationKey, RevocationList, TEST_ENTRY, USERS, altered, changes, check_reason, gathered,
    too_long,
};

pub use crate::x509::identity::PROBE_USER;

/// The namespace of everything here that has one; only admins may write in it.
pub const NAMESPACE: &str = "usercert-system";
/// The ConfigMap that lists what is revoked.
pub const CONFIG_MAP: &str = "revoked-certificates";
/// The key in a user's extra that holds the credential's id.
pub const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
/// The Service that probes connect to, which cannot exist: names of Services have no dots.
pub const PROBED: &str = "usercert.probe";
/// How the sentence begins with which both mechanisms refuse.
pub(crate) const SENTENCE: &str = "this client certificate was revoked";
