//! What must work on every system that is released, with nothing but the plugin: no kubectl, no openssl,
//! no shell. `USERCERT_BIN` names a plugin that was built elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod copied;
mod kubeconfigs;
mod person;
#[path = "../plugin/mod.rs"]
mod plugin;
mod road;
#[cfg(windows)]
mod windows;
