//! Whether Go's programs, and so the API server, can read a certificate at all.
//!
//! Follows `Go: crypto/x509`, `parseCertificate`, and the reader that it is written with
//! (golang.org/x/crypto/cryptobyte): strict where that is, and passing over what follows the last field
//! that it looks at. Held against Go itself by `kubectl-usercert/tests/vectors`.

mod extensions;
mod key;
mod uri;

use crate::encoding::der::{self, Element, Reader};

/// The page does without what is seldom wrong: keys, and what is in extensions.
pub(super) const RARE: bool = cfg!(feature = "rare-forms");

/// Why Go does not read it, if it does not.
pub(super) fn objection(der: &[u8]) -> Option<&'static str> {
    certificate(der).err()
}

fn certificate(der: &[u8]) -> Result<(), &'static str> {
    let structure = "it does not have a certificate's structure";
    let mut outer = Element::only_of(der, der::SEQUENCE).ok_or(structure)?.inside();
    let mut fields = outer.read(der::SEQUENCE).ok_or(structure)?.inside();
    let version = match fields.optional(der::context(0)).ok_or(structure)? {
        None => 1,
        Some(version) => match Element::only_of(version.content, der::INTEGER).map(|v| v.content) {
            Some([counted @ 0..=2]) => counted + 1,
            _ => return Err("unknown X.509 version"),
        },
    };
    let serial = fields.read(der::INTEGER).filter(|serial| der::is_integer(serial.content));
    let serial = serial.ok_or("its serial number is malformed")?;
    der::unsigned(serial.content).ok_or("its serial number is negative")?;
    let algorithm = fields.read(der::SEQUENCE).ok_or(structure)?;
    let outer_algorithm = outer.read(der::SEQUENCE).ok_or(structure)?;
    if algorithm.content != outer_algorithm.content {
        return Err("its two fields for the signature's algorithm differ");
    }
    parameters(&algorithm).ok_or("its signature's algorithm is malformed")?;
    name(&mut fields).ok_or("its issuer's name is malformed")?;
    let mut validity = fields.read(der::SEQUENCE).ok_or(structure)?.inside();
    for _ in 0..2 {
        validity
            .next()
            .and_then(|time| der::read_time(&time))
            .ok_or("its validity is malformed")?;
    }
    name(&mut fields).ok_or("its subject's name is malformed")?;
    match RARE {
        true => key::key(&mut fields)?,
        false => drop(fields.read(der::SEQUENCE)),
    }
    if version > 1 {
        fields.optional(der::context_primitive(1)).ok_or(structure)?;
        fields.optional(der::context_primitive(2)).ok_or(structure)?;
    }
    if version == 3 {
        let list = fields.optional(der::context(3)).ok_or(structure)?;
        extensions::extensions(list.as_ref())?;
    }
    bits(&mut outer).ok_or("its signature is malformed")?;
    Ok(())
}

/// An AlgorithmIdentifier: its object identifier, and its parameters if it has any.
fn parameters<'a>(identifier: &Element<'a>) -> Option<(String, Option<Element<'a>>)> {
    let mut fields = identifier.inside();
    let oid = fields.read_oid()?;
    if fields.is_empty() {
        return Some((oid, None));
    }
    Some((oid, Some(any(&mut fields)?)))
}

/// The next element, whatever it is; of the numbers of tags only those that fit into one byte.
fn any<'a>(fields: &mut Reader<'a>) -> Option<Element<'a>> {
    fields.next().filter(|element| element.number < 31)
}

fn bits(fields: &mut Reader<'_>) -> Option<Vec<u8>> {
    der::aligned_bits(fields.read(der::BIT_STRING)?.content)
}

/// All that stands in the list that comes next, one by one; what follows the list does not matter.
fn each<'a>(
    fields: &mut Reader<'a>,
    tag: u8,
    take: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>,
) -> Option<()> {
    let mut list = fields.read(tag)?.inside();
    while !list.is_empty() {
        take(&mut list)?;
    }
    Some(())
}

fn name(fields: &mut Reader<'_>) -> Option<()> {
    each(fields, der::SEQUENCE, &mut |sets| {
        each(sets, der::SET, &mut |attributes| {
            let mut attribute = attributes.read(der::SEQUENCE)?.inside();
            attribute.read_oid()?;
            let value = any(&mut attribute)?;
            is_string(value.tag, value.content).then_some(())
        })
    })
}

/// Whether it is a string of a type that Go knows, with nothing in it that the type has not.
fn is_string(tag: u8, bytes: &[u8]) -> bool {
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(b);
    match tag {
        12 => std::str::from_utf8(bytes).is_ok(),
        18 => bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b' ')),
        19 => bytes.iter().all(printable),
        20 => true,
        22 => bytes.is_ascii(),
        30 => {
            let reserved = |pair: &[u8]| {
                let unit = pair.iter().fold(0, |unit, byte| unit << 8 | u32::from(*byte));
                matches!(unit, 0xd800..=0xdfff | 0xfdd0..=0xfdef | 0xfffe..)
            };
            bytes.len().is_multiple_of(2) && !bytes.chunks(2).any(reserved)
        }
        _ => false,
    }
}
