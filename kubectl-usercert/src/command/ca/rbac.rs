//! What a signer's service account must be allowed.

use serde_json::{Value, json};
use usercert_core::api::rbac::{API_GROUP as RBAC, Rule};
use usercert_core::encoding::yaml;
use usercert_core::lifecycle::CONFIG_MAP;
use usercert_core::lifecycle::approver::EVENTS;

const CERTIFICATES: &str = "certificates.k8s.io";

/// The manifest for a service account that may sign for `signer` and nothing else, see the names that have role
/// bindings and what is revoked, and write events about requests.
pub(super) fn manifest(signer: &str, account: &str, namespace: &str) -> String {
    let role = format!("usercert-signer:{}", signer.replace('/', ":"));
    let rules = [
        Rule::allowing(&["get", "list", "watch"], CERTIFICATES, &["certificatesigningrequests"]),
        Rule::allowing(&["update"], CERTIFICATES, &["certificatesigningrequests/status"]),
        Rule::allowing(&["sign"], CERTIFICATES, &["signers"]).of(signer),
        Rule::allowing(&["list"], RBAC, &["rolebindings", "clusterrolebindings"]),
        Rule::allowing(&["get"], "", &["configmaps"]).of(CONFIG_MAP),
    ];
    let events = Rule::allowing(&["create"], "", &["events"]);
    let documents: [Value; 5] = [
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
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "Role",
            "metadata": {"name": role, "namespace": EVENTS}, "rules": [events.to_value()],
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": EVENTS},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        }),
    ];
    documents.map(|document| yaml::to_string(&document)).join("---\n")
}
