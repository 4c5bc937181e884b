//! Reading the object from its JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{API_VERSION, Condition, KIND, Metadata, Object, ObjectError, Spec, Status};
use crate::time::UnixTime;

impl Object {
    /// Reads the object from its JSON.
    ///
    /// # Errors
    /// Another kind, or a field of the wrong type.
    pub fn from_value(value: &Value) -> Result<Self, ObjectError> {
        let word = |key| value.get(key).and_then(Value::as_str).unwrap_or("nothing");
        let (version, kind) = (word("apiVersion"), word("kind"));
        if (version, kind) != (API_VERSION, KIND) {
            let found = crate::text::show_short(&format!("{version} {kind}"), 80);
            return Err(ObjectError::OtherKind(found));
        }
        Self::from_item(value)
    }

    /// An item of a list, which carries no kind of its own.
    ///
    /// # Errors
    /// A field of the wrong type.
    pub fn from_item(value: &Value) -> Result<Self, ObjectError> {
        let top = Fields::of(value, "the object")?;
        let (metadata, spec) = (top.object("metadata")?, top.object("spec")?);
        let status = top.object("status")?;
        let condition = |value: &Value| {
            let fields = Fields::of(value, "status.conditions[]")?;
            Ok(Condition {
                condition_type: fields.text("type")?,
                status: fields.text("status")?,
                reason: fields.text("reason")?,
                message: fields.text("message")?,
                last_update_time: fields.time("lastUpdateTime")?,
            })
        };
        Ok(Self {
            metadata: Metadata {
                name: metadata.text("name")?,
                uid: metadata.text("uid")?,
                resource_version: metadata.text("resourceVersion")?,
                creation_timestamp: metadata.time("creationTimestamp")?,
            },
            spec: Spec {
                request: spec.text("request")?,
                signer_name: spec.text("signerName")?,
                usages: spec.texts("usages")?,
                expiration_seconds: spec.integer("expirationSeconds")?,
                username: spec.text("username")?,
                uid: spec.text("uid")?,
                groups: spec.texts("groups")?,
                extra: spec.object("extra")?.all_texts()?,
            },
            status: Status {
                conditions: status
                    .list("conditions")?
                    .iter()
                    .map(condition)
                    .collect::<Result<_, _>>()?,
                certificate: status.text("certificate")?,
            },
        })
    }
}

/// The fields of a JSON object. `null` stands for "absent", as in all of Kubernetes' JSON.
struct Fields<'v> {
    map: Option<&'v Map<String, Value>>,
    path: &'static str,
}

impl<'v> Fields<'v> {
    fn of(value: &'v Value, path: &'static str) -> Result<Self, ObjectError> {
        match value {
            Value::Null => Ok(Self { map: None, path }),
            Value::Object(map) => Ok(Self { map: Some(map), path }),
            _ => Err(ObjectError::Field { field: path.to_owned(), expected: "an object" }),
        }
    }

    fn get(&self, key: &str) -> &'v Value {
        self.map.and_then(|map| map.get(key)).unwrap_or(&Value::Null)
    }

    fn wrong(&self, key: &str, expected: &'static str) -> ObjectError {
        ObjectError::Field { field: format!("{}.{key}", self.path), expected }
    }

    fn object(&self, key: &'static str) -> Result<Self, ObjectError> {
        Self::of(self.get(key), key)
    }

    fn text(&self, key: &str) -> Result<String, ObjectError> {
        match self.get(key) {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.wrong(key, "text")),
        }
    }

    fn list(&self, key: &str) -> Result<&'v [Value], ObjectError> {
        match self.get(key) {
            Value::Null => Ok(&[]),
            Value::Array(items) => Ok(items),
            _ => Err(self.wrong(key, "a list")),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, ObjectError> {
        let text = |item: &Value| item.as_str().map(str::to_owned);
        let texts = self.list(key)?.iter().map(text).collect::<Option<_>>();
        texts.ok_or_else(|| self.wrong(key, "a list of texts"))
    }

    fn all_texts(&self) -> Result<BTreeMap<String, Vec<String>>, ObjectError> {
        // Not collected: that would sort first, and another way of sorting costs the page 1 KB.
        let mut all = BTreeMap::new();
        for key in self.map.into_iter().flat_map(Map::keys) {
            all.insert(key.clone(), self.texts(key)?);
        }
        Ok(all)
    }

    fn integer(&self, key: &str) -> Result<Option<i64>, ObjectError> {
        match self.get(key) {
            Value::Null => Ok(None),
            value => value.as_i64().map(Some).ok_or_else(|| self.wrong(key, "a whole number")),
        }
    }

    fn time(&self, key: &str) -> Result<Option<UnixTime>, ObjectError> {
        match self.text(key)?.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| self.wrong(key, "a time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        for (pointer, wrong, message) in [
            ("/spec/usages", json!("client auth"), "spec.usages is not a list"),
            ("/spec/usages", json!([1]), "spec.usages is not a list of texts"),
            (
                "/spec/expirationSeconds",
                json!("1h"),
                "spec.expirationSeconds is not a whole number",
            ),
            ("/spec/extra", json!({"a": "b"}), "extra.a is not a list"),
            ("/metadata", json!([]), "metadata is not an object"),
            (
                "/metadata/creationTimestamp",
                json!("now"),
                "metadata.creationTimestamp is not a time",
            ),
            ("/status", json!({"conditions": [1]}), "status.conditions[] is not an object"),
        ] {
            let mut value = json!({
                "apiVersion": API_VERSION, "kind": KIND,
                "metadata": {"creationTimestamp": null},
                "spec": {"usages": null, "expirationSeconds": null, "extra": null},
                "status": null,
            });
            *value.pointer_mut(pointer).unwrap() = wrong;
            let error = Object::from_value(&value).unwrap_err().to_string();
            assert_eq!(error, format!("the {KIND} cannot be read: {message}"));
        }
    }
}
