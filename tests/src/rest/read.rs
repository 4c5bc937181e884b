//! One object, or a list of them in pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Call;
use super::rules::require_namespace;
use crate::answer::{self, Body, Form};
use crate::api::{Object, with_type};
use crate::revocation;
use crate::selector::Selector;
use crate::status::{Result, Status};

pub(crate) fn get(call: &Call<'_>) -> Result<Response<Body>> {
    let object = call.load(&call.cluster.store())?;
    Ok(call.one(StatusCode::OK, &object))
}

/// Connects to what an object stands for: here to nothing, as there is no such object. Admission comes first.
pub(crate) fn connect(call: &Call<'_>) -> Result<Response<Body>> {
    require_namespace(call, &call.cluster.store())?;
    revocation::admit(call, None)?;
    get(call)
}

pub(crate) fn list(call: &Call<'_>) -> Result<Response<Body>> {
    let selector = Selector::of(call.query, call.resource)?;
    let limit = call.query.number("limit")?.unwrap_or(0);
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
        let refuse = || Status::bad_request("invalid continue token: continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        let part = |i: usize| json["start"][i].as_str().map(str::to_owned).ok_or_else(refuse);
        let version = json["rv"].as_u64().ok_or_else(refuse)?;
        Ok(Self { version, after: (part(0)?, part(1)?) })
    }
}
