//! PKCS#10 certificate requests (RFC 2986).
//!
//! Writing takes two steps, the bytes to be signed out and the signature in, so that any signer can
//! serve: the native provider, WebCrypto, a hardware key. Reading is tolerant, as the API server's
//! is, and notes beside what was read whether the request is what we ourselves would have written.

use der::asn1::{Any, BitString, ObjectIdentifier, SetOfVec};
use der::{Decode, Encode, Reader as _, SliceReader, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension};

use crate::code::Code;
use crate::identity::Identity;
use crate::key::{PublicKey, SignatureAlgorithm};
use crate::pem;
use crate::subject::Subject;
use crate::text;

/// The PEM label of a certificate request.
pub const LABEL: &str = "CERTIFICATE REQUEST";

/// Why a request could not be built or read.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// Some part does not encode as DER.
    #[error("cannot encode the certificate request: {0}")]
    Encode(#[from] der::Error),
    /// A signature algorithm that requests are not signed with.
    #[error("certificate requests are not signed with {0}")]
    Algorithm(SignatureAlgorithm),
    /// The first PEM block is of another kind, or there is none.
    #[error("the API server looks at the first PEM block only, and that is {}", .0.as_deref().map_or("not there".to_owned(), |l| format!("a {}, not a {LABEL}", text::show_short(l, 40))))]
    NoBlock(Option<String>),
    /// The DER is no certificate request.
    #[error("the certificate request cannot be read: {0}")]
    Malformed(&'static str),
}

/// The bytes of the CertificationRequestInfo for `identity` and the key whose DER
/// SubjectPublicKeyInfo is `spki`: what is to be signed.
///
/// The subject is the common name and then one organization per group, all UTF8String: a
/// PrintableString with `@` or `_` does not parse in Go.
///
/// # Errors
/// When `spki` is no SubjectPublicKeyInfo.
pub fn to_be_signed(identity: &Identity, spki: &[u8]) -> Result<Vec<u8>, CsrError> {
    let mut rdns = vec![rdn("2.5.4.3", identity.user.as_str())?];
    for group in &identity.groups {
        rdns.push(rdn("2.5.4.10", group.as_str())?);
    }
    let subject = Name::from_der(&RdnSequence::from(rdns).to_der()?)?;
    let info = CertReqInfo {
        version: Version::V1,
        subject,
        public_key: SubjectPublicKeyInfoOwned::from_der(spki)?,
        attributes: SetOfVec::new(),
    };
    Ok(info.to_der()?)
}

fn rdn(oid: &str, value: &str) -> Result<RelativeDistinguishedName, CsrError> {
    let attribute = AttributeTypeAndValue {
        oid: ObjectIdentifier::new(oid).map_err(|_| CsrError::Malformed("object identifier"))?,
        value: Any::new(Tag::Utf8String, value.as_bytes())?,
    };
    let mut set = SetOfVec::new();
    set.insert(attribute)?;
    Ok(RelativeDistinguishedName::from(set))
}

/// DER of the whole request, from the signed bytes, the algorithm and the signature (for ECDSA the
/// DER form of r and s, for Ed25519 and RSA the bytes themselves).
///
/// # Errors
/// When `to_be_signed` is no CertificationRequestInfo or the algorithm is not one to sign with.
pub fn assemble(
    to_be_signed: &[u8],
    algorithm: &SignatureAlgorithm,
    signature: &[u8],
) -> Result<Vec<u8>, CsrError> {
    let identifier =
        algorithm.identifier().ok_or_else(|| CsrError::Algorithm(algorithm.clone()))?;
    let request = CertReq {
        info: CertReqInfo::from_der(to_be_signed)?,
        algorithm: identifier,
        signature: BitString::from_bytes(signature)?,
    };
    Ok(request.to_der()?)
}

/// PEM of a request's DER, as `spec.request` carries it.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    pem::encode(LABEL, der)
}

