//! Create, read, update and delete, in the order of steps of `k8s.io/apiserver/pkg/registry/generic/registry/store.go` and
//! `…/pkg/registry/rest`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer::{self, Body, Form};
use crate::api::{DeleteOptions, Kind, NamespaceStatus, Object, Resource, Time, with_type};
use crate::cluster::{Cluster, generate_name, new_uid};
use crate::codec::{Payload, field_warnings};
use crate::selector::Selector;
use crate::status::{FieldError, Result, Status};
use crate::store::Store;
use crate::table::table;
use crate::target::{Query, Target};
use crate::text::quote;
use crate::user::User;
use crate::{csr, metadata, rbac};

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// One authorized request about a resource.
pub(crate) struct Call<'a> {
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) user: &'a User,
    pub(crate) target: &'a Target,
    pub(crate) query: &'a Query,
    pub(crate) resource: &'static Resource,
    pub(crate) form: Form,
}

impl Call<'_> {
    /// The namespace that objects of the resource live in; a Namespace itself lives in none.
    pub(crate) fn namespace(&self) -> &str {
        if self.resource.namespaced { &self.target.namespace } else { "" }
    }

    fn name(&self) -> &str {
        &self.target.name
    }

    /// Answers with one object in the form asked for.
    fn one(&self, code: StatusCode, object: &Object) -> Response<Body> {
        let json = if self.form == Form::Table {
            let version = json!({"resourceVersion": object.meta().resource_version});
            self.table(&[object], &version)
        } else {
            object.to_json(self.resource)
        };
        answer::json(code, &json)
    }

    pub(crate) fn table(&self, objects: &[&Object], metadata: &Value) -> Value {
        let whole = self.query.get("includeObject") == Some("Object");
        table(self.resource, objects, metadata, whole)
    }

    fn load(&self, store: &Store) -> Result<Arc<Object>> {
        let found = store.get(self.resource, self.namespace(), self.name());
        found.ok_or_else(|| Status::not_found(self.resource, self.name()))
    }
}

pub(crate) fn get(call: &Call<'_>) -> Result<Response<Body>> {
    let object = call.load(&call.cluster.store())?;
    Ok(call.one(StatusCode::OK, &object))
}

pub(crate) fn list(call: &Call<'_>) -> Result<Response<Body>> {
    let selector = Selector::of(call.query, call.resource)?;
    let limit: usize = call.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(0);
    let resume = call.query.get("continue").map(Continue::parse).transpose()?;
    let store = call.cluster.store();
    let position = |object: &Object| {
        let meta = object.meta();
        (meta.namespace.clone(), meta.name.clone())
    };
    let mut objects: Vec<Arc<Object>> = store
        .list(call.resource, call.namespace())
        .filter(|object| resume.as_ref().is_none_or(|it| position(object) > it.after))
        .filter(|object| selector.matches(object))
        .cloned()
        .collect();
    let version = resume.map_or(store.version(), |it| it.version);
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), version.to_string().into());
    if limit > 0 && objects.len() > limit {
        let remaining = objects.len() - limit;
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            let token = Continue { version, after: position(last) };
            metadata.insert("continue".into(), token.text().into());
        }
        if selector.is_empty() {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
    }
    let metadata = Value::Object(metadata);
    let json = if call.form == Form::Table {
        let objects: Vec<&Object> = objects.iter().map(AsRef::as_ref).collect();
        call.table(&objects, &metadata)
    } else {
        let items: Vec<Value> = objects.iter().map(|object| object.to_item()).collect();
        let kind = format!("{}List", call.resource.kind_name);
        let list = json!({"metadata": metadata, "items": items});
        with_type(&kind, &call.resource.api_version(), list)
    };
    Ok(answer::json(StatusCode::OK, &json))
}

/// Where a list goes on. Unlike the real one it continues in the present, not in a snapshot.
struct Continue {
    version: u64,
    after: (String, String),
}

