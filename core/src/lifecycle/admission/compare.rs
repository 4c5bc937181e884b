//! What the server has of the mechanism's objects, held beside what they are to be.

use serde_json::{Map, Value};

use super::Managed;
use crate::api::rbac::MANAGED_BY;

const LABEL: &str = "app.kubernetes.io/managed-by";

/// How an object is on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectState {
    /// Not there.
    Absent,
    /// Something of the same name that does not carry our label.
    Foreign,
    /// Ours, but it says something else in these places: of another version, or changed by somebody.
    Changed(Vec<String>),
    /// As it is to be.
    AsIntended,
}

/// Compares what the server has, if anything, with what is to be there.
#[must_use]
pub fn state(intended: &Managed, found: Option<&Value>) -> ObjectState {
    let Some(found) = found else { return ObjectState::Absent };
    let kind = intended.value["kind"].as_str().unwrap_or_default();
    // Whose namespace and whose list it is does not matter to the mechanism.
    let shared = matches!(kind, "Namespace" | "ConfigMap");
    if !shared && found["metadata"]["labels"][LABEL] != MANAGED_BY {
        return ObjectState::Foreign;
    }
    let mut places = Vec::new();
    if !found["metadata"]["deletionTimestamp"].is_null() {
        places.push("metadata.deletionTimestamp".to_owned());
    }
    // One entry of the list is ours: the test entry.
    let tests = intended.value["data"].as_object().into_iter().flatten();
    let missing = tests.filter(|(key, _)| found["data"][key.as_str()].is_null());
    places.extend(missing.map(|_| "the test entry is missing".to_owned()));
    for part in ["spec", "rules"].iter().filter(|_| !shared) {
        differences(&intended.value[*part], &found[*part], part, &mut places);
    }
    if places.is_empty() { ObjectState::AsIntended } else { ObjectState::Changed(places) }
}

/// What to write in place of an object of ours that says something else; UID and resourceVersion stay
/// in, so that a change made meanwhile is a conflict.
#[must_use]
pub fn upgraded(intended: &Managed, found: &Value) -> Value {
    let mut body = found.clone();
    for part in ["spec", "rules"] {
        if !intended.value[part].is_null() {
            body[part] = intended.value[part].clone();
        }
    }
    for (key, value) in intended.value["data"].as_object().into_iter().flatten() {
        body["data"][key] = value.clone();
    }
    body
}

/// Adds the places in which the two differ. What is null, empty or absent is the same.
fn differences(intended: &Value, found: &Value, place: &str, places: &mut Vec<String>) {
    match (intended, found) {
        (Value::Object(intended), Value::Object(found)) => {
            let keys: Map<String, Value> =
                intended.iter().chain(found).map(|(k, _)| (k.clone(), Value::Null)).collect();
            for (key, _) in keys {
                let of = |map: &Map<String, Value>| map.get(&key).cloned().unwrap_or_default();
                differences(&of(intended), &of(found), &format!("{place}.{key}"), places);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{place}[{index}]"), places);
            }
        }
        (a, b) if a == b || (is_empty(a) && is_empty(b)) => {}
        _ => places.push(place.to_owned()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::admission::objects;
    use serde_json::json;

    fn of_kind(kind: &str) -> Managed {
        objects().into_iter().find(|o| o.value["kind"] == kind).unwrap()
    }

    /// As the server gives it back.
    fn stored(intended: &Managed) -> Value {
        let mut value = intended.value.clone();
        value["metadata"]["uid"] = "u".into();
        value["metadata"]["resourceVersion"] = "7".into();
        value["metadata"]["generation"] = 1.into();
        value["status"] = json!({});
        value
    }

    #[test]
    fn what_is_ours_and_unchanged_is_as_intended() {
        for object in objects() {
            assert_eq!(state(&object, Some(&stored(&object))), ObjectState::AsIntended);
            assert_eq!(state(&object, None), ObjectState::Absent);
        }
    }

    #[test]
    fn every_weakening_is_seen() {
        let policy = of_kind("ValidatingAdmissionPolicy");
        let binding = of_kind("ValidatingAdmissionPolicyBinding");
        let weakened: [(&Managed, &str, Value); 9] = [
            (&policy, "/spec/failurePolicy", json!("Ignore")),
            (&policy, "/spec/matchConstraints/excludeResourceRules", json!([{"apiGroups": ["*"]}])),
            (
                &policy,
                "/spec/matchConstraints/namespaceSelector",
                json!({"matchLabels": {"a": "b"}}),
            ),
            (&policy, "/spec/matchConstraints/objectSelector", json!({"matchLabels": {"a": "b"}})),
            (&policy, "/spec/matchConstraints/resourceRules/0/operations", json!(["CREATE"])),
            (&policy, "/spec/validations/0/expression", json!("true")),
            (&binding, "/spec/validationActions", json!(["Audit"])),
            (
                &binding,
                "/spec/matchResources",
                json!({"namespaceSelector": {"matchLabels": {"a": "b"}}}),
            ),
            (&binding, "/spec/paramRef/name", json!("other")),
        ];
        for (object, place, value) in weakened {
            let mut found = stored(object);
            let (parent, key) = place.rsplit_once('/').unwrap();
            found.pointer_mut(parent).unwrap()[key] = value;
            let ObjectState::Changed(places) = state(object, Some(&found)) else {
                panic!("{place} goes unseen")
            };
            let dotted = place.trim_start_matches('/').replace("/0", "[0]").replace('/', ".");
            assert_eq!(places.len(), 1, "{places:?}");
            assert!(places[0].starts_with(&dotted), "{places:?} {dotted}");
            assert_eq!(state(object, Some(&upgraded(object, &found))), ObjectState::AsIntended);
        }
    }

    #[test]
    fn an_object_that_is_going_is_told() {
        let binding = of_kind("ValidatingAdmissionPolicyBinding");
        let mut found = stored(&binding);
        found["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z".into();
        assert!(matches!(state(&binding, Some(&found)), ObjectState::Changed(_)));
    }

    #[test]
    fn a_list_without_the_test_entry_gets_it_and_keeps_the_others() {
        let list = of_kind("ConfigMap");
        let mut found = stored(&list);
        found["data"] = json!({ "a": "b" });
        assert!(matches!(state(&list, Some(&found)), ObjectState::Changed(_)));
        let mended = upgraded(&list, &found);
        assert_eq!(mended["data"]["a"], "b");
        assert_eq!(state(&list, Some(&mended)), ObjectState::AsIntended);
        found["data"] = Value::Null;
        assert_eq!(state(&list, Some(&upgraded(&list, &found))), ObjectState::AsIntended);
    }

    #[test]
    fn others_objects_are_foreign_but_a_list_made_by_hand_will_do() {
        for object in objects() {
            let mut found = stored(&object);
            found["metadata"]["labels"] = json!({});
            let shared = matches!(object.value["kind"].as_str(), Some("Namespace" | "ConfigMap"));
            let expected = if shared { ObjectState::AsIntended } else { ObjectState::Foreign };
            assert_eq!(state(&object, Some(&found)), expected);
        }
    }
}
