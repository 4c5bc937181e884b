//! Who holds which roles, as far as one may look: shared by `revoke` and `access`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, State};
use usercert_core::api::rbac::{self, Binding, RoleKind, RoleRef, Rule, Scope, Subject};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::lifecycle::Fingerprint;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::{self, CertificateRecord};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{Cluster, ListOptions, Need, Target, explain};
use crate::error::{Error, Result};
use crate::files::named;
use crate::workflow::records;

/// API requests that are under way at a time.
const AT_A_TIME: usize = 8;

/// The bindings that could be looked at, and what could not.
pub struct Holdings {
    /// Those of the whole cluster, then those of namespaces.
    pub bindings: Vec<Binding>,
    pub no_cluster: Option<Error>,
    pub no_namespaces: Option<Error>,
}

/// Reads the cluster's bindings; of RoleBindings only those of `namespace`, if one is given.
///
/// # Errors
/// As the server answers, unless it is that one may not look.
pub async fn look(cluster: &Cluster, namespace: Option<&str>) -> Result<Holdings> {
    let need = |resources| Need::rbac(&["list"], resources);
    let (everywhere, somewhere) =
        tokio::join!(cluster.cluster_role_bindings(), cluster.role_bindings(namespace));
    let mut bindings = Vec::new();
    let mut take = |found, resources| match found {
        Ok(found) => {
            bindings.extend::<Vec<Binding>>(found);
            Ok(None)
        }
        Err(error) => {
            let forbidden = crate::cluster::ApiError::code(&error) == 403;
            let error = explain(&error, &cluster.server, &need(resources));
            if forbidden { Ok(Some(error)) } else { Err(error) }
        }
    };
    let no_cluster = take(everywhere, "clusterrolebindings")?;
    let mut no_namespaces = take(somewhere, "rolebindings")?;
    if namespace.is_none() {
        no_namespaces = no_namespaces.map(|e| e.hint("-n NAMESPACE looks at one namespace only"));
    }
    Ok(Holdings { bindings, no_cluster, no_namespaces })
}

impl Holdings {
    pub fn missing(self) -> Vec<Error> {
        [self.no_cluster, self.no_namespaces].into_iter().flatten().collect()
    }
}

pub enum RoleLookup {
    Rules(Vec<Rule>),
    /// It does not exist: the binding gives nothing.
    Missing,
    /// It cannot be looked at.
    Hidden,
}

/// A role, and for a Role its namespace.
pub type RoleKey = (RoleRef, Option<String>);

pub fn role_key(binding: &Binding) -> RoleKey {
    let namespace = match binding.role.kind {
        RoleKind::Role => binding.scope.namespace().map(str::to_owned),
        RoleKind::ClusterRole => None,
    };
    (binding.role.clone(), namespace)
}

/// Reads the roles that these bindings name, each once.
///
/// # Errors
/// As the server answers, unless it is that one may not look.
pub async fn roles(
    cluster: &Cluster,
    bindings: &[&Binding],
) -> Result<BTreeMap<RoleKey, RoleLookup>> {
    let wanted: BTreeSet<RoleKey> = bindings.iter().map(|b| role_key(b)).collect();
    let read = wanted.into_iter().map(|key| async move {
        let scope = key.1.clone().map_or(Scope::Cluster, Scope::Namespace);
        let seen = match cluster.role(&key.0, &scope).await {
            Ok(value) => RoleLookup::Rules(rbac::rules_of(&value)),
            Err(error) if error.reason() == "NotFound" => RoleLookup::Missing,
            Err(error) if error.code() == 403 => RoleLookup::Hidden,
            Err(error) => {
                let resources = key.0.kind.resource();
                let need = Need::rbac(&["get"], resources);
                return Err(explain(&error, &cluster.server, &need));
            }
        };
        Ok((key, seen))
    });
    let all: Vec<Result<(RoleKey, RoleLookup)>> =
        stream::iter(read).buffer_unordered(AT_A_TIME).collect().await;
    all.into_iter().collect()
}

/// What is known of a certificate that somebody holds.
#[derive(Clone)]
pub struct KnownCertificate {
    pub fingerprint: Fingerprint,
    pub user: String,
    pub groups: BTreeSet<String>,
    pub not_after: UnixTime,
    /// As `context alice@kind, request alice`.
    pub place: String,
}

impl KnownCertificate {
    pub fn of(certificate: &Certificate, place: String) -> Self {
        Self {
            fingerprint: Fingerprint::of(&certificate.der),
            user: certificate.subject.user().to_owned(),
            groups: certificate.subject.groups(),
            not_after: certificate.not_after,
            place,
        }
    }
}

/// The valid certificates of the user that can be found, those that last longest first: in contexts of the
/// kubeconfig for this cluster, in requests that the cluster still holds, and in its records.
pub async fn certificates(
    target: &Target,
    cluster: &Cluster,
    user: &str,
    now: UnixTime,
) -> Vec<KnownCertificate> {
    let of_user = |certificate: &Certificate| certificate.subject.user() == user;
    let mut all = in_kubeconfig(&target.kubeconfig.merged, &target.endpoint, user);
    let (requests, records) =
        tokio::join!(in_requests(cluster, of_user), records::of_user(cluster, user));
    all.extend(requests);
    all.extend(records.unwrap_or_default().records().iter().map(recorded));
    let mut found: Vec<KnownCertificate> = Vec::new();
    for one in all.into_iter().filter(|one| one.not_after >= now) {
        match found.iter_mut().find(|known| known.fingerprint == one.fingerprint) {
            Some(known) => known.place.push_str(&format!(", {}", one.place)),
            None => found.push(one),
        }
    }
    found.sort_by_key(|known| std::cmp::Reverse(known.not_after));
    found
}

