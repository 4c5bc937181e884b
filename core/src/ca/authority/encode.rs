//! The DER of a certificate (RFC 5280 section 4.1).

use core::net::IpAddr;

use sha1::{Digest as _, Sha1};

use super::issuer::Authority;
use super::leaf::Leaf;
use crate::encoding::der;
use crate::x509::extension;
use crate::x509::key::{KeyKind, PublicKey, SignatureAlgorithm};
use crate::x509::name;
use crate::x509::san::AlternativeName;

/// Bytes of randomness in a serial number; RFC 5280 allows 20.
pub const SERIAL_BYTES: usize = 16;

/// Certificates are not signed with this algorithm.
#[derive(Debug, thiserror::Error)]
#[error("certificates are not signed with {0}")]
pub struct EncodeError(pub SignatureAlgorithm);

/// The bytes of the TBSCertificate for `leaf`, to be signed by the key of `authority` with
/// `algorithm`. `random` becomes the serial number.
///
/// # Errors
/// When certificates are not signed with `algorithm`.
pub fn to_be_signed(
    leaf: &Leaf,
    authority: &Authority,
    algorithm: &SignatureAlgorithm,
    random: [u8; SERIAL_BYTES],
) -> Result<Vec<u8>, EncodeError> {
    let ca = authority.certificate();
    let version = der::element(der::context(0), &[&[der::INTEGER, 1, 2]]);
    let validity = der::sequence(&[&der::time(leaf.not_before), &der::time(leaf.not_after)]);
    let extensions = der::sequence(&[&extensions(leaf, ca.subject_key_id.as_deref())]);
    Ok(der::sequence(&[
        &version,
        &der::unsigned_integer(&serial(random)),
        &identifier(algorithm)?,
        &ca.subject_der,
        &validity,
        &name::encode(&leaf.user, leaf.groups.iter().map(String::as_str)),
        &leaf.key.spki,
        &der::element(der::context(3), &[&extensions]),
    ]))
}

/// DER of the whole certificate, from the signed bytes, the algorithm and the signature.
///
/// # Errors
/// When certificates are not signed with `algorithm`.
pub fn assemble(
    to_be_signed: &[u8],
    algorithm: &SignatureAlgorithm,
    signature: &[u8],
) -> Result<Vec<u8>, EncodeError> {
    Ok(der::sequence(&[to_be_signed, &identifier(algorithm)?, &der::bit_string(signature)]))
}

/// A key's identifier by the first method of RFC 5280 section 4.2.1.2.
pub fn key_identifier(key: &PublicKey) -> Vec<u8> {
    Sha1::digest(&key.bits).to_vec()
}

/// A serial number from random bytes: positive, of full length, with all but two bits of them.
pub fn serial(mut random: [u8; SERIAL_BYTES]) -> [u8; SERIAL_BYTES] {
    if let Some(first) = random.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    random
}

fn identifier(algorithm: &SignatureAlgorithm) -> Result<Vec<u8>, EncodeError> {
    algorithm.identifier().ok_or_else(|| EncodeError(algorithm.clone()))
}

/// The extensions, one after the other.
fn extensions(leaf: &Leaf, ca_key_id: Option<&[u8]>) -> Vec<u8> {
    // The first byte says how many bits are spare: digital signature is the first bit, and key
    // encipherment the third. RSA keys exchange keys in TLS 1.2; other keys cannot encipher.
    let usage: [u8; 2] =
        if matches!(leaf.key.kind, KeyKind::Rsa(_)) { [5, 0xa0] } else { [7, 0x80] };
    let purposes = [(leaf.server, "1.3.6.1.5.5.7.3.1"), (leaf.client, "1.3.6.1.5.5.7.3.2")];
    let wanted = purposes.iter().filter(|(wanted, _)| *wanted);
    let extended: Vec<u8> = wanted.flat_map(|(_, oid)| der::object_identifier(oid)).collect();
    let own_id = der::element(der::OCTET_STRING, &[&key_identifier(&leaf.key)]);
    let mut extensions = [
        extension::write(extension::KEY_USAGE, true, &der::element(der::BIT_STRING, &[&usage])),
        extension::write(extension::EXTENDED_KEY_USAGE, false, &der::sequence(&[&extended])),
        // No authority, which is what an empty sequence says.
        extension::write(extension::BASIC_CONSTRAINTS, true, &der::sequence(&[])),
        extension::write(extension::SUBJECT_KEY_ID, false, &own_id),
    ]
    .concat();
    if let Some(id) = ca_key_id {
        let id = der::sequence(&[&der::element(der::context_primitive(0), &[id])]);
        extensions.extend(extension::write(extension::AUTHORITY_KEY_ID, false, &id));
    }
    if !leaf.alternative_names.is_empty() {
        let names: Vec<u8> = leaf.alternative_names.iter().flat_map(general_name).collect();
        let names = der::sequence(&[&names]);
        extensions.extend(extension::write(extension::ALTERNATIVE_NAMES, false, &names));
    }
    extensions
}

fn general_name(name: &AlternativeName) -> Vec<u8> {
    match name {
        AlternativeName::Dns(name) => der::element(der::context_primitive(2), &[name.as_bytes()]),
        AlternativeName::Ip(IpAddr::V4(address)) => {
            der::element(der::context_primitive(7), &[&address.octets()])
        }
        AlternativeName::Ip(IpAddr::V6(address)) => {
            der::element(der::context_primitive(7), &[&address.octets()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;
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
