//! Writing whole files so that a crash, a full disk or a second writer leaves the old content or
//! the new one, never something in between.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::{Access, Folder, split};
use super::patience::{self, IN_USE};
use super::temporary::Temporary;

/// As many links as Linux follows.
const LINKS: usize = 40;

/// A file could not be written. Unless it is [`WriteError::Sync`], nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{} already exists", path.display())]
    Exists { path: PathBuf },
    /// A directory, a device, a pipe, or no file name at all.
    #[error("{} is not a regular file", path.display())]
    NotRegular { path: PathBuf },
    /// The path was changed by somebody else while we worked on it.
    #[error("{} was replaced by another program in the meantime", path.display())]
    Exchanged { path: PathBuf },
    #[error("cannot open {} for writing", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot write the new content of {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot replace {}", path.display())]
    Rename { path: PathBuf, source: io::Error },
    /// The new content is there, but may be gone again after a power failure.
    #[error("{} is written, but its directory could not be synced", path.display())]
    Sync { path: PathBuf, source: io::Error },
}

impl WriteError {
    /// Whether it may be that another program has the file open, which only Windows minds.
    pub fn may_be_in_use(&self) -> bool {
        let codes = patience::RENAMED_OR_REMOVED;
        matches!(self, Self::Open { source, .. } | Self::Rename { source, .. } if patience::is_one_of(source, codes))
    }
}

/// Puts new content in the place of a file, or makes a new one (0600).
///
/// Links are followed, also one that points to a file that does not exist yet. Mode and owner
/// stay (the owner as far as we are allowed to give files away); on Windows the access list. A file that may not be written
/// is refused although its directory would allow the exchange.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    let old = open_old(path)?;
    let target = follow(path)?;
    let (parent, name) =
        split(&target).ok_or_else(|| WriteError::NotRegular { path: target.clone() })?;
    let folder = Folder::open(parent)
        .map_err(|source| WriteError::Open { path: parent.to_owned(), source })?;

    let failed = |source| WriteError::Write { path: target.clone(), source };
    let unchanged = match &old {
        Some((file, _)) => folder.is(name, file),
        None => folder.has(name).map(|there| !there),
    };
    if !unchanged.map_err(failed)? {
        return Err(WriteError::Exchanged { path: target });
    }
    let temporary = Temporary::create(&folder, Access::Private)
        .map_err(|source| WriteError::Open { path: parent.to_owned(), source })?;
    fill(&temporary, content, old.as_ref()).map_err(failed)?;
    // On Windows an open file cannot be replaced, not even one that we opened.
    drop(old);
    temporary
        .rename_to(name)
        .map_err(|source| WriteError::Rename { path: target.clone(), source })?;
    folder.sync().map_err(|source| WriteError::Sync { path: target.clone(), source })
}

/// Makes a file that did not exist. It appears with all of its content or not at all; nothing is
/// overwritten and no link is followed at its name. A missing directory is made, for its owner alone.
pub fn create_new(path: &Path, content: &[u8], access: Access) -> Result<(), WriteError> {
    let (parent, name) =
        split(path).ok_or_else(|| WriteError::NotRegular { path: path.to_owned() })?;
    let folder = Folder::open_or_create(parent)
        .map_err(|source| WriteError::Open { path: parent.to_owned(), source })?;
    folder.create_new(name, content, access)
}

