//! The DER of a certificate (RFC 5280 section 4.1).

use core::net::IpAddr;
use std::time::Duration;

use der::asn1::{
    AnyRef, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UintRef, UtcTime,
};
use der::{Any, DateTime, Decode, Encode, Sequence, Tag};
use sha1::{Digest as _, Sha1};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::{Authority, Leaf};
use crate::time::UnixTime;
use crate::x509::key::{KeyKind, PublicKey, SignatureAlgorithm};
use crate::x509::san::AlternativeName;

/// Bytes of randomness in a serial number; RFC 5280 allows 20.
pub const SERIAL_BYTES: usize = 16;

/// Why a certificate cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Some part does not encode as DER.
    #[error("cannot encode the certificate: {0}")]
    Der(#[from] der::Error),
    /// A signature algorithm that certificates are not signed with.
    #[error("certificates are not signed with {0}")]
    Algorithm(SignatureAlgorithm),
}

/// TBSCertificate, the fields that are written. Names and keys stay as they were read.
#[derive(Sequence)]
struct Tbs<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: UintRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    validity: Validity,
    subject: RdnSequence,
    key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Validity {
    not_before: Time,
    not_after: Time,
}

#[derive(Sequence)]
struct Signed<'a> {
    tbs: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// The bytes of the TBSCertificate for `leaf`, to be signed by the key of `authority` with
/// `algorithm`. `random` becomes the serial number.
///
/// # Errors
/// When some part does not encode.
pub fn to_be_signed(
    leaf: &Leaf,
    authority: &Authority,
    algorithm: &SignatureAlgorithm,
    random: [u8; SERIAL_BYTES],
) -> Result<Vec<u8>, EncodeError> {
    let ca = authority.certificate();
    let serial = serial(random);
    let tbs = Tbs {
        version: 2,
        serial: UintRef::new(&serial)?,
        algorithm: identifier(algorithm)?,
        issuer: AnyRef::from_der(&ca.subject_der)?,
        validity: Validity { not_before: time(leaf.not_before)?, not_after: time(leaf.not_after)? },
        subject: subject(leaf)?,
        key: AnyRef::from_der(&leaf.key.spki)?,
        extensions: extensions(leaf, ca.subject_key_id.as_deref())?,
    };
    Ok(tbs.to_der()?)
}

/// DER of the whole certificate, from the signed bytes, the algorithm and the signature.
///
/// # Errors
/// When some part does not encode.
pub fn assemble(
    to_be_signed: &[u8],
    algorithm: &SignatureAlgorithm,
    signature: &[u8],
) -> Result<Vec<u8>, EncodeError> {
    let signed = Signed {
        tbs: AnyRef::from_der(to_be_signed)?,
        algorithm: identifier(algorithm)?,
        signature: BitString::from_bytes(signature)?,
    };
    Ok(signed.to_der()?)
}

/// A key's identifier by the first method of RFC 5280 section 4.2.1.2.
#[must_use]
pub fn key_identifier(key: &PublicKey) -> Vec<u8> {
    Sha1::digest(&key.bits).to_vec()
}

/// A serial number from random bytes: positive, of full length, with all but two bits of them.
#[must_use]
pub fn serial(mut random: [u8; SERIAL_BYTES]) -> [u8; SERIAL_BYTES] {
    if let Some(first) = random.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    random
}

fn identifier(algorithm: &SignatureAlgorithm) -> Result<AlgorithmIdentifierOwned, EncodeError> {
    let der = algorithm.identifier().ok_or_else(|| EncodeError::Algorithm(algorithm.clone()))?;
    Ok(AlgorithmIdentifierOwned::from_der(&der)?)
}

/// UTCTime through 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5).
fn time(at: UnixTime) -> Result<Time, EncodeError> {
    let seconds = u64::try_from(at.0).unwrap_or_default();
    let date = DateTime::from_unix_duration(Duration::from_secs(seconds))?;
    Ok(match UtcTime::from_date_time(date) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(date)),
    })
}

/// The common name, then one organization per group, all UTF8String.
fn subject(leaf: &Leaf) -> Result<RdnSequence, EncodeError> {
    let user = std::iter::once(("2.5.4.3", &leaf.user));
    let groups = leaf.groups.iter().map(|group| ("2.5.4.10", group));
    let mut rdns = Vec::new();
    for (oid, value) in user.chain(groups) {
        let attribute = AttributeTypeAndValue {
            oid: ObjectIdentifier::new(oid).map_err(der::Error::from)?,
            value: Any::new(Tag::Utf8String, value.as_bytes())?,
        };
        rdns.push(RelativeDistinguishedName::try_from(vec![attribute])?);
    }
    Ok(RdnSequence::from(rdns))
}

