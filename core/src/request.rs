//! The CertificateSigningRequest object (`certificates.k8s.io/v1`) and what state it is in.
//!
//! Sources: `api/certificates/v1/types.go`, `pkg/registry/certificates/certificates/strategy.go`,
//! `client-go/util/certificate/csr/csr.go` (how a waiting client reads the conditions).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::csr::{self, CertificateRequest, CsrError};
use crate::key::PublicKey;
use crate::lifetime::Lifetime;
use crate::time::UnixTime;

/// `apiVersion` of the object.
pub const API_VERSION: &str = "certificates.k8s.io/v1";
/// `kind` of the object.
pub const KIND: &str = "CertificateSigningRequest";
/// The resource's full name, as kubectl prints it before object names.
pub const RESOURCE: &str = "certificatesigningrequest.certificates.k8s.io";
/// The signer whose certificates kube-apiserver takes from people.
pub const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// The usage that such a certificate needs.
pub const CLIENT_AUTH: &str = "client auth";

/// Why a JSON or YAML value is no CertificateSigningRequest.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Another kind of object.
    #[error("this is {}, not a {API_VERSION} {KIND}", .0)]
    OtherKind(String),
    /// A field is of the wrong type.
    #[error("the {KIND} cannot be read: {field} is not {expected}")]
    Field {
        /// Which, as `spec.usages`.
        field: String,
        /// What it would have to be.
        expected: &'static str,
    },
    /// A field that should be base64 is not.
    #[error("{0} is not base64")]
    Base64(&'static str),
}

/// The parts of the object that matter here. Unknown fields are ignored; to write an object back,
/// change the JSON as it was read instead (see [`with_condition`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    /// Name, identity and versions.
    pub metadata: Metadata,
    /// What is asked for, and by whom.
    pub spec: Spec,
    /// What became of it.
    pub status: Status,
}

/// `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Unique among all objects of the cluster for all time.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
    /// When it was created.
    pub creation_timestamp: Option<UnixTime>,
}

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Base64 of the PEM text.
    pub request: String,
    /// Who is to sign.
    pub signer_name: String,
    /// Asked usages.
    pub usages: Vec<String>,
    /// Asked lifetime in seconds.
    pub expiration_seconds: Option<i64>,
    /// The requester as the API server authenticated it.
    pub username: String,
    /// The requester's UID.
    pub uid: String,
    /// The requester's groups.
    pub groups: Vec<String>,
    /// The requester's other attributes.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Decisions and failures.
    pub conditions: Vec<Condition>,
    /// Base64 of the PEM chain; empty until issued.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate: String,
}

/// One of `status.conditions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// `Approved`, `Denied`, `Failed` or a custom type.
    #[serde(rename = "type")]
    pub condition_type: String,
    /// `True`; old objects may have none.
    pub status: String,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When it was set.
    pub last_update_time: Option<UnixTime>,
}

/// What a request has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Pending,
    /// Refused; wins over everything else.
    Denied {
        /// The decider's word.
        reason: String,
        /// The decider's sentence.
        message: String,
    },
    /// Approved, but the signer refused it.
    Failed {
        /// The signer's word.
        reason: String,
        /// The signer's sentence.
        message: String,
    },
    /// Approved; no certificate yet.
    Approved,
    /// Approved and signed.
    Issued,
}

