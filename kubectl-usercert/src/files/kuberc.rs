//! The person's kuberc file, as far as it says which credential plugins may run.
//!
//! Which file counts follows `kubectl/pkg/kuberc/kuberc.go`, `LoadKuberc`. kubectl ignores a file that it
//! was not told of and cannot read, with a warning; here nothing is run then.

use std::path::{Path, PathBuf};

use usercert_core::kubeconfig::plugin_policy::{PluginPolicy, PolicyError};
use usercert_core::text::show_path;

use super::environment;
use super::reading::{ReadError, read_limited};

/// Longest file that is read, in bytes.
const LIMIT: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum KubercError {
    #[error("KUBERC=off and --kuberc cannot be combined")]
    Excluded,
    #[error("kuberc: {0}")]
    Read(#[from] ReadError),
    #[error("kuberc {}: {source}", show_path(path))]
    Policy { path: PathBuf, source: PolicyError },
}

/// The policy, and the file that states it.
#[derive(Clone, Debug, Default)]
pub struct Kuberc {
    pub path: Option<PathBuf>,
    pub policy: PluginPolicy,
}

/// What the kuberc file says that counts; `flag` is `--kuberc`.
pub fn load(flag: Option<&Path>) -> Result<Kuberc, KubercError> {
    if environment::variable("KUBECTL_KUBERC").is_some_and(|v| v.eq_ignore_ascii_case("false")) {
        return Ok(Kuberc::default());
    }
    let named = environment::variable("KUBERC");
    if named.as_deref() == Some("off") {
        return match flag {
            Some(_) => Err(KubercError::Excluded),
            None => Ok(Kuberc::default()),
        };
    }
    let explicit = flag.map(Path::to_owned).or_else(|| named.map(PathBuf::from));
    let is_explicit = explicit.is_some();
    let usual = || environment::home().map(|home| home.join(".kube").join("kuberc"));
    let Some(path) = explicit.or_else(usual) else { return Ok(Kuberc::default()) };
    let text = match read_limited(&path, LIMIT) {
        Err(error) if error.is_missing() && !is_explicit => return Ok(Kuberc::default()),
        other => other?,
    };
    let policy = PluginPolicy::read(&String::from_utf8_lossy(&text));
    let policy = policy.map_err(|source| KubercError::Policy { path: path.clone(), source })?;
    Ok(Kuberc { path: Some(path), policy })
}
