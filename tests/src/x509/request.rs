//! PKCS#10 requests as the API server reads them: `ParseCSR` in `pkg/apis/certificates/helpers.go` over Go's
//! `crypto/x509`, with its error texts.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use x509_parser::asn1_rs::{Any, BitString, Tag};
use x509_parser::certification_request::X509CertificationRequestInfo;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509CertificationRequest};
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::name::{Error, Name};
use super::pem;

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
/// The elliptic curves that Go knows.
const CURVES: [&str; 4] = ["1.3.132.0.33", P256, P384, P521];
const ED25519: &str = "1.3.101.112";

/// Subject alternative names of the kinds that survive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AltNames {
    pub(crate) dns: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) ips: Vec<Vec<u8>>,
    pub(crate) uris: Vec<String>,
}

/// A request that parses. Its signature is good only if [`Request::check_signature`] says so.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) subject: Name,
    pub(crate) alt_names: AltNames,
    /// The SubjectPublicKeyInfo, whole.
    pub(crate) public_key_info: Vec<u8>,
    signed: Vec<u8>,
    key: Key,
    algorithm: Algorithm,
    signature: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Key {
    Rsa { pkcs1: Vec<u8>, bits: usize },
    Ec { curve: &'static str, point: Vec<u8> },
    Ed25519(Vec<u8>),
    Unknown,
}

/// The digest of a signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Pkcs1(Hash),
    Pss(Hash),
    Ecdsa(Hash),
    Ed25519,
    Insecure(&'static str),
    Unknown,
}

impl Request {
    /// Reads the first PEM block.
    pub(crate) fn parse(pem: &[u8]) -> Result<Self, Error> {
        match pem::decode(pem) {
            Some((block, _)) if block.label == "CERTIFICATE REQUEST" => {
                Self::parse_der(&block.bytes)
            }
            _ => Err("PEM block type must be CERTIFICATE REQUEST".into()),
        }
    }

    fn parse_der(der: &[u8]) -> Result<Self, Error> {
        let malformed = |_| Error::from("asn1: structure error: malformed certificate request");
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(malformed)?;
        if !rest.is_empty() {
            return Err("asn1: syntax error: trailing data".into());
        }
        let info = &request.certification_request_info;
        Ok(Self {
            key: key(&info.subject_pki)?,
            subject: Name::read(&info.subject)?,
            alt_names: requested_alt_names(info)?,
            public_key_info: info.subject_pki.raw.to_vec(),
            signed: info.raw.to_vec(),
            algorithm: algorithm(&request.signature_algorithm),
            signature: octets(&request.signature_value)?,
        })
    }

    /// Checks that the request is signed with its own key.
    ///
    /// AWS-LC lacks some of what Go accepts, which is refused here: P-224 keys, SHA-1 with P-384, and RSA keys below 2048
    /// bits with SHA-384 or PSS.
    pub(crate) fn check_signature(&self) -> Result<(), Error> {
        let unsupported = || Error::from("x509: cannot verify signature: algorithm unimplemented");
        let mismatch = |wanted: &str, key: &str| {
            Err(format!(
                "x509: signature algorithm specifies an {wanted} public key, but have public key of type {key}"
            ))
        };
        let (algorithm, key, failure): (&dyn VerificationAlgorithm, &[u8], _) = match (
            self.algorithm,
            &self.key,
        ) {
            (Algorithm::Insecure(name), _) => {
                return Err(format!("x509: cannot verify signature: insecure algorithm {name}"));
            }
            (Algorithm::Unknown, _) | (_, Key::Unknown) => return Err(unsupported()),
            (Algorithm::Pkcs1(_) | Algorithm::Pss(_), Key::Rsa { bits, .. }) if *bits < 1024 => {
                return Err(format!(
                    "crypto/rsa: {bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)"
                ));
            }
            (Algorithm::Pkcs1(hash), Key::Rsa { pkcs1, .. }) => {
                (rsa_pkcs1(hash), pkcs1, "crypto/rsa: verification error")
            }
            (Algorithm::Pss(hash), Key::Rsa { pkcs1, .. }) => {
                (rsa_pss(hash), pkcs1, "crypto/rsa: verification error")
            }
            (Algorithm::Ecdsa(hash), Key::Ec { curve, point }) => {
                let algorithm = ecdsa(curve, hash).ok_or_else(unsupported)?;
                (algorithm, point, "x509: ECDSA verification failure")
            }
            (Algorithm::Ed25519, Key::Ed25519(key)) => {
                (&signature::ED25519, key, "x509: Ed25519 verification failure")
            }
            (algorithm, key) => {
                let wanted = match algorithm {
                    Algorithm::Ecdsa(_) => "ECDSA",
                    Algorithm::Ed25519 => "Ed25519",
                    _ => "RSA",
                };
                return mismatch(wanted, key.go_type());
            }
        };
        UnparsedPublicKey::new(algorithm, key)
            .verify(&self.signed, &self.signature)
            .map_err(|_| failure.into())
    }
}

impl Key {
    fn go_type(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "*rsa.PublicKey",
            Self::Ec { .. } => "*ecdsa.PublicKey",
            Self::Ed25519(_) => "ed25519.PublicKey",
            Self::Unknown => "<nil>",
        }
    }
}