/// The certificate of this fingerprint, if the cluster has a record of it and one may look.
pub async fn in_records(cluster: &Cluster, print: &Fingerprint) -> Option<KnownCertificate> {
    let name = record::record_name(print);
    let found = cluster.object(&config_maps(), &name).await.ok()??;
    let record = CertificateRecord::read(&found).ok()?;
    Some(recorded(&record)).filter(|known| known.fingerprint == *print)
}

fn recorded(record: &CertificateRecord) -> KnownCertificate {
    KnownCertificate {
        fingerprint: record.fingerprint,
        user: record.user.clone(),
        groups: record.groups.clone(),
        not_after: record.not_after,
        place: "recorded".to_owned(),
    }
}

/// The groups by which bindings reach the user: those of the certificates, and those that a service
/// account has by being one.
pub fn groups(user: &str, known: &[KnownCertificate]) -> BTreeSet<String> {
    let account = Subject::User(user.to_owned()).account_groups();
    let account = account.iter().map(|group| group.name().to_owned());
    known.iter().flat_map(|k| k.groups.clone()).chain(account).collect()
}

fn in_kubeconfig(merged: &Merged, endpoint: &Endpoint, user: &str) -> Vec<KnownCertificate> {
    let mut found = Vec::new();
    for entry in merged.contexts() {
        let Some(context) = merged.context(entry.name) else { continue };
        let here = merged.cluster(&context.cluster).is_some_and(|c| {
            Endpoint::new(&c, named::authority(&c).ok().flatten()).same_cluster(endpoint)
        });
        let entry_of = |name: &String| Some(named::user_entry(&merged.user(name)?));
        if let Some(held) = Some(&context.user).filter(|_| here).and_then(entry_of)
            && let Some(certificate) = held.certificate().filter(|c| c.subject.user() == user)
        {
            let place = format!("context {}", show(entry.name));
            found.push(KnownCertificate::of(certificate, place));
        }
    }
    found
}

/// Certificates that requests in the cluster still hold and that `keep` wants; none if one may not look.
pub async fn in_requests(
    cluster: &Cluster,
    keep: impl Fn(&Certificate) -> bool,
) -> Vec<KnownCertificate> {
    let mut found = Vec::new();
    let take = |object: CsrObject| {
        if object.state() != State::Issued {
            return;
        }
        let chain =
            object.certificate_pem().ok().and_then(|p| Certificate::chain_from_pem(&p).ok());
        if let Some(certificate) = chain.and_then(|c| c.into_iter().next())
            && keep(&certificate)
        {
            let place = format!("request {}", show_short(&object.metadata.name, 60));
            found.push(KnownCertificate::of(&certificate, place));
        }
    };
    // Requests are no inventory: they are gone an hour after they were approved.
    let _best_effort = cluster.list_csrs(&ListOptions::default(), take).await;
    found
}

/// A binding as the objects of `revoke` and `access` name it.
pub fn described(binding: &Binding) -> Value {
    json!({
        "kind": binding.scope.binding_kind(),
        "namespace": binding.scope.namespace(),
        "name": binding.name,
        "role": binding.role,
        "managed": binding.ours,
    })
}

#[cfg(test)]
mod tests {
    use usercert_core::kubeconfig::merged::SourceFile;
    use usercert_core::kubeconfig::path::LoadingList;

    use super::*;

    #[test]
    fn a_cluster_behind_the_same_address_is_another() {
        let data = |name: &str| format!("{}/../core/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
        let (old, other) = (data("expired.pem"), data("leaf-v3.pem"));
        let text = format!(
            "clusters:\n\
             - {{name: here, cluster: {{server: 'https://a', certificate-authority: '{old}'}}}}\n\
             - {{name: slash, cluster: {{server: 'https://a/', certificate-authority: '{old}'}}}}\n\
             - {{name: other, cluster: {{server: 'https://a', certificate-authority: '{other}'}}}}\n\
             - {{name: away, cluster: {{server: 'https://b', certificate-authority: '{old}'}}}}\n\
             users:\n\
             - {{name: old, user: {{client-certificate: '{old}'}}}}\n\
             contexts:\n\
             - {{name: here, context: {{cluster: here, user: old}}}}\n\
             - {{name: slash, context: {{cluster: slash, user: old}}}}\n\
             - {{name: other, context: {{cluster: other, user: old}}}}\n\
             - {{name: away, context: {{cluster: away, user: old}}}}\n\
             - {{name: nobody, context: {{cluster: here}}}}\n"
        );
        let list = LoadingList::new(Some("/f"), None, None, ':');
        let file = SourceFile { path: "/f".into(), text: Some(text) };
        let merged = Merged::load(&list, vec![file]).unwrap();
        let ca_pem = Some(std::fs::read(&old).unwrap());
        let endpoint = Endpoint { server: "https://a".to_owned(), ca_pem, ..Endpoint::default() };
        let places: Vec<String> =
            in_kubeconfig(&merged, &endpoint, "old").into_iter().map(|k| k.place).collect();
        assert_eq!(places, ["context here", "context slash"]);
        assert!(in_kubeconfig(&merged, &endpoint, "somebody").is_empty());
    }
}
