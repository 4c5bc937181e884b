//! Files and the paths that the environment names: the only user of `std::fs` in the plugin.
//!
//! Everything here answers one question each: where do files lie ([`environment`]), what is in
//! one ([`reading`]), how is one replaced so that a crash leaves the old or the new content
//! ([`atomic`]), who may write now ([`lock`]), how does a kubeconfig change ([`kubeconfig`]),
//! what is in the files that its entries name ([`named`]),
//! where does a key wait for its certificate ([`state`]), how far has a long run come
//! ([`journal`]), and who else writes a kubeconfig ([`writers`]).
//!
//! Below them lie [`folder`] (an opened directory: names are looked up inside it, not along a
//! path that may have been changed meanwhile) and `temporary` (a file under a name of ours with a
//! held lock, so that one left by a crash is recognised and removed by the next writer).

pub mod atomic;
pub mod authorization;
pub mod environment;
pub mod folder;
pub mod journal;
pub mod kubeconfig;
pub mod lock;
mod marker;
pub mod named;
pub mod pair;
pub mod reading;
pub mod state;
mod temporary;
pub mod tree;
pub mod writers;

pub use atomic::{WriteError, create_new, replace};
pub use folder::{Access, Folder};
pub use lock::{KubeconfigLock, LockError};
pub use reading::{ReadError, read, read_limited, read_sensitive};
pub use state::{Pending, PendingStore, StateError};
