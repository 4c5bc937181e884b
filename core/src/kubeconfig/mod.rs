//! Kubeconfig files: where they are, what they say together, and how to change them.
//!
//! Follows `k8s.io/client-go/tools/clientcmd`. Nothing here touches a file: texts come in and
//! texts go out, reading and writing them is the caller's work.
//!
//! - [`path`]: which files count, and which of them a change goes to.
//! - [`merged`]: what several files say together, and what a command connects with.
//! - [`document`]: one file's text with the places of its entries.
//! - [`edit`]: changed text in which nothing but the intended entries differs.
//! - [`Endpoint`] and [`UserEntry`]: which cluster an entry leads to, and as whom one comes.
//! - [`install`]: the entries that a new certificate needs; [`contexts`]: what is there and what of
//!   it is dead.

mod changes;
pub mod contexts;
mod digest;
pub mod document;
pub mod edit;
mod endpoint;
pub mod install;
mod lines;
pub mod merged;
pub mod path;
mod scan;
mod splice;
mod style;
mod user_entry;

use std::fmt;

pub use endpoint::Endpoint;
pub use user_entry::{OtherCredential, UserEntry};

/// One of the three lists of a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An entry of `clusters`.
    Cluster,
    /// An entry of `users`.
    User,
    /// An entry of `contexts`.
    Context,
}

impl Kind {
    /// All kinds, in the order in which several files are written.
    pub const ALL: [Kind; 3] = [Kind::User, Kind::Cluster, Kind::Context];

    /// The key of the list in the file.
    #[must_use]
    pub fn section(self) -> &'static str {
        match self {
            Kind::Cluster => "clusters",
            Kind::User => "users",
            Kind::Context => "contexts",
        }
    }

    /// The key of an entry's body.
    #[must_use]
    pub fn body_key(self) -> &'static str {
        match self {
            Kind::Cluster => "cluster",
            Kind::User => "user",
            Kind::Context => "context",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body_key())
    }
}
