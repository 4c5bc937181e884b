//! Key types, public keys as found in requests and certificates, and private keys as bytes.
//!
//! Core makes no keys and signs nothing; it knows which kinds there are, wraps the older private key
//! formats into PKCS#8 (RFC 5208) and says what a foreign signature was made with.

use std::fmt;
use std::str::FromStr;

use der::asn1::{Any, AnyRef, BitStringRef, Null, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Sequence};
use sha2::{Digest as _, Sha256};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_parser::der_parser::ber::parse_ber_sequence;
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};
use zeroize::Zeroizing;

use crate::pem;

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
        use x509_parser::prelude::FromDer as _;
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
        rest.is_empty().then(|| Self::read(&info))
    }

    pub(crate) fn read(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = info.algorithm.algorithm.to_id_string();
        let kind = match algorithm.as_str() {
            "1.2.840.10045.2.1" => {
                let curve = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
                match curve.map(|c| c.to_id_string()).as_deref() {
                    Some("1.3.132.0.33") => KeyKind::P224,
                    Some("1.2.840.10045.3.1.7") => KeyKind::P256,
                    Some("1.3.132.0.34") => KeyKind::P384,
                    Some("1.3.132.0.35") => KeyKind::P521,
                    Some(curve) => KeyKind::Other(curve.to_owned()),
                    None => KeyKind::Other(algorithm),
                }
            }
            "1.3.101.112" => KeyKind::Ed25519,
            "1.2.840.113549.1.1.1" => match info.parsed() {
                Ok(ParsedKey::RSA(rsa)) => KeyKind::Rsa(modulus_bits(rsa.modulus)),
                _ => KeyKind::Other(algorithm),
            },
            _ => KeyKind::Other(algorithm),
        };
        Self { spki: info.raw.to_vec(), bits: info.subject_public_key.data.to_vec(), kind }
    }

    /// Five characters that tell this key from others, lower-case hexadecimal.
    #[must_use]
    pub fn short_hash(&self) -> String {
        crate::code::hex(&Sha256::digest(&self.spki)).chars().take(5).collect()
    }
}

fn modulus_bits(modulus: &[u8]) -> usize {
    let significant: &[u8] = match modulus.iter().position(|b| *b != 0) {
        Some(i) => &modulus[i..],
        None => return 0,
    };
    significant.len() * 8 - significant[0].leading_zeros() as usize
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
            Self::Other(oid) => write!(f, "unknown ({oid})"),
        }
    }
}

