//! An opened directory. Names are looked up inside it and symbolic links are not followed, so
//! what was checked about the directory stays true for what is done in it.
//!
//! On Unix this is a directory handle and the `*at` calls; elsewhere a path, which is weaker, but
//! there the directories in question belong to one person.

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

    pub fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(unix)]
mod imp {
    use rustix::fs::{AtFlags, Mode, OFlags};

    use super::*;

    /// Never a link, never waiting for the other end of a pipe.
    const STRICT: OFlags =
        OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
    const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    impl Folder {
        /// Opens a directory by its path; links on the way are followed.
        pub fn open(path: &Path) -> io::Result<Self> {
            let handle = rustix::fs::open(path, DIRECTORY, Mode::empty())?;
            Ok(Self { path: path.to_owned(), handle: handle.into() })
        }

        /// Opens a directory inside this one; refuses a link.
        pub(crate) fn open_child(&self, name: &OsStr) -> io::Result<Self> {
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            let handle = rustix::fs::openat(&self.handle, name, flags, Mode::empty())?;
            Ok(Self { path: self.path.join(name), handle: handle.into() })
        }

        pub(crate) fn create_child(&self, name: &OsStr) -> io::Result<()> {
            Ok(rustix::fs::mkdirat(&self.handle, name, Mode::RWXU)?)
        }

        pub(crate) fn create_file(&self, name: &OsStr, access: Access) -> io::Result<File> {
            let mode = match access {
                Access::Private => Mode::RUSR | Mode::WUSR,
                Access::Public => Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH,
            };
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | STRICT;
            Ok(rustix::fs::openat(&self.handle, name, flags, mode)?.into())
        }

        pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
            let flags = OFlags::RDONLY | STRICT;
            Ok(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?.into())
        }

        /// Opens a file so that it can be locked: over NFS that takes the right to write.
        pub(crate) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
            let flags = OFlags::RDWR | STRICT;
            Ok(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?.into())
        }

        /// Whether the name stands for anything, be it a link to nowhere.
        pub(crate) fn has(&self, name: &OsStr) -> io::Result<bool> {
            match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Ok(true),
                Err(rustix::io::Errno::NOENT) => Ok(false),
                Err(error) => Err(error.into()),
            }
        }

        /// Gives a file a second name, which must be free.
        pub(crate) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            Ok(rustix::fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty())?)
        }

        /// Renames; a file of the new name is replaced.
        pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
        }

        /// Removes a name that is no directory.
        pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
            Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
        }

        pub(crate) fn remove_child(&self, name: &OsStr) -> io::Result<()> {
            Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
        }

        /// Whether the name stands for that very file now.
        pub(crate) fn is(&self, name: &OsStr, file: &File) -> io::Result<bool> {
            match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(there) => {
                    let here = rustix::fs::fstat(file)?;
                    Ok(there.st_dev == here.st_dev && there.st_ino == here.st_ino)
                }
                Err(rustix::io::Errno::NOENT) => Ok(false),
                Err(error) => Err(error.into()),
            }
        }

        pub(crate) fn modified(&self, name: &OsStr) -> io::Result<std::time::SystemTime> {
            std::fs::symlink_metadata(self.path.join(name))?.modified()
        }

        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            use std::os::unix::ffi::OsStrExt;
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.handle)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name != "." && name != ".." {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        }

        pub(crate) fn metadata(&self) -> io::Result<std::fs::Metadata> {
            self.handle.metadata()
        }

        /// Makes names durable. File systems without such a call are no reason to fail.
        pub(crate) fn sync(&self) -> io::Result<()> {
            use io::ErrorKind::{InvalidInput, Unsupported};
            match self.handle.sync_all() {
                Err(error) if !matches!(error.kind(), InvalidInput | Unsupported) => Err(error),
                _ => Ok(()),
            }
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use super::*;

    impl Folder {
        pub fn open(path: &Path) -> io::Result<Self> {
            match std::fs::metadata(path)?.is_dir() {
                true => Ok(Self { path: path.to_owned() }),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        pub(crate) fn open_child(&self, name: &OsStr) -> io::Result<Self> {
            let path = self.path.join(name);
            match std::fs::symlink_metadata(&path)?.is_dir() {
                true => Ok(Self { path }),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        pub(crate) fn create_child(&self, name: &OsStr) -> io::Result<()> {
            std::fs::create_dir(self.path.join(name))
        }

        pub(crate) fn create_file(&self, name: &OsStr, _: Access) -> io::Result<File> {
            File::options().read(true).write(true).create_new(true).open(self.path.join(name))
        }

        pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
            let path = self.path.join(name);
            match std::fs::symlink_metadata(&path)?.is_symlink() {
                true => Err(io::ErrorKind::InvalidInput.into()),
                false => File::open(path),
            }
        }

        pub(crate) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
            File::options().read(true).write(true).open(self.path.join(name))
        }

        pub(crate) fn has(&self, name: &OsStr) -> io::Result<bool> {
            match std::fs::symlink_metadata(self.path.join(name)) {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        }

        pub(crate) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            std::fs::hard_link(self.path.join(from), self.path.join(to))
        }

        pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
            std::fs::rename(self.path.join(from), self.path.join(to))
        }

        pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
            std::fs::remove_file(self.path.join(name))
        }

        pub(crate) fn remove_child(&self, name: &OsStr) -> io::Result<()> {
            std::fs::remove_dir(self.path.join(name))
        }

        pub(crate) fn is(&self, name: &OsStr, file: &File) -> io::Result<bool> {
            let there = match std::fs::symlink_metadata(self.path.join(name)) {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
            let here = file.metadata()?;
            Ok(there.created()? == here.created()?
                && there.modified()? == here.modified()?
                && there.len() == here.len())
        }

        pub(crate) fn modified(&self, name: &OsStr) -> io::Result<std::time::SystemTime> {
            std::fs::symlink_metadata(self.path.join(name))?.modified()
        }

        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name())).collect()
        }

        pub(crate) fn metadata(&self) -> io::Result<std::fs::Metadata> {
            std::fs::metadata(&self.path)
        }

        pub(crate) fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }
}
