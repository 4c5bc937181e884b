//! Nobody grants what he does not hold, after `pkg/registry/rbac/escalation_check.go`, `…/*/policybased/storage.go` and
//! `k8s.io/component-helpers/auth/rbac/validation`.

use super::GROUP;
use crate::api::{Binding, PolicyRule, Resource, Role};
use crate::authz::{Attributes, authorize, covers_url, rules_of, rules_of_role};
use crate::status::{Result, Status};
use crate::store::Store;
use crate::text::{quote, quote_all};
use crate::user::User;

/// Lets a binding through for masters, for who may `bind` the role, and for who holds all of it.
pub(crate) fn confirm_binding(
    store: &Store,
    user: &User,
    resource: &Resource,
    binding: &Binding,
) -> Result<()> {
    let role = &binding.role_ref;
    let namespace = &binding.metadata.namespace;
    let plural = if role.kind == "Role" { "roles" } else { "clusterroles" };
    if user.is_master() || may(store, user, "bind", plural, namespace, &role.name) {
        return Ok(());
    }
    let rules = rules_of_role(store, role, namespace)
        .ok_or_else(|| Status::not_found(resource, &role.name))?;
    confirm(store, user, resource, namespace, &binding.metadata.name, &rules)
}

/// Lets a role through for masters, for who may `escalate` it, and for who holds all of it.
pub(crate) fn confirm_role(
    store: &Store,
    user: &User,
    resource: &Resource,
    role: &Role,
) -> Result<()> {
    let meta = &role.metadata;
    if user.is_master()
        || may(store, user, "escalate", resource.plural, &meta.namespace, &meta.name)
    {
        return Ok(());
    }
    confirm(store, user, resource, &meta.namespace, &meta.name, &role.rules)
}

fn may(
    store: &Store,
    user: &User,
    verb: &str,
    resource: &str,
    namespace: &str,
    name: &str,
) -> bool {
    let attributes =
        Attributes { verb, namespace, group: GROUP, resource, name, ..Attributes::default() };
    authorize(store, user, &attributes).is_some()
}

fn confirm(
    store: &Store,
    user: &User,
    resource: &Resource,
    namespace: &str,
    name: &str,
    rules: &[PolicyRule],
) -> Result<()> {
    let held = rules_of(store, user, namespace);
    let missing: Vec<PolicyRule> = rules
        .iter()
        .flat_map(break_down)
        .filter(|single| !held.iter().any(|rule| covers(rule, single)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = compact(missing).iter().map(describe).collect();
    lines.sort();
    lines.dedup();
    let why = format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quote(&user.name),
        quote_all(&user.groups),
        lines.join("\n")
    );
    Err(Status::forbidden(resource.group, resource.plural, name, &why))
}

/// Splits a rule into rules of one verb, one resource and at most one name.
fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let mut singles = Vec::new();
    let names: Vec<Vec<String>> = match rule.resource_names.as_slice() {
        [] => vec![Vec::new()],
        names => names.iter().map(|name| vec![name.clone()]).collect(),
    };
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                singles.extend(names.iter().map(|names| PolicyRule {
                    verbs: vec![verb.clone()],
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    resource_names: names.clone(),
                    ..PolicyRule::default()
                }));
            }
        }
    }
    for url in &rule.non_resource_urls {
        singles.extend(rule.verbs.iter().map(|verb| PolicyRule {
            verbs: vec![verb.clone()],
            non_resource_urls: vec![url.clone()],
            ..PolicyRule::default()
        }));
    }
    singles
}

/// Whether a held rule covers a single one.
fn covers(held: &PolicyRule, single: &PolicyRule) -> bool {
    let all = |held: &[String], wanted: &[String]| {
        held.iter().any(|it| it == "*") || wanted.iter().all(|it| held.contains(it))
    };
    let resources = all(&held.resources, &single.resources)
        || single.resources.iter().all(|wanted| {
            let subresource = wanted.split_once('/').map(|(_, it)| format!("*/{it}"));
            subresource.is_some_and(|it| held.resources.contains(&it))
        });
    let names = held.resource_names.is_empty()
        || !single.resource_names.is_empty()
            && single.resource_names.iter().all(|it| held.resource_names.contains(it));
    let urls = single
        .non_resource_urls
        .iter()
        .all(|wanted| held.non_resource_urls.iter().any(|url| covers_url(url, wanted)));
    all(&held.verbs, &single.verbs)
        && all(&held.api_groups, &single.api_groups)
        && resources
        && names
        && urls
}

/// Joins single rules about resources that differ in their verb only.
fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut compacted: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let twin = compacted.iter_mut().find(|it| {
            rule.non_resource_urls.is_empty()
                && PolicyRule { verbs: rule.verbs.clone(), ..(**it).clone() } == rule
        });
        match twin {
            Some(twin) => twin.verbs.extend(rule.verbs),
            None => compacted.push(rule),
        }
    }
    compacted
}

fn describe(rule: &PolicyRule) -> String {
    let parts = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let parts = parts.iter().filter(|(_, values)| !values.is_empty());
    let parts: Vec<String> =
        parts.map(|(name, values)| format!("{name}:{}", quote_all(values))).collect();
    format!("{{{}}}", parts.join(", "))
}
