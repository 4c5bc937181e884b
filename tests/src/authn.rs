//! Who is asking: client certificates, bearer tokens and impersonation, after
//! `k8s.io/apiserver/pkg/authentication/request/{union,x509}` and `…/endpoints/filters/impersonation`.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

use crate::api::Values;
use crate::authz::{Attributes, authorize};
use crate::cluster::Cluster;
use crate::status::{Result, Status};
use crate::store::Store;
use crate::text::quote;
use crate::user::{ANONYMOUS, UNAUTHENTICATED, User};
use crate::x509::{sha256_hex, subject_of};

const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
const IMPERSONATE_EXTRA: &str = "impersonate-extra-";

/// The other side of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) certificates: Arc<[CertificateDer<'static>]>,
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
}

/// Finds out the user. The first credential that convinces decides; anonymous is whom no credential spoiled.
pub(crate) fn authenticate(cluster: &Cluster, peer: &Peer, headers: &HeaderMap) -> Result<User> {
    let by_certificate = peer.user();
    if let Ok(Some(user)) = by_certificate {
        return Ok(user.authenticated());
    }
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    let by_token = token.map(|token| cluster.user_of_token(token));
    match (by_certificate, by_token) {
        (_, Some(Some(user))) => Ok(user.authenticated()),
        (Ok(_), None) if cluster.anonymous => Ok(User::anonymous()),
        _ => Err(Status::unauthorized()),
    }
}

impl Peer {
    /// The user of the client certificate; nobody if there is none or it has no name.
    fn user(&self) -> std::result::Result<Option<User>, String> {
        let Some((leaf, intermediates)) = self.certificates.split_first() else { return Ok(None) };
        self.verifier
            .verify_client_cert(leaf, intermediates, UnixTime::now())
            .map_err(|error| error.to_string())?;
        let subject = subject_of(leaf)?;
        let name = subject.common_name();
        if name.is_empty() {
            return Ok(None);
        }
        let mut user = User::new(name, &subject.organizations());
        user.uid = subject.uid()?.to_owned();
        let id = Values { items: vec![format!("X509SHA256={}", sha256_hex(leaf))] };
        user.extra.insert(CREDENTIAL_ID.into(), id);
        Ok(Some(user))
    }
}

/// The user in whose name a request runs: the one of the impersonation headers, if the real one may take it on.
///
/// Only the verb `impersonate` is known, not the constrained ones of recent versions.
pub(crate) fn impersonate(store: &Store, real: User, headers: &HeaderMap) -> Result<User> {
    let all = |header: &str| -> Vec<String> {
        let values = headers.get_all(header).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let first = |header: &str| all(header).into_iter().next().unwrap_or_default();
    let (name, uid, groups) =
        (first("impersonate-user"), first("impersonate-uid"), all("impersonate-group"));
    let extras: Vec<(String, String)> = headers
        .keys()
        .filter_map(|header| header.as_str().strip_prefix(IMPERSONATE_EXTRA))
        .flat_map(|key| {
            let values = all(&format!("{IMPERSONATE_EXTRA}{key}"));
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            values.into_iter().map(move |value| (key.clone(), value))
        })
        .collect();
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extras.is_empty() {
            return Ok(real);
        }
        let groups: Vec<String> = groups.iter().map(|group| quote(group)).collect();
        return Err(Status::bad_request(format!(
            "requested &user.DefaultInfo{{Name:\"\", UID:{}, Groups:[]string{{{}}}, Extra:map[string][]string(nil)}} \
             without impersonating a user name",
            quote(&uid),
            groups.join(", ")
        )));
    }
    let mut wanted = Vec::new();
    let account = name.strip_prefix("system:serviceaccount:").and_then(|it| it.split_once(':'));
    match account {
        Some((namespace, name)) => wanted.push(Attributes {
            namespace,
            resource: "serviceaccounts",
            name,
            ..Attributes::default()
        }),
        None => {
            wanted.push(Attributes { resource: "users", name: &name, ..Attributes::default() });
        }
    }
    for group in &groups {
        wanted.push(Attributes { resource: "groups", name: group, ..Attributes::default() });
    }
    let group = "authentication.k8s.io";
    for (key, value) in &extras {
        let (resource, subresource) = ("userextras", key.as_str());
        wanted.push(Attributes {
            group,
            resource,
            subresource,
            name: value,
            ..Attributes::default()
        });
    }
    if !uid.is_empty() {
        wanted.push(Attributes { group, resource: "uids", name: &uid, ..Attributes::default() });
    }
    for attributes in wanted {
        let attributes = Attributes { verb: "impersonate", ..attributes };
        if authorize(store, &real, &attributes).is_none() {
            return Err(forbidden(&real, &attributes));
        }
    }
    let mut user = User::new(&name, &groups);
    if let Some((namespace, _)) = account
        && groups.is_empty()
    {
        user.groups =
            vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
    }
    user.uid = uid;
    for (key, value) in extras {
        user.extra.entry(key).or_default().items.push(value);
    }
    if name == ANONYMOUS && !user.in_group(UNAUTHENTICATED) {
        user.groups.push(UNAUTHENTICATED.into());
    }
    Ok(user.authenticated())
}

/// The refusal of RBAC, in the words of `…/endpoints/handlers/responsewriters`.
pub(crate) fn forbidden(user: &User, wanted: &Attributes<'_>) -> Status {
    let (user, verb) = (quote(&user.name), wanted.verb);
    let why = if wanted.path.is_empty() {
        let resource = match wanted.subresource {
            "" => wanted.resource.to_owned(),
            subresource => format!("{}/{subresource}", wanted.resource),
        };
        let scope = match wanted.namespace {
            "" => "at the cluster scope".into(),
            namespace => format!("in the namespace {}", quote(namespace)),
        };
        let (resource, group) = (quote(&resource), quote(wanted.group));
        format!("User {user} cannot {verb} resource {resource} in API group {group} {scope}")
    } else {
        format!("User {user} cannot {verb} path {}", quote(wanted.path))
    };
    let why = why.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Status::forbidden(wanted.group, wanted.resource, wanted.name, &why)
}
