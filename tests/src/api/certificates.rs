//! CertificateSigningRequest, after `k8s.io/api/certificates/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::meta::{ObjectMeta, Time, Values, base64_bytes};

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CertificateSigningRequest {
    #[prost(message, required, tag = "1")]
    pub(crate) metadata: ObjectMeta,
    #[prost(message, required, tag = "2")]
    pub(crate) spec: CertificateSigningRequestSpec,
    #[prost(message, required, tag = "3")]
    pub(crate) status: CertificateSigningRequestStatus,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CertificateSigningRequestSpec {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(with = "base64_bytes")]
    pub(crate) request: Vec<u8>,
    #[prost(string, tag = "7")]
    pub(crate) signer_name: String,
    #[prost(int32, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_seconds: Option<i32>,
    #[prost(string, repeated, tag = "5")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) usages: Vec<String>,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) username: String,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) uid: String,
    #[prost(string, repeated, tag = "4")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    #[prost(btree_map = "string, message", tag = "6")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra: BTreeMap<String, Values>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CertificateSigningRequestStatus {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(with = "base64_bytes", skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificate: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[prost(string, tag = "6")]
    pub(crate) status: String,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Time::is_zero")]
    pub(crate) last_update_time: Option<Time>,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Time::is_zero")]
    pub(crate) last_transition_time: Option<Time>,
}

impl CertificateSigningRequestStatus {
    /// Whether a condition of this type exists; like the printers, without a look at its status.
    pub(crate) fn has(&self, kind: &str) -> bool {
        self.conditions.iter().any(|condition| condition.kind == kind)
    }
}
