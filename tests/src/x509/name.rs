//! Distinguished names through Go's eyes: which values it can read (`encoding/asn1`), which it keeps
//! (`crypto/x509/pkix`), and how it writes them back.

use super::der::{self, Element, Error, Reader};

const COUNTRY: &[u8] = &[0x55, 4, 6];
const PROVINCE: &[u8] = &[0x55, 4, 8];
const LOCALITY: &[u8] = &[0x55, 4, 7];
const STREET: &[u8] = &[0x55, 4, 9];
const POSTAL_CODE: &[u8] = &[0x55, 4, 17];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const UNIT: &[u8] = &[0x55, 4, 11];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];
/// 1.3.6.1.4.1.57683.2, the user's UID (`k8s.io/apiserver/pkg/authentication/request/x509`).
const KUBERNETES_UID: &[u8] = &[0x2b, 6, 1, 4, 1, 0x83, 0xc2, 0x53, 2];

/// The attributes in the order in which Go writes them; each is one, possibly multi-valued, RDN.
const WRITTEN: [&[u8]; 9] = [
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
    values: Vec<(Vec<u8>, String)>,
    /// UID attributes that are no strings; they spoil authentication.
    odd_uids: usize,
}

impl Name {
    /// A user and its groups.
    pub(crate) fn of(user: &str, groups: &[String]) -> Self {
        let groups = groups.iter().map(|group| (ORGANIZATION.to_vec(), group.clone()));
        let user = (COMMON_NAME.to_vec(), user.to_owned());
        Self { values: groups.chain([user]).collect(), odd_uids: 0 }
    }

    /// Reads a Name. Values of types that Go does not know count as absent.
    pub(crate) fn read(name: Element<'_>) -> Result<Self, Error> {
        let mut values = Vec::new();
        let mut odd_uids = 0;
        let mut rdns = name.inside();
        while !rdns.is_empty() {
            let mut set = rdns.expect(der::SET)?.inside();
            while !set.is_empty() {
                let mut attribute = set.expect(der::SEQUENCE)?.inside();
                let oid = attribute.expect(der::OID)?.content;
                match string(attribute.next()?)? {
                    Some(value) => values.push((oid.to_vec(), value)),
                    None if oid == KUBERNETES_UID => odd_uids += 1,
                    None => {}
                }
            }
        }
        Ok(Self { values, odd_uids })
    }

    fn all(&self, oid: &[u8]) -> impl Iterator<Item = &str> {
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

    fn kept(&self, oid: &[u8]) -> Vec<&str> {
        let single = oid == COMMON_NAME || oid == SERIAL_NUMBER;
        if single {
            self.all(oid).last().filter(|value| !value.is_empty()).into_iter().collect()
        } else {
            self.all(oid).collect()
        }
    }

    /// The subject that a Go signer issues: known attributes only, grouped by type.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut rdns = Vec::new();
        for oid in WRITTEN {
            let values = self.kept(oid);
            if !values.is_empty() {
                let attributes = values.into_iter().map(|value| {
                    der::sequence(&[&der::element(der::OID, oid), &write_string(value)])
                });
                rdns.extend(der::set_of(attributes.collect()));
            }
        }
        der::element(der::SEQUENCE, &rdns)
    }
}

/// The string that Go makes of a value; `None` for types that it reads as something else or not at all.
fn string(value: Element<'_>) -> Result<Option<String>, Error> {
    let bytes = value.content;
    let refuse = |what: &str| Err(format!("asn1: syntax error: {what}"));
    Ok(Some(match value.tag {
        der::PRINTABLE_STRING => {
            if !bytes.iter().all(|byte| is_printable(*byte) || b"*&".contains(byte)) {
                return refuse("PrintableString contains invalid character");
            }
            String::from_utf8_lossy(bytes).into()
        }
        der::NUMERIC_STRING => {
            if !bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') {
                return refuse("NumericString contains invalid character");
            }
            String::from_utf8_lossy(bytes).into()
        }
        der::IA5_STRING => {
            if !bytes.is_ascii() {
                return refuse("IA5String contains invalid character");
            }
            String::from_utf8_lossy(bytes).into()
        }
        der::UTF8_STRING => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return Err("asn1: invalid UTF-8 string".into()),
        },
        der::T61_STRING => bytes.iter().map(|byte| char::from(*byte)).collect(),
        der::BMP_STRING => {
            let text = bmp(bytes);
            text.ok_or("invalid BMPString")?
        }
        _ => return Ok(None),
    }))
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