fn rsa_pkcs1(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    }
}

fn rsa_pss(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha1 | Hash::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
    }
}

fn ecdsa(curve: &str, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, hash) {
        (P256, Hash::Sha1) => &signature::ECDSA_P256_SHA1_ASN1,
        (P256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (P256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (P256, Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (P384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (P384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (P384, Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (P521, Hash::Sha1) => &signature::ECDSA_P521_SHA1_ASN1,
        (P521, Hash::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (P521, Hash::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (P521, Hash::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

/// The octets of a BIT STRING whose length is a multiple of eight.
fn octets(bits: &BitString<'_>) -> Result<Vec<u8>, Error> {
    match bits.unused_bits {
        0 => Ok(bits.data.to_vec()),
        _ => Err("asn1: syntax error: invalid padding bits in BIT STRING".into()),
    }
}

/// The algorithm of a signature.
fn algorithm(identifier: &AlgorithmIdentifier<'_>) -> Algorithm {
    match identifier.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => Algorithm::Insecure("MD5-RSA"),
        "1.2.840.113549.1.1.5" => Algorithm::Pkcs1(Hash::Sha1),
        "1.2.840.113549.1.1.10" => {
            let hash = identifier.parameters.as_ref().and_then(pss);
            hash.map_or(Algorithm::Unknown, Algorithm::Pss)
        }
        "1.2.840.113549.1.1.11" => Algorithm::Pkcs1(Hash::Sha256),
        "1.2.840.113549.1.1.12" => Algorithm::Pkcs1(Hash::Sha384),
        "1.2.840.113549.1.1.13" => Algorithm::Pkcs1(Hash::Sha512),
        "1.2.840.10045.4.1" => Algorithm::Ecdsa(Hash::Sha1),
        "1.2.840.10045.4.3.2" => Algorithm::Ecdsa(Hash::Sha256),
        "1.2.840.10045.4.3.3" => Algorithm::Ecdsa(Hash::Sha384),
        "1.2.840.10045.4.3.4" => Algorithm::Ecdsa(Hash::Sha512),
        ED25519 if identifier.parameters.is_none() => Algorithm::Ed25519,
        _ => Algorithm::Unknown,
    }
}

/// The hash of PSS parameters as Go takes them: one for message and mask, salt as long as the hash,
/// default trailer.
fn pss(parameters: &Any<'_>) -> Option<Hash> {
    let parameters = RsaSsaPssParams::try_from(parameters).ok()?;
    let mask = parameters.mask_gen_algorithm().ok()?;
    let (hash, length) = match parameters.hash_algorithm_oid().to_id_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => (Hash::Sha256, 32),
        "2.16.840.1.101.3.4.2.2" => (Hash::Sha384, 48),
        "2.16.840.1.101.3.4.2.3" => (Hash::Sha512, 64),
        _ => return None,
    };
    let same = mask.mgf.to_id_string() == "1.2.840.113549.1.1.8"
        && mask.hash == *parameters.hash_algorithm_oid();
    (same && parameters.salt_length() == length && parameters.trailer_field() == 1).then_some(hash)
}

/// Reads a SubjectPublicKeyInfo. An algorithm unknown to Go is no error at this point.
fn key(info: &SubjectPublicKeyInfo<'_>) -> Result<Key, Error> {
    let bits = octets(&info.subject_public_key)?;
    let parameters = info.algorithm.parameters.as_ref();
    match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => {
            if !parameters.is_some_and(|null| null.tag() == Tag::Null && null.data.is_empty()) {
                return Err("x509: RSA key missing NULL parameters".into());
            }
            let Ok(PublicKey::RSA(key)) = info.parsed() else {
                return Err("x509: invalid RSA public key".into());
            };
            let digits = key.modulus.strip_prefix(&[0]).unwrap_or(key.modulus);
            let unused = digits.first().map_or(0, |high| high.leading_zeros() as usize);
            Ok(Key::Rsa { bits: digits.len() * 8 - unused, pkcs1: bits })
        }
        "1.2.840.10045.2.1" => {
            let named = parameters.and_then(|parameters| parameters.as_oid().ok());
            let named = named.ok_or("x509: invalid ECDSA parameters")?.to_id_string();
            let curve = CURVES.into_iter().find(|curve| *curve == named);
            let curve = curve.ok_or("x509: unsupported elliptic curve")?;
            match bits.first() {
                Some(4) => Ok(Key::Ec { curve, point: bits }),
                _ => Err("ecdsa: invalid uncompressed public key".into()),
            }
        }
        ED25519 if parameters.is_some() => {
            Err("x509: Ed25519 key encoded with illegal parameters".into())
        }
        ED25519 if bits.len() != 32 => Err("x509: wrong Ed25519 public key size".into()),
        ED25519 => Ok(Key::Ed25519(bits)),
        _ => Ok(Key::Unknown),
    }
}

/// The alternative names among the requested extensions.
fn requested_alt_names(info: &X509CertificationRequestInfo<'_>) -> Result<AltNames, Error> {
    let mut names = AltNames::default();
    let mut seen = Vec::new();
    let requested =
        info.iter_attributes().filter_map(|attribute| match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(request) => Some(&request.extensions),
            _ => None,
        });
    for extension in requested.flatten() {
        if seen.contains(&&extension.oid) {
            return Err("x509: certificate request contains duplicate requested extensions".into());
        }
        seen.push(&extension.oid);
        if extension.oid.to_id_string() == "2.5.29.17" {
            names = match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(asked) => alt_names(&asked.general_names)?,
                _ => return Err("x509: invalid subject alternative names".into()),
            };
        }
    }
    Ok(names)
}

fn alt_names(asked: &[GeneralName<'_>]) -> Result<AltNames, Error> {
    let mut names = AltNames::default();
    let ascii = |kind: &str, name: &str| match name.is_ascii() {
        true => Ok(name.to_owned()),
        false => Err(format!("x509: SAN {kind} is malformed")),
    };
    for name in asked {
        match name {
            GeneralName::RFC822Name(name) => names.emails.push(ascii("rfc822Name", name)?),
            GeneralName::DNSName(name) => names.dns.push(ascii("dNSName", name)?),
            GeneralName::URI(name) => names.uris.push(ascii("uniformResourceIdentifier", name)?),
            GeneralName::IPAddress(address) => match address.len() {
                4 | 16 => names.ips.push(address.to_vec()),
                length => return Err(format!("x509: cannot parse IP address of length {length}")),
            },
            GeneralName::Invalid(..) => return Err("x509: invalid subject alternative name".into()),
            _ => {}
        }
    }
    Ok(names)
}
