//! Tables for `kubectl get`, after `pkg/printers/internalversion/printers.go`.

use serde_json::{Value, json};

use crate::api::{CertificateSigningRequest, Kind, Object, Resource, Subject, Time, with_type};
use crate::text::human_duration;

/// Name, and whether only `-o wide` shows it.
type Column = (&'static str, bool);

/// A table of some objects. `metadata` is that of the list; `whole` asks for the objects themselves beside their cells.
pub(crate) fn table(
    resource: &Resource,
    objects: &[&Object],
    metadata: &Value,
    whole: bool,
) -> Value {
    let columns: Vec<Value> = columns(resource)
        .iter()
        .map(|(name, wide)| {
            json!({
                "name": name,
                "type": if *name == "Created At" { "date" } else { "string" },
                "format": if *name == "Name" { "name" } else { "" },
                "description": "",
                "priority": i32::from(*wide),
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let embedded = if whole {
                object.to_json(resource)
            } else {
                let metadata = json!({"metadata": object.to_item()["metadata"]});
                with_type("PartialObjectMetadata", "meta.k8s.io/v1", metadata)
            };
            json!({"cells": cells(object), "object": embedded})
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

fn columns(resource: &Resource) -> &'static [Column] {
    match resource.kind {
        Kind::CertificateSigningRequest => &[
            ("Name", false),
            ("Age", false),
            ("SignerName", false),
            ("Requestor", false),
            ("RequestedDuration", false),
            ("Condition", false),
        ],
        Kind::Role | Kind::ClusterRole => &[("Name", false), ("Created At", false)],
        Kind::RoleBinding | Kind::ClusterRoleBinding => &[
            ("Name", false),
            ("Role", false),
            ("Age", false),
            ("Users", true),
            ("Groups", true),
            ("ServiceAccounts", true),
        ],
        Kind::Namespace => &[("Name", false), ("Status", false), ("Age", false)],
        Kind::ConfigMap => &[("Name", false), ("Data", false), ("Age", false)],
        _ => &[("Name", false), ("Age", false)],
    }
}

fn cells(object: &Object) -> Value {
    let meta = object.meta();
    let created = meta.creation_timestamp.unwrap_or_default();
    let age = human_duration(Time::now().seconds - created.seconds);
    match object {
        Object::Request(request) => {
            let spec = &request.spec;
            let asked = spec.expiration_seconds.map(|seconds| human_duration(seconds.into()));
            let asked = asked.unwrap_or_else(|| "<none>".into());
            json!([meta.name, age, spec.signer_name, spec.username, asked, condition(request)])
        }
        Object::Role(_) => json!([meta.name, created]),
        Object::Binding(binding) => {
            let role = format!("{}/{}", binding.role_ref.kind, binding.role_ref.name);
            let names = |kind: &str, text: fn(&Subject) -> String| {
                let subjects = binding.subjects.iter().filter(|it| it.kind == kind);
                subjects.map(text).collect::<Vec<_>>().join(", ")
            };
            let name = |it: &Subject| it.name.clone();
            let account = |it: &Subject| format!("{}/{}", it.namespace, it.name);
            let (users, groups) = (names("User", name), names("Group", name));
            json!([meta.name, role, age, users, groups, names("ServiceAccount", account)])
        }
        Object::Namespace(namespace) => json!([meta.name, namespace.status.phase, age]),
        Object::ConfigMap(map) => json!([meta.name, map.data.len(), age]),
        Object::ServiceAccount(_) | Object::Custom(_) | Object::Loose(_) => json!([meta.name, age]),
    }
}

/// The state of a request in one word or two.
fn condition(request: &CertificateSigningRequest) -> String {
    let status = &request.status;
    let mut text = if status.has("Denied") {
        "Denied"
    } else if status.has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if status.has("Failed") {
        text.push_str(",Failed");
    }
    if !status.certificate.is_empty() {
        text.push_str(",Issued");
    }
    text
}
