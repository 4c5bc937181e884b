//! Reading the files of a kubeconfig list and changing them under kubectl's lock.
//!
//! What changes is decided elsewhere, from the texts alone (`usercert_core::kubeconfig`); this
//! module sees to it that the decision is made on what is in the files at that moment and that
//! nothing is lost on the way to the disk.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use usercert_core::encoding::utf16::Utf16;
use usercert_core::kubeconfig::merged::SourceFile;
use usercert_core::kubeconfig::path::LoadingList;

use super::atomic::{WriteError, replace};
use super::folder::Folder;
use super::lock::{KubeconfigLock, LockError};
use super::reading::{ReadError, is_pipe, read};

/// A kubeconfig could not be changed. Files that are not in `written` are as before.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E: std::error::Error> {
    /// Somebody else writes, or the directory may not be written.
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The change cannot be made on what the files hold now.
    #[error(transparent)]
    Decide(E),
    /// The change names a file that is not in the list, so it is not locked.
    #[error("{} is not one of the kubeconfig files in use", path.display())]
    NotInList { path: PathBuf },
    #[error("the kubeconfig was changed only in part")]
    Write { source: WriteError, written: Vec<PathBuf> },
}

/// Reads all files of the list; one that does not exist has no text.
pub fn read_all(list: &LoadingList) -> Result<Vec<SourceFile>, ReadError> {
    list.files.iter().map(|path| read_one(path)).collect()
}

/// How the file at the path is written, if it is there and not in UTF-8.
fn encoding(path: &Path) -> Option<Utf16> {
    let mut mark = [0; 2];
    File::open(path).ok()?.read_exact(&mut mark).ok()?;
    Utf16::of(&mark)
}

/// The text as the file at the path is written.
fn encoded<'t>(path: &Path, text: &'t str) -> Cow<'t, [u8]> {
    match encoding(path) {
        Some(encoding) => encoding.encode(text).into(),
        None => text.as_bytes().into(),
    }
}

fn read_one(path: &Path) -> Result<SourceFile, ReadError> {
    let text = match read(path) {
        Ok(bytes) => {
            let text = match Utf16::of(&bytes) {
                Some(encoding) => encoding.decode(&bytes),
                None => String::from_utf8(bytes).ok(),
            };
            Some(text.ok_or_else(|| ReadError::NotUtf8 { path: path.to_owned() })?)
        }
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error),
    };
    Ok(SourceFile { path: path.to_owned(), text })
}

/// What keeps a new entry from being written into the kubeconfig, if anything does; nothing is changed.
pub fn obstacle(list: &LoadingList) -> Option<(PathBuf, &'static str)> {
    let file = list.default_file(Path::exists)?;
    let denied = |error: io::Error| {
        matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
    };
    // Opening a pipe would wait for its other end.
    let opened = file.is_file().then(|| File::options().write(true).open(file));
    let closed = opened.and_then(Result::err).is_some_and(denied);
    let closed = closed.then_some("may not be written by you");
    // As kubectl config does, writing makes all directories above it.
    let missing = |path: &&Path| !path.exists();
    let highest = file.ancestors().take_while(missing).filter(|path| path.file_name().is_some());
    let what = closed.or_else(|| Folder::obstacle(highest.last().unwrap_or(file)))?;
    Some((file.to_owned(), what))
}

/// Locks all files of the list, reads them, asks `decide` for new texts and writes those in the
/// order given.
///
/// Returns the files that were written. `decide` must not wait for anything: kubectl fails as
/// long as the lock is held.
pub fn update<E: std::error::Error>(
    list: &LoadingList,
    limit: Duration,
    decide: impl FnOnce(Vec<SourceFile>) -> Result<Vec<(PathBuf, String)>, E>,
) -> Result<Vec<PathBuf>, UpdateError<E>> {
    let written = update_and_keep(list, limit, decide)?;
    Ok(written.into_iter().map(|(path, _)| path).collect())
}

/// [`update`] that also returns what was written, for [`all_hold`].
pub fn update_and_keep<E: std::error::Error>(
    list: &LoadingList,
    limit: Duration,
    decide: impl FnOnce(Vec<SourceFile>) -> Result<Vec<(PathBuf, String)>, E>,
) -> Result<Vec<(PathBuf, String)>, UpdateError<E>> {
    if let Some(pipe) = list.files.iter().find(|file| is_pipe(file)) {
        return Err(ReadError::Pipe { path: pipe.clone() }.into());
    }
    let lock = KubeconfigLock::acquire(&list.files, limit)?;
    let changes = decide(read_all(list)?).map_err(UpdateError::Decide)?;
    if let Some((path, _)) = changes.iter().find(|(path, _)| !list.files.contains(path)) {
        return Err(UpdateError::NotInList { path: path.clone() });
    }
    for (done, (path, text)) in changes.iter().enumerate() {
        if let Err(source) = replace(path, &encoded(path, text)) {
            let written = changes.into_iter().take(done).map(|(path, _)| path).collect();
            return Err(UpdateError::Write { source, written });
        }
    }
    drop(lock);
    Ok(changes)
}

pub fn all_hold(files: &[(PathBuf, String)]) -> bool {
    files.iter().all(|(path, text)| holds(path, &encoded(path, text)).unwrap_or(false))
}

fn holds(path: &Path, mut text: &[u8]) -> std::io::Result<bool> {
    let mut file = BufReader::with_capacity(256 * 1024, File::open(path)?);
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(text.is_empty());
        }
        let Some(rest) = text.strip_prefix(part) else { return Ok(false) };
        text = rest;
        let length = part.len();
        file.consume(length);
    }
}

/// Why nobody can say whether a change is still there.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The files could not be read while nobody writes, because somebody does all the time.
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Whether a change is still in the files some time after it was written. kubectl reads before it
/// takes the lock and then removes what it did not see, so another writer may have undone it.
///
/// kubectl also truncates before it writes. So if `check` fails on a plain read, the files are
/// read once more under the lock, and that answer counts.
pub fn verify_still_there(
    list: &LoadingList,
    limit: Duration,
    mut check: impl FnMut(Vec<SourceFile>) -> bool,
) -> Result<bool, VerifyError> {
    if read_all(list).is_ok_and(&mut check) {
        return Ok(true);
    }
    let lock = KubeconfigLock::acquire(&list.files, limit)?;
    let files = read_all(list)?;
    drop(lock);
    Ok(check(files))
}
