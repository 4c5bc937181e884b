//! A stored object of any kind, and how request bodies become one.
//!
//! Decoding follows `k8s.io/apimachinery/pkg/runtime/serializer`: absent, null and zero are the same, unknown fields are
//! dropped (and reported, see `fieldValidation`), a wrong type is an error.

use prost::Message as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Binding, CertificateSigningRequest, ConfigMap, Custom, Kind, Loose, Namespace, ObjectMeta,
    Resource, Role, ServiceAccount,
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    Request(Box<CertificateSigningRequest>),
    Role(Role),
    Binding(Binding),
    Namespace(Namespace),
    ConfigMap(ConfigMap),
    ServiceAccount(ServiceAccount),
    Custom(Custom),
    Loose(Loose),
}

/// What is wrong with a body, in words for the `message` of a BadRequest.
pub(crate) type DecodeError = String;

impl Object {
    /// Reads an object of the resource's kind from JSON; paths of unknown fields go to `unknown`.
    pub(crate) fn from_json(
        resource: &Resource,
        json: Value,
        unknown: &mut Vec<String>,
    ) -> Result<Self, DecodeError> {
        Ok(match resource.kind {
            Kind::CertificateSigningRequest => {
                Self::Request(Box::new(decode_json(resource, json, unknown)?))
            }
            Kind::Role | Kind::ClusterRole => Self::Role(decode_json(resource, json, unknown)?),
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                Self::Binding(decode_json(resource, json, unknown)?)
            }
            Kind::Namespace => Self::Namespace(decode_json(resource, json, unknown)?),
            Kind::ConfigMap => Self::ConfigMap(decode_json(resource, json, unknown)?),
            Kind::ServiceAccount => Self::ServiceAccount(decode_json(resource, json, unknown)?),
            Kind::ValidatingAdmissionPolicy
            | Kind::ValidatingAdmissionPolicyBinding
            | Kind::Lease => Self::Custom(decode_json(resource, json, unknown)?),
            Kind::Event => {
                let mut event: Loose = decode_json(resource, json, unknown)?;
                event.fields.retain(|key, _| key != "kind" && key != "apiVersion");
                Self::Loose(event)
            }
            _ => return Err(format!("{} is not stored", resource.kind_name)),
        })
    }

    /// Reads an object of the resource's kind from the payload of a protobuf envelope.
    pub(crate) fn from_protobuf(resource: &Resource, raw: &[u8]) -> Result<Self, DecodeError> {
        match resource.kind {
            Kind::CertificateSigningRequest => {
                CertificateSigningRequest::decode(raw).map(|it| Self::Request(Box::new(it)))
            }
            Kind::Role | Kind::ClusterRole => Role::decode(raw).map(Self::Role),
            Kind::RoleBinding | Kind::ClusterRoleBinding => Binding::decode(raw).map(Self::Binding),
            Kind::Namespace => Namespace::decode(raw).map(Self::Namespace),
            Kind::ConfigMap => ConfigMap::decode(raw).map(Self::ConfigMap),
            Kind::ServiceAccount => ServiceAccount::decode(raw).map(Self::ServiceAccount),
            _ => return Err(format!("{} is not stored", resource.kind_name)),
        }
        .map_err(|error| error.to_string())
    }

    /// The object without `kind` and `apiVersion`, as it stands in a list.
    pub(crate) fn to_item(&self) -> Value {
        let json = match self {
            Self::Request(it) => serde_json::to_value(it),
            Self::Role(it) => serde_json::to_value(it),
            Self::Binding(it) => serde_json::to_value(it),
            Self::Namespace(it) => serde_json::to_value(it),
            Self::ConfigMap(it) => serde_json::to_value(it),
            Self::ServiceAccount(it) => serde_json::to_value(it),
            Self::Custom(it) => serde_json::to_value(it),
            Self::Loose(it) => serde_json::to_value(it),
        };
        json.unwrap_or(Value::Null) // strings, numbers and maps of them cannot fail
    }

    /// The whole object.
    pub(crate) fn to_json(&self, resource: &Resource) -> Value {
        with_type(resource.kind_name, &resource.api_version(), self.to_item())
    }

    pub(crate) fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Request(it) => &it.metadata,
            Self::Role(it) => &it.metadata,
            Self::Binding(it) => &it.metadata,
            Self::Namespace(it) => &it.metadata,
            Self::ConfigMap(it) => &it.metadata,
            Self::ServiceAccount(it) => &it.metadata,
            Self::Custom(it) => &it.metadata,
            Self::Loose(it) => &it.metadata,
        }
    }

    pub(crate) fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Request(it) => &mut it.metadata,
            Self::Role(it) => &mut it.metadata,
            Self::Binding(it) => &mut it.metadata,
            Self::Namespace(it) => &mut it.metadata,
            Self::ConfigMap(it) => &mut it.metadata,
            Self::ServiceAccount(it) => &mut it.metadata,
            Self::Custom(it) => &mut it.metadata,
            Self::Loose(it) => &mut it.metadata,
        }
    }
}

/// Puts `kind` and `apiVersion` in front.
pub(crate) fn with_type(kind: &str, api_version: &str, json: Value) -> Value {
    let mut object = Map::new();
    object.insert("kind".into(), kind.into());
    object.insert("apiVersion".into(), api_version.into());
    if let Value::Object(fields) = json {
        object.extend(fields);
    }
    Value::Object(object)
}

/// Reads a struct from JSON by Go's rules.
pub(crate) fn decode_json<T: DeserializeOwned>(
    resource: &Resource,
    mut json: Value,
    unknown: &mut Vec<String>,
) -> Result<T, DecodeError> {
    drop_nulls(&mut json);
    let refuse = |reason: String| {
        format!(
            "{kind} in version \"v1\" cannot be handled as a {kind}: {reason}",
            kind = resource.kind_name
        )
    };
    if !json.is_object() {
        return Err(refuse("json: the body is not an object".into()));
    }
    serde_ignored::deserialize(json, |path| {
        let path = path.to_string();
        let ignored = ["kind", "apiVersion", "metadata.managedFields", "metadata.selfLink"];
        if !ignored.contains(&path.as_str()) && path != "metadata.generation" {
            unknown.push(path);
        }
    })
    .map_err(|error| match error.to_string() {
        base64 if base64.starts_with("illegal base64") => refuse(base64),
        other => refuse(format!("json: {other}")),
    })
}

/// Removes null members, which Go decodes to the zero value, the same as if they were absent.
fn drop_nulls(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
