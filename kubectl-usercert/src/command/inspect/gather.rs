//! What is to be looked at: files, directories, standard input, objects, and the files that those
//! name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use usercert_core::inspect::manifest::{self, Named};
use usercert_core::inspect::{self, FoundArtifact, Unknown};
use usercert_core::text::{show, show_list, show_path};
use zeroize::Zeroizing;

use super::stores;
use crate::cluster::{Need, Target, explain};
use crate::error::{Error, Result};
use crate::files::{reading, tree};
use crate::ui::args::ClientArgs;
use crate::ui::host::Host;

/// Longest input that is looked at, in bytes.
const LIMIT: usize = 64 << 20;
/// Longest file that is looked at because a directory holds it or another file names it, in bytes.
const LIMIT_UNASKED: u64 = 16 << 20;
/// Most that is looked at together, in bytes: what is found in it is held in memory, since one file may
/// belong to another.
const TOGETHER: usize = 512 << 20;
/// How deep a directory is looked into, and how many files of it.
const DEPTH: usize = 12;
const FILES: usize = 20_000;
/// Prefixes of objects, as kubectl takes and prints them.
const OBJECTS: [&str; 4] = [
    "csr/",
    "certificatesigningrequest/",
    "certificatesigningrequests/",
    "certificatesigningrequest.certificates.k8s.io/",
];

pub struct Source {
    pub name: String,
    path: Option<PathBuf>,
    /// What is in it; the bytes themselves are not kept.
    pub found: Result<Vec<FoundArtifact>, Unknown>,
    /// The files that it names, until they are looked at.
    mentions: Vec<Named>,
    /// Whether people other than its owner can read it.
    pub open: bool,
    /// Whether it was asked for by name, so that nothing known in it is an error.
    pub asked: bool,
    /// Whether it names files that are looked at too.
    pub names: bool,
    pub named: Vec<(String, Named)>,
    /// Other names that lead to it.
    pub links: Vec<String>,
}

pub struct Gathered {
    pub sources: Vec<Source>,
    /// Files that are named and not there, and whether a directory is.
    pub missing: Vec<(String, Named, bool)>,
    pub errors: Vec<Error>,
    /// What could not be read besides, safe to show.
    pub warnings: Vec<String>,
    /// The directory, if one is all that was asked for.
    pub root: Option<PathBuf>,
    /// Places of sources by the file that they are.
    known: HashMap<PathBuf, usize>,
    /// How many bytes more are looked at.
    room: usize,
    /// Files for which there was no room.
    too_much: Vec<String>,
}

pub async fn gather(host: &Host, wanted: &[String], client: &ClientArgs) -> Result<Gathered> {
    let mut all = Gathered::with_room(TOGETHER);
    let mut roots = Vec::new();
    for what in wanted {
        let path = Path::new(what);
        if let Some(name) = OBJECTS.iter().find_map(|prefix| what.strip_prefix(prefix)) {
            if name.is_empty() || name.contains('/') {
                return Err(Error::usage(format!(
                    "{} names no CertificateSigningRequest: write csr/NAME",
                    show(what)
                )));
            }
            if let Err(error) = all.object(client, name).await {
                all.errors.push(error);
            }
        } else if what == "-" {
            let data = Zeroizing::new(host.input(path, LIMIT)?);
            all.push("-".to_owned(), &data, None, true);
        } else if path.is_dir() {
            roots.push(path.to_owned());
            all.directory(path, |files| host.progress(&format!("{files} files read")));
            host.progress("");
        } else if let Err(error) = all.file(path, LIMIT as u64, true) {
            all.errors.push(error.into());
        }
    }
    if let ([root], 1) = (roots.as_slice(), wanted.len()) {
        all.root = Some(root.clone());
    }
    all.follow(&roots);
    all.tell_too_much();
    Ok(all)
}

impl Gathered {
    fn with_room(room: usize) -> Self {
        Self {
            sources: Vec::new(),
            missing: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            root: None,
            known: HashMap::new(),
            room,
            too_much: Vec::new(),
        }
    }

    fn tell_too_much(&mut self) {
        if self.too_much.is_empty() {
            return;
        }
        let names = show_list(self.too_much.iter().map(String::as_str), 10, 200);
        self.warnings.push(format!(
            "left out, because at most {} MiB are read in one run: {names}",
            TOGETHER >> 20
        ));
    }

