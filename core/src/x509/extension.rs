//! X.509 extensions (RFC 5280 section 4.2), as requests ask for them and certificates carry them.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::encoding::der::{self, Element, Reader};
use crate::text;
use crate::x509::name::Subject;

pub(crate) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const ALTERNATIVE_NAMES: &str = "2.5.29.17";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const AUTHORITY_KEY_ID: &str = "2.5.29.35";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(crate) const POLICIES: &str = "2.5.29.32";
pub(crate) const POLICY_MAPPINGS: &str = "2.5.29.33";
pub(crate) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub(crate) const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
pub(crate) const AUTHORITY_INFORMATION: &str = "1.3.6.1.5.5.7.1.1";

/// Extensions that Go heeds beside those that are read here (`Go: crypto/x509`,
/// `processExtensions`).
pub(crate) const KNOWN_TO_GO: [&str; 2] = [DISTRIBUTION_POINTS, AUTHORITY_INFORMATION];

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
    // DER omits the default `critical = false`.
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
        DISTRIBUTION_POINTS => "cRLDistributionPoints",
        POLICIES => "certificatePolicies",
        AUTHORITY_KEY_ID => "authorityKeyIdentifier",
        EXTENDED_KEY_USAGE => "extKeyUsage",
        AUTHORITY_INFORMATION => "authorityInfoAccess",
        POLICY_MAPPINGS => "policyMappings",
        POLICY_CONSTRAINTS => "policyConstraints",
        INHIBIT_ANY_POLICY => "inhibitAnyPolicy",
        _ => oid,
    };
    known.to_owned()
}

/// GeneralNames (RFC 5280 section 4.2.1.6) as `DNS:example.com`, safe to show.
pub(crate) fn general_names(der: &[u8]) -> Option<Vec<String>> {
    let names = Reader::new(der).read(der::SEQUENCE)?.elements()?;
    Some(names.iter().map(general_name).collect())
}

pub(crate) const EMAIL: u8 = der::context_primitive(1);
pub(crate) const DNS: u8 = der::context_primitive(2);
pub(crate) const URI: u8 = der::context_primitive(6);
pub(crate) const IP: u8 = der::context_primitive(7);

fn is_known(name: &Element<'_>) -> bool {
    matches!(name.tag, EMAIL | DNS | URI | IP)
}

/// Whether a name is among them of a kind that Go heeds.
pub(crate) fn has_known_names(names: &Element<'_>) -> Option<bool> {
    Some(names.elements()?.iter().any(is_known))
}

/// Whether all subtrees of NameConstraints (RFC 5280 section 4.2.1.10) are of kinds that Go heeds.
pub(crate) fn constrains_known_names(der: &[u8]) -> Option<bool> {
    let lists = Element::only_of(der, der::SEQUENCE)?.elements()?;
    let trees = lists.iter().map(Element::elements).collect::<Option<Vec<_>>>()?;
    let is_known = |tree: &Element<'_>| tree.inside().next().is_some_and(|base| is_known(&base));
    Some(trees.iter().flatten().all(is_known))
}

fn general_name(name: &Element<'_>) -> String {
    const OTHER: u8 = der::context(0);
    const DIRECTORY: u8 = der::context(4);
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
        _ => ("name", Some(format!("of kind {}", name.number))),
    };
    match value {
        Some(value) => format!("{kind}:{value}"),
        None if is_known(name) => "(malformed name)".to_owned(),
        None => format!("{kind}:(not readable)"),
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Some(Ipv4Addr::from(v4).to_string()),
        (_, Ok(v6)) => Some(Ipv6Addr::from(v6).to_string()),
        _ => None,
    }
}
