//! Why a profile does not fit.

use crate::text;
use crate::x509::san::AlternativeNameError;

/// Why a profile does not fit what was asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfileError {
    /// Nobody said whose certificate it is to be.
    #[error("the profile {0} needs a name")]
    NameMissing(&'static str),
    /// A name for somebody who has one already.
    #[error("the profile {} takes no name: it is for {}", .0, text::show_short(.1, 120))]
    NameNotTaken(&'static str, String),
    /// Groups for somebody whose groups are given.
    #[error("the profile {0} takes no groups")]
    GroupsNotTaken(&'static str),
    /// The request is somebody else's.
    #[error(
        "the request names {}, but the profile {profile} is for {}", text::show_short(.found, 200), text::show_short(.wanted, 200)
    )]
    OtherHolder {
        /// The profile's name.
        profile: &'static str,
        /// Whom it is for.
        wanted: String,
        /// Whom the request names.
        found: String,
    },
    /// Names for what is not a server.
    #[error("the profile {0} is not for servers: its certificate has no host names")]
    NamesNotTaken(&'static str),
    /// A server without any name.
    #[error("a server's certificate needs a host name or an address, or every client refuses it")]
    NoNames,
    /// A name that no node can have.
    #[error(
        "{} is not a node name: use lower-case letters, digits, dashes and dots", text::show_short(.0, 80)
    )]
    NodeName(String),
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] AlternativeNameError),
}
