//! Requests and certificates for tests of this crate. Core makes no signatures, and what it decides
//! about them is an input, so those here are empty of meaning.

use der::asn1::{Any, BitString, ObjectIdentifier};
use der::{Decode, Encode, Tag};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::csr::{self, CertificateRequest};
use crate::identity::Identity;
use crate::key::{Hash, SignatureAlgorithm};

/// DER SubjectPublicKeyInfo of a P-256 key that nobody has.
pub(crate) fn spki() -> Vec<u8> {
    let curve = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    let algorithm = AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
        parameters: Some(Any::from_der(&curve.to_der().unwrap()).unwrap()),
    };
    let mut point = [7; 65];
    point[0] = 4;
    let subject_public_key = BitString::from_bytes(&point).unwrap();
    SubjectPublicKeyInfoOwned { algorithm, subject_public_key }.to_der().unwrap()
}

/// A request for this user and these groups.
pub(crate) fn request(user: &str, groups: &[&str]) -> CertificateRequest {
    let identity = Identity::parse(user, groups).unwrap();
    let signed = csr::to_be_signed(&identity, &spki()).unwrap();
    let der = csr::assemble(&signed, &SignatureAlgorithm::Ecdsa(Hash::Sha256), &[1; 8]).unwrap();
    CertificateRequest::from_der(&der).unwrap()
}

/// One TLV.
fn tlv(tag: Tag, parts: &[Vec<u8>]) -> Vec<u8> {
    Any::new(tag, parts.concat()).unwrap().to_der().unwrap()
}

/// PEM of a request whose subject is exactly these attributes: object identifier, tag, value.
pub(crate) fn crafted(attributes: &[(&str, Tag, &[u8])]) -> String {
    let rdns: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(oid, tag, value)| {
            let oid = ObjectIdentifier::new_unwrap(oid).to_der().unwrap();
            tlv(Tag::Set, &[tlv(Tag::Sequence, &[oid, tlv(*tag, &[value.to_vec()])])])
        })
        .collect();
    let attributes = vec![0xa0, 0];
    let info = tlv(Tag::Sequence, &[vec![2, 1, 0], tlv(Tag::Sequence, &rdns), spki(), attributes]);
    let oid = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2").to_der().unwrap();
    let signature = tlv(Tag::BitString, &[vec![0, 1, 1]]);
    csr::to_pem(&tlv(Tag::Sequence, &[info, tlv(Tag::Sequence, &[oid]), signature]))
}
