//! A directory handle, and the `*at` calls.

use std::fs::TryLockError;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::{Access, File, Folder, Hold, OsStr, OsString, Path, io};

/// Never a link, never waiting for the other end of a pipe.
const STRICT: OFlags =
    OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Whether files can be made in a directory.
pub(super) fn is_writable(folder: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::accessat(rustix::fs::CWD, folder, access, AtFlags::EACCESS).is_ok()
}

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

    /// Makes a file and holds it (flock); `None` if somebody else was faster to hold it.
    pub(crate) fn create_held(&self, name: &OsStr, access: Access) -> io::Result<Option<File>> {
        let file = self.create_file(name, access)?;
        let ours = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // A file system without locks: then nobody else holds one there either.
            Err(TryLockError::Error(_)) => true,
        };
        // A cleaner may have removed the unlocked file before we locked it.
        Ok((ours && self.is(name, &file)?).then_some(file))
    }

    /// Holds a file that is there.
    pub(crate) fn open_held(&self, name: &OsStr) -> io::Result<Hold> {
        let file = match self.open_to_lock(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Hold::Gone),
            other => other?,
        };
        if !file.metadata()?.is_file() || file.try_lock().is_err() {
            return Ok(Hold::Theirs);
        }
        Ok(if self.is(name, &file)? { Hold::Ours(file) } else { Hold::Gone })
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

    /// Removes a name that is not a directory.
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
