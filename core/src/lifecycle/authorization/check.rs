//! Whether an API server takes an AuthorizationConfiguration.
//!
//! Source: `apiserver/pkg/apis/apiserver/validation/validation.go`; unknown fields are refused by the
//! strict decoder before. Expressions of others are not compiled here: the server has taken them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{MAX_CONDITIONS, MAX_EXPRESSION};
use crate::text::show_short;
use crate::x509::lifetime::parse_duration;

const TYPES: [&str; 6] = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];

/// Why the server would refuse it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{place}: {what}")]
pub struct Problem {
    /// Where, as `authorizers[0].name`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

fn problem(place: &str, what: impl Into<String>) -> Problem {
    Problem { place: place.to_owned(), what: what.into() }
}

/// Checks a whole configuration.
///
/// # Errors
/// The first thing that the server refuses.
pub fn check(configuration: &Value) -> Result<(), Problem> {
    fields(configuration, "the file", &["apiVersion", "kind", "authorizers"])?;
    let version = configuration["apiVersion"].as_str().unwrap_or_default();
    let version = version.strip_prefix("apiserver.config.k8s.io/");
    if !matches!(version, Some("v1" | "v1beta1" | "v1alpha1")) {
        return Err(problem("apiVersion", "it is not apiserver.config.k8s.io/v1"));
    }
    if configuration["kind"] != "AuthorizationConfiguration" {
        return Err(problem("kind", "it is not AuthorizationConfiguration"));
    }
    let authorizers = configuration["authorizers"].as_array().map(Vec::as_slice);
    let authorizers = authorizers.filter(|a| !a.is_empty());
    let authorizers = authorizers.ok_or_else(|| problem("authorizers", "there is none"))?;
    let mut names = BTreeSet::new();
    let mut types = BTreeSet::new();
    for (index, authorizer) in authorizers.iter().enumerate() {
        let place = format!("authorizers[{index}]");
        fields(authorizer, &place, &["type", "name", "webhook"])?;
        let kind = text(authorizer, "type", &place)?;
        if !TYPES.contains(&kind) {
            return Err(problem(&place, format!("there is no type {}", show_short(kind, 40))));
        }
        if !types.insert(kind) && kind != "Webhook" {
            return Err(problem(&place, format!("type {kind} appears twice")));
        }
        let name = text(authorizer, "name", &place)?;
        if !is_dns_name(name) {
            return Err(problem(&place, format!("{} is not a name", show_short(name, 80))));
        }
        if !names.insert(name) {
            return Err(problem(
                &place,
                format!("the name {} appears twice", show_short(name, 80)),
            ));
        }
        match (&authorizer["webhook"], kind) {
            (Value::Null, "Webhook") => return Err(problem(&place, "webhook is missing")),
            (Value::Null, _) => {}
            (webhook, "Webhook") => check_webhook(webhook, &format!("{place}.webhook"))?,
            _ => return Err(problem(&place, "webhook is for type Webhook only")),
        }
    }
    // `pkg/kubeapiserver/authorizer/config.go`: what is not a webhook is named after its type.
    for (index, authorizer) in authorizers.iter().enumerate() {
        let (kind, name) = (&authorizer["type"], authorizer["name"].as_str().unwrap_or_default());
        let wanted = kind.as_str().filter(|k| *k != "Webhook").map(str::to_ascii_lowercase);
        if let Some(wanted) = wanted.filter(|w| w != name) {
            let place = format!("authorizers[{index}].name");
            return Err(problem(&place, format!("this type has to be named {wanted}")));
        }
    }
    Ok(())
}

fn check_webhook(webhook: &Value, place: &str) -> Result<(), Problem> {
    const FIELDS: [&str; 11] = [
        "authorizedTTL",
        "cacheAuthorizedRequests",
        "unauthorizedTTL",
        "cacheUnauthorizedRequests",
        "timeout",
        "subjectAccessReviewVersion",
        "matchConditionSubjectAccessReviewVersion",
        "failurePolicy",
        "connectionInfo",
        "matchConditions",
        "name",
    ];
    fields(webhook, place, &FIELDS[..10])?;
    let second = 1_000_000_000;
    let timeout = duration(webhook, "timeout", place)?;
    if timeout.is_none_or(|t| !(1..=30 * second).contains(&t)) {
        return Err(problem(place, "timeout is not between 0s and 30s"));
    }
    // The server fills in what is absent.
    for name in ["authorizedTTL", "unauthorizedTTL"] {
        if duration(webhook, name, place)?.is_some_and(|d| d <= 0) {
            return Err(problem(place, format!("{name} is not above 0s")));
        }
    }
    one_of(webhook, "subjectAccessReviewVersion", &["v1", "v1beta1"], place)?;
    one_of(webhook, "failurePolicy", &["NoOpinion", "Deny"], place)?;
    let info = &webhook["connectionInfo"];
    let info_place = format!("{place}.connectionInfo");
    fields(info, &info_place, &["type", "kubeConfigFile"])?;
    one_of(info, "type", &["InClusterConfig", "KubeConfigFile"], &info_place)?;
    let file = info["kubeConfigFile"].as_str().unwrap_or_default();
    match info["type"].as_str() {
        Some("KubeConfigFile") if !file.starts_with('/') => {
            return Err(problem(&info_place, "kubeConfigFile is not an absolute path"));
        }
        Some("InClusterConfig") if !file.is_empty() => {
            return Err(problem(&info_place, "kubeConfigFile is for type KubeConfigFile only"));
        }
        _ => {}
    }
    let empty = Vec::new();
    let conditions = match &webhook["matchConditions"] {
        Value::Null => &empty,
        Value::Array(conditions) => conditions,
        _ => return Err(problem(place, "matchConditions is not a list")),
    };
    if conditions.len() > MAX_CONDITIONS {
        return Err(problem(place, format!("more than {MAX_CONDITIONS} matchConditions")));
    }
    if !conditions.is_empty() {
        one_of(webhook, "matchConditionSubjectAccessReviewVersion", &["v1"], place)?;
    }
    let mut seen = BTreeSet::new();
    for (index, condition) in conditions.iter().enumerate() {
        let place = format!("{place}.matchConditions[{index}]");
        fields(condition, &place, &["expression"])?;
        let expression = text(condition, "expression", &place)?;
        if expression.trim().is_empty() {
            return Err(problem(&place, "the expression is empty"));
        }
        if expression.chars().count() > MAX_EXPRESSION {
            return Err(problem(&place, format!("the expression is longer than {MAX_EXPRESSION}")));
        }
        if !seen.insert(expression) {
            return Err(problem(&place, "the expression appears twice"));
        }
    }
    Ok(())
}

fn fields(value: &Value, place: &str, known: &[&str]) -> Result<(), Problem> {
    let Some(map) = value.as_object() else { return Err(problem(place, "it is not a mapping")) };
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(problem(place, format!("there is no field {}", show_short(key, 60)))),
        None => Ok(()),
    }
}

