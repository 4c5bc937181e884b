//! What is written: new objects, and decisions on those that were read.

use serde_json::{Value, json};

use super::{API_VERSION, KIND};
use crate::encoding::{base64, yaml};
use crate::time::UnixTime;
use crate::x509::lifetime::Lifetime;
use crate::x509::pkcs10;

/// What a new object asks for.
#[derive(Clone, Debug)]
pub struct Manifest<'a> {
    /// Object name.
    pub name: &'a str,
    /// DER of the certificate request.
    pub request_der: &'a [u8],
    /// The signer.
    pub signer_name: &'a str,
    /// Usages; people's certificates need [`CLIENT_AUTH`](super::CLIENT_AUTH).
    pub usages: &'a [String],
    /// Lifetime; `None` leaves it to the signer.
    pub lifetime: Option<Lifetime>,
}

impl Manifest<'_> {
    /// The JSON to create: one canonical PEM block and nothing but `spec`.
    pub fn to_value(&self) -> Value {
        let mut spec = yaml::object([
            ("request", base64::encode(pkcs10::to_pem(self.request_der)).into()),
            ("signerName", self.signer_name.into()),
        ]);
        if let Some(lifetime) = self.lifetime {
            spec["expirationSeconds"] = lifetime.seconds().into();
        }
        spec["usages"] = self.usages.into();
        yaml::object([
            ("apiVersion", API_VERSION.into()),
            ("kind", KIND.into()),
            ("metadata", yaml::object([("name", self.name.into())])),
            ("spec", spec),
        ])
    }
}

/// A decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Sign it.
    Approve,
    /// Do not.
    Deny,
}

impl Decision {
    /// The condition's type.
    pub(crate) fn condition_type(self) -> &'static str {
        match self {
            Self::Approve => "Approved",
            Self::Deny => "Denied",
        }
    }
}

/// `read`, the object's JSON exactly as the server sent it, with a condition appended.
pub(crate) fn appended(
    read: &Value,
    condition_type: &str,
    reason: &str,
    message: &str,
    now: UnixTime,
) -> Value {
    let mut body = read.clone();
    let condition = json!({
        "type": condition_type,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": now.to_string(),
    });
    if !body["status"].is_object() {
        body["status"] = json!({});
    }
    match body["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(condition),
        None => body["status"]["conditions"] = json!([condition]),
    }
    body
}
