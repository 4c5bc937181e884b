//! ASN.1 in its distinguished encoding (ITU-T X.690), as far as requests, certificates and keys need
//! it.
//!
//! Reading follows `Go: encoding/asn1`, and so the API server: lengths are definite and as short as
//! can be. Whether there is more in a sequence than was asked for is for the caller to notice. Object
//! identifiers come and go in their dotted form.

use std::fmt::Write as _;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

const CLASS: u8 = 0xc0;
const CONSTRUCTED: u8 = 0x20;
/// The number in the first byte when the tag's own number does not fit there.
const HIGH: u8 = 0x1f;

/// The first byte of a context-specific tag around other elements.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The first byte of a context-specific tag in place of a primitive one.
pub(crate) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// One element: tag, length and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The first byte: class, form, and the tag's number where it is below 31.
    pub(crate) tag: u8,
    /// The tag's number.
    pub(crate) number: u32,
    /// What stands inside.
    pub(crate) content: &'a [u8],
    /// All of it.
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The one element that `der` consists of.
    pub(crate) fn only(der: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(der);
        reader.next().filter(|_| reader.is_empty())
    }

    /// [`Element::only`], of this tag.
    pub(crate) fn only_of(der: &'a [u8], tag: u8) -> Option<Self> {
        Self::only(der).filter(|element| element.tag == tag)
    }

    /// All elements inside; `None` when what is inside is not made of elements.
    pub(crate) fn elements(&self) -> Option<Vec<Element<'a>>> {
        let mut reader = self.inside();
        let elements = reader.by_ref().collect();
        reader.is_empty().then_some(elements)
    }

    /// [`Element::elements`], when all are of this tag.
    pub(crate) fn elements_of(&self, tag: u8) -> Option<Vec<Element<'a>>> {
        self.elements().filter(|elements| elements.iter().all(|element| element.tag == tag))
    }

    /// The elements inside, one after the other.
    pub(crate) fn inside(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// Whether tag and content are those of a value of ASN.1's own types that holds no others.
    pub(crate) fn is_universal_primitive(&self) -> bool {
        self.tag & (CLASS | CONSTRUCTED) == 0
    }

    /// Whether everything inside, however deep, is made of elements too, and no string of several
    /// parts; deeper than anything here needs counts as no.
    pub(crate) fn is_whole(&self, depth: u8) -> bool {
        let is_constructed = self.tag & CONSTRUCTED != 0;
        let is_collection = matches!(self.tag | CONSTRUCTED, SEQUENCE | SET);
        if self.tag & CLASS == 0 && is_constructed != is_collection {
            return false;
        }
        if !is_constructed {
            return true;
        }
        let all = |elements: Vec<Self>| elements.iter().all(|e| e.is_whole(depth - 1));
        depth > 0 && self.elements().is_some_and(all)
    }
}

/// Takes elements one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    /// Whether nothing is left, well-formed or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element if it has this tag; else it stays.
    pub(crate) fn read(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// The dotted object identifier that comes next.
    pub(crate) fn read_oid(&mut self) -> Option<String> {
        oid(self.read(OID)?.content)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A number below 2^31 in groups of seven bits, each but the last marked.
    fn base128(&mut self) -> Option<u32> {
        let mut number: u32 = 0;
        loop {
            let byte = self.byte()?;
            if (number == 0 && byte == 0x80) || number >= 1 << 24 {
                return None;
            }
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    }

    fn length(&mut self) -> Option<usize> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Some(first.into());
        }
        let mut length: usize = 0;
        for _ in 0..first & 0x7f {
            let byte = self.byte()?;
            if length >= 1 << 23 || (length == 0 && byte == 0) {
                return None;
            }
            length = length << 8 | usize::from(byte);
        }
        // Indefinite lengths have no bytes and come out as 0.
        (length >= 0x80).then_some(length)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Element<'a>;

    /// `None` at the end and where no element can be read; [`Reader::is_empty`] tells which.
    fn next(&mut self) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let tag = ahead.byte()?;
        let number = match tag & HIGH {
            HIGH => ahead.base128().filter(|number| *number >= HIGH.into())?,
            number => number.into(),
        };
        let length = ahead.length()?;
        let (content, rest) = ahead.rest.split_at_checked(length)?;
        let (whole, _) = self.rest.split_at_checked(self.rest.len() - rest.len())?;
        self.rest = rest;
        Some(Element { tag, number, content, whole })
    }
}

/// The bytes of a bit string. Ours are all whole bytes, but keyUsage's, whose spare bits are zero.
pub(crate) fn bits(content: &[u8]) -> Option<&[u8]> {
    let (spare, bytes) = content.split_first()?;
    let last = bytes.last().copied().unwrap_or_default();
    let good = match *spare {
        0 => true,
        1..=7 => !bytes.is_empty() && last & ((1 << *spare) - 1) == 0,
        _ => false,
    };
    good.then_some(bytes)
}

