//! Key types, public keys as found in requests and certificates, and private keys as bytes.
//!
//! Core makes no keys and signs nothing; it knows which kinds there are, wraps the older private key
//! formats into PKCS#8 (RFC 5208) and says what a foreign signature was made with.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::encoding::der::{self, Element};
use crate::encoding::pem;

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";

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
    #[must_use]
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
    #[must_use]
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
    fn of_curve(oid: String) -> Self {
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
    #[must_use]
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        Self::read(&Element::only_of(der, der::SEQUENCE)?)
    }

    pub(crate) fn read(info: &Element<'_>) -> Option<Self> {
        let mut fields = info.inside();
        let mut algorithm = fields.read(der::SEQUENCE)?.inside();
        let bits = der::bits(fields.read(der::BIT_STRING)?.content)?;
        let oid = algorithm.read_oid()?;
        let kind = match oid.as_str() {
            // Go reads uncompressed points only (`Go: crypto/elliptic`).
            EC if bits.first() != Some(&4) => KeyKind::Other("EC, not uncompressed".to_owned()),
            EC => algorithm.read_oid().map_or(KeyKind::Other(oid), KeyKind::of_curve),
            ED25519 => KeyKind::Ed25519,
            RSA => rsa_bits(bits).map_or(KeyKind::Other(oid), KeyKind::Rsa),
            _ => KeyKind::Other(oid),
        };
        Some(Self { spki: info.whole.to_vec(), bits: bits.to_vec(), kind })
    }

    /// Five characters that tell this key from others, lower-case hexadecimal.
    #[must_use]
    pub fn short_hash(&self) -> String {
        crate::x509::code::hex(&Sha256::digest(&self.spki)).chars().take(5).collect()
    }
}

/// The size of a PKCS#1 RSAPublicKey (RFC 8017 appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut fields = Element::only_of(key, der::SEQUENCE)?.inside();
    let modulus = fields.read(der::INTEGER)?;
    fields.read(der::INTEGER)?;
    number_bits(modulus.content)
}

fn number_bits(integer: &[u8]) -> Option<usize> {
    let number = der::unsigned(integer)?;
    let zeros = number.first().map_or(0, |first| first.leading_zeros() as usize);
    Some(number.len() * 8 - zeros)
}

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
    #[must_use]
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

