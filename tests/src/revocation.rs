//! Refusal of revoked client certificates, as far as `kubectl usercert` sets it up: by an admission policy whose parameter is
//! a ConfigMap (`k8s.io/apiserver/pkg/admission/plugin/policy/validating`), and by entries of an AuthorizationConfiguration
//! (`k8s.io/apiserver/pkg/authorization/cel`).
//!
//! There is no CEL here: the policy is known by its name, the entries by the shape of their expressions. What they come to
//! is the same, and so are the answers; the end-to-end suite shows both on a real server.

use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::answer::{self, Body};
use crate::api::{Kind, Object, Resource};
use crate::cluster::Cluster;
use crate::codec::Payload;
use crate::rest::Call;
use crate::status::{Result, Status};
use crate::store::Store;
use crate::user::User;

const POLICY: &str = "usercert-revoked-certificates";
const SENTENCE: &str = "this client certificate was revoked";
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
const PREFIX: &str = "X509SHA256=";

/// Asks the admission policy, if there is one, about a request that would change something.
pub(crate) fn admit(call: &Call<'_>, payload: Option<&Payload>) -> Result<()> {
    let resource = call.resource;
    // Reviews and the policies themselves never reach a policy.
    let unseen = ["admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io"];
    if unseen.contains(&resource.group) {
        return Ok(());
    }
    let store = call.cluster.store();
    let named = !call.target.name.is_empty();
    let connects = call.target.subresource == "proxy";
    if named && !connects && store.get(resource, call.namespace(), &call.target.name).is_none() {
        // Not found, which is told first.
        return Ok(());
    }
    let Some(line) = refused_by_policy(&store, call.user) else { return Ok(()) };
    drop(store);
    let created = payload.filter(|_| !named).map(|it| it.object(resource, call.query));
    let name = match created {
        Some(object) => object?.0.meta().name.clone(),
        None => call.target.name.clone(),
    };
    let why = format!(
        "ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: {SENTENCE}: {line}"
    );
    Err(Status::forbidden(resource.group, resource.plural, &name, &why))
}

/// What the list says about the user's certificate, if policy, binding and list are there and it is revoked.
fn refused_by_policy(store: &Store, user: &User) -> Option<String> {
    let spec = |kind| match store.get(Resource::of(kind)?, "", POLICY)?.as_ref() {
        Object::Custom(it) => Some(it.spec.clone()),
        _ => None,
    };
    spec(Kind::ValidatingAdmissionPolicy)?;
    let binding = spec(Kind::ValidatingAdmissionPolicyBinding)?;
    let denies = binding["validationActions"].as_array()?.iter().any(|it| it == "Deny");
    let list = &binding["paramRef"];
    let (namespace, name) = (list["namespace"].as_str()?, list["name"].as_str()?);
    let map = store.parameter(namespace, name)?;
    let Object::ConfigMap(map) = map.as_ref() else { return None };
    let ids = certificate_ids(user);
    if !denies || user.name.starts_with("system:") || ids.is_empty() {
        return None;
    }
    let hex: String = user.name.bytes().map(|byte| format!("{byte:02x}")).collect();
    // A certificate has a key of its own, or begins a line of the text that its first digits name.
    let in_text = |key: &str, name: &str| {
        let lines = map.data.get(name)?.split('\n').skip(1);
        lines.filter_map(|line| line.strip_prefix(&format!("{key} "))).next()
    };
    let listed = |prefix: &str, id: &str| {
        let second = id.chars().nth(1)?.to_digit(16)? & !3;
        let own = map.data.get(&format!("{prefix}{id}")).map(String::as_str);
        own.or_else(|| in_text(&format!("{prefix}{id}"), &format!("part.{}{second:x}", &id[..1])))
    };
    let excepted = |id: &&str| listed("except.", id).is_some();
    let by_name = || in_text(&format!("user.{hex}"), "users").filter(|_| !ids.iter().all(excepted));
    let value = ids.iter().find_map(|id| listed("", id)).or_else(by_name)?;
    Some(value.split('\n').next().unwrap_or_default().to_owned())
}

fn certificate_ids(user: &User) -> Vec<&str> {
    let ids = user.extra.get(CREDENTIAL_ID).map(|it| it.items.as_slice()).unwrap_or_default();
    let digits = ids.iter().filter_map(|id| id.strip_prefix(PREFIX));
    digits.filter(|id| id.len() == 64).collect()
}

/// What the expression of an AuthorizationConfiguration fails with that refuses the user, if one does.
pub(crate) fn refused_by_authorizer(cluster: &Cluster, user: &User) -> Option<String> {
    let file = cluster.authorization_config.as_ref()?;
    if user.is_master() || user.name.starts_with("system:") {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let configuration: Value = serde_yaml::from_str(&text).ok()?;
    let ids = certificate_ids(user);
    let entries = configuration["authorizers"].as_array()?.iter();
    entries.filter(|it| it["type"] == "Webhook").find_map(|entry| {
        let conditions = entry["webhook"]["matchConditions"].as_array()?;
        let texts: Vec<&str> = conditions.iter().filter_map(|it| it["expression"].as_str()).collect();
        let [_guard, decisive @ .., denial] = texts.as_slice() else { return None };
        let message = denial.strip_prefix("{'': true}['")?.strip_suffix("']")?;
        let all = !ids.is_empty() && decisive.iter().all(|it| is_true(it, user, &ids));
        all.then(|| {
            format!("cel evaluation error: expression '{denial}' resulted in error: no such key: {message}")
        })
    })
}

/// Whether an expression of these shapes is true.
fn is_true(expression: &str, user: &User, ids: &[&str]) -> bool {
    let list: Vec<String> = literals(
        expression
            .split_once('[')
            .map_or("", |(_, rest)| rest.rsplit_once(" in [").map_or(rest, |(_, list)| list)),
    );
    let listed = |id: &&str| list.contains(&format!("{PREFIX}{id}"));
    if expression.starts_with("request.user in [") {
        return list.contains(&user.name);
    }
    if expression.contains("!(id in [") {
        return ids.iter().any(|id| !listed(id));
    }
    if expression.contains("exists(id, id in [") {
        return ids.iter().any(listed);
    }
    // Any certificate at all.
    expression.ends_with("exists(id, id.startsWith('X509SHA256='))")
}

/// The quoted texts of a list.
fn literals(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = list.chars();
    while let Some(c) = characters.next() {
        if c != '\'' {
            continue;
        }
        let mut text = String::new();
        loop {
            match characters.next() {
                None | Some('\'') => break,
                Some('\\') => match characters.next() {
                    Some('U') => {
                        let digits: String = characters.by_ref().take(8).collect();
                        let code = u32::from_str_radix(&digits, 16).ok();
                        text.extend(code.and_then(char::from_u32));
                    }
                    other => text.extend(other),
                },
                Some(c) => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

/// The answer of an authorizer that fails: not an object, but a text.
pub(crate) fn authorizer_failed(path: &str, why: &str) -> Response<Body> {
    let text = format!("Internal Server Error: \"{}\": {why}\n", path.replace('&', "&amp;"));
    answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text)
}
