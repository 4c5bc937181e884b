//! The profiles, and where each comes from.

use super::{Holder, Names, Profile};

const KUBEADM: &str = "kubeadm, certlist.go";
const KUBECONFIG: &str = "kubeadm, kubeconfig.go";
const SIGNER: &str = "kube-controller-manager's signers";
const DOCUMENTATION: &str = "PKI certificates and requirements";

const fn client(
    name: &'static str,
    about: &'static str,
    source: &'static str,
    holder: Holder,
) -> Profile {
    Profile { name, about, source, holder, names: Names::None, client: true, server: false }
}

const fn server(
    name: &'static str,
    about: &'static str,
    source: &'static str,
    holder: Holder,
    names: Names,
) -> Profile {
    Profile { name, about, source, holder, names, client: false, server: true }
}

/// All profiles, what people need most first.
pub static PROFILES: [Profile; 14] = [
    client("user", "a person or robot, as the request names it", SIGNER, Holder::Person),
    client("node", "a kubelet towards the API server", SIGNER, Holder::Node),
    server("node-serving", "a kubelet's own endpoint", SIGNER, Holder::Node, Names::Host),
    client(
        "scheduler",
        "kube-scheduler towards the API server",
        KUBECONFIG,
        Holder::Component("system:kube-scheduler", None),
    ),
    client(
        "controller-manager",
        "kube-controller-manager towards the API server",
        KUBECONFIG,
        Holder::Component("system:kube-controller-manager", None),
    ),
    client(
        "proxy",
        "kube-proxy towards the API server",
        DOCUMENTATION,
        Holder::Component("system:kube-proxy", Some("system:node-proxier")),
    ),
    server(
        "apiserver",
        "the API server's endpoint",
        KUBEADM,
        Holder::Host(Some("kube-apiserver")),
        Names::ApiServer,
    ),
    client(
        "apiserver-kubelet-client",
        "the API server towards kubelets",
        KUBEADM,
        Holder::Component("kube-apiserver-kubelet-client", Some("kubeadm:cluster-admins")),
    ),
    client(
        "apiserver-etcd-client",
        "the API server towards etcd (etcd's CA)",
        KUBEADM,
        Holder::Component("kube-apiserver-etcd-client", None),
    ),
    client(
        "front-proxy-client",
        "the API server towards extension API servers (a CA of its own)",
        KUBEADM,
        Holder::Component("front-proxy-client", None),
    ),
    Profile {
        client: true,
        ..server(
            "etcd-server",
            "etcd's endpoint (etcd's CA)",
            KUBEADM,
            Holder::Host(None),
            Names::Etcd,
        )
    },
    Profile {
        client: true,
        ..server(
            "etcd-peer",
            "etcd's members among each other (etcd's CA)",
            KUBEADM,
            Holder::Host(None),
            Names::Etcd,
        )
    },
    client(
        "etcd-healthcheck-client",
        "health checks towards etcd (etcd's CA)",
        KUBEADM,
        Holder::Component("kube-etcd-healthcheck-client", None),
    ),
    server(
        "server",
        "any other server, as a webhook",
        DOCUMENTATION,
        Holder::Host(None),
        Names::Host,
    ),
];
