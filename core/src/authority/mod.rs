//! Signing with one's own certificate authority: whether a CA may sign, what a certificate will say,
//! and its DER.
//!
//! What is signed follows the controller manager's signer
//! (`pkg/controller/certificates/authority/{authority,policies}.go`): the subject is rebuilt from user
//! and groups, extensions that were asked for are dropped, validity is backdated and ends with the
//! CA's. As in `csr`, writing takes two steps, the bytes to be signed out and the signature in.

mod encode;
mod leaf;
mod signer;

pub use encode::{EncodeError, SERIAL_BYTES, assemble, key_identifier, serial, to_be_signed};
pub use leaf::{Asked, IssueError, Key, Leaf, adapt, leaf};
pub use signer::{
    REASON, SignerNameError, check_signer_name, granted, is_waiting, refusal, with_certificate,
    with_failure,
};

use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::profile::Profile;
use crate::time::UnixTime;

/// Why a certificate and a key are no authority to sign with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthorityError {
    /// The key belongs to none of the certificates.
    #[error("the CA's key does not belong to its certificate")]
    OtherKey,
    /// It is nobody's authority.
    #[error("{0} is no CA: its basicConstraints do not say so")]
    NotAnAuthority(String),
    /// Its key usage lacks "cert sign".
    #[error("the CA {0} may not sign certificates: its key usage does not allow it")]
    MayNotSign(String),
    /// Its extended key usage lacks what is to be signed; verifiers apply it to the whole chain
    /// (`Go: crypto/x509`).
    #[error(
        "the CA {ca} is not meant for {purpose} certificates: its extended key usage does not allow it"
    )]
    OtherPurpose {
        /// The CA.
        ca: String,
        /// "client" or "server".
        purpose: &'static str,
    },
    /// It has ended.
    #[error("the CA {ca} expired at {at}")]
    Expired {
        /// The CA.
        ca: String,
        /// When.
        at: UnixTime,
    },
    /// It has not begun.
    #[error("the CA {ca} is valid from {at} only")]
    NotYetValid {
        /// The CA.
        ca: String,
        /// When.
        at: UnixTime,
    },
}

/// A certificate authority that may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    certificate: Certificate,
    /// What has to be presented together with a certificate of this CA.
    intermediates: Vec<Certificate>,
}

impl Authority {
    /// The authority whose certificate stands in `file`, with the chain above it, and whose key is
    /// `key`.
    ///
    /// # Errors
    /// The key is another's, or it may not sign now.
    pub fn new(
        file: Vec<Certificate>,
        key: &PublicKey,
        now: UnixTime,
    ) -> Result<Self, AuthorityError> {
        let own = file.iter().find(|c| c.key.spki == key.spki);
        let certificate = own.ok_or(AuthorityError::OtherKey)?.clone();
        let ca = certificate.subject.shown();
        if !certificate.may_be_authority() {
            return Err(AuthorityError::NotAnAuthority(ca));
        }
        if certificate.key_usages.as_ref().is_some_and(|usages| !usages.contains(&"cert sign")) {
            return Err(AuthorityError::MayNotSign(ca));
        }
        let intermediates = way_up(&certificate, &file);
        let authority = Self { certificate, intermediates };
        authority.check_validity(now)?;
        Ok(authority)
    }

    /// Whether it is valid now.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_validity(&self, now: UnixTime) -> Result<(), AuthorityError> {
        let (from, to) = (self.certificate.not_before, self.certificate.not_after);
        let ca = || self.certificate.subject.shown();
        if now > to {
            return Err(AuthorityError::Expired { ca: ca(), at: to });
        }
        if now < from {
            return Err(AuthorityError::NotYetValid { ca: ca(), at: from });
        }
        Ok(())
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether verifiers take certificates of this profile from this CA.
    ///
    /// # Errors
    /// When its extended key usage excludes them.
    pub fn may_issue(&self, profile: &Profile) -> Result<(), AuthorityError> {
        let Some(usages) = &self.certificate.extended_key_usages else { return Ok(()) };
        let allows = |purpose: &str| usages.iter().any(|u| u == purpose || u == "any");
        let refused = [
            (profile.client && !allows("client auth"), "client"),
            (profile.server && !allows("server auth"), "server"),
        ];
        match refused.iter().find(|(refused, _)| *refused) {
            Some((_, purpose)) => {
                Err(AuthorityError::OtherPurpose { ca: self.certificate.subject.shown(), purpose })
            }
            None => Ok(()),
        }
    }

