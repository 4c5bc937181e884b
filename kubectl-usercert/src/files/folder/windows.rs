//! A path, and files that are held by the way they are opened.

use std::os::windows::fs::OpenOptionsExt as _;

use same_file::Handle;

use super::{Access, File, Folder, Hold, OsStr, OsString, Path, io};
use crate::files::access_list;
use crate::files::patience::{self, IN_USE, RENAMED_OR_REMOVED};

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// The right to change who may do what with the file.
const WRITE_DAC: u32 = 0x0004_0000;
/// What others may do meanwhile. Without the right to write, nobody else can hold the file; with that to
/// delete, it can be renamed and removed by its name.
const SHARE_READ: u32 = 1;
const SHARE_DELETE: u32 = 4;

/// Only an attempt can tell whether files can be made in a directory.
pub(super) fn is_writable(_: &Path) -> bool {
    true
}

impl Folder {
    pub fn open(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path)?.is_dir() {
            true => Ok(Self { path: path.to_owned() }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(crate) fn open_child(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        match std::fs::symlink_metadata(&path)?.is_dir() {
            true => Ok(Self { path }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(crate) fn create_child(&self, name: &OsStr) -> io::Result<()> {
        std::fs::create_dir(self.path.join(name))
    }

    pub(crate) fn create_file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        self.create(name, access, None)
    }

    /// Makes a file and holds it. What is private cannot even be read by others before it is closed.
    pub(crate) fn create_held(&self, name: &OsStr, access: Access) -> io::Result<Option<File>> {
        let share = match access {
            Access::Private => SHARE_DELETE,
            Access::Public => SHARE_DELETE | SHARE_READ,
        };
        self.create(name, access, Some(share)).map(Some)
    }

    fn create(&self, name: &OsStr, access: Access, share: Option<u32>) -> io::Result<File> {
        let path = self.path.join(name);
        let mut options = File::options();
        options.write(true).create_new(true).access_mode(GENERIC_READ | GENERIC_WRITE | WRITE_DAC);
        if let Some(share) = share {
            options.share_mode(share);
        }
        let file = options.open(&path)?;
        if access == Access::Private
            && let Err(error) = access_list::restrict(&file)
        {
            drop(file);
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(file)
    }

    /// Holds a file that is there.
    pub(crate) fn open_held(&self, name: &OsStr) -> io::Result<Hold> {
        let mut options = File::options();
        options.read(true).write(true).share_mode(SHARE_READ | SHARE_DELETE);
        match options.open(self.path.join(name)) {
            Ok(file) if file.metadata()?.is_file() => Ok(Hold::Ours(file)),
            Ok(_) => Ok(Hold::Theirs),
            Err(error) if patience::is_one_of(&error, IN_USE) => Ok(Hold::Theirs),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Hold::Gone),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let path = self.path.join(name);
        match std::fs::symlink_metadata(&path)?.is_symlink() {
            true => Err(io::ErrorKind::InvalidInput.into()),
            false => File::open(path),
        }
    }

    pub(crate) fn open_to_lock(&self, name: &OsStr) -> io::Result<File> {
        File::options().read(true).write(true).open(self.path.join(name))
    }

    pub(crate) fn has(&self, name: &OsStr) -> io::Result<bool> {
        match std::fs::symlink_metadata(self.path.join(name)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        std::fs::hard_link(self.path.join(from), self.path.join(to))
    }

    /// Renames; a file of the new name is replaced once no other program has it open.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let (from, to) = (self.path.join(from), self.path.join(to));
        patience::patiently(RENAMED_OR_REMOVED, || std::fs::rename(&from, &to))
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    pub(crate) fn remove_child(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_dir(self.path.join(name))
    }

    pub(crate) fn is(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        match Handle::from_path(self.path.join(name)) {
            Ok(there) => Ok(there == Handle::from_file(file.try_clone()?)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn modified(&self, name: &OsStr) -> io::Result<std::time::SystemTime> {
        std::fs::symlink_metadata(self.path.join(name))?.modified()
    }

    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    pub(crate) fn metadata(&self) -> io::Result<std::fs::Metadata> {
        std::fs::metadata(&self.path)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
