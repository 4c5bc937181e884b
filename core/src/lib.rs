#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod alternative_name;
pub mod answer;
mod asn1;
pub mod authority;
pub mod certificate;
pub mod chain;
pub mod code;
pub mod contexts;
pub mod csr;
pub mod doctor;
pub mod ecdsa;
mod extension;
pub mod file_name;
pub mod handover;
pub mod identity;
pub mod inspect;
pub mod install;
pub mod key;
pub mod kubeconfig;
pub mod lifetime;
pub mod lookalike;
pub mod pem;
pub mod placed;
pub mod policy;
pub mod profile;
pub mod rbac;
pub mod reply;
pub mod request;
pub mod review;
pub mod roster;
pub mod steps;
pub mod subject;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;
pub mod token;
pub mod yaml;
