//! ConfigMaps and Leases of the namespace as the server has them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::KIND_LABEL;
use crate::time::UnixTime;

/// A ConfigMap, or a Lease, of the namespace as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredMap {
    pub(super) metadata: StoredMetadata,
    #[serde(default)]
    pub(super) data: BTreeMap<String, String>,
    #[serde(default, rename = "binaryData")]
    binary: BTreeMap<String, String>,
    #[serde(default)]
    immutable: Option<bool>,
    #[serde(default)]
    spec: StoredSpec,
}

/// What a Lease has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredSpec {
    holder_identity: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct StoredMetadata {
    pub(super) name: String,
    uid: String,
    resource_version: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl StoredMap {
    /// Reads an object as the server sent it.
    ///
    /// # Errors
    /// A field of the wrong type.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        Self::deserialize(value).map_err(|_| "a field is of the wrong type")
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// UID and version, by which exactly this object is deleted.
    #[must_use]
    pub fn version(&self) -> (&str, &str) {
        (&self.metadata.uid, &self.metadata.resource_version)
    }

    /// Whether it is labeled as this, and cannot have been changed.
    pub(super) fn is(&self, kind: &str) -> Result<(), &'static str> {
        self.is_labelled(kind)?;
        // Whatever was written here cannot have been changed since.
        if self.immutable != Some(true) {
            return Err("it is not immutable");
        }
        if !self.binary.is_empty() {
            return Err("it holds binary data");
        }
        Ok(())
    }

    pub(super) fn is_labelled(&self, kind: &str) -> Result<(), &'static str> {
        match self.metadata.labels.get(KIND_LABEL).is_some_and(|found| found == kind) {
            true => Ok(()),
            false => Err("it is not labeled as a record"),
        }
    }

    /// Whether it has the name that belongs to what is in it.
    pub(super) fn is_named(&self, name: &str) -> Result<(), &'static str> {
        match self.metadata.name == name {
            true => Ok(()),
            false => Err("its name is not that of its certificate"),
        }
    }

    /// Of a Lease.
    pub(super) fn holder(&self) -> &str {
        &self.spec.holder_identity
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, &'static str> {
        self.data.get(key).map(String::as_str).ok_or("a key is missing")
    }

    pub(super) fn time(&self, key: &str) -> Result<UnixTime, &'static str> {
        self.text(key)?.parse().map_err(|_| "a time cannot be read")
    }
}
