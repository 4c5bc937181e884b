//! PKCS#10 certificate requests (RFC 2986).
//!
//! Writing takes two steps, the bytes to be signed out and the signature in, so that any signer can
//! serve: the native provider, WebCrypto, a hardware key. Reading is tolerant, as the API server's
//! is, and notes beside what was read whether the request is what we ourselves would have written.

use crate::encoding::der::{self, Element};
use crate::encoding::pem;
use crate::text;
use crate::x509::code::Code;
use crate::x509::extension;
use crate::x509::identity::Identity;
use crate::x509::key::{PublicKey, SignatureAlgorithm};
use crate::x509::name::{self, Subject};

/// The PEM label of a certificate request.
pub const LABEL: &str = "CERTIFICATE REQUEST";

const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

/// Why a request could not be built or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CsrError {
    /// A signature algorithm that requests are not signed with.
    #[error("certificate requests are not signed with {0}")]
    Algorithm(SignatureAlgorithm),
    /// The first PEM block is of another kind, or there is none.
    #[error("the API server looks at the first PEM block only, and that is {}", .0.as_deref().map_or("not there".to_owned(), |l| format!("a {}, not a {LABEL}", text::show_short(l, 40))))]
    NoBlock(Option<String>),
    /// The DER is not a certificate request.
    #[error("the certificate request cannot be read: {0}")]
    Malformed(&'static str),
}

impl CsrError {
    /// What should hold a request in base64 is not base64.
    pub(crate) const NOT_BASE64: Self = Self::Malformed("it is not base64");
}

/// The bytes of the CertificationRequestInfo for `identity` and the key whose DER
/// SubjectPublicKeyInfo is `spki`: what is to be signed.
///
/// The subject is the common name and then one organization per group, all UTF8String: a
/// PrintableString with `@` or `_` does not parse in Go.
///
/// # Errors
/// When `spki` is not a SubjectPublicKeyInfo.
pub fn to_be_signed(identity: &Identity, spki: &[u8]) -> Result<Vec<u8>, CsrError> {
    let key = PublicKey::from_spki(spki).ok_or(CsrError::Malformed("no public key"))?;
    let groups = identity.groups.iter().map(|group| group.as_str());
    let subject = name::encode(identity.user.as_str(), groups);
    let version = [der::INTEGER, 1, 0];
    let attributes = der::element(der::context(0), &[]);
    Ok(der::sequence(&[&version, &subject, &key.spki, &attributes]))
}

/// DER of the whole request, from the signed bytes, the algorithm and the signature (for ECDSA the
/// DER form of r and s, for Ed25519 and RSA the bytes themselves).
///
/// # Errors
/// When `to_be_signed` is not a CertificationRequestInfo or the algorithm is not one to sign with.
pub fn assemble(
    to_be_signed: &[u8],
    algorithm: &SignatureAlgorithm,
    signature: &[u8],
) -> Result<Vec<u8>, CsrError> {
    let identifier =
        algorithm.identifier().ok_or_else(|| CsrError::Algorithm(algorithm.clone()))?;
    let request = der::sequence(&[to_be_signed, &identifier, &der::bit_string(signature)]);
    match CertificateRequest::from_der(&request)? {
        read if read.strict => Ok(request),
        _ => Err(CsrError::Malformed("what was signed is not what is signed in a request")),
    }
}

