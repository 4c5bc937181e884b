//! A distinguished name as Go reads it, which decides who a Kubernetes certificate names.
//!
//! Sources: `Go: encoding/asn1` and `Go: crypto/x509/pkix` (which string types count, the last common
//! name wins), `pkg/controller/certificates/authority/authority.go` (the subject is rebuilt, so
//! attributes that Go's `pkix.Name` has no field for vanish).

use crate::text::sorted::BTreeSet;

use crate::encoding::der::{self, Element};
use crate::text;

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";

/// Common attribute types with their short names, and whether the built-in signers keep them.
const ATTRIBUTES: [(&str, &str, bool); 16] = [
    (CN, "CN", true),
    ("2.5.4.5", "serialNumber", true),
    ("2.5.4.6", "C", true),
    ("2.5.4.7", "L", true),
    ("2.5.4.8", "ST", true),
    ("2.5.4.9", "street", true),
    (O, "O", true),
    ("2.5.4.11", "OU", true),
    ("2.5.4.17", "postalCode", true),
    ("0.9.2342.19200300.100.1.1", "UID", false),
    ("0.9.2342.19200300.100.1.25", "DC", false),
    ("1.2.840.113549.1.9.1", "emailAddress", false),
    ("1.3.6.1.4.1.57683.2", "kubernetes-uid", false),
    ("2.5.4.4", "SN", false),
    ("2.5.4.12", "title", false),
    ("2.5.4.42", "GN", false),
];

/// DER of a Name: the common name, then one organization per group, all UTF8String: a
/// PrintableString with `@` or `_` does not parse in Go.
pub(crate) fn encode<'a>(user: &str, groups: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut parts = part(CN, user);
    groups.into_iter().for_each(|group| parts.extend(part(O, group)));
    der::sequence(&[&parts])
}

fn part(oid: &str, value: &str) -> Vec<u8> {
    let value = der::element(der::UTF8_STRING, &[value.as_bytes()]);
    let attribute = der::sequence(&[&der::object_identifier(oid), &value]);
    der::element(der::SET, &[&attribute])
}

/// ASN.1 string types by their universal tag number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringType {
    /// UTF8String, PrintableString or IA5String: read alike by everyone.
    Plain,
    /// A type that Go decodes but that others may read differently (T61String, BMPString, …).
    Odd(u32),
    /// A type that Go leaves undecoded, so that the value vanishes (UniversalString, INTEGER, …).
    Ignored(u32),
    /// Characters that the type does not have, as `@` in a PrintableString: Go refuses to read the
    /// whole (`Go: encoding/asn1`, `Go: crypto/x509`).
    Malformed(u32),
}

/// One attribute of a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Dotted object identifier.
    pub oid: String,
    /// How the value is encoded.
    pub string_type: StringType,
    /// The value as Go decodes it; `None` where it vanishes.
    pub value: Option<String>,
}

impl Attribute {
    /// The usual short name, else the dotted number.
    pub fn name(&self) -> &str {
        let known = ATTRIBUTES.iter().find(|(oid, ..)| *oid == self.oid);
        known.map_or(self.oid.as_str(), |(_, name, _)| name)
    }
}

/// A distinguished name: its attributes in encoded order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// All attributes, those of multi-valued parts one after the other.
    pub attributes: Vec<Attribute>,
}

impl Subject {
    /// Reads a Name (RFC 5280 section 4.1.2.4).
    pub(crate) fn read(name: &Element<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for part in name.elements_of(der::SET)? {
            for attribute in part.elements_of(der::SEQUENCE)? {
                let mut fields = attribute.inside();
                let (oid, value) = (fields.read_oid()?, fields.next()?);
                let (string_type, value) = decode(&value);
                attributes.push(Attribute { oid, string_type, value });
            }
        }
        Some(Self { attributes })
    }

    /// All common names in encoded order.
    pub fn common_names(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|a| a.oid == CN)
    }

    /// All organizations in encoded order.
    pub(crate) fn organizations(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|a| a.oid == O)
    }

    /// The user name that the API server would take: the last common name that Go can decode; empty
    /// if there is none.
    pub fn user(&self) -> &str {
        self.common_names().filter_map(|a| a.value.as_deref()).last().unwrap_or_default()
    }

    /// The groups that the API server would take.
    pub fn groups(&self) -> BTreeSet<String> {
        // Not collected: that would sort first, and another way of sorting costs the page 1 KB.
        let mut groups = BTreeSet::new();
        groups.extend(self.organizations().filter_map(|a| a.value.clone()));
        groups
    }

    /// Whether Go reads it at all.
    pub(crate) fn is_readable(&self) -> bool {
        !self.attributes.iter().any(|a| matches!(a.string_type, StringType::Malformed(_)))
    }

    /// Attributes other than those that the API server reads user and groups from.
    pub fn others(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|a| a.oid != CN && a.oid != O)
    }

    /// Attributes that the built-in signers leave out of the certificate.
    pub fn dropped(&self) -> impl Iterator<Item = &Attribute> {
        let is_kept =
            |a: &Attribute| ATTRIBUTES.iter().any(|(oid, _, kept)| *kept && *oid == a.oid);
        self.attributes.iter().filter(move |a| !is_kept(a))
    }

    /// `CN=alice, O=dev, O=ops`, safe to show.
    pub fn shown(&self) -> String {
        let parts: Vec<String> = self
            .attributes
            .iter()
            .map(|a| match &a.value {
                Some(value) => format!("{}={}", a.name(), text::show(value)),
                None => format!("{}=(not readable)", a.name()),
            })
            .collect();
        parts.join(", ")
    }
}

fn decode(value: &Element<'_>) -> (StringType, Option<String>) {
    let (number, data) = (value.number, value.content);
    if !value.is_universal_primitive() {
        return (StringType::Ignored(number), None);
    }
    let utf8 = || std::str::from_utf8(data).ok().map(str::to_owned);
    // Go lets the last two pass, which others write.
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(b);
    match number {
        12 if utf8().is_none() => (StringType::Malformed(number), None),
        19 if !data.iter().all(printable) => (StringType::Malformed(number), utf8()),
        22 if !data.is_ascii() => (StringType::Malformed(number), utf8()),
        12 | 19 | 22 => (StringType::Plain, utf8()),
        18 if data.is_ascii() => (StringType::Odd(number), utf8()),
        // T61String: Go reads it as Latin-1.
        20 => (StringType::Odd(number), Some(data.iter().map(|b| char::from(*b)).collect())),
        30 => {
            let units: Vec<u16> =
                data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            (StringType::Odd(number), Some(String::from_utf16_lossy(&units)))
        }
        _ => (StringType::Ignored(number), None),
    }
}
