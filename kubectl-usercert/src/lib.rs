//! kubectl plugin for people's access to Kubernetes by X.509 client certificates.
//!
//! A command gathers its inputs, asks [`usercert_core`] to decide, and acts on the answer. Effects
//! live at the edge: [`cluster`] is the only user of the Kubernetes client, [`files`] of the file
//! system, [`keys`] of the cryptography, [`ui`] of the terminal and the clock.

pub mod cli;
pub mod cluster;
pub mod command;
pub mod error;
pub mod files;
pub mod keys;
pub mod runtime;
pub mod ui;
pub mod workflow;
