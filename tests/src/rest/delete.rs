//! The end of objects.

use std::sync::Arc;

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Call;
use crate::answer::{self, Body};
use crate::api::{DeleteOptions, Kind, Object, Resource, Time, with_type};
use crate::codec::Payload;
use crate::selector::Selector;
use crate::status::{Result, Status};
use crate::store::Store;

pub(crate) fn delete(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    let options: DeleteOptions = payload.options()?;
    let mut store = call.cluster.store();
    let object = call.load(&store)?;
    let meta = object.meta();
    let preconditions = options.preconditions.unwrap_or_default();
    let (version, stored) = (&preconditions.resource_version, &meta.resource_version);
    let checks = [
        ("UID", &preconditions.uid, &meta.uid, "deleted and then recreated"),
        ("ResourceVersion", version, stored, "modified"),
    ];
    for (what, wanted, found, happened) in checks {
        if let Some(wanted) = wanted
            && wanted != found
        {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object \
                 might have been {happened}"
            );
            return Err(Status::delete_conflict(call.resource, call.name(), &why));
        }
    }
    // Options in the body silence those in the query (`…/endpoints/handlers/delete.go`).
    let dry_run = match payload.bytes.is_empty() {
        true => call.query.dry_run(),
        false => options.dry_run.iter().any(|it| it == "All"),
    };
    if dry_run {
        return Ok(deleted(call, &object));
    }
    if remove(&mut store, call.resource, &object) {
        Ok(deleted(call, &object))
    } else {
        let marked = call.load(&store)?;
        Ok(call.one(StatusCode::OK, &marked))
    }
}

pub(crate) fn delete_collection(call: &Call<'_>) -> Result<Response<Body>> {
    let selector = Selector::of(call.query, call.resource)?;
    let mut store = call.cluster.store();
    let all = store.list(call.resource, call.namespace());
    let chosen: Vec<Arc<Object>> = all.filter(|it| selector.matches(it)).cloned().collect();
    if !call.query.dry_run() {
        for object in &chosen {
            remove(&mut store, call.resource, object);
        }
    }
    let items: Vec<Value> = chosen.iter().map(|object| object.to_item()).collect();
    let metadata = json!({"resourceVersion": store.version().to_string()});
    let kind = format!("{}List", call.resource.kind_name);
    let list = json!({"metadata": metadata, "items": items});
    let list = with_type(&kind, &call.resource.api_version(), list);
    Ok(answer::json(StatusCode::OK, &list))
}

/// Removes an object, or marks it if finalizers hold it; `true` if it is gone.
fn remove(store: &mut Store, resource: &'static Resource, object: &Object) -> bool {
    if !object.meta().finalizers.is_empty() {
        if object.meta().deletion_timestamp.is_none() {
            let mut marked = object.clone();
            marked.meta_mut().deletion_timestamp = Some(Time::now());
            marked.meta_mut().deletion_grace_period_seconds = Some(0);
            store.put(resource, marked);
        }
        return false;
    }
    store.remove(resource, object);
    if matches!(object, Object::Namespace(_)) {
        for kind in [Kind::RoleBinding, Kind::Role, Kind::ServiceAccount, Kind::ConfigMap] {
            if let Some(inner) = Resource::of(kind) {
                let inside: Vec<_> = store.list(inner, &object.meta().name).cloned().collect();
                inside.iter().for_each(|object| store.remove(inner, object));
            }
        }
    }
    true
}

fn deleted(call: &Call<'_>, object: &Object) -> Response<Body> {
    let mut details = Map::new();
    details.insert("name".into(), call.name().into());
    if !call.resource.group.is_empty() {
        details.insert("group".into(), call.resource.group.into());
    }
    details.insert("kind".into(), call.resource.plural.into());
    details.insert("uid".into(), object.meta().uid.clone().into());
    let status = json!({"metadata": {}, "status": "Success", "details": details});
    answer::json(StatusCode::OK, &with_type("Status", "v1", status))
}
