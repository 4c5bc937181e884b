//! Codes that two people compare over another channel.
//!
//! A request or a reply can be swapped on its way. Both ends show the same short code of what they
//! hold: 80 bits of a SHA-256 in Crockford's base 32, grouped for reading aloud. 80 bits are out of
//! reach for somebody who must find a second request with the same code.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::text;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SHORT_CHARACTERS: usize = 16;

/// The digest behind a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code([u8; 32]);

impl Code {
    /// The code of a certificate request: SHA-256 over its DER.
    pub(crate) fn of_request(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The code of several parts, each preceded by its length, so that no two different lists share
    /// their bytes.
    pub(crate) fn of_parts<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The whole digest, 64 lower-case hexadecimal digits.
    pub fn full(&self) -> String {
        hex(&self.0)
    }

    /// The short form, as `K7QF-2M9X-0ATB-55WZ`.
    pub fn short(&self) -> String {
        let mut out = String::with_capacity(SHORT_CHARACTERS + 3);
        for i in 0..SHORT_CHARACTERS {
            if i > 0 && i % 4 == 0 {
                out.push('-');
            }
            let bit = i * 5;
            let pair = u16::from_be_bytes([self.0[bit / 8], self.0[bit / 8 + 1]]);
            let index = usize::from(pair >> (11 - bit % 8)) & 31;
            out.push(char::from(ALPHABET[index]));
        }
        out
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// A code as a person typed it, full or short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedCode(String);

/// The text is neither form of a code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{} is not a code: expected 16 characters such as K7QF-2M9X-0ATB-55WZ, or 64 hexadecimal digits", text::show_short(.0, 80))]
pub struct CodeError(String);

impl FromStr for ExpectedCode {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let body = s.trim();
        let body = body.strip_prefix("sha256:").or(body.strip_prefix("SHA256:")).unwrap_or(body);
        let compact: String =
            body.chars().filter(|c| !matches!(c, '-' | ' ' | ':')).collect::<String>();
        if compact.len() == 64 && compact.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(compact.to_ascii_lowercase()));
        }
        // Crockford: what is easily misread stands for its look-alike.
        let heard: String = compact
            .to_ascii_uppercase()
            .chars()
            .map(|c| match c {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let known = heard.bytes().all(|b| ALPHABET.contains(&b));
        if heard.len() == SHORT_CHARACTERS && known {
            Ok(Self(heard))
        } else {
            Err(CodeError(s.to_owned()))
        }
    }
}

impl ExpectedCode {
    /// Whether this is the code of `code`, in either form.
    pub fn matches(&self, code: &Code) -> bool {
        self.0 == code.full() || self.0 == code.short().replace('-', "")
    }
}

impl ExpectedCode {
    /// Which of the four groups differ from those of `code`, in words.
    pub fn difference(&self, code: &Code) -> String {
        let (ours, theirs) = (self.to_string(), code.short());
        let pairs = ours.split('-').zip(theirs.split('-')).enumerate();
        let differing: Vec<String> =
            pairs.filter(|(_, (a, b))| a != b).map(|(i, _)| (i + 1).to_string()).collect();
        match differing.as_slice() {
            _ if self.0.len() != SHORT_CHARACTERS => "all of it was compared".to_owned(),
            [one] => format!("group {one} differs"),
            [_, _, _, _] => "all groups differ".to_owned(),
            some => format!("groups {} differ", some.join(" and ")),
        }
    }
}

impl fmt::Display for ExpectedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.0.chars().enumerate() {
            let between = self.0.len() == SHORT_CHARACTERS && place > 0 && place % 4 == 0;
            write!(f, "{}{character}", if between { "-" } else { "" })?;
        }
        Ok(())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.push(char::from(DIGITS[usize::from(b >> 4)]));
        out.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    out
}

/// SHA-256 of DER bytes as lower-case hexadecimal digits: for a certificate the value behind
/// `X509SHA256=` in a credential-id.
pub fn sha256_hex(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_code_is_the_first_80_bits() {
        let code = Code([0xff; 32]);
        assert_eq!(code.short(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        let mut bytes = [0; 32];
        bytes[0] = 0b0000_1000;
        bytes[9] = 1;
        assert_eq!(Code(bytes).short(), "1000-0000-0000-0001");
        bytes[10] = 0xff;
        assert_eq!(Code(bytes).short(), "1000-0000-0000-0001", "later bits do not count");
    }

    #[test]
    fn codes_are_accepted_as_people_repeat_them() {
        let code = Code::of_request(b"request");
        for said in [
            code.short(),
            code.short().to_lowercase(),
            code.short().replace('-', " "),
            code.short().replace('0', "o").replace('1', "l"),
            code.full(),
            code.full().to_uppercase(),
            format!("sha256:{}", code.full()),
        ] {
            assert!(said.parse::<ExpectedCode>().unwrap().matches(&code), "{said}");
        }
        assert!(
            !Code::of_request(b"other").short().parse::<ExpectedCode>().unwrap().matches(&code)
        );
        for bad in ["", "K7QF", "K7QF-2M9X-0ATB-55WU"] {
            assert!(bad.parse::<ExpectedCode>().is_err());
        }
    }

    #[test]
    fn the_groups_that_differ_are_named() {
        let code = Code([0; 32]);
        for (said, difference) in [
            ("0000-0000-0000-0001", "group 4 differs"),
            ("1000-0000-0000-0001", "groups 1 and 4 differ"),
            ("1111-1111-1111-1111", "all groups differ"),
            (&"1".repeat(64), "all of it was compared"),
        ] {
            let expected: ExpectedCode = said.parse().unwrap();
            assert_eq!(expected.difference(&code), difference, "{said}");
            assert_eq!(expected.to_string(), said, "as it was typed");
        }
    }

    #[test]
    fn parts_do_not_run_into_one_another() {
        let code = |parts: &[&[u8]]| Code::of_parts(parts.iter().copied());
        let base = code(&[b"ab", b"c"]);
        for other in [&[&b"a"[..], b"bc"][..], &[b"abc"], &[b"ab", b"c", b""]] {
            assert_ne!(base, code(other));
        }
    }
}
