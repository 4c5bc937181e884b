//! As much of an OpenAPI description as kubectl looks at: that the server validates fields itself, so that `create` and
//! `apply` need no `--validate=false` (`k8s.io/cli-runtime/pkg/resource/query_param_verifier_v3.go`).

use serde_json::{Map, Value, json};

use crate::api::{RESOURCES, Resource};
use crate::discovery::groups;

/// `/openapi/v3`: where the description of each group is.
pub(crate) fn index() -> Value {
    let core = std::iter::once("api/v1".to_owned());
    let paths = core.chain(groups().into_iter().map(|group| format!("apis/{group}/v1")));
    let paths: Map<String, Value> = paths
        .map(|path| {
            let url = format!("/openapi/v3/{path}");
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/v1`
pub(crate) fn description(group: &str) -> Value {
    let resources = RESOURCES.iter().filter(|it| it.group == group && it.verbs.contains(&"patch"));
    let paths: Map<String, Value> = resources.map(path).collect();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": paths,
    })
}

fn path(resource: &Resource) -> (String, Value) {
    let root =
        if resource.group.is_empty() { "/api".into() } else { format!("/apis/{}", resource.group) };
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let kind = json!({"group": resource.group, "version": "v1", "kind": resource.kind_name});
    let patch = json!({
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
        "responses": {},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": kind,
    });
    (format!("{root}/v1{scope}/{}/{{name}}", resource.plural), json!({"patch": patch}))
}