/// Whether this is an integer in its shortest form.
pub(crate) fn is_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0, next, ..] => next & 0x80 != 0,
        [0xff, next, ..] => next & 0x80 == 0,
        _ => true,
    }
}

/// The bytes of an integer that is not negative, without leading zeros; none for 0.
pub(crate) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    let good = is_integer(content) && content.first().is_none_or(|first| first & 0x80 == 0);
    good.then(|| without_zeros(content))
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The dotted form of an object identifier's content.
pub(crate) fn oid(content: &[u8]) -> Option<String> {
    let mut reader = Reader::new(content);
    let first = reader.base128()?;
    let root = (first / 40).min(2);
    let mut dotted = format!("{root}.{}", first - 40 * root);
    while !reader.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(dotted, ".{}", reader.base128()?);
    }
    Some(dotted)
}

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

/// An object identifier from its dotted form, which is one of ours: what is no number counts as 0.
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

#[cfg(test)]
mod tests {
    use der::asn1::{Any, ObjectIdentifier};
    use der::{Decode as _, Encode as _};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_and_tags_are_definite_and_short() {
        for good in [&[4, 0][..], &[0x1f, 31, 0], &[0x1f, 0x81, 0, 1, 9]] {
            assert!(Element::only(good).is_some(), "{good:?}");
        }
        let long = element(OCTET_STRING, &[&[7; 0x80]]);
        assert_eq!(long[..3], [4, 0x81, 0x80]);
        assert_eq!(Element::only(&long).unwrap().content, [7; 0x80]);
        for bad in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0, 0],
            &[0x30, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 0x80],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 30, 0],
            &[0x1f, 0x80, 31, 0],
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
        ] {
            assert_eq!(Element::only(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_element_is_whole_when_all_inside_is() {
        let whole = |der: &[u8]| Element::only(der).unwrap().is_whole(4);
        assert!(whole(&sequence(&[&[4, 1, 0xff], &sequence(&[])])));
        assert!(!whole(&sequence(&[&[4, 2, 0xff]])));
        assert!(!whole(&sequence(&[&sequence(&[&[4]])])));
        assert!(!whole(&[0x2c, 3, 0x0c, 1, b'a']), "a string in parts");
        assert!(!whole(&[0x10, 0]), "a sequence that says it is none");
        let mut deep = vec![4, 0];
        for _ in 0..6 {
            deep = sequence(&[&deep]);
        }
        assert!(!whole(&deep));
    }

    #[test]
    fn bit_strings_and_numbers_have_one_form_each() {
        assert_eq!(bits(&[0, 0xff]), Some(&[0xff][..]));
        assert_eq!(bits(&[5, 0xa0]), Some(&[0xa0][..]));
        for bad in [&[][..], &[1], &[5, 0xa1], &[8, 0]] {
            assert_eq!(bits(bad), None, "{bad:?}");
        }
        for (bytes, content) in [
            (&[][..], &[0][..]),
            (&[0, 0], &[0]),
            (&[0x7f], &[0x7f]),
            (&[0x80], &[0, 0x80]),
            (&[0, 1, 0], &[1, 0]),
        ] {
            let written = unsigned_integer(bytes);
            assert_eq!(written[2..], *content);
            assert_eq!(unsigned(content), Some(without_zeros(bytes)));
        }
        for bad in [&[][..], &[0, 1], &[0x80], &[0xff, 0x80]] {
            assert_eq!(unsigned(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn identifiers_are_written_and_read_as_der_does(arcs in (0..3u32, 0..40u32, prop::collection::vec(any::<u32>().prop_map(|n| n >> 4), 1..6))) {
            let (root, second, rest) = arcs;
            let mut dotted = format!("{root}.{second}");
            for arc in rest {
                dotted += &format!(".{arc}");
            }
            let theirs = ObjectIdentifier::new(&dotted).unwrap();
            let ours = object_identifier(&dotted);
            prop_assert_eq!(&ours, &theirs.to_der().unwrap());
            prop_assert_eq!(oid(theirs.as_bytes()), Some(dotted));
        }

        #[test]
        fn what_der_takes_is_taken_alike(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let ours = Element::only(&bytes);
            if let Ok(theirs) = Any::from_der(&bytes) {
                prop_assert_eq!(ours.map(|element| element.content), Some(theirs.value()));
            }
            // And nothing read runs over the end.
            prop_assert!(ours.is_none_or(|element| element.whole == bytes));
        }
    }
}
