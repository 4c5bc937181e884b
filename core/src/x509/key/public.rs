//! Kinds of key, and public keys as found in requests and certificates.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::encoding::der::{self, Element, Reader};

pub(crate) const RSA: &str = "1.2.840.113549.1.1.1";
pub(crate) const DSA: &str = "1.2.840.10040.4.1";
pub(crate) const EC: &str = "1.2.840.10045.2.1";
pub(crate) const ED25519: &str = "1.3.101.112";

/// Kinds of key that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// All kinds, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::P256, Self::P384, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }

    /// The kind that a key is of, if it is one of these.
    pub fn of(kind: &KeyKind) -> Option<Self> {
        Some(match kind {
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::Rsa(2048) => Self::Rsa2048,
            KeyKind::Rsa(3072) => Self::Rsa3072,
            KeyKind::Rsa(4096) => Self::Rsa4096,
            _ => return None,
        })
    }
}

/// The text names no kind of key that we make.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown key type {}: choose p256, p384, ed25519, rsa2048, rsa3072 or rsa4096", crate::text::show(.0))]
pub struct UnknownKeyType(pub String);

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    fn from_str(s: &str) -> Result<Self, UnknownKeyType> {
        Self::ALL.into_iter().find(|k| k.name() == s).ok_or_else(|| UnknownKeyType(s.to_owned()))
    }
}

/// What a public key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with so many bits.
    Rsa(usize),
    /// NIST P-224.
    P224,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// Anything else, by the algorithm's or curve's dotted object identifier.
    Other(String),
}

impl KeyKind {
    pub(crate) fn of_curve(oid: String) -> Self {
        match oid.as_str() {
            "1.3.132.0.33" => Self::P224,
            "1.2.840.10045.3.1.7" => Self::P256,
            "1.3.132.0.34" => Self::P384,
            "1.3.132.0.35" => Self::P521,
            _ => Self::Other(oid),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA-{bits}"),
            Self::P224 => f.write_str("P-224"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => write!(f, "unknown ({oid})"),
        }
    }
}

/// A public key: its SubjectPublicKeyInfo and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// DER of the SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub spki: Vec<u8>,
    /// The bit string inside: PKCS#1 RSAPublicKey, an EC point or the Ed25519 bytes.
    pub bits: Vec<u8>,
    /// Its kind.
    pub kind: KeyKind,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        Self::read(&Element::only_of(der, der::SEQUENCE)?)
    }

    pub(crate) fn read(info: &Element<'_>) -> Option<Self> {
        let mut fields = info.inside();
        let mut algorithm = fields.read(der::SEQUENCE)?.inside();
        let bits = der::aligned_bits(fields.read(der::BIT_STRING)?.content)?;
        let oid = algorithm.read_oid()?;
        let kind = match oid.as_str() {
            // Go reads uncompressed points only (`Go: crypto/elliptic`).
            EC if bits.first() != Some(&4) => KeyKind::Other("EC, not uncompressed".to_owned()),
            EC => algorithm.read_oid().map_or(KeyKind::Other(oid), KeyKind::of_curve),
            ED25519 => KeyKind::Ed25519,
            RSA => rsa_bits(&bits).map_or(KeyKind::Other(oid), KeyKind::Rsa),
            _ => KeyKind::Other(oid),
        };
        Some(Self { spki: info.whole.to_vec(), bits, kind })
    }

    /// Five characters that tell this key from others, lower-case hexadecimal.
    pub(crate) fn short_hash(&self) -> String {
        crate::x509::code::hex(&Sha256::digest(&self.spki)).chars().take(5).collect()
    }
}

/// The size of a PKCS#1 RSAPublicKey (RFC 8017 appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut fields = Reader::new(key).read(der::SEQUENCE)?.inside();
    let modulus = fields.read(der::INTEGER)?;
    fields.read(der::INTEGER)?;
    number_bits(modulus.content)
}

/// How many bits an integer has that is not negative.
pub(super) fn number_bits(integer: &[u8]) -> Option<usize> {
    let number = der::unsigned(integer)?;
    let zeros = number.first().map_or(0, |first| first.leading_zeros() as usize);
    Some(number.len() * 8 - zeros)
}
