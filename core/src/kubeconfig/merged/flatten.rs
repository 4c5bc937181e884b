//! The merged view as one object, with the content of files in place of their paths.
//!
//! Follows `FlattenConfig` in `tools/clientcmd/api/helpers.go` of client-go.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Merged;
use super::decode::{self, text_of};
use crate::kubeconfig::{Kind, path};

/// Fields that hold a path, and those that hold the content itself.
const EMBEDDED: [(&str, &str); 3] = [
    ("certificate-authority", "certificate-authority-data"),
    ("client-certificate", "client-certificate-data"),
    ("client-key", "client-key-data"),
];

pub(super) fn flatten(
    merged: &Merged,
    read: impl Fn(&Path) -> Result<Vec<u8>, String>,
) -> Result<Value, String> {
    let mut out = Map::new();
    out.insert("apiVersion".into(), "v1".into());
    out.insert("kind".into(), "Config".into());
    for kind in [Kind::Cluster, Kind::Context, Kind::User] {
        let mut entries: Vec<_> = merged.entries(kind).collect();
        entries.sort_by(|a, b| a.name.cmp(b.name));
        let mut list = Vec::new();
        for entry in entries {
            let mut body = decode::known_of(kind, &entry.value());
            for (file, data) in EMBEDDED {
                let named = text_of(&body, file).to_owned();
                if named.is_empty() {
                    continue;
                }
                if !text_of(&body, data).is_empty() {
                    return Err("cannot have values for both path and contents".into());
                }
                let content = read(&path::resolve(entry.file, &named))?;
                body.remove(file);
                body.insert(data.into(), STANDARD.encode(content).into());
            }
            list.push(json!({ "name": entry.name, kind.body_key(): body }));
        }
        out.insert(kind.section().into(), list.into());
    }
    out.insert("current-context".into(), merged.current_context().unwrap_or_default().into());
    if let Some(preferences) = preferences(merged) {
        out.insert("preferences".into(), preferences);
    }
    let extensions = extensions(merged.other.iter());
    if !extensions.is_empty() {
        out.insert("extensions".into(), extensions.into());
    }
    Ok(Value::Object(out))
}

fn preferences(merged: &Merged) -> Option<Value> {
    let all = || merged.other.iter().filter_map(|map| map.get("preferences")?.as_object());
    let mut out = Map::new();
    if all().any(|map| map.get("colors") == Some(&Value::Bool(true))) {
        out.insert("colors".into(), true.into());
    }
    let extensions = extensions(all());
    if !extensions.is_empty() {
        out.insert("extensions".into(), extensions.into());
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// Extensions by name, the first file's first.
fn extensions<'a>(maps: impl Iterator<Item = &'a Map<String, Value>>) -> Vec<Value> {
    let mut out: Vec<(String, Value)> = Vec::new();
    for item in maps.filter_map(|map| map.get("extensions")?.as_array()).flatten() {
        let name = item.as_object().map_or("", |item| text_of(item, "name"));
        if !out.iter().any(|(known, _)| known == name) {
            out.push((name.to_owned(), item.clone()));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.into_iter().map(|(_, item)| item).collect()
}
