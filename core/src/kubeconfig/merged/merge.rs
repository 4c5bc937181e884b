//! The files read and merged, and what the whole says.

use crate::text::sorted::BTreeMap;
use std::path::{Path, PathBuf};

use super::MergedError;
use super::decode::{self, Body, Decoded};
use super::view::{Cluster, Context, MergedEntry, User};
use crate::kubeconfig::Kind;
use crate::kubeconfig::edit::{self, Edit, EditError};
use crate::kubeconfig::path::LoadingList;

/// One file of the list as it was found.
#[derive(Clone)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it; `None` when it does not exist.
    pub text: Option<String>,
}

/// The merged view.
#[derive(Clone, Default)]
pub struct Merged {
    files: Vec<SourceFile>,
    lists: [List; 3],
    current: Option<(String, PathBuf)>,
}

#[derive(Clone, Default)]
struct List {
    entries: Vec<Owned>,
    index: BTreeMap<String, usize>,
}

#[derive(Clone)]
struct Owned {
    name: String,
    /// Its file's position.
    file: usize,
    body: Body,
}

impl Merged {
    /// Reads and merges the files, in the order of the list.
    ///
    /// # Errors
    /// As kubectl: when the one named file is missing, or when any file cannot be read as a
    /// kubeconfig.
    pub fn load(list: &LoadingList, files: Vec<SourceFile>) -> Result<Self, MergedError> {
        let mut merged = Merged::default();
        for (position, SourceFile { path, text }) in files.iter().enumerate() {
            match text {
                Some(text) => merged.add(position, path, text)?,
                None if list.explicit => return Err(MergedError::Missing(path.clone())),
                None => {}
            }
        }
        merged.files = files;
        Ok(merged)
    }

    fn add(&mut self, file: usize, path: &Path, text: &str) -> Result<(), MergedError> {
        let Decoded { rest, entries: found } = decode::decode(path, text)?;
        for (List { entries, index }, found) in self.lists.iter_mut().zip(found) {
            for (name, body) in found {
                if !index.contains_key(&name) {
                    index.insert(name.clone(), entries.len());
                    entries.push(Owned { name, file, body });
                }
            }
        }
        let current = decode::text_of(&rest, "current-context");
        if self.current.is_none() && !current.is_empty() {
            self.current = Some((current.to_owned(), path.to_path_buf()));
        }
        Ok(())
    }

    /// The new texts of files with edits made, see [`edit::apply`]; a file that does not exist is
    /// begun. The view ends with this, so that no text is held twice.
    ///
    /// # Errors
    /// As there, with the file.
    pub fn edited(
        mut self,
        edits: &[(PathBuf, Vec<Edit>)],
    ) -> Result<Vec<(PathBuf, String)>, (PathBuf, EditError)> {
        let mut texts = Vec::new();
        for (path, edits) in edits {
            let source = self.files.iter_mut().find(|source| source.path == *path);
            let text = source.and_then(|source| source.text.take()).unwrap_or_default();
            let text = edit::apply_to(text, edits).map_err(|error| (path.clone(), error))?;
            texts.push((path.clone(), text));
        }
        Ok(texts)
    }

    /// The entries of a kind, in the order of the files.
    pub fn entries(&self, kind: Kind) -> impl Iterator<Item = MergedEntry<'_>> {
        self.lists[kind.index()].entries.iter().filter_map(move |entry| self.seen(kind, entry))
    }

    /// The clusters.
    pub fn clusters(&self) -> impl Iterator<Item = MergedEntry<'_>> {
        self.entries(Kind::Cluster)
    }

    /// The users.
    pub fn users(&self) -> impl Iterator<Item = MergedEntry<'_>> {
        self.entries(Kind::User)
    }

    /// The contexts.
    pub fn contexts(&self) -> impl Iterator<Item = MergedEntry<'_>> {
        self.entries(Kind::Context)
    }

    /// An entry by name.
    pub fn entry(&self, kind: Kind, name: &str) -> Option<MergedEntry<'_>> {
        let list = &self.lists[kind.index()];
        let entry = list.index.get(name).and_then(|position| list.entries.get(*position));
        entry.and_then(|entry| self.seen(kind, entry))
    }

    fn seen<'a>(&'a self, kind: Kind, entry: &'a Owned) -> Option<MergedEntry<'a>> {
        let SourceFile { path, text } = self.files.get(entry.file)?;
        let text = text.as_deref().unwrap_or_default();
        Some(MergedEntry { name: &entry.name, file: path, kind, body: &entry.body, text })
    }

    /// A cluster by name, with its paths resolved.
    pub fn cluster(&self, name: &str) -> Option<Cluster> {
        self.entry(Kind::Cluster, name).map(Cluster::read)
    }

    /// A user by name, with its paths resolved.
    pub fn user(&self, name: &str) -> Option<User> {
        self.entry(Kind::User, name).map(User::read)
    }

    /// A context by name.
    pub fn context(&self, name: &str) -> Option<Context> {
        self.entry(Kind::Context, name).map(Context::read)
    }

    /// The current context, unless no file sets one.
    pub fn current_context(&self) -> Option<&str> {
        self.current.as_ref().map(|(name, _)| name.as_str())
    }

    /// The first file that sets a current context: the one to clear it in.
    pub fn current_context_file(&self) -> Option<&Path> {
        self.current.as_ref().map(|(_, file)| file.as_path())
    }

    /// Whether no file says anything that could be connected with.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.lists.iter().all(|list| list.entries.is_empty())
    }

    /// The file that a change to this entry goes to: where it is, else the default file.
    pub fn destination(&self, kind: Kind, name: &str, default_file: &Path) -> PathBuf {
        self.entry(kind, name).map_or(default_file, |entry| entry.file).to_path_buf()
    }
}
