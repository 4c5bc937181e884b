//! Our reading and writing of ASN.1 against x509-parser's and x509-cert's.

#![allow(clippy::unwrap_used)]

#[path = "second_opinion/changes.rs"]
mod changes;

use der::asn1::{Any, ObjectIdentifier, SetOfVec};
use der::{Decode as _, Encode as _, ErrorKind, Tag};
use proptest::prelude::*;
use usercert_core::ca::authority::{self, Authority, Leaf};
use usercert_core::encoding::pem;
use usercert_core::time::UnixTime;
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
    X509Version,
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

/// Whether x509-parser read the whole name, and not only up to what it does not understand; if so, we
/// read the same.
fn same_name(ours: &Subject, theirs: &X509Name<'_>) -> bool {
    if changes::Tree::read(theirs.as_raw()).is_none() {
        return false;
    }
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
    true
}

/// That of all changes at least this share, in percent, is read by both sides, and read alike:
/// `compared` says whether there was something to compare.
fn alike(der: &[u8], percent: usize, compared: impl Fn(&[u8]) -> bool) {
    let all = changes::changes(der);
    let read = all.iter().filter(|der| compared(der)).count();
    assert!(read * 100 >= all.len() * percent, "only {read} of {} were compared", all.len());
}

/// Whether both sides read the request; if so, they read the same.
fn same_request(der: &[u8]) -> bool {
    let (Ok(ours), Ok((_, theirs))) =
        (CertificateRequest::from_der(der), X509CertificationRequest::from_der(der))
    else {
        return false;
    };
    let info = &theirs.certification_request_info;
    if !same_name(&ours.subject, &info.subject) {
        return false;
    }
    assert_eq!(ours.signed, info.raw);
    // Of a key with more fields than two, x509-parser gives the two.
    assert!(ours.key.spki.starts_with(info.subject_pki.raw));
    // Bits that are left over at the end are moved to the beginning, as by Go (asn1's RightAlign).
    let (key, signature) = (&info.subject_pki.subject_public_key, &theirs.signature_value);
    assert!(key.unused_bits > 0 || ours.key.bits == *key.data);
    assert!(signature.unused_bits > 0 || ours.signature == *signature.data);
    true
}

/// The same for certificates.
fn same_certificate(der: &[u8]) -> bool {
    let (Ok(ours), Ok((_, theirs))) = (Certificate::from_der(der), X509Certificate::from_der(der))
    else {
        return false;
    };
    if !same_name(&ours.subject, theirs.subject()) || !same_name(&ours.issuer, theirs.issuer()) {
        return false;
    }
    assert_eq!(ours.subject_der, theirs.subject().as_raw());
    assert_eq!(ours.issuer_der, theirs.issuer().as_raw());
    assert_eq!(ours.signed, theirs.tbs_certificate.as_ref());
    let signature = &theirs.signature_value;
    assert!(signature.unused_bits > 0 || ours.signature == *signature.data);
    assert!(ours.key.spki.starts_with(theirs.public_key().raw));
    assert_eq!(ours.not_before.0, theirs.validity().not_before.timestamp());
    assert_eq!(ours.not_after.0, theirs.validity().not_after.timestamp());
    assert_eq!(
        ours.serial,
        theirs.raw_serial().iter().map(|b| format!("{b:02x}")).collect::<String>()
    );
    // Of what Go refuses to read each has its own idea; before version 3 it reads none of them.
    let unread = ours.unreadable_to_go().is_some() || theirs.version() != X509Version::V3;
    for extension in theirs.extensions().iter().filter(|_| !unread) {
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
                let known = |name: &&GeneralName<'_>| match name {
                    GeneralName::DNSName(name) => name.is_ascii(),
                    GeneralName::IPAddress(address) => matches!(address.len(), 4 | 16),
                    _ => false,
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
    true
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
    assert!(same_request(&request.der));

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
        assert!(same_certificate(certificate));
    }
}

#[test]
fn changed_requests_are_read_alike_and_never_strict_where_x509_cert_is_not() {
    let compared = |der: &[u8]| {
        let strict = CertificateRequest::from_der(der).is_ok_and(|request| request.strict);
        assert!(!strict || encodes_back(der), "{:?}", CertReq::from_der(der));
        same_request(der)
    };
    alike(&der(REQUEST), 70, compared);
}

#[test]
fn changed_certificates_are_read_alike() {
    for certificate in CERTIFICATES {
        alike(&der(certificate), 70, same_certificate);
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let request = der(REQUEST);
    for end in 0..request.len() {
        assert!(CertificateRequest::from_der(&request[..end]).is_err(), "{end}");
    }
    for certificate in CERTIFICATES.map(der) {
        for end in 0..certificate.len() {
            assert!(Certificate::from_der(&certificate[..end]).is_err(), "{end}");
        }
    }
}

/// Names that certificates can be asked for.
fn identity() -> impl Strategy<Value = Identity> {
    let groups = prop::collection::vec("[a-zé@ ,+=]{1,40}", 0..4);
    ("[^\\pC]{1,20}", groups)
        .prop_filter_map("a name that cannot be asked for", |(user, groups)| {
            Identity::parse(&user, &groups).ok()
        })
}

proptest! {
    #[test]
    fn requests_are_written_as_x509_cert_writes_them(identity in identity()) {
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
    fn certificates_are_written_as_x509_cert_writes_them(
        identity in identity(),
        hosts in prop::collection::vec("[a-z]{1,9}\\.example", 0..3),
        end in 1_700_000_000..4_000_000_000_i64,
        random: [u8; 16],
    ) {
        let ca = Certificate::from_der(&der(CERTIFICATES[0])).unwrap();
        let key = ca.key.clone();
        let ca = Authority::new(vec![ca], &key, UnixTime(1_800_000_000), |_, _| true).unwrap();
        let names = hosts.iter().map(|host| host.parse().unwrap());
        let leaf = Leaf {
            user: identity.user.as_str().to_owned(),
            groups: identity.group_set(),
            alternative_names: names.chain(["10.0.0.1".parse().unwrap()]).collect(),
            key: CertificateRequest::from_pem(REQUEST).unwrap().key,
            client: true,
            server: true,
            not_before: UnixTime(1_600_000_000),
            not_after: UnixTime(end),
            cut: false,
        };
        let algorithm = SignatureAlgorithm::Ecdsa(Hash::Sha256);
        let signed = authority::to_be_signed(&leaf, &ca, &algorithm, random).unwrap();
        let ours = authority::assemble(&signed, &algorithm, &[1; 70]).unwrap();
        let theirs = x509_cert::Certificate::from_der(&ours).unwrap();
        prop_assert_eq!(&ours, &theirs.to_der().unwrap());
        prop_assert!(same_certificate(&ours));
        let read = Certificate::from_der(&ours).unwrap();
        prop_assert_eq!((read.subject.user(), read.subject.groups()), (&*leaf.user, leaf.groups));
        prop_assert_eq!((read.not_before, read.not_after), (leaf.not_before, leaf.not_after));
        prop_assert_eq!(read.alternative_names.len(), hosts.len() + 1);
    }
}
