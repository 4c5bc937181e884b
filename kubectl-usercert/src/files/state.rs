//! Keys that wait for their certificate: `…/kubectl-usercert/pending/<id>/` with `key.pem` and
//! `request.json`.
//!
//! A folder is made under a temporary name and renamed when it is complete, and renamed away
//! before it is emptied, so that an id has both files or does not exist. What a crash leaves
//! under a temporary name is removed when the store is opened next. Whoever makes or removes
//! folders holds a lock meanwhile, so that this does not meet work in progress.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::atomic::WriteError;
use super::folder::{Access, Folder, is_link};
use super::reading::sensitive_content;
use super::temporary::{arbitrary, sweep};

const KEY: &str = "key.pem";
const LOCK: &str = ".lock";
const REQUEST: &str = "request.json";
/// Prefix of folders that are being made or removed.
const UNFINISHED: &str = ".unfinished-";
/// An RSA-4096 key is 3.3 kB.
const KEY_LIMIT: usize = 64 << 10;
/// A request of the largest size that an API server stores, in base64, fits.
const REQUEST_LIMIT: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("there is no place to keep keys: neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    /// An id that no hash has.
    #[error("{id:?} is not the id of a pending request or a stored credential")]
    InvalidId { id: String },
    #[error("{} belongs to another user", path.display())]
    Owner { path: PathBuf },
    #[error("{} is accessible to other users (mode {mode:04o})", path.display())]
    Mode { path: PathBuf, mode: u32 },
    /// A symbolic link or a file lies where a directory should be, or a directory or more than a
    /// key or request would fill lies where a file should be.
    #[error("{} is not a file or directory of the expected kind", path.display())]
    Kind { path: PathBuf },
    /// Its content is meaningless.
    #[error("{} is damaged", path.display())]
    Damaged { path: PathBuf },
    #[error("{} already exists", path.display())]
    Exists { path: PathBuf },
    #[error("{} does not exist", path.display())]
    Missing { path: PathBuf },
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(#[from] WriteError),
}

pub struct Pending {
    pub key: Zeroizing<Vec<u8>>,
    pub request_json: Vec<u8>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// The opened folder of all pending requests of a person.
#[derive(Debug)]
pub struct PendingStore {
    pending: Folder,
}

impl PendingStore {
    /// Opens `${state_home:-home/.local/state}/kubectl-usercert/pending`, creating what is
    /// missing. A relative `state_home` is ignored, as the XDG specification demands.
    ///
    /// From `kubectl-usercert` on, every level must be a directory (no link) of this user that
    /// nobody else may enter.
    pub fn open(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Result<Self, StateError> {
        let ours = state_folder(state_home, home)?;
        let store = Self { pending: open_level(&ours, "pending")? };
        store.tidy()?;
        Ok(store)
    }

    pub fn path_of(&self, id: &str) -> PathBuf {
        self.pending.path_of(id)
    }

    /// Keeps a key and its request. Never replaces a key.
    pub fn save(&self, id: &str, key_pem: &[u8], request_json: &[u8]) -> Result<(), StateError> {
        let id = valid(id)?;
        let _lock = self.lock()?;
        if self.pending.has(id.as_ref()).map_err(|source| self.failed("read", id, source))? {
            return Err(StateError::Exists { path: self.path_of(id) });
        }
        let name = unfinished();
        self.pending.create_child(&name).map_err(|source| self.failed("create", id, source))?;
        let folder = checked(&self.pending, &name)?;
        let made = folder
            .create_new(KEY, key_pem, Access::Private)
            .and_then(|()| folder.create_new(REQUEST, request_json, Access::Private))
            .map_err(StateError::from)
            // Replaces nothing: a directory with something in it stays.
            .and_then(|()| {
                self.pending
                    .rename(&name, id.as_ref())
                    .map_err(|source| self.failed("create", id, source))
            });
        if made.is_err() {
            let _ = empty(&self.pending, &name, &folder);
        }
        made?;
        self.pending.sync().map_err(|source| self.failed("sync", id, source))
    }

    pub fn load(&self, id: &str) -> Result<Option<Pending>, StateError> {
        let Some(folder) = self.folder(valid(id)?)? else { return Ok(None) };
        let Some(key) = content(&folder, KEY, KEY_LIMIT)? else { return Ok(None) };
        let Some(request) = content(&folder, REQUEST, REQUEST_LIMIT)? else { return Ok(None) };
        Ok(Some(Pending { key, request_json: request.to_vec() }))
    }

    pub fn update_request(&self, id: &str, request_json: &[u8]) -> Result<(), StateError> {
        let id = valid(id)?;
        let missing = || StateError::Missing { path: self.path_of(id) };
        let _lock = self.lock()?;
        let folder = self.folder(id)?.ok_or_else(missing)?;
        Ok(folder.replace(REQUEST, request_json)?)
    }

    pub fn list(&self) -> Result<Vec<String>, StateError> {
        let names = self.pending.names().map_err(|source| StateError::Io {
            action: "read",
            path: self.pending.path().to_owned(),
            source,
        })?;
        let mut ids: Vec<String> = names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .filter(|name| valid(name).is_ok())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Forgets an id with its key. Only for when the key is safely somewhere else. Nothing
    /// happens if there is none.
    pub fn remove(&self, id: &str) -> Result<(), StateError> {
        let id = valid(id)?;
        let _lock = self.lock()?;
        if self.folder(id)?.is_none() {
            return Ok(());
        }
        let failed = |source| self.failed("remove", id, source);
        let name = unfinished();
        self.pending.rename(id.as_ref(), &name).map_err(failed)?;
        // Opened under its new name: where a folder is a path, the old one leads nowhere.
        let folder = checked(&self.pending, &name)?;
        empty(&self.pending, &name, &folder).and_then(|()| self.pending.sync()).map_err(failed)
    }

    /// Waits for others who make or remove folders, which none does for long.
    fn lock(&self) -> Result<File, StateError> {
        let failed = |source| self.failed("lock", LOCK, source);
        let file = match self.pending.create_file(LOCK.as_ref(), Access::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.pending.open_to_lock(LOCK.as_ref()).map_err(failed)?
            }
            other => other.map_err(failed)?,
        };
        loop {
            match file.lock() {
                Ok(()) => return Ok(file),
                // A file system without locks.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn failed(&self, action: &'static str, name: &str, source: io::Error) -> StateError {
        StateError::Io { action, path: self.path_of(name), source }
    }

    fn folder(&self, id: &str) -> Result<Option<Folder>, StateError> {
        match checked(&self.pending, id.as_ref()) {
            Ok(folder) => Ok(Some(folder)),
            Err(StateError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes folders that a crash left half made or half removed.
    fn tidy(&self) -> Result<(), StateError> {
        let unfinished =
            |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(UNFINISHED));
        let names = self.pending.names().unwrap_or_default();
        if !names.iter().any(unfinished) {
            return Ok(());
        }
        let _lock = self.lock()?;
        for name in names.iter().filter(|name| unfinished(name)) {
            if let Ok(folder) = checked(&self.pending, name) {
                let _ = empty(&self.pending, name, &folder);
            }
        }
        Ok(())
    }
}

/// Removes our files from a folder, then the folder if nothing else is in it.
fn empty(parent: &Folder, name: &OsStr, folder: &Folder) -> io::Result<()> {
    sweep(folder);
    for file in [REQUEST, KEY] {
        match folder.remove_file(file.as_ref()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match parent.remove_child(name) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}

fn unfinished() -> OsString {
    format!("{UNFINISHED}{:016x}", arbitrary()).into()
}

/// Ids are hashes: lower-case hex, so never a path.
pub(super) fn valid(id: &str) -> Result<&str, StateError> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match (8..=128).contains(&id.len()) && id.bytes().all(hex) {
        true => Ok(id),
        false => Err(StateError::InvalidId { id: id.to_owned() }),
    }
}

/// `${state_home:-home/.local/state}`; a relative `state_home` is ignored.
pub(super) fn state_base(
    state_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf, StateError> {
    state_home
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(".local").join("state")))
        .ok_or(StateError::NoHome)
}

/// The opened `${state_home:-home/.local/state}/kubectl-usercert`, made if it is missing.
pub(super) fn state_folder(
    state_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<Folder, StateError> {
    let base = state_base(state_home, home)?;
    create_base(&base).map_err(|source| StateError::Io {
        action: "create",
        path: base.clone(),
        source,
    })?;
    let base = Folder::open(&base).map_err(|source| StateError::Io {
        action: "open",
        path: base.clone(),
        source,
    })?;
    open_level(&base, "kubectl-usercert")
}

fn create_base(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(super) fn open_level(parent: &Folder, name: &str) -> Result<Folder, StateError> {
    match parent.create_child(name.as_ref()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => {
            return Err(StateError::Io { action: "create", path: parent.path_of(name), source });
        }
    }
    checked(parent, name.as_ref())
}

/// Opens a directory that must be no link, ours, and closed to others.
pub(super) fn checked(parent: &Folder, name: &OsStr) -> Result<Folder, StateError> {
    let path = parent.path_of(name);
    let folder = parent.open_child(name).map_err(|source| {
        match is_link(&source) || source.kind() == io::ErrorKind::NotADirectory {
            true => StateError::Kind { path: path.clone() },
            false => StateError::Io { action: "open", path: path.clone(), source },
        }
    })?;
    let metadata = folder.metadata().map_err(|source| StateError::Io {
        action: "open",
        path: path.clone(),
        source,
    })?;
    private(&metadata, path)?;
    Ok(folder)
}

#[cfg(unix)]
pub(super) fn private(metadata: &Metadata, path: PathBuf) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(StateError::Owner { path });
    }
    match metadata.mode() & 0o7777 {
        mode if mode & 0o077 != 0 => Err(StateError::Mode { path, mode }),
        _ => Ok(()),
    }
}

/// On Windows the profile directory's access list is inherited, which lets only its owner in.
#[cfg(not(unix))]
pub(super) fn private(_: &Metadata, _: PathBuf) -> Result<(), StateError> {
    Ok(())
}

/// Makes sure that a key which an earlier run left is this user's, and closed to others: a regular file, no
/// link.
///
/// # Errors
/// It is not.
pub fn own_key(path: &Path) -> Result<(), StateError> {
    let failed = |source| StateError::Io { action: "read", path: path.to_owned(), source };
    let metadata = path.symlink_metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(StateError::Kind { path: path.to_owned() });
    }
    private(&metadata, path.to_owned())
}

/// The content of a file that must be ours and closed to others; `None` if there is none.
pub(super) fn content(
    folder: &Folder,
    name: &str,
    limit: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
    let path = folder.path_of(name);
    let failed = |source| StateError::Io { action: "read", path: path.clone(), source };
    let file = match folder.open_file(name.as_ref()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_link(&error) => return Err(StateError::Kind { path }),
        other => other.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(StateError::Kind { path });
    }
    private(&metadata, path.clone())?;
    match sensitive_content(&file, limit).map_err(failed)? {
        Some(content) => Ok(Some(content)),
        None => Err(StateError::Kind { path }),
    }
}