fn write_string(value: &str) -> Vec<u8> {
    let printable = value.bytes().all(is_printable);
    let tag = if printable { der::PRINTABLE_STRING } else { der::UTF8_STRING };
    der::element(tag, value.as_bytes())
}

/// The characters of a PrintableString (X.680, 41.4).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// The subject of a certificate.
pub(crate) fn subject_of(certificate: &[u8]) -> Result<Name, Error> {
    let mut tbs =
        Reader::new(certificate).expect(der::SEQUENCE)?.inside().expect(der::SEQUENCE)?.inside();
    tbs.optional(der::context(0))?; // version
    tbs.expect(der::INTEGER)?; // serial number
    for _ in ["signature", "issuer", "validity"] {
        tbs.expect(der::SEQUENCE)?;
    }
    Name::read(tbs.expect(der::SEQUENCE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let attribute = der::sequence(&[&der::element(der::OID, oid), &der::element(tag, value)]);
        der::element(der::SET, &attribute)
    }

    fn read(rdns: &[Vec<u8>]) -> Result<Name, Error> {
        let name = der::element(der::SEQUENCE, &rdns.concat());
        Name::read(Reader::new(&name).next()?)
    }

    #[test]
    fn the_last_cn_that_go_can_read_wins() {
        const UNIVERSAL_STRING: u8 = 0x1c;
        let name = read(&[
            attribute(COMMON_NAME, der::UTF8_STRING, b"admin"),
            attribute(COMMON_NAME, UNIVERSAL_STRING, b"\0\0\0a"),
            attribute(COMMON_NAME, der::INTEGER, &[1]),
            attribute(COMMON_NAME, der::OCTET_STRING, b"alice"),
        ]);
        assert_eq!(name.unwrap().common_name(), "admin");
        for (tag, bytes) in [(der::BMP_STRING, &b"\0J\0\xfc"[..]), (der::T61_STRING, b"J\xfc")] {
            let name = read(&[
                attribute(COMMON_NAME, der::UTF8_STRING, b"admin"),
                attribute(COMMON_NAME, tag, bytes),
            ]);
            assert_eq!(name.unwrap().common_name(), "Jü");
        }
        let name = read(&[
            attribute(COMMON_NAME, der::UTF8_STRING, b"admin"),
            attribute(COMMON_NAME, der::UTF8_STRING, b""),
        ]);
        assert_eq!(name.unwrap().common_name(), "");
    }

    #[test]
    fn a_printable_string_with_other_characters_is_an_error() {
        let name = read(&[attribute(COMMON_NAME, der::PRINTABLE_STRING, b"a@b")]);
        assert!(name.unwrap_err().contains("PrintableString contains invalid character"));
    }

    #[test]
    fn a_uid_is_one_non_empty_string() {
        let uid = |value: &[u8], tag| attribute(KUBERNETES_UID, tag, value);
        let one = uid(b"u-1", der::UTF8_STRING);
        assert_eq!(read(std::slice::from_ref(&one)).unwrap().uid().unwrap(), "u-1");
        assert_eq!(read(&[]).unwrap().uid().unwrap(), "");
        let wrong = [
            vec![one.clone(), one],
            vec![uid(b"", der::UTF8_STRING)],
            vec![uid(&[1], der::INTEGER)],
        ];
        for rdns in wrong {
            assert!(read(&rdns).unwrap().uid().is_err());
        }
    }

    #[test]
    fn groups_become_one_sorted_rdn_and_unknown_attributes_vanish() {
        let name = read(&[
            attribute(ORGANIZATION, der::UTF8_STRING, b"development"),
            attribute(ORGANIZATION, der::UTF8_STRING, b"ops"),
            attribute(&[0x55, 4, 12], der::UTF8_STRING, b"title"),
            attribute(COMMON_NAME, der::UTF8_STRING, b"a@b"),
        ])
        .unwrap();
        let written = name.write();
        let again = Name::read(Reader::new(&written).next().unwrap()).unwrap();
        assert_eq!(again.organizations(), ["ops", "development"]);
        assert_eq!(again.common_name(), "a@b");
        assert_eq!(again.values.len(), 3);
        let mut rdns = Reader::new(&written).next().unwrap().inside();
        let mut count = 0;
        while !rdns.is_empty() {
            rdns.next().unwrap();
            count += 1;
        }
        assert_eq!(count, 2);
    }
}
