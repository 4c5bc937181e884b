//! Errors as `Status` objects, after `k8s.io/apimachinery/pkg/api/errors` and `…/util/validation/field`.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::Resource;
use crate::text::quote;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

pub(crate) type Result<T> = std::result::Result<T, Status>;

impl Status {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = Map::new();
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details.insert(key.into(), value.into());
            }
        }
        self.details = Some(Value::Object(details));
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// A refusal about a resource; group and plural apart, because the resource need not exist.
    pub(crate) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let qualified = if group.is_empty() { plural.into() } else { format!("{plural}.{group}") };
        let message = match (qualified.as_str(), name) {
            ("", _) => format!("forbidden: {why}"),
            (resource, "") => format!("{resource} is forbidden: {why}"),
            (resource, name) => format!("{resource} {} is forbidden: {why}", quote(name)),
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(group, plural, name)
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {} not found", resource.qualified(), quote(name));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(
            resource.group,
            resource.plural,
            name,
        )
    }

    /// For paths where nothing is served.
    pub(crate) fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about("", "", "")
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message).about("", "", "")
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str, generated: bool) -> Self {
        let message = format!("{} {} already exists", resource.qualified(), quote(name));
        let mut status = Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(
            resource.group,
            resource.plural,
            name,
        );
        if generated {
            status
                .message
                .push_str(", the server was not able to generate a unique name for the object");
            if let Some(details) = &mut status.details {
                details["retryAfterSeconds"] = 1.into();
            }
        }
        status
    }

    /// A name that is taken by an object that finalizers still hold.
    pub(crate) fn being_deleted(resource: &Resource, name: &str, generated: bool) -> Self {
        let mut status = Self::already_exists(resource, name, generated);
        status.message.insert_str(0, "object is being deleted: ");
        status
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            resource.qualified(),
            quote(name)
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(
            resource.group,
            resource.plural,
            name,
        )
    }

    /// The conflict that DELETE answers with; unlike an update's it names the kind.
    pub(crate) fn delete_conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            resource.qualified_kind(),
            quote(name)
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(
            resource.group,
            resource.kind_name,
            name,
        )
    }

    pub(crate) fn invalid(resource: &Resource, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid_kind(resource.group, resource.kind_name, name, errors)
    }

    /// The query parameters of a request count as an object of their own kind.
    pub(crate) fn invalid_options(kind: &str, error: FieldError) -> Self {
        Self::invalid_kind("meta.k8s.io", kind, "", &[error])
    }

    /// Reviews are judged before anybody has told them their kind.
    pub(crate) fn invalid_review(group: &str, error: FieldError) -> Self {
        Self::invalid_kind(group, "", "", &[error])
    }

    fn invalid_kind(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for error in errors {
            let text = format!("{}: {}", error.field, error.body);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let all = if let [only] = texts.as_slice() {
            only.clone()
        } else {
            format!("[{}]", texts.join(", "))
        };
        let qualified = if group.is_empty() { kind.into() } else { format!("{kind}.{group}") };
        let message = format!("{qualified} {} is invalid: {all}", quote(name));
        let mut status = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(group, kind, name);
        if let Some(details) = &mut status.details {
            details["causes"] = errors
                .iter()
                .map(|error| {
                    json!({"reason": error.reason, "message": error.body, "field": error.field})
                })
                .collect();
        }
        status
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {limit}"),
        )
    }

    pub(crate) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).about("", "", "")
    }

    /// A JSON patch whose tests or paths do not fit the object.
    pub(crate) fn patch_does_not_apply() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about("", "", "")
    }

    pub(crate) fn unsupported_patch_type() -> Self {
        Self::unsupported_media_type("415: Unsupported Media Type").about("", "", "")
    }

    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// A watch or a continued list asks for a version that is no longer there.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// An error that nobody in the server gave a reason.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    /// The same, with more about why.
    pub(crate) fn because(mut self, why: &str) -> Self {
        self.message.push_str(&format!(": {why}"));
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if !self.reason.is_empty() {
            json["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            json["details"] = details.clone();
        }
        json["code"] = self.code.as_u16().into();
        json
    }
}

/// One complaint of validation: where, of which type, and the text after the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    field: String,
    reason: &'static str,
    body: String,
}

impl FieldError {
    fn new(field: impl Into<String>, reason: &'static str, head: String, detail: &str) -> Self {
        let body = if detail.is_empty() { head } else { format!("{head}: {detail}") };
        Self { field: field.into(), reason, body }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, "FieldValueRequired", "Required value".into(), detail)
    }

    /// `value` is already rendered: quoted if a string, JSON if composite.
    pub(crate) fn invalid(field: impl Into<String>, value: &str, detail: &str) -> Self {
        Self::new(field, "FieldValueInvalid", format!("Invalid value: {value}"), detail)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &str) -> Self {
        Self::new(field, "FieldValueDuplicate", format!("Duplicate value: {}", quote(value)), "")
    }

    pub(crate) fn too_long(field: impl Into<String>, bytes: usize) -> Self {
        let detail = format!("may not be more than {bytes} bytes");
        Self::new(field, "FieldValueTooLong", "Too long".into(), &detail)
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, "FieldValueForbidden", "Forbidden".into(), detail)
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        Self::unsupported_json(field, &quote(value), supported)
    }

    /// Like [`FieldError::unsupported`], for a value that is already rendered.
    pub(crate) fn unsupported_json(
        field: impl Into<String>,
        value: &str,
        supported: &[&str],
    ) -> Self {
        let supported: Vec<String> = supported.iter().map(|it| quote(it)).collect();
        Self::new(
            field,
            "FieldValueNotSupported",
            format!("Unsupported value: {value}"),
            &format!("supported values: {}", supported.join(", ")),
        )
    }
}
