//! Requests and certificates for tests of this crate. Core makes no signatures, and what it decides
//! about them is an input, so those here are empty of meaning.

use std::sync::LazyLock;

use der::asn1::{Any, BitString, ObjectIdentifier};
use der::{Decode, Encode, Tag};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::api::csr::{CLIENT_AUTH, CLIENT_SIGNER};
use crate::ca::authority::Authority;
use crate::review::Reviewed;
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::identity::Identity;
use crate::x509::key::{Hash, SignatureAlgorithm, Verification};
use crate::x509::pkcs10::{self, CertificateRequest};

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
    let signed = pkcs10::to_be_signed(&identity, &spki()).unwrap();
    let der = pkcs10::assemble(&signed, &SignatureAlgorithm::Ecdsa(Hash::Sha256), &[1; 8]).unwrap();
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
    pkcs10::to_pem(&tlv(Tag::Sequence, &[info, tlv(Tag::Sequence, &[oid]), signature]))
}

/// A self-signed certificate that is over.
pub(crate) fn expired() -> Certificate {
    let pem = include_bytes!("../../tests/data/expired.pem");
    Certificate::chain_from_pem(pem).unwrap().remove(0)
}

/// What is reviewed of a request in PEM, with everything else as it should be; only what `change` says
/// is otherwise.
pub(crate) fn reviewed<'a>(pem: &'a str, change: impl FnOnce(&mut Reviewed<'a>)) -> Reviewed<'a> {
    static USAGES: LazyLock<[String; 1]> = LazyLock::new(|| [CLIENT_AUTH.to_owned()]);
    // Read for the whole run of the tests, since what is reviewed borrows it.
    let request = Box::leak(Box::new(CertificateRequest::from_pem(pem.as_bytes())));
    let mut reviewed = Reviewed {
        signer_name: CLIENT_SIGNER,
        usages: &*USAGES,
        expiration_seconds: Some(86_400),
        signature: Some(Verification::Valid),
        ..Reviewed::new(pem.as_bytes(), request.as_ref().map_err(|e| e.clone()))
    };
    change(&mut reviewed);
    reviewed
}

/// A self-signed authority of this name, valid from 2017 to 2030; all have the same key.
pub(crate) fn authority(name: &str) -> Authority {
    let mut ca = expired();
    let oid = ObjectIdentifier::new_unwrap("2.5.4.3").to_der().unwrap();
    let value = tlv(Tag::Utf8String, &[name.as_bytes().to_vec()]);
    let attribute = tlv(Tag::Sequence, &[oid, value]);
    ca.subject_der = tlv(Tag::Sequence, &[tlv(Tag::Set, &[attribute])]);
    ca.issuer_der.clone_from(&ca.subject_der);
    ca.subject = request(name, &[]).subject;
    ca.subject_key_id = Some(name.as_bytes().to_vec());
    ca.is_ca = true;
    ca.not_before = UnixTime(1_500_000_000);
    ca.not_after = UnixTime(1_900_000_000);
    let key = ca.key.clone();
    Authority::new(vec![ca], &key, UnixTime(1_600_000_000), |_, _| true).unwrap()
}
