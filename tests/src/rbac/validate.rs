//! Defaults and validation, after `pkg/apis/rbac/v1/defaults.go` and `pkg/apis/rbac/validation/validation.go`.

use serde_json::json;

use super::GROUP;
use crate::api::{Binding, Kind, PolicyRule, Resource, Role, Subject};
use crate::metadata::{dns_subdomain, path_segment};
use crate::status::FieldError;
use crate::text::quote;

/// Fills in the API groups that a client may leave out.
pub(crate) fn fill_defaults(binding: &mut Binding) {
    if binding.role_ref.api_group.is_empty() {
        binding.role_ref.api_group = GROUP.into();
    }
    for subject in &mut binding.subjects {
        if subject.api_group.is_empty() && matches!(subject.kind.as_str(), "User" | "Group") {
            subject.api_group = GROUP.into();
        }
    }
}

pub(crate) fn validate_role(role: &Role, resource: &Resource) -> Vec<FieldError> {
    let rules = role.rules.iter().enumerate();
    rules.flat_map(|(i, rule)| validate_rule(rule, resource.namespaced, i)).collect()
}

fn validate_rule(rule: &PolicyRule, namespaced: bool, index: usize) -> Vec<FieldError> {
    let field = |name: &str| format!("rules[{index}].{name}");
    let mut errors = Vec::new();
    if rule.verbs.is_empty() {
        let why = "verbs must contain at least one value";
        errors.push(FieldError::required(field("verbs"), why));
    }
    if !rule.non_resource_urls.is_empty() {
        let urls = json!(rule.non_resource_urls).to_string();
        let mut refuse = |why| {
            errors.push(FieldError::invalid(field("nonResourceURLs"), &urls, why));
        };
        if namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        let regular = [&rule.api_groups, &rule.resources, &rule.resource_names];
        if regular.iter().any(|list| !list.is_empty()) {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
        return errors;
    }
    if rule.api_groups.is_empty() {
        let why = "resource rules must supply at least one api group";
        errors.push(FieldError::required(field("apiGroups"), why));
    }
    if rule.resources.is_empty() {
        let why = "resource rules must supply at least one resource";
        errors.push(FieldError::required(field("resources"), why));
    }
    errors
}

pub(crate) fn validate_binding(binding: &Binding, resource: &Resource) -> Vec<FieldError> {
    let role = &binding.role_ref;
    let mut errors = Vec::new();
    if role.api_group != GROUP {
        errors.push(FieldError::unsupported("roleRef.apiGroup", &role.api_group, &[GROUP]));
    }
    let kinds: &[&str] = match resource.kind {
        Kind::RoleBinding => &["Role", "ClusterRole"],
        _ => &["ClusterRole"],
    };
    if !kinds.contains(&role.kind.as_str()) {
        errors.push(FieldError::unsupported("roleRef.kind", &role.kind, kinds));
    }
    if role.name.is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for why in path_segment(&role.name) {
        errors.push(FieldError::invalid("roleRef.name", &quote(&role.name), &why));
    }
    for (i, subject) in binding.subjects.iter().enumerate() {
        errors.extend(validate_subject(subject, resource.namespaced, i));
    }
    errors
}

fn validate_subject(subject: &Subject, namespaced: bool, index: usize) -> Vec<FieldError> {
    let field = |name: &str| format!("subjects[{index}].{name}");
    let mut errors = Vec::new();
    if subject.name.is_empty() {
        errors.push(FieldError::required(field("name"), ""));
    }
    let api_group = match subject.kind.as_str() {
        "ServiceAccount" => {
            if !subject.name.is_empty() {
                errors.extend(
                    dns_subdomain(&subject.name)
                        .iter()
                        .map(|why| FieldError::invalid(field("name"), &quote(&subject.name), why)),
                );
            }
            if !namespaced && subject.namespace.is_empty() {
                errors.push(FieldError::required(field("namespace"), ""));
            }
            ""
        }
        "User" | "Group" => GROUP,
        _ => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(FieldError::unsupported(field("kind"), &subject.kind, &kinds));
            return errors;
        }
    };
    if subject.api_group != api_group {
        errors.push(FieldError::unsupported(field("apiGroup"), &subject.api_group, &[api_group]));
    }
    errors
}

pub(crate) fn validate_binding_update(new: &Binding, old: &Binding) -> Vec<FieldError> {
    if new.role_ref == old.role_ref {
        return Vec::new();
    }
    let value = json!({
        "APIGroup": new.role_ref.api_group,
        "Kind": new.role_ref.kind,
        "Name": new.role_ref.name,
    });
    vec![FieldError::invalid("roleRef", &value.to_string(), "cannot change roleRef")]
}
