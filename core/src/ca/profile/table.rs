//! The profiles, and where each comes from.

use super::definition::{CertificateSubject, Names, Profile};

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

/// All profiles, what people need most first.
pub static PROFILES: [Profile; 14] = [
    client(
        "user",
        "a person or robot, as the request names it",
        SIGNER,
        CertificateSubject::Person,
    ),
    client("node", "a kubelet towards the API server", SIGNER, CertificateSubject::Node),
    server(
        "node-serving",
        "a kubelet's own endpoint",
        SIGNER,
        CertificateSubject::Node,
        Names::Host,
    ),
    client(
        "scheduler",
        "kube-scheduler towards the API server",
        KUBECONFIG,
        CertificateSubject::Component("system:kube-scheduler", None),
    ),
    client(
        "controller-manager",
        "kube-controller-manager towards the API server",
        KUBECONFIG,
        CertificateSubject::Component("system:kube-controller-manager", None),
    ),
    client(
        "proxy",
        "kube-proxy towards the API server",
        DOCUMENTATION,
        CertificateSubject::Component("system:kube-proxy", Some("system:node-proxier")),
    ),
    server(
        "apiserver",
        "the API server's endpoint",
        KUBEADM,
        CertificateSubject::Host(Some("kube-apiserver")),
        Names::ApiServer,
    ),
    client(
        "apiserver-kubelet-client",
        "the API server towards kubelets",
        KUBEADM,
        CertificateSubject::Component(
            "kube-apiserver-kubelet-client",
            Some("kubeadm:cluster-admins"),
        ),
    ),
    client(
        "apiserver-etcd-client",
        "the API server towards etcd (etcd's CA)",
        KUBEADM,
        CertificateSubject::Component("kube-apiserver-etcd-client", None),
    ),
    client(
        "front-proxy-client",
        "the API server towards extension API servers (a CA of its own)",
        KUBEADM,
        CertificateSubject::Component("front-proxy-client", None),
    ),
    Profile {
        client: true,
        ..server(
            "etcd-server",
            "etcd's endpoint (etcd's CA)",
            KUBEADM,
            CertificateSubject::Host(None),
            Names::Etcd,
        )
    },
    Profile {
        client: true,
        ..server(
            "etcd-peer",
            "etcd's members among each other (etcd's CA)",
            KUBEADM,
            CertificateSubject::Host(None),
            Names::Etcd,
        )
    },
    client(
        "etcd-healthcheck-client",
        "health checks towards etcd (etcd's CA)",
        KUBEADM,
        CertificateSubject::Component("kube-etcd-healthcheck-client", None),
    ),
    server(
        "server",
        "any other server, as a webhook",
        DOCUMENTATION,
        CertificateSubject::Host(None),
        Names::Host,
    ),
];

/// The profile of that name.
pub fn find(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

/// The profile of people's certificates.
pub fn user() -> &'static Profile {
    &PROFILES[0]
}