    /// A certificate of this CA with what must be presented beside it: the intermediates up to, but
    /// not including, the root.
    #[must_use]
    pub fn chain(&self, leaf: Certificate) -> Vec<Certificate> {
        std::iter::once(leaf).chain(self.intermediates.iter().cloned()).collect()
    }
}

/// The certificates from `start` upwards that are no root, as far as `file` has them.
fn way_up(start: &Certificate, file: &[Certificate]) -> Vec<Certificate> {
    let mut way: Vec<Certificate> = Vec::new();
    let mut next = Some(start);
    while let Some(certificate) = next.filter(|c| !c.is_self_issued() && !way.contains(c)) {
        way.push(certificate.clone());
        next = file.iter().find(|c| c.may_be_authority() && certificate.names_as_issuer(c));
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;
    use crate::testing::authority;

    fn purpose(usages: &[&str], profile: &str) -> bool {
        let mut ca = authority("ca").certificate().clone();
        ca.extended_key_usages = Some(usages.iter().map(|u| (*u).to_owned()).collect());
        let key = ca.key.clone();
        let ca = Authority::new(vec![ca], &key, UnixTime(1_600_000_000)).unwrap();
        ca.may_issue(profile::find(profile).unwrap()).is_ok()
    }

    #[test]
    fn who_may_not_sign_is_found_out() {
        let good = authority("ca").certificate().clone();
        let key = good.key.clone();
        let during = UnixTime(1_600_000_000);
        let refusal = |change: &dyn Fn(&mut Certificate), now: UnixTime| {
            let mut ca = good.clone();
            change(&mut ca);
            Authority::new(vec![ca], &key, now).unwrap_err().to_string()
        };
        let ca = "CN=ca".to_owned();
        assert_eq!(refusal(&|c| c.key.spki[30] ^= 1, during), AuthorityError::OtherKey.to_string());
        assert_eq!(
            refusal(
                &|c| {
                    c.is_ca = false;
                    c.version = 3;
                },
                during
            ),
            AuthorityError::NotAnAuthority(ca.clone()).to_string()
        );
        let usages = |c: &mut Certificate| c.key_usages = Some(vec!["digital signature"]);
        assert_eq!(refusal(&usages, during), AuthorityError::MayNotSign(ca).to_string());
        assert!(refusal(&|_| {}, good.not_after.plus(1)).contains("expired at"));
        assert!(refusal(&|_| {}, good.not_before.plus(-1)).contains("is valid from"));
        // As old openssl makes them: without any extension.
        let old = Certificate { is_ca: false, key_usages: None, version: 1, ..good.clone() };
        assert!(Authority::new(vec![old], &key, during).is_ok(), "Go takes them at their word");
    }

    #[test]
    fn a_cas_own_purpose_holds_for_what_it_signs() {
        assert!(purpose(&["client auth"], "user") && !purpose(&["client auth"], "server"));
        assert!(purpose(&["server auth"], "apiserver") && !purpose(&["server auth"], "etcd-peer"));
        assert!(purpose(&["any"], "etcd-peer"));
    }

    #[test]
    fn intermediates_go_along_and_the_root_does_not() {
        let root = authority("root").certificate().clone();
        let mut middle = authority("middle").certificate().clone();
        middle.issuer_der.clone_from(&root.subject_der);
        middle.authority_key_id.clone_from(&root.subject_key_id);
        let key = middle.key.clone();
        let now = UnixTime(1_600_000_000);
        let leaf = || authority("leaf").certificate().clone();
        let mut file = vec![middle.clone(), root.clone()];
        // The same test key is in all of them; only the first counts.
        let ca = Authority::new(file.clone(), &key, now).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf(), middle.clone()]);
        file.pop();
        let ca = Authority::new(file, &key, now).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf(), middle]);
        let ca = Authority::new(vec![root], &key, now).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf()]);
    }
}
