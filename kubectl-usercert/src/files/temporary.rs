//! A file under a name of ours beside the file that it is going to become.
//!
//! Its maker holds it. One that nobody holds was left by
//! a crash: whoever makes the next one in that directory removes it. That matters because it may
//! hold a kubeconfig with keys.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;

use super::folder::{Access, Folder, Hold};

const PREFIX: &str = ".kubectl-usercert-";
const SUFFIX: &str = ".tmp";
const ATTEMPTS: u32 = 64;

/// A number that two processes are unlikely to share. Not a secret.
pub(super) fn arbitrary() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// A file that disappears unless it is given another name.
#[derive(Debug)]
pub(super) struct Temporary<'f> {
    file: File,
    name: Name<'f>,
}

/// A name that goes when it is dropped.
#[derive(Debug)]
struct Name<'f> {
    folder: &'f Folder,
    name: OsString,
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        // After a rename there is nothing; left behind, it would be swept later.
        let _ = self.folder.remove_file(&self.name);
    }
}

impl<'f> Temporary<'f> {
    /// Removes what crashes left in that directory, then makes a new empty file and holds it.
    pub(super) fn create(folder: &'f Folder, access: Access) -> io::Result<Self> {
        sweep(folder);
        for _ in 0..ATTEMPTS {
            let name = OsString::from(format!("{PREFIX}{:016x}{SUFFIX}", arbitrary()));
            let file = match folder.create_held(&name, access) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            let name = Name { folder, name };
            // Otherwise somebody who sweeps has taken it for abandoned, before it was held.
            if let Some(file) = file {
                return Ok(Self { file, name });
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file a further name, which must be free; the first name stays until drop.
    pub(super) fn link_to(&self, name: &OsStr) -> io::Result<()> {
        self.name.folder.link(&self.name.name, name)
    }

    /// Renames the file, replacing what had that name, and hands it out, still held.
    pub(super) fn rename_to(self, name: &OsStr) -> io::Result<File> {
        self.name.folder.rename(&self.name.name, name)?;
        Ok(self.file)
    }

    /// Gives up the first name and hands out the file, still held.
    pub(super) fn into_file(self) -> File {
        self.file
    }
}

/// Whether that is a name that [`Temporary::create`] gives.
fn is_ours(name: &OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        .is_some_and(|middle| middle.len() == 16 && middle.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Removes temporary files of ours that nobody holds. Never fails: this is tidying.
pub(super) fn sweep(folder: &Folder) {
    for name in folder.names().unwrap_or_default() {
        if !is_ours(&name) {
            continue;
        }
        if let Ok(Hold::Ours(file)) = folder.open_held(&name) {
            let _ = folder.remove_file(&name);
            drop(file);
        }
    }
}
