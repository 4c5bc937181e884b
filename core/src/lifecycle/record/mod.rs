//! Records of issued certificates: who got one, until when, and who approved it. Kubernetes forgets an
//! issued request after an hour.
//!
//! A record is an immutable ConfigMap in [`NAMESPACE`] whose name is made from the certificate's
//! SHA-256, so that creating it is atomic and happens once. It is data that somebody may have tampered
//! with: what does not read back exactly is damaged.

mod access;
mod claim;
pub mod evidence;
mod ledger;
mod stored;

use crate::text::sorted::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use access::{READER, RECORDER, reader, recorder, roles};
pub use claim::{CLAIM, RenewalClaim, UnrecordedClaim, claim_name, unrecorded_name};
pub use evidence::{Descent, descent_name};
pub use ledger::{Ledger, Recorded, has_ended};

pub use stored::StoredMap;

use super::{Fingerprint, NAMESPACE};
use crate::api::csr::{Object, State};
use crate::api::rbac::MANAGED_BY;
use crate::text::show_short;
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;

/// The label that says what an object in the namespace is.
pub const KIND_LABEL: &str = "usercert/kind";
/// The label with a digest of the user's name.
pub(crate) const USER_LABEL: &str = "usercert/user";
/// The value of [`KIND_LABEL`] for a record.
pub(crate) const RECORD: &str = "certificate";
/// Records stay so long after their certificate has ended, in seconds, for clocks that differ.
pub const GRACE: i64 = 86_400;
/// Longest sentence of an approval that is kept, in characters.
const MAX_MESSAGE: usize = 1000;

/// Who approved a certificate, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedApproval {
    /// The approver's user name; `None` where it is not known, since Kubernetes does not keep it.
    pub by: Option<String>,
    /// The reason of the condition.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// What is known of an issued certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// Whom it names.
    pub user: String,
    /// The groups it carries.
    pub groups: BTreeSet<String>,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// The signer that was asked.
    pub signer: String,
    /// Name and UID of the request.
    pub request: (String, String),
    /// The approval.
    pub approval: RecordedApproval,
    /// The certificate with which it was requested as a renewal.
    pub renews: Option<Fingerprint>,
}

impl CertificateRecord {
    /// The record of the certificate that answers a request. `by` is the approver, if that is known.
    #[must_use]
    pub fn new(certificate: &Certificate, request: &Object, by: Option<&str>) -> Self {
        let approved = request.status.conditions.iter().find(|c| c.condition_type == "Approved");
        let (reason, message) =
            approved.map(|c| (c.reason.as_str(), c.message.as_str())).unwrap_or_default();
        Self {
            fingerprint: Fingerprint::of(&certificate.der),
            user: certificate.subject.user().to_owned(),
            groups: certificate.subject.groups(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            serial: certificate.serial.clone(),
            signer: request.spec.signer_name.clone(),
            request: (request.metadata.name.clone(), request.metadata.uid.clone()),
            approval: RecordedApproval {
                by: by.map(str::to_owned),
                reason: reason.chars().take(MAX_MESSAGE).collect(),
                message: message.chars().take(MAX_MESSAGE).collect(),
            },
            renews: None,
        }
    }

    /// The record of the certificate that an issued request holds; `None` for any other request.
    #[must_use]
    pub fn of_issued(request: &Object, by: Option<&str>) -> Option<Self> {
        if request.state() != State::Issued {
            return None;
        }
        let chain = Certificate::chain_from_pem(&request.certificate_pem().ok()?).ok()?;
        chain.first().map(|leaf| Self::new(leaf, request, by))
    }

    /// The name of its ConfigMap.
    #[must_use]
    pub fn name(&self) -> String {
        record_name(&self.fingerprint)
    }

    /// Whether two records are of the same certificate and agree about it. Who approved it, not every
    /// writer knows.
    #[must_use]
    pub fn same_certificate(&self, other: &Self) -> bool {
        let facts = |r: &Self| Self {
            request: Default::default(),
            approval: RecordedApproval::default(),
            renews: None,
            ..r.clone()
        };
        facts(self) == facts(other)
    }

    /// The ConfigMap to create.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let groups: Vec<&String> = self.groups.iter().collect();
        let mut data = json!({
            "credentialId": self.fingerprint.credential_id(),
            "user": self.user,
            "groups": json!(groups).to_string(),
            "notBefore": self.not_before,
            "notAfter": self.not_after,
            "serial": self.serial,
            "signer": self.signer,
            "request": self.request.0,
            "requestUid": self.request.1,
            "approvalReason": self.approval.reason,
            "approvalMessage": self.approval.message,
        });
        if let Some(by) = &self.approval.by {
            data["approvedBy"] = by.as_str().into();
        }
        if let Some(parent) = &self.renews {
            data["renews"] = parent.credential_id().into();
        }
        config_map(&self.name(), RECORD, Some(&self.user), data)
    }

