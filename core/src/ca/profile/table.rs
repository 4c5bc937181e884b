//! The profiles, and where each comes from.

use super::definition::CertificateSubject::{self, Component, Host, Node, Person};
use super::definition::{Names, Profile};

const KUBEADM: &str = "kubeadm, certlist.go";
const KUBECONFIG: &str = "kubeadm, kubeconfig.go";
const SIGNER: &str = "kube-controller-manager's signers";
const DOCUMENTATION: &str = "PKI certificates and requirements";

const fn client(
    name: &'static str,
    about: &'static str,
    source: &'static str,
    holder: CertificateSubject,
) -> Profile {
    Profile { name, about, source, holder, names: Names::None, client: true, server: false }
}

const fn server(
    name: &'static str,
    about: &'static str,
    source: &'static str,
    holder: CertificateSubject,
    names: Names,
) -> Profile {
    Profile { name, about, source, holder, names, client: false, server: true }
}

/// A server of etcd that is a client of the others, too.
const fn both(name: &'static str, about: &'static str) -> Profile {
    Profile { client: true, ..server(name, about, KUBEADM, Host(None), Names::Etcd) }
}

/// All profiles, what people need most first.
pub static PROFILES: [Profile; 14] = [
    client("user", "a person or robot, as the request names it", SIGNER, Person),
    client("node", "a kubelet, as a client of the API server", SIGNER, Node),
    server("node-serving", "a kubelet's own endpoint", SIGNER, Node, Names::Host),
    client(
        "scheduler",
        "kube-scheduler, as a client of the API server",
        KUBECONFIG,
        Component("system:kube-scheduler", None),
    ),
    client(
        "controller-manager",
        "kube-controller-manager, as a client of the API server",
        KUBECONFIG,
        Component("system:kube-controller-manager", None),
    ),
    client(
        "proxy",
        "kube-proxy, as a client of the API server",
        DOCUMENTATION,
        Component("system:kube-proxy", Some("system:node-proxier")),
    ),
    server(
        "apiserver",
        "the API server's endpoint",
        KUBEADM,
        Host(Some("kube-apiserver")),
        Names::ApiServer,
    ),
    client(
        "apiserver-kubelet-client",
        "the API server, as a client of kubelets",
        KUBEADM,
        Component("kube-apiserver-kubelet-client", Some("kubeadm:cluster-admins")),
    ),
    client(
        "apiserver-etcd-client",
        "the API server, as a client of etcd (etcd's CA)",
        KUBEADM,
        Component("kube-apiserver-etcd-client", None),
    ),
    client(
        "front-proxy-client",
        "the API server, as a client of extension API servers (own CA)",
        KUBEADM,
        Component("front-proxy-client", None),
    ),
    both("etcd-server", "etcd's endpoint (etcd's CA)"),
    both("etcd-peer", "etcd's members, between each other (etcd's CA)"),
    client(
        "etcd-healthcheck-client",
        "health checks of etcd (etcd's CA)",
        KUBEADM,
        Component("kube-etcd-healthcheck-client", None),
    ),
    server("server", "any other server, such as a webhook", DOCUMENTATION, Host(None), Names::Host),
];

/// The profile of that name.
pub fn find(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

/// The profile of people's certificates.
pub fn user() -> &'static Profile {
    &PROFILES[0]
}
