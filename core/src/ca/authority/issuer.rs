//! Whether a certificate and a key are an authority that may sign.

use crate::ca::profile::Profile;
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::chain;
use crate::x509::key::PublicKey;
use crate::x509::policy::Policies;

/// Why a certificate and a key are no authority to sign with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthorityError {
    /// The key belongs to none of the certificates.
    #[error("the CA's key does not belong to its certificate")]
    OtherKey,
    /// It or a CA above it lets nobody accept what is signed with it; which, and why.
    #[error("{0}")]
    Unfit(String),
    /// It has ended.
    #[error("the CA {0} expired at {1}")]
    Expired(String, UnixTime),
    /// It has not begun.
    #[error("the CA {0} is valid from {1} only")]
    NotYetValid(String, UnixTime),
}

/// A certificate authority that may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    certificate: Certificate,
    /// The CAs above it, as far as they are known.
    above: Vec<Certificate>,
}

impl Authority {
    /// The authority whose certificate stands in `file`, with the chain above it, and whose key is
    /// `key`. `signed` says whether the first certificate was signed by the second.
    ///
    /// # Errors
    /// The key is another's, or it may not sign now.
    pub fn new(
        file: Vec<Certificate>,
        key: &PublicKey,
        now: UnixTime,
        signed: impl Fn(&Certificate, &Certificate) -> bool,
    ) -> Result<Self, AuthorityError> {
        // A renewed CA often stands beside its old certificate, with the same key.
        let own = || file.iter().filter(|c| c.key.spki == key.spki);
        let valid = own().find(|c| (c.not_before..=c.not_after).contains(&now));
        let certificate = valid.or_else(|| own().next()).ok_or(AuthorityError::OtherKey)?.clone();
        let ca = certificate.subject.shown();
        if !certificate.may_be_authority() {
            let problem = format!("{ca} is not a CA: its basicConstraints do not say so");
            return Err(AuthorityError::Unfit(problem));
        }
        if certificate.key_usages.as_ref().is_some_and(|usages| !usages.contains(&"cert sign")) {
            return Err(AuthorityError::Unfit(format!(
                "the CA {ca} may not sign certificates: its key usage does not allow it"
            )));
        }
        // Of several that fit, the one that ends last.
        let issuer = |way: &[&Certificate]| {
            let below = way.last().filter(|below| !below.is_self_issued())?;
            let fits = |c: &&Certificate| {
                let fresh = !way.contains(c);
                fresh && c.may_be_authority() && below.names_as_issuer(c) && signed(below, c)
            };
            file.iter().rev().filter(fits).max_by_key(|c| c.not_after)
        };
        let way = chain::way(&certificate, |c| c, issuer);
        let above: Vec<Certificate> = way.into_iter().skip(1).cloned().collect();
        for (below, ca) in (1..).zip(&above) {
            if ca.path_length.is_some_and(|most| below > most) {
                return Err(AuthorityError::Unfit(format!(
                    "the CA {} allows fewer CAs below it: nobody would accept what is signed here",
                    ca.subject.shown()
                )));
            }
        }
        // What is signed here names no policies.
        let leaf = Certificate { policies: Policies::default(), ..certificate.clone() };
        let all: Vec<_> = [&leaf, &certificate].into_iter().chain(&above).collect();
        if chain::has_policies(&all) != Some(true) {
            return Err(AuthorityError::Unfit(format!(
                "the CA {ca}, or one above it, requires certificate policies: nobody would accept what is signed here"
            )));
        }
        let authority = Self { certificate, above };
        for ca in authority.all() {
            if let Some(reason) = ca.unreadable_to_go() {
                return Err(AuthorityError::Unfit(format!(
                    "Kubernetes cannot read the CA {}: {reason}",
                    ca.subject.shown()
                )));
            }
            if let Some(extension) = ca.unknown_critical.first() {
                return Err(AuthorityError::Unfit(format!(
                    "the CA {} has a critical extension unknown to Kubernetes: {extension}",
                    ca.subject.shown()
                )));
            }
        }
        authority.check_validity(now)?;
        Ok(authority)
    }