impl SignatureAlgorithm {
    pub(crate) fn read(identifier: &Element<'_>) -> Option<Self> {
        let mut fields = identifier.inside();
        let oid = fields.read_oid()?;
        Some(match oid.as_str() {
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::Rsa(Hash::Sha1),
            "1.2.840.113549.1.1.11" => Self::Rsa(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Rsa(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Rsa(Hash::Sha512),
            "1.2.840.10045.4.1" => Self::Ecdsa(Hash::Sha1),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            ED25519 => Self::Ed25519,
            "1.2.840.113549.1.1.10" => {
                let hash = fields.read(der::SEQUENCE).and_then(|parameters| pss_hash(&parameters));
                hash.map_or(Self::Other(oid), Self::RsaPss)
            }
            _ => Self::Other(oid),
        })
    }

    /// What a key of this kind signs requests with; client-go's choice for RSA
    /// (`client-go/util/cert/csr.go`): longer hashes for longer keys.
    #[must_use]
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
        let (oid, null) = match self {
            Self::Rsa(Hash::Sha256) => ("1.2.840.113549.1.1.11", true),
            Self::Rsa(Hash::Sha384) => ("1.2.840.113549.1.1.12", true),
            Self::Rsa(Hash::Sha512) => ("1.2.840.113549.1.1.13", true),
            Self::Ecdsa(Hash::Sha256) => ("1.2.840.10045.4.3.2", false),
            Self::Ecdsa(Hash::Sha384) => ("1.2.840.10045.4.3.3", false),
            Self::Ecdsa(Hash::Sha512) => ("1.2.840.10045.4.3.4", false),
            Self::Ed25519 => (ED25519, false),
            _ => return None,
        };
        let parameters: &[u8] = if null { &[der::NULL, 0] } else { &[] };
        Some(der::sequence(&[&der::object_identifier(oid), parameters]))
    }

    /// Whether the hash is broken.
    #[must_use]
    pub fn is_weak(&self) -> bool {
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

/// Why bytes are no private key that we can use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PrivateKeyError {
    /// No PEM block whose label ends in `PRIVATE KEY`, and not DER either.
    #[error("there is no private key in it")]
    NotAKey,
    /// The key is encrypted.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The block is labelled as a key but does not parse as one.
    #[error("the private key cannot be read: {0}")]
    Malformed(&'static str),
    /// An EC key on a curve that is not supported.
    #[error("the key's curve or algorithm is not supported")]
    UnsupportedCurve,
}

/// The PKCS#8 DER of the private key in `data`: PEM or DER; PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
///
/// # Errors
/// Nothing there, encrypted, or malformed. The content is never part of an error.
pub fn to_pkcs8(data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let mut blocks = pem::all(data);
    let found = blocks.iter().position(|b| b.label.ends_with("PRIVATE KEY"));
    let (label, der) = match found {
        Some(i) => {
            let block = blocks.swap_remove(i);
            if block.label.starts_with("ENCRYPTED") || block.has_headers {
                return Err(PrivateKeyError::Encrypted);
            }
            (block.label, Zeroizing::new(block.der))
        }
        None => (String::new(), Zeroizing::new(data.to_vec())),
    };
    for block in blocks {
        drop(Zeroizing::new(block.der));
    }
    match label.as_str() {
        "RSA PRIVATE KEY" => wrap_pkcs1(&der),
        "EC PRIVATE KEY" => wrap_sec1(&der),
        "PRIVATE KEY" => check_pkcs8(der),
        "" => match check_pkcs8(der.clone()).or_else(|_| wrap_sec1(&der)) {
            Ok(key) => Ok(key),
            Err(_) if looks_like_pkcs1(&der) => wrap_pkcs1(&der),
            Err(_) => Err(PrivateKeyError::NotAKey),
        },
        _ => Err(PrivateKeyError::UnsupportedCurve),
    }
}

/// PKCS#8 PrivateKeyInfo (RFC 5208 section 5): its algorithm and key. Version 2 (RFC 5958) carries
/// more fields than the three that matter.
fn pkcs8_parts(der: &[u8]) -> Option<(Element<'_>, Element<'_>)> {
    let mut fields = Element::only_of(der, der::SEQUENCE)?.inside();
    let version = fields.read(der::INTEGER)?;
    let parts = (fields.read(der::SEQUENCE)?, fields.read(der::OCTET_STRING)?);
    matches!(version.content, [0 | 1]).then_some(parts)
}

fn check_pkcs8(der: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    match pkcs8_parts(&der) {
        Some(_) => Ok(der),
        None => Err(PrivateKeyError::Malformed("no PKCS#8 structure")),
    }
}

/// Whether this is a PKCS#1 RSAPrivateKey of two primes (RFC 8017 appendix A.1.2).
fn looks_like_pkcs1(der: &[u8]) -> bool {
    let numbers = Element::only_of(der, der::SEQUENCE).and_then(|k| k.elements_of(der::INTEGER));
    numbers.is_some_and(|numbers| numbers.len() == 9)
}

fn wrap_pkcs1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    if !looks_like_pkcs1(der) {
        return Err(PrivateKeyError::Malformed("no PKCS#1 structure"));
    }
    Ok(wrap(RSA, &[der::NULL, 0], der))
}

/// A SEC1 ECPrivateKey (RFC 5915 section 3) without its curve, and the curve.
fn sec1_parts(der: &[u8]) -> Option<(Zeroizing<Vec<u8>>, Option<Element<'_>>)> {
    let mut fields = Element::only_of(der, der::SEQUENCE)?.inside();
    let version = fields.read(der::INTEGER).filter(|version| version.content == [1])?;
    let key = fields.read(der::OCTET_STRING)?;
    let curve = match fields.read(der::context(0)) {
        Some(curve) => Some(Element::only_of(curve.content, der::OID)?),
        None => None,
    };
    let public = fields.read(der::context(1)).map_or(&[][..], |public| public.whole);
    let bare = der::sequence(&[version.whole, key.whole, public]);
    fields.is_empty().then(|| (Zeroizing::new(bare), curve))
}

fn wrap_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let (bare, curve) = sec1_parts(der).ok_or(PrivateKeyError::Malformed("no SEC1 structure"))?;
    let curve = curve.ok_or(PrivateKeyError::UnsupportedCurve)?;
    // RFC 5915 section 3: inside PKCS#8 the curve stands in the algorithm, not in the key.
    Ok(wrap(EC, curve.whole, &bare))
}

fn wrap(algorithm: &str, parameters: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let algorithm = der::sequence(&[&der::object_identifier(algorithm), parameters]);
    let key = Zeroizing::new(der::element(der::OCTET_STRING, &[key]));
    Zeroizing::new(der::sequence(&[&[der::INTEGER, 1, 0], &algorithm, &key]))
}

/// The kind of a private key in PKCS#8; the bits of an RSA key come from its modulus.
#[must_use]
pub fn kind_of_pkcs8(pkcs8: &[u8]) -> Option<KeyKind> {
    let (algorithm, key) = pkcs8_parts(pkcs8)?;
    let mut algorithm = algorithm.inside();
    let oid = algorithm.read_oid()?;
    Some(match oid.as_str() {
        ED25519 => KeyKind::Ed25519,
        RSA => {
            let fields = Element::only_of(key.content, der::SEQUENCE)?.elements()?;
            KeyKind::Rsa(number_bits(fields.get(1)?.content)?)
        }
        EC => KeyKind::of_curve(algorithm.read_oid()?),
        _ => KeyKind::Other(oid),
    })
}
