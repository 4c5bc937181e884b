//! Keeping the API server's AuthorizationConfiguration in step with the list of what is revoked.

use std::path::{Path, PathBuf};

use usercert_core::encoding::yaml;
use usercert_core::lifecycle::RevocationList;
use usercert_core::lifecycle::authorization::{NEVER_CALLED, edit, entries, never_called};
use usercert_core::text::show;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::authorization::{Configuration, PutError};

/// The file, and its folder as the API server sees it.
pub struct AuthorizationFile {
    file: PathBuf,
    folder: String,
}

impl AuthorizationFile {
    /// `seen_as` is the folder as the API server sees it, if not as it is here.
    pub fn new(file: &Path, seen_as: Option<&Path>) -> Result<Self> {
        let here = std::path::absolute(file)?;
        let folder = seen_as.or_else(|| here.parent()).unwrap_or(Path::new("/"));
        match folder.to_str().filter(|_| folder.is_absolute()) {
            Some(folder) => {
                Ok(Self { file: file.to_owned(), folder: folder.trim_end_matches('/').to_owned() })
            }
            None => Err(Error::usage(format!(
                "{} is not an absolute path",
                show(&folder.display().to_string())
            ))),
        }
    }

    /// The file's name, for people.
    pub fn shown(&self) -> String {
        show(&self.file.display().to_string())
    }

    /// Puts our entries in step with the list. How many there are, and whether the file was changed.
    pub fn follow(&self, list: &RevocationList, dry_run: bool) -> Result<(usize, bool)> {
        // Whoever may change the list takes entries out one by one; one that lost its test entry as well
        // was emptied.
        if !list.has_test && list.entries().len() == 0 {
            return Err(Error::new("the list of revoked certificates was emptied").hint(format!(
                "{} stays as it is; `kubectl usercert revocations install` restores the list",
                self.shown()
            )));
        }
        let file = Configuration::open(&self.file).map_err(explained)?;
        let before = file.read().map_err(explained)?;
        let ours = entries(list, &format!("{}/{NEVER_CALLED}", self.folder));
        let after = edit(&before, &ours).context(self.shown());
        let after = after.hint("it was left as it is")?;
        let changed = after != before;
        if changed && !dry_run {
            let content = yaml::to_string(&never_called());
            file.put(&before, &after, (NEVER_CALLED, &content)).map_err(explained)?;
        }
        Ok((ours.len(), changed))
    }
}

fn explained(error: PutError) -> Error {
    let remedy = error.remedy();
    Error { hints: remedy.into_iter().collect(), ..error.into() }
}
