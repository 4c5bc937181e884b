//! A small Kubernetes API server on the loopback interface, for trying and testing `kubectl usercert` without a cluster.
//!
//! It knows what gaining access by client certificates takes: CertificateSigningRequests with the server's rules and error
//! texts, the built-in signer, X.509 authentication, RBAC, and the reviews by which users look at themselves. The real
//! `kubectl` works against it. Everything is kept in memory and gone when the [`Sandbox`] is dropped.
//!
//! Module documentation names the Kubernetes sources that are followed; what deviates says so.

mod answer;
mod api;
mod authn;
mod authz;
mod cluster;
mod codec;
mod csr;
mod discovery;
mod kubeconfig;
mod metadata;
mod openapi;
mod rbac;
mod rest;
mod review;
mod revocation;
mod sandbox;
mod selector;
mod server;
mod status;
mod store;
mod table;
mod target;
mod text;
mod tls;
mod token;
mod user;
mod watch;
mod x509;

pub use crate::sandbox::{Fault, LogEntry, Sandbox, SandboxOptions, Traffic};
