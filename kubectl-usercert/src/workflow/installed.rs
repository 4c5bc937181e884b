//! What the kubeconfig holds already of what is to be installed.

use usercert_core::kubeconfig::merged::Merged;
use usercert_core::kubeconfig::{Endpoint, UserEntry, self_renewing};
use usercert_core::text::show;
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::Kubeconfig;
use crate::error::{Error, Result, ResultExt as _};
use crate::files::named;
use crate::keys::PrivateKey;
use crate::workflow::kubeconfig_writer;

/// The contexts and their certificates.
fn certificates(merged: &Merged) -> impl Iterator<Item = (&str, Certificate)> {
    merged.contexts().filter_map(|entry| {
        let user = merged.user(&merged.context(entry.name)?.user)?;
        let UserEntry { leaf, .. } = named::user_entry(&user);
        Some((entry.name, leaf.ok()??))
    })
}

/// What a context holds for a key that a new certificate is for.
pub enum Holding {
    /// That very certificate.
    This { context: String },
    /// Another certificate for the key. `replaceable`: the context, if its user entry has its name, as
    /// those that are replaced have.
    Other { replaceable: Option<String>, leaf: Box<Certificate>, key: Box<PrivateKey> },
    /// Another certificate for the key, on another cluster.
    Elsewhere { context: String },
}

/// The context that holds this certificate or, failing that, another one for its key.
///
/// # Errors
/// The key of an entry on this cluster cannot be read.
pub fn holding(
    kubeconfig: Option<&str>,
    endpoint: &Endpoint,
    new: &Certificate,
) -> Result<Option<Holding>> {
    let Ok(Kubeconfig { merged, .. }) = Kubeconfig::read(kubeconfig) else { return Ok(None) };
    let mut with_key: Vec<_> =
        certificates(&merged).filter(|(_, leaf)| leaf.key == new.key).collect();
    if let Some((context, _)) = with_key.iter().find(|(_, leaf)| leaf.der == new.der) {
        return Ok(Some(Holding::This { context: (*context).to_owned() }));
    }
    let Some(first) = with_key.first().map(|(context, _)| (*context).to_owned()) else {
        return Ok(None);
    };
    let own_entry = |name: &str| merged.context(name).is_some_and(|c| c.user == name);
    with_key.retain(|(context, _)| is_at(&merged, endpoint, context));
    with_key.sort_by_key(|(context, _)| !own_entry(context));
    let Some((context, leaf)) = with_key.into_iter().next() else {
        return Ok(Some(Holding::Elsewhere { context: first }));
    };
    let key = key_of(&merged, context).context(format!("the context {}", show(context)))?;
    let replaceable = Some(context.to_owned()).filter(|name| own_entry(name));
    Ok(Some(Holding::Other { replaceable, leaf: Box::new(leaf), key: Box::new(key) }))
}

/// The key that a context's user entry holds, names or keeps in its store.
fn key_of(merged: &Merged, context: &str) -> Result<PrivateKey> {
    let user = merged.context(context).and_then(|context| merged.user(&context.user));
    let user = user.unwrap_or_default();
    let pem = match self_renewing::store_of(&user) {
        Some(reference) => {
            named::stored(&reference)?.map(|stored| stored.key.as_bytes().to_vec().into())
        }
        None => named::key(&user)?,
    };
    let pem = pem.ok_or_else(|| Error::new("there is no key in its user entry"))?;
    Ok(PrivateKey::read(&pem)?)
}

/// Whether a context leads to this cluster.
fn is_at(merged: &Merged, endpoint: &Endpoint, context: &str) -> bool {
    let clusters = kubeconfig_writer::existing(merged, endpoint, "").same_clusters;
    merged.context(context).is_some_and(|c| clusters.contains(&c.cluster))
}

/// The contexts whose certificate is for this user.
pub fn contexts_of(kubeconfig: Option<&str>, user: &str) -> Vec<String> {
    let Ok(Kubeconfig { merged, .. }) = Kubeconfig::read(kubeconfig) else { return Vec::new() };
    let of_user = certificates(&merged).filter(|(_, leaf)| leaf.subject.user() == user);
    of_user.map(|(context, _)| context.to_owned()).collect()
}

/// A context of this cluster that holds a certificate for this user, not expired.
pub fn valid_for(
    merged: &Merged,
    endpoint: &Endpoint,
    user: &str,
    now: UnixTime,
) -> Option<(String, Certificate)> {
    let (context, leaf) = certificates(merged).find(|(context, leaf)| {
        leaf.subject.user() == user && now <= leaf.not_after && is_at(merged, endpoint, context)
    })?;
    Some((context.to_owned(), leaf))
}
