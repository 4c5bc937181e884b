//! The manifests of the DaemonSet that keeps each API server's configuration in step with the list.

use serde_json::{Value, json};

use super::{CONFIG_MAP, NAMESPACE};
use crate::api::rbac::{API_GROUP as RBAC, MANAGED_BY};

/// The name of all of its objects.
pub const NAME: &str = "usercert-revocations-sync";

/// The objects; `file` is the configuration's absolute path on the nodes, `server_folder` its folder as the
/// API server sees it, if another. The pods may read and watch the list, and write into the file's
/// folder, nothing else.
#[must_use]
pub fn objects(image: &str, file: &str, server_folder: Option<&str>) -> Vec<Value> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut args = vec!["revocations", "sync", "--authorization-config", file];
    args.extend(server_folder.into_iter().flat_map(|seen| ["--server-folder", seen]));
    let labels = json!({ "app.kubernetes.io/name": NAME });
    let metadata = json!({
        "name": NAME, "namespace": NAMESPACE,
        "labels": { "app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": MANAGED_BY },
    });
    let rbac = format!("{RBAC}/v1");
    vec![
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata,
            "automountServiceAccountToken": false,
        }),
        json!({
            "apiVersion": rbac, "kind": "Role", "metadata": metadata,
            "rules": [{
                "apiGroups": [""], "resources": ["configmaps"],
                "resourceNames": [CONFIG_MAP], "verbs": ["get", "watch"],
            }],
        }),
        json!({
            "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": NAME },
            "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE }],
        }),
        // Nothing comes in; out goes what an API server and its name take.
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata,
            "spec": {
                "podSelector": { "matchLabels": labels },
                "policyTypes": ["Ingress", "Egress"],
                "egress": [{ "ports": [
                    { "protocol": "TCP", "port": 443 }, { "protocol": "TCP", "port": 6443 },
                ] }],
            },
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata,
            "spec": {
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": pod(image, &args, folder),
                },
            },
        }),
    ]
}

fn pod(image: &str, args: &[&str], folder: &str) -> Value {
    json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": true,
        "priorityClassName": "system-node-critical",
        "nodeSelector": { "node-role.kubernetes.io/control-plane": "" },
        "tolerations": [
            { "key": "node-role.kubernetes.io/control-plane", "operator": "Exists",
              "effect": "NoSchedule" },
            { "key": "node-role.kubernetes.io/etcd", "operator": "Exists" },
        ],
        "containers": [{
            "name": "sync",
            "image": image,
            "command": ["kubectl-usercert"],
            "args": args,
            "resources": {
                "requests": { "cpu": "10m", "memory": "32Mi" },
                "limits": { "memory": "256Mi" },
            },
            "securityContext": {
                // The API server's files are root's.
                "runAsUser": 0, "runAsGroup": 0,
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "volumeMounts": [{ "name": "authorization", "mountPath": folder }],
        }],
        "volumes": [{
            "name": "authorization",
            "hostPath": { "path": folder, "type": "Directory" },
        }],
    })
}
