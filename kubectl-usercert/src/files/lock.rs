//! The lock that kubectl takes before it changes a kubeconfig, taken so that kubectl respects it
//! and so that one left by a crash of ours is no obstacle.
//!
//! kubectl creates `<file>.lock` exclusively, fails at once if it exists, and deletes it
//! afterwards (`client-go/tools/clientcmd/config.go`, `lockFile`). Its file is empty; if it
//! crashes, the file stays until somebody deletes it. We hold the lock when the name
//! `<file>.lock` stands for a file that has our marker in it and on which we hold the operating
//! system's lock (flock). Three rules make that safe among many processes:
//!
//! * The name only ever comes to be with marker and flock in place: both are made under a
//!   temporary name, which is then linked to the lock's.
//! * Who finds a marked file gets its flock only if its holder is gone, and then looks once more
//!   whether the name still stands for that very file. Then it renames its own over it.
//! * The name is removed or replaced only by who holds the flock of the file it stands for.
//!
//! Two things it cannot do. Like kubectl's, the lock belongs to the path as named, so two
//! processes that reach one file by different links do not see each other. And on a file system
//! without flock, a lock left by a crash looks held and is reported like one.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::folder::{Access, Folder, split};
pub use super::marker::LockOwner;
use super::temporary::{Temporary, arbitrary};

/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(60));

/// A lock could not be had. None of our lock files are left.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process of ours works on the file. If it is on another computer, it may have
    /// crashed there: nobody here can tell.
    #[error("{} is held by {holder}", path.display())]
    Held { path: PathBuf, holder: LockOwner },
    /// The lock file is not ours: kubectl or another program works on the file or crashed.
    #[error(
        "{} was made by kubectl or another program{} and is still there",
        path.display(), Ago(*age)
    )]
    Foreign {
        path: PathBuf,
        /// How long it has been there, as far as the clock can be trusted.
        age: Option<Duration>,
    },
    #[error("cannot create the directory {}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    /// The lock file could not be created, mostly because its directory may not be written.
    #[error("cannot create {}", path.display())]
    Create { path: PathBuf, source: io::Error },
}

struct Ago(Option<Duration>);

impl std::fmt::Display for Ago {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.map(|age| age.as_secs()) {
            None => Ok(()),
            Some(s @ 0..120) => write!(f, " {s} seconds ago"),
            Some(s @ 120..7200) => write!(f, " {} minutes ago", s / 60),
            Some(s @ 7200..172_800) => write!(f, " {} hours ago", s / 3600),
            Some(s) => write!(f, " {} days ago", s / 86_400),
        }
    }
}

/// The locks of all files of a kubeconfig list. Dropping it lets go of them, last taken first.
#[derive(Debug)]
#[must_use = "dropping it lets go of the locks"]
pub struct KubeconfigLock {
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    folder: Folder,
    name: OsString,
    /// Its flock is ours as long as it is open.
    file: File,
}

impl KubeconfigLock {
    /// Takes `<file>.lock` for every file, as kubectl does: on the path as named, in sorted
    /// order, also for files that do not exist; missing directories are created (0755).
    ///
    /// Waits up to `limit` altogether; zero tries once.
    pub fn acquire(files: &[PathBuf], limit: Duration) -> Result<Self, LockError> {
        let deadline = Instant::now().checked_add(limit);
        let mut files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        // Byte order of the whole path, as Go sorts; Path compares component by component.
        files.sort_unstable_by_key(|file| file.as_os_str());
        files.dedup_by_key(|file| file.as_os_str());
        let mut lock = Self { held: Vec::new() };
        for file in files.into_iter().filter(|file| !file.as_os_str().is_empty()) {
            // On an error, dropping `lock` lets go of the ones before.
            if let Some(held) = take(file, deadline, &lock.held)? {
                lock.held.push(held);
            }
        }
        Ok(lock)
    }
}

impl Drop for KubeconfigLock {
    fn drop(&mut self) {
        while let Some(Held { folder, name, file }) = self.held.pop() {
            // Somebody may have deleted it by hand, and somebody else taken the name.
            if folder.is(&name, &file).unwrap_or(false) {
                let _ = folder.remove_file(&name);
            }
            drop(file);
        }
    }
}

enum Occupant {
    Gone,
    /// A lock of this very call under another spelling of the path.
    Mine,
    /// Left by a crash of ours; its flock is held now.
    Abandoned(File),
    Held(LockOwner),
    Foreign,
}