/// A certificate request as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Its DER.
    pub der: Vec<u8>,
    /// Whom it names.
    pub subject: Subject,
    /// The key to be certified.
    pub key: PublicKey,
    /// What it was signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Subject alternative names that it asks for, as `DNS:example.com`.
    pub alternative_names: Vec<String>,
    /// Other extensions and attributes that it asks for, by name; the built-in signers drop them.
    pub other_requests: Vec<String>,
    /// Whether the DER is strict: it encodes back to the very same bytes.
    pub strict: bool,
}

impl CertificateRequest {
    /// Reads DER, tolerantly: what the API server would take and more.
    ///
    /// # Errors
    /// When it is no certificate request or bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        let malformed = CsrError::Malformed("it is no PKCS#10 structure");
        let Ok((rest, parsed)) = X509CertificationRequest::from_der(der) else {
            let (bare, signed) = without_extra_fields(der).ok_or(malformed)?;
            let request = Self::from_der(&bare)?;
            return Ok(Self { der: der.to_vec(), signed, strict: false, ..request });
        };
        if !rest.is_empty() {
            return Err(CsrError::Malformed("bytes follow the end of the request"));
        }
        let info = &parsed.certification_request_info;
        let mut alternative_names = Vec::new();
        let mut other_requests = Vec::new();
        for attribute in info.iter_attributes() {
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ExtensionRequest(request) => {
                    for extension in &request.extensions {
                        match extension.parsed_extension() {
                            ParsedExtension::SubjectAlternativeName(names) => alternative_names
                                .extend(names.general_names.iter().map(general_name)),
                            _ => other_requests.push(extension_name(&extension.oid.to_id_string())),
                        }
                    }
                }
                ParsedCriAttribute::ChallengePassword(_) => {
                    other_requests.push("challengePassword".to_owned());
                }
                ParsedCriAttribute::UnsupportedAttribute => {
                    other_requests.push(attribute.oid.to_id_string());
                }
            }
        }
        let strict = CertReq::from_der(der)
            .and_then(|request| request.to_der())
            .is_ok_and(|again| again == der);
        Ok(Self {
            der: der.to_vec(),
            subject: Subject::read(&info.subject),
            key: PublicKey::read(&info.subject_pki),
            signature_algorithm: SignatureAlgorithm::read(&parsed.signature_algorithm),
            signed: info.raw.to_vec(),
            signature: parsed.signature_value.data.to_vec(),
            alternative_names,
            other_requests,
            strict,
        })
    }

    /// Reads the bytes of `spec.request` as the API server does: the first PEM block counts, and it
    /// must be a [`LABEL`].
    ///
    /// # Errors
    /// No such block, or no request in it.
    pub fn from_pem(text: &[u8]) -> Result<Self, CsrError> {
        match pem::first(text) {
            Some((block, _)) if block.label == LABEL => Self::from_der(&block.der),
            found => Err(CsrError::NoBlock(found.map(|(block, _)| block.label))),
        }
    }

    /// The code to compare.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::of_request(&self.der)
    }
}

/// The request without what follows the four fields of its info, which Go passes over, and the info
/// as it was signed; `None` if there is nothing extra.
fn without_extra_fields(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    use der::asn1::AnyRef;
    let fields = |bytes: &[u8]| -> Option<Vec<Vec<u8>>> {
        let mut reader = SliceReader::new(AnyRef::from_der(bytes).ok()?.value()).ok()?;
        let mut fields = Vec::new();
        while !reader.is_finished() {
            fields.push(AnyRef::decode(&mut reader).ok()?.to_der().ok()?);
        }
        Some(fields)
    };
    let sequence =
        |fields: &[Vec<u8>]| Any::new(Tag::Sequence, fields.concat()).ok()?.to_der().ok();
    let outer = fields(der)?;
    let info = fields(outer.first()?)?;
    if outer.len() != 3 || info.len() <= 4 {
        return None;
    }
    let bare = [sequence(info.get(..4)?)?, outer.get(1)?.clone(), outer.get(2)?.clone()];
    Some((sequence(&bare)?, outer.first()?.clone()))
}

