//! Elements, and reading one after the other.

use std::fmt::Write as _;

use super::tag::{OID, SEQUENCE, SET};

const CLASS: u8 = 0xc0;
const CONSTRUCTED: u8 = 0x20;
/// The number in the first byte when the tag's own number does not fit there.
const HIGH: u8 = 0x1f;

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

    /// The next element if it has this tag, and `Some(None)` if it has another or there is none; `None`
    /// where it has the tag and cannot be read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<Element<'a>>> {
        match self.rest.first() {
            Some(first) if *first == tag => self.read(tag).map(Some),
            _ => Some(None),
        }
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
