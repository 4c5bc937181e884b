//! Reading a certificate's DER.

use super::{Certificate, CertificateError};
use crate::encoding::der::{self, Element};
use crate::time::UnixTime;
use crate::x509::extension::{self, Extension};
use crate::x509::key::{PublicKey, SignatureAlgorithm};
use crate::x509::name::Subject;

impl Certificate {
    /// Reads one certificate's DER.
    ///
    /// # Errors
    /// When it is no certificate or bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = der::Reader::new(der);
        let outer = reader.read(der::SEQUENCE);
        if outer.is_some() && !reader.is_empty() {
            return Err(CertificateError::Malformed("bytes follow its end"));
        }
        let read = outer.as_ref().and_then(Self::read);
        read.ok_or(CertificateError::Malformed("it is no X.509 structure"))
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
        let inner_algorithm = inside.read(der::SEQUENCE)?;
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
            not_before: time(&validity.next()?)?,
            not_after: time(&validity.next()?)?,
            key: PublicKey::read(&key)?,
            signature_algorithm: SignatureAlgorithm::read(&algorithm)?,
            signed: signed.whole.to_vec(),
            signature: der::bits(signature.content)?.to_vec(),
            extended_key_usages: None,
            key_usages: None,
            is_ca: false,
            version: version.map_or(1, |v| u32::from(v) + 1),
            alternative_names: Vec::new(),
            authority_key_id: None,
            subject_key_id: None,
            path_length: None,
            has_name_constraints: false,
            unknown_critical: Vec::new(),
            unreadable_to_go: None,
        };
        if inner_algorithm.whole != algorithm.whole {
            read.unreadable_to_go = Some("its two fields for the signature's algorithm differ");
        } else if !read.subject.is_readable() || !read.issuer.is_readable() {
            read.unreadable_to_go = Some("a name holds characters that its string type cannot");
        }
        let mut seen = Vec::new();
        if let Some(list) = inside.read(der::context(3)) {
            for extension in extension::read_all(&Element::only_of(list.content, der::SEQUENCE)?)? {
                if seen.contains(&extension.oid) {
                    read.unreadable_to_go = Some("an extension is there twice");
                }
                read.take(&extension)?;
                seen.push(extension.oid);
            }
        }
        inside.is_empty().then_some(read)
    }

    /// Takes what matters of an extension. One that cannot be read makes no certificate (as in Go).
    fn take(&mut self, extension: &Extension<'_>) -> Option<()> {
        let sequence = || Element::only_of(extension.value, der::SEQUENCE);
        match extension.oid.as_str() {
            extension::EXTENDED_KEY_USAGE => {
                let usages = sequence()?.elements_of(der::OID)?;
                let oids = usages.iter().map(|usage| der::oid(usage.content));
                self.extended_key_usages = Some(extended_usages(oids.collect::<Option<_>>()?));
            }
            extension::KEY_USAGE => {
                let usage = Element::only_of(extension.value, der::BIT_STRING)?;
                self.key_usages = Some(key_usages(der::bits(usage.content)?));
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
            extension::NAME_CONSTRAINTS => self.has_name_constraints = true,
            extension::ALTERNATIVE_NAMES => {
                self.alternative_names.extend(extension::general_names(extension.value)?);
            }
            extension::AUTHORITY_KEY_ID => {
                let id = sequence()?.inside().read(der::context_primitive(0));
                self.authority_key_id = id.map(|id| id.content.to_vec());
            }
            extension::SUBJECT_KEY_ID => {
                let id = Element::only_of(extension.value, der::OCTET_STRING)?;
                self.subject_key_id = Some(id.content.to_vec());
            }
            oid if extension.critical && !extension::KNOWN_TO_GO.contains(&oid) => {
                self.unknown_critical.push(extension::name(oid));
            }
            _ => {}
        }
        Some(())
    }
}

/// Reads a Time (RFC 5280 section 4.1.2.5): UTCTime or GeneralizedTime, in UTC.
fn time(element: &Element<'_>) -> Option<UnixTime> {
    let digits = element.content.strip_suffix(b"Z")?;
    let pair = |at: usize| match digits.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    };
    let (year, start) = match element.tag {
        der::UTC_TIME => (pair(0).map(|year| year + if year < 50 { 2000 } else { 1900 })?, 2),
        der::GENERALIZED_TIME => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let part = |number: usize| pair(start + 2 * number);
    let time = UnixTime::from_parts(year, [part(0)?, part(1)?, part(2)?, part(3)?, part(4)?]);
    time.filter(|_| digits.len() == start + 10)
}

/// Usages by name, those that are known first, whatever their order was.
fn extended_usages(mut oids: Vec<String>) -> Vec<String> {
    const KNOWN: [(&str, &str); 7] = [
        ("2.5.29.37.0", "any"),
        ("1.3.6.1.5.5.7.3.2", "client auth"),
        ("1.3.6.1.5.5.7.3.1", "server auth"),
        ("1.3.6.1.5.5.7.3.3", "code signing"),
        ("1.3.6.1.5.5.7.3.4", "email protection"),
        ("1.3.6.1.5.5.7.3.8", "timestamping"),
        ("1.3.6.1.5.5.7.3.9", "ocsp signing"),
    ];
    let known = KNOWN.iter().filter(|(oid, _)| oids.iter().any(|o| o == oid));
    let mut names: Vec<String> = known.map(|(_, name)| (*name).to_owned()).collect();
    oids.retain(|oid| KNOWN.iter().all(|(known, _)| known != oid));
    names.append(&mut oids);
    names
}

/// The names of the bits that are set, by their place.
fn key_usages(bits: &[u8]) -> Vec<&'static str> {
    const NAMES: [&str; 9] = [
        "digital signature",
        "content commitment",
        "key encipherment",
        "data encipherment",
        "key agreement",
        "cert sign",
        "crl sign",
        "encipher only",
        "decipher only",
    ];
    let is_set = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    NAMES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::expired;

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
