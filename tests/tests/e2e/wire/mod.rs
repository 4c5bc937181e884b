//! The wire to the server and what is wrong with it.

pub(crate) mod answers;
pub(crate) mod requests;
pub(crate) mod rig;