impl SignatureAlgorithm {
    pub(crate) fn read(identifier: &AlgorithmIdentifier<'_>) -> Self {
        let oid = identifier.algorithm.to_id_string();
        match oid.as_str() {
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::Rsa(Hash::Sha1),
            "1.2.840.113549.1.1.11" => Self::Rsa(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Rsa(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Rsa(Hash::Sha512),
            "1.2.840.10045.4.1" => Self::Ecdsa(Hash::Sha1),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            "1.3.101.112" => Self::Ed25519,
            "1.2.840.113549.1.1.10" => pss_hash(identifier).map_or(Self::Other(oid), Self::RsaPss),
            _ => Self::Other(oid),
        }
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

    /// The AlgorithmIdentifier to write; `None` for what we do not sign with.
    pub(crate) fn identifier(&self) -> Option<AlgorithmIdentifierOwned> {
        let (oid, null) = match self {
            Self::Rsa(Hash::Sha256) => ("1.2.840.113549.1.1.11", true),
            Self::Rsa(Hash::Sha384) => ("1.2.840.113549.1.1.12", true),
            Self::Rsa(Hash::Sha512) => ("1.2.840.113549.1.1.13", true),
            Self::Ecdsa(Hash::Sha256) => ("1.2.840.10045.4.3.2", false),
            Self::Ecdsa(Hash::Sha384) => ("1.2.840.10045.4.3.3", false),
            Self::Ecdsa(Hash::Sha512) => ("1.2.840.10045.4.3.4", false),
            Self::Ed25519 => ("1.3.101.112", false),
            _ => return None,
        };
        let oid = ObjectIdentifier::new(oid).ok()?;
        let parameters = null.then(|| Any::from(Null));
        Some(AlgorithmIdentifierOwned { oid, parameters })
    }

    /// Whether the hash is broken.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        matches!(self, Self::Rsa(Hash::Sha1) | Self::Ecdsa(Hash::Sha1) | Self::RsaPss(Hash::Sha1))
    }
}

/// The hash of RSASSA-PSS parameters, if they are of the one shape that Go accepts.
fn pss_hash(identifier: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    use x509_parser::signature_algorithm::RsaSsaPssParams;
    let params = RsaSsaPssParams::try_from(identifier.parameters.as_ref()?).ok()?;
    let hash = |oid: &str| {
        Some(match oid {
            "2.16.840.1.101.3.4.2.1" => (Hash::Sha256, 32),
            "2.16.840.1.101.3.4.2.2" => (Hash::Sha384, 48),
            "2.16.840.1.101.3.4.2.3" => (Hash::Sha512, 64),
            _ => return None,
        })
    };
    let (found, salt) = hash(&params.hash_algorithm_oid().to_id_string())?;
    let mask = params.mask_gen_algorithm().ok()?;
    (mask.hash.to_id_string() == params.hash_algorithm_oid().to_id_string()
        && params.salt_length() == salt)
        .then_some(found)
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

/// PKCS#8 PrivateKeyInfo (RFC 5208 section 5), the three fields that matter.
#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: x509_cert::spki::AlgorithmIdentifier<AnyRef<'a>>,
    private_key: &'a OctetStringRef,
}

/// SEC1 ECPrivateKey (RFC 5915 section 3).
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
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

fn check_pkcs8(der: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    // Version 2 (RFC 5958) carries more fields than the three that matter.
    let is_pkcs8 = parse_ber_sequence(&der).is_ok_and(|(rest, sequence)| {
        rest.is_empty()
            && sequence.as_sequence().is_ok_and(|fields| {
                fields.len() >= 3
                    && fields[0].as_u32().is_ok_and(|version| version <= 1)
                    && fields[1].as_sequence().is_ok()
                    && fields[2].as_slice().is_ok()
            })
    });
    if is_pkcs8 { Ok(der) } else { Err(PrivateKeyError::Malformed("no PKCS#8 structure")) }
}

fn looks_like_pkcs1(der: &[u8]) -> bool {
    parse_ber_sequence(der)
        .is_ok_and(|(rest, s)| rest.is_empty() && s.as_sequence().is_ok_and(|f| f.len() == 9))
}

fn wrap_pkcs1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    if !looks_like_pkcs1(der) {
        return Err(PrivateKeyError::Malformed("no PKCS#1 structure"));
    }
    wrap("1.2.840.113549.1.1.1", AnyRef::NULL, der)
}

fn wrap_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let key =
        EcPrivateKey::from_der(der).map_err(|_| PrivateKeyError::Malformed("no SEC1 structure"))?;
    let curve = key.parameters.ok_or(PrivateKeyError::UnsupportedCurve)?;
    // RFC 5915 section 3: inside PKCS#8 the curve stands in the algorithm, not in the key.
    let bare = EcPrivateKey { parameters: None, ..key }.to_der();
    let bare = Zeroizing::new(bare.map_err(|_| PrivateKeyError::Malformed("no SEC1 structure"))?);
    wrap("1.2.840.10045.2.1", AnyRef::from(&curve), &bare)
}

fn wrap(
    algorithm: &str,
    parameters: AnyRef<'_>,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let malformed = |_| PrivateKeyError::Malformed("it does not fit into PKCS#8");
    let info = PrivateKeyInfo {
        version: 0,
        algorithm: x509_cert::spki::AlgorithmIdentifier {
            oid: ObjectIdentifier::new(algorithm)
                .map_err(|_| PrivateKeyError::Malformed("algorithm"))?,
            parameters: Some(parameters),
        },
        private_key: OctetStringRef::new(key).map_err(malformed)?,
    };
    info.to_der().map(Zeroizing::new).map_err(malformed)
}

/// The kind of a private key in PKCS#8; the bits of an RSA key come from its modulus.
#[must_use]
pub fn kind_of_pkcs8(pkcs8: &[u8]) -> Option<KeyKind> {
    let (_, info) = parse_ber_sequence(pkcs8).ok()?;
    let fields = info.as_sequence().ok()?;
    let algorithm = fields.get(1)?.as_sequence().ok()?;
    let oid = algorithm.first()?.as_oid().ok()?.to_id_string();
    Some(match oid.as_str() {
        "1.3.101.112" => KeyKind::Ed25519,
        "1.2.840.113549.1.1.1" => {
            let (_, key) = parse_ber_sequence(fields.get(2)?.as_slice().ok()?).ok()?;
            KeyKind::Rsa(modulus_bits(key.as_sequence().ok()?.get(1)?.as_slice().ok()?))
        }
        "1.2.840.10045.2.1" => match algorithm.get(1)?.as_oid().ok()?.to_id_string().as_str() {
            "1.3.132.0.33" => KeyKind::P224,
            "1.2.840.10045.3.1.7" => KeyKind::P256,
            "1.3.132.0.34" => KeyKind::P384,
            "1.3.132.0.35" => KeyKind::P521,
            curve => KeyKind::Other(curve.to_owned()),
        },
        _ => KeyKind::Other(oid),
    })
}
