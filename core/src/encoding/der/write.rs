//! Writing elements.

use super::tag::{BIT_STRING, INTEGER, OID, SEQUENCE};
use super::value::without_zeros;

/// An element of this tag around the parts, one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let size = length.to_be_bytes();
    let size = without_zeros(&size);
    // Enough from the start: what held a key would not be wiped when the bytes move.
    let mut out = Vec::with_capacity(length + size.len() + 2);
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        out.push(0x80 | size.len() as u8);
        out.extend_from_slice(size);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A sequence of the parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// An integer from the bytes of a number that is not negative.
pub(crate) fn unsigned_integer(bytes: &[u8]) -> Vec<u8> {
    let bytes = without_zeros(bytes);
    // A leading bit would make it negative, and no byte at all would be no number.
    let sign = bytes.first().is_none_or(|first| first & 0x80 != 0);
    element(INTEGER, &[if sign { &[0] } else { &[] }, bytes])
}

/// An object identifier from its dotted form, which is one of ours: what is not a number counts as 0.
pub(crate) fn object_identifier(dotted: &str) -> Vec<u8> {
    let mut arcs = dotted.split('.').map(|arc| arc.parse().unwrap_or_default());
    let mut arc = || arcs.next();
    let root: u32 = arc().unwrap_or_default();
    let mut content = Vec::new();
    let mut next = arc().map(|second| 40 * root + second);
    while let Some(arc) = next {
        let groups = (0..5).rev().map(|group| (arc >> (7 * group)) as u8 & 0x7f);
        let mut groups = groups.skip_while(|group| *group == 0).peekable();
        if groups.peek().is_none() {
            content.push(0);
        }
        while let Some(group) = groups.next() {
            content.push(if groups.peek().is_some() { group | 0x80 } else { group });
        }
        next = arcs.next();
    }
    element(OID, &[&content])
}
