//! Key usages: their names in the API (`k8s.io/api/certificates/v1`) and what they become in a certificate
//! (`pkg/controller/certificates/authority/policies.go`).

use der::asn1::ObjectIdentifier;
use der::flagset::FlagSet;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

const KEY_USAGES: [(&str, KeyUsages); 10] = [
    ("signing", KeyUsages::DigitalSignature),
    ("digital signature", KeyUsages::DigitalSignature),
    ("content commitment", KeyUsages::NonRepudiation),
    ("key encipherment", KeyUsages::KeyEncipherment),
    ("data encipherment", KeyUsages::DataEncipherment),
    ("key agreement", KeyUsages::KeyAgreement),
    ("cert sign", KeyUsages::KeyCertSign),
    ("crl sign", KeyUsages::CRLSign),
    ("encipher only", KeyUsages::EncipherOnly),
    ("decipher only", KeyUsages::DecipherOnly),
];

/// Extended usages in the order in which they are issued.
const EXTENDED: [(&str, &str); 13] = [
    ("any", "2.5.29.37.0"),
    ("server auth", "1.3.6.1.5.5.7.3.1"),
    ("client auth", "1.3.6.1.5.5.7.3.2"),
    ("code signing", "1.3.6.1.5.5.7.3.3"),
    ("email protection", "1.3.6.1.5.5.7.3.4"),
    ("s/mime", "1.3.6.1.5.5.7.3.4"),
    ("ipsec end system", "1.3.6.1.5.5.7.3.5"),
    ("ipsec tunnel", "1.3.6.1.5.5.7.3.6"),
    ("ipsec user", "1.3.6.1.5.5.7.3.7"),
    ("timestamping", "1.3.6.1.5.5.7.3.8"),
    ("ocsp signing", "1.3.6.1.5.5.7.3.9"),
    ("microsoft sgc", "1.3.6.1.4.1.311.10.3.3"),
    ("netscape sgc", "2.16.840.1.113730.4.1"),
];

/// Every value that the API accepts, sorted as its error message lists them.
pub(crate) const KNOWN_USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// The usages of a certificate to be issued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usages {
    key: FlagSet<KeyUsages>,
    extended: Vec<ObjectIdentifier>,
}

impl Usages {
    /// Maps API names; unknown ones, which validation refuses, are left out.
    pub(crate) fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        let asked = |name: &str| names.iter().any(|it| it.as_ref() == name);
        let key = KEY_USAGES.iter().filter(|(name, _)| asked(name));
        let extended = EXTENDED.iter().filter(|(name, _)| asked(name));
        let mut extended: Vec<ObjectIdentifier> =
            extended.filter_map(|(_, oid)| ObjectIdentifier::new(oid).ok()).collect();
        extended.dedup();
        Self { key: key.fold(FlagSet::default(), |all, (_, usage)| all | *usage), extended }
    }

    /// The keyUsage extension, if there is one.
    pub(crate) fn key_usage(&self) -> Option<KeyUsage> {
        (!self.key.is_empty()).then_some(KeyUsage(self.key))
    }

    /// The extendedKeyUsage extension, if there is one.
    pub(crate) fn extended_key_usage(&self) -> Option<ExtendedKeyUsage> {
        (!self.extended.is_empty()).then(|| ExtendedKeyUsage(self.extended.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_usage_means_something() {
        for name in KNOWN_USAGES {
            assert_ne!(Usages::from_names(&[name]), Usages::default(), "{name}");
        }
        assert_eq!(KNOWN_USAGES.len(), KEY_USAGES.len() + EXTENDED.len());
        assert!(KNOWN_USAGES.is_sorted());
    }
}
