//! The API server's AuthorizationConfiguration: changed so that at every moment, a crash included,
//! there is one that the server takes.
//!
//! Whoever writes it runs as root beside other people's files: nobody else may be able to write the file,
//! into its folder, or where the path leads through, and no link is followed on the way or in the folder.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use usercert_core::text::show_path;

use super::atomic::WriteError;
use super::folder::{Access, Folder, is_link, split};

/// Longest configuration that is read, in bytes.
pub const LIMIT: u64 = 64 << 20;

/// Why nothing was put in place.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error("cannot read {}", show_path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is a symbolic link or not a regular file; name the file itself", show_path(.0))]
    Kind(PathBuf),
    #[error("{} leads through a symbolic link, {}", show_path(path), show_path(link))]
    Link { path: PathBuf, link: PathBuf },
    #[error("{} belongs to another user", show_path(.0))]
    Owner(PathBuf),
    #[error("other users can write to {} (mode {mode:04o})", show_path(path))]
    Open { path: PathBuf, mode: u32 },
    #[error("{} is larger than {LIMIT} bytes", show_path(.0))]
    TooLarge(PathBuf),
    #[error("{} is not UTF-8", show_path(.0))]
    NotUtf8(PathBuf),
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Somebody else has written the file meanwhile.
    #[error("{} was changed by another program in the meantime", show_path(.0))]
    Changed(PathBuf),
}

impl PutError {
    /// What to do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Owner(_) | Self::Open { .. } => Some(
                "whoever can write there controls authorization: chown it to root, and chmod go-w"
                    .to_owned(),
            ),
            Self::Link { path, .. } => {
                let real = std::fs::canonicalize(path).ok()?;
                Some(format!(
                    "whoever can change the link controls authorization: name {}",
                    show_path(&real)
                ))
            }
            _ => None,
        }
    }
}

/// A configuration in its folder.
#[derive(Debug)]
pub struct Configuration {
    folder: Folder,
    name: OsString,
}

impl Configuration {
    /// Opens the folder of a configuration.
    pub fn open(file: &Path) -> Result<Self, PutError> {
        let (parent, name) = split(file).ok_or_else(|| PutError::Kind(file.to_owned()))?;
        let failed = |source| PutError::Read { path: parent.to_owned(), source };
        check_way(parent)?;
        let folder = Folder::open(parent).map_err(failed)?;
        nobody_elses(&folder.metadata().map_err(failed)?, parent)?;
        Ok(Self { folder, name: name.to_owned() })
    }

    /// The text of the configuration.
    pub fn read(&self) -> Result<String, PutError> {
        let (bytes, _) = self.content(&self.name)?;
        String::from_utf8(bytes).map_err(|_| PutError::NotUtf8(self.folder.path_of(&self.name)))
    }

    /// Puts a configuration in the place of the one that was read as `before`. What it refers to is
    /// there first: `beside` is the name and the content of a file that it names. The one before is kept.
    pub fn put(&self, before: &str, after: &str, beside: (&str, &str)) -> Result<(), PutError> {
        let (name, content) = beside;
        match self.content(name.as_ref()) {
            Ok((found, _)) if found == content.as_bytes() => {}
            Ok((_, old)) => self.folder.exchange(name.as_ref(), content.as_bytes(), Some(old))?,
            Err(PutError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                match self.folder.create_new(name, content.as_bytes(), Access::Public) {
                    // Another process had the same idea.
                    Err(WriteError::Exists { .. }) => {}
                    other => other?,
                }
            }
            Err(error) => return Err(error),
        }
        let mut kept = self.name.clone();
        kept.push(".usercert-last-good");
        self.folder.exchange(&kept, before.as_bytes(), None)?;
        let (now, old) = self.content(&self.name)?;
        if now != before.as_bytes() {
            return Err(PutError::Changed(self.folder.path_of(&self.name)));
        }
        Ok(self.folder.exchange(&self.name, after.as_bytes(), Some(old))?)
    }

    fn content(&self, name: &OsStr) -> Result<(Vec<u8>, (File, Metadata)), PutError> {
        let path = self.folder.path_of(name);
        let failed = |source: io::Error| match is_link(&source) {
            true => PutError::Kind(path.clone()),
            false => PutError::Read { path: path.clone(), source },
        };
        let file = self.folder.open_file(name).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(PutError::Kind(path));
        }
        nobody_elses(&metadata, &path)?;
        let mut content = Vec::new();
        (&file).take(LIMIT + 1).read_to_end(&mut content).map_err(failed)?;
        match content.len() as u64 > LIMIT {
            true => Err(PutError::TooLarge(path)),
            false => Ok((content, (file, metadata))),
        }
    }
}

/// Lets everybody read these files of a folder.
#[cfg(unix)]
pub fn let_everybody_read(folder: &Path, names: &[&str]) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let add = |path: &Path, bits: u32| {
        let mode = std::fs::symlink_metadata(path)?.permissions().mode();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | bits))
    };
    names.iter().try_for_each(|name| add(&folder.join(name), 0o044))?;
    add(folder, 0o055)
}

/// API servers run on Linux.
#[cfg(not(unix))]
pub fn let_everybody_read(_: &Path, _: &[&str]) -> io::Result<()> {
    Ok(())
}

/// Makes sure that only root or we can have written a file, or what is in a folder.
#[cfg(unix)]
fn nobody_elses(metadata: &Metadata, path: &Path) -> Result<(), PutError> {
    use std::os::unix::fs::MetadataExt;
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        return Err(PutError::Owner(path.to_owned()));
    }
    match metadata.mode() & 0o7777 {
        mode if mode & 0o022 != 0 => Err(PutError::Open { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// Makes sure that nobody else decides where the path of a folder leads: that no link is on the way, and
/// that nobody else can rename what is.
#[cfg(unix)]
fn check_way(folder: &Path) -> Result<(), PutError> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let failed = |source| PutError::Read { path: folder.to_owned(), source };
    for (above, step) in std::path::absolute(folder).map_err(failed)?.ancestors().enumerate() {
        let metadata = std::fs::symlink_metadata(step).map_err(failed)?;
        if metadata.is_symlink() {
            return Err(PutError::Link { path: folder.to_owned(), link: step.to_owned() });
        }
        // In a sticky directory such as /tmp only its owner can rename a name.
        match nobody_elses(&metadata, step) {
            Err(PutError::Open { .. }) if above > 0 && metadata.mode() & STICKY != 0 => {}
            checked => checked?,
        }
    }
    Ok(())
}

/// API servers run on Linux.
#[cfg(not(unix))]
fn check_way(_: &Path) -> Result<(), PutError> {
    Ok(())
}

/// API servers run on Linux.
#[cfg(not(unix))]
fn nobody_elses(_: &Metadata, _: &Path) -> Result<(), PutError> {
    Ok(())
}
