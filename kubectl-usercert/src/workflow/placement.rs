//! Where an installed certificate goes.

use std::path::{Path, PathBuf};

use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::install;
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::kubeconfig::path::LoadingList;
use usercert_core::kubeconfig::self_renewing::StoreReference;
use usercert_core::text::{show, show_path};

use crate::cluster::Target;
use crate::error::{Error, Result};
use crate::files::{Folder, kubeconfig};
use crate::workflow::kubeconfig_writer;

#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Name of context and user entry; USER@CLUSTER if absent.
    pub context_name: Option<String>,
    /// Namespace of the context, instead of the cluster's own.
    pub namespace: Option<String>,
    /// The user entry to renew; nothing but its certificate and key is written then.
    pub renewed: Option<String>,
    /// A file of its own, instead of the kubeconfig.
    pub standalone: Option<PathBuf>,
    /// Replace an entry of the same cluster and user.
    pub replace: bool,
    pub use_context: bool,
    /// Whether it renews itself, and where it is kept then.
    pub auto_renew: Option<AutoRenew>,
}

#[derive(Clone, Debug)]
pub enum AutoRenew {
    /// In the store of the cluster and user.
    New { kuberc: Option<PathBuf> },
    /// Where the one before was kept.
    In(StoreReference),
}

#[derive(Clone, Debug)]
pub struct ClusterEntry {
    pub endpoint: Endpoint,
    pub name: String,
    pub namespace: Option<String>,
}

impl ClusterEntry {
    pub fn of(target: &Target) -> Self {
        Self {
            endpoint: target.endpoint.clone(),
            name: target.cluster_name().to_owned(),
            namespace: target.namespace().map(str::to_owned),
        }
    }
}

/// Makes sure that a kubeconfig of its own can be written to `file`, before anything is asked for.
pub fn must_be_new(file: &Path) -> Result<()> {
    if file.as_os_str() == "-" {
        return Err(Error::usage("--standalone needs a file: the kubeconfig holds a private key")
            .hint("nothing was requested; name a file, as --standalone jane.conf"));
    }
    let there = file.symlink_metadata().is_ok().then_some("already exists");
    let Some(what) = there.or_else(|| Folder::obstacle(file)) else { return Ok(()) };
    Err(Error::new(format!("{} {what}", show_path(file)))
        .hint("nothing was requested; name another file with --standalone"))
}

/// Makes sure that no entry of this name would be in the way, before anything is asked for.
pub fn must_be_free(merged: &Merged, name: &str) -> Result<()> {
    if merged.user(name).is_none() && merged.context(name).is_none() {
        return Ok(());
    }
    Err(Error::new(format!("the kubeconfig already has an entry named {}", show(name)))
        .hint("nothing was requested; choose another name with --context-name"))
}

/// Makes sure that the kubeconfig can be written, before anything is waited for.
pub fn must_be_writable(list: &LoadingList) -> Result<()> {
    let Some((file, what)) = kubeconfig::obstacle(list) else { return Ok(()) };
    Err(Error::new(format!("the kubeconfig {} {what}", show_path(&file))).hint(
        "name another file with --kubeconfig FILE, or install into a file of its own:\n  \
         kubectl usercert install --standalone FILE",
    ))
}

/// Makes sure that a certificate for this user could be installed under this name, before anything is
/// asked for.
pub fn must_fit(target: &Target, context_name: &str, user: &str, replace: bool) -> Result<()> {
    let merged = &target.kubeconfig.merged;
    let existing = kubeconfig_writer::existing(merged, &target.endpoint, context_name);
    install::check_names(merged, context_name, user, replace, &existing).map_err(|error| {
        let Error { exit, message, hints } = kubeconfig_writer::taken(error, context_name);
        let mut error = Error { exit, message, hints: vec!["nothing was requested".to_owned()] };
        error.hints.extend(hints);
        error
    })
}