impl Continue {
    fn text(&self) -> String {
        let json = json!({"v": "meta.k8s.io/v1", "rv": self.version, "start": self.after});
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let refuse = || Status::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        let part = |i: usize| json["start"][i].as_str().map(str::to_owned).ok_or_else(refuse);
        let version = json["rv"].as_u64().ok_or_else(refuse)?;
        Ok(Self { version, after: (part(0)?, part(1)?) })
    }
}

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
        return Err(Status::unexpected("resourceVersion should not be set on objects to be created"));
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
    for errors in [
        validate_create(&object, resource),
        metadata::validate(object.meta(), metadata::path_segment),
    ] {
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
        media_type @ ("application/merge-patch+json"
        | "application/strategic-merge-patch+json") => {
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
        return Err(Status::unexpected(format!("strconv.ParseUint: parsing {text}: invalid syntax")));
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
    errors.extend(validate_create(&object, resource));
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
    let finalized = object.meta().deletion_timestamp.is_some() && object.meta().finalizers.is_empty();
    if finalized {
        store.remove(resource, &object);
        return Ok(call.one(StatusCode::OK, &object));
    }
    let stored = store.put(resource, object);
    Ok(call.one(StatusCode::OK, &stored))
}

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
    if call.query.dry_run() || options.dry_run.iter().any(|it| it == "All") {
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
        for kind in [Kind::RoleBinding, Kind::Role, Kind::ConfigMap] {
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

/// Fills in what the kind's defaulting would.
fn fill_in(object: &mut Object) {
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
fn place(call: &Call<'_>, object: &mut Object) -> Result<()> {
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

fn require_namespace(call: &Call<'_>, store: &Store) -> Result<()> {
    let Some(namespaces) = Resource::of(Kind::Namespace) else { return Ok(()) };
    let namespace = call.namespace();
    if call.resource.namespaced && store.get(namespaces, "", namespace).is_none() {
        return Err(Status::not_found(namespaces, namespace));
    }
    Ok(())
}

/// Gives a new namespace its copy of the cluster's CA.
fn publish_root_ca(call: &Call<'_>, store: &mut Store, created: &Object) {
    if let Object::Namespace(namespace) = created
        && let Some(resource) = Resource::of(Kind::ConfigMap)
    {
        let mut map = rbac::root_ca(&namespace.metadata.name, call.cluster.server_ca.pem());
        map.metadata.uid = new_uid();
        map.metadata.creation_timestamp = Some(Time::now());
        store.put(resource, Object::ConfigMap(map));
    }
}

fn confirm_no_escalation(call: &Call<'_>, store: &Store, object: &Object) -> Result<()> {
    match object {
        Object::Role(role) => rbac::confirm_role(store, call.user, call.resource, role),
        Object::Binding(it) => rbac::confirm_binding(store, call.user, call.resource, it),
        _ => Ok(()),
    }
}

fn validate_create(object: &Object, resource: &Resource) -> Vec<FieldError> {
    let name = match object {
        Object::Request(_) => metadata::any_name,
        Object::Namespace(_) => metadata::dns_label,
        _ => metadata::path_segment,
    };
    let mut errors = metadata::validate(object.meta(), name);
    errors.extend(match object {
        Object::Request(request) => csr::validate_create(request),
        Object::Role(role) => rbac::validate_role(role, resource),
        Object::Binding(binding) => rbac::validate_binding(binding, resource),
        Object::Namespace(_) | Object::ConfigMap(_) => Vec::new(),
    });
    errors
}

/// What is wrong with a change, beyond what would be wrong with a new object.
fn validate_update(object: &Object, old: &Object, subresource: &str) -> Vec<FieldError> {
    match (object, old) {
        (Object::Request(new), Object::Request(old)) => csr::validate_update(new, old, subresource),
        (Object::Binding(new), Object::Binding(old)) => rbac::validate_binding_update(new, old),
        _ => Vec::new(),
    }
}
