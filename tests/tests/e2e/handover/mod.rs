//! Requests and replies handed over as files, when newcomer and admin share no cluster.

pub(crate) mod replies;
pub(crate) mod requests;
