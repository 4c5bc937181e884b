//! Extensions (RFC 5280 section 4.2) as `Go: crypto/x509`, `processExtensions` reads them.

use super::{RARE, any, each, uri};
use crate::encoding::der::{self, Element, Reader};
use crate::x509::extension::{
    ALTERNATIVE_NAMES, AUTHORITY_INFORMATION, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS,
    DISTRIBUTION_POINTS, DNS, EMAIL, EXTENDED_KEY_USAGE, INHIBIT_ANY_POLICY, IP, KEY_USAGE,
    NAME_CONSTRAINTS, POLICIES, POLICY_CONSTRAINTS, POLICY_MAPPINGS, SUBJECT_KEY_ID, URI,
};

pub(super) fn extensions(list: Option<&Element<'_>>) -> Result<(), &'static str> {
    let Some(list) = list else { return Ok(()) };
    let mut seen = Vec::new();
    let mut complaint = "its list of extensions is malformed";
    let mut read = |fields: &mut Reader<'_>| {
        let mut extension = fields.read(der::SEQUENCE)?.inside();
        let oid = extension.read_oid()?;
        let critical = boolean(&mut extension)?;
        let value = extension.read(der::OCTET_STRING)?.content;
        let never_critical = [SUBJECT_KEY_ID, AUTHORITY_KEY_ID, AUTHORITY_INFORMATION];
        if seen.contains(&oid) {
            complaint = "an extension appears twice";
            return None;
        }
        if critical && never_critical.contains(&oid.as_str()) {
            complaint = "an extension is marked critical that must not be";
            return None;
        }
        if RARE && value_of(&oid, &mut Reader::new(value)).is_none() {
            complaint = malformed(&oid);
            return None;
        }
        seen.push(oid);
        Some(())
    };
    each(&mut list.inside(), der::SEQUENCE, &mut read).ok_or(complaint)
}

fn malformed(oid: &str) -> &'static str {
    match oid {
        ALTERNATIVE_NAMES => "a host name or address in it is malformed",
        KEY_USAGE => "its keyUsage is malformed",
        EXTENDED_KEY_USAGE => "its extKeyUsage is malformed",
        BASIC_CONSTRAINTS => "its basicConstraints are malformed",
        NAME_CONSTRAINTS => "its nameConstraints are malformed",
        SUBJECT_KEY_ID | AUTHORITY_KEY_ID => "a key identifier in it is malformed",
        AUTHORITY_INFORMATION => "its authorityInfoAccess is malformed",
        DISTRIBUTION_POINTS => "its cRLDistributionPoints are malformed",
        _ => "what it says of certificate policies is malformed",
    }
}

/// A BOOLEAN that may be left out.
fn boolean(fields: &mut Reader<'_>) -> Option<bool> {
    match fields.optional(der::BOOLEAN)?.map(|b| b.content) {
        None | Some([0]) => Some(false),
        Some([0xff]) => Some(true),
        Some(_) => None,
    }
}

/// An integer that may be left out, of 64 bits with its sign.
fn number(fields: &mut Reader<'_>, tag: u8) -> Option<()> {
    let good = |n: Element<'_>| n.content.len() <= 8 && der::is_integer(n.content);
    fields.optional(tag)?.is_none_or(good).then_some(())
}

