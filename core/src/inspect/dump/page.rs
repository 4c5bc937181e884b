//! Lines with an indentation, and how numbers and names stand in them.

use x509_parser::objects::{oid_registry, oid2description, oid2sn};
use x509_parser::oid_registry::Oid;
use x509_parser::x509::X509Name;

use crate::text::show;

/// Lines with an indentation.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
}

impl Page {
    pub(super) fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        self.text.push_str(&" ".repeat(4 * depth));
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    /// Bytes as hexadecimal, sixteen a line.
    pub(super) fn hex(&mut self, depth: usize, bytes: &[u8]) {
        for row in bytes.chunks(16) {
            self.line(depth, colons(row));
        }
    }

    pub(super) fn labelled(&mut self, depth: usize, label: &str, bytes: &[u8]) {
        match bytes.len() {
            0..=16 => self.line(depth, format!("{label}: {}", colons(bytes))),
            _ => {
                self.line(depth, format!("{label}:"));
                self.hex(depth + 1, bytes);
            }
        }
    }
}

/// `0a:1b:2c`.
pub(super) fn colons(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    digits.join(":")
}

/// `commonName`, or the dotted number of what has no name.
pub(super) fn oid(oid: &Oid<'_>) -> String {
    let dotted = oid.to_id_string();
    match oid2sn(oid, oid_registry()) {
        Ok(name) if !name.is_empty() => format!("{name} ({dotted})"),
        _ => dotted,
    }
}

/// `CN=x, O=y`, for names inside of extensions.
pub(super) fn short_name(name: &X509Name<'_>) -> String {
    let part = |a: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        let dotted = a.attr_type().to_id_string();
        let name = x509_parser::objects::oid2abbrev(a.attr_type(), oid_registry());
        let value = a.as_str().map_or_else(|_| colons(a.attr_value().data), show);
        format!("{}={value}", name.unwrap_or(&dotted))
    };
    name.iter_attributes().map(part).collect::<Vec<_>>().join(", ")
}

/// The description of an object identifier, for usages.
pub(super) fn description(identifier: &Oid<'_>) -> String {
    let dotted = identifier.to_id_string();
    match oid2description(identifier, oid_registry()) {
        Ok(text) if !text.is_empty() => format!("{text} ({dotted})"),
        _ => dotted,
    }
}
