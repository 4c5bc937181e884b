//! The wire to the server and what is wrong with it.

pub(crate) mod answers;
mod faults;
mod proxy;
pub(crate) mod requests;
pub(crate) mod rig;
