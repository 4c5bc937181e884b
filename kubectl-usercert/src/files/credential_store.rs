//! Certificates that renew themselves, with their keys: `…/kubectl-usercert/credentials/<id>/`.
//!
//! `credential.json` holds certificate and key together and is replaced as a whole, so that a crash
//! leaves the old pair or the new one. Who renews holds the lock of `.lock`, a file that stays: the
//! operating system lets go of it when its holder ends, however that happens.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use usercert_core::kubeconfig::self_renewing::StoreReference;
use usercert_core::lifecycle::credential::{Attempts, StoredCredential};
use zeroize::Zeroizing;

use super::environment;
use super::folder::{Access, Folder};
use super::state::{StateError, checked, content, open_level, state_base, state_folder, valid};
use super::temporary::sweep;

const FOLDER: &str = "credentials";
const CREDENTIAL: &str = "credential.json";
const ATTEMPTS: &str = "attempts.json";
const LOCK: &str = ".lock";
/// Longest file that is read: chains and CAs are short.
const LIMIT: usize = 1 << 20;

/// Where the state folder is looked for: `$XDG_STATE_HOME` or what a kubeconfig sets for it, and the home
/// directory.
#[derive(Clone, Debug, Default)]
pub struct StateHome {
    pub state_home: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

impl StateHome {
    /// As the environment says.
    pub fn from_environment() -> Self {
        Self { state_home: environment::state_home(), home: environment::home() }
    }

    /// As a program is told that a user entry names, which may set a state folder.
    pub fn of(reference: &StoreReference) -> Self {
        let set = reference.state_home.as_ref().map(PathBuf::from);
        let own = Self::from_environment();
        Self { state_home: set.or(own.state_home), ..own }
    }
}

/// One opened store.
#[derive(Debug)]
pub struct CredentialStore {
    folder: Folder,
}

/// The right to renew, as long as it is held.
#[derive(Debug)]
pub struct RenewalLock {
    _file: Option<File>,
}

impl CredentialStore {
    /// Opens a store; `None` if there is none. Nothing is created.
    ///
    /// From `kubectl-usercert` on, every level must be a directory (no link) of this user that nobody
    /// else may enter.
    pub fn open(home: &StateHome, id: &str) -> Result<Option<Self>, StateError> {
        let id = valid(id)?;
        let base = state_base(home.state_home.clone(), home.home.clone())?;
        let opened = match Folder::open(&base) {
            Ok(base) => checked(&base, "kubectl-usercert".as_ref())
                .and_then(|ours| checked(&ours, FOLDER.as_ref()))
                .and_then(|all| checked(&all, id.as_ref())),
            Err(source) => Err(StateError::Io { action: "open", path: base, source }),
        };
        match opened {
            Ok(folder) => Ok(Some(Self { folder })),
            Err(StateError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a store after making it where it is missing.
    pub fn create(home: &StateHome, id: &str) -> Result<Self, StateError> {
        let id = valid(id)?;
        let ours = state_folder(home.state_home.clone(), home.home.clone())?;
        let all = open_level(&ours, FOLDER)?;
        Ok(Self { folder: open_level(&all, id)? })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The stored credential; `None` if a crash left the store empty.
    pub fn load(&self) -> Result<Option<StoredCredential>, StateError> {
        self.read(CREDENTIAL)
    }

    /// Puts a credential in the place of the stored one: it is the old one or the new one at any time.
    pub fn promote(&self, credential: &StoredCredential) -> Result<(), StateError> {
        self.write(CREDENTIAL, credential)?;
        match self.folder.remove_file(ATTEMPTS.as_ref()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StateError::Io {
                action: "remove",
                path: self.folder.path_of(ATTEMPTS),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// What has become of attempts to renew it. A note that cannot be read is none.
    pub fn attempts(&self) -> Option<Attempts> {
        self.read(ATTEMPTS).ok().flatten()
    }

    pub fn keep_attempts(&self, attempts: &Attempts) -> Result<(), StateError> {
        self.write(ATTEMPTS, attempts)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let Some(json) = content(&self.folder, name, LIMIT)? else { return Ok(None) };
        let read = serde_json::from_slice(&json);
        read.map(Some).map_err(|_| StateError::Damaged { path: self.folder.path_of(name) })
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StateError> {
        let damaged = |_| StateError::Damaged { path: self.folder.path_of(name) };
        let json = Zeroizing::new(serde_json::to_vec(value).map_err(damaged)?);
        Ok(self.folder.replace(name, &json)?)
    }

    /// The right to renew; `None` while another process has it.
    pub fn try_lock(&self) -> Result<Option<RenewalLock>, StateError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RenewalLock { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            // A file system without locks. Who renews at the same time takes up the same request.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Some(RenewalLock { _file: None }))
            }
            Err(TryLockError::Error(source)) => {
                Err(StateError::Io { action: "lock", path: self.folder.path_of(LOCK), source })
            }
        }
    }

    fn lock_file(&self) -> Result<File, StateError> {
        let name: &OsStr = LOCK.as_ref();
        let opened = match self.folder.create_file(name, Access::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.folder.open_to_lock(name)
            }
            other => other,
        };
        opened.map_err(|source| StateError::Io {
            action: "lock",
            path: self.folder.path_of(LOCK),
            source,
        })
    }

    /// Removes the store with its key. Nothing happens if it is gone.
    pub fn remove(self) -> Result<(), StateError> {
        let failed = |source| StateError::Io {
            action: "remove",
            path: self.folder.path().to_owned(),
            source,
        };
        sweep(&self.folder);
        for file in [CREDENTIAL, ATTEMPTS, LOCK] {
            match self.folder.remove_file(file.as_ref()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let (Some(parent), Some(name)) =
            (self.folder.path().parent(), self.folder.path().file_name())
        else {
            return Ok(());
        };
        match Folder::open(parent).and_then(|parent| parent.remove_child(name)) {
            Err(error)
                if ![io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotFound]
                    .contains(&error.kind()) =>
            {
                Err(failed(error))
            }
            _ => Ok(()),
        }
    }
}
