//! Adding what a reply says to a kubeconfig that somebody has already.

use std::path::{Path, PathBuf};

use super::{Reply, ReplyError};
use crate::encoding::base64;
use crate::kubeconfig::edit::EditError;
use crate::kubeconfig::install::{self, ExistingEntries, InstallError, NewEntries};
use crate::kubeconfig::merged::{Merged, MergedError, SourceFile};
use crate::kubeconfig::path::LoadingList;
use crate::kubeconfig::{Endpoint, Kind};
use crate::text::sorted::BTreeMap;
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;

/// Why a kubeconfig was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] MergedError),
    /// It has something else under a name that is needed.
    #[error(transparent)]
    Plan(#[from] InstallError),
    /// It is written in a way in which nothing can be added safely.
    #[error("{} is left as it is: {}", .0.display(), .1)]
    Edit(PathBuf, EditError),
    /// The reply has no certificate.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl Reply {
    /// The text of the kubeconfig `file` with the entries of this reply and its private key (PEM).
    /// Everything else in it stays byte for byte, and so does the current context, if there is one.
    ///
    /// Only what the text itself holds is compared: entries that name files for their certificates are
    /// taken for those of others. An entry of the same person and cluster is replaced once its
    /// certificate has expired.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, and when a name or its way of writing leaves no safe place.
    pub fn added_to(
        &self,
        file: &str,
        text: String,
        key_pem: &str,
        now: UnixTime,
    ) -> Result<String, AddError> {
        let file = Path::new(file);
        let list = LoadingList { files: vec![file.to_owned()], explicit: false };
        let source = SourceFile { path: file.to_owned(), text: Some(text) };
        let merged = Merged::load(&list, vec![source])?;
        let endpoint = self.endpoint();
        let wanted = NewEntries {
            context_name: &self.context_name,
            renewed: None,
            cluster_name: &self.cluster_name,
            cluster_body: endpoint.body(),
            user_body: self.user_body(key_pem),
            namespace: self.namespace.as_deref(),
            namespace_is_asked: false,
            leaf: self.leaf()?,
            replace: true,
            // Nobody has asked the server.
            accepted: false,
            now,
            use_context: false,
        };
        let existing = existing(&merged, &endpoint, &self.context_name);
        let plan = install::plan(&merged, file, &wanted, &existing)?;
        let mut edited =
            merged.edited(&plan.edits).map_err(|(file, error)| AddError::Edit(file, error))?;
        Ok(edited.pop().map(|(_, text)| text).unwrap_or_default())
    }
}

/// What the entries themselves say.
fn existing(merged: &Merged, endpoint: &Endpoint, user: &str) -> ExistingEntries {
    let leads_there = |name: &&str| {
        merged.cluster(name).is_some_and(|mut cluster| {
            let ca = cluster.certificate_authority_data.take();
            endpoint.interchangeable(&Endpoint::new(&cluster, ca))
        })
    };
    let same_clusters =
        merged.clusters().map(|entry| entry.name).filter(leads_there).map(str::to_owned).collect();
    let mut certificates = BTreeMap::new();
    let body = merged.entry(Kind::User, user).map(|entry| entry.value());
    let data = body.as_ref().and_then(|body| body.get("client-certificate-data")?.as_str());
    let pem = data.and_then(base64::decode_lines).unwrap_or_default();
    if let Some(leaf) = Certificate::chain_from_pem(&pem).unwrap_or_default().into_iter().next() {
        certificates.insert(user.to_owned(), leaf);
    }
    ExistingEntries { same_clusters, certificates }
}
