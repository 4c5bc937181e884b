//! What is said of a thing that was found.

use serde::Serialize;
use serde_json::{Map, Value};

pub use crate::review::Severity;
use crate::text::show;
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

impl Finding {
    /// Something wrong.
    pub fn warn(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warn, message: message.into() }
    }
}

/// Properties with strings from elsewhere that programs want as they are.
const AS_FOUND: [&str; 4] = ["user", "groups", "uid", "requester"];

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// What it is: `certificate request`, `certificate`, `private key`, `CertificateSigningRequest`,
    /// `kubeconfig user`, ….
    pub what: String,
    /// Properties in order. Those that [`Description::shown`] shows otherwise are as they were found; the others
    /// are safe to show.
    pub properties: Map<String, Value>,
    /// What is odd or wrong about it.
    pub findings: Vec<Finding>,
    /// When it ceases to be of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixTime>,
}

impl Description {
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
        self.findings.push(Finding::warn(code, message));
    }

    /// Adds something that is worth knowing.
    pub fn note(&mut self, code: &'static str, message: impl Into<String>) {
        self.findings.push(Finding { code, severity: Severity::Info, message: message.into() });
    }

    /// The properties, safe to show.
    #[must_use]
    pub fn shown(&self) -> Map<String, Value> {
        let mut properties = self.properties.clone();
        for (name, value) in &mut properties {
            if AS_FOUND.contains(&name.as_str()) {
                match value {
                    Value::String(text) if !text.is_empty() => *text = show(text),
                    Value::Array(items) => {
                        for item in items {
                            if let Value::String(text) = item {
                                *text = show(text);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        properties
    }

    /// A property that is a text.
    pub fn word(&self, name: &str) -> &str {
        self.properties.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
