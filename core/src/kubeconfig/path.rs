//! Which kubeconfig files count, and how paths inside them are meant.
//!
//! Follows `tools/clientcmd/loader.go` (precedence, relative paths) and `tools/clientcmd/config.go`
//! (the file that `kubectl config` writes new entries to) of client-go.

use std::path::{Component, Path, PathBuf};

/// The files that make up the configuration, first one strongest.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LoadingList {
    /// The files, without duplicates; they need not exist.
    pub files: Vec<PathBuf>,
    /// Whether `--kubeconfig` named the one file, which then has to exist for reading.
    pub explicit: bool,
}

impl LoadingList {
    /// Works out the list from `--kubeconfig`, `$KUBECONFIG` and the home directory.
    ///
    /// `separator` is what divides the items of `$KUBECONFIG`: `:`, or `;` on Windows.
    pub fn new(
        flag: Option<&str>,
        kubeconfig_env: Option<&str>,
        home: Option<&Path>,
        separator: char,
    ) -> Self {
        if let Some(file) = flag.filter(|file| !file.is_empty()) {
            return LoadingList { files: vec![PathBuf::from(file)], explicit: true };
        }
        let mut files: Vec<PathBuf> = Vec::new();
        if let Some(list) = kubeconfig_env.filter(|list| !list.is_empty()) {
            for item in split_list(list, separator) {
                let item = PathBuf::from(item);
                // Compared as text, as there: Path's own equality ignores `./` and doubled slashes.
                if !files.iter().any(|file| file.as_os_str() == item.as_os_str()) {
                    files.push(item);
                }
            }
        } else if let Some(home) = home {
            files.push(home.join(".kube").join("config"));
        }
        LoadingList { files, explicit: false }
    }

    /// The file that `kubectl config` would write a new entry to.
    ///
    /// That is the only file, else the first that exists, else the last one. The API client's own
    /// rule differs (there it is the first when none exists).
    pub fn default_file(&self, exists: impl Fn(&Path) -> bool) -> Option<&Path> {
        match self.files.as_slice() {
            [only] => Some(only),
            files => files.iter().find(|file| exists(file)).or(files.last()).map(PathBuf::as_path),
        }
    }
}

/// The path that an entry of `origin` means by `path`: relative ones start at the directory of the
/// file that holds the entry. Absolute whenever `origin` is.
pub fn resolve(origin: &Path, path: &str) -> PathBuf {
    if is_absolute(Path::new(path)) {
        return PathBuf::from(path);
    }
    // On Windows `/x` is not absolute, and Go joins it like any other; joining here would start at the drive.
    clean(&directory(origin).join(path.trim_start_matches(std::path::is_separator)))
}

/// The command that an `exec` section of `origin` means: a bare name is looked up in `PATH` and
/// stays as it is, anything with a separator follows the same rule as files.
pub(crate) fn resolve_command(origin: &Path, command: &str) -> PathBuf {
    if command.chars().any(std::path::is_separator) {
        resolve(origin, command)
    } else {
        PathBuf::from(command)
    }
}

fn directory(file: &Path) -> &Path {
    file.parent().unwrap_or_else(|| Path::new(""))
}

/// `Path::is_absolute` is false for everything on bare wasm32.
fn is_absolute(path: &Path) -> bool {
    path.is_absolute() || (!cfg!(windows) && path.has_root())
}

/// Removes `.` and, where it can be done in the text, `..`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(part),
            },
            _ => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// Splits as Go's `filepath.SplitList`, without the empty items. With `;` an item may be quoted.
