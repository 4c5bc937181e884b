//! Which kubeconfig entries a new certificate needs, and which existing ones must not be touched.
//!
//! An existing cluster entry is never changed or shadowed: whoever could change it would receive the
//! credentials of every context that uses it. A user or context entry is replaced only when asked to,
//! and only where it belongs to the same cluster and the same person.

use crate::text::sorted::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kubeconfig::edit::Edit;
use crate::kubeconfig::merged::Merged;
use crate::kubeconfig::{Kind, context_body};
use crate::text::show;
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::code;

/// The entries that a certificate needs.
#[derive(Clone)]
pub struct NewEntries<'a> {
    /// Name of the context and, unless one is renewed, of the user entry.
    pub context_name: &'a str,
    /// The user entry whose certificate and key are renewed; nothing else is written then.
    pub renewed: Option<&'a str>,
    /// Name of the cluster entry, if it is free or already leads there.
    pub cluster_name: &'a str,
    /// Body of the cluster entry.
    pub cluster_body: Value,
    /// Body of the user entry, with the key.
    pub user_body: Value,
    /// Namespace of the context.
    pub namespace: Option<&'a str>,
    /// Whether that namespace was asked for, so that it takes the place of another.
    pub namespace_is_asked: bool,
    /// The issued certificate.
    pub leaf: &'a Certificate,
    /// Replace an entry of the same cluster and person.
    pub replace: bool,
    /// Whether a server has accepted the certificate, or a person has said that none is to be asked.
    pub accepted: bool,
    /// The present time.
    pub now: UnixTime,
    /// Make it the current context.
    pub use_context: bool,
}

impl NewEntries<'_> {
    fn user_name(&self) -> &str {
        self.renewed.unwrap_or(self.context_name)
    }
}

/// What is known of the existing entries beyond their text.
#[derive(Clone, Debug, Default)]
pub struct ExistingEntries {
    /// Cluster entries that lead to the same server with the same CA.
    pub same_clusters: BTreeSet<String>,
    /// The certificates that user entries hold or name.
    pub certificates: BTreeMap<String, Certificate>,
}

/// Why there is no safe way to write the entries.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InstallError {
    /// The name belongs to somebody or something else.
    #[error("the kubeconfig already has a {kind} named {}, {what}", show(.name))]
    Taken {
        /// User, context or cluster.
        kind: Kind,
        /// Its name.
        name: String,
        /// What it is.
        what: String,
        /// Whether `--replace` would do.
        replaceable: bool,
    },
    /// No server has accepted the new certificate, and the one in its place is still valid.
    #[error(
        "no server has accepted the new certificate yet, so the one in the user entry {}, valid until {until}, stays",
        show(.name)
    )]
    Unproven {
        /// The user entry.
        name: String,
        /// Until when the certificate in it is valid.
        until: UnixTime,
    },
    /// The entry that was to be renewed is gone.
    #[error("the kubeconfig no longer has a user entry {}", show(.0))]
    Gone(String),
}

/// What to write where.
#[derive(Clone, Debug, PartialEq)]
pub struct InstallPlan {
    /// Edits by file, files and edits in the order in which they are written.
    pub edits: Vec<(PathBuf, Vec<Edit>)>,
    /// The cluster entry that the context will use.
    pub cluster_name: String,
    /// Whether the context becomes the current one.
    pub made_current: bool,
    /// Whether it is the current one then.
    pub is_current: bool,
}

/// Plans the entries, against the merged view of all files.
///
/// # Errors
/// When a name is taken by something else.
pub fn plan(
    merged: &Merged,
    default_file: &Path,
    wanted: &NewEntries<'_>,
    existing: &ExistingEntries,
) -> Result<InstallPlan, InstallError> {
    if let Some(user) = wanted.renewed {
        return renewal(merged, default_file, user, wanted, existing);
    }
    let (cluster_name, add_cluster) = choose_cluster(merged, wanted, existing)?;
    check_user(merged, wanted, existing)?;
    let name = wanted.context_name;
    check_context(merged, name, existing)?;
    let context = context(merged, wanted, &cluster_name);
    let mut edits: Vec<(PathBuf, Vec<Edit>)> = Vec::new();
    let mut add = |file: PathBuf, edit: Edit| match edits.iter_mut().find(|(f, _)| *f == file) {
        Some((_, list)) => list.push(edit),
        None => edits.push((file, vec![edit])),
    };
    let place = |kind, name: &str| merged.destination(kind, name, default_file);
    let body = wanted.user_body.clone();
    add(place(Kind::User, name), Edit::Set { kind: Kind::User, name: name.to_owned(), body });
    if add_cluster {
        let (name, body) = (cluster_name.clone(), wanted.cluster_body.clone());
        add(place(Kind::Cluster, &name), Edit::Set { kind: Kind::Cluster, name, body });
    }
    add(
        place(Kind::Context, name),
        Edit::Set { kind: Kind::Context, name: name.to_owned(), body: context },
    );
    // Where there is no other context to choose, kubectl would talk to localhost:8080.
    let first = merged.current_context().is_none() && merged.contexts().next().is_none();
    let made_current = wanted.use_context || first;
    if made_current {
        add(default_file.to_owned(), Edit::SetCurrentContext(name.to_owned()));
    }
    let is_current = made_current || merged.current_context() == Some(name);
    Ok(InstallPlan { edits, cluster_name, made_current, is_current })
}

/// Finds out, before a certificate for this user is asked for, whether what has its name would be in the
/// way.
///
/// # Errors
/// When a name is taken by something else.
pub fn check_names(
    merged: &Merged,
    context_name: &str,
    user: &str,
    replace: bool,
    existing: &ExistingEntries,
) -> Result<(), InstallError> {
    check_owner(merged, context_name, user, replace, existing)?;
    check_context(merged, context_name, existing)
}

