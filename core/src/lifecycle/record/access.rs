//! The Roles of those who write and read records.

use serde_json::{Value, json};

use crate::api::lease;
use crate::api::rbac::{API_GROUP, MANAGED_BY, Rule};
use crate::lifecycle::NAMESPACE;

/// The Role of whoever may write records, as approvers should.
pub const RECORDER: &str = "usercert-recorder";
/// The Role of whoever may read them.
pub const READER: &str = "usercert-records-viewer";

/// The collection of both. They are Roles: bound for a whole cluster, their rules would reach every
/// ConfigMap.
#[must_use]
pub fn roles() -> String {
    format!("/apis/{API_GROUP}/v1/namespaces/{NAMESPACE}/roles")
}

/// The Role of whoever writes. Records are immutable, so it changes none.
#[must_use]
pub fn recorder() -> Value {
    role(RECORDER, &[Rule::allowing(&["get", "create"], "", &["configmaps"])])
}

/// The Role of whoever reads: records, and what the service that approves renewals notes.
#[must_use]
pub fn reader() -> Value {
    let verbs = ["get", "list", "watch"];
    let resources = [("", "configmaps"), (lease::API_GROUP, "leases")];
    role(READER, &resources.map(|(group, resource)| Rule::allowing(&verbs, group, &[resource])))
}

fn role(name: &str, rules: &[Rule]) -> Value {
    json!({
        "apiVersion": format!("{API_GROUP}/v1"),
        "kind": "Role",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": MANAGED_BY },
        },
        "rules": rules.iter().map(Rule::to_value).collect::<Value>(),
    })
}