impl State {
    /// As kubectl prints it in the column CONDITION, without combinations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Denied { .. } => "Denied",
            Self::Failed { .. } => "Failed",
            Self::Approved => "Approved",
            Self::Issued => "Issued",
        }
    }

    /// Whether nothing more will happen to the request.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Failed { .. } | Self::Issued)
    }
}

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

    /// The bytes of `spec.request`: PEM text if all is well.
    ///
    /// # Errors
    /// Not base64.
    pub fn request_pem(&self) -> Result<Vec<u8>, ObjectError> {
        STANDARD.decode(&self.spec.request).map_err(|_| ObjectError::Base64("spec.request"))
    }

    /// The certificate request inside, as the API server reads it.
    ///
    /// # Errors
    /// No request, or an unreadable one.
    pub fn certificate_request(&self) -> Result<CertificateRequest, CsrError> {
        let pem = self.request_pem().map_err(|_| CsrError::Malformed("it is not base64"))?;
        CertificateRequest::from_pem(&pem)
    }

    /// The PEM chain that was issued.
    ///
    /// # Errors
    /// Not base64.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ObjectError> {
        STANDARD
            .decode(&self.status.certificate)
            .map_err(|_| ObjectError::Base64("status.certificate"))
    }

    /// What it has come to: Denied wins over Failed, that over Approved; a certificate counts only
    /// when approved.
    #[must_use]
    pub fn state(&self) -> State {
        let find = |wanted: &str| {
            self.status
                .conditions
                .iter()
                .find(|c| c.condition_type == wanted && (c.status.is_empty() || c.status == "True"))
        };
        let words = |c: &Condition| (c.reason.clone(), c.message.clone());
        if let Some((reason, message)) = find("Denied").map(words) {
            State::Denied { reason, message }
        } else if let Some((reason, message)) = find("Failed").map(words) {
            State::Failed { reason, message }
        } else if find("Approved").is_none() {
            State::Pending
        } else if self.status.certificate.is_empty() {
            State::Approved
        } else {
            State::Issued
        }
    }

    /// The credential with which the requester authenticated, if the server noted one
    /// (`X509SHA256=…`, `JTI=…`). Whoever may impersonate can forge it.
    #[must_use]
    pub fn requester_credential(&self) -> Option<&str> {
        self.spec
            .extra
            .get("authentication.kubernetes.io/credential-id")
            .and_then(|ids| ids.first())
            .map(String::as_str)
    }

    /// A digest over the UID and everything that is asked for, by whom: equal for the very same
    /// request only, as [`Object::same_request`] says.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        // Maps are sorted and all fields are written, so equal values give equal texts.
        let text = json!([self.metadata.uid, self.spec]).to_string();
        Sha256::digest(text).into()
    }

    /// Whether `other` asks for the very same thing on behalf of the same requester as `self`: the
    /// only case in which a decision made for one may be written to the other.
    #[must_use]
    pub fn same_request(&self, other: &Self) -> bool {
        self.metadata.uid == other.metadata.uid && self.spec == other.spec
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
        let keys = self.map.into_iter().flat_map(Map::keys);
        keys.map(|key| Ok((key.clone(), self.texts(key)?))).collect()
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

/// What a new object asks for.
#[derive(Clone, Debug)]
pub struct Manifest<'a> {
    /// Object name.
    pub name: &'a str,
    /// DER of the certificate request.
    pub request_der: &'a [u8],
    /// Who is to sign.
    pub signer_name: &'a str,
    /// Usages; people's certificates need [`CLIENT_AUTH`].
    pub usages: &'a [String],
    /// Lifetime; `None` leaves it to the signer.
    pub lifetime: Option<Lifetime>,
}

impl Manifest<'_> {
    /// The JSON to create: one canonical PEM block and nothing but `spec`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut spec = json!({
            "request": STANDARD.encode(csr::to_pem(self.request_der)),
            "signerName": self.signer_name,
        });
        if let Some(lifetime) = self.lifetime {
            spec["expirationSeconds"] = lifetime.seconds().into();
        }
        spec["usages"] = self.usages.into();
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": { "name": self.name },
            "spec": spec,
        })
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
    #[must_use]
    pub fn condition_type(self) -> &'static str {
        match self {
            Self::Approve => "Approved",
            Self::Deny => "Denied",
        }
    }
}

/// `read`, the object's JSON exactly as the server sent it, with a condition appended: the body for a
/// PUT to `/approval`. UID and resourceVersion stay in, so that the server refuses the write if the
/// object is another or has changed; a body without them, or a patch, would decide on whatever has
/// that name by then.
#[must_use]
pub fn with_condition(
    read: &Value,
    decision: Decision,
    reason: &str,
    message: &str,
    now: UnixTime,
) -> Value {
    appended(read, decision.condition_type(), reason, message, now)
}

/// The same with a condition of any type.
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

/// Why a text cannot name a CertificateSigningRequest.
///
/// Source: `apimachinery/pkg/api/validate/content/path.go`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing.
    #[error("the request's name is empty")]
    Empty,
    /// `.` or `..`.
    #[error("a request cannot be named '{0}'")]
    Dots(String),
    /// Holds `/` or `%`.
    #[error("the request's name {} may not contain '{character}'", crate::text::show(.name))]
    Character {
        /// The name.
        name: String,
        /// `/` or `%`.
        character: char,
    },
}

/// Checks an object name by the API server's rules.
///
/// # Errors
/// Empty, `.`, `..`, or with `/` or `%`.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match name {
        "" => Err(NameError::Empty),
        "." | ".." => Err(NameError::Dots(name.to_owned())),
        _ => match name.chars().find(|c| matches!(c, '/' | '%')) {
            Some(character) => Err(NameError::Character { name: name.to_owned(), character }),
            None => Ok(()),
        },
    }
}

/// The object name for a user: the user's name, with the characters that the API refuses replaced.
#[must_use]
pub fn name_for_user(user: &str) -> String {
    let name = user.replace(['/', '%'], "-");
    if name.chars().all(|c| c == '.') { format!("user-{}", name.replace('.', "dot")) } else { name }
}

/// The object name for a user when another request has taken the plain one.
#[must_use]
pub fn name_with_key(name: &str, key: &PublicKey) -> String {
    format!("{name}-{}", key.short_hash())
}

/// How far a wait has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The certificate is there.
    Issued,
    /// Not decided or not signed yet; worth waiting on.
    Waiting(State),
    /// Denied or failed: it will never come.
    Ended(State),
    /// The object is gone: deleted or cleaned up.
    Vanished,
    /// Another object has taken the name.
    Replaced,
}