fn text<'v>(value: &'v Value, name: &str, place: &str) -> Result<&'v str, Problem> {
    let text = value[name].as_str().filter(|t| !t.is_empty());
    text.ok_or_else(|| problem(place, format!("{name} is missing or not a string")))
}

fn one_of(value: &Value, name: &str, allowed: &[&str], place: &str) -> Result<(), Problem> {
    if allowed.contains(&text(value, name, place)?) {
        return Ok(());
    }
    Err(problem(place, format!("{name} is none of {}", allowed.join(", "))))
}

fn duration(value: &Value, name: &str, place: &str) -> Result<Option<i64>, Problem> {
    match &value[name] {
        Value::Null => Ok(None),
        Value::String(text) if !text.contains(['d', 'w']) => {
            let parsed = parse_duration(text);
            parsed.map(Some).ok_or_else(|| problem(place, format!("{name} is not a duration")))
        }
        _ => Err(problem(place, format!("{name} is not a duration"))),
    }
}

/// A DNS-1123 subdomain.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration",
            "authorizers": [
                { "type": "Webhook", "name": "opa", "webhook": {
                    "timeout": "3s", "subjectAccessReviewVersion": "v1", "failurePolicy": "NoOpinion",
                    "matchConditionSubjectAccessReviewVersion": "v1",
                    "connectionInfo": { "type": "KubeConfigFile", "kubeConfigFile": "/x" },
                    "matchConditions": [{ "expression": "true" }] } },
                { "type": "Node", "name": "node" }, { "type": "RBAC", "name": "rbac" }],
        })
    }

    #[test]
    fn what_the_server_takes_passes() {
        assert_eq!(check(&valid()), Ok(()));
    }

    #[test]
    fn what_the_server_refuses_does_not() {
        let webhook = "/authorizers/0/webhook";
        let many: Vec<Value> =
            (0..65).map(|n| json!({ "expression": format!("{n} > 0") })).collect();
        for (place, value, said) in [
            ("/kind".to_owned(), json!("Config"), "kind: it is not AuthorizationConfiguration"),
            (
                "/authorizers/1/name".to_owned(),
                json!("nodes"),
                "authorizers[1].name: this type has to be named node",
            ),
            ("/apiVersion".to_owned(), json!("v1"), "apiVersion: "),
            ("/authorizers".to_owned(), json!([]), "authorizers: there is none"),
            ("/more".to_owned(), json!(1), "there is no field more"),
            ("/authorizers/1/type".to_owned(), json!("RBAC"), "type RBAC appears twice"),
            ("/authorizers/1/type".to_owned(), json!("Other"), "there is no type Other"),
            ("/authorizers/1/name".to_owned(), json!("rbac"), "the name rbac appears twice"),
            ("/authorizers/1/name".to_owned(), json!("A_b"), "A_b is not a name"),
            ("/authorizers/1/webhook".to_owned(), json!({}), "webhook is for type Webhook only"),
            (format!("{webhook}/timeout"), json!("31s"), "timeout is not between"),
            (format!("{webhook}/timeout"), json!("1d"), "timeout is not a duration"),
            (format!("{webhook}/failurePolicy"), json!("Allow"), "failurePolicy is none of"),
            (format!("{webhook}/authorizedTTL"), json!("0s"), "authorizedTTL is not above"),
            (format!("{webhook}/more"), json!("0s"), "there is no field more"),
            (
                format!("{webhook}/connectionInfo/kubeConfigFile"),
                json!("x"),
                "not an absolute path",
            ),
            (format!("{webhook}/matchConditions"), json!(many), "more than 64"),
            (format!("{webhook}/matchConditions"), json!([{"expression": " "}]), "is empty"),
            (
                format!("{webhook}/matchConditions"),
                json!([{"expression": "true"}, {"expression": "true"}]),
                "appears twice",
            ),
            (
                format!("{webhook}/matchConditions/0/expression"),
                json!("é".repeat(100_001)),
                "is longer than 100000",
            ),
        ] {
            let mut changed = valid();
            let (parent, key) = place.rsplit_once('/').unwrap();
            let parent =
                if parent.is_empty() { &mut changed } else { changed.pointer_mut(parent).unwrap() };
            match parent {
                Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
                parent => parent[key] = value,
            }
            let error = check(&changed).unwrap_err().to_string();
            assert!(error.contains(said), "{place}: {error}");
        }
    }
}
