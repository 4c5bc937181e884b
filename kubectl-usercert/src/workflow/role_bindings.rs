//! Who holds which roles, as far as one may look: shared by `revoke` and `access`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use usercert_core::api::csr::CsrObject;
use usercert_core::api::rbac::{
    self, AUTHENTICATED, Binding, RoleKind, RoleRef, Rule, Scope, Subject,
};
use usercert_core::time::UnixTime;

use super::known_certificates::{self, Found, KnownCertificate};
use super::records::Unread;
use crate::cluster::{ApiError, Cluster, Freshness, Need, Target, explain};
use crate::error::{Error, Result};

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
pub async fn bindings(cluster: &Cluster, namespace: Option<&str>) -> Result<Holdings> {
    let need = |resources| Need::rbac(&["list"], resources);
    let (everywhere, somewhere) = tokio::join!(
        cluster.cluster_role_bindings(Freshness::Latest),
        cluster.role_bindings(namespace, Freshness::Latest)
    );
    let mut bindings = Vec::new();
    let mut take = |found, resources| match found {
        Ok(found) => {
            bindings.extend::<Vec<Binding>>(found);
            Ok(None)
        }
        Err(error) => {
            let forbidden = ApiError::code(&error) == 403;
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

/// Who somebody is to the cluster, and what reaches them: all that `access` shows and `revoke` goes by.
pub struct Reach {
    pub holder: Subject,
    pub holdings: Holdings,
    /// The user's valid certificates that are known; none where groups were given.
    pub certificates: Vec<KnownCertificate>,
    /// Requests that may still bring one, or why they could not be seen.
    pub in_flight: Result<Vec<CsrObject>, ApiError>,
    /// Why the records of issued certificates could not be read, if they could not.
    pub unrecorded: Option<Unread>,
    /// Whether a certificate of the user is known that has expired.
    pub has_ended: bool,
    /// What is wrong with records that say they are of the user, a sentence each.
    pub damaged: Vec<String>,
    /// The groups given, else those of the certificates and those of a service account.
    pub groups: BTreeSet<String>,
}

impl Reach {
    /// Looks at bindings, of RoleBindings only at those of `namespace` if there is one, and at certificates.
    ///
    /// # Errors
    /// As the server answers, unless it is that one may not look.
    pub async fn look(
        target: &Target,
        cluster: &Cluster,
        holder: Subject,
        given: &[String],
        namespace: Option<&str>,
        now: UnixTime,
    ) -> Result<Self> {
        let known = async {
            match &holder {
                Subject::User(user) if given.is_empty() => {
                    known_certificates::of_user(target, cluster, user, now).await
                }
                _ => Found::default(),
            }
        };
        let (holdings, Found { certificates, in_flight, unrecorded, has_ended, damaged }) =
            tokio::join!(bindings(cluster, namespace), known);
        let groups = match (&holder, given) {
            (Subject::User(user), []) => groups(user, &certificates),
            (_, given) => given.iter().cloned().collect(),
        };
        Ok(Self {
            holdings: holdings?,
            certificates,
            in_flight,
            unrecorded,
            has_ended,
            damaged,
            groups,
            holder,
        })
    }

    /// Adds a certificate that has come since.
    pub fn add(&mut self, one: KnownCertificate) {
        self.groups.extend(one.groups.iter().cloned());
        self.certificates.push(one);
        self.certificates.sort_by_key(|known| std::cmp::Reverse(known.not_after));
    }

    /// The bindings by what they reach the holder: by name, a user also by each group and as everybody.
    pub fn reaching(&self) -> Vec<(Subject, Vec<&Binding>)> {
        let mut by = vec![self.holder.clone()];
        if matches!(self.holder, Subject::User(_)) {
            by.extend(self.groups.iter().cloned().map(Subject::Group));
            if !self.groups.contains(AUTHENTICATED) {
                by.push(Subject::Group(AUTHENTICATED.to_owned()));
            }
        }
        let bindings = |by: Subject| {
            let reaching = rbac::reaching(&self.holdings.bindings, &by).collect();
            (by, reaching)
        };
        by.into_iter().map(bindings).collect()
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

/// The groups by which bindings reach the user: those of the certificates, and those that a service
/// account has by being one.
fn groups(user: &str, known: &[KnownCertificate]) -> BTreeSet<String> {
    let account = Subject::User(user.to_owned()).account_groups();
    let account = account.iter().map(|group| group.name().to_owned());
    known.iter().flat_map(|k| k.groups.clone()).chain(account).collect()
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
