//! Refusal by entries of the API server's AuthorizationConfiguration, of type Webhook, that are never
//! called: their conditions decide.
//!
//! Sources: `apiserver/pkg/apis/apiserver/v1/types.go` (since Kubernetes 1.32),
//! `apiserver/plugin/pkg/authorizer/webhook/webhook.go` and `apiserver/pkg/authorization/cel/matcher.go`:
//! conditions are evaluated in order, the first that is false passes the request on, and one that
//! fails, with `failurePolicy: Deny`, denies it. The last condition of each entry here always fails.

mod check;
mod file;

use serde_json::{Value, json};

pub use check::{Problem, check};
pub use file::{EditError, edit};

use super::{CREDENTIAL_ID, PROBE_USER, RevocationKey, RevocationList};

/// How the names of our entries begin; a number follows.
pub(crate) const NAME_PREFIX: &str = "usercert-revoked-";
/// What a person is told; the request itself is not known to the text that fails.
pub(crate) const MESSAGE: &str =
    "this client certificate was revoked; ask your admin for a new one";
/// The file beside the configuration that our entries name as a connection, and that is never used.
pub const NEVER_CALLED: &str = "usercert-never-called.kubeconfig";
/// The longest expression that the server takes, in code points
/// (`apiserver/pkg/cel/limits.go`).
pub(crate) const MAX_EXPRESSION: usize = 100_000;
/// The most conditions of an entry.
pub(crate) const MAX_CONDITIONS: usize = 64;

/// The entries for what is revoked; `kubeconfig` is the absolute path of [`NEVER_CALLED`] as the API
/// server sees it.
#[must_use]
pub fn entries(list: &RevocationList, kubeconfig: &str) -> Vec<Value> {
    let mut certificates = Vec::new();
    if let (true, RevocationKey::Certificate(print)) = (list.has_test, RevocationKey::test()) {
        certificates.push(print.credential_id());
    }
    let mut users = Vec::new();
    let mut exceptions = Vec::new();
    // What is on the list for a moment to try the policy is not worth reading the file again.
    for entry in list.entries().filter(|entry| entry.user.as_deref() != Some(PROBE_USER)) {
        match &entry.key {
            RevocationKey::Certificate(print) => certificates.push(print.credential_id()),
            RevocationKey::User(name) => users.push(name.clone()),
            RevocationKey::Exception(print) => exceptions.push(print.credential_id()),
        }
    }
    let ids = format!("request.extra['{CREDENTIAL_ID}']");
    let mut bodies: Vec<Vec<String>> = Vec::new();
    for some in parts(&certificates, &format!("{ids}.exists(id, id in ["), "])") {
        bodies.push(vec![some]);
    }
    // Some id of a certificate that is not excepted; a token's id is none.
    let mut excepted = parts(
        &exceptions,
        &format!("{ids}.exists(id, id.startsWith('X509SHA256=') && !(id in ["),
        "]))",
    );
    if excepted.is_empty() {
        excepted.push(format!("{ids}.exists(id, id.startsWith('X509SHA256='))"));
    }
    for some in parts(&users, "request.user in [", "]") {
        let mut body = vec![some];
        body.extend(excepted.iter().cloned());
        bodies.push(body);
    }
    let entry = |(index, body): (usize, Vec<String>)| entry(index, body, kubeconfig);
    bodies.into_iter().enumerate().map(entry).collect()
}

fn entry(index: usize, body: Vec<String>, kubeconfig: &str) -> Value {
    // The cluster's own components pass, whatever the list says.
    let guard = format!(
        "!request.user.startsWith('system:') && has(request.extra) && '{CREDENTIAL_ID}' in request.extra"
    );
    let denial = format!("{{'': true}}[{}]", literal(MESSAGE));
    let conditions: Vec<Value> = std::iter::once(guard)
        .chain(body)
        .chain(std::iter::once(denial))
        .map(|expression| json!({ "expression": expression }))
        .collect();
    json!({
        "type": "Webhook",
        "name": format!("{NAME_PREFIX}{index}"),
        "webhook": {
            "timeout": "1s",
            "authorizedTTL": "5m",
            "unauthorizedTTL": "5m",
            "subjectAccessReviewVersion": "v1",
            "matchConditionSubjectAccessReviewVersion": "v1",
            "failurePolicy": "Deny",
            "connectionInfo": { "type": "KubeConfigFile", "kubeConfigFile": kubeconfig },
            "matchConditions": conditions,
        },
    })
}

