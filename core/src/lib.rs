#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod api;
pub mod ca;
pub mod encoding;
pub mod exchange;
pub mod inspect;
pub mod kubeconfig;
pub mod lifecycle;
pub mod review;
#[cfg(feature = "roster")]
pub mod roster;
pub mod text;
pub mod time;
pub mod x509;
