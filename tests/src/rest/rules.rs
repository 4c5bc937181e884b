//! What differs from kind to kind: defaults, namespaces, validation.

use super::Call;
use crate::api::{Kind, NamespaceStatus, Object, Resource, Time};
use crate::cluster::new_uid;
use crate::status::{FieldError, Result, Status};
use crate::store::Store;
use crate::{csr, metadata, rbac};

/// Longest content of a ConfigMap, in bytes.
const CONFIG_MAP_LIMIT: usize = 1 << 20;

/// Fills in what the kind's defaulting would.
pub(super) fn fill_in(object: &mut Object) {
    match object {
        Object::Binding(binding) => rbac::fill_defaults(binding),
        Object::Namespace(namespace) => {
            let name = namespace.metadata.name.clone();
            let labels = &mut namespace.metadata.labels;
            labels.insert("kubernetes.io/metadata.name".into(), name);
            namespace.spec.finalizers = vec!["kubernetes".into()];
            namespace.status = NamespaceStatus { phase: "Active".into() };
        }
        _ => {}
    }
}

/// Puts the object into the namespace of the path; it may not name another one. Where there are none, it loses its own.
pub(super) fn place(call: &Call<'_>, object: &mut Object) -> Result<()> {
    let meta = object.meta_mut();
    if !call.resource.namespaced || meta.namespace.is_empty() {
        meta.namespace = call.namespace().into();
    }
    if meta.namespace != call.namespace() {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

pub(super) fn require_namespace(call: &Call<'_>, store: &Store) -> Result<()> {
    let Some(namespaces) = Resource::of(Kind::Namespace) else { return Ok(()) };
    let namespace = call.namespace();
    if call.resource.namespaced && store.get(namespaces, "", namespace).is_none() {
        return Err(Status::not_found(namespaces, namespace));
    }
    Ok(())
}

/// Gives a new namespace its copy of the cluster's CA.
pub(super) fn publish_root_ca(call: &Call<'_>, store: &mut Store, created: &Object) {
    if let Object::Namespace(namespace) = created
        && let Some(resource) = Resource::of(Kind::ConfigMap)
    {
        let mut map = rbac::root_ca(&namespace.metadata.name, call.cluster.server_ca.pem());
        map.metadata.uid = new_uid();
        map.metadata.creation_timestamp = Some(Time::now());
        store.put(resource, Object::ConfigMap(map));
    }
}

pub(super) fn confirm_no_escalation(call: &Call<'_>, store: &Store, object: &Object) -> Result<()> {
    match object {
        Object::Role(role) => rbac::confirm_role(store, call.user, call.resource, role),
        Object::Binding(it) => rbac::confirm_binding(store, call.user, call.resource, it),
        _ => Ok(()),
    }
}

pub(super) fn validate(object: &Object, resource: &Resource) -> Vec<FieldError> {
    let name = match object {
        Object::Request(_) => metadata::any_name,
        Object::Namespace(_) => metadata::dns_label,
        Object::ServiceAccount(_) => metadata::dns_subdomain,
        _ => metadata::path_segment,
    };
    let mut errors = metadata::validate(object.meta(), name);
    errors.extend(match object {
        Object::Request(request) => csr::validate_create(request),
        Object::Role(role) => rbac::validate_role(role, resource),
        Object::Binding(binding) => rbac::validate_binding(binding, resource),
        Object::ConfigMap(map) => {
            let bytes: usize = map.data.values().map(String::len).sum();
            let too_long = bytes > CONFIG_MAP_LIMIT;
            too_long.then(|| FieldError::too_long("[]", CONFIG_MAP_LIMIT)).into_iter().collect()
        }
        Object::Loose(event) => {
            // What lies in no namespace has its events in one of these.
            let of = event.fields.get("involvedObject").and_then(|it| it["namespace"].as_str());
            let (of, here) = (of.unwrap_or_default(), event.metadata.namespace.as_str());
            let fits = of == here || (of.is_empty() && ["default", "kube-system"].contains(&here));
            let error = || {
                FieldError::invalid(
                    "involvedObject.namespace",
                    &format!("{of:?}"),
                    "does not match event.namespace",
                )
            };
            (!fits).then(error).into_iter().collect()
        }
        Object::Namespace(_) | Object::ServiceAccount(_) | Object::Custom(_) => Vec::new(),
    });
    errors
}

/// What is wrong with a change, beyond what would be wrong with a new object.
pub(super) fn validate_update(object: &Object, old: &Object, subresource: &str) -> Vec<FieldError> {
    match (object, old) {
        (Object::Request(new), Object::Request(old)) => csr::validate_update(new, old, subresource),
        (Object::Binding(new), Object::Binding(old)) => rbac::validate_binding_update(new, old),
        (Object::ConfigMap(new), Object::ConfigMap(old)) if old.immutable == Some(true) => {
            let kept =
                [("immutable", new.immutable == old.immutable), ("data", new.data == old.data)];
            let changed = kept.into_iter().filter(|(_, kept)| !kept);
            let error = |(field, _)| {
                FieldError::forbidden(field, "field is immutable when `immutable` is set")
            };
            changed.map(error).collect()
        }
        _ => Vec::new(),
    }
}
