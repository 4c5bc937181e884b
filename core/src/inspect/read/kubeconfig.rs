//! What a kubeconfig holds: clusters with their CA, users with their certificates.
//!
//! One file as it stands, tolerantly; what several files say together is
//! [`crate::kubeconfig::merged`]'s.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::artifacts::Artifacts;
use super::pem;
use crate::encoding::base64;
use crate::inspect::{Artifact, Finding, FoundArtifact};
use crate::kubeconfig::self_renewing::store_in;
use crate::text::show;

/// Fields that hold credentials other than a certificate.
const CREDENTIALS: [(&str, &str); 6] = [
    ("token", "token"),
    ("tokenFile", "token file"),
    ("exec", "exec plugin"),
    ("auth-provider", "auth provider"),
    ("username", "user name and password"),
    ("as", "impersonation"),
];

fn entries<'a>(value: &'a Value, list: &str) -> &'a [Value] {
    value.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Adds the whole, its clusters and its users.
pub(super) fn add(things: &mut Artifacts, value: &Value) {
    let current = word(value, "current-context");
    // By user. (Another kind of map would cost the page 2 KB.)
    let mut contexts = Map::new();
    for context in entries(value, "contexts") {
        let user = context.get("context").map(|body| word(body, "user")).unwrap_or_default();
        let names = contexts.entry(user).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(names) = names {
            names.push(word(context, "name").into());
        }
    }
    let from = things.found.len();
    things.group();
    let top = begin(things, from, "kubeconfig", value);
    top.about.clear();
    top.about.insert("currentContext".to_owned(), show(current).into());
    for list in ["clusters", "contexts", "users"] {
        top.about.insert(list.to_owned(), entries(value, list).len().into());
    }
    let exists = |c: &Value| word(c, "name") == current;
    if !current.is_empty() && !entries(value, "contexts").iter().any(exists) {
        top.findings.push(Finding::warn(
            "context-missing",
            "its current context does not exist: kubectl fails until another is chosen",
        ));
    }
    for cluster in entries(value, "clusters") {
        if !things.goes_on() {
            return;
        }
        let body = &cluster["cluster"];
        let from = things.found.len();
        things.group();
        data(things, body, "certificate-authority-data");
        let first = begin(things, from, "kubeconfig cluster", cluster);
        first.about.insert("server".to_owned(), show(word(body, "server")).into());
        named(&mut first.about, body, "certificate-authority");
        if body.get("insecure-skip-tls-verify").and_then(Value::as_bool) == Some(true) {
            first.findings.push(Finding::warn(
                "insecure",
                "the server's certificate is not checked: anybody on the way can pose as it",
            ));
        }
    }
    for user in entries(value, "users") {
        if !things.goes_on() {
            return;
        }
        let body = &user["user"];
        let from = things.found.len();
        things.group();
        data(things, body, "client-certificate-data");
        let certificates = things.found.len();
        data(things, body, "client-key-data");
        let alone = certificates == from && things.found.len() > from;
        if alone {
            // A key without a certificate is not a credential: the entry comes first, then the key.
            things.push(Artifact::Entry);
            let last = things.found.len() - 1;
            things.found[from..=last].rotate_right(1);
        }
        let store = store_in(body);
        if let Some(store) = store.clone().filter(|_| things.found.len() == from) {
            let command = word(&body["exec"], "command").to_owned();
            things.push(Artifact::SelfRenewing { store, command });
        }
        let about = &mut begin(things, from, "kubeconfig user", user).about;
        let used = contexts.get(word(user, "name")).and_then(Value::as_array);
        let used = used.into_iter().flatten().filter_map(Value::as_str);
        about.insert("contexts".to_owned(), used.clone().map(show).collect());
        about.insert("current".to_owned(), used.clone().any(|name| name == current).into());
        let other: Vec<&str> = CREDENTIALS
            .iter()
            .filter(|(field, _)| body.get(*field).is_some_and(|v| !v.is_null() && v != ""))
            .filter(|(field, _)| store.is_none() || *field != "exec")
            .map(|(_, name)| *name)
            .collect();
        if !other.is_empty() {
            about.insert("credentials".to_owned(), other.into());
        }
        if store.is_some() {
            about.insert("renewsItself".to_owned(), true.into());
        }
        named(about, body, "client-certificate");
        named(about, body, "client-key");
    }
}

/// What is embedded in this field.
fn data(things: &mut Artifacts, body: &Value, field: &str) {
    let text = word(body, field);
    if text.is_empty() {
        return;
    }
    let from = things.found.len();
    let decoded = base64::decode_spaced(text).map(Zeroizing::new);
    if let Some(text) = &decoded {
        pem::add(things, text);
    }
    if things.found.len() == from {
        let error = match decoded {
            Some(_) => "it holds no PEM block",
            None => "it is not base64",
        };
        return things.push_unreadable(field, error);
    }
    let fits = |found: &FoundArtifact| match field {
        "client-key-data" => found.private_key().is_some(),
        _ => found.certificate().is_some(),
    };
    if !things.found[from..].iter().any(fits) {
        let kind = if field == "client-key-data" { "private key" } else { "certificate" };
        let message = format!("{field} holds it instead of a {kind}");
        things.found[from].findings.push(Finding::warn("unfit", message));
    }
}

/// The file that this field names, if nothing is embedded.
fn named(about: &mut Map<String, Value>, body: &Value, field: &str) {
    if word(body, &format!("{field}-data")).is_empty() && !word(body, field).is_empty() {
        about.insert(field.to_owned(), show(word(body, field)).into());
    }
}

/// Makes what was found from `from` on, or nothing, an entry of the kubeconfig.
fn begin<'a>(
    things: &'a mut Artifacts,
    from: usize,
    role: &'static str,
    entry: &Value,
) -> &'a mut FoundArtifact {
    if things.found.len() == from {
        things.push(Artifact::Entry);
    }
    let name = Value::String(show(word(entry, "name")));
    for found in &mut things.found[from..] {
        found.about.insert("name".to_owned(), name.clone());
    }
    let first = &mut things.found[from];
    first.role = Some(role);
    first
}