pub(crate) fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(s) => format!("DNS:{}", text::show(s)),
        GeneralName::RFC822Name(s) => format!("email:{}", text::show(s)),
        GeneralName::URI(s) => format!("URI:{}", text::show(s)),
        GeneralName::IPAddress(bytes) => {
            match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
                (Ok(v4), _) => format!("IP:{}", std::net::Ipv4Addr::from(v4)),
                (_, Ok(v6)) => format!("IP:{}", std::net::Ipv6Addr::from(v6)),
                _ => "IP:(malformed)".to_owned(),
            }
        }
        GeneralName::OtherName(oid, _) => format!("otherName:{}", oid.to_id_string()),
        GeneralName::RegisteredID(oid) => format!("registeredID:{}", oid.to_id_string()),
        GeneralName::DirectoryName(name) => format!("dirName:{}", Subject::read(name).shown()),
        _ => "(malformed name)".to_owned(),
    }
}

pub(crate) fn extension_name(oid: &str) -> String {
    let known = match oid {
        "2.5.29.14" => "subjectKeyIdentifier",
        "2.5.29.15" => "keyUsage",
        "2.5.29.17" => "subjectAltName",
        "2.5.29.18" => "issuerAltName",
        "2.5.29.19" => "basicConstraints",
        "2.5.29.31" => "cRLDistributionPoints",
        "2.5.29.32" => "certificatePolicies",
        "2.5.29.35" => "authorityKeyIdentifier",
        "2.5.29.37" => "extKeyUsage",
        _ => oid,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{request, spki};

    #[test]
    fn every_group_is_an_organization_of_its_own() {
        let read = request("Zoë", &["sre", "dev", "ops,x"]);
        assert_eq!(read.subject.user(), "Zoë");
        assert_eq!(read.subject.shown(), "CN=Zoë, O=dev, O=ops,x, O=sre");
        assert!(read.strict);
        assert_eq!(read.key.spki, spki());
        assert_eq!(CertificateRequest::from_pem(to_pem(&read.der).as_bytes()).unwrap(), read);
    }

    #[test]
    fn bytes_after_the_end_are_refused_and_bytes_inside_are_noticed() {
        let read = request("alice", &[]);
        let mut longer = read.der.clone();
        longer.push(0);
        assert!(CertificateRequest::from_der(&longer).is_err());
        // The same request with one more field in its info.
        let info = Any::from_der(&read.signed).unwrap();
        let wider = Any::new(Tag::Sequence, [info.value(), &[4, 1, 7]].concat()).unwrap();
        let outer = Any::from_der(&read.der).unwrap();
        let rest = &outer.value()[read.signed.len()..];
        let content = [wider.to_der().unwrap().as_slice(), rest].concat();
        let der = Any::new(Tag::Sequence, content).unwrap().to_der().unwrap();
        let found = CertificateRequest::from_der(&der).unwrap();
        assert_eq!((found.subject.user(), found.strict), ("alice", false));
        assert_eq!(found.der, der);
        assert_eq!(found.signed, wider.to_der().unwrap());
    }

    #[test]
    fn only_the_first_block_counts_and_it_must_be_a_request() {
        let pem = to_pem(&request("alice", &[]).der);
        let key = pem::encode("PRIVATE KEY", b"x");
        assert!(CertificateRequest::from_pem(format!("{pem}{key}").as_bytes()).is_ok());
        let error = CertificateRequest::from_pem(format!("{key}{pem}").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("a PRIVATE KEY, not a CERTIFICATE REQUEST"));
    }

    #[test]
    fn what_we_do_not_sign_with_is_not_written() {
        let signed = request("alice", &[]).signed;
        let sha1 = SignatureAlgorithm::Rsa(crate::key::Hash::Sha1);
        assert!(matches!(assemble(&signed, &sha1, &[1]), Err(CsrError::Algorithm(_))));
    }
}
