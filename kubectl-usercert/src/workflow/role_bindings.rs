//! Who holds which roles, as far as one may look: shared by `revoke` and `access`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use usercert_core::api::csr::{CsrObject, State};
use usercert_core::api::rbac::{self, API_GROUP, Binding, RoleKind, RoleRef, Rule, Scope};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{Cluster, ListOptions, Need, Target, explain};
use crate::error::{Error, Result};
use crate::files::reading;

/// API requests that are under way at a time.
const AT_A_TIME: usize = 8;
/// Longest certificate file that an entry may name, in bytes.
const CERTIFICATE_LIMIT: usize = 1024 * 1024;

/// The bindings that could be looked at, and what could not.
pub struct Holdings {
    /// Those of the whole cluster, then those of namespaces.
    pub bindings: Vec<Binding>,
    /// Why the ClusterRoleBindings are missing.
    pub no_cluster: Option<Error>,
    /// Why the RoleBindings are missing.
    pub no_namespaces: Option<Error>,
}

/// Reads the cluster's bindings; of RoleBindings only those of `namespace`, if one is given.
///
/// # Errors
/// As the server answers, unless it is that one may not look.
pub async fn look(cluster: &Cluster, namespace: Option<&str>) -> Result<Holdings> {
    let need = |resources| Need::Use { group: API_GROUP, resources, verbs: "list" };
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
    /// Why some bindings are missing.
    #[must_use]
    pub fn missing(self) -> Vec<Error> {
        [self.no_cluster, self.no_namespaces].into_iter().flatten().collect()
    }
}

/// What is known of a role that a binding names.
pub enum Seen {
    /// Its rules.
    Rules(Vec<Rule>),
    /// It does not exist: the binding gives nothing.
    Missing,
    /// It cannot be looked at.
    Hidden,
}

/// A role, and for a Role its namespace.
pub type RoleKey = (RoleRef, Option<String>);

/// What identifies the role that a binding names.
#[must_use]
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
pub async fn roles(cluster: &Cluster, bindings: &[&Binding]) -> Result<BTreeMap<RoleKey, Seen>> {
    let wanted: BTreeSet<RoleKey> = bindings.iter().map(|b| role_key(b)).collect();
    let read = wanted.into_iter().map(|key| async move {
        let scope = key.1.clone().map_or(Scope::Cluster, Scope::Namespace);
        let seen = match cluster.role(&key.0, &scope).await {
            Ok(value) => Seen::Rules(rbac::rules_of(&value)),
            Err(error) if error.reason() == "NotFound" => Seen::Missing,
            Err(error) if error.code() == 403 => Seen::Hidden,
            Err(error) => {
                let resources = key.0.kind.resource();
                let need = Need::Use { group: API_GROUP, resources, verbs: "get" };
                return Err(explain(&error, &cluster.server, &need));
            }
        };
        Ok((key, seen))
    });
    let all: Vec<Result<(RoleKey, Seen)>> =
        stream::iter(read).buffer_unordered(AT_A_TIME).collect().await;
    all.into_iter().collect()
}

/// A certificate that names somebody, and where it was found.
pub struct Known {
    /// The certificate.
    pub certificate: Certificate,
    /// As `context alice@kind`.
    pub place: String,
}

/// Certificates of the user for this cluster that the kubeconfig holds.
#[must_use]
pub fn in_kubeconfig(target: &Target, user: &str) -> Vec<Known> {
    let merged = &target.kubeconfig.merged;
    let same = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
    let certificate = |entry: &str| {
        let entry = merged.user(entry)?;
        let pem = match (entry.client_certificate_data, entry.client_certificate) {
            (Some(data), _) => data,
            (None, Some(path)) => reading::read_limited(&path, CERTIFICATE_LIMIT).ok()?,
            (None, None) => return None,
        };
        Certificate::chain_from_pem(&pem).ok()?.into_iter().next()
    };
    let mut found = Vec::new();
    for entry in merged.contexts() {
        let Some(context) = merged.context(entry.name) else { continue };
        let here = merged
            .cluster(&context.cluster)
            .is_some_and(|c| same(&c.server, &target.endpoint.server));
        if let Some(certificate) = Some(&context.user).filter(|_| here).and_then(|u| certificate(u))
            && certificate.subject.user() == user
        {
            found.push(Known { certificate, place: format!("context {}", show(entry.name)) });
        }
    }
    found
}

/// Certificates of the user that requests in the cluster still hold; none if one may not look.
pub async fn in_requests(cluster: &Cluster, user: &str) -> Vec<Known> {
    let mut found = Vec::new();
    let take = |object: CsrObject| {
        if object.state() != State::Issued {
            return;
        }
        let chain =
            object.certificate_pem().ok().and_then(|p| Certificate::chain_from_pem(&p).ok());
        if let Some(certificate) = chain.and_then(|c| c.into_iter().next())
            && certificate.subject.user() == user
        {
            let place = format!("request {}", show_short(&object.metadata.name, 60));
            found.push(Known { certificate, place });
        }
    };
    // Requests are no inventory: they are gone an hour after they were approved.
    let _best_effort = cluster.list_csrs(&ListOptions::default(), take).await;
    found
}

/// The groups that the valid ones among the certificates carry.
#[must_use]
pub fn groups(known: &[Known], now: UnixTime) -> BTreeSet<String> {
    let valid = known.iter().filter(|k| k.certificate.not_after >= now);
    valid.flat_map(|k| k.certificate.subject.groups()).collect()
}
