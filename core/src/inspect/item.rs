//! What is said of a thing that was found.

use serde::Serialize;
use serde_json::{Map, Value};

pub use crate::review::Severity;
use crate::time::UnixTime;

/// Something that is odd or wrong, and what it means for Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which, as a word that does not change.
    pub code: &'static str,
    /// `info` is worth knowing, `warn` is a problem.
    pub severity: Severity,
    /// In words, safe to show.
    pub message: String,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What it is: `certificate request`, `certificate`, `private key`, `CertificateSigningRequest`,
    /// `kubeconfig user`, ….
    pub what: String,
    /// Properties in order, safe to show.
    pub properties: Map<String, Value>,
    /// What is odd or wrong about it.
    pub findings: Vec<Finding>,
    /// When it ceases to be of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixTime>,
}

impl Item {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), properties: Map::new(), findings: Vec::new(), expires: None }
    }

    /// Adds a property.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds something that is wrong.
    pub fn problem(&mut self, code: &'static str, message: impl Into<String>) {
        self.findings.push(Finding { code, severity: Severity::Warn, message: message.into() });
    }

    /// Adds something that is worth knowing.
    pub fn note(&mut self, code: &'static str, message: impl Into<String>) {
        self.findings.push(Finding { code, severity: Severity::Info, message: message.into() });
    }

    /// A property that is a text.
    pub fn word(&self, name: &str) -> &str {
        self.properties.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
