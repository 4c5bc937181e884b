//! An opened directory. Names are looked up inside it and symbolic links are not followed, so
//! what was checked about the directory stays true for what is done in it.
//!
//! On Unix this is a directory handle and the `*at` calls; elsewhere a path, which is weaker, but
//! there the directories in question belong to one person.
//!
//! A file can be held: by one process at a time, until it closes the file or ends. On Unix that is
//! flock, on Windows opening it so that nobody else can open it for writing; either way everybody can
//! still read it.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod system;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Private,
    /// Everybody whom the umask does not exclude (0644).
    Public,
}

/// What came of holding a file.
#[derive(Debug)]
pub(crate) enum Hold {
    /// It is ours until the file is closed.
    Ours(File),
    /// Somebody else holds it, or it cannot be held.
    Theirs,
    /// The name is free, or stands for another file by now.
    Gone,
}

#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    handle: File,
}

/// The directory and the last name of a path; `None` for paths that name no file (`..`, `/`).
pub(super) fn split(path: &Path) -> Option<(&Path, &OsStr)> {
    let name = path.file_name()?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Some((parent, name))
}

/// Whether a file was not opened because its name is a link.
pub(super) fn is_link(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::InvalidInput;
}

impl Folder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory, after making it (0700) where only it itself is missing.
    pub fn open_or_create(path: &Path) -> io::Result<Self> {
        match (Self::open(path), split(path)) {
            (Err(error), Some((parent, name))) if error.kind() == io::ErrorKind::NotFound => {
                let parent = Self::open(parent)?;
                parent.create_child(name)?;
                parent.open_child(name)
            }
            (opened, _) => opened,
        }
    }

    /// Why [`super::atomic::create_new`] would fail for a file, as far as its directory tells.
    pub fn obstacle(file: &Path) -> Option<&'static str> {
        let parent = |path: &Path| split(path).map(|(parent, _)| parent.to_owned());
        let folder = parent(file).filter(|folder| folder.is_dir() || !folder.exists());
        let there = folder.and_then(|f| if f.is_dir() { Some(f) } else { parent(&f) });
        match there.filter(|folder| folder.is_dir()) {
            None => Some("is in a directory that does not exist and cannot be created"),
            Some(folder) if !system::is_writable(&folder) => {
                Some("is in a directory that you may not write to")
            }
            Some(_) => None,
        }
    }

    pub fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}
