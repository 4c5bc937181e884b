//! RBAC, after `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation/rule.go`, with the group
//! `system:masters` ahead of it.

use std::sync::Arc;

use crate::api::{Binding, Kind, Object, PolicyRule, Resource, RoleRef, Subject};
use crate::store::Store;
use crate::text::quote;
use crate::user::User;

/// What somebody wants to do. A non-empty `path` makes it a non-resource request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) verb: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
}

/// Why a user may do something; `None` if nothing allows it.
pub(crate) fn authorize(store: &Store, user: &User, wanted: &Attributes<'_>) -> Option<String> {
    if user.is_master() {
        return Some(String::new());
    }
    granted(store, user, wanted.namespace).into_iter().find_map(|grant| {
        let allowed = grant.rules.iter().any(|rule| allows(rule, wanted));
        allowed.then(|| format!("RBAC: allowed by {}", grant.source))
    })
}

/// Every rule that a user holds in a namespace, cluster-wide ones included.
pub(crate) fn rules_of(store: &Store, user: &User, namespace: &str) -> Vec<PolicyRule> {
    granted(store, user, namespace).into_iter().flat_map(|grant| grant.rules).collect()
}

/// The rules of a referenced role, if it exists.
pub(crate) fn rules_of_role(
    store: &Store,
    role: &RoleRef,
    namespace: &str,
) -> Option<Vec<PolicyRule>> {
    let (kind, namespace) =
        if role.kind == "Role" { (Kind::Role, namespace) } else { (Kind::ClusterRole, "") };
    match store.get(Resource::of(kind)?, namespace, &role.name)?.as_ref() {
        Object::Role(role) => Some(role.rules.clone()),
        _ => None,
    }
}

struct Grant {
    source: String,
    rules: Vec<PolicyRule>,
}

fn granted(store: &Store, user: &User, namespace: &str) -> Vec<Grant> {
    let bindings = |kind, namespace: &str| -> Vec<Arc<Object>> {
        let resource = Resource::of(kind);
        resource.map_or_else(Vec::new, |it| store.list(it, namespace).cloned().collect())
    };
    let mut all = bindings(Kind::ClusterRoleBinding, "");
    if !namespace.is_empty() {
        all.extend(bindings(Kind::RoleBinding, namespace));
    }
    all.iter()
        .filter_map(|object| match object.as_ref() {
            Object::Binding(binding) => grant(store, user, binding),
            _ => None,
        })
        .collect()
}

fn grant(store: &Store, user: &User, binding: &Binding) -> Option<Grant> {
    let namespace = &binding.metadata.namespace;
    let subject = binding.subjects.iter().find(|subject| applies(subject, user, namespace))?;
    let rules = rules_of_role(store, &binding.role_ref, namespace)?;
    let (kind, name) = if namespace.is_empty() {
        ("ClusterRoleBinding", binding.metadata.name.clone())
    } else {
        ("RoleBinding", format!("{}/{namespace}", binding.metadata.name))
    };
    let whom = if subject.kind == "ServiceAccount" {
        let home = if subject.namespace.is_empty() { namespace } else { &subject.namespace };
        format!("{}/{home}", subject.name)
    } else {
        subject.name.clone()
    };
    let source = format!(
        "{kind} {} of {} {} to {} {}",
        quote(&name),
        binding.role_ref.kind,
        quote(&binding.role_ref.name),
        subject.kind,
        quote(&whom)
    );
    Some(Grant { source, rules })
}

fn applies(subject: &Subject, user: &User, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => subject.name == user.name,
        "Group" => user.in_group(&subject.name),
        "ServiceAccount" => {
            let home = if subject.namespace.is_empty() { namespace } else { &subject.namespace };
            !home.is_empty()
                && user.name == format!("system:serviceaccount:{home}:{}", subject.name)
        }
        _ => false,
    }
}

fn allows(rule: &PolicyRule, wanted: &Attributes<'_>) -> bool {
    let has = |list: &[String], value: &str| list.iter().any(|it| it == "*" || it == value);
    if !has(&rule.verbs, wanted.verb) {
        return false;
    }
    if !wanted.path.is_empty() {
        return rule.non_resource_urls.iter().any(|url| covers_url(url, wanted.path));
    }
    let resource = match wanted.subresource {
        "" => wanted.resource.to_owned(),
        subresource => format!("{}/{subresource}", wanted.resource),
    };
    let any_with_subresource = format!("*/{}", wanted.subresource);
    let resource_matches = has(&rule.resources, &resource)
        || !wanted.subresource.is_empty() && rule.resources.contains(&any_with_subresource);
    has(&rule.api_groups, wanted.group)
        && resource_matches
        && (rule.resource_names.is_empty()
            || rule.resource_names.iter().any(|name| name == wanted.name))
}

/// Whether a rule's URL, which may end in a star, covers a path.
pub(crate) fn covers_url(url: &str, path: &str) -> bool {
    url == path || url.ends_with('*') && path.starts_with(url.trim_end_matches('*'))
}
