//! One file per command: its arguments, whose doc comments are the help, and one function that
//! gathers, lets core decide, and acts.

pub mod access;
pub mod approve;
pub mod ca;
pub mod certificates;
pub mod completion;
pub mod contexts;
pub mod create;
pub mod credential;
pub mod deny;
pub mod doctor;
pub mod grant;
pub mod inspect;
pub mod install;
pub mod list;
pub mod onboard;
pub mod renew;
pub mod request;
pub mod review;
pub mod revocations;
pub mod revoke;
pub mod token;
pub mod verify;
