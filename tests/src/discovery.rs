//! What is served: API groups, versions and resources, in the old form of one document per group and in the new one of all
//! in one (`k8s.io/apiserver/pkg/endpoints/discovery`), and the server's version.

use serde_json::{Map, Value, json};

use crate::api::{RESOURCES, Resource, with_type};

/// The version that the sandbox imitates.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.2+sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

/// All named groups, in order.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = RESOURCES.iter().map(|resource| resource.group).collect();
    groups.retain(|group| !group.is_empty());
    groups.dedup();
    groups
}

/// `/api`
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`
pub(crate) fn group_list() -> Value {
    let groups: Vec<Value> = groups().into_iter().map(group_entry).collect();
    with_type("APIGroupList", "v1", json!({"groups": groups}))
}

/// `/apis/GROUP`
pub(crate) fn group(name: &str) -> Value {
    with_type("APIGroup", "v1", group_entry(name))
}

fn group_entry(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

/// `/api/v1` and `/apis/GROUP/v1`
pub(crate) fn resource_list(group: &str) -> Value {
    let group_version = if group.is_empty() { "v1".into() } else { format!("{group}/v1") };
    let mut resources = Vec::new();
    for resource in RESOURCES.iter().filter(|resource| resource.group == group) {
        let mut entry = resource_entry(resource, resource.plural, resource.verbs);
        entry["singularName"] = resource.singular.into();
        if !resource.short_names.is_empty() {
            entry["shortNames"] = resource.short_names.into();
        }
        resources.push(entry);
        for subresource in resource.subresources {
            let name = format!("{}/{}", resource.plural, subresource.name);
            resources.push(resource_entry(resource, &name, subresource.verbs));
        }
    }
    with_type(
        "APIResourceList",
        "v1",
        json!({"groupVersion": group_version, "resources": resources}),
    )
}

fn resource_entry(resource: &Resource, name: &str, verbs: &[&str]) -> Value {
    json!({
        "name": name,
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind_name,
        "verbs": verbs,
    })
}

/// `/api` and `/apis` in the form that has everything in it.
pub(crate) fn everything(core: bool) -> Value {
    let groups = if core { vec![""] } else { groups() };
    let items: Vec<Value> = groups
        .into_iter()
        .map(|group| {
            let resources: Vec<Value> = RESOURCES
                .iter()
                .filter(|resource| resource.group == group)
                .map(aggregated_resource)
                .collect();
            let mut metadata = Map::new();
            if !group.is_empty() {
                metadata.insert("name".into(), group.into());
            }
            json!({
                "metadata": metadata,
                "versions": [{"version": "v1", "resources": resources, "freshness": "Current"}],
            })
        })
        .collect();
    let list = json!({"metadata": {}, "items": items});
    with_type("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2", list)
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = json!({"group": resource.group, "version": "v1", "kind": resource.kind_name});
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|it| json!({"subresource": it.name, "responseKind": kind, "verbs": it.verbs}))
        .collect();
    let mut json = json!({
        "resource": resource.plural,
        "responseKind": kind,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        json["shortNames"] = resource.short_names.into();
    }
    if !subresources.is_empty() {
        json["subresources"] = subresources.into();
    }
    json
}