    /// Reads a ConfigMap as the server sent it.
    ///
    /// # Errors
    /// What keeps it from being a record that was written here.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        Self::of(&StoredMap::read(value)?)
    }

    fn of(map: &StoredMap) -> Result<Self, &'static str> {
        map.is(RECORD)?;
        let data = &map.data;
        let fingerprint = credential(map.text("credentialId")?)?;
        map.is_named(&record_name(&fingerprint))?;
        let known = [
            "credentialId",
            "user",
            "groups",
            "notBefore",
            "notAfter",
            "serial",
            "signer",
            "request",
            "requestUid",
            "approvedBy",
            "approvalReason",
            "approvalMessage",
            "renews",
        ];
        if data.keys().any(|key| !known.contains(&key.as_str())) {
            return Err("it has an unknown key");
        }
        let user = map.text("user")?.to_owned();
        if map.metadata.labels.get(USER_LABEL).map(String::as_str) != Some(&user_digest(&user)) {
            return Err("its label is not that of its user");
        }
        let groups: Vec<String> =
            serde_json::from_str(map.text("groups")?).map_err(|_| "its groups are not a list")?;
        let record = Self {
            fingerprint,
            user,
            groups: groups.into_iter().collect(),
            not_before: map.time("notBefore")?,
            not_after: map.time("notAfter")?,
            serial: map.text("serial")?.to_owned(),
            signer: map.text("signer")?.to_owned(),
            request: (map.text("request")?.to_owned(), map.text("requestUid")?.to_owned()),
            approval: RecordedApproval {
                by: data.get("approvedBy").cloned(),
                reason: map.text("approvalReason")?.to_owned(),
                message: map.text("approvalMessage")?.to_owned(),
            },
            renews: data.get("renews").map(|id| credential(id)).transpose()?,
        };
        if record.not_after < record.not_before {
            return Err("its certificate ends before it begins");
        }
        Ok(record)
    }
}

/// The name of the record of a certificate.
#[must_use]
pub fn record_name(certificate: &Fingerprint) -> String {
    format!("{RECORD}-{certificate}")
}

/// The selector of all records, or of those of one user.
#[must_use]
pub fn selector(user: Option<&str>) -> String {
    let user = user.map(|user| format!(",{USER_LABEL}={}", user_digest(user)));
    format!("{KIND_LABEL}={RECORD}{}", user.unwrap_or_default())
}

fn config_map(name: &str, kind: &str, user: Option<&str>, data: Value) -> Value {
    let mut labels = json!({ "app.kubernetes.io/managed-by": MANAGED_BY, KIND_LABEL: kind });
    if let Some(user) = user {
        labels[USER_LABEL] = user_digest(user).into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels },
        "immutable": true,
        "data": data,
    })
}

/// A credential-id in exactly the form in which the server writes it.
fn credential(text: &str) -> Result<Fingerprint, &'static str> {
    let read: Option<Fingerprint> = text.parse().ok();
    read.filter(|f| f.credential_id() == text).ok_or("a credential-id cannot be read")
}

