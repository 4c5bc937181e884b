//! PKCS#10 requests as the API server reads them: `ParseCSR` in `pkg/apis/certificates/helpers.go` over Go's
//! `crypto/x509`, with its error texts.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::der::{self, Element, Error, Reader};
use super::name::Name;
use super::pem;

/// 1.2.840.113549.1.1, RSA in its many ways.
const RSA_ARC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
/// 1.2.840.10045.4.3, ECDSA with SHA-2.
const ECDSA_SHA2_ARC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];
const P224: &[u8] = &[0x2b, 0x81, 4, 0, 0x21];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 2.16.840.1.101.3.4.2, the SHA-2 family.
const SHA2_ARC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Subject alternative names of the kinds that survive, each as the content of its element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AltNames {
    pub(crate) dns: Vec<Vec<u8>>,
    pub(crate) emails: Vec<Vec<u8>>,
    pub(crate) ips: Vec<Vec<u8>>,
    pub(crate) uris: Vec<Vec<u8>>,
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
    Ec { curve: &'static [u8], point: Vec<u8> },
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
        let mut reader = Reader::new(der);
        let mut outer = reader.expect(der::SEQUENCE)?.inside();
        // Go's decoder reads struct fields and does not mind what comes after the last one.
        let info = outer.expect(der::SEQUENCE)?;
        let algorithm = algorithm(outer.expect(der::SEQUENCE)?)?;
        let signature = outer.expect(der::BIT_STRING)?.octets()?.to_vec();
        if !reader.is_empty() {
            return Err("asn1: syntax error: trailing data".into());
        }
        let mut fields = info.inside();
        fields.expect(der::INTEGER)?; // version
        let subject = fields.expect(der::SEQUENCE)?;
        let key_info = fields.expect(der::SEQUENCE)?;
        let attributes = fields.expect(der::context(0))?;
        let key = key(key_info)?;
        Ok(Self {
            subject: Name::read(subject)?,
            alt_names: requested_alt_names(attributes)?,
            public_key_info: key_info.whole.to_vec(),
            signed: info.whole.to_vec(),
            key,
            algorithm,
            signature,
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

fn ecdsa(curve: &[u8], hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
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

/// Reads the algorithm of a signature.
fn algorithm(identifier: Element<'_>) -> Result<Algorithm, Error> {
    let mut fields = identifier.inside();
    let oid = fields.expect(der::OID)?.content;
    let sha2 = |last: &[u8]| match last {
        [1] | [11] => Some(Hash::Sha256),
        [2] | [12] => Some(Hash::Sha384),
        [3] | [13] => Some(Hash::Sha512),
        _ => None,
    };
    if let Some(last) = oid.strip_prefix(RSA_ARC) {
        return Ok(match last {
            [2] => Algorithm::Unknown, // MD2
            [4] => Algorithm::Insecure("MD5-RSA"),
            [5] => Algorithm::Pkcs1(Hash::Sha1),
            [10] => pss(fields).map_or(Algorithm::Unknown, Algorithm::Pss),
            [11..=13] => sha2(last).map_or(Algorithm::Unknown, Algorithm::Pkcs1),
            _ => Algorithm::Unknown,
        });
    }
    if oid == ECDSA_SHA1 {
        return Ok(Algorithm::Ecdsa(Hash::Sha1));
    }
    if let Some([last @ 2..=4]) = oid.strip_prefix(ECDSA_SHA2_ARC) {
        return Ok(sha2(&[last - 1]).map_or(Algorithm::Unknown, Algorithm::Ecdsa));
    }
    Ok(if oid == ED25519 && fields.is_empty() { Algorithm::Ed25519 } else { Algorithm::Unknown })
}

/// Reads PSS parameters: one hash for message and mask, salt as long as the hash, default trailer.
fn pss(mut fields: Reader<'_>) -> Option<Hash> {
    let mut parameters = fields.expect(der::SEQUENCE).ok()?.inside();
    let hash_of = |identifier: Element<'_>| -> Option<Hash> {
        let mut fields = identifier.inside();
        match fields.expect(der::OID).ok()?.content.strip_prefix(SHA2_ARC)? {
            [1] => Some(Hash::Sha256),
            [2] => Some(Hash::Sha384),
            [3] => Some(Hash::Sha512),
            _ => None,
        }
    };
    let hash = hash_of(tagged(&mut parameters, 0, der::SEQUENCE)?)?;
    let mut mask = tagged(&mut parameters, 1, der::SEQUENCE)?.inside();
    if mask.expect(der::OID).ok()?.content.strip_prefix(RSA_ARC) != Some(&[8]) {
        return None;
    }
    let mask_hash = hash_of(mask.expect(der::SEQUENCE).ok()?)?;
    let salt = tagged(&mut parameters, 2, der::INTEGER)?;
    let length = match hash {
        Hash::Sha1 | Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    };
    let default_trailer = match parameters.optional(der::context(3)).ok()? {
        None => true,
        Some(trailer) => trailer.inside().expect(der::INTEGER).ok()?.content == [1],
    };
    (mask_hash == hash && salt.content == [length] && default_trailer).then_some(hash)
}

/// Reads an explicitly tagged element.
fn tagged<'a>(fields: &mut Reader<'a>, number: u8, tag: u8) -> Option<Element<'a>> {
    fields.expect(der::context(number)).ok()?.inside().expect(tag).ok()
}

/// Reads a SubjectPublicKeyInfo. An algorithm unknown to Go is no error at this point.
fn key(info: Element<'_>) -> Result<Key, Error> {
    let mut fields = info.inside();
    let mut identifier = fields.expect(der::SEQUENCE)?.inside();
    let bits = fields.expect(der::BIT_STRING)?.octets()?;
    let oid = identifier.expect(der::OID)?.content;
    if oid.strip_prefix(RSA_ARC) == Some(&[1]) {
        let null = identifier.optional(der::NULL)?;
        if null.is_none_or(|null| !null.content.is_empty()) {
            return Err("x509: RSA key missing NULL parameters".into());
        }
        let modulus = Reader::new(bits)
            .expect(der::SEQUENCE)
            .and_then(|key| key.inside().expect(der::INTEGER))
            .map_err(|_| "x509: invalid RSA public key")?
            .content;
        let digits = modulus.strip_prefix(&[0]).unwrap_or(modulus);
        let unused = digits.first().map_or(0, |high| high.leading_zeros() as usize);
        return Ok(Key::Rsa { pkcs1: bits.to_vec(), bits: digits.len() * 8 - unused });
    }
    if oid == EC_PUBLIC_KEY {
        let named = identifier.expect(der::OID).map_err(|_| "x509: invalid ECDSA parameters")?;
        let curve = [P224, P256, P384, P521].into_iter().find(|curve| *curve == named.content);
        let curve = curve.ok_or("x509: unsupported elliptic curve")?;
        if bits.first() != Some(&4) {
            return Err("ecdsa: invalid uncompressed public key".into());
        }
        return Ok(Key::Ec { curve, point: bits.to_vec() });
    }
    if oid == ED25519 {
        if !identifier.is_empty() {
            return Err("x509: Ed25519 key encoded with illegal parameters".into());
        }
        if bits.len() != 32 {
            return Err("x509: wrong Ed25519 public key size".into());
        }
        return Ok(Key::Ed25519(bits.to_vec()));
    }
    Ok(Key::Unknown)
}

/// Reads the alternative names among the requested extensions. Attributes that do not parse are ignored.
fn requested_alt_names(attributes: Element<'_>) -> Result<AltNames, Error> {
    let mut names = AltNames::default();
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut attributes = attributes.inside();
    while !attributes.is_empty() {
        let mut attribute = attributes.next()?.inside();
        if attribute.expect(der::OID).is_ok_and(|oid| oid.content == EXTENSION_REQUEST)
            && let Ok(values) = attribute.expect(der::SET)
            && !values.content.is_empty()
        {
            let mut extensions = values.inside().expect(der::SEQUENCE)?.inside();
            while !extensions.is_empty() {
                let mut extension = extensions.expect(der::SEQUENCE)?.inside();
                let oid = extension.expect(der::OID)?.content;
                if seen.contains(&oid) {
                    return Err(
                        "x509: certificate request contains duplicate requested extensions".into(),
                    );
                }
                seen.push(oid);
                extension.optional(0x01)?; // critical
                let value = extension.expect(der::OCTET_STRING)?.content;
                if oid == SUBJECT_ALT_NAME {
                    names = alt_names(value)?;
                }
            }
        }
    }
    Ok(names)
}

fn alt_names(value: &[u8]) -> Result<AltNames, Error> {
    let mut names = AltNames::default();
    let invalid = |_| Error::from("x509: invalid subject alternative names");
    let mut list = Reader::new(value).expect(der::SEQUENCE).map_err(invalid)?.inside();
    while !list.is_empty() {
        let name = list.next().map_err(|_| "x509: invalid subject alternative name")?;
        let ascii = |kind: &str| {
            if name.content.is_ascii() {
                Ok(name.content.to_vec())
            } else {
                Err(format!("x509: SAN {kind} is malformed"))
            }
        };
        match name.tag {
            0x81 => names.emails.push(ascii("rfc822Name")?),
            0x82 => names.dns.push(ascii("dNSName")?),
            0x86 => names.uris.push(ascii("uniformResourceIdentifier")?),
            0x87 => match name.content.len() {
                4 | 16 => names.ips.push(name.content.to_vec()),
                length => return Err(format!("x509: cannot parse IP address of length {length}")),
            },
            _ => {}
        }
    }
    Ok(names)
}