/// Where the lock of a file lies, for us as for kubectl.
pub(super) fn path_for(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn take(file: &Path, deadline: Option<Instant>, held: &[Held]) -> Result<Option<Held>, LockError> {
    let path = path_for(file);
    let failed = |source| LockError::Create { path: path.clone(), source };

    let (parent, name) = split(&path).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    create_directories(parent)?;
    let folder = Folder::open(parent).map_err(failed)?;
    let file = hold(&folder, name, &path, deadline, held)?;
    Ok(file.map(|file| Held { name: name.to_owned(), file, folder }))
}

/// Takes one name; `None` if this very call has it already.
fn hold(
    folder: &Folder,
    name: &OsStr,
    path: &Path,
    deadline: Option<Instant>,
    held: &[Held],
) -> Result<Option<File>, LockError> {
    let failed = |source| LockError::Create { path: path.to_owned(), source };
    let temporary = Temporary::create(folder, Access::Private).map_err(failed)?;
    let marker = LockOwner::this_process().to_text();
    temporary.file().write_all(marker.as_bytes()).map_err(failed)?;

    let mut pause = PAUSES.0;
    loop {
        match try_create(folder, name, &temporary, &marker).map_err(failed)? {
            Created::Linked => return Ok(Some(temporary.into_file())),
            Created::InPlace(file) => return Ok(Some(file)),
            Created::Taken => {}
        }
        let busy = match look(folder, name, held) {
            Occupant::Gone => continue,
            Occupant::Mine => return Ok(None),
            Occupant::Abandoned(old) => {
                let file = temporary.rename_to(name).map_err(failed)?;
                drop(old);
                return Ok(Some(file));
            }
            Occupant::Held(holder) => LockError::Held { path: path.to_owned(), holder },
            Occupant::Foreign => {
                LockError::Foreign { path: path.to_owned(), age: age(folder, name) }
            }
        };
        let left = match deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        if left.is_zero() {
            return Err(busy);
        }
        std::thread::sleep(jittered(pause).min(left));
        pause = (pause * 2).min(PAUSES.1);
    }
}

enum Created {
    /// The temporary file has it now.
    Linked,
    /// A further file has it.
    InPlace(File),
    Taken,
}

/// Gives a file with our marker and a held flock the lock's name.
fn try_create(
    folder: &Folder,
    name: &OsStr,
    temporary: &Temporary<'_>,
    marker: &str,
) -> io::Result<Created> {
    let taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    match temporary.link_to(name) {
        Ok(()) => return Ok(Created::Linked),
        Err(error) if taken(&error) => return Ok(Created::Taken),
        // A file system without second names, or an error that the next call meets too.
        Err(_) => {}
    }
    // Here a crash before the marker is complete leaves a lock that looks foreign: it is reported
    // and left alone, which is inconvenient but safe.
    let mut file = match folder.create_file(name, Access::Private) {
        Err(error) if taken(&error) => return Ok(Created::Taken),
        other => other?,
    };
    let written = match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => file.write_all(marker.as_bytes()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
    };
    if let Err(error) = written {
        let _ = folder.remove_file(name);
        return Err(error);
    }
    Ok(Created::InPlace(file))
}

fn look(folder: &Folder, name: &OsStr, held: &[Held]) -> Occupant {
    let file = match folder.open_to_lock(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Occupant::Gone,
        // kubectl's has mode 0, so that opening it fails.
        Err(_) => return Occupant::Foreign,
    };
    if held.iter().any(|held| folder.is(name, &held.file).unwrap_or(false)) {
        return Occupant::Mine;
    }
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Occupant::Foreign;
    }
    let Ok(Some(holder)) = LockOwner::read(&file) else { return Occupant::Foreign };
    // Locks do not always reach across computers, so a free one proves nothing there.
    if holder.host != super::marker::host() || file.try_lock().is_err() {
        return Occupant::Held(holder);
    }
    match folder.is(name, &file) {
        Ok(true) => Occupant::Abandoned(file),
        _ => Occupant::Gone,
    }
}

/// Whether a lock file is one of ours, held or left over.
pub(super) fn is_ours(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && File::open(path).is_ok_and(|file| matches!(LockOwner::read(file), Ok(Some(_))))
}

fn age(folder: &Folder, name: &OsStr) -> Option<Duration> {
    SystemTime::now().duration_since(folder.modified(name).ok()?).ok()
}

/// Between half of the pause and all of it, so that waiting processes do not march in step.
fn jittered(pause: Duration) -> Duration {
    pause / 2 + pause.mul_f64((arbitrary() % 1024) as f64 / 2048.0)
}

fn create_directories(path: &Path) -> Result<(), LockError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(path).map_err(|source| LockError::Directory { path: path.to_owned(), source })
}
