//! The lock that kubectl takes before it changes a kubeconfig, taken so that kubectl respects it
//! and so that one left by a crash of ours is not an obstacle.
//!
//! kubectl creates `<file>.lock` exclusively, fails at once if it exists, and deletes it
//! afterwards (`client-go/tools/clientcmd/config.go`, `lockFile`). Its file is empty; if it
//! crashes, the file stays until somebody deletes it. We hold the lock when the name
//! `<file>.lock` stands for a file that has our marker in it and that we hold (`folder`: flock, or how
//! it was opened). Three rules make that safe among many processes:
//!
//! * The name only ever comes to be held. Where a second name can be given to an open file, marker and
//!   hold are made under a temporary one first, so that not even a crash leaves less.
//! * Who finds a marked file can hold it only if its holder is gone. Then it removes the name, and all
//!   begin anew.
//! * The name is removed only by who holds the file it stands for.
//!
//! Two things it cannot do. Like kubectl's, the lock belongs to the path as named, so two
//! processes that reach one file by different links do not see each other. And on a file system
//! without such locks, one that a crash has left looks held and is reported like one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::folder::{Access, Folder, Hold, split};
pub use super::marker::LockOwner;
use super::patience;
use super::temporary::{Temporary, arbitrary};

/// A file that can be held and read at the same time, which on Windows those for one person cannot.
const ACCESS: Access = if cfg!(windows) { Access::Public } else { Access::Private };
/// Longest time that a name may be neither there nor free: Windows keeps one whose file was removed
/// until everybody has closed it, and says that access is denied.
const LEAVING: Duration = Duration::from_secs(2);
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
#[must_use = "dropping it releases the locks"]
pub struct KubeconfigLock {
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    folder: Folder,
    name: OsString,
    /// It is held as long as it is open.
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
    /// Left by a crash of ours; held by us now.
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
    let marker = LockOwner::this_process().to_text();
    // On Windows the second name of an open file may outlive what it was made for.
    let temporary = match cfg!(windows) {
        true => None,
        false => Some(marked(folder, &marker).map_err(failed)?),
    };

    let mut pause = PAUSES.0;
    let mut leaving = None;
    loop {
        let busy = match try_create(folder, name, temporary.as_ref(), &marker).map_err(failed)? {
            Created::Linked => return Ok(temporary.map(Temporary::into_file)),
            Created::InPlace(file) => return Ok(Some(file)),
            Created::Leaving(source) => {
                let since = *leaving.get_or_insert_with(Instant::now);
                if since.elapsed() > LEAVING {
                    return Err(failed(source));
                }
                failed(source)
            }
            Created::Taken => {
                leaving = None;
                match look(folder, name, held) {
                    Occupant::Gone => continue,
                    Occupant::Mine => return Ok(None),
                    Occupant::Abandoned(old) => {
                        folder.remove_file(name).map_err(failed)?;
                        drop(old);
                        continue;
                    }
                    Occupant::Held(holder) => LockError::Held { path: path.to_owned(), holder },
                    Occupant::Foreign => {
                        LockError::Foreign { path: path.to_owned(), age: age(folder, name) }
                    }
                }
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

fn marked<'f>(folder: &'f Folder, marker: &str) -> io::Result<Temporary<'f>> {
    let temporary = Temporary::create(folder, ACCESS)?;
    temporary.file().write_all(marker.as_bytes())?;
    Ok(temporary)
}

enum Created {
    /// The temporary file has it now.
    Linked,
    /// A further file has it.
    InPlace(File),
    Taken,
    /// Perhaps the name of a file that was removed and is still open somewhere; or none may be made here.
    Leaving(io::Error),
}

/// Gives a file with our marker that we hold the lock's name.
fn try_create(
    folder: &Folder,
    name: &OsStr,
    temporary: Option<&Temporary<'_>>,
    marker: &str,
) -> io::Result<Created> {
    let taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    match temporary.map(|temporary| temporary.link_to(name)) {
        Some(Ok(())) => return Ok(Created::Linked),
        Some(Err(error)) if taken(&error) => return Ok(Created::Taken),
        // A file system without second names, or an error that the next call meets too.
        Some(Err(_)) | None => {}
    }
    // Here a crash before the marker is complete leaves a lock that looks foreign: it is reported
    // and left alone, which is inconvenient but safe.
    let mut file = match folder.create_held(name, ACCESS) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Created::Taken),
        Err(error) if taken(&error) => return Ok(Created::Taken),
        Err(error) if patience::is_one_of(&error, patience::RENAMED_OR_REMOVED) => {
            return Ok(Created::Leaving(error));
        }
        Err(error) => return Err(error),
    };
    if let Err(error) = file.write_all(marker.as_bytes()) {
        let _ = folder.remove_file(name);
        return Err(error);
    }
    Ok(Created::InPlace(file))
}

fn look(folder: &Folder, name: &OsStr, held: &[Held]) -> Occupant {
    let file = match folder.open_file(name) {
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
    drop(file);
    // Locks do not always reach across computers, so a free one proves nothing there.
    if holder.host != super::marker::host() {
        return Occupant::Held(holder);
    }
    match folder.open_held(name) {
        // Another file may have come to the name since.
        Ok(Hold::Ours(file)) => match LockOwner::read(&file) {
            Ok(Some(same)) if same == holder => Occupant::Abandoned(file),
            _ => Occupant::Gone,
        },
        Ok(Hold::Gone) => Occupant::Gone,
        Ok(Hold::Theirs) | Err(_) => Occupant::Held(holder),
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