/// PEM of a request's DER, as `spec.request` carries it.
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
    /// When it is not a certificate request or bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        let mut reader = der::Reader::new(der);
        let outer = reader.read(der::SEQUENCE);
        if outer.is_some() && !reader.is_empty() {
            return Err(CsrError::Malformed("bytes follow the end of the request"));
        }
        let read = outer.as_ref().and_then(Self::read);
        read.ok_or(CsrError::Malformed("it is not a PKCS#10 structure"))
    }

    /// Like Go, passes over what follows the known fields of a sequence.
    fn read(outer: &Element<'_>) -> Option<Self> {
        let mut fields = outer.inside();
        let info = fields.read(der::SEQUENCE)?;
        let algorithm = fields.read(der::SEQUENCE)?;
        let signature = fields.read(der::BIT_STRING)?;
        let mut inside = info.inside();
        inside.read(der::INTEGER).filter(|version| der::is_integer(version.content))?;
        let subject = inside.read(der::SEQUENCE)?;
        let key = inside.read(der::SEQUENCE)?;
        let subject = Subject::read(&subject)?;
        let strict = subject.is_readable() && is_strict(outer).is_some();
        let mut request = Self {
            der: outer.whole.to_vec(),
            subject,
            key: PublicKey::read(&key)?,
            signature_algorithm: SignatureAlgorithm::read(&algorithm)?,
            signed: info.whole.to_vec(),
            signature: der::bits(signature.content)?.to_vec(),
            alternative_names: Vec::new(),
            other_requests: Vec::new(),
            strict,
        };
        if let Some(attributes) = inside.read(der::context(0)) {
            for attribute in attributes.elements_of(der::SEQUENCE)? {
                request.take_attribute(&attribute)?;
            }
        }
        Some(request)
    }

    fn take_attribute(&mut self, attribute: &Element<'_>) -> Option<()> {
        let mut fields = attribute.inside();
        let oid = fields.read_oid()?;
        let values = fields.read(der::SET)?;
        match oid.as_str() {
            EXTENSION_REQUEST => {
                for asked in extension::read_all(&values.inside().read(der::SEQUENCE)?)? {
                    let names = Some(asked.value)
                        .filter(|_| asked.oid == extension::ALTERNATIVE_NAMES)
                        .and_then(extension::general_names);
                    match names {
                        Some(names) => self.alternative_names.extend(names),
                        None => self.other_requests.push(extension::name(&asked.oid)),
                    }
                }
            }
            CHALLENGE_PASSWORD => self.other_requests.push("challengePassword".to_owned()),
            _ => self.other_requests.push(oid),
        }
        Some(())
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
    pub fn code(&self) -> Code {
        Code::of_request(&self.der)
    }
}

/// Whether a request is strict DER of exactly the fields that RFC 2986 has: then it is what we would
/// write for what was read from it.
fn is_strict(outer: &Element<'_>) -> Option<()> {
    /// Deeper than any request goes.
    const DEPTH: u8 = 16;
    let holds = |good: bool| good.then_some(());
    let [info, algorithm, signature] = outer.elements()?[..] else { return None };
    let [version, subject, key, attributes] = info.elements()?[..] else { return None };
    holds(version.tag == der::INTEGER && version.content == [0])?;
    is_algorithm(&algorithm)?;
    holds(signature.tag == der::BIT_STRING)?;
    for part in subject.elements()? {
        for attribute in sorted(&part, der::SET)? {
            attribute_value(&attribute)?;
        }
    }
    let [key_algorithm, bits] = key.elements()?[..] else { return None };
    is_algorithm(&key_algorithm)?;
    holds(bits.tag == der::BIT_STRING)?;
    for attribute in sorted(&attributes, der::context(0))? {
        sorted(&attribute_value(&attribute)?, der::SET)?;
    }
    holds(outer.is_whole(DEPTH))
}

/// What follows the object identifier of an attribute of exactly these two parts.
fn attribute_value<'a>(attribute: &Element<'a>) -> Option<Element<'a>> {
    let [oid, value] = attribute.elements()?[..] else { return None };
    (attribute.tag == der::SEQUENCE && oid.tag == der::OID).then_some(value)
}

/// The elements of a set: in the order of their bytes, none twice.
fn sorted<'a>(set: &Element<'a>, tag: u8) -> Option<Vec<Element<'a>>> {
    let elements = set.elements().filter(|_| set.tag == tag)?;
    elements.is_sorted_by(|a, b| a.whole < b.whole).then_some(elements)
}

fn is_algorithm(identifier: &Element<'_>) -> Option<()> {
    let fields = identifier.elements().filter(|_| identifier.tag == der::SEQUENCE)?;
    matches!(fields.as_slice(), [oid] | [oid, _] if oid.tag == der::OID).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::{request, spki};

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
        let outer = Element::only(&read.der).unwrap();
        let info = Element::only(&read.signed).unwrap();
        let wider = der::sequence(&[info.content, &[4, 1, 7]]);
        let der = der::sequence(&[&wider, &outer.content[read.signed.len()..]]);
        let found = CertificateRequest::from_der(&der).unwrap();
        assert_eq!((found.subject.user(), found.strict), ("alice", false));
        assert_eq!(found.der, der);
        assert_eq!(found.signed, wider);
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
        let sha1 = SignatureAlgorithm::Rsa(crate::x509::key::Hash::Sha1);
        assert!(matches!(assemble(&signed, &sha1, &[1]), Err(CsrError::Algorithm(_))));
    }
}
