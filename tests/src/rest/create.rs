//! New objects.

use hyper::{Response, StatusCode};

use super::Call;
use super::rules::{
    confirm_no_escalation, fill_in, place, publish_root_ca, require_namespace, validate,
};
use crate::answer::{self, Body};
use crate::api::{Object, Time};
use crate::cluster::{generate_name, new_uid};
use crate::codec::Payload;
use crate::status::{Result, Status};
use crate::{csr, metadata};

pub(crate) fn create(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    let resource = call.resource;
    let (mut object, warnings) = payload.object(resource, call.query)?;
    fill_in(&mut object);
    let mut store = call.cluster.store();
    require_namespace(call, &store)?;
    place(call, &mut object)?;
    confirm_no_escalation(call, &store, &object)?;
    let meta = object.meta_mut();
    if !meta.resource_version.is_empty() && !call.query.dry_run() {
        return Err(Status::unexpected(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    let generated = meta.name.is_empty() && !meta.generate_name.is_empty();
    if generated {
        meta.name = generate_name(&meta.generate_name);
    }
    meta.uid = new_uid();
    meta.creation_timestamp = Some(Time::now());
    meta.deletion_timestamp = None;
    meta.deletion_grace_period_seconds = None;
    if let Object::Request(request) = &mut object {
        csr::prepare_create(request, call.user);
    }
    let name = object.meta().name.clone();
    // Names are looked at last, so that the more telling complaints come first.
    for errors in
        [validate(&object, resource), metadata::validate(object.meta(), metadata::path_segment)]
    {
        if !errors.is_empty() {
            return Err(Status::invalid(resource, &name, &errors));
        }
    }
    if let Object::Request(request) = &object {
        csr::admit_create(request, resource)?;
    }
    if let Some(taken) = store.get(resource, call.namespace(), &name) {
        return Err(if taken.meta().deletion_timestamp.is_some() {
            Status::being_deleted(resource, &name, generated)
        } else {
            Status::already_exists(resource, &name, generated)
        });
    }
    let response = if call.query.dry_run() {
        call.one(StatusCode::CREATED, &object)
    } else {
        let created = store.put(resource, object);
        publish_root_ca(call, &mut store, &created);
        call.one(StatusCode::CREATED, &created)
    };
    Ok(answer::warn(response, &warnings))
}
