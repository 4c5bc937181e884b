//! Just enough DER (X.690): a reader as strict as Go's `encoding/asn1`, and a writer.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const NUMERIC_STRING: u8 = 0x12;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const T61_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// A context-specific, constructed tag.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its tag, its content, and both with the header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements inside.
    pub(crate) fn inside(self) -> Reader<'a> {
        Reader { rest: self.content }
    }

    /// The octets of a BIT STRING whose length is a multiple of eight.
    pub(crate) fn octets(self) -> Result<&'a [u8], Error> {
        match self.content {
            [0, octets @ ..] => Ok(octets),
            _ => Err("asn1: syntax error: invalid padding bits in BIT STRING".into()),
        }
    }
}

/// What does not parse, in Go's words where that matters.
pub(crate) type Error = String;

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, Error> {
        let truncated = || Error::from("asn1: syntax error: data truncated");
        if self.rest.is_empty() {
            return Err("asn1: syntax error: sequence truncated".into());
        }
        let [tag, first, after @ ..] = self.rest else { return Err(truncated()) };
        if tag & 0x1f == 0x1f {
            return Err("asn1: structure error: long tags are not read here".into());
        }
        let (length, header) = match *first {
            0x80 => return Err("asn1: syntax error: indefinite length found (not DER)".into()),
            short @ 0..0x80 => (usize::from(short), 2),
            long => {
                let count = usize::from(long & 0x7f);
                let digits = after.get(..count).ok_or_else(truncated)?;
                if count > 4 {
                    return Err("asn1: structure error: length too large".into());
                }
                if digits.first() == Some(&0) {
                    return Err("asn1: structure error: superfluous leading zeros in length".into());
                }
                let length =
                    digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                if length < 0x80 {
                    return Err("asn1: structure error: non-minimal length".into());
                }
                (length, 2 + count)
            }
        };
        let end = header.checked_add(length).ok_or_else(truncated)?;
        let whole = self.rest.get(..end).ok_or_else(truncated)?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        let content = whole.get(header..).unwrap_or_default();
        Ok(Element { tag: *tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Error> {
        let element = self.next()?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(format!(
                "asn1: structure error: tags don't match ({tag} vs {found})",
                found = element.tag
            ))
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Error> {
        if self.rest.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }
}

/// Encodes one element.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match content.len() {
        short @ 0..0x80 => der.push(short as u8),
        long => {
            let digits: Vec<u8> =
                long.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
            der.push(0x80 | digits.len() as u8);
            der.extend(digits);
        }
    }
    der.extend_from_slice(content);
    der
}

/// Encodes a constructed element from its encoded parts.
pub(crate) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// Encodes a SEQUENCE from its encoded parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    constructed(SEQUENCE, parts)
}

/// Encodes a SET OF: parts in the order of their encodings.
pub(crate) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(SET, &parts.concat())
}

/// Encodes a BIT STRING of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    constructed(BIT_STRING, &[&[0], octets])
}

/// Encodes a positive INTEGER given in big-endian octets.
pub(crate) fn positive_integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let digits = octets.get(start..).unwrap_or_default();
    match digits.first() {
        None => element(INTEGER, &[0]),
        Some(high) if *high >= 0x80 => constructed(INTEGER, &[&[0], digits]),
        Some(_) => element(INTEGER, digits),
    }
}

/// Encodes a time in seconds since 1970: UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
pub(crate) fn time(seconds: i64) -> Result<Vec<u8>, Error> {
    let time = jiff::Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    Ok(if (1950..2050).contains(&time.year()) {
        element(UTC_TIME, time.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        element(GENERALIZED_TIME, time.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads() {
        let long = vec![7; 300];
        let der = sequence(&[&element(OCTET_STRING, &long), &positive_integer(&[0, 0x80])]);
        let mut reader = Reader::new(&der);
        let mut inside = reader.expect(SEQUENCE).unwrap().inside();
        assert!(reader.is_empty());
        assert_eq!(inside.expect(OCTET_STRING).unwrap().content, long);
        assert_eq!(inside.expect(INTEGER).unwrap().content, [0, 0x80]);
        assert!(inside.is_empty());
    }

    #[test]
    fn refuses_what_is_not_der() {
        for der in [&[0x30][..], &[0x30, 0x80, 0, 0], &[0x04, 0x81, 1, 0], &[0x04, 0x82, 0, 1, 0]] {
            assert!(Reader::new(der).next().is_err(), "{der:?}");
        }
    }
}
