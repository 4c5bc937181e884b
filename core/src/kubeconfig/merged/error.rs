//! Why files give no configuration.

use std::fmt;
use std::path::PathBuf;

use crate::encoding::yaml::YamlError;

/// Why the files give no configuration. Never holds anything of a file's content but entry and
/// field names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergedError {
    /// The file that `--kubeconfig` names does not exist.
    #[error("stat {}: no such file or directory", .0.display())]
    Missing(PathBuf),
    /// A file is no YAML.
    #[error("{}: {source}", file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: YamlError,
    },
    /// A field has a value of another type.
    #[error("{}: {field} must be {expected}", file.display())]
    Type {
        /// The file.
        file: PathBuf,
        /// The field, as a path such as `users[3].user.token`.
        field: String,
        /// What it must be, as `a string`.
        expected: &'static str,
    },
    /// A name is twice in one list of one file.
    #[error("{}: {section} holds the name {name:?} twice{}", file.display(), Lines(*lines))]
    Duplicate {
        /// The file.
        file: PathBuf,
        /// The list.
        section: String,
        /// The name.
        name: String,
        /// Both lines, where they are known.
        lines: Option<(usize, usize)>,
    },
    /// The file is something else, or of a version that nobody knows.
    #[error("{}: is {found}, not a kubeconfig of version v1", file.display())]
    NotKubeconfig {
        /// The file.
        file: PathBuf,
        /// Its kind and version.
        found: String,
    },
}

struct Lines(Option<(usize, usize)>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |(first, second)| write!(f, ", in lines {first} and {second}"))
    }
}
