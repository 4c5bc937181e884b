//! What a signer's service account must be allowed.

use serde_json::{Value, json};
use usercert_core::api::rbac::{API_GROUP as RBAC, Rule};
use usercert_core::encoding::yaml;

const CERTIFICATES: &str = "certificates.k8s.io";

/// The manifest for a service account that may sign for `signer` and nothing else, and see the names that
/// have role bindings.
pub(super) fn manifest(signer: &str, account: &str, namespace: &str) -> String {
    let role = format!("usercert-signer:{}", signer.replace('/', ":"));
    let rules = [
        Rule::allowing(&["get", "list", "watch"], CERTIFICATES, &["certificatesigningrequests"]),
        Rule::allowing(&["update"], CERTIFICATES, &["certificatesigningrequests/status"]),
        Rule::allowing(&["sign"], CERTIFICATES, &["signers"]).of(signer),
        Rule::allowing(&["list"], RBAC, &["rolebindings", "clusterrolebindings"]),
    ];
    let documents: [Value; 3] = [
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": namespace},
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": role},
            "rules": rules.iter().map(Rule::to_value).collect::<Value>(),
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": role},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        }),
    ];
    documents.map(|document| yaml::to_string(&document)).join("---\n")
}
