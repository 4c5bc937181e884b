//! A certificate, read from its DER.

use super::readable::{self, RARE};
use super::usages::{extended_usages, key_usages};
use crate::encoding::der::{self, Element, Reader};
use crate::encoding::pem;
use crate::time::UnixTime;
use crate::x509::extension::{self, Extension};
use crate::x509::key::{PublicKey, SignatureAlgorithm};
use crate::x509::name::Subject;
use crate::x509::policy::Policies;

/// The PEM label of a certificate.
pub const LABEL: &str = "CERTIFICATE";

/// Extensions that are read as Go reads them whatever the features are.
const CHECKED: [&str; 5] = [
    extension::EXTENDED_KEY_USAGE,
    extension::KEY_USAGE,
    extension::BASIC_CONSTRAINTS,
    extension::AUTHORITY_KEY_ID,
    extension::SUBJECT_KEY_ID,
];

/// Why bytes are no certificate.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no `CERTIFICATE` block.
    #[error("it holds no certificate")]
    None,
    /// There is one, but no program finds it.
    #[error("its PEM is damaged: line {0}: {1}")]
    Damaged(usize, &'static str),
    /// The DER is not a certificate.
    #[error("the certificate cannot be read: {0}")]
    Malformed(&'static str),
}

/// A certificate as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// Whom it names.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// DER of the subject's name, to match it with an issuer's.
    pub subject_der: Vec<u8>,
    /// DER of the issuer's name.
    pub issuer_der: Vec<u8>,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity, inclusive.
    pub not_after: UnixTime,
    /// The certified key.
    pub key: PublicKey,
    /// What it was signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Extended key usages by name; `None` where there is none, which allows all.
    pub extended_key_usages: Option<Vec<String>>,
    /// Key usages by name; `None` where the extension is absent, which allows all.
    pub key_usages: Option<Vec<&'static str>>,
    /// Whether basicConstraints make it an authority.
    pub is_ca: bool,
    /// X.509 version, 1 to 3; only in version 3 a certificate can say that it is an authority.
    pub version: u32,
    /// Subject alternative names, as `DNS:example.com`.
    pub alternative_names: Vec<String>,
    /// Authority key identifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// Subject key identifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// How many CAs may be below it; `None` is no limit.
    pub path_length: Option<u32>,
    /// Whether it says which names may be below it.
    pub has_name_constraints: bool,
    /// What it says of certificate policies.
    pub(crate) policies: Policies,
    /// Whether it has extensions that only a build with all features reads as Go does.
    pub is_unchecked: bool,
    /// Critical extensions that Go does not know, so that it accepts no chain with this certificate.
    pub unknown_critical: Vec<String>,
}

impl Certificate {
    /// Reads a chain: every `CERTIFICATE` block of PEM text, the leaf first. Text and other blocks
    /// between are passed over.
    ///
    /// # Errors
    /// No certificate, or one that does not parse.
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let chain: Vec<Self> = pem::all(text)
            .iter()
            .filter(|block| block.label == LABEL)
            .map(|block| Self::from_der(&block.der))
            .collect::<Result<_, _>>()?;
        if chain.is_empty() {
            let damage = pem::damage(text);
            return Err(damage.map_or(CertificateError::None, |(line, problem)| {
                CertificateError::Damaged(line, problem)
            }));
        }
        Ok(chain)
    }

    /// Whether it can be what others are checked with. Certificates of versions 1 and 2, as older
    /// openssl signs them, are taken at their word; so does Go.
    pub fn may_be_authority(&self) -> bool {
        self.is_ca || self.version < 3
    }

    /// Why no chain leads through what it has signed, if that is so (`Go: crypto/x509`,
    /// `CheckSignatureFrom`).
    pub(crate) fn cannot_sign(&self) -> Option<&'static str> {
        // Go takes a usage without any bit for none.
        let usages = self.key_usages.as_ref().filter(|usages| !usages.is_empty());
        if !self.may_be_authority() {
            Some("is no CA")
        } else if usages.is_some_and(|usages| !usages.contains(&"cert sign")) {
            Some("may not sign certificates, by its key usage")
        } else {
            None
        }
    }

    /// Canonical PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// SHA-256 of the DER, lower-case hexadecimal, as in a credential-id.
    pub fn fingerprint(&self) -> String {
        crate::x509::code::sha256_hex(&self.der)
    }

    /// Whether an API server takes it as a client certificate: the extension absent, or with client
    /// auth or any (`Go: crypto/x509` verification with `ExtKeyUsageClientAuth`).
    pub fn allows_client_auth(&self) -> bool {
        self.extended_key_usages
            .as_ref()
            .is_none_or(|usages| usages.iter().any(|u| u == "client auth" || u == "any"))
    }

    /// Whether it names hosts, by which clients tell a server.
    pub(crate) fn names_hosts(&self) -> bool {
        self.alternative_names.iter().any(|n| n.starts_with("DNS:") || n.starts_with("IP:"))
    }

    /// Whether `ca` can be the one that signed this, by names and key identifiers; the signature is
    /// another question.
    pub(crate) fn names_as_issuer(&self, ca: &Self) -> bool {
        let ids_differ =
            matches!((&self.authority_key_id, &ca.subject_key_id), (Some(a), Some(b)) if a != b);
        self.issuer_der == ca.subject_der && !ids_differ
    }

    /// Why Go's programs, and so the API server, cannot read it, if they cannot.
    pub fn unreadable_to_go(&self) -> Option<&'static str> {
        readable::objection(&self.der)
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }
}

