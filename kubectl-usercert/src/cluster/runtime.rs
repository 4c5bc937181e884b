//! The runtime that requests run on.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// File descriptors that must be free: the runtime opens half of them for itself.
#[cfg(unix)]
const DESCRIPTORS: usize = 8;

pub fn new() -> io::Result<Runtime> {
    // Where descriptors run out, the runtime panics instead of saying so.
    #[cfg(unix)]
    let _free = (0..DESCRIPTORS)
        .map(|_| std::fs::File::open("/dev/null"))
        .collect::<io::Result<Vec<_>>>()?;
    #[cfg(unix)]
    drop(_free);
    Builder::new_current_thread().enable_all().build()
}
