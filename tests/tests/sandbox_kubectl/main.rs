//! The sandbox judged by foreign hands: the real `kubectl` and `openssl` do the whole manual workflow against it.
//!
//! Expected texts were taken from kube-apiserver and kube-controller-manager 1.36.2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod access;
mod binary;
mod lists;
mod raw;
mod signer;
mod support;
mod updates;
mod validation;
mod workflow;
