//! Key usages: their names in the API (`k8s.io/api/certificates/v1`) and what they become in a certificate
//! (`pkg/controller/certificates/authority/policies.go`).

use super::der;

/// Bits of the keyUsage extension, the first of the DER bit string being the highest.
const KEY_USAGES: [(&str, u16); 10] = [
    ("signing", 0x8000),
    ("digital signature", 0x8000),
    ("content commitment", 0x4000),
    ("key encipherment", 0x2000),
    ("data encipherment", 0x1000),
    ("key agreement", 0x0800),
    ("cert sign", 0x0400),
    ("crl sign", 0x0200),
    ("encipher only", 0x0100),
    ("decipher only", 0x0080),
];

/// 1.3.6.1.5.5.7.3, the arc of most purposes.
const PURPOSES: [u8; 7] = [0x2b, 6, 1, 5, 5, 7, 3];

/// Extended usages in the order in which they are issued, each with its OID as arc and rest.
const EXTENDED: [(&str, &[u8], &[u8]); 13] = [
    ("any", &[0x55, 0x1d, 0x25], &[0]),
    ("server auth", &PURPOSES, &[1]),
    ("client auth", &PURPOSES, &[2]),
    ("code signing", &PURPOSES, &[3]),
    ("email protection", &PURPOSES, &[4]),
    ("s/mime", &PURPOSES, &[4]),
    ("ipsec end system", &PURPOSES, &[5]),
    ("ipsec tunnel", &PURPOSES, &[6]),
    ("ipsec user", &PURPOSES, &[7]),
    ("timestamping", &PURPOSES, &[8]),
    ("ocsp signing", &PURPOSES, &[9]),
    ("microsoft sgc", &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3], &[3]),
    ("netscape sgc", &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4], &[1]),
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
    bits: u16,
    extended: Vec<Vec<u8>>,
}

impl Usages {
    /// Maps API names; unknown ones, which validation refuses, are left out.
    pub(crate) fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        let asked = |name: &str| names.iter().any(|it| it.as_ref() == name);
        let bits =
            KEY_USAGES.iter().filter(|(name, _)| asked(name)).fold(0, |all, (_, bit)| all | bit);
        let mut extended: Vec<Vec<u8>> = EXTENDED
            .iter()
            .filter(|(name, ..)| asked(name))
            .map(|(_, arc, last)| [*arc, *last].concat())
            .collect();
        extended.dedup();
        Self { bits, extended }
    }

    /// The value of the keyUsage extension, if there is one.
    pub(crate) fn key_usage(&self) -> Option<Vec<u8>> {
        let [first, second] = self.bits.to_be_bytes();
        let octets: &[u8] = match (first, second) {
            (0, 0) => return None,
            (first, 0) => &[first],
            (first, second) => &[first, second],
        };
        let unused = octets.last().map_or(0, |octet| octet.trailing_zeros() as u8);
        Some(der::constructed(der::BIT_STRING, &[&[unused], octets]))
    }

    /// The value of the extendedKeyUsage extension, if there is one.
    pub(crate) fn extended_key_usage(&self) -> Option<Vec<u8>> {
        if self.extended.is_empty() {
            return None;
        }
        let oids: Vec<Vec<u8>> =
            self.extended.iter().map(|oid| der::element(der::OID, oid)).collect();
        Some(der::element(der::SEQUENCE, &oids.concat()))
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

    #[test]
    fn encodes_bits() {
        let usages = Usages::from_names(&["client auth", "key encipherment", "digital signature"]);
        assert_eq!(usages.key_usage().unwrap(), [3, 2, 5, 0xa0]);
        assert_eq!(usages.extended_key_usage().unwrap()[..4], [0x30, 10, 6, 8]);
        assert_eq!(Usages::from_names(&["decipher only"]).key_usage().unwrap(), [3, 3, 7, 0, 0x80]);
        assert_eq!(Usages::from_names(&["client auth"]).key_usage(), None);
    }
}
