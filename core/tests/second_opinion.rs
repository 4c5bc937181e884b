//! Our reading and writing of ASN.1 against x509-parser's and x509-cert's.

#![allow(clippy::unwrap_used)]

use der::asn1::{Any, ObjectIdentifier, SetOfVec};
use der::{Decode as _, Encode as _, ErrorKind, Tag};
use proptest::prelude::*;
use usercert_core::encoding::pem;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::{Hash, SignatureAlgorithm};
use usercert_core::x509::name::{StringType, Subject};
use usercert_core::x509::pkcs10::{self, CertificateRequest};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_parser::prelude::{
    FromDer as _, GeneralName, ParsedExtension, X509Certificate, X509CertificationRequest,
};
use x509_parser::x509::X509Name;

/// Made by `openssl req`, with everything in it that we look at.
const REQUEST: &[u8] = include_bytes!("data/openssl-request.pem");
const CERTIFICATES: [&[u8]; 3] = [
    include_bytes!("data/openssl-full.pem"),
    include_bytes!("data/openssl-pss.pem"),
    include_bytes!("data/expired.pem"),
];

fn der(pem: &[u8]) -> Vec<u8> {
    pem::first(pem).unwrap().0.der
}

fn rdn(oid: &str, value: &str) -> RelativeDistinguishedName {
    let oid = ObjectIdentifier::new(oid).unwrap();
    let value = Any::new(Tag::Utf8String, value.as_bytes()).unwrap();
    let mut set = SetOfVec::new();
    set.insert(AttributeTypeAndValue { oid, value }).unwrap();
    RelativeDistinguishedName::from(set)
}

fn spki() -> Vec<u8> {
    CertificateRequest::from_pem(REQUEST).unwrap().key.spki
}

/// Whether x509-cert reads the request and writes the same bytes again. It does not know some types of
/// values that hold no others, nor object identifiers that begin with 2.40 and above.
fn encodes_back(der: &[u8]) -> bool {
    match CertReq::from_der(der).and_then(|request| request.to_der()) {
        Ok(again) => again == der,
        Err(error) => {
            matches!(
                error.kind(),
                ErrorKind::OidMalformed | ErrorKind::TagUnknown { byte: 0..=0x1e }
            )
        }
    }
}

fn same_name(ours: &Subject, theirs: &X509Name<'_>) {
    assert_eq!(ours.attributes.len(), theirs.iter_attributes().count());
    for (ours, theirs) in ours.attributes.iter().zip(theirs.iter_attributes()) {
        // x509-parser's dotted form has roots above 2, which do not exist; der knows that.
        if let Ok(oid) = ObjectIdentifier::from_bytes(theirs.attr_type().as_bytes()) {
            assert_eq!(ours.oid, oid.to_string());
        }
        let value = theirs.attr_value();
        // The T61String and BMPString that x509-parser gives as text are others than Go's.
        if ours.string_type == StringType::Plain {
            assert_eq!(ours.value.as_deref(), std::str::from_utf8(value.data).ok());
        }
    }
}

/// One change of the bytes: one replaced, left out, or put in.
fn changed() -> impl Strategy<Value = (prop::sample::Index, u8, u8)> {
    (any::<prop::sample::Index>(), any::<u8>(), 0..3u8)
}

fn change(der: &[u8], (place, byte, kind): (prop::sample::Index, u8, u8)) -> Vec<u8> {
    let mut der = der.to_vec();
    let place = place.index(der.len());
    match kind {
        0 => der[place] = byte,
        1 => drop(der.remove(place)),
        _ => der.insert(place, byte),
    }
    der
}

fn same_request(der: &[u8]) {
    let (Ok(ours), Ok((_, theirs))) =
        (CertificateRequest::from_der(der), X509CertificationRequest::from_der(der))
    else {
        return;
    };
    let info = &theirs.certification_request_info;
    same_name(&ours.subject, &info.subject);
    assert_eq!(ours.signed, info.raw);
    // Of a key with more fields than two, x509-parser gives the two.
    assert!(ours.key.spki.starts_with(info.subject_pki.raw));
    assert_eq!(ours.key.bits, &*info.subject_pki.subject_public_key.data);
    assert_eq!(ours.signature, &*theirs.signature_value.data);
}

