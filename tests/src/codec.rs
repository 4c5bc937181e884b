//! Request bodies: JSON, or Kubernetes' protobuf envelope (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).

use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{Object, Resource, decode_json};
use crate::status::{Result, Status};
use crate::target::Query;

const LIMIT: usize = 3 * 1024 * 1024;
const MAGIC: &[u8] = b"k8s\0";

#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(message, optional, tag = "1")]
    type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

/// A body that was read but not yet understood.
pub(crate) struct Payload {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: String,
}

impl Payload {
    /// Reads the whole body, up to the limit.
    pub(crate) async fn read(headers: &HeaderMap, mut body: Incoming) -> Result<Self> {
        let media_type = headers.get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let media_type = media_type.trim().to_owned();
        let mut bytes = Vec::new();
        let mut length = 0;
        // Read to its end whatever its length: who is still sending would see the connection break
        // instead of the answer.
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Status::bad_request(error.to_string()))?;
            let data = frame.into_data().unwrap_or_default();
            length += data.len();
            if length <= LIMIT {
                bytes.extend_from_slice(&data);
            }
        }
        if length > LIMIT {
            return Err(Status::too_large(LIMIT));
        }
        Ok(Self { bytes: bytes.into(), media_type })
    }

    /// Understands the body as an object of the resource. The second value holds warnings about unknown fields.
    pub(crate) fn object(
        &self,
        resource: &Resource,
        query: &Query,
    ) -> Result<(Object, Vec<String>)> {
        match self.decode(resource)? {
            Decoded::Protobuf(raw) => {
                let object = Object::from_protobuf(resource, &raw).map_err(Status::bad_request)?;
                Ok((object, Vec::new()))
            }
            Decoded::Json(json) => {
                let mut unknown = Vec::new();
                let object =
                    Object::from_json(resource, json, &mut unknown).map_err(Status::bad_request)?;
                Ok((object, field_warnings(unknown, query, resource)?))
            }
        }
    }

    /// Understands the body as a question of the resource's kind.
    pub(crate) fn question<T: DeserializeOwned + Message + Default>(
        &self,
        resource: &Resource,
    ) -> Result<T> {
        match self.decode(resource)? {
            Decoded::Protobuf(raw) => {
                T::decode(raw.as_slice()).map_err(|error| Status::bad_request(error.to_string()))
            }
            Decoded::Json(json) => {
                decode_json(resource, json, &mut Vec::new()).map_err(Status::bad_request)
            }
        }
    }

    /// Understands the body of a DELETE, which may be absent.
    pub(crate) fn options<T: DeserializeOwned + Message + Default>(&self) -> Result<T> {
        let refuse = |error: &dyn std::fmt::Display| Status::bad_request(error.to_string());
        if self.bytes.is_empty() {
            Ok(T::default())
        } else if let Some(envelope) = self.envelope()? {
            T::decode(envelope.raw.as_slice()).map_err(|error| refuse(&error))
        } else {
            serde_json::from_slice(&self.bytes).map_err(|error| refuse(&error))
        }
    }

    fn decode(&self, resource: &Resource) -> Result<Decoded> {
        let (api_version, kind, decoded) = if let Some(envelope) = self.envelope()? {
            let meta = envelope.type_meta.unwrap_or_default();
            (meta.api_version, meta.kind, Decoded::Protobuf(envelope.raw))
        } else if matches!(self.media_type.as_str(), "application/json" | "") {
            let json: Value = serde_json::from_slice(&self.bytes).map_err(|error| {
                Status::bad_request(format!(
                    "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse \
                     error: {error}",
                    resource.kind_name
                ))
            })?;
            let field = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
            (field("apiVersion"), field("kind"), Decoded::Json(json))
        } else {
            return Err(Status::unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: application/json, \
                 application/vnd.kubernetes.protobuf",
            ));
        };
        // Both may be left out: then the path says what it is.
        let fits = (kind.is_empty() || kind == resource.kind_name)
            && (api_version.is_empty() || api_version == resource.api_version());
        if fits {
            return Ok(decoded);
        }
        Err(Status::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {}: no kind \"{kind}\" is registered for version \
             \"{api_version}\"",
            api_version.rsplit('/').next().unwrap_or_default(),
            resource.kind_name,
        )))
    }

    fn envelope(&self) -> Result<Option<Envelope>> {
        match self.bytes.strip_prefix(MAGIC) {
            Some(rest) => Envelope::decode(rest)
                .map(Some)
                .map_err(|error| Status::bad_request(error.to_string())),
            None => Ok(None),
        }
    }
}

enum Decoded {
    Json(Value),
    Protobuf(Vec<u8>),
}

/// Treats unknown fields as the query parameter `fieldValidation` asks.
pub(crate) fn field_warnings(
    unknown: Vec<String>,
    query: &Query,
    resource: &Resource,
) -> Result<Vec<String>> {
    let warnings: Vec<String> =
        unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match query.get("fieldValidation") {
        Some("Ignore") => Ok(Vec::new()),
        Some("Strict") if !unknown.is_empty() => Err(Status::bad_request(format!(
            "{kind} in version \"v1\" cannot be handled as a {kind}: strict decoding error: {}",
            warnings.join(", "),
            kind = resource.kind_name,
        ))),
        _ => Ok(warnings),
    }
}