impl Folder {
    pub fn create_new(
        &self,
        name: impl AsRef<std::ffi::OsStr>,
        content: &[u8],
        access: Access,
    ) -> Result<(), WriteError> {
        let name = name.as_ref();
        let path = self.path_of(name);
        if Path::new(name).file_name() != Some(name) {
            return Err(WriteError::NotRegular { path });
        }
        let failed = |source| WriteError::Write { path: path.clone(), source };
        let temporary = Temporary::create(self, access)
            .map_err(|source| WriteError::Open { path: self.path().to_owned(), source })?;
        fill(&temporary, content, None).map_err(failed)?;
        match temporary.link_to(name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(WriteError::Exists { path });
            }
            // No second names on this file system.
            Err(_) => self.create_in_place(name, content, access, &path)?,
        }
        drop(temporary);
        self.sync().map_err(|source| WriteError::Sync { path: path.clone(), source })
    }

    /// Replaces a file of this directory that no link leads to; new ones are 0600.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        self.exchange(name.as_ref(), content, None)
    }

    /// Puts a file in the place of whatever has that name, a link included; with owner and mode of `old`.
    pub(super) fn exchange(
        &self,
        name: &std::ffi::OsStr,
        content: &[u8],
        old: Option<(File, Metadata)>,
    ) -> Result<(), WriteError> {
        let path = self.path_of(name);
        let failed = |source| WriteError::Write { path: path.clone(), source };
        let temporary = Temporary::create(self, Access::Private)
            .map_err(|source| WriteError::Open { path: self.path().to_owned(), source })?;
        fill(&temporary, content, old.as_ref()).map_err(failed)?;
        drop(old);
        temporary
            .rename_to(name)
            .map_err(|source| WriteError::Rename { path: path.clone(), source })?;
        self.sync().map_err(|source| WriteError::Sync { path: path.clone(), source })
    }

    fn create_in_place(
        &self,
        name: &std::ffi::OsStr,
        content: &[u8],
        access: Access,
        path: &Path,
    ) -> Result<(), WriteError> {
        let mut file = match self.create_file(name, access) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(WriteError::Exists { path: path.to_owned() });
            }
            other => other.map_err(|source| WriteError::Open { path: path.to_owned(), source })?,
        };
        file.write_all(content).and_then(|()| file.sync_all()).map_err(|source| {
            let _ = self.remove_file(name);
            WriteError::Write { path: path.to_owned(), source }
        })
    }
}

/// Opens the file for writing, as kubectl would, which asks the operating system every question
/// at once: read-only file, read-only file system, immutable, links that it would not follow.
fn open_old(path: &Path) -> Result<Option<(File, Metadata)>, WriteError> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe without a reader must not make us wait.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = match patience::patiently(IN_USE, || options.open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Err(WriteError::NotRegular { path: path.to_owned() });
        }
        Err(source) => return Err(WriteError::Open { path: path.to_owned(), source }),
    };
    let metadata =
        file.metadata().map_err(|source| WriteError::Open { path: path.to_owned(), source })?;
    if !metadata.is_file() {
        return Err(WriteError::NotRegular { path: path.to_owned() });
    }
    Ok(Some((file, metadata)))
}

/// Where the links at the end of a path lead, also if nothing is there yet.
fn follow(path: &Path) -> Result<PathBuf, WriteError> {
    let mut current = path.to_owned();
    for _ in 0..=LINKS {
        let failed = |source| WriteError::Open { path: current.clone(), source };
        match std::fs::symlink_metadata(&current) {
            Ok(metadata) if metadata.is_symlink() => {
                let next = std::fs::read_link(&current).map_err(failed)?;
                current = match current.parent() {
                    Some(parent) => parent.join(next),
                    None => next,
                };
            }
            Ok(_) => return Ok(current),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(current),
            Err(error) => return Err(failed(error)),
        }
    }
    Err(WriteError::NotRegular { path: path.to_owned() })
}

/// Writes content, then owner, then mode (so that nobody reads it in between who may not), then
/// waits for the disk.
fn fill(
    temporary: &Temporary<'_>,
    content: &[u8],
    old: Option<&(File, Metadata)>,
) -> io::Result<()> {
    let mut file = temporary.file();
    file.write_all(content)?;
    if let Some((old, metadata)) = old {
        adopt(file, old, metadata)?;
    }
    file.sync_all()
}

#[cfg(unix)]
fn adopt(file: &File, _: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let new = file.metadata()?;
    let mut mode = old.mode() & 0o7777;
    if new.uid() != old.uid() || new.gid() != old.gid() {
        // Only root gives files away; a group of our own is possible for everybody.
        let given = fchown(file, Some(old.uid()), Some(old.gid()));
        let group = new.gid() == old.gid() || fchown(file, None, Some(old.gid())).is_ok();
        if given.is_err() && !group {
            // Rights of the old group would go to another one.
            mode &= 0o7707;
        }
    }
    if file.metadata()?.mode() & 0o7777 != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(windows)]
fn adopt(file: &File, old: &File, _: &Metadata) -> io::Result<()> {
    // The new file is for its owner alone so far. Where that cannot be changed, it stays so.
    let _ = super::access_list::adopt(file, old);
    Ok(())
}
