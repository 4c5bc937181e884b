//! X.509 extensions (RFC 5280 section 4.2), as requests ask for them and certificates carry them.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::encoding::der::{self, Element};
use crate::text;
use crate::x509::name::Subject;

pub(crate) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const ALTERNATIVE_NAMES: &str = "2.5.29.17";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const AUTHORITY_KEY_ID: &str = "2.5.29.35";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";

/// Extensions that Go heeds beside those that are read here (`Go: crypto/x509`,
/// `processExtensions`).
pub(crate) const KNOWN_TO_GO: [&str; 5] =
    ["2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"];

/// One extension.
#[derive(Clone, Debug)]
pub(crate) struct Extension<'a> {
    /// Dotted object identifier.
    pub(crate) oid: String,
    /// Whether implementations that do not recognize it must reject the certificate.
    pub(crate) critical: bool,
    /// DER of its value.
    pub(crate) value: &'a [u8],
}

/// Reads a SEQUENCE OF Extension.
pub(crate) fn read_all<'a>(list: &Element<'a>) -> Option<Vec<Extension<'a>>> {
    let read = |extension: Element<'a>| {
        let mut fields = extension.inside();
        let oid = fields.read_oid()?;
        let critical = fields.read(der::BOOLEAN).is_some_and(|b| b.content == [0xff]);
        Some(Extension { oid, critical, value: fields.read(der::OCTET_STRING)?.content })
    };
    list.elements_of(der::SEQUENCE)?.into_iter().map(read).collect()
}

/// DER of one extension.
pub(crate) fn write(oid: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    // What is not critical does not say so, in DER.
    let critical: &[u8] = if critical { &[der::BOOLEAN, 1, 0xff] } else { &[] };
    let value = der::element(der::OCTET_STRING, &[value]);
    der::sequence(&[&der::object_identifier(oid), critical, &value])
}

/// The usual name of an extension, else its dotted number.
pub(crate) fn name(oid: &str) -> String {
    let known = match oid {
        SUBJECT_KEY_ID => "subjectKeyIdentifier",
        KEY_USAGE => "keyUsage",
        ALTERNATIVE_NAMES => "subjectAltName",
        "2.5.29.18" => "issuerAltName",
        BASIC_CONSTRAINTS => "basicConstraints",
        NAME_CONSTRAINTS => "nameConstraints",
        "2.5.29.31" => "cRLDistributionPoints",
        "2.5.29.32" => "certificatePolicies",
        AUTHORITY_KEY_ID => "authorityKeyIdentifier",
        EXTENDED_KEY_USAGE => "extKeyUsage",
        _ => oid,
    };
    known.to_owned()
}

/// GeneralNames (RFC 5280 section 4.2.1.6) as `DNS:example.com`, safe to show.
pub(crate) fn general_names(der: &[u8]) -> Option<Vec<String>> {
    let names = Element::only_of(der, der::SEQUENCE)?.elements()?;
    Some(names.iter().map(general_name).collect())
}

fn general_name(name: &Element<'_>) -> String {
    const OTHER: u8 = der::context(0);
    const EMAIL: u8 = der::context_primitive(1);
    const DNS: u8 = der::context_primitive(2);
    const DIRECTORY: u8 = der::context(4);
    const URI: u8 = der::context_primitive(6);
    const IP: u8 = der::context_primitive(7);
    const REGISTERED: u8 = der::context_primitive(8);
    let ascii = || std::str::from_utf8(name.content).ok().filter(|s| s.is_ascii()).map(text::show);
    let (kind, value) = match name.tag {
        OTHER => ("otherName", name.inside().read_oid()),
        EMAIL => ("email", ascii()),
        DNS => ("DNS", ascii()),
        DIRECTORY => {
            let inner = Element::only_of(name.content, der::SEQUENCE);
            ("dirName", inner.and_then(|name| Subject::read(&name)).map(|name| name.shown()))
        }
        URI => ("URI", ascii()),
        IP => ("IP", address(name.content)),
        REGISTERED => ("registeredID", der::oid(name.content)),
        _ => ("", None),
    };
    value.map_or("(malformed name)".to_owned(), |value| format!("{kind}:{value}"))
}

fn address(bytes: &[u8]) -> Option<String> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Some(Ipv4Addr::from(v4).to_string()),
        (_, Ok(v6)) => Some(Ipv6Addr::from(v6).to_string()),
        _ => None,
    }
}
