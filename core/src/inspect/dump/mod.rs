//! Everything that a certificate or a request says, in the manner of `openssl x509 -text`.
//!
//! Read by x509-parser, a reader of its own kind, so that the dump shows what stands there and not
//! what the rest of core makes of it. Nothing here is reached by the web page.

mod extension;
mod page;

use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use self::page::{Page, colons, oid};
use super::{Artifact, FoundArtifact};
use crate::text::show;
use crate::time::UnixTime;

/// The dump of a certificate or of a request, also of one that was not understood; `None` for
/// everything else.
pub fn dump(found: &FoundArtifact) -> Option<String> {
    match &found.thing {
        Artifact::Certificate(certificate) => of_certificate(&certificate.der),
        Artifact::Request(request) => of_request(&request.der),
        Artifact::Unreadable { der, .. } => of_certificate(der).or_else(|| of_request(der)),
        _ => None,
    }
}

fn of_certificate(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut page = Page::default();
    page.line(0, "Certificate:");
    page.line(1, format!("Version: {}", u64::from(certificate.version().0) + 1));
    page.labelled(1, "Serial number", certificate.raw_serial());
    page.line(
        1,
        format!("Signature algorithm: {}", algorithm(&certificate.tbs_certificate.signature)),
    );
    name(&mut page, "Issuer", certificate.issuer());
    page.line(1, "Validity:");
    page.line(2, format!("Not before: {}", time(&certificate.validity().not_before)));
    page.line(2, format!("Not after:  {}", time(&certificate.validity().not_after)));
    name(&mut page, "Subject", certificate.subject());
    key(&mut page, certificate.public_key());
    for (label, id) in [
        ("Issuer unique ID", &certificate.issuer_uid),
        ("Subject unique ID", &certificate.subject_uid),
    ] {
        if let Some(id) = id {
            page.labelled(1, label, &id.0.data);
        }
    }
    if !certificate.extensions().is_empty() {
        page.line(1, "Extensions:");
    }
    for extension in certificate.extensions() {
        extension::add(&mut page, 2, extension);
    }
    signature(&mut page, &certificate.signature_algorithm, &certificate.signature_value.data);
    Some(page.text)
}

fn of_request(der: &[u8]) -> Option<String> {
    let (_, request) = X509CertificationRequest::from_der(der).ok()?;
    let info = &request.certification_request_info;
    let mut page = Page::default();
    page.line(0, "Certificate request:");
    page.line(1, format!("Version: {}", u64::from(info.version.0) + 1));
    name(&mut page, "Subject", &info.subject);
    key(&mut page, &info.subject_pki);
    for attribute in info.iter_attributes() {
        match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(request) => {
                page.line(1, "Requested extensions:");
                for extension in &request.extensions {
                    extension::add(&mut page, 2, extension);
                }
            }
            ParsedCriAttribute::ChallengePassword(_) => {
                page.line(1, "Challenge password: (not shown)");
            }
            ParsedCriAttribute::UnsupportedAttribute => {
                page.line(1, format!("Attribute {}:", oid(&attribute.oid)));
                page.hex(2, attribute.value);
            }
        }
    }
    signature(&mut page, &request.signature_algorithm, &request.signature_value.data);
    Some(page.text)
}

fn signature(page: &mut Page, identifier: &AlgorithmIdentifier<'_>, value: &[u8]) {
    page.line(1, format!("Signature: {}", algorithm(identifier)));
    page.hex(2, value);
}

fn algorithm(identifier: &AlgorithmIdentifier<'_>) -> String {
    let named = oid(&identifier.algorithm);
    match &identifier.parameters {
        // Parameters of the RSA signatures are NULL, those of ECDSA absent; PSS has some.
        Some(parameters) if !parameters.data.is_empty() => match parameters.as_oid() {
            Ok(curve) => format!("{named}, {}", oid(&curve)),
            Err(_) => format!("{named}, parameters {}", colons(parameters.data)),
        },
        _ => named,
    }
}

fn time(time: &ASN1Time) -> String {
    UnixTime(time.timestamp()).to_string()
}

/// One line an attribute; those of a multi-valued part are joined by a plus sign.
fn name(page: &mut Page, label: &str, name: &X509Name<'_>) {
    page.line(1, format!("{label}:"));
    for rdn in name.iter_rdn() {
        for (i, attribute) in rdn.iter().enumerate() {
            let plus = if i > 0 { "+ " } else { "" };
            page.line(2, format!("{plus}{}", self::attribute(attribute)));
        }
    }
}

fn attribute(attribute: &x509_parser::x509::AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let kind = match value.tag().0 {
        12 => "UTF8String",
        19 => "PrintableString",
        20 => "T61String",
        22 => "IA5String",
        28 => "UniversalString",
        30 => "BMPString",
        tag => {
            return format!("{} = tag {tag}: {}", oid(attribute.attr_type()), colons(value.data));
        }
    };
    let shown = match attribute.as_str() {
        Ok(text) if matches!(value.tag().0, 12 | 19 | 22) => show(text),
        _ => colons(value.data),
    };
    format!("{} = {kind}: {shown}", oid(attribute.attr_type()))
}

fn key(page: &mut Page, info: &SubjectPublicKeyInfo<'_>) {
    page.line(1, format!("Public key: {}", algorithm(&info.algorithm)));
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            page.line(2, format!("Length: {} bits", bits(rsa.modulus)));
            page.labelled(2, "Modulus", rsa.modulus);
            page.line(
                2,
                match rsa.try_exponent() {
                    Ok(exponent) => format!("Exponent: {exponent}"),
                    Err(_) => format!("Exponent: {}", colons(rsa.exponent)),
                },
            );
        }
        _ => page.hex(2, &info.subject_public_key.data),
    }
}

/// How many bits a number has.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = number.get(zeros..).unwrap_or_default();
    let first = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len() * 8 - first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::read;
    use crate::inspect::testing::PEM;

    #[test]
    fn a_dump_says_what_stands_there() {
        let found = read(PEM.as_bytes()).unwrap();
        let text = dump(&found[0]).unwrap();
        for line in [
            "    Version: 1",
            "        Not before: 2020-01-01T00:00:00Z",
            "        commonName (2.5.4.3) = UTF8String: old",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
