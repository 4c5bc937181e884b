//! The kinds of entries.

use std::fmt;

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
    pub fn section(self) -> &'static str {
        match self {
            Kind::Cluster => "clusters",
            Kind::User => "users",
            Kind::Context => "contexts",
        }
    }

    /// The key of an entry's body.
    pub fn body_key(self) -> &'static str {
        match self {
            Kind::Cluster => "cluster",
            Kind::User => "user",
            Kind::Context => "context",
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body_key())
    }
}