fn value_of(oid: &str, value: &mut Reader<'_>) -> Option<()> {
    match oid {
        ALTERNATIVE_NAMES => each(value, der::SEQUENCE, &mut |names| {
            let name = any(names)?;
            let good = match name.tag {
                EMAIL | DNS => name.content.is_ascii(),
                URI => uri::is_readable(name.content),
                IP => matches!(name.content.len(), 4 | 16),
                _ => true,
            };
            good.then_some(())
        }),
        KEY_USAGE => super::bits(value).map(drop),
        BASIC_CONSTRAINTS => {
            let mut fields = value.read(der::SEQUENCE)?.inside();
            boolean(&mut fields)?;
            let good = |n: Element<'_>| n.content.len() <= 8 && der::unsigned(n.content).is_some();
            fields.optional(der::INTEGER)?.is_none_or(good).then_some(())
        }
        NAME_CONSTRAINTS => name_constraints(value),
        AUTHORITY_KEY_ID => {
            let mut fields = value.read(der::SEQUENCE)?.inside();
            fields.optional(der::context_primitive(0)).map(drop)
        }
        EXTENDED_KEY_USAGE => each(value, der::SEQUENCE, &mut |usages| usages.read_oid().map(drop)),
        SUBJECT_KEY_ID => value.read(der::OCTET_STRING).map(drop),
        AUTHORITY_INFORMATION => each(value, der::SEQUENCE, &mut |list| {
            let mut fields = list.read(der::SEQUENCE)?.inside();
            fields.read_oid()?;
            fields.optional(URI).map(drop)
        }),
        DISTRIBUTION_POINTS => each(value, der::SEQUENCE, &mut distribution_point),
        POLICIES => {
            let mut seen = Vec::new();
            each(value, der::SEQUENCE, &mut |policies| {
                let policy = policies.read(der::SEQUENCE)?.inside().read(der::OID)?.content;
                let good = is_oid(policy) && !seen.contains(&policy);
                seen.push(policy);
                good.then_some(())
            })
        }
        POLICY_MAPPINGS => each(value, der::SEQUENCE, &mut |mappings| {
            let mut pair = mappings.read(der::SEQUENCE)?.inside();
            pair.read(der::OID)?;
            pair.read(der::OID).map(drop)
        }),
        POLICY_CONSTRAINTS => {
            let mut fields = value.read(der::SEQUENCE)?.inside();
            number(&mut fields, der::context_primitive(0))?;
            number(&mut fields, der::context_primitive(1))
        }
        INHIBIT_ANY_POLICY => {
            let number = value.read(der::INTEGER)?.content;
            (number.len() <= 8 && der::is_integer(number)).then_some(())
        }
        _ => Some(()),
    }
}

/// Whether these are groups of seven bits, none of them longer than it need be.
fn is_oid(content: &[u8]) -> bool {
    let mut starts = true;
    let short = content.iter().all(|byte| {
        let good = !starts || *byte != 0x80;
        starts = byte & 0x80 == 0;
        good
    });
    short && starts && !content.is_empty()
}

fn distribution_point(points: &mut Reader<'_>) -> Option<()> {
    let mut fields = points.read(der::SEQUENCE)?.inside();
    let Some(point) = fields.optional(der::context(0))? else { return Some(()) };
    let mut names = point.inside().read(der::context(0))?.inside();
    // Up to the first that is not a URI.
    while names.optional(URI)?.is_some() {}
    Some(())
}

fn name_constraints(value: &mut Reader<'_>) -> Option<()> {
    let mut fields = value.read(der::SEQUENCE)?.inside();
    let subtrees = [fields.optional(der::context(0))?, fields.optional(der::context(1))?];
    let some = subtrees.iter().flatten().any(|trees| !trees.content.is_empty());
    if !value.is_empty() || !fields.is_empty() || !some {
        return None;
    }
    for trees in subtrees.iter().flatten() {
        let mut trees = trees.inside();
        while !trees.is_empty() {
            let base = any(&mut trees.read(der::SEQUENCE)?.inside())?;
            is_base(base.tag, base.content).then_some(())?;
        }
    }
    Some(())
}

fn is_base(tag: u8, content: &[u8]) -> bool {
    let text = std::str::from_utf8(content).ok().filter(|text| text.is_ascii());
    match tag {
        DNS => text.is_some_and(|text| uri::is_domain(text, true)),
        URI => text.is_some_and(|text| !uri::is_address(text) && uri::is_domain(text, true)),
        EMAIL => text.is_some_and(|text| match text.contains('@') {
            true => uri::is_mailbox(content),
            false => uri::is_domain(text, true),
        }),
        IP => {
            let (_, mask) = content.split_at(content.len() / 2);
            // Ones first, then zeros only.
            let ones = |byte: &u8| byte.leading_ones() + byte.trailing_zeros().min(8) >= 8;
            let ends = mask.iter().position(|byte| *byte != 0xff).unwrap_or(mask.len());
            matches!(content.len(), 8 | 32)
                && mask.iter().all(ones)
                && mask.iter().skip(ends + 1).all(|byte| *byte == 0)
        }
        _ => true,
    }
}
