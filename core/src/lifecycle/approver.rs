//! The manifests of the Deployment that approves renewals.

use serde_json::{Value, json};

use super::{CONFIG_MAP, NAMESPACE, admission};
use crate::api::csr;
use crate::api::lease;
use crate::api::rbac::{API_GROUP as RBAC, MANAGED_BY, Rule};
use crate::review::policy::{OnReuse, Policy};

/// The name of all of its objects, and of its lease.
pub const NAME: &str = "usercert-approver";
/// The port of health and metrics.
const PORT: u16 = 8080;
/// Where the policy is mounted.
const FOLDER: &str = "/etc/usercert";
const FILE: &str = "policy.yaml";
/// The namespace in which events about what has none are kept.
pub const EVENTS: &str = "default";

/// The objects; `text` is the policy as it was written. What the pods may do follows from the policy.
#[must_use]
pub fn objects(image: &str, text: &str, policy: &Policy) -> Vec<Value> {
    let mut signers: Vec<&str> = policy.renewals().iter().map(|rule| rule.signer()).collect();
    signers.sort_unstable();
    signers.dedup();
    let revokes = policy.renewals().iter().any(|rule| rule.on_reuse() == OnReuse::Revoke);
    let mut everywhere = vec![
        requests("certificatesigningrequests", &["get", "list", "watch"]),
        requests("certificatesigningrequests/approval", &["update"]),
        Rule::allowing(&["list"], RBAC, &["clusterrolebindings", "rolebindings"]),
    ];
    let mut approve = requests("signers", &["approve"]);
    approve.resource_names = signers.into_iter().map(str::to_owned).collect();
    everywhere.push(approve);
    let mut here = vec![
        Rule::allowing(&["create", "delete", "get", "list"], "", &["configmaps"]),
        // Claims and descents besides its own, which nobody may change.
        Rule::allowing(&["create", "delete", "get", "list"], lease::API_GROUP, &["leases"]),
        Rule::allowing(&["update"], lease::API_GROUP, &["leases"]).of(NAME),
    ];
    if revokes {
        here.push(Rule::allowing(&["patch"], "", &["configmaps"]).of(CONFIG_MAP));
    }
    let events = [Rule::allowing(&["create"], "", &["events"])];
    let mut all = vec![
        admission::namespace(),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(Some(NAMESPACE)),
            "automountServiceAccountToken": false,
        }),
    ];
    all.extend(role(None, &everywhere));
    all.extend(role(Some(NAMESPACE), &here));
    all.extend(role(Some(EVENTS), &events));
    let labels = json!({ "app.kubernetes.io/name": NAME });
    all.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(Some(NAMESPACE)),
        "data": { FILE: text },
    }));
    all.push(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(Some(NAMESPACE)),
        "spec": { "minAvailable": 1, "selector": { "matchLabels": labels } },
    }));
    all.push(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(Some(NAMESPACE)),
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod(image) },
        },
    }));
    all
}

fn requests(resource: &str, verbs: &[&str]) -> Rule {
    let group = csr::API_VERSION.split('/').next().unwrap_or_default();
    Rule::allowing(verbs, group, &[resource])
}

fn metadata(namespace: Option<&str>) -> Value {
    let labels = json!({
        "app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": MANAGED_BY,
    });
    match namespace {
        Some(namespace) => json!({ "name": NAME, "namespace": namespace, "labels": labels }),
        None => json!({ "name": NAME, "labels": labels }),
    }
}

/// A role and its binding to the service account, in a namespace or for the cluster.
fn role(namespace: Option<&str>, rules: &[Rule]) -> [Value; 2] {
    let (kind, binding) = match namespace {
        Some(_) => ("Role", "RoleBinding"),
        None => ("ClusterRole", "ClusterRoleBinding"),
    };
    let version = format!("{RBAC}/v1");
    [
        json!({
            "apiVersion": version, "kind": kind, "metadata": metadata(namespace),
            "rules": rules.iter().map(Rule::to_value).collect::<Value>(),
        }),
        json!({
            "apiVersion": version, "kind": binding, "metadata": metadata(namespace),
            "roleRef": { "apiGroup": RBAC, "kind": kind, "name": NAME },
            "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE }],
        }),
    ]
}

fn pod(image: &str) -> Value {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "status" } });
    json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": true,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        // One node that goes does not take both.
        "affinity": { "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": { "matchLabels": { "app.kubernetes.io/name": NAME } },
            },
        }] } },
        "containers": [{
            "name": "approver",
            "image": image,
            "command": ["kubectl-usercert"],
            "args": [
                "approve", "--watch", "--policy", format!("{FOLDER}/{FILE}"),
                "--listen", format!("0.0.0.0:{PORT}"),
            ],
            "ports": [{ "name": "status", "containerPort": PORT }],
            "livenessProbe": probe("/healthz"),
            "readinessProbe": probe("/readyz"),
            "resources": {
                "requests": { "cpu": "10m", "memory": "32Mi" },
                "limits": { "memory": "128Mi" },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            // The folder: a single file would not follow changes of the ConfigMap.
            "volumeMounts": [{ "name": "policy", "mountPath": FOLDER, "readOnly": true }],
        }],
        "volumes": [{ "name": "policy", "configMap": { "name": NAME } }],
    })
}

/// The event of a service about a request; each request has one name for it.
#[must_use]
pub fn event(
    service: &str,
    request: &csr::Object,
    reason: &str,
    message: &str,
    now: crate::time::UnixTime,
) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": format!("{service}.{}", request.metadata.uid), "namespace": EVENTS },
        "involvedObject": {
            "apiVersion": csr::API_VERSION, "kind": csr::KIND,
            "name": request.metadata.name, "uid": request.metadata.uid,
        },
        "type": "Warning",
        "reason": reason,
        "message": message.chars().take(1000).collect::<String>(),
        "source": { "component": service },
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}
