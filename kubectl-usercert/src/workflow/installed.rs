//! What the kubeconfig holds already of what is to be installed.

use usercert_core::kubeconfig::merged::Merged;
use usercert_core::kubeconfig::{Endpoint, UserEntry};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::key::PublicKey;

use crate::cluster::Kubeconfig;
use crate::files::named;
use crate::workflow::kubeconfig_writer;

/// The contexts and their certificates.
fn certificates(merged: &Merged) -> impl Iterator<Item = (&str, Certificate)> {
    merged.contexts().filter_map(|entry| {
        let user = merged.user(&merged.context(entry.name)?.user)?;
        let UserEntry { leaf, .. } = named::user_entry(&user);
        Some((entry.name, leaf.ok()??))
    })
}

/// A context that holds a certificate for this key.
pub fn context_with_key(kubeconfig: Option<&str>, key: &PublicKey) -> Option<String> {
    let Kubeconfig { merged, .. } = Kubeconfig::read(kubeconfig).ok()?;
    let found = certificates(&merged).find(|(_, leaf)| leaf.key == *key);
    found.map(|(context, _)| context.to_owned())
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
    let clusters = kubeconfig_writer::existing(merged, endpoint, "").same_clusters;
    let here =
        |context: &str| merged.context(context).is_some_and(|c| clusters.contains(&c.cluster));
    let (context, leaf) = certificates(merged).find(|(context, leaf)| {
        leaf.subject.user() == user && now <= leaf.not_after && here(context)
    })?;
    Some((context.to_owned(), leaf))
}
