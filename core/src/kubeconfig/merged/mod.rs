//! What several kubeconfig files say together.
//!
//! Follows `tools/clientcmd/loader.go` and `merge.go` of client-go: the first file that has a name
//! wins the whole entry, the first current context that is not empty counts, and every entry
//! remembers its file.

mod decode;
mod merge;
mod resolve;
mod view;

use std::path::PathBuf;

pub use self::merge::{Merged, SourceFile};
pub use self::resolve::{Overrides, ResolveError, Resolved};
pub use self::view::{Cluster, Context, MergedEntry, User};

/// Why the files give no configuration. Never holds anything of a file's content but entry and field
/// names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergedError {
    /// The file that `--kubeconfig` names does not exist.
    #[error("stat {}: no such file or directory", .0.display())]
    Missing(PathBuf),
    /// A file is not a kubeconfig, and why.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, String),
}
