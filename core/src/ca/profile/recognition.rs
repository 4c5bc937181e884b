//! Which profile a certificate has.

use super::definition::{CertificateSubject, Names, Profile};
use super::naming::Named;
use super::table::PROFILES;
use crate::x509::certificate::Certificate;

/// The profile that a certificate has, the most particular one.
pub fn of(certificate: &Certificate) -> Option<&'static Profile> {
    if certificate.is_ca {
        return None;
    }
    let particular = |p: &&Profile| {
        matches!(p.holder, CertificateSubject::Component(..) | CertificateSubject::Node)
    };
    let named = |p: &&Profile| matches!(p.holder, CertificateSubject::Host(Some(_)));
    let fitting = || PROFILES.iter().filter(|p| p.fits(certificate));
    fitting()
        .find(particular)
        .or_else(|| fitting().find(named))
        .or_else(|| fitting().find(|p| p.holder == CertificateSubject::Person || p.server))
}

impl Profile {
    fn fits(&self, certificate: &Certificate) -> bool {
        let usages = certificate.extended_key_usages.as_deref().unwrap_or_default();
        let has = |usage: &str| usages.iter().any(|u| u == usage);
        let (user, groups) = (certificate.subject.user(), certificate.subject.groups());
        let holder = match self.holder {
            CertificateSubject::Person => !user.is_empty(),
            CertificateSubject::Host(Some(name)) => user == name,
            CertificateSubject::Host(None) => true,
            CertificateSubject::Component(..) | CertificateSubject::Node => {
                self.check_prescribed(&Named { user: user.to_owned(), groups }).is_ok()
            }
        };
        let etcd = self.names != Names::Etcd
            || certificate.alternative_names.iter().any(|n| n == "DNS:localhost");
        holder && etcd && has("client auth") == self.client && has("server auth") == self.server
    }
}
