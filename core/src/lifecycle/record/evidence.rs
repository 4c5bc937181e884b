//! What the approver of renewals goes by when it denies and revokes: Leases of the namespace, which nobody
//! needs to write but the approver. Whoever records certificates may create ConfigMaps there, and could
//! make up the evidence against somebody else.

use serde_json::{Value, json};

use super::{GRACE, KIND_LABEL, StoredMap, credential};
use crate::api::lease;
use crate::api::rbac::MANAGED_BY;
use crate::lifecycle::{Fingerprint, NAMESPACE};
use crate::time::UnixTime;

/// How the keys of annotations begin.
const PREFIX: &str = "usercert/";
/// The label's value for a descent.
pub const DESCENT: &str = "descent";

/// The collection.
#[must_use]
pub fn collection() -> String {
    lease::collection(NAMESPACE)
}

/// An object to create; `holder` is what the name belongs to.
pub(super) fn object(name: &str, kind: &str, holder: &str, data: &[(&str, String)]) -> Value {
    let annotations: serde_json::Map<String, Value> =
        data.iter().map(|(key, value)| (format!("{PREFIX}{key}"), value.clone().into())).collect();
    json!({
        "apiVersion": format!("{}/v1", lease::API_GROUP),
        "kind": "Lease",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "annotations": annotations,
            "labels": { "app.kubernetes.io/managed-by": MANAGED_BY, KIND_LABEL: kind },
        },
        "spec": { "holderIdentity": holder },
    })
}

impl StoredMap {
    /// An annotation of ours.
    pub(super) fn note(&self, key: &str) -> Result<&str, &'static str> {
        let found = self.metadata.annotations.get(&format!("{PREFIX}{key}"));
        found.map(String::as_str).ok_or("an annotation is missing")
    }

    /// When what it is about ends, if that is known.
    pub(super) fn until(&self) -> Result<Option<UnixTime>, &'static str> {
        match self.note("until") {
            Ok(text) => text.parse().map(Some).map_err(|_| "a time cannot be read"),
            Err(_) => Ok(None),
        }
    }
}

/// Whether it is of no use any more: what it is about has ended more than [`GRACE`] ago.
#[must_use]
pub fn is_over(map: &StoredMap, now: UnixTime) -> bool {
    map.until().is_ok_and(|until| until.is_some_and(|until| now > until.plus(GRACE)))
}

/// That a certificate was issued as the renewal of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descent {
    /// The certificate.
    pub certificate: Fingerprint,
    /// The one that it renews.
    pub parent: Fingerprint,
    /// Their user.
    pub user: String,
    /// When the certificate ends.
    pub until: UnixTime,
}

/// The name of what tells from which certificate another one descends.
#[must_use]
pub fn descent_name(certificate: &Fingerprint) -> String {
    format!("{DESCENT}-{certificate}")
}

impl Descent {
    /// The object to create.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let data = [
            ("certificate", self.certificate.credential_id()),
            ("user", self.user.clone()),
            ("until", self.until.to_string()),
        ];
        let parent = self.parent.credential_id();
        object(&descent_name(&self.certificate), DESCENT, &parent, &data)
    }

    /// Reads an object as the server sent it.
    ///
    /// # Errors
    /// What keeps it from being one that was written here.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        Self::of(&StoredMap::read(value)?)
    }

    /// As [`Descent::read`], of an object that was read.
    ///
    /// # Errors
    /// What keeps it from being one that was written here.
    pub fn of(map: &StoredMap) -> Result<Self, &'static str> {
        map.is_labelled(DESCENT)?;
        let certificate = credential(map.note("certificate")?)?;
        map.is_named(&descent_name(&certificate))?;
        Ok(Self {
            certificate,
            parent: credential(map.holder())?,
            user: map.note("user")?.to_owned(),
            until: map.until()?.ok_or("an annotation is missing")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descent_reads_back_and_ends() {
        let [certificate, parent] = [b"x", b"y"].map(|bytes| Fingerprint::of(bytes));
        let until = UnixTime(86_400);
        let descent = Descent { certificate, parent, user: "alice".to_owned(), until };
        let value = descent.to_value();
        assert_eq!(Descent::read(&value), Ok(descent));
        let map = StoredMap::read(&value).unwrap();
        assert!(!is_over(&map, UnixTime(2 * 86_400)) && is_over(&map, UnixTime(2 * 86_400 + 1)));
        let mut other = value;
        other["metadata"]["name"] = descent_name(&parent).into();
        assert_eq!(Descent::read(&other), Err("its name is not that of its certificate"));
    }
}
