//! The files below a directory.

use std::path::{Path, PathBuf};

use super::ReadError;

#[derive(Debug, Default)]
pub struct Tree {
    /// Regular files and links to them, sorted by path.
    pub files: Vec<PathBuf>,
    pub closed: Vec<ReadError>,
    /// Whether there is more than the limits allow.
    pub cut: bool,
}

/// Walks `top`, at most so deep and to so many files. Links to directories are not followed.
pub fn walk(top: &Path, depth: usize, most: usize) -> Tree {
    let mut tree = Tree::default();
    visit(top, depth, most, &mut tree);
    tree
}

fn visit(folder: &Path, depth: usize, most: usize, tree: &mut Tree) {
    let failed = |source| ReadError::Io { path: folder.to_owned(), source };
    let mut entries: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(error) => return tree.closed.push(failed(error)),
    };
    entries.sort();
    for path in entries {
        if tree.files.len() >= most {
            tree.cut = true;
            return;
        }
        if path.is_file() {
            tree.files.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            match depth {
                0 => tree.cut = true,
                _ => visit(&path, depth - 1, most, tree),
            }
        }
    }
}