fn same_certificate(der: &[u8]) {
    let (Ok(ours), Ok((_, theirs))) = (Certificate::from_der(der), X509Certificate::from_der(der))
    else {
        return;
    };
    same_name(&ours.subject, theirs.subject());
    same_name(&ours.issuer, theirs.issuer());
    assert_eq!(ours.subject_der, theirs.subject().as_raw());
    assert_eq!(ours.issuer_der, theirs.issuer().as_raw());
    assert_eq!(ours.signed, theirs.tbs_certificate.as_ref());
    assert_eq!(ours.signature, &*theirs.signature_value.data);
    assert!(ours.key.spki.starts_with(theirs.public_key().raw));
    assert_eq!(ours.not_before.0, theirs.validity().not_before.timestamp());
    assert_eq!(ours.not_after.0, theirs.validity().not_after.timestamp());
    assert_eq!(
        ours.serial,
        theirs.raw_serial().iter().map(|b| format!("{b:02x}")).collect::<String>()
    );
    for extension in theirs.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(theirs) => assert_eq!(ours.is_ca, theirs.ca),
            ParsedExtension::ExtendedKeyUsage(theirs) => {
                let usages = ours.extended_key_usages.clone().unwrap();
                for (set, name) in [
                    (theirs.any, "any"),
                    (theirs.client_auth, "client auth"),
                    (theirs.server_auth, "server auth"),
                ] {
                    assert_eq!(usages.iter().any(|usage| usage == name), set, "{name}");
                }
            }
            ParsedExtension::KeyUsage(theirs) => {
                let usages = ours.key_usages.clone().unwrap();
                for (set, name) in [
                    (theirs.digital_signature(), "digital signature"),
                    (theirs.key_cert_sign(), "cert sign"),
                    (theirs.decipher_only(), "decipher only"),
                ] {
                    assert_eq!(usages.contains(&name), set, "{name}");
                }
            }
            ParsedExtension::SubjectAlternativeName(theirs) => {
                let known = |name: &&GeneralName<'_>| {
                    matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_))
                };
                let shown = |name: &&String| name.starts_with("DNS:") || name.starts_with("IP:");
                let theirs = theirs.general_names.iter().filter(known).count();
                assert_eq!(ours.alternative_names.iter().filter(shown).count(), theirs);
            }
            ParsedExtension::AuthorityKeyIdentifier(theirs) => {
                let id = theirs.key_identifier.as_ref().map(|id| id.0);
                assert_eq!(ours.authority_key_id.as_deref(), id);
            }
            ParsedExtension::SubjectKeyIdentifier(theirs) => {
                assert_eq!(ours.subject_key_id.as_deref(), Some(theirs.0));
            }
            _ => {}
        }
    }
}

#[test]
fn what_openssl_makes_is_read() {
    let request = CertificateRequest::from_pem(REQUEST).unwrap();
    assert_eq!(request.subject.shown(), "CN=Zoë, O=dev, O=ops team, OU=x, UID=u1");
    assert_eq!(request.key.kind.to_string(), "P-384");
    assert_eq!(request.signature_algorithm, SignatureAlgorithm::Ecdsa(Hash::Sha384));
    assert_eq!(request.alternative_names, ["DNS:example.com", "IP:10.0.0.1"]);
    assert_eq!(request.other_requests, ["challengePassword", "keyUsage"]);
    assert!(request.strict);
    same_request(&request.der);

    let [full, pss, expired] = CERTIFICATES.map(|pem| Certificate::from_der(&der(pem)).unwrap());
    assert!(full.is_ca && full.is_self_issued());
    assert_eq!(full.serial, "00fedcba9876543210");
    assert!(full.not_after.to_string().starts_with("208"));
    assert_eq!(full.extended_key_usages.unwrap(), ["client auth", "server auth", "1.2.3.4.5"]);
    assert_eq!(
        full.key_usages.unwrap(),
        ["digital signature", "cert sign", "crl sign", "decipher only"]
    );
    assert_eq!(
        full.alternative_names,
        [
            "DNS:example.com",
            "IP:10.0.0.1",
            "IP:2001:db8::1",
            "URI:https://a.example/x",
            "email:a@example.com",
            "registeredID:1.2.3.4",
            "otherName:1.2.3.5",
            "dirName:C=DE, CN=inner",
        ]
    );
    assert_eq!(full.authority_key_id, full.subject_key_id);
    assert_eq!(pss.signature_algorithm, SignatureAlgorithm::RsaPss(Hash::Sha256));
    assert_eq!(pss.key.kind.to_string(), "RSA-2048");
    for certificate in [&full.der, &pss.der, &expired.der] {
        same_certificate(certificate);
    }
}

proptest! {
    #[test]
    fn requests_are_written_as_x509_cert_writes_them(
        user in "[^\\pC]{1,20}",
        groups in prop::collection::vec("[^\\pC]{1,200}", 0..4),
    ) {
        let Ok(identity) = Identity::parse(&user, &groups) else { return Ok(()) };
        let ours = pkcs10::to_be_signed(&identity, &spki()).unwrap();
        let mut rdns = vec![rdn("2.5.4.3", identity.user.as_str())];
        rdns.extend(identity.groups.iter().map(|group| rdn("2.5.4.10", group.as_str())));
        let theirs = CertReqInfo {
            version: Version::V1,
            subject: Name::from_der(&RdnSequence::from(rdns).to_der().unwrap()).unwrap(),
            public_key: SubjectPublicKeyInfoOwned::from_der(&spki()).unwrap(),
            attributes: SetOfVec::new(),
        };
        prop_assert_eq!(&ours, &theirs.to_der().unwrap());
        let algorithm = SignatureAlgorithm::Rsa(Hash::Sha384);
        let whole = pkcs10::assemble(&ours, &algorithm, &[1; 300]).unwrap();
        prop_assert!(encodes_back(&whole));
    }

    #[test]
    fn changed_requests_are_read_alike_and_never_strict_where_x509_cert_is_not(at in changed()) {
        let der = change(&der(REQUEST), at);
        same_request(&der);
        let strict = CertificateRequest::from_der(&der).is_ok_and(|request| request.strict);
        prop_assert!(!strict || encodes_back(&der), "{:?}", CertReq::from_der(&der));
    }

    #[test]
    fn changed_certificates_are_read_alike(which in 0..3usize, at in changed()) {
        same_certificate(&change(&der(CERTIFICATES[which]), at));
    }

    #[test]
    fn nothing_makes_reading_stop(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CertificateRequest::from_der(&bytes);
        let _ = Certificate::from_der(&bytes);
        same_certificate(&bytes);
        same_request(&bytes);
    }
}
