//! kubectl plugin for people's access to Kubernetes by X.509 client certificates.
//!
//! A command gathers its inputs, asks [`usercert_core`] to decide, and acts on the answer. Effects
//! live at the edge: `cluster` is the only user of the Kubernetes client, [`files`] of the file
//! system, [`keys`] of the cryptography, `ui` of the terminal and the clock.
//!
//! The library is there for the program, its tests and what generates its documentation; what others
//! build upon is [`usercert_core`].
#![allow(missing_docs)]

pub mod cli;
mod cluster;
mod command;
mod error;
pub mod files;
pub mod keys;
mod ui;
mod workflow;