/// Lists of all these texts, each in an expression that the server still takes.
fn parts(texts: &[String], before: &str, after: &str) -> Vec<String> {
    let room = MAX_EXPRESSION - before.len() - after.len();
    let mut parts: Vec<String> = Vec::new();
    let mut list = String::new();
    let mut length = 0;
    for text in texts {
        let literal = literal(text);
        let more = literal.chars().count() + 1;
        if length + more > room && !list.is_empty() {
            parts.push(format!("{before}{}{after}", std::mem::take(&mut list)));
            length = 0;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&literal);
        length += more;
    }
    if !list.is_empty() {
        parts.push(format!("{before}{list}{after}"));
    }
    parts
}

/// A text as a literal of CEL (language definition, "String and Bytes Values"). Whatever is not a plain
/// visible character of ASCII is escaped.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('\'');
    out
}

/// The kubeconfig that is never used: the server reads it and wants an address in it.
#[must_use]
pub fn never_called() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "never-called", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "nobody", "user": {} }],
        "contexts": [{ "name": "never-called",
            "context": { "cluster": "never-called", "user": "nobody" } }],
        "current-context": "never-called",
    })
}

/// A first configuration that does what `--authorization-mode=MODES` did.
///
/// # Errors
/// A mode that cannot be turned into an entry without knowing more.
pub fn from_modes(modes: &str) -> Result<Value, String> {
    let mut authorizers = Vec::new();
    for mode in modes.split(',') {
        match mode {
            "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny" => {
                authorizers.push(json!({ "type": mode, "name": mode.to_lowercase() }))
            }
            other => return Err(other.to_owned()),
        }
    }
    Ok(json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": authorizers,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Fingerprint;
    use serde_json::Map;

    fn list(keys: &[RevocationKey]) -> RevocationList {
        let data: Map<String, Value> = keys.iter().map(|k| (k.to_string(), "x".into())).collect();
        RevocationList::read(&json!({ "data": data }))
    }

    fn certificates(count: u32) -> Vec<RevocationKey> {
        (0..count).map(|n| RevocationKey::Certificate(Fingerprint::of(&n.to_be_bytes()))).collect()
    }

    fn conditions(entry: &Value) -> Vec<&str> {
        let conditions = entry["webhook"]["matchConditions"].as_array().unwrap();
        conditions.iter().map(|c| c["expression"].as_str().unwrap()).collect()
    }

    #[test]
    fn nothing_revoked_is_no_entry() {
        assert_eq!(entries(&RevocationList::default(), "/x"), Vec::<Value>::new());
        let exception = RevocationKey::Exception(Fingerprint::of(b""));
        assert_eq!(entries(&list(&[exception]), "/x"), Vec::<Value>::new());
    }

    #[test]
    fn users_and_their_exceptions_are_one_entry() {
        let exception = Fingerprint::of(b"x");
        let made = entries(
            &list(&[RevocationKey::User("a'b\\ü".to_owned()), RevocationKey::Exception(exception)]),
            "/x",
        );
        let [entry] = made.as_slice() else { panic!("{made:?}") };
        let conditions = conditions(entry);
        assert_eq!(conditions[1], r"request.user in ['a\'b\\\U000000fc']");
        assert_eq!(
            conditions[2],
            format!(
                "request.extra['{CREDENTIAL_ID}'].exists(id, id.startsWith('X509SHA256=') && !(id in ['{}']))",
                exception.credential_id()
            )
        );
        assert!(conditions[3].starts_with("{'': true}["));
    }

    #[test]
    fn five_thousand_certificates_are_a_few_entries_that_the_server_takes() {
        let keys = certificates(5_000);
        let made = entries(&list(&keys), "/x");
        assert_eq!(made.len(), 4);
        let mut configuration = from_modes("Node,RBAC").unwrap();
        let authorizers = configuration["authorizers"].as_array_mut().unwrap();
        authorizers.splice(0..0, made.iter().cloned());
        assert_eq!(check(&configuration), Ok(()));
        for key in keys.iter().step_by(97) {
            let naming = |e: &&Value| conditions(e)[1].contains(&key.to_string());
            assert_eq!(made.iter().filter(naming).count(), 1);
        }
    }

    #[test]
    fn modes_become_entries() {
        let made = from_modes("Node,RBAC").unwrap();
        assert_eq!(
            made["authorizers"],
            json!([{"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}])
        );
        assert_eq!(from_modes("Node,Webhook"), Err("Webhook".to_owned()));
    }
}
