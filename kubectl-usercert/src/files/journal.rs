//! A journal: a file of lines that only grows, so that an interrupted run can be resumed.
//!
//! `…/kubectl-usercert/onboard/<id>.jsonl`, 0600. Whoever has it open holds a lock on it. A line that a
//! power failure tore is cut off when the journal is opened next. Lines that hold a secret can be
//! blanked in place.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::folder::{Access, is_link};
use super::state::{StateError, open_level, private, state_folder, valid};

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("another run is working on {}", path.display())]
    Busy { path: PathBuf },
    #[error(transparent)]
    State(#[from] StateError),
}

/// An opened journal. Others cannot open it until it is dropped.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    end: u64,
}

impl Journal {
    /// Opens the journal of an id, or makes a new one, and gives back what is in it.
    pub fn open(
        state_home: Option<PathBuf>,
        home: Option<PathBuf>,
        id: &str,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), JournalError> {
        let folder = open_level(&state_folder(state_home, home)?, "onboard")?;
        let name = format!("{}.jsonl", valid(id)?);
        let name = std::ffi::OsStr::new(&name);
        let path = folder.path_of(name);
        let failed = |action, source| StateError::Io { action, path: path.clone(), source };
        let file = match folder.create_file(name, Access::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => folder.open_to_lock(name),
            other => other,
        };
        let mut file = match file {
            Err(error) if is_link(&error) => return Err(StateError::Kind { path }.into()),
            other => other.map_err(|e| failed("open", e))?,
        };
        let metadata = file.metadata().map_err(|e| failed("open", e))?;
        if !metadata.is_file() {
            return Err(StateError::Kind { path }.into());
        }
        private(&metadata, path.clone())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy { path }),
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => return Err(failed("lock", source).into()),
        }
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        // Room for everything, so that no copy of a key stays behind where the buffer grew.
        let mut text = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
        file.read_to_end(&mut text).map_err(|e| failed("read", e))?;
        let end = usercert_core::roster::journal::complete(&text);
        text.truncate(end);
        let end = end as u64;
        file.set_len(end).map_err(|e| failed("write", e))?;
        folder.sync().map_err(|e| failed("sync", e))?;
        Ok((Self { file, path, end }, text))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line; gives back where it begins. It is durable after [`Journal::sync`].
    pub fn append(&mut self, line: &[u8]) -> io::Result<u64> {
        let at = self.end;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(line)?;
        self.end += line.len() as u64;
        Ok(at)
    }

    pub fn blank(&mut self, at: u64, length: usize) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&vec![b' '; length])
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub fn clear(&mut self) -> io::Result<()> {
        self.blank(0, usize::try_from(self.end).unwrap_or(0))?;
        self.file.set_len(0)?;
        self.end = 0;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn lines_survive_and_torn_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Journal::open(Some(dir.path().to_owned()), None, "0123456789abcdef");
        let (mut journal, text) = open().unwrap();
        assert!(text.is_empty());
        assert!(matches!(open(), Err(JournalError::Busy { .. })));
        assert_eq!(journal.append(b"one\n").unwrap(), 0);
        assert_eq!(journal.append(b"two\n").unwrap(), 4);
        journal.blank(0, 3).unwrap();
        journal.append(b"torn").unwrap();
        drop(journal);
        let (mut journal, text) = open().unwrap();
        assert_eq!(*text, b"   \ntwo\n");
        assert_eq!(journal.append(b"three\n").unwrap(), 8);
        drop(journal);
        let (mut journal, text) = open().unwrap();
        assert_eq!(*text, b"   \ntwo\nthree\n");
        journal.clear().unwrap();
        drop(journal);
        assert!(open().unwrap().1.is_empty());
    }
}