/// PEM of a chain, the leaf first.
pub fn chain_to_pem(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::to_pem).collect()
}

impl Certificate {
    /// Reads one certificate's DER.
    ///
    /// # Errors
    /// When it is not a certificate or bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader::new(der);
        let outer = reader.read(der::SEQUENCE);
        if outer.is_some() && !reader.is_empty() {
            return Err(CertificateError::Malformed("bytes follow its end"));
        }
        let read = outer.as_ref().and_then(Self::read);
        read.ok_or(CertificateError::Malformed("it is not an X.509 structure"))
    }

    fn read(outer: &Element<'_>) -> Option<Self> {
        let mut fields = outer.inside();
        let signed = fields.read(der::SEQUENCE)?;
        let algorithm = fields.read(der::SEQUENCE)?;
        let signature = fields.read(der::BIT_STRING)?;
        let mut inside = signed.inside();
        // The version, counted from 0; it is 1 when it is left out.
        let version = inside.read(der::context(0));
        let version = version.and_then(|v| v.inside().read(der::INTEGER)?.content.first().copied());
        let serial = inside.read(der::INTEGER)?;
        inside.read(der::SEQUENCE)?;
        let issuer = inside.read(der::SEQUENCE)?;
        let mut validity = inside.read(der::SEQUENCE)?.inside();
        let subject = inside.read(der::SEQUENCE)?;
        let key = inside.read(der::SEQUENCE)?;
        // Identifiers of issuer and subject, out of use.
        inside.read(der::context_primitive(1));
        inside.read(der::context_primitive(2));
        let mut read = Self {
            der: outer.whole.to_vec(),
            subject: Subject::read(&subject)?,
            issuer: Subject::read(&issuer)?,
            subject_der: subject.whole.to_vec(),
            issuer_der: issuer.whole.to_vec(),
            serial: crate::x509::code::hex(serial.content),
            not_before: der::read_time(&validity.next()?)?,
            not_after: der::read_time(&validity.next()?)?,
            key: PublicKey::read(&key)?,
            signature_algorithm: SignatureAlgorithm::read(&algorithm)?,
            signed: signed.whole.to_vec(),
            signature: der::aligned_bits(signature.content)?,
            extended_key_usages: None,
            key_usages: None,
            is_ca: false,
            version: version.map_or(1, |v| u32::from(v) + 1),
            alternative_names: Vec::new(),
            authority_key_id: None,
            subject_key_id: None,
            path_length: None,
            has_name_constraints: false,
            policies: Policies::default(),
            is_unchecked: false,
            unknown_critical: Vec::new(),
        };
        let extensions = inside.read(der::context(3));
        // As Go does: other versions have no extensions.
        if let Some(list) = extensions.filter(|_| read.version == 3) {
            for extension in extension::read_all(&list.inside().read(der::SEQUENCE)?)? {
                read.take(&extension)?;
            }
        }
        Some(read)
    }

    /// Takes what matters of an extension. One that cannot be read makes no certificate (as in Go).
    fn take(&mut self, extension: &Extension<'_>) -> Option<()> {
        // What follows the value does not matter to Go.
        let value = |tag| Reader::new(extension.value).read(tag);
        let sequence = || value(der::SEQUENCE);
        let mut is_heeded = true;
        match extension.oid.as_str() {
            extension::EXTENDED_KEY_USAGE => {
                let usages = sequence()?.elements_of(der::OID)?;
                let oids = usages.iter().map(|usage| der::oid(usage.content));
                let oids = oids.collect::<Option<Vec<_>>>()?;
                self.extended_key_usages = Some(extended_usages(oids)).filter(|u| !u.is_empty());
            }
            extension::KEY_USAGE => {
                self.key_usages = Some(key_usages(der::bits(value(der::BIT_STRING)?.content)?));
            }
            extension::BASIC_CONSTRAINTS => {
                let mut fields = sequence()?.inside();
                self.is_ca = match fields.read(der::BOOLEAN).map(|ca| ca.content) {
                    Some([0xff]) => true,
                    None | Some([0]) => false,
                    Some(_) => return None,
                };
                let length = fields.read(der::INTEGER).map(|length| length.content);
                self.path_length = length.map(|length| match length {
                    [byte @ 0..=0x7f] => u32::from(*byte),
                    _ => u32::MAX,
                });
            }
            extension::NAME_CONSTRAINTS => {
                self.has_name_constraints = true;
                is_heeded = extension::constrains_known_names(extension.value)?;
            }
            extension::ALTERNATIVE_NAMES => {
                is_heeded = extension::has_known_names(&sequence()?)?;
                self.alternative_names.extend(extension::general_names(extension.value)?);
            }
            extension::AUTHORITY_KEY_ID => {
                let id = sequence()?.inside().read(der::context_primitive(0));
                self.authority_key_id = id.map(|id| id.content.to_vec());
            }
            extension::SUBJECT_KEY_ID => {
                self.subject_key_id = Some(value(der::OCTET_STRING)?.content.to_vec());
            }
            extension::POLICIES => self.policies.take_named(&sequence()?)?,
            extension::POLICY_MAPPINGS => self.policies.take_mappings(&sequence()?)?,
            extension::POLICY_CONSTRAINTS => self.policies.take_constraints(&sequence()?),
            extension::INHIBIT_ANY_POLICY => self.policies.take_inhibit_any(extension.value),
            oid => is_heeded = extension::KNOWN_TO_GO.contains(&oid),
        }
        self.is_unchecked |= !RARE && !CHECKED.contains(&extension.oid.as_str());
        if extension.critical && !is_heeded {
            self.unknown_critical.push(extension::name(&extension.oid));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::expired;

    /// A certificate with this version, counted from 0, and this extension.
    fn with(version: u8, extension: &[u8]) -> Certificate {
        let old = expired();
        let tbs = Element::only(&old.signed).unwrap().elements().unwrap();
        // The test's certificate is of version 1 and says neither version nor extensions.
        assert_eq!(tbs.len(), 6);
        let version = der::element(der::context(0), &[&[der::INTEGER, 1, version]]);
        let fields: Vec<u8> = tbs.iter().flat_map(|field| field.whole.to_vec()).collect();
        let extensions = der::element(der::context(3), &[&der::sequence(&[extension])]);
        let signed = der::sequence(&[&version, &fields, &extensions]);
        let outer = Element::only(&old.der).unwrap().elements().unwrap();
        let whole = der::sequence(&[&signed, outer[1].whole, outer[2].whole]);
        Certificate::from_der(&whole).unwrap()
    }

    #[test]
    fn only_version_3_has_extensions() {
        let ca = der::sequence(&[&[der::BOOLEAN, 1, 0xff]]);
        let ca = extension::write(extension::BASIC_CONSTRAINTS, true, &ca);
        let read = |version| with(version, &ca);
        assert!(read(2).is_ca);
        assert!(!read(0).is_ca && !read(1).is_ca && read(1).may_be_authority());
        assert!(read(3).unreadable_to_go().is_some() && read(2).unreadable_to_go().is_none());
    }

    #[test]
    fn no_extended_usage_allows_all() {
        let none = extension::write(extension::EXTENDED_KEY_USAGE, false, &der::sequence(&[]));
        assert!(with(2, &none).allows_client_auth());
    }

    #[test]
    fn reads_a_certificate() {
        let certificate = expired();
        assert_eq!(certificate.subject.user(), "old");
        assert_eq!(certificate.not_before.to_string(), "2020-01-01T00:00:00Z");
        assert_eq!(certificate.not_after.to_string(), "2020-01-02T00:00:00Z");
        assert!(certificate.is_self_issued() && certificate.allows_client_auth());
        assert_eq!(
            Certificate::chain_from_pem(certificate.to_pem().as_bytes()),
            Ok(vec![certificate])
        );
    }
}