/// The one predicate behind every wait: what the object now seen (`None`: it is gone) means for
/// somebody who waits for the certificate of the object with this `uid` (empty: whichever).
#[must_use]
pub fn progress(seen: Option<&Object>, uid: &str) -> Progress {
    let Some(object) = seen else { return Progress::Vanished };
    if !uid.is_empty() && object.metadata.uid != uid {
        return Progress::Replaced;
    }
    match object.state() {
        State::Issued => Progress::Issued,
        state if state.is_final() => Progress::Ended(state),
        state => Progress::Waiting(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(conditions: &[&str], certificate: &str) -> Object {
        let conditions: Vec<Value> =
            conditions.iter().map(|t| json!({"type": t, "status": "True"})).collect();
        let value = json!({
            "apiVersion": API_VERSION, "kind": KIND,
            "metadata": {"name": "alice", "uid": "1", "creationTimestamp": null},
            "spec": {"request": "eA==", "signerName": CLIENT_SIGNER, "usages": ["client auth"]},
            "status": {"conditions": conditions, "certificate": certificate},
        });
        Object::from_value(&value).unwrap()
    }

    #[test]
    fn states_as_a_waiting_client_must_read_them() {
        for (conditions, certificate, name) in [
            (&[][..], "", "Pending"),
            (&[], "eA==", "Pending"),
            (&["Approved"], "", "Approved"),
            (&["Approved"], "eA==", "Issued"),
            (&["Approved", "Failed"], "", "Failed"),
            (&["Failed"], "", "Failed"),
            (&["Approved", "Denied"], "eA==", "Denied"),
            (&["Custom"], "", "Pending"),
        ] {
            assert_eq!(object(conditions, certificate).state().name(), name, "{conditions:?}");
        }
    }

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

    #[test]
    fn a_missing_condition_status_counts_as_true_and_false_does_not() {
        let mut o = object(&["Approved"], "");
        o.status.conditions[0].status = String::new();
        assert_eq!(o.state(), State::Approved);
        o.status.conditions[0].status = "False".to_owned();
        assert_eq!(o.state(), State::Pending);
    }

    #[test]
    fn decisions_keep_everything_that_was_read() {
        let read = json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"x": "y"}},
            "spec": {"unknown": [1]}, "status": {"conditions": [{"type": "Custom"}]},
        });
        let body = with_condition(&read, Decision::Approve, "R", "M", UnixTime(0));
        assert_eq!(body["metadata"], read["metadata"]);
        assert_eq!(body["spec"], read["spec"]);
        assert_eq!(body["status"]["conditions"][0], json!({"type": "Custom"}));
        assert_eq!(body["status"]["conditions"][1]["type"], "Approved");
        assert_eq!(body["status"]["conditions"][1]["lastUpdateTime"], "1970-01-01T00:00:00Z");
        let fresh = with_condition(&json!({"metadata": {}}), Decision::Deny, "R", "M", UnixTime(0));
        assert_eq!(fresh["status"]["conditions"][0]["type"], "Denied");
    }

    #[test]
    fn only_the_very_same_request_is_the_same() {
        let a = object(&[], "");
        assert!(a.same_request(&object(&["Approved"], "")), "the status may differ");
        assert_eq!(a.digest(), object(&["Approved"], "").digest());
        for change in [
            |o: &mut Object| o.metadata.uid = "2".into(),
            |o: &mut Object| o.spec.request = "eQ==".into(),
            |o: &mut Object| o.spec.signer_name = "x/y".into(),
            |o: &mut Object| o.spec.usages.push("any".into()),
            |o: &mut Object| o.spec.expiration_seconds = Some(600),
            |o: &mut Object| o.spec.username = "eve".into(),
            |o: &mut Object| o.spec.groups.push("g".into()),
            |o: &mut Object| {
                o.spec.extra.insert("k".into(), vec![]);
            },
        ] {
            let mut b = a.clone();
            change(&mut b);
            assert!(!a.same_request(&b));
            assert_ne!(a.digest(), b.digest());
        }
    }

    #[test]
    fn names_follow_the_api_servers_rules() {
        for (user, name) in [
            ("alice", "alice"),
            ("a/b%c", "a-b-c"),
            ("..", "user-dotdot"),
            ("Jürgen G", "Jürgen G"),
        ] {
            assert_eq!(name_for_user(user), name);
            assert_eq!(check_name(name), Ok(()));
        }
        for bad in ["", ".", "..", "a/b", "a%b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn waiting_tells_the_ends_apart() {
        assert_eq!(progress(None, "1"), Progress::Vanished);
        assert_eq!(progress(Some(&object(&[], "")), "2"), Progress::Replaced);
        assert_eq!(progress(Some(&object(&["Approved"], "eA==")), "1"), Progress::Issued);
        assert_eq!(progress(Some(&object(&[], "")), ""), Progress::Waiting(State::Pending));
        assert!(matches!(progress(Some(&object(&["Denied"], "")), "1"), Progress::Ended(_)));
    }
}
