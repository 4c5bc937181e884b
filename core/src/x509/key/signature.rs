//! What signatures are made with.

use std::fmt;

use super::public::{ED25519, KeyKind};
use crate::encoding::der::{self, Element};

/// What a signature was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1; broken.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A signature algorithm (RFC 3279, 4055, 5758, 8410).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    Rsa(Hash),
    /// RSASSA-PSS, MGF1 with the same hash and a salt of the hash's length.
    RsaPss(Hash),
    /// ECDSA.
    Ecdsa(Hash),
    /// Ed25519.
    Ed25519,
    /// Anything else, by dotted object identifier.
    Other(String),
}

impl SignatureAlgorithm {
    /// Whether no key of this kind can have made such a signature, known or not.
    pub fn excludes(&self, kind: &KeyKind) -> bool {
        match (self, kind) {
            (Self::Other(_), _) | (_, KeyKind::Other(_)) => false,
            (Self::Rsa(_) | Self::RsaPss(_), kind) => !matches!(kind, KeyKind::Rsa(_)),
            (Self::Ed25519, kind) => *kind != KeyKind::Ed25519,
            (Self::Ecdsa(_), kind) => matches!(kind, KeyKind::Rsa(_) | KeyKind::Ed25519),
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = |h: &Hash| match h {
            Hash::Sha1 => "SHA-1",
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
        };
        match self {
            Self::Rsa(h) => write!(f, "RSA with {}", hash(h)),
            Self::RsaPss(h) => write!(f, "RSA-PSS with {}", hash(h)),
            Self::Ecdsa(h) => write!(f, "ECDSA with {}", hash(h)),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => match oid.as_str() {
                "1.2.840.113549.1.1.4" => f.write_str("RSA with MD5"),
                "1.2.840.113549.1.1.14" => f.write_str("RSA with SHA-224"),
                "1.2.840.10045.4.3.1" => f.write_str("ECDSA with SHA-224"),
                _ => write!(f, "unknown ({oid})"),
            },
        }
    }
}

/// Algorithms by their object identifiers; those with SHA-1 are never written.
static ALGORITHMS: [(&str, SignatureAlgorithm); 10] = [
    ("1.2.840.113549.1.1.5", SignatureAlgorithm::Rsa(Hash::Sha1)),
    ("1.3.14.3.2.29", SignatureAlgorithm::Rsa(Hash::Sha1)),
    ("1.2.840.113549.1.1.11", SignatureAlgorithm::Rsa(Hash::Sha256)),
    ("1.2.840.113549.1.1.12", SignatureAlgorithm::Rsa(Hash::Sha384)),
    ("1.2.840.113549.1.1.13", SignatureAlgorithm::Rsa(Hash::Sha512)),
    ("1.2.840.10045.4.1", SignatureAlgorithm::Ecdsa(Hash::Sha1)),
    ("1.2.840.10045.4.3.2", SignatureAlgorithm::Ecdsa(Hash::Sha256)),
    ("1.2.840.10045.4.3.3", SignatureAlgorithm::Ecdsa(Hash::Sha384)),
    ("1.2.840.10045.4.3.4", SignatureAlgorithm::Ecdsa(Hash::Sha512)),
    (ED25519, SignatureAlgorithm::Ed25519),
];
const RSA_PSS: &str = "1.2.840.113549.1.1.10";

impl SignatureAlgorithm {
    pub(crate) fn read(identifier: &Element<'_>) -> Option<Self> {
        let mut fields = identifier.inside();
        let oid = fields.read_oid()?;
        let known = ALGORITHMS.iter().find(|(known, _)| *known == oid);
        // RFC 8410 section 3: those of Ed25519 must be absent.
        if let Some((_, known)) = known.filter(|_| oid != ED25519 || fields.is_empty()) {
            return Some(known.clone());
        }
        let parameters = fields.read(der::SEQUENCE).filter(|_| oid == RSA_PSS);
        let hash = parameters.and_then(|parameters| pss_hash(&parameters));
        Some(hash.map_or(Self::Other(oid), Self::RsaPss))
    }

    /// What a key of this kind signs requests with; client-go's choice for RSA
    /// (`client-go/util/cert/csr.go`): longer hashes for longer keys.
    pub fn for_key(kind: &KeyKind) -> Option<Self> {
        Some(match kind {
            KeyKind::P256 => Self::Ecdsa(Hash::Sha256),
            KeyKind::P384 => Self::Ecdsa(Hash::Sha384),
            KeyKind::P521 => Self::Ecdsa(Hash::Sha512),
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::Rsa(bits) if *bits >= 4096 => Self::Rsa(Hash::Sha512),
            KeyKind::Rsa(bits) if *bits >= 3072 => Self::Rsa(Hash::Sha384),
            KeyKind::Rsa(_) => Self::Rsa(Hash::Sha256),
            KeyKind::P224 | KeyKind::Other(_) => return None,
        })
    }

    /// DER of the AlgorithmIdentifier to write; `None` for what we do not sign with.
    pub(crate) fn identifier(&self) -> Option<Vec<u8>> {
        let (oid, _) = ALGORITHMS.iter().find(|(_, known)| known == self && !self.is_weak())?;
        let parameters: &[u8] = if let Self::Rsa(_) = self { &[der::NULL, 0] } else { &[] };
        Some(der::sequence(&[&der::object_identifier(oid), parameters]))
    }

    /// Whether the hash is broken.
    pub(crate) fn is_weak(&self) -> bool {
        matches!(self, Self::Rsa(Hash::Sha1) | Self::Ecdsa(Hash::Sha1) | Self::RsaPss(Hash::Sha1))
    }
}

/// The hash of RSASSA-PSS parameters (RFC 4055 section 3.1), if they are of the one shape that Go
/// accepts.
fn pss_hash(parameters: &Element<'_>) -> Option<Hash> {
    let mut fields = parameters.inside();
    let mut explicit = |number| Element::only(fields.read(der::context(number))?.content);
    let hash = explicit(0)?.inside().read_oid()?;
    let mut mask = explicit(1)?.inside();
    let salt = explicit(2)?;
    let (found, length) = match hash.as_str() {
        "2.16.840.1.101.3.4.2.1" => (Hash::Sha256, 32),
        "2.16.840.1.101.3.4.2.2" => (Hash::Sha384, 48),
        "2.16.840.1.101.3.4.2.3" => (Hash::Sha512, 64),
        _ => return None,
    };
    let is_mgf1 = mask.read_oid()? == "1.2.840.113549.1.1.8";
    let mask_hash = mask.read(der::SEQUENCE)?.inside().read_oid()?;
    let good = is_mgf1 && mask_hash == hash && salt.content == [length] && fields.is_empty();
    good.then_some(found)
}

/// Whether a signature is good, as found by whoever has the cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It verifies.
    Valid,
    /// It does not.
    Invalid,
    /// The algorithm is not one that was tried; says nothing about the signature.
    Unsupported,
}
