//! The API server's AuthorizationConfiguration: changed so that at every moment, a crash included,
//! there is one that the server takes.

use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{WriteError, create_new, replace};
use super::folder::Access;
use super::reading::{ReadError, read_limited};

/// Longest configuration that is read, in bytes.
pub const LIMIT: usize = 64 << 20;

/// Why nothing was put in place.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Somebody else has written the file meanwhile.
    #[error("{} was changed by another program meanwhile", .0.display())]
    Changed(PathBuf),
}

/// Where the configuration before the last change is kept.
pub fn last_good(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".usercert-last-good");
    name.into()
}

/// Puts a configuration in the place of the one that was read as `before`. What it refers to is there
/// first: `beside` is the path and the content of a file that it names.
pub fn put(
    file: &Path,
    before: &[u8],
    after: &[u8],
    beside: (&Path, &[u8]),
) -> Result<(), PutError> {
    let (path, content) = beside;
    match read_limited(path, LIMIT) {
        Ok(found) if found == content => {}
        Ok(_) => replace(path, content)?,
        Err(error) if error.is_missing() => match create_new(path, content, Access::Public) {
            // Another process had the same idea.
            Err(WriteError::Exists { .. }) => replace(path, content)?,
            other => other?,
        },
        Err(error) => return Err(error.into()),
    }
    replace(&last_good(file), before)?;
    if read_limited(file, LIMIT)? != before {
        return Err(PutError::Changed(file.to_owned()));
    }
    Ok(replace(file, after)?)
}

/// The text of a configuration.
pub fn read(file: &Path) -> Result<String, PutError> {
    let bytes = read_limited(file, LIMIT)?;
    String::from_utf8(bytes).map_err(|_| {
        let source = io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
        PutError::Write(WriteError::Write { path: file.to_owned(), source })
    })
}
