//! Changes by PUT and PATCH.

use hyper::{Response, StatusCode};
use serde_json::Value;

use super::Call;
use super::rules::{confirm_no_escalation, fill_in, place, validate, validate_update};
use crate::answer::{self, Body};
use crate::api::Object;
use crate::codec::{Payload, field_warnings};
use crate::status::{Result, Status};
use crate::store::Store;
use crate::text::quote;
use crate::{csr, metadata};

const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Replaces an object or its subresource by the body.
pub(crate) fn put(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    let (mut object, warnings) = payload.object(call.resource, call.query)?;
    fill_in(&mut object);
    place(call, &mut object)?;
    check_name(call, &object)?;
    let mut store = call.cluster.store();
    let old = call.load(&store)?;
    let (sent, stored) = (&object.meta().uid, &old.meta().uid);
    if !sent.is_empty() && sent != stored {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {sent}, UID in object meta: {stored}",
            call.resource.plural,
            call.name()
        );
        return Err(Status::conflict(call.resource, call.name(), &why));
    }
    let response = update(call, &mut store, &old, object)?;
    Ok(answer::warn(response, &warnings))
}

fn check_name(call: &Call<'_>, object: &Object) -> Result<()> {
    let (sent, url) = (&object.meta().name, call.name());
    if sent.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({url} based on URL) was undeterminable: name must be provided"
        )));
    }
    if sent != url {
        return Err(Status::bad_request(format!(
            "the name of the object ({sent}) does not match the name on the URL ({url})"
        )));
    }
    Ok(())
}

/// Changes an object or its subresource by a patch. Server-side apply is not offered.
pub(crate) fn patch(call: &Call<'_>, payload: &Payload) -> Result<Response<Body>> {
    let refuse = |error| Status::bad_request(format!("error decoding patch: {error}"));
    let mut store = call.cluster.store();
    let old = call.load(&store)?;
    let mut json = old.to_json(call.resource);
    match payload.media_type.as_str() {
        "application/json-patch+json" => {
            let patch: json_patch::Patch =
                serde_json::from_slice(&payload.bytes).map_err(refuse)?;
            json_patch::patch(&mut json, &patch).map_err(|_| Status::patch_does_not_apply())?;
        }
        // The types here have no merge keys apart from finalizers and owners, so a strategic patch is a merge patch with
        // directives that can be left out.
        media_type
        @ ("application/merge-patch+json" | "application/strategic-merge-patch+json") => {
            let mut patch: Value = serde_json::from_slice(&payload.bytes).map_err(refuse)?;
            if media_type.contains("strategic") {
                drop_directives(&mut patch);
            }
            json_patch::merge(&mut json, &patch);
        }
        _ => return Err(Status::unsupported_patch_type()),
    }
    let mut unknown = Vec::new();
    let mut object =
        Object::from_json(call.resource, json, &mut unknown).map_err(Status::bad_request)?;
    let warnings = field_warnings(unknown, call.query, call.resource)?;
    fill_in(&mut object);
    check_name(call, &object)?;
    let response = update(call, &mut store, &old, object)?;
    Ok(answer::warn(response, &warnings))
}

fn drop_directives(patch: &mut Value) {
    if let Value::Object(fields) = patch {
        fields.retain(|key, _| !key.starts_with('$'));
        fields.values_mut().for_each(drop_directives);
    }
}

/// The common part of PUT and PATCH: from the new object to the stored one.
fn update(
    call: &Call<'_>,
    store: &mut Store,
    old: &Object,
    mut object: Object,
) -> Result<Response<Body>> {
    let resource = call.resource;
    confirm_no_escalation(call, store, &object)?;
    let before = old.meta();
    let meta = object.meta_mut();
    if meta.resource_version.is_empty() {
        meta.resource_version = before.resource_version.clone();
    } else if meta.resource_version.parse::<u64>().is_err() {
        let text = quote(&meta.resource_version);
        return Err(Status::unexpected(format!(
            "strconv.ParseUint: parsing {text}: invalid syntax"
        )));
    } else if meta.resource_version != before.resource_version {
        return Err(Status::conflict(resource, call.name(), MODIFIED));
    }
    if meta.uid.is_empty() {
        meta.uid = before.uid.clone();
    }
    meta.creation_timestamp = before.creation_timestamp;
    meta.deletion_timestamp = before.deletion_timestamp;
    meta.deletion_grace_period_seconds = before.deletion_grace_period_seconds;
    let subresource = call.target.subresource.as_str();
    if let (Object::Request(request), Object::Request(old)) = (&mut object, old) {
        csr::prepare_update(request, old, subresource);
    }
    // The metadata is judged twice, by the server in general and by the resource; the message tells it once.
    let mut errors = metadata::validate(object.meta(), metadata::path_segment);
    errors.extend(metadata::validate_update(object.meta(), before));
    errors.extend(validate(&object, resource));
    errors.extend(validate_update(&object, old, subresource));
    errors.extend(metadata::validate_update(object.meta(), before));
    if !errors.is_empty() {
        return Err(Status::invalid(resource, call.name(), &errors));
    }
    if let (Object::Request(request), Object::Request(old)) = (&object, old) {
        csr::admit_update(request, old, resource, subresource, call.user, store)?;
    }
    if call.query.dry_run() || object == *old {
        return Ok(call.one(StatusCode::OK, &object));
    }
    let finalized =
        object.meta().deletion_timestamp.is_some() && object.meta().finalizers.is_empty();
    if finalized {
        store.remove(resource, &object);
        return Ok(call.one(StatusCode::OK, &object));
    }
    let stored = store.put(resource, object);
    Ok(call.one(StatusCode::OK, &stored))
}