/// The body of the context. What one of that name says besides stays, its namespace too unless another was
/// asked for.
fn context(merged: &Merged, wanted: &NewEntries<'_>, cluster: &str) -> Value {
    let name = wanted.context_name;
    let Some(Value::Object(mut old)) =
        merged.entry(Kind::Context, name).map(|e| e.value().into_owned())
    else {
        return context_body(cluster, name, wanted.namespace);
    };
    if let Some(namespace) = wanted.namespace
        && (wanted.namespace_is_asked || !old.contains_key("namespace"))
    {
        old.insert("namespace".to_owned(), namespace.into());
    }
    old.insert("cluster".to_owned(), cluster.into());
    old.insert("user".to_owned(), name.into());
    old.into()
}

fn renewal(
    merged: &Merged,
    default_file: &Path,
    user: &str,
    wanted: &NewEntries<'_>,
    existing: &ExistingEntries,
) -> Result<InstallPlan, InstallError> {
    if merged.user(user).is_none() {
        return Err(InstallError::Gone(user.to_owned()));
    }
    check_user(merged, wanted, existing)?;
    let edit =
        Edit::Set { kind: Kind::User, name: user.to_owned(), body: wanted.user_body.clone() };
    Ok(InstallPlan {
        edits: vec![(merged.destination(Kind::User, user, default_file), vec![edit])],
        cluster_name: wanted.cluster_name.to_owned(),
        made_current: false,
        is_current: merged.current_context() == Some(wanted.context_name),
    })
}

/// A context through which the user entry is used for another cluster.
pub fn used_elsewhere(merged: &Merged, user: &str, existing: &ExistingEntries) -> Option<String> {
    let elsewhere = |name: &&str| {
        merged
            .context(name)
            .is_some_and(|c| c.user == user && !existing.same_clusters.contains(&c.cluster))
    };
    merged.contexts().map(|c| c.name).find(elsewhere).map(str::to_owned)
}

/// The cluster entry's name and whether it is to be added.
fn choose_cluster(
    merged: &Merged,
    wanted: &NewEntries<'_>,
    existing: &ExistingEntries,
) -> Result<(String, bool), InstallError> {
    let plain = wanted.cluster_name;
    if existing.same_clusters.contains(plain) {
        return Ok((plain.to_owned(), false));
    }
    if let Some(same) = existing.same_clusters.first() {
        return Ok((same.clone(), false));
    }
    if merged.cluster(plain).is_none() {
        return Ok((plain.to_owned(), true));
    }
    let digest = code::sha256_hex(wanted.cluster_body.to_string().as_bytes());
    let other = format!("{plain}-{}", digest.get(..5).unwrap_or(&digest));
    if merged.cluster(&other).is_some() {
        return Err(taken(Kind::Cluster, &other, "which leads elsewhere", false));
    }
    Ok((other, true))
}

fn taken(kind: Kind, name: &str, what: &str, replaceable: bool) -> InstallError {
    InstallError::Taken { kind, name: name.to_owned(), what: what.to_owned(), replaceable }
}

/// Makes sure that an existing user entry may be replaced.
fn check_user(
    merged: &Merged,
    wanted: &NewEntries<'_>,
    existing: &ExistingEntries,
) -> Result<(), InstallError> {
    let (name, replace) = (wanted.user_name(), wanted.replace || wanted.renewed.is_some());
    let old = existing.certificates.get(name).filter(|_| merged.entry(Kind::User, name).is_some());
    if old.is_some_and(|old| old.der == wanted.leaf.der) {
        return Ok(());
    }
    check_owner(merged, name, wanted.leaf.subject.user(), replace, existing)?;
    match old {
        Some(old) if !wanted.accepted && wanted.now <= old.not_after => {
            Err(InstallError::Unproven { name: name.to_owned(), until: old.not_after })
        }
        _ => Ok(()),
    }
}

/// Makes sure that an existing user entry is this user's on this cluster, and may be replaced.
fn check_owner(
    merged: &Merged,
    name: &str,
    user: &str,
    replace: bool,
    existing: &ExistingEntries,
) -> Result<(), InstallError> {
    if merged.entry(Kind::User, name).is_none() {
        return Ok(());
    }
    let Some(old) = existing.certificates.get(name) else {
        return Err(taken(Kind::User, name, "which holds no certificate", false));
    };
    if old.subject.user() != user {
        let what = format!("whose certificate is for the user {}", show(old.subject.user()));
        return Err(taken(Kind::User, name, &what, false));
    }
    // The entry's own context tells which cluster its certificate is for.
    if used_elsewhere(merged, name, existing).is_some() {
        return Err(taken(Kind::User, name, "which is used for another cluster", false));
    }
    if !replace {
        let what =
            format!("with a certificate for {} until {}", show(old.subject.user()), old.not_after);
        return Err(taken(Kind::User, name, &what, true));
    }
    Ok(())
}

/// Makes sure that an existing context is for the same cluster and user entry.
fn check_context(
    merged: &Merged,
    name: &str,
    existing: &ExistingEntries,
) -> Result<(), InstallError> {
    let Some(context) = merged.context(name) else { return Ok(()) };
    if !existing.same_clusters.contains(&context.cluster) {
        let what = format!("for the cluster {}", show(&context.cluster));
        return Err(taken(Kind::Context, name, &what, false));
    }
    if context.user != name {
        let what = format!("for the user entry {}", show(&context.user));
        return Err(taken(Kind::Context, name, &what, false));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
