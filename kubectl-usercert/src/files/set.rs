//! New files that belong together, as a private key and its certificate: all of them or none, also where
//! the process is killed between two.
//!
//! Before the first is made, a note beside it says what each will hold. Its maker holds a lock on the
//! note. Whoever finds one that nobody holds removes the files that hold what it says, unless all do.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{WriteError, create_new};
use super::folder::{Access, Folder, split};
use super::reading;

/// A file to be made.
pub struct NewFile<'a> {
    pub path: &'a Path,
    pub content: &'a [u8],
    pub access: Access,
}

/// What a note says of a file.
#[derive(Deserialize, Serialize)]
struct Planned {
    path: PathBuf,
    sha256: String,
}

const SUFFIX: &str = ".kubectl-usercert-set";
/// Longest note and longest file that is compared with one, in bytes.
const LIMIT: usize = 1 << 20;

/// Makes all of the files, none of which may exist.
pub fn create(files: &[NewFile<'_>]) -> Result<(), WriteError> {
    let Some(first) = files.first() else { return Ok(()) };
    undo_interrupted(first.path);
    let (parent, _) =
        split(first.path).ok_or_else(|| WriteError::NotRegular { path: first.path.to_owned() })?;
    let opened = |source| WriteError::Open { path: parent.to_owned(), source };
    let folder = Folder::open_or_create(parent).map_err(opened)?;
    let note = Note::make(&folder, first.path, files).map_err(opened)?;
    for (number, file) in files.iter().enumerate() {
        match create_new(file.path, file.content, file.access) {
            Ok(()) => {}
            // The file is there; only its name may not outlive a power failure.
            Err(error @ WriteError::Sync { .. }) => return Err(error),
            Err(error) => {
                // These were made above, by this process and exclusively.
                for made in files.iter().take(number) {
                    let _ = std::fs::remove_file(made.path);
                }
                return Err(error);
            }
        }
    }
    drop(note);
    Ok(())
}

/// Removes what a run left behind that was killed while it made the set of files that begins with
/// `first`. Never fails: what cannot be removed is in the way, as any other file.
pub fn undo_interrupted(first: &Path) {
    let Some((parent, name)) = note_of(first) else { return };
    let Ok(folder) = Folder::open(parent) else { return };
    let Ok(file) = folder.open_to_lock(&name) else { return };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file || file.try_lock().is_err() || !folder.is(&name, &file).unwrap_or(false) {
        return;
    }
    let mut text = Vec::new();
    let limit = LIMIT as u64;
    // A note that was not finished came before the first file.
    let read = (&file).take(limit).read_to_end(&mut text);
    let planned = read.ok().and_then(|_| serde_json::from_slice::<Vec<Planned>>(&text).ok());
    let planned = planned.unwrap_or_default();
    let made = |planned: &&Planned| {
        let content = reading::read_limited(&planned.path, LIMIT);
        content.is_ok_and(|content| hash(&content) == planned.sha256)
    };
    let (made, missing): (Vec<&Planned>, Vec<&Planned>) = planned.iter().partition(made);
    if !missing.is_empty() {
        for made in made {
            let _ = std::fs::remove_file(&made.path);
        }
    }
    let _ = folder.remove_file(&name);
}

fn note_of(first: &Path) -> Option<(&Path, OsString)> {
    let (parent, name) = split(first)?;
    let mut note = OsString::from(".");
    note.push(name);
    note.push(SUFFIX);
    Some((parent, note))
}

fn hash(content: &[u8]) -> String {
    usercert_core::x509::code::sha256_hex(content)
}

/// What a note holds.
fn plan(files: &[NewFile<'_>]) -> io::Result<Vec<u8>> {
    let planned = files.iter().map(|file| {
        let path = std::path::absolute(file.path)?;
        Ok(Planned { path, sha256: hash(file.content) })
    });
    Ok(serde_json::to_vec(&planned.collect::<io::Result<Vec<_>>>()?)?)
}

/// A note that goes when it is dropped.
struct Note<'f> {
    folder: &'f Folder,
    name: OsString,
    /// With its lock.
    _file: File,
}

impl<'f> Note<'f> {
    fn make(folder: &'f Folder, first: &Path, files: &[NewFile<'_>]) -> io::Result<Self> {
        let (_, name) = note_of(first).ok_or(io::ErrorKind::InvalidInput)?;
        let plan = plan(files)?;
        let mut file = folder.create_file(&name, Access::Private)?;
        // Where there are no locks, nobody can tell a note that was left behind.
        let _ = file.try_lock();
        let note = Self { folder, name, _file: file.try_clone()? };
        file.write_all(&plan)?;
        file.sync_all()?;
        Ok(note)
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        // Left behind, it would be found by the next run.
        let _ = self.folder.remove_file(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair<'a>(key: &'a Path, certificate: &'a Path) -> [NewFile<'a>; 2] {
        [
            NewFile { path: key, content: b"key", access: Access::Private },
            NewFile { path: certificate, content: b"certificate", access: Access::Public },
        ]
    }

    #[test]
    fn all_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let (key, certificate) = (dir.path().join("k"), dir.path().join("c"));
        create(&pair(&key, &certificate)).unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), b"key");
        assert_eq!(std::fs::read(&certificate).unwrap(), b"certificate");
        let other = dir.path().join("other");
        assert!(create(&pair(&other, &certificate)).is_err());
        assert!(create(&pair(&key, &other)).is_err());
        assert!(!other.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn only_what_an_interrupted_run_made_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (key, certificate) = (dir.path().join("k"), dir.path().join("c"));
        let folder = Folder::open(dir.path()).unwrap();
        let files = pair(&key, &certificate);
        let held = Note::make(&folder, &key, &files).unwrap();
        std::fs::write(&key, "key").unwrap();
        undo_interrupted(&key);
        assert!(key.exists(), "whoever makes it is alive");
        drop(held);
        let note = dir.path().join(note_of(&key).unwrap().1);
        let left_behind = || std::fs::write(&note, plan(&files).unwrap()).unwrap();
        left_behind();
        std::fs::write(&key, "somebody's own").unwrap();
        undo_interrupted(&key);
        assert!(key.exists() && !note.exists());
        left_behind();
        std::fs::write(&key, "key").unwrap();
        std::fs::write(&certificate, "certificate").unwrap();
        undo_interrupted(&key);
        assert!(key.exists() && certificate.exists() && !note.exists(), "it was whole");
        left_behind();
        std::fs::remove_file(&certificate).unwrap();
        undo_interrupted(&key);
        assert!(!key.exists() && !note.exists());
    }
}
