//! What a signer's service account must be allowed.

use serde_json::{Value, json};
use usercert_core::encoding::yaml;

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";

/// The manifest for a service account that may sign for `signer` and nothing else, and see the names that
/// have role bindings.
pub(super) fn manifest(signer: &str, account: &str, namespace: &str) -> String {
    let role = format!("usercert-signer:{}", signer.replace('/', ":"));
    let rule = |resource: &str, verbs: &[&str]| json!({"apiGroups": [CERTIFICATES], "resources": [resource], "verbs": verbs});
    let mut sign = rule("signers", &["sign"]);
    sign["resourceNames"] = json!([signer]);
    let documents: [Value; 3] = [
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": namespace},
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": role},
            "rules": [
                rule("certificatesigningrequests", &["get", "list", "watch"]),
                rule("certificatesigningrequests/status", &["update"]),
                sign,
                json!({
                    "apiGroups": [RBAC], "resources": ["rolebindings", "clusterrolebindings"],
                    "verbs": ["list"],
                }),
            ],
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
