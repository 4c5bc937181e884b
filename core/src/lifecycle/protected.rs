//! Whose certificates are never revoked: without them the cluster does not run.

use std::fmt;

use crate::text::show_short;
use crate::x509::identity::{Reserved, reserved};

/// Names of components that do not begin with `system:`; `core/src/ca/profile` has their sources.
const COMPONENTS: [&str; 4] = [
    "kube-apiserver",
    "kube-apiserver-kubelet-client",
    "kube-apiserver-etcd-client",
    "kube-etcd-healthcheck-client",
];
/// Groups of components; `system:masters` is one of people, too.
const GROUPS: [&str; 4] =
    ["system:nodes", "system:node-proxier", "system:bootstrappers", "system:serviceaccounts"];

/// Who is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    what: &'static str,
    name: String,
}

impl fmt::Display for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} belongs to the cluster itself", self.what, show_short(&self.name, 80))
    }
}

/// Whether a certificate with these names is one of the cluster's own.
#[must_use]
pub fn protected<'n>(user: &str, groups: impl IntoIterator<Item = &'n str>) -> Option<Protected> {
    let by_name = matches!(reserved(user), Some(Reserved::System | Reserved::FrontProxy))
        || reserved(user) == Some(Reserved::Masters)
        || COMPONENTS.contains(&user);
    if by_name {
        return Some(Protected { what: "the user", name: user.to_owned() });
    }
    let of_cluster = |group: &&str| {
        GROUPS.iter().any(|own| {
            group.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    };
    let group = groups.into_iter().find(of_cluster)?;
    Some(Protected { what: "the group", name: group.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_nodes_are_protected() {
        for user in [
            "system:node:worker-1",
            "system:kube-scheduler",
            "system:masters",
            "kube-apiserver-kubelet-client",
            "front-proxy-client",
        ] {
            assert!(protected(user, []).is_some(), "{user}");
        }
        assert_eq!(
            protected("worker-1", ["dev", "system:nodes"]).unwrap().to_string(),
            "the group system:nodes belongs to the cluster itself"
        );
        assert!(protected("x", ["system:bootstrappers:kubeadm:default-node-token"]).is_some());
    }

    #[test]
    fn people_are_not_whatever_their_power() {
        assert_eq!(protected("alice", ["dev"]), None);
        assert_eq!(protected("kubernetes-admin", ["kubeadm:cluster-admins"]), None);
        assert_eq!(protected("kubernetes-super-admin", ["system:masters"]), None);
        assert_eq!(protected("alice", ["system:nodesx"]), None);
    }
}
