//! The claim of the one renewal that a certificate has.

use serde_json::Value;

use super::{StoredMap, credential, evidence, user_digest};
use crate::lifecycle::Fingerprint;
use crate::time::UnixTime;
use crate::x509::code::sha256_hex;
use crate::x509::key::PublicKey;

/// The label's value for a claim.
pub const CLAIM: &str = "renewal";

/// Which request is the renewal of a certificate. It is created before that request is approved, under
/// a name made from the certificate that is renewed: of several that try, one succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalClaim {
    /// The certificate that is renewed.
    pub parent: Fingerprint,
    /// Name and UID of the request.
    pub request: (String, String),
    /// SHA-256 of the key that the request is for.
    pub key: String,
    /// The rule.
    pub rule: String,
    /// When the parent ends, where that is known: afterwards nobody can renew it.
    pub until: Option<UnixTime>,
}

/// The name of the claim on a certificate's renewal.
#[must_use]
pub fn claim_name(parent: &Fingerprint) -> String {
    format!("{CLAIM}-{parent}")
}

impl RenewalClaim {
    /// What stands for a key in a claim.
    #[must_use]
    pub fn key_of(key: &PublicKey) -> String {
        sha256_hex(&key.spki)
    }

    /// The object to create.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut data = vec![
            ("parent", self.parent.credential_id()),
            ("request", self.request.0.clone()),
            ("key", self.key.clone()),
            ("rule", self.rule.clone()),
        ];
        data.extend(self.until.map(|until| ("until", until.to_string())));
        evidence::object(&claim_name(&self.parent), CLAIM, &self.request.1, &data)
    }

    /// Reads an object as the server sent it.
    ///
    /// # Errors
    /// What keeps it from being a claim that was written here.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let map = StoredMap::read(value)?;
        map.is_labelled(CLAIM)?;
        let parent = credential(map.note("parent")?)?;
        map.is_named(&claim_name(&parent))?;
        Ok(Self {
            parent,
            request: (map.note("request")?.to_owned(), map.holder().to_owned()),
            key: map.note("key")?.to_owned(),
            rule: map.note("rule")?.to_owned(),
            until: map.until()?,
        })
    }
}

/// The label's value for the claim of an unrecorded certificate.
const UNRECORDED: &str = "unrecorded";

/// Which certificate without a record is the one of its user that may be renewed. Whoever holds one can present it
/// under any number of SHA-256s, so that claims by these alone would let it be renewed as often. It does not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecordedClaim {
    /// The certificate, as it was presented.
    pub parent: Fingerprint,
    /// The user.
    pub user: String,
}

/// The name of the claim on the renewal of an unrecorded certificate of this user.
#[must_use]
pub fn unrecorded_name(user: &str) -> String {
    format!("{UNRECORDED}-{}", user_digest(user))
}

impl UnrecordedClaim {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        unrecorded_name(&self.user)
    }

    /// The object to create.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let data = [("user", self.user.clone())];
        evidence::object(&self.name(), UNRECORDED, &self.parent.credential_id(), &data)
    }

    /// Reads an object as the server sent it.
    ///
    /// # Errors
    /// What keeps it from being one that was written here.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let map = StoredMap::read(value)?;
        map.is_labelled(UNRECORDED)?;
        let user = map.note("user")?.to_owned();
        map.is_named(&unrecorded_name(&user))?;
        Ok(Self { parent: credential(map.holder())?, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unrecorded_certificate_of_a_user_is_claimed() {
        let claim = UnrecordedClaim { parent: Fingerprint::of(b"x"), user: "alice@é".to_owned() };
        let mut value = claim.to_value();
        assert_eq!(UnrecordedClaim::read(&value), Ok(claim));
        value["metadata"]["annotations"]["usercert/user"] = "bob".into();
        let problem = "its name is not that of its certificate";
        assert_eq!(UnrecordedClaim::read(&value), Err(problem));
    }

    #[test]
    fn a_claim_reads_back_and_nothing_else_does() {
        let claim = RenewalClaim {
            parent: Fingerprint::of(b"x"),
            request: ("alice-2".to_owned(), "uid".to_owned()),
            key: "00".to_owned(),
            rule: "developers".to_owned(),
            until: Some(UnixTime(86_400)),
        };
        let value = claim.to_value();
        assert_eq!(RenewalClaim::read(&value), Ok(claim.clone()));
        let endless = RenewalClaim { until: None, ..claim };
        assert_eq!(RenewalClaim::read(&endless.to_value()), Ok(endless));
        let mut other = value.clone();
        other["metadata"]["name"] = claim_name(&Fingerprint::of(b"y")).into();
        assert_eq!(RenewalClaim::read(&other), Err("its name is not that of its certificate"));
        let mut other = value;
        other["metadata"]["labels"][super::super::KIND_LABEL] = "certificate".into();
        assert_eq!(RenewalClaim::read(&other), Err("it is not labeled as a record"));
    }
}