/// A digest of a user's name that fits into a label.
fn user_digest(user: &str) -> String {
    Sha256::digest(user.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// A record that could not be read, safe to show.
#[must_use]
pub fn damage(name: &str, problem: &str) -> String {
    format!("configmap/{}: {problem}", show_short(name, 100))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A record of `user`; `mark` tells certificates apart, `days` is when it ends.
    pub(crate) fn record(mark: u8, user: &str, days: i64) -> CertificateRecord {
        CertificateRecord {
            fingerprint: Fingerprint::of(&[mark]),
            user: user.to_owned(),
            groups: ["dev", "ops"].map(str::to_owned).into(),
            not_before: UnixTime(0),
            not_after: UnixTime(days * 86_400),
            serial: format!("{mark:02x}"),
            signer: crate::api::csr::CLIENT_SIGNER.to_owned(),
            request: (format!("{user}-{mark}"), format!("uid-{mark}")),
            approval: RecordedApproval {
                by: Some("jane".to_owned()),
                reason: "UsercertApprove".to_owned(),
                message: "because".to_owned(),
            },
            renews: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::record;
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut one = record(1, "alice@example.com", 10);
        one.renews = Some(Fingerprint::of(&[9]));
        assert_eq!(CertificateRecord::read(&one.to_value()), Ok(one.clone()));
        one.approval.by = None;
        one.renews = None;
        one.groups.clear();
        let value = one.to_value();
        assert_eq!(CertificateRecord::read(&value), Ok(one));
        let name = value["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("certificate-") && name.len() == 76, "{name}");
        let labels = value["metadata"]["labels"].as_object().unwrap();
        assert!(labels.values().all(|v| v.as_str().is_some_and(|v| v.len() <= 63)));
        assert_eq!(selector(Some("alice@example.com")), {
            let digest = labels[USER_LABEL].as_str().unwrap();
            format!("usercert/kind=certificate,usercert/user={digest}")
        });
    }

    #[test]
    fn what_somebody_has_tampered_with_is_damaged() {
        let other = Fingerprint::of(&[7]);
        let cases: [(&str, Value, &str); 11] = [
            ("/metadata/name", "certificate-x".into(), "its name is not that of its certificate"),
            (
                "/data/credentialId",
                other.credential_id().into(),
                "its name is not that of its certificate",
            ),
            ("/data/credentialId", other.to_string().into(), "a credential-id cannot be read"),
            ("/data/user", "bob".into(), "its label is not that of its user"),
            ("/data/groups", "dev".into(), "its groups are not a list"),
            ("/data/notAfter", "tomorrow".into(), "a time cannot be read"),
            (
                "/data/notAfter",
                "1969-01-01T00:00:00Z".into(),
                "its certificate ends before it begins",
            ),
            ("/data/serial", Value::Null, "a field is of the wrong type"),
            ("/immutable", false.into(), "it is not immutable"),
            ("/metadata/labels", json!({}), "it is not labeled as a record"),
            ("/data", json!({}), "a key is missing"),
        ];
        for (pointer, wrong, problem) in cases {
            let mut value = record(1, "alice", 10).to_value();
            *value.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(CertificateRecord::read(&value), Err(problem), "{pointer}");
        }
        let mut value = record(1, "alice", 10).to_value();
        value["data"]["more"] = "x".into();
        assert_eq!(CertificateRecord::read(&value), Err("it has an unknown key"));
        for value in [json!(null), json!([]), json!({ "metadata": null })] {
            assert!(CertificateRecord::read(&value).is_err());
        }
    }

    #[test]
    fn writers_agree_although_not_all_know_who_approved() {
        let known = record(1, "alice", 10);
        let mut unknown = known.clone();
        unknown.approval = RecordedApproval::default();
        unknown.renews = Some(Fingerprint::of(&[9]));
        assert!(known.same_certificate(&unknown));
        unknown.groups.insert("admins".to_owned());
        assert!(!known.same_certificate(&unknown));
    }
}
