//! What a certificate is for in a cluster, told by its names and usages.
//!
//! [`crate::ca::profile`] says what such certificates must be; here also those count that other installers
//! and older versions have made.

use crate::ca::profile::{self, CertificateSubject, NODE_USER, Names, PROFILES};
use crate::text::show;
use crate::x509::certificate::Certificate;
use crate::x509::identity::SYSTEM_MASTERS;

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// One word; that of `ca sign --profile` where there is one.
    pub name: &'static str,
    /// In words, safe to show.
    pub meaning: String,
}

const SERVICE_ACCOUNT_USER: &str = "system:serviceaccount:";
const ADMINS: &str = "kubeadm:cluster-admins";

/// Common names that kubeadm and others give to their authorities
/// (`cmd/kubeadm/app/phases/certs/certlist.go`).
const AUTHORITIES: [(&str, &str); 5] = [
    ("kubernetes", "the cluster's CA, by its name"),
    ("kubernetes-ca", "the cluster's CA, by its name"),
    ("etcd-ca", "etcd's CA, by its name"),
    ("front-proxy-ca", "the front proxy's CA, by its name"),
    ("kubernetes-front-proxy-ca", "the front proxy's CA, by its name"),
];

/// What a certificate is for, if that can be told.
pub fn of(certificate: &Certificate) -> Option<Purpose> {
    let user = certificate.subject.user();
    let found = |name, meaning: &str| Some(Purpose { name, meaning: meaning.to_owned() });
    if certificate.is_ca {
        let known = AUTHORITIES.iter().find(|(name, _)| *name == user);
        return found("ca", known.map_or("signs certificates", |(_, meaning)| meaning));
    }
    let names = |wanted: &str| certificate.alternative_names.iter().any(|n| n == wanted);
    let client = certificate.allows_client_auth();
    let server = allows_server_auth(certificate) && certificate.names_hosts();
    let particular = |p: &&profile::Profile| !matches!(p.name, "user" | "server");
    match profile::of(certificate).filter(particular).or_else(|| by_name(certificate)) {
        Some(profile) if profile.holder == CertificateSubject::Node => {
            let node = user.strip_prefix(NODE_USER).unwrap_or_default();
            found(profile.name, &format!("{}: node {}", profile.about, show(node)))
        }
        Some(profile) if profile.names == Names::Etcd => {
            found("etcd", "etcd's endpoint, for its clients or its members")
        }
        Some(profile) => found(profile.name, profile.about),
        _ if server && names("DNS:kubernetes.default.svc") => {
            found("apiserver", "the API server's endpoint")
        }
        _ if server && certificate.issuer.user().contains("etcd") => {
            found("etcd", "etcd's endpoint, for its clients or its members")
        }
        _ if server && client && certificate.extended_key_usages.is_some() => {
            found("client-and-server", "a server that is also a client")
        }
        _ if server => found("server", "a server"),
        _ if client && !user.is_empty() => Some(person(certificate)),
        _ => None,
    }
}

/// The component that has this common name, whatever its groups.
fn by_name(certificate: &Certificate) -> Option<&'static profile::Profile> {
    let user = certificate.subject.user();
    PROFILES.iter().find(|p| {
        let named = match p.holder {
            CertificateSubject::Component(name, _) => name == user,
            CertificateSubject::Node => user.starts_with(NODE_USER),
            CertificateSubject::Person | CertificateSubject::Host(_) => false,
        };
        let server = allows_server_auth(certificate) && certificate.names_hosts();
        named && (p.client && certificate.allows_client_auth() && !server || p.server && server)
    })
}

fn person(certificate: &Certificate) -> Purpose {
    let (user, groups) = (certificate.subject.user(), certificate.subject.groups());
    if let Some(account) = user.strip_prefix(SERVICE_ACCOUNT_USER) {
        let account = account.replacen(':', "/", 1);
        let meaning = format!("poses as the service account {}", show(&account));
        return Purpose { name: "service-account", meaning };
    }
    if groups.contains(SYSTEM_MASTERS) || groups.contains(ADMINS) {
        let meaning = "an administrator of the whole cluster".to_owned();
        return Purpose { name: "admin", meaning };
    }
    Purpose { name: "user", meaning: format!("the user {} towards the API server", show(user)) }
}

/// Whether programs take it as a server's certificate.
pub(crate) fn allows_server_auth(certificate: &Certificate) -> bool {
    certificate
        .extended_key_usages
        .as_ref()
        .is_none_or(|usages| usages.iter().any(|u| u == "server auth" || u == "any"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{certificate, usages};

    #[test]
    fn certificates_of_installers_are_told_apart() {
        let both = &["client auth", "server auth"][..];
        let client = &["client auth"][..];
        let server = &["server auth"][..];
        for (user, groups, allowed, names, expected) in [
            ("alice", &["dev"][..], client, &[][..], "user"),
            ("kubernetes-admin", &[ADMINS], client, &[], "admin"),
            ("system:admin", &["system:masters"], client, &[], "admin"),
            ("system:serviceaccount:ns:bot", &[], client, &[], "service-account"),
            ("system:node:n1", &["system:nodes"], client, &[], "node"),
            ("system:node:n1", &["system:nodes"], server, &["DNS:n1"], "node-serving"),
            ("system:kube-scheduler", &["more"], client, &[], "scheduler"),
            (
                "kube-apiserver-kubelet-client",
                &["system:masters"],
                client,
                &[],
                "apiserver-kubelet-client",
            ),
            ("k3s", &[], server, &["DNS:kubernetes.default.svc"], "apiserver"),
            ("cp1", &[], both, &["DNS:cp1", "DNS:localhost"], "etcd"),
            ("x", &[], both, &["DNS:x"], "client-and-server"),
            ("x", &[], server, &["DNS:x"], "server"),
        ] {
            let mut leaf = certificate(user, groups);
            leaf.extended_key_usages = usages(allowed);
            leaf.alternative_names = names.iter().map(|n| (*n).to_owned()).collect();
            assert_eq!(of(&leaf).map(|p| p.name), Some(expected), "{user}");
        }
        let mut ca = certificate("kubernetes", &[]);
        ca.is_ca = true;
        assert_eq!(of(&ca).unwrap().meaning, "the cluster's CA, by its name");
        assert_eq!(of(&certificate("", &[])), None, "nobody");
        let node = certificate("system:node:n1", &["system:nodes"]);
        assert!(of(&node).unwrap().meaning.ends_with("node n1"));
    }
}
