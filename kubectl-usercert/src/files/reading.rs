//! Reading whole files, with a limit, and without leaving copies of keys in memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use usercert_core::text::show_path;
use zeroize::Zeroizing;

use super::patience;

/// No file that people hand to the plugin is larger; 10,000 users are 53 MiB.
pub const LIMIT: usize = 512 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {}", show_path(path))]
    Io { path: PathBuf, source: io::Error },
    /// The file is larger than anything of its kind is.
    #[error("{} is larger than {limit} bytes", show_path(path))]
    TooLarge { path: PathBuf, limit: usize },
    /// What a pipe held is gone once it has been read.
    #[error(
        "{} is a pipe, which cannot be read again or changed: copy it to a file first",
        show_path(path)
    )]
    Pipe { path: PathBuf },
    /// What another file names would be waited for, or have no end.
    #[error("{} is not a regular file", show_path(path))]
    Special { path: PathBuf },
    #[error("{} is neither UTF-8 nor UTF-16 text", show_path(path))]
    NotUtf8 { path: PathBuf },
}

impl ReadError {
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// What an edit adds to a large file, mostly, without having to move it.
const ROOM: usize = 32 << 10;

fn failed(path: &Path) -> impl Fn(io::Error) -> ReadError {
    |source| ReadError::Io { path: path.to_owned(), source }
}

fn open(path: &Path) -> Result<File, ReadError> {
    patience::patiently(patience::IN_USE, || File::open(path)).map_err(failed(path))
}

/// Reads a file of up to `LIMIT` bytes.
pub fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    read_limited(path, LIMIT)
}

/// Opens what is named in another file, which may be anybody's: a regular file.
fn open_named(path: &Path) -> Result<File, ReadError> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A pipe is opened without waiting for somebody who writes.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file =
        patience::patiently(patience::IN_USE, || options.open(path)).map_err(failed(path))?;
    match file.metadata().map_err(failed(path))? {
        metadata if metadata.is_dir() => Err(failed(path)(io::ErrorKind::IsADirectory.into())),
        metadata if metadata.is_file() => Ok(file),
        _ => Err(ReadError::Special { path: path.to_owned() }),
    }
}

/// Reads a file of up to `limit` bytes that is named in another file.
pub fn read_named(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    content(open_named(path)?, path, limit)
}

/// Reads a file of up to `limit` bytes that is named in another file and holds a secret.
pub fn read_named_sensitive(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    secret(open_named(path)?, path, limit)
}

/// Reads a file of up to `limit` bytes. Pipes work too.
pub fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    content(open(path)?, path, limit)
}

fn content(file: File, path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(limit);
    let mut content = Vec::with_capacity(size.saturating_add(ROOM));
    file.take((limit as u64).saturating_add(1)).read_to_end(&mut content).map_err(failed(path))?;
    if content.len() > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

/// Reads a file of up to `limit` bytes that holds a secret; all of it in memory is wiped when dropped.
pub fn read_sensitive(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    secret(open(path)?, path, limit)
}

fn secret(file: File, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    match sensitive_content(file, limit).map_err(failed(path))? {
        Some(content) => Ok(content),
        None => Err(ReadError::TooLarge { path: path.to_owned(), limit }),
    }
}

/// How much of a secret is read before the buffer grows: what keys and requests need.
const SECRET: usize = 16 << 10;

/// Everything in `source`, or `None` if that is more than `limit` bytes. A buffer that has become too
/// small is wiped, because what grows by itself leaves copies behind.
pub(super) fn sensitive_content(
    mut source: impl Read,
    limit: usize,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut content = Zeroizing::new(vec![0; SECRET.min(limit) + 1]);
    let mut filled = 0;
    while filled <= limit {
        if filled == content.len() {
            let mut larger = Zeroizing::new(vec![0; (2 * filled).min(limit + 1)]);
            larger[..filled].copy_from_slice(&content);
            content = larger;
        }
        match source.read(&mut content[filled..]) {
            Ok(0) => {
                content.truncate(filled);
                return Ok(Some(content));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether there is a pipe at the path, as shells make for `<(…)`.
pub fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether a path leads nowhere because it, or a folder on the way, is a link to nowhere.
pub fn is_behind_a_broken_link(path: &Path) -> bool {
    let there = path.ancestors().find(|p| p.symlink_metadata().is_ok());
    there.is_some_and(|p| std::fs::metadata(p).is_err())
}

/// How long a regular file is; `None` for everything else.
pub fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
}

/// Whether people other than its owner may read a file. On Windows, administrators aside.
pub fn is_readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o044 != 0)
    }
    #[cfg(windows)]
    {
        super::access_list::is_readable_by_others(path)
    }
}

/// Who may read a new private file, in words.
pub fn privacy(path: &Path) -> &'static str {
    match is_readable_by_others(path) {
        true => "other users can read it: this file system has no permissions",
        false if cfg!(windows) => "only you can read it",
        false => "mode 0600",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_secret_is_read_whole_up_to_its_limit() {
        for size in [0, 1, SECRET, SECRET + 1, 5 * SECRET] {
            let secret: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let read = |limit| sensitive_content(secret.as_slice(), limit).unwrap();
            assert_eq!(read(size).as_deref(), Some(&secret), "{size}");
            assert_eq!(read(usize::MAX / 2).as_deref(), Some(&secret), "{size}");
            if size > 0 {
                assert!(read(size - 1).is_none(), "{size}");
            }
        }
    }
}
