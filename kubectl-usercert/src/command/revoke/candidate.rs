//! Something that a run of `revoke` blocks.

use std::collections::BTreeSet;

use usercert_core::lifecycle::enforcement::Owner;
use usercert_core::lifecycle::{Revocation, RevocationKey, RevocationList};
use usercert_core::text::show_short;
use usercert_core::time::UnixTime;
use usercert_core::x509::identity::SYSTEM_MASTERS;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::workflow::known_certificates::KnownCertificate;

/// A certificate or a user.
#[derive(Clone)]
pub struct Candidate {
    pub key: RevocationKey,
    /// Whom it names, until when, and whether with `system:masters`; as far as it is known.
    pub certificate: Option<KnownCertificate>,
    /// Where it was found, as `context alice@kind`.
    pub place: String,
}

impl Candidate {
    pub fn of(known: &KnownCertificate) -> Self {
        Self {
            key: RevocationKey::Certificate(known.fingerprint),
            certificate: Some(known.clone()),
            place: known.place.clone(),
        }
    }

    /// When it ends, if the certificate itself tells: a record is a claim that nobody confirms.
    pub fn until(&self) -> Option<UnixTime> {
        self.certificate.as_ref().filter(|c| c.spki.is_some()).map(|c| c.not_after)
    }

    /// Whether nobody can say whose certificate it is.
    pub fn is_of_nobody_known(&self) -> bool {
        matches!(self.key, RevocationKey::Certificate(_)) && self.certificate.is_none()
    }

    /// Whether it is about this certificate.
    pub fn covers(&self, known: &KnownCertificate) -> bool {
        match &self.key {
            RevocationKey::Certificate(print) => *print == known.fingerprint,
            RevocationKey::User(user) => known.user == *user,
            RevocationKey::Exception(_) => false,
        }
    }

    /// As it is called where people read it.
    pub fn name(&self) -> String {
        match (&self.key, &self.certificate) {
            (RevocationKey::User(user), _) => {
                let user = show_short(user, 80);
                format!("every certificate of {user} (also later ones, unless excepted)")
            }
            (_, Some(certificate)) => {
                let user = show_short(&certificate.user, 80);
                format!(
                    "certificate {} of {user} ({})",
                    certificate.fingerprint.short(),
                    self.place
                )
            }
            (key, None) => format!("certificate {key} ({})", self.place),
        }
    }

    /// As a question shows it.
    pub fn question(&self, now: UnixTime) -> String {
        let Some(certificate) = &self.certificate else { return self.name() };
        let by = match (self.until(), certificate.is_noted) {
            (Some(_), _) => "",
            (None, true) => " as the approving service noted",
            (None, false) => " by its record",
        };
        format!("{}, {}{by}", self.name(), expiry_in_words(certificate.not_after, now))
    }

    /// The entry to write; none where one is there that says as much.
    pub fn entry(
        &self,
        list: &RevocationList,
        reason: &str,
        by: &str,
        now: UnixTime,
    ) -> Option<Revocation> {
        let entry = Revocation::new(self.key.clone(), reason, by, now);
        let entry = match (&self.certificate, self.until()) {
            (Some(c), Some(until)) => entry.of_certificate(&c.user, until),
            (Some(c), None) => entry.naming(&c.user),
            (None, _) => entry,
        };
        list.again(entry, !reason.trim().is_empty(), now)
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        match (&self.key, &self.certificate) {
            (RevocationKey::User(_), _) => Owner::Name,
            (_, None) => Owner::Unknown,
            (_, Some(c)) if c.only_noted.is_some() => Owner::Unknown,
            (_, Some(c)) if c.groups.contains(SYSTEM_MASTERS) => Owner::Master,
            (_, Some(_)) => Owner::Person,
        }
    }

    /// User and groups of its holder, as far as they are known.
    pub fn holder(&self) -> Option<(String, BTreeSet<String>)> {
        match (&self.key, &self.certificate) {
            (RevocationKey::User(user), _) => Some((user.clone(), BTreeSet::new())),
            (_, certificate) => {
                let known = certificate.as_ref().filter(|c| c.only_noted.is_none());
                known.map(|c| (c.user.clone(), c.groups.clone()))
            }
        }
    }
}