    /// Itself and the CAs above it.
    fn all(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.certificate).chain(&self.above)
    }

    /// Whether it or a CA above it limits which names may be certified, which is not checked here.
    pub fn has_name_constraints(&self) -> bool {
        self.all().any(|ca| ca.has_name_constraints)
    }

    /// Whether it is valid now, and so are the CAs above it: nobody accepts a certificate by way of
    /// one that is not.
    ///
    /// # Errors
    /// When one of them is not.
    pub(crate) fn check_validity(&self, now: UnixTime) -> Result<(), AuthorityError> {
        for authority in self.all() {
            let (from, to) = (authority.not_before, authority.not_after);
            let ca = || authority.subject.shown();
            if now > to {
                return Err(AuthorityError::Expired(ca(), to));
            }
            if now < from {
                return Err(AuthorityError::NotYetValid(ca(), from));
            }
        }
        Ok(())
    }

    /// When the first of it and the CAs above it ends.
    pub fn end(&self) -> UnixTime {
        self.all().fold(self.certificate.not_after, |end, ca| end.min(ca.not_after))
    }

    /// The CA's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether verifiers take certificates of this profile from this CA.
    ///
    /// # Errors
    /// When its extended key usage excludes them.
    pub fn may_issue(&self, profile: &Profile) -> Result<(), AuthorityError> {
        for ca in self.all() {
            let Some(usages) = &ca.extended_key_usages else { continue };
            let allows = |purpose: &str| usages.iter().any(|u| u == purpose || u == "any");
            let refused = [
                (profile.client && !allows("client auth"), "client"),
                (profile.server && !allows("server auth"), "server"),
            ];
            if let Some((_, purpose)) = refused.into_iter().find(|(refused, _)| *refused) {
                // Verifiers apply it to the whole chain (`Go: crypto/x509`).
                return Err(AuthorityError::Unfit(format!(
                    "the CA {} is not meant for {purpose} certificates: its extended key usage does not allow it",
                    ca.subject.shown()
                )));
            }
        }
        Ok(())
    }

    /// A certificate of this CA with what must be presented beside it: the intermediates up to, but
    /// not including, the root.
    pub fn chain(&self, leaf: Certificate) -> Vec<Certificate> {
        let intermediates = self.all().filter(|ca| !ca.is_self_issued()).cloned();
        std::iter::once(leaf).chain(intermediates).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::profile;
    use crate::encoding::der::Element;
    use crate::x509::testing::authority;

    fn purpose(usages: &[&str], profile: &str) -> bool {
        let mut ca = authority("ca").certificate().clone();
        ca.extended_key_usages = Some(usages.iter().map(|u| (*u).to_owned()).collect());
        let key = ca.key.clone();
        let ca = Authority::new(vec![ca], &key, UnixTime(1_600_000_000), |_, _| true).unwrap();
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
            Authority::new(vec![ca], &key, now, |_, _| true).unwrap_err().to_string()
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
            format!("{ca} is not a CA: its basicConstraints do not say so")
        );
        let usages = |c: &mut Certificate| c.key_usages = Some(vec!["digital signature"]);
        assert!(refusal(&usages, during).starts_with(&format!("the CA {ca} may not sign")));
        assert!(refusal(&|_| {}, good.not_after.plus(1)).contains("expired at"));
        assert!(refusal(&|_| {}, good.not_before.plus(-1)).contains("is valid from"));
        // As old openssl makes them: without any extension.
        let old = Certificate { is_ca: false, key_usages: None, version: 1, ..good.clone() };
        assert!(
            Authority::new(vec![old], &key, during, |_, _| true).is_ok(),
            "Go takes them at their word"
        );
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
        let ca = Authority::new(file.clone(), &key, now, |_, _| true).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf(), middle.clone()]);
        file.pop();
        let ca = Authority::new(file, &key, now, |_, _| true).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf(), middle.clone()]);
        let ca = Authority::new(vec![root.clone()], &key, now, |_, _| true).unwrap();
        assert_eq!(ca.chain(leaf()), vec![leaf()]);

        // What is above counts like the CA itself.
        let ends = |not_after| Certificate { not_after, ..root.clone() };
        let with = |root| Authority::new(vec![middle.clone(), root], &key, now, |_, _| true);
        let gone = with(ends(now.plus(-1))).unwrap_err().to_string();
        assert!(gone.contains("CN=root expired at"), "{gone}");
        assert_eq!(with(ends(now.plus(7_200))).unwrap().end(), now.plus(7_200));
        assert_eq!(with(root.clone()).unwrap().end(), middle.not_after.min(root.not_after));
        let refused = |change: &dyn Fn(&mut Certificate)| {
            let mut root = root.clone();
            change(&mut root);
            with(root).unwrap_err()
        };
        let narrow = refused(&|root| root.path_length = Some(0));
        assert!(narrow.to_string().starts_with("the CA CN=root allows fewer CAs below it"));
        let odd = refused(&|root| root.unknown_critical = vec!["1.2.3".to_owned()]);
        assert!(odd.to_string().contains("unknown to Kubernetes: 1.2.3"), "{odd}");
        let mut strict = middle.clone();
        let required = Element::only(&[0x30, 3, 0x80, 1, 0]).unwrap();
        strict.policies.take_constraints(&required);
        let refused = Authority::new(vec![strict, root.clone()], &key, now, |_, _| true);
        assert!(refused.unwrap_err().to_string().contains("requires certificate policies"));
        let servers = Some(vec!["server auth".to_owned()]);
        let ca = with(Certificate { extended_key_usages: servers, ..root.clone() }).unwrap();
        assert!(ca.may_issue(profile::user()).is_err());
        // Another CA of the same name is not taken for the one that has signed.
        let other = ends(root.not_after.plus(1));
        let file = vec![middle.clone(), other, root.clone()];
        let ca = Authority::new(file, &key, now, |_, issuer| issuer.not_after == root.not_after);
        assert_eq!(ca.unwrap().end(), middle.not_after.min(root.not_after));
    }

    #[test]
    fn a_renewed_ca_may_stand_beside_its_old_certificate() {
        let new = authority("ca").certificate().clone();
        let now = UnixTime(1_600_000_000);
        let old = Certificate { not_after: now.plus(-1), ..new.clone() };
        for file in [vec![old.clone(), new.clone()], vec![new.clone(), old.clone()]] {
            let ca = Authority::new(file, &new.key, now, |_, _| true).unwrap();
            assert_eq!(ca.certificate(), &new);
        }
        let gone = Authority::new(vec![old], &new.key, now, |_, _| true).unwrap_err();
        assert!(matches!(gone, AuthorityError::Expired { .. }));
    }
}
