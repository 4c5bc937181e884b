//! What makes the holder of a role powerful.
//!
//! After Kubernetes' own "Role Based Access Control Good Practices", section "Kubernetes RBAC -
//! privilege escalation risks", and what came since: constrained impersonation (KEP-5284, on by default
//! since 1.36), trust bundles (1.37), mutating admission policies (1.36). What was tried on a kube-apiserver
//! 1.36.2: with `dryRun=All`, `deletecollection`, `delete` (`propagationPolicy=Foreground`) and `patch` of
//! secrets answer with their data, `update` only with what was sent.

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

const READ_SECRETS: &[&str] = &["get", "list", "watch", "patch", "delete", "deletecollection"];
const CHANGE: &[&str] = &["create", "update", "patch"];
const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const REMOVE: &[&str] = &["delete", "deletecollection"];
const ADMISSION: &str = "admissionregistration.k8s.io";

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
    power("read secrets", READ_SECRETS, &[("", "secrets")]),
    power("run commands in pods", &["create", "get"], &[("", "pods/exec"), ("", "pods/attach")]),
    power(
        "put containers into running pods",
        &["update", "patch"],
        &[("", "pods/ephemeralcontainers")],
    ),
    power("start pods, with any service account and secret of the namespace", CHANGE, WORKLOADS),
    // A secret of the type kubernetes.io/service-account-token is filled with one that never ends.
    power(
        "make tokens of service accounts",
        &["create"],
        &[("", "serviceaccounts/token"), ("", "secrets")],
    ),
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
        "pass for the holder of another certificate (impersonate credential-id)",
        &["impersonate", "impersonate:user-info"],
        &[("authentication.k8s.io", "userextras/authentication.kubernetes.io/credential-id")],
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
            (ADMISSION, "mutatingwebhookconfigurations"),
            (ADMISSION, "validatingwebhookconfigurations"),
            (ADMISSION, "mutatingadmissionpolicies"),
            (ADMISSION, "mutatingadmissionpolicybindings"),
        ],
    ),
    cluster_power(
        "remove admission webhooks and mutating policies",
        REMOVE,
        &[
            (ADMISSION, "mutatingwebhookconfigurations"),
            (ADMISSION, "validatingwebhookconfigurations"),
            (ADMISSION, "mutatingadmissionpolicies"),
            (ADMISSION, "mutatingadmissionpolicybindings"),
        ],
    ),
    cluster_power(
        "decide what the API server refuses, revoked certificates too (validating policies)",
        WRITE,
        &[
            (ADMISSION, "validatingadmissionpolicies"),
            (ADMISSION, "validatingadmissionpolicybindings"),
        ],
    ),
    cluster_power(
        "answer for API groups in the API server's place (API services)",
        CHANGE,
        &[("apiregistration.k8s.io", "apiservices")],
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
