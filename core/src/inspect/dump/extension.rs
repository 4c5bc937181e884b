//! Extensions, decoded where they are known, else as bytes.

use core::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::extensions::{
    AccessDescription, AuthorityKeyIdentifier, DistributionPointName, ExtendedKeyUsage,
    GeneralName, NameConstraints, ParsedExtension, X509Extension,
};

use super::page::{Page, colons, description, oid, short_name};
use crate::text::show;
use crate::time::UnixTime;
use crate::x509::certificate::KEY_USAGES;

pub(super) fn add(page: &mut Page, depth: usize, extension: &X509Extension<'_>) {
    let critical = if extension.critical { " critical" } else { "" };
    page.line(depth, format!("{}:{critical}", oid(&extension.oid)));
    let depth = depth + 1;
    match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => authority_key_identifier(page, depth, id),
        ParsedExtension::SubjectKeyIdentifier(id) => page.line(depth, colons(id.0)),
        ParsedExtension::KeyUsage(usage) => {
            let set = (0..).zip(KEY_USAGES).filter(|(bit, _)| usage.flags >> bit & 1 == 1);
            let set = set.map(|(_, name)| name);
            page.line(depth, set.collect::<Vec<_>>().join(", "));
        }
        ParsedExtension::ExtendedKeyUsage(usage) => extended_key_usage(page, depth, usage),
        ParsedExtension::BasicConstraints(constraints) => {
            let length = constraints.path_len_constraint;
            let length = length.map_or(String::new(), |n| format!(", path length {n}"));
            page.line(depth, format!("CA: {}{length}", constraints.ca));
        }
        ParsedExtension::SubjectAlternativeName(names) => {
            general_names(page, depth, &names.general_names);
        }
        ParsedExtension::IssuerAlternativeName(names) => {
            general_names(page, depth, &names.general_names);
        }
        ParsedExtension::NameConstraints(constraints) => {
            name_constraints(page, depth, constraints);
        }
        ParsedExtension::CertificatePolicies(policies) => {
            for policy in policies.iter() {
                page.line(depth, oid(&policy.policy_id));
                for qualifier in policy.policy_qualifiers.iter().flatten() {
                    let name = oid(&qualifier.policy_qualifier_id);
                    page.labelled(depth + 1, &name, qualifier.qualifier);
                }
            }
        }
        ParsedExtension::PolicyMappings(mappings) => {
            for mapping in &mappings.mappings {
                let (from, to) = (&mapping.issuer_domain_policy, &mapping.subject_domain_policy);
                page.line(depth, format!("{} is {}", oid(from), oid(to)));
            }
        }
        ParsedExtension::PolicyConstraints(constraints) => {
            if let Some(n) = constraints.require_explicit_policy {
                page.line(depth, format!("require explicit policy: {n}"));
            }
            if let Some(n) = constraints.inhibit_policy_mapping {
                page.line(depth, format!("inhibit policy mapping: {n}"));
            }
        }
        ParsedExtension::InhibitAnyPolicy(policy) => {
            page.line(depth, format!("skip certificates: {}", policy.skip_certs));
        }
        ParsedExtension::CRLDistributionPoints(points) => {
            for point in points.iter() {
                match &point.distribution_point {
                    Some(DistributionPointName::FullName(names)) => {
                        general_names(page, depth, names);
                    }
                    Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => {
                        page.line(depth, "a name relative to the issuer of the list");
                    }
                    None => page.line(depth, "(no name)"),
                }
            }
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            access_descriptions(page, depth, &access.accessdescs);
        }
        ParsedExtension::SubjectInfoAccess(access) => {
            access_descriptions(page, depth, &access.accessdescs);
        }
        ParsedExtension::NsCertComment(comment) => page.line(depth, show(comment)),
        ParsedExtension::SCT(timestamps) => {
            for timestamp in timestamps {
                let seconds = i64::try_from(timestamp.timestamp / 1000).unwrap_or(i64::MAX);
                page.line(depth, format!("log {}", colons(timestamp.id.key_id)));
                page.line(depth + 1, format!("at {}", UnixTime(seconds)));
            }
        }
        ParsedExtension::ParseError { .. } => {
            page.line(depth, "(malformed)");
            page.hex(depth, extension.value);
        }
        _ => page.hex(depth, extension.value),
    }
}

fn authority_key_identifier(page: &mut Page, depth: usize, id: &AuthorityKeyIdentifier<'_>) {
    if let Some(key) = &id.key_identifier {
        page.line(depth, format!("key identifier {}", colons(key.0)));
    }
    if let Some(names) = &id.authority_cert_issuer {
        page.line(depth, "issuer:");
        general_names(page, depth + 1, names);
    }
    if let Some(serial) = id.authority_cert_serial {
        page.line(depth, format!("serial number {}", colons(serial)));
    }
}

fn extended_key_usage(page: &mut Page, depth: usize, usage: &ExtendedKeyUsage<'_>) {
    let named = [
        (usage.any, "any"),
        (usage.client_auth, "client auth"),
        (usage.server_auth, "server auth"),
        (usage.code_signing, "code signing"),
        (usage.email_protection, "email protection"),
        (usage.time_stamping, "timestamping"),
        (usage.ocsp_signing, "ocsp signing"),
    ];
    let set = named.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned());
    let other = usage.other.iter().map(description);
    page.line(depth, set.chain(other).collect::<Vec<_>>().join(", "));
}

fn name_constraints(page: &mut Page, depth: usize, constraints: &NameConstraints<'_>) {
    for (label, trees) in [
        ("permitted", &constraints.permitted_subtrees),
        ("excluded", &constraints.excluded_subtrees),
    ] {
        for tree in trees.iter().flatten() {
            page.line(depth, format!("{label} {}", constrained(&tree.base)));
        }
    }
}

/// In constraints an address is followed by its mask.
fn constrained(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::IPAddress(bytes) if bytes.len() == 8 || bytes.len() == 32 => {
            let (address, mask) = bytes.split_at(bytes.len() / 2);
            format!("IP:{}/{}", ip(address), ip(mask))
        }
        name => general_name(name),
    }
}

fn access_descriptions(page: &mut Page, depth: usize, descriptions: &[AccessDescription<'_>]) {
    for description in descriptions {
        let location = general_name(&description.access_location);
        page.line(depth, format!("{}: {location}", oid(&description.access_method)));
    }
}

fn general_names(page: &mut Page, depth: usize, names: &[GeneralName<'_>]) {
    for name in names {
        page.line(depth, general_name(name));
    }
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{}", show(name)),
        GeneralName::RFC822Name(name) => format!("email:{}", show(name)),
        GeneralName::URI(name) => format!("URI:{}", show(name)),
        GeneralName::IPAddress(bytes) => format!("IP:{}", ip(bytes)),
        GeneralName::DirectoryName(name) => format!("dirName:{}", short_name(name)),
        GeneralName::RegisteredID(id) => format!("registeredID:{}", oid(id)),
        GeneralName::OtherName(id, value) => format!("otherName:{}:{}", oid(id), colons(value)),
        GeneralName::X400Address(any) => format!("x400Address:{}", colons(any.data)),
        GeneralName::EDIPartyName(any) => format!("ediPartyName:{}", colons(any.data)),
        GeneralName::Invalid(tag, value) => format!("malformed, tag {}: {}", tag.0, colons(value)),
    }
}

fn ip(bytes: &[u8]) -> String {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
        (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
        _ => format!("malformed {}", colons(bytes)),
    }
}
