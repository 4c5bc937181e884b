//! What makes the holder of a role powerful.
//!
//! After Kubernetes' own "Role Based Access Control Good Practices", section "Kubernetes RBAC -
//! privilege escalation risks", and what came since: constrained impersonation (KEP-5284, on by default
//! since 1.36), trust bundles (1.37), mutating admission policies (1.36).

use std::collections::BTreeSet;

use super::{API_GROUP, Rule, Scope};
use crate::text::show_short;

/// Something that makes its holder more than a user of the named resources.
struct Power {
    words: &'static str,
    verbs: &'static [&'static str],
    /// API group and resource.
    on: &'static [(&'static str, &'static str)],
    /// Whether a binding in a namespace does not give it.
    cluster_only: bool,
}

const READ: &[&str] = &["get", "list", "watch"];
const CHANGE: &[&str] = &["create", "update", "patch"];

const fn power(
    words: &'static str,
    verbs: &'static [&'static str],
    on: &'static [(&'static str, &'static str)],
) -> Power {
    Power { words, verbs, on, cluster_only: false }
}

const fn cluster_power(
    words: &'static str,
    verbs: &'static [&'static str],
    on: &'static [(&'static str, &'static str)],
) -> Power {
    Power { words, verbs, on, cluster_only: true }
}

const WORKLOADS: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
];

const POWERS: &[Power] = &[
    power("read secrets", READ, &[("", "secrets")]),
    power("run commands in pods", &["create", "get"], &[("", "pods/exec"), ("", "pods/attach")]),
    power(
        "put containers into running pods",
        &["update", "patch"],
        &[("", "pods/ephemeralcontainers")],
    ),
    power("start pods, with any service account and secret of the namespace", CHANGE, WORKLOADS),
    power("make tokens of service accounts", &["create"], &[("", "serviceaccounts/token")]),
    power(
        "act as service accounts (impersonate)",
        &["impersonate", "impersonate:serviceaccount"],
        &[("", "serviceaccounts"), ("authentication.k8s.io", "serviceaccounts")],
    ),
    cluster_power(
        "act as other users and groups (impersonate)",
        &["impersonate", "impersonate:user-info"],
        &[
            ("", "users"),
            ("", "groups"),
            ("authentication.k8s.io", "users"),
            ("authentication.k8s.io", "groups"),
        ],
    ),
    cluster_power(
        "act as nodes (impersonate)",
        &["impersonate:arbitrary-node", "impersonate:associated-node"],
        &[("authentication.k8s.io", "nodes")],
    ),
    power(
        "give themselves or others roles that they do not hold (bind)",
        &["bind"],
        &[(API_GROUP, "roles"), (API_GROUP, "clusterroles")],
    ),
    power(
        "write rights into roles that they do not hold (escalate)",
        &["escalate"],
        &[(API_GROUP, "roles"), (API_GROUP, "clusterroles")],
    ),
    power(
        "change roles and who has them",
        CHANGE,
        &[
            (API_GROUP, "roles"),
            (API_GROUP, "rolebindings"),
            (API_GROUP, "clusterroles"),
            (API_GROUP, "clusterrolebindings"),
        ],
    ),
    cluster_power("approve certificates", &["approve"], &[("certificates.k8s.io", "signers")]),
    cluster_power("sign certificates", &["sign"], &[("certificates.k8s.io", "signers")]),
    cluster_power(
        "say which CAs are trusted for a signer (trust bundles)",
        &["attest"],
        &[("certificates.k8s.io", "signers")],
    ),
    cluster_power(
        "reach the kubelets, and by them every pod (nodes/proxy)",
        &["get", "create"],
        &[("", "nodes/proxy")],
    ),
    cluster_power(
        "mount any path of a node (persistent volumes)",
        &["create"],
        &[("", "persistentvolumes")],
    ),
    cluster_power(
        "read or change what is sent to the API server (admission webhooks and policies)",
        CHANGE,
        &[
            ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
            ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
            ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
            ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ],
    ),
    cluster_power(
        "lift a namespace's pod security (namespaces)",
        &["update", "patch"],
        &[("", "namespaces")],
    ),
];

/// The powers that the rules give in `scope`, in words.
pub(super) fn powers(rules: &[Rule], scope: &Scope) -> Vec<String> {
    let in_namespace = *scope != Scope::Cluster;
    let here = POWERS.iter().filter(|p| !(in_namespace && p.cluster_only));
    here.filter_map(|p| words(p, rules)).chain(on_behalf(rules)).collect()
}

/// `impersonate-on:MODE:VERB`, on whatever resource, counts for who may impersonate in that mode.
fn on_behalf(rules: &[Rule]) -> Option<String> {
    let verbs = rules.iter().flat_map(|rule| &rule.verbs);
    let any = verbs.into_iter().any(|verb| verb.starts_with("impersonate-on:"));
    any.then(|| "use rights of whom they impersonate (impersonate-on)".to_owned())
}

/// The power in words if a rule gives it, with the names of objects where it is for these only.
fn words(power: &Power, rules: &[Rule]) -> Option<String> {
    let gives = |rule: &&Rule| {
        power.on.iter().any(|(group, resource)| rule.covers(power.verbs, group, resource))
    };
    let giving: Vec<&Rule> = rules.iter().filter(gives).collect();
    if giving.is_empty() {
        return None;
    }
    if giving.iter().any(|r| r.resource_names.is_empty()) {
        return Some(power.words.to_owned());
    }
    let names: BTreeSet<&String> = giving.iter().flat_map(|r| &r.resource_names).collect();
    Some(format!(
        "{} of {}",
        power.words,
        names.into_iter().map(|n| show_short(n, 60)).collect::<Vec<_>>().join(", ")
    ))
}
