//! Kubernetes objects: requests, RBAC, tokens, and what somebody may do.

pub mod csr;
pub mod doctor;
pub mod lease;
pub mod rbac;
pub mod selector;
pub mod token;
