//! The CertificateSigningRequest object (`certificates.k8s.io/v1`) and what state it is in.
//!
//! Sources: `api/certificates/v1/types.go`, `pkg/registry/certificates/certificates/strategy.go`,
//! `client-go/util/certificate/csr/csr.go` (how a waiting client reads the conditions).

mod name;
mod object;
mod read;
mod submission;
mod write;

use crate::text::sorted::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::encoding::base64;
use crate::time::UnixTime;
use crate::x509::pkcs10::{CertificateRequest, CsrError};

pub use name::{
    ObjectNameError, check_name, name_for_user, name_with_key, name_with_more_key, without_type,
};
pub use object::CsrObject;
pub use submission::{NameAnswer, NameHolder, Whose, name_holder};
pub use write::{Decision, Manifest};

pub(crate) use write::appended;

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

/// Why a JSON or YAML value is not a CertificateSigningRequest.
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
/// change the JSON as it was read instead (see [`CsrObject`]).
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
    /// The signer.
    pub signer_name: String,
    /// Requested usages.
    pub usages: Vec<String>,
    /// Requested lifetime in seconds.
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
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Denied { .. } => "Denied",
            Self::Failed { .. } => "Failed",
            Self::Approved => "Approved",
            Self::Issued => "Issued",
        }
    }

    /// Of several requests of one person the one that is meant, if that is certain: the only one that was
    /// approved, else the only one that still waits. `None` is one that is not in the cluster.
    pub fn only_live(states: &[Option<Self>]) -> Option<usize> {
        let approved = |state: &Self| matches!(state, Self::Approved | Self::Issued);
        let waits = |state: &Self| *state == Self::Pending;
        let places = |which: &dyn Fn(&Self) -> bool| -> Vec<usize> {
            let states = states.iter().enumerate();
            states.filter(|(_, s)| s.as_ref().is_some_and(which)).map(|(at, _)| at).collect()
        };
        let live = Some(places(&approved)).filter(|found| !found.is_empty());
        match live.unwrap_or_else(|| places(&waits)).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether nothing more will happen to the request.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Failed { .. } | Self::Issued)
    }
}

impl Object {
    /// The bytes of `spec.request`: PEM text if all is well.
    ///
    /// # Errors
    /// Not base64.
    pub fn request_pem(&self) -> Result<Vec<u8>, ObjectError> {
        base64::decode_lines(&self.spec.request).ok_or(ObjectError::Base64("spec.request"))
    }

    /// The certificate request inside, as the API server reads it.
    ///
    /// # Errors
    /// No request, or an unreadable one.
    pub fn certificate_request(&self) -> Result<CertificateRequest, CsrError> {
        let pem = self.request_pem().map_err(|_| CsrError::NOT_BASE64)?;
        CertificateRequest::from_pem(&pem)
    }

    /// The PEM chain that was issued.
    ///
    /// # Errors
    /// Not base64.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ObjectError> {
        base64::decode_lines(&self.status.certificate)
            .ok_or(ObjectError::Base64("status.certificate"))
    }

    /// What it has come to: Denied wins over Failed, that over Approved; a certificate counts only
    /// when approved.
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
    pub fn requester_credential(&self) -> Option<&str> {
        self.spec
            .extra
            .get("authentication.kubernetes.io/credential-id")
            .and_then(|ids| ids.first())
            .map(String::as_str)
    }

    /// A digest over the UID and everything that is asked for, by whom: equal for the very same
    /// request only, as [`Object::same_request`] says.
    pub fn digest(&self) -> [u8; 32] {
        // Maps are sorted and all fields are written, so equal values give equal texts.
        let text = json!([self.metadata.uid, self.spec]).to_string();
        Sha256::digest(text).into()
    }

    /// Whether `other` asks for the very same thing on behalf of the same requester as `self`: the
    /// only case in which a decision made for one may be written to the other.
    pub fn same_request(&self, other: &Self) -> bool {
        self.metadata.uid == other.metadata.uid && self.spec == other.spec
    }
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
mod tests;