fn extensions(leaf: &Leaf, ca_key_id: Option<&[u8]>) -> Result<Vec<Extension>, EncodeError> {
    let mut usage = KeyUsages::DigitalSignature.into();
    if matches!(leaf.key.kind, KeyKind::Rsa(_)) {
        // RSA key exchange of TLS 1.2; other keys cannot encipher.
        usage |= KeyUsages::KeyEncipherment;
    }
    let purposes = [(leaf.server, "1.3.6.1.5.5.7.3.1"), (leaf.client, "1.3.6.1.5.5.7.3.2")];
    let mut extended = Vec::new();
    for (_, oid) in purposes.iter().filter(|(wanted, _)| *wanted) {
        extended.push(ObjectIdentifier::new(oid).map_err(der::Error::from)?);
    }
    let constraints = BasicConstraints { ca: false, path_len_constraint: None };
    let own_id = SubjectKeyIdentifier(OctetString::new(key_identifier(&leaf.key))?);
    let mut extensions = vec![
        extension("2.5.29.15", true, &KeyUsage(usage))?,
        extension("2.5.29.37", false, &ExtendedKeyUsage(extended))?,
        extension("2.5.29.19", true, &constraints)?,
        extension("2.5.29.14", false, &own_id)?,
    ];
    if let Some(id) = ca_key_id {
        let id = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(id)?),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        extensions.push(extension("2.5.29.35", false, &id)?);
    }
    if !leaf.alternative_names.is_empty() {
        let names = leaf.alternative_names.iter().map(general_name).collect::<Result<_, _>>()?;
        extensions.push(extension("2.5.29.17", false, &SubjectAltName(names))?);
    }
    Ok(extensions)
}

fn extension(oid: &str, critical: bool, value: &impl Encode) -> Result<Extension, EncodeError> {
    Ok(Extension {
        extn_id: ObjectIdentifier::new(oid).map_err(der::Error::from)?,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

fn general_name(name: &AlternativeName) -> Result<GeneralName, EncodeError> {
    Ok(match name {
        AlternativeName::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        AlternativeName::Ip(address) => GeneralName::IpAddress(OctetString::new(match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        })?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::certificate::Certificate;
    use crate::x509::key::Hash;
    use crate::x509::testing::{authority, spki};

    const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Hash::Sha256);

    fn leaf() -> Leaf {
        Leaf {
            user: "Zoë".to_owned(),
            groups: ["ops", "dev", "a,b"].map(str::to_owned).into(),
            alternative_names: vec!["example.com".parse().unwrap(), "fd00::1".parse().unwrap()],
            key: PublicKey::from_spki(&spki()).unwrap(),
            client: true,
            server: true,
            not_before: UnixTime(1_600_000_000),
            not_after: UnixTime(2_600_000_000),
            cut: false,
        }
    }

    fn written(leaf: &Leaf, random: u8) -> Certificate {
        let ca = authority("ca");
        let tbs = to_be_signed(leaf, &ca, &ALGORITHM, [random; SERIAL_BYTES]).unwrap();
        Certificate::from_der(&assemble(&tbs, &ALGORITHM, &[1; 8]).unwrap()).unwrap()
    }

    #[test]
    fn everything_that_was_decided_is_in_the_certificate() {
        let read = written(&leaf(), 7);
        let ca = authority("ca");
        assert_eq!(read.subject.shown(), "CN=Zoë, O=a,b, O=dev, O=ops");
        assert_eq!(read.issuer_der, ca.certificate().subject_der);
        assert!(read.names_as_issuer(ca.certificate()));
        assert_eq!(read.authority_key_id, ca.certificate().subject_key_id);
        assert_eq!(read.subject_key_id, Some(key_identifier(&read.key)));
        assert_eq!(read.alternative_names, ["DNS:example.com", "IP:fd00::1"]);
        let usages = read.extended_key_usages.clone().unwrap();
        assert_eq!(usages, ["client auth", "server auth"]);
        assert_eq!(read.key_usages, Some(vec!["digital signature"]));
        assert!(!read.is_ca);
        assert_eq!((read.not_before.0, read.not_after.0), (1_600_000_000, 2_600_000_000));
        assert_eq!(read.key.spki, spki());
        assert_eq!(read.signature, [1; 8]);
        assert_eq!(read.signature_algorithm, ALGORITHM);
    }

    #[test]
    fn a_person_has_no_host_names_and_no_server_usage() {
        let person = Leaf { alternative_names: Vec::new(), server: false, ..leaf() };
        let read = written(&person, 7);
        assert!(read.alternative_names.is_empty());
        assert_eq!(read.extended_key_usages, Some(vec!["client auth".to_owned()]));
    }

    #[test]
    fn serial_numbers_are_positive_and_of_full_length() {
        for random in [0, 7, 0x80, 0xff] {
            let serial = written(&leaf(), random).serial;
            assert_eq!(serial.len(), 2 * SERIAL_BYTES, "{serial}");
            assert!(serial.as_bytes()[0] < b'8', "{serial}");
        }
    }
}