fn split_list(list: &str, separator: char) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut quoted = false;
    for c in list.chars() {
        if c == '"' && separator == ';' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            items.push(String::new());
        } else if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(env: &str) -> LoadingList {
        LoadingList::new(None, Some(env), Some(Path::new("/home/a")), ':')
    }

    #[test]
    fn flag_wins_over_variable_and_home() {
        let list = LoadingList::new(Some("/x"), Some("/a:/b"), Some(Path::new("/home/a")), ':');
        assert_eq!(list, LoadingList { files: vec!["/x".into()], explicit: true });
        let home = LoadingList::new(Some(""), Some(""), Some(Path::new("/home/a")), ':');
        assert_eq!(home.files, [PathBuf::from("/home/a/.kube/config")]);
        assert!(!home.explicit);
        assert_eq!(LoadingList::new(None, None, None, ':').files.len(), 0);
    }

    #[test]
    fn empty_items_and_exact_duplicates_go() {
        let files = list(":/a::/b:/a:./a:/b:").files;
        assert_eq!(files, ["/a", "/b", "./a"].map(PathBuf::from));
        assert_eq!(list("/a:/./a").files.len(), 2, "other spellings are other items");
        assert!(list(":").files.is_empty(), "a variable that is set keeps the home file out");
        let windows = LoadingList::new(None, Some(r#"C:\a;"C:\b;c";;"#), None, ';').files;
        assert_eq!(windows, [r"C:\a", r"C:\b;c"].map(PathBuf::from));
    }

    #[test]
    fn new_entries_go_to_the_first_existing_else_last_file() {
        let of = |env: &str, there: &[&str]| {
            let there: Vec<PathBuf> = there.iter().map(PathBuf::from).collect();
            list(env).default_file(|file| there.contains(&file.to_path_buf())).map(PathBuf::from)
        };
        assert_eq!(of("/a", &[]), Some("/a".into()));
        assert_eq!(of("/a:/b:/c", &["/b", "/c"]), Some("/b".into()));
        assert_eq!(of("/a:/b:/c", &[]), Some("/c".into()));
        assert_eq!(of(":", &[]), None);
    }

    #[test]
    fn relative_paths_start_at_their_own_file() {
        let origin = Path::new("/home/a/.kube/config");
        assert_eq!(resolve(origin, "ca.crt"), Path::new("/home/a/.kube/ca.crt"));
        assert_eq!(resolve(origin, "../x/./ca.crt"), Path::new("/home/a/x/ca.crt"));
        #[cfg(not(windows))]
        assert_eq!(resolve(origin, "/etc/ca.crt"), Path::new("/etc/ca.crt"));
        assert_eq!(resolve_command(origin, "aws"), Path::new("aws"));
        assert_eq!(resolve_command(origin, "bin/aws"), Path::new("/home/a/.kube/bin/aws"));
        assert_eq!(resolve_command(origin, "./aws"), Path::new("/home/a/.kube/aws"));
    }

    #[cfg(windows)]
    #[test]
    fn paths_of_windows_are_meant_as_go_means_them() {
        let origin = Path::new(r"C:\Users\a b\.kube\config");
        for (path, meant) in [
            ("ca.crt", r"C:\Users\a b\.kube\ca.crt"),
            (r"..\ca.crt", r"C:\Users\a b\ca.crt"),
            ("../x/ca.crt", r"C:\Users\a b\x\ca.crt"),
            (r"D:\ca.crt", r"D:\ca.crt"),
            ("D:/ca.crt", "D:/ca.crt"),
            (r"\\server\share\ca.crt", r"\\server\share\ca.crt"),
            (r"\\?\C:\ca.crt", r"\\?\C:\ca.crt"),
            ("/etc/ca.crt", r"C:\Users\a b\.kube\etc\ca.crt"),
        ] {
            assert_eq!(resolve(origin, path), Path::new(meant), "{path}");
        }
        assert_eq!(resolve_command(origin, r"bin\aws"), Path::new(r"C:\Users\a b\.kube\bin\aws"));
        assert_eq!(resolve_command(origin, "aws.exe"), Path::new("aws.exe"));
        let unc = Path::new(r"\\server\share\config");
        assert_eq!(resolve(unc, r"..\ca.crt"), Path::new(r"\\server\share\ca.crt"));
        let verbatim = Path::new(r"\\?\C:\kube\config");
        assert_eq!(resolve(verbatim, "ca.crt"), Path::new(r"\\?\C:\kube\ca.crt"));
    }
}
