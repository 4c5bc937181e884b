//! Distinguished names through Go's eyes: which values it can read (`encoding/asn1`), which it keeps
//! (`crypto/x509/pkix`), and how it writes them back. x509-parser and x509-cert read more strings and
//! other ones, and write a type once.

use der::asn1::ObjectIdentifier;
use der::{Any, Encode as _, Tag};
use x509_parser::asn1_rs::Any as AnyValue;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

/// What does not parse, in Go's words where that matters.
pub(crate) type Error = String;

const COUNTRY: &str = "2.5.4.6";
const PROVINCE: &str = "2.5.4.8";
const LOCALITY: &str = "2.5.4.7";
const STREET: &str = "2.5.4.9";
const POSTAL_CODE: &str = "2.5.4.17";
const ORGANIZATION: &str = "2.5.4.10";
const UNIT: &str = "2.5.4.11";
const COMMON_NAME: &str = "2.5.4.3";
const SERIAL_NUMBER: &str = "2.5.4.5";
/// The user's UID (`k8s.io/apiserver/pkg/authentication/request/x509`).
const KUBERNETES_UID: &str = "1.3.6.1.4.1.57683.2";

/// The attributes in the order in which Go writes them; each is one, possibly multi-valued, RDN.
const WRITTEN: [&str; 9] = [
    COUNTRY,
    PROVINCE,
    LOCALITY,
    STREET,
    POSTAL_CODE,
    ORGANIZATION,
    UNIT,
    COMMON_NAME,
    SERIAL_NUMBER,
];

/// The attributes of a name that have a string value, in the order of their encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    values: Vec<(String, String)>,
    /// UID attributes that are no strings; they spoil authentication.
    odd_uids: usize,
}

impl Name {
    /// A user and its groups.
    pub(crate) fn of(user: &str, groups: &[String]) -> Self {
        let groups = groups.iter().map(|group| (ORGANIZATION.to_owned(), group.clone()));
        let user = (COMMON_NAME.to_owned(), user.to_owned());
        Self { values: groups.chain([user]).collect(), odd_uids: 0 }
    }

    /// Reads a Name. Values of types that Go does not know count as absent.
    pub(crate) fn read(name: &X509Name<'_>) -> Result<Self, Error> {
        let mut values = Vec::new();
        let mut odd_uids = 0;
        for attribute in name.iter_attributes() {
            let oid = attribute.attr_type().to_id_string();
            match string(attribute.attr_value())? {
                Some(value) => values.push((oid, value)),
                None if oid == KUBERNETES_UID => odd_uids += 1,
                None => {}
            }
        }
        Ok(Self { values, odd_uids })
    }

    fn all(&self, oid: &str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(it, _)| it == oid).map(|(_, value)| value.as_str())
    }

    /// The last CN, or nothing.
    pub(crate) fn common_name(&self) -> &str {
        self.all(COMMON_NAME).last().unwrap_or_default()
    }

    /// Every O, in order.
    pub(crate) fn organizations(&self) -> Vec<String> {
        self.all(ORGANIZATION).map(str::to_owned).collect()
    }

    /// The Kubernetes UID; `Err` if there are several, or it is empty or no string.
    pub(crate) fn uid(&self) -> Result<&str, Error> {
        let uids: Vec<&str> = self.all(KUBERNETES_UID).collect();
        match (self.odd_uids, uids.as_slice()) {
            (0, []) => Ok(""),
            (0, [uid]) if !uid.is_empty() => Ok(uid),
            (0, [_]) => Err("UID cannot be an empty string".into()),
            (0, _) => Err("expected 1 UID, but found multiple".into()),
            _ => Err("unable to parse UID into a string".into()),
        }
    }

    /// Whether nothing of it would be written.
    pub(crate) fn is_empty(&self) -> bool {
        WRITTEN.iter().all(|oid| self.kept(oid).is_empty())
    }

    fn kept(&self, oid: &str) -> Vec<&str> {
        let single = oid == COMMON_NAME || oid == SERIAL_NUMBER;
        if single {
            self.all(oid).last().filter(|value| !value.is_empty()).into_iter().collect()
        } else {
            self.all(oid).collect()
        }
    }

    /// The subject that a Go signer issues: known attributes only, one RDN for each type.
    pub(crate) fn write(&self) -> der::Result<Vec<u8>> {
        let mut rdns = Vec::new();
        for oid in WRITTEN {
            let oid_der = ObjectIdentifier::new(oid)?.to_der()?;
            let mut attributes = Vec::new();
            for value in self.kept(oid) {
                let printable = value.bytes().all(is_printable);
                let tag = if printable { Tag::PrintableString } else { Tag::Utf8String };
                let value = element(tag, value.as_bytes().to_vec())?;
                attributes.push(element(Tag::Sequence, [oid_der.clone(), value].concat())?);
            }
            // In the order of the bytes, and the same group twice where it was asked for twice.
            attributes.sort();
            if !attributes.is_empty() {
                rdns.extend(element(Tag::Set, attributes.concat())?);
            }
        }
        element(Tag::Sequence, rdns)
    }
}

fn element(tag: Tag, content: Vec<u8>) -> der::Result<Vec<u8>> {
    Any::new(tag, content)?.to_der()
}

