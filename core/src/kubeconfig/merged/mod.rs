//! What several kubeconfig files say together.
//!
//! Follows `tools/clientcmd/loader.go` and `merge.go` of client-go: the first file that has a name
//! wins the whole entry, the first current context that is not empty counts, and every entry
//! remembers its file.

mod decode;
mod entry;
mod error;
mod merge;
mod resolve;
mod view;

pub use self::entry::Entry;
pub use self::error::MergedError;
pub use self::merge::{Merged, SourceFile};
pub use self::resolve::{Overrides, ResolveError, Resolved};
pub use self::view::{Cluster, Context, User};
