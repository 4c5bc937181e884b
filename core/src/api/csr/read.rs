//! Reading the object from its JSON.

use crate::text::sorted::BTreeMap;
use std::cell::RefCell;

use serde_json::{Map, Value};

use super::{API_VERSION, Condition, KIND, Metadata, Object, ObjectError, Spec, Status};
use crate::time::UnixTime;

impl Object {
    /// Reads the object from its JSON.
    ///
    /// # Errors
    /// Another kind, or a field of the wrong type.
    pub fn from_value(value: &Value) -> Result<Self, ObjectError> {
        let word = |key, none| value.get(key).and_then(Value::as_str).unwrap_or(none);
        let (version, kind) =
            (word("apiVersion", "no apiVersion"), word("kind", "an object without kind"));
        if (version, kind) != (API_VERSION, KIND) {
            let found = crate::text::show_short(&format!("{kind} ({version})"), 80);
            return Err(ObjectError::OtherKind(found));
        }
        Self::from_item(value)
    }

    /// An item of a list, which carries no kind of its own.
    ///
    /// # Errors
    /// A field of the wrong type.
    pub fn from_item(value: &Value) -> Result<Self, ObjectError> {
        let wrong = RefCell::new(None);
        let top = Fields::of(value, "the object", &wrong);
        let (metadata, spec) = (top.object("metadata"), top.object("spec"));
        let status = top.object("status");
        let condition = |value: &Value| {
            let fields = Fields::of(value, "status.conditions[]", &wrong);
            Condition {
                condition_type: fields.text("type"),
                status: fields.text("status"),
                reason: fields.text("reason"),
                message: fields.text("message"),
                last_update_time: fields.time("lastUpdateTime"),
            }
        };
        let object = Self {
            metadata: Metadata {
                name: metadata.text("name"),
                uid: metadata.text("uid"),
                resource_version: metadata.text("resourceVersion"),
                creation_timestamp: metadata.time("creationTimestamp"),
            },
            spec: Spec {
                request: spec.text("request"),
                signer_name: spec.text("signerName"),
                usages: spec.texts("usages"),
                expiration_seconds: spec.integer("expirationSeconds"),
                username: spec.text("username"),
                uid: spec.text("uid"),
                groups: spec.texts("groups"),
                extra: spec.object("extra").all_texts(),
            },
            status: Status {
                conditions: status.list("conditions").iter().map(condition).collect(),
                certificate: status.text("certificate"),
            },
        };
        wrong.into_inner().map_or(Ok(object), Err)
    }
}

/// The fields of a JSON object. `null` stands for "absent", as in all of Kubernetes' JSON.
struct Fields<'v> {
    map: Option<&'v Map<String, Value>>,
    path: &'static str,
    /// The first field of a wrong type: what is read after that is of no interest.
    wrong: &'v RefCell<Option<ObjectError>>,
}

impl<'v> Fields<'v> {
    fn of(value: &'v Value, path: &'static str, wrong: &'v RefCell<Option<ObjectError>>) -> Self {
        if !value.is_object() && !value.is_null() {
            let error = || ObjectError::Field { field: path.to_owned(), expected: "an object" };
            wrong.borrow_mut().get_or_insert_with(error);
        }
        Self { map: value.as_object(), path, wrong }
    }

    fn object(&self, key: &'static str) -> Self {
        Self::of(self.get(key), key, self.wrong)
    }

    fn get(&self, key: &str) -> &'v Value {
        self.map.and_then(|map| map.get(key)).unwrap_or(&Value::Null)
    }

    /// What was read of a field that is there.
    fn read<T>(&self, key: &str, expected: &'static str, read: Option<T>) -> Option<T> {
        if read.is_none() && !self.get(key).is_null() {
            let field = format!("{}.{key}", self.path);
            self.wrong.borrow_mut().get_or_insert(ObjectError::Field { field, expected });
        }
        read
    }

    fn text(&self, key: &str) -> String {
        self.read(key, "text", self.get(key).as_str()).unwrap_or_default().to_owned()
    }

    fn list(&self, key: &str) -> &'v [Value] {
        let list = self.get(key).as_array().map(Vec::as_slice);
        self.read(key, "a list", list).unwrap_or_default()
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let text = |item: &Value| item.as_str().map(str::to_owned);
        let texts = self.list(key).iter().map(text).collect();
        self.read(key, "a list of texts", texts).unwrap_or_default()
    }

    fn all_texts(&self) -> BTreeMap<String, Vec<String>> {
        // Not collected: that would sort first, and another way of sorting costs the page 1 KB.
        let mut all = BTreeMap::new();
        for key in self.map.into_iter().flat_map(Map::keys) {
            all.insert(key.clone(), self.texts(key));
        }
        all
    }

    fn integer(&self, key: &str) -> Option<i64> {
        self.read(key, "a whole number", self.get(key).as_i64())
    }

    fn time(&self, key: &str) -> Option<UnixTime> {
        match self.text(key) {
            text if text.is_empty() => None,
            text => self.read(key, "a time", text.parse().ok()),
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