    fn push(&mut self, name: String, data: &[u8], path: Option<&Path>, asked: bool) {
        let open = path.is_some_and(reading::is_readable_by_others);
        let path = path.and_then(|p| std::path::absolute(p).ok());
        self.room = self.room.saturating_sub(data.len());
        // What came by a pipe or from a cluster speaks of another machine's files and stores.
        let found = inspect::read(data).map(|found| match path {
            Some(_) => stores::opened(found),
            None => found,
        });
        let mentions = path.as_ref().map(|_| manifest::named_files(data)).unwrap_or_default();
        self.sources.push(Source {
            name,
            path,
            open,
            asked,
            names: !mentions.is_empty(),
            found,
            mentions,
            named: Vec::new(),
            links: Vec::new(),
        });
    }

    async fn object(&mut self, client: &ClientArgs, name: &str) -> Result<()> {
        let cluster = Target::resolve(client)?.connect()?;
        // A single object read from the server carries its kind.
        let object =
            cluster.get_csr(name).await.map_err(|e| explain(&e, &cluster.server, &Need::Get))?;
        let data = Zeroizing::new(object.raw().to_string().into_bytes());
        self.push(format!("csr/{}", show(name)), &data, None, true);
        Ok(())
    }

    fn directory(&mut self, path: &Path, progress: impl Fn(usize)) {
        let tree = tree::walk(path, DEPTH, FILES);
        self.warnings.extend(tree.closed.iter().map(|e| crate::error::chain(e)));
        if tree.cut {
            self.warnings.push(format!(
                "{} is read only in part: the limit is {FILES} files and {DEPTH} levels",
                show_path(path)
            ));
        }
        for (number, file) in tree.files.into_iter().enumerate() {
            if number % 100 == 99 {
                progress(number + 1);
            }
            if let Err(error) = self.file(&file, LIMIT_UNASKED, false) {
                self.warnings.push(crate::error::chain(&error));
            }
        }
    }

    /// Reads a file unless it was read under another name; gives its place among the sources.
    fn file(
        &mut self,
        path: &Path,
        limit: u64,
        asked: bool,
    ) -> Result<Option<usize>, reading::ReadError> {
        // A pipe has no canonical name.
        let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(known) = self.known.get(&file).copied() {
            let name = show_path(path);
            let source = &mut self.sources[known];
            if source.name != name && !source.links.contains(&name) {
                source.links.push(name);
            }
            return Ok(Some(known));
        }
        let size = reading::size(&file);
        if !asked && size.is_some_and(|size| size > limit) {
            return Ok(None);
        }
        if size.is_some_and(|size| size > self.room as u64) {
            let name = show_path(path);
            if asked {
                self.errors.push(Error::new(format!(
                    "{name} is left out, as it is too large; inspect it in a separate run"
                )));
            } else if !self.too_much.contains(&name) {
                self.too_much.push(name);
            }
            return Ok(None);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let data = Zeroizing::new(reading::read_limited(path, limit)?);
        self.known.insert(file, self.sources.len());
        self.push(show_path(path), &data, Some(path), asked);
        Ok(Some(self.sources.len() - 1))
    }

    /// Reads the files that the sources name, and those that these name.
    fn follow(&mut self, roots: &[PathBuf]) {
        let mut at = 0;
        while let Some(source) = self.sources.get_mut(at) {
            let mentions = std::mem::take(&mut source.mentions);
            let (by, path) = (source.name.clone(), source.path.clone().unwrap_or_default());
            for named in mentions {
                let root = roots.first().map(PathBuf::as_path);
                let candidates = manifest::candidates(&named.path, &path, root);
                let Some(found) = candidates.iter().find(|c| c.is_file()) else {
                    let is_directory = candidates.iter().any(|c| c.is_dir());
                    self.missing.push((by.clone(), named, is_directory));
                    continue;
                };
                match self.file(found, LIMIT_UNASKED, false) {
                    Ok(Some(place)) => self.sources[place].named.push((by.clone(), named)),
                    Ok(None) => {}
                    Err(error) => self.warnings.push(crate::error::chain(&error)),
                }
            }
            at += 1;
            if self.sources.len() > FILES {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for (name, size) in [("a", 4), ("b", 9), ("c", 5), ("d", 1)] {
            std::fs::write(dir.path().join(name), vec![b'x'; size]).unwrap();
        }
        let mut all = Gathered::with_room(10);
        all.directory(dir.path(), |_| {});
        assert!(all.file(&dir.path().join("b"), 100, true).unwrap().is_none());
        all.tell_too_much();
        let mark = std::path::MAIN_SEPARATOR;
        let read: Vec<&str> =
            all.sources.iter().filter_map(|s| s.name.rsplit(mark).next()).collect();
        assert_eq!(read, ["a", "c", "d"]);
        let [warning] = all.warnings.as_slice() else { panic!("{:?}", all.warnings) };
        let b = format!("{mark}b");
        assert!(warning.ends_with(&b) && warning.starts_with("left out"), "{warning}");
        assert!(all.errors[0].message.contains(&format!("{b} is left out")), "{:?}", all.errors);
    }
}
