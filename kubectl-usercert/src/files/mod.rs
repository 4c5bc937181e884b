//! Files and the paths that the environment names: the only user of `std::fs` in the plugin.
//!
//! Everything here answers one question each: where do files lie (`environment`), what is in
//! one (`reading`), how is one replaced so that a crash leaves the old or the new content
//! (`atomic`), how do several new ones appear together (`set`), who may write now (`lock`), how does a kubeconfig change ([`kubeconfig`]),
//! what is in the files that its entries name (`named`),
//! where does a key wait for its certificate (`state`), where is a certificate that renews itself
//! (`credential_store`), how far has a long run come
//! (`journal`), and who else writes a kubeconfig (`writers`).
//!
//! Below them lie `folder` (an opened directory: names are looked up inside it, not along a
//! path that may have been changed meanwhile), `patience` and `access_list` for Windows, and `temporary` (a file under a name of ours with a
//! held lock, so that one left by a crash is recognized and removed by the next writer).

#[cfg(windows)]
mod access_list;
pub(crate) mod atomic;
pub mod authorization;
pub(crate) mod credential_store;
pub(crate) mod environment;
pub(crate) mod folder;
pub(crate) mod journal;
pub mod kubeconfig;
pub(crate) mod kuberc;
pub(crate) mod lock;
mod marker;
pub(crate) mod named;
mod patience;
pub(crate) mod program;
pub(crate) mod reading;
pub mod set;
pub(crate) mod state;
mod temporary;
pub(crate) mod tree;
pub(crate) mod writers;

pub use atomic::{WriteError, create_new, replace};
pub use credential_store::{CredentialStore, StateHome};
pub use folder::{Access, Folder};
pub use lock::{KubeconfigLock, LockError};
pub use reading::{ReadError, is_readable_by_others, read, read_limited, read_sensitive};
pub use state::{Pending, PendingStore, StateError};
