//! The kubeconfig that counts: which files, and what they say together.

use std::time::Duration;

use usercert_core::kubeconfig::merged::{Merged, ResolveError};
use usercert_core::kubeconfig::path::LoadingList;
use usercert_core::text::{show_name, show_path};

use crate::error::{Error, Result, ResultExt as _};
use crate::files::{self, environment};

/// Whether a text begins with a PEM block.
fn is_pem(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim_start().starts_with("-----BEGIN "))
}

pub struct Kubeconfig {
    pub list: LoadingList,
    pub merged: Merged,
}

impl Kubeconfig {
    pub fn read(flag: Option<&str>) -> Result<Self> {
        let list = Self::list(flag)?;
        if list.explicit
            && let Some(missing) = list.files.iter().find(|f| !f.exists())
        {
            return Err(Error::new(format!(
                "stat {}: no such file or directory",
                show_path(missing)
            ))
            .hint("check the path given with --kubeconfig"));
        }
        // kubectl empties a file before it writes it: with its lock there, that is but a moment.
        let mut sources = files::kubeconfig::read_all(&list)?;
        for _ in 0..20 {
            let emptied = sources.iter().any(|s| s.text.as_deref() == Some(""));
            if !emptied || !files::writers::is_locked(&list) {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
            sources = files::kubeconfig::read_all(&list)?;
        }
        if let Some(file) = sources.iter().find(|s| is_pem(s.text.as_deref())) {
            let file = show_path(&file.path);
            return Err(Error::usage(format!("{file} is a PEM file, not a kubeconfig"))
                .hint("to see what it is: kubectl usercert inspect FILE"));
        }
        let merged = Merged::load(&list, sources)
            .hint("fix the file, or name another one with --kubeconfig")?;
        Ok(Self { list, merged })
    }

    /// Makes sure that there is a file to report on, where $KUBECONFIG names some or one is `needed`.
    pub fn must_exist(&self, needed: bool) -> Result<()> {
        let by_variable = environment::kubeconfig().is_some_and(|value| !value.is_empty());
        if !(by_variable || needed) || self.list.files.iter().any(|file| file.exists()) {
            return Ok(());
        }
        let what = why_no_cluster(&ResolveError::Empty, &self.list);
        Err(Error::new(what.unwrap_or_default()).hint(match by_variable {
            true => "check $KUBECONFIG, or name a file with --kubeconfig",
            false => "name a file with --kubeconfig, or in $KUBECONFIG",
        }))
    }

    pub fn list(flag: Option<&str>) -> Result<LoadingList> {
        let env = environment::kubeconfig();
        let env = match &env {
            Some(value) => {
                Some(value.to_str().ok_or_else(|| Error::new("$KUBECONFIG is not UTF-8"))?)
            }
            None => None,
        };
        let separator = if cfg!(windows) { ';' } else { ':' };
        Ok(LoadingList::new(flag, env, environment::home().as_deref(), separator))
    }
}

pub(super) const NO_CLUSTER: &str = "set a context with `kubectl config use-context`, name a file with --kubeconfig,\n\
                          or work without a cluster: `kubectl usercert request NAME --offline`";

/// Why the kubeconfig leads to no cluster, if it is not simply wrong.
pub(super) fn why_no_cluster(error: &ResolveError, list: &LoadingList) -> Option<String> {
    match error {
        ResolveError::Empty => {
            let files: Vec<String> = list.files.iter().map(|file| show_path(file)).collect();
            let exist = list.files.iter().any(|file| file.exists());
            let what = if exist { "configures no cluster" } else { "does not exist" };
            Some(match files.as_slice() {
                [] => "no cluster is configured".to_owned(),
                [file] => format!("{file} {what}"),
                files => format!("each of {} {what}", files.join(", ")),
            })
        }
        ResolveError::NoCluster { context: Some(context), cluster: Some(cluster) } => {
            Some(format!(
                "the context {} names the cluster {}, which does not exist",
                show_name(context, 80),
                show_name(cluster, 80)
            ))
        }
        ResolveError::NoCluster { .. } => Some("no context is set".to_owned()),
        _ => None,
    }
}
