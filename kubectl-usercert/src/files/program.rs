//! Programs: where one is found, and by which path this one can be named for good.

use std::path::{Path, PathBuf};

use super::environment;

/// The path of a program by its path or by its name on the PATH (`Go: os/exec.LookPath`).
pub fn find(name: &str) -> Option<PathBuf> {
    if name.chars().any(std::path::is_separator) {
        return executable(Path::new(name));
    }
    let path = std::env::var_os("PATH")?;
    // As Go does, nothing is run from a folder that is named relatively.
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| executable(&folder.join(name)))
}

#[cfg(unix)]
fn executable(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then(|| path.to_owned())
}

#[cfg(not(unix))]
fn executable(path: &Path) -> Option<PathBuf> {
    if path.extension().is_some() {
        return path.is_file().then(|| path.to_owned());
    }
    let endings =
        environment::variable("PATHEXT").unwrap_or_else(|| ".COM;.EXE;.BAT;.CMD".to_owned());
    endings
        .split(';')
        .map(|ending| path.with_extension(ending.trim_start_matches('.')))
        .find(|path| path.is_file())
}

/// A path of this program that stays when a newer version takes its place: krew's link, then one on the
/// PATH, each if it leads here, and else where it lies.
pub fn own_path() -> std::io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let real = std::fs::canonicalize(&here)?;
    let leads_here = |path: &PathBuf| std::fs::canonicalize(path).is_ok_and(|path| path == real);
    let name = format!("kubectl-usercert{}", std::env::consts::EXE_SUFFIX);
    let krew = std::env::var_os("KREW_ROOT").map(PathBuf::from);
    let krew = krew.or_else(|| Some(environment::home()?.join(".krew")));
    let krew = krew.map(|root| root.join("bin").join(&name)).filter(|path| path.is_absolute());
    let found = krew.into_iter().chain(find(&name)).find(leads_here);
    Ok(found.unwrap_or(here))
}