/// The string that Go makes of a value; `None` for types that it reads as something else or not at all.
fn string(value: &AnyValue<'_>) -> Result<Option<String>, Error> {
    const UTF8: u32 = 12;
    const NUMERIC: u32 = 18;
    const PRINTABLE: u32 = 19;
    const T61: u32 = 20;
    const IA5: u32 = 22;
    const BMP: u32 = 30;
    let bytes = value.data;
    let plain = || Some(String::from_utf8_lossy(bytes).into_owned());
    let refuse = |what: &str| Err(format!("asn1: syntax error: {what}"));
    match value.tag().0 {
        PRINTABLE if !bytes.iter().all(|byte| is_printable(*byte) || b"*&".contains(byte)) => {
            refuse("PrintableString contains invalid character")
        }
        NUMERIC if !bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') => {
            refuse("NumericString contains invalid character")
        }
        IA5 if !bytes.is_ascii() => refuse("IA5String contains invalid character"),
        UTF8 if std::str::from_utf8(bytes).is_err() => Err("asn1: invalid UTF-8 string".into()),
        PRINTABLE | NUMERIC | IA5 | UTF8 => Ok(plain()),
        T61 => Ok(Some(bytes.iter().map(|byte| char::from(*byte)).collect())),
        BMP => bmp(bytes).map(Some).ok_or("invalid BMPString".into()),
        _ => Ok(None),
    }
}

/// UCS-2 without surrogates and noncharacters; a final NUL is dropped.
fn bmp(bytes: &[u8]) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let bytes = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes);
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    units
        .map(|unit| match unit {
            0xfffe | 0xffff | 0xfdd0..=0xfdef => None,
            _ => char::from_u32(u32::from(unit)),
        })
        .collect()
}

/// The characters of a PrintableString (X.680, 41.4).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// The subject of a certificate.
pub(crate) fn subject_of(certificate: &[u8]) -> Result<Name, Error> {
    match X509Certificate::from_der(certificate) {
        Ok(([], certificate)) => Name::read(certificate.subject()),
        _ => Err("x509: malformed certificate".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: u8 = 0x0c;

    fn rdn(oid: &str, tag: u8, value: &[u8]) -> Vec<u8> {
        let oid = ObjectIdentifier::new(oid).unwrap().to_der().unwrap();
        let value = [&[tag, value.len() as u8], value].concat();
        let attribute = element(Tag::Sequence, [oid, value].concat()).unwrap();
        element(Tag::Set, attribute).unwrap()
    }

    fn read(rdns: &[Vec<u8>]) -> Result<Name, Error> {
        let name = element(Tag::Sequence, rdns.concat()).unwrap();
        Name::read(&X509Name::from_der(&name).unwrap().1)
    }

    #[test]
    fn the_last_cn_that_go_can_read_wins() {
        const UNIVERSAL_STRING: u8 = 0x1c;
        let name = read(&[
            rdn(COMMON_NAME, UTF8, b"admin"),
            rdn(COMMON_NAME, UNIVERSAL_STRING, b"\0\0\0a"),
            rdn(COMMON_NAME, 2, &[1]),
            rdn(COMMON_NAME, 4, b"alice"),
        ]);
        assert_eq!(name.unwrap().common_name(), "admin");
        for (tag, bytes) in [(0x1e, &b"\0J\0\xfc"[..]), (0x14, b"J\xfc")] {
            let name = read(&[rdn(COMMON_NAME, UTF8, b"admin"), rdn(COMMON_NAME, tag, bytes)]);
            assert_eq!(name.unwrap().common_name(), "Jü");
        }
        let name = read(&[rdn(COMMON_NAME, UTF8, b"admin"), rdn(COMMON_NAME, UTF8, b"")]);
        assert_eq!(name.unwrap().common_name(), "");
    }

    #[test]
    fn a_printable_string_with_other_characters_is_an_error() {
        let name = read(&[rdn(COMMON_NAME, 0x13, b"a@b")]);
        assert!(name.unwrap_err().contains("PrintableString contains invalid character"));
    }

    #[test]
    fn a_uid_is_one_non_empty_string() {
        let uid = |value: &[u8], tag| rdn(KUBERNETES_UID, tag, value);
        let one = uid(b"u-1", UTF8);
        assert_eq!(read(std::slice::from_ref(&one)).unwrap().uid().unwrap(), "u-1");
        assert_eq!(read(&[]).unwrap().uid().unwrap(), "");
        for rdns in [vec![one.clone(), one], vec![uid(b"", UTF8)], vec![uid(&[1], 2)]] {
            assert!(read(&rdns).unwrap().uid().is_err());
        }
    }

    #[test]
    fn groups_become_one_sorted_rdn_and_unknown_attributes_vanish() {
        let name = read(&[
            rdn(ORGANIZATION, UTF8, b"development"),
            rdn(ORGANIZATION, UTF8, b"ops"),
            rdn(ORGANIZATION, UTF8, b"ops"),
            rdn("2.5.4.12", UTF8, b"title"),
            rdn(COMMON_NAME, UTF8, b"a@b"),
        ])
        .unwrap();
        let written = name.write().unwrap();
        let (_, parsed) = X509Name::from_der(&written).unwrap();
        assert_eq!(parsed.iter_rdn().count(), 2);
        let again = Name::read(&parsed).unwrap();
        assert_eq!(again.organizations(), ["ops", "ops", "development"]);
        assert_eq!(again.common_name(), "a@b");
        assert_eq!(again.values.len(), 4);
    }
}
