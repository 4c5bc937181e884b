//! The SHA-256 of a certificate, by which it is revoked.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::text;

/// What precedes the digits in a credential-id.
const PREFIX: &str = "X509SHA256=";

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is not an SHA-256.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{} is not the SHA-256 of a certificate: expected 64 hexadecimal digits", text::show_short(.0, 80))]
pub struct FingerprintError(String);

impl Fingerprint {
    /// Of a certificate's DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// As the API server names the credential, `X509SHA256=…`.
    #[must_use]
    pub fn credential_id(&self) -> String {
        format!("{PREFIX}{self}")
    }

    /// The first 16 digits, as people read them.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(16).chain(['…']).collect()
    }

    /// The digits, at least eight and in lower case, of what may be the beginning of one, as it is shown with `…`.
    #[must_use]
    pub fn beginning(text: &str) -> Option<String> {
        let start = text.trim_end_matches('…').to_ascii_lowercase();
        let is_one = start.len() >= 8 && start.bytes().all(|b| b.is_ascii_hexdigit());
        is_one.then_some(start)
    }

    /// What its first two digits say.
    pub(super) fn first_byte(&self) -> u8 {
        self.0[0]
    }

    /// From the 64 lower-case digits that a key of the list is made of; nothing else will do.
    pub(super) fn from_key(digits: &str) -> Option<Self> {
        let nibble = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Takes the bare digits, a credential-id, and what `openssl x509 -fingerprint -sha256` prints.
    fn from_str(s: &str) -> Result<Self, FingerprintError> {
        let body = s.trim();
        let lower = body.to_ascii_lowercase();
        let digits = ["x509sha256=", "sha256 fingerprint=", "sha256:", "sha256="]
            .iter()
            .find_map(|prefix| lower.strip_prefix(prefix))
            .unwrap_or(&lower);
        let pairs = digits.split(':').all(|pair| pair.len() == 2);
        let digits = if pairs { digits.replace(':', "") } else { digits.to_owned() };
        Self::from_key(&digits).ok_or_else(|| FingerprintError(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ca5e94a24f8509854bcfda7a8e1fa5a25992ed6805a2ebf9648cb670ee396e4a";

    #[test]
    fn all_written_forms_are_one() {
        let expected: Fingerprint = HEX.parse().unwrap();
        let upper = HEX.to_uppercase();
        let pairs: Vec<&str> = (0..32).map(|i| &upper[2 * i..2 * i + 2]).collect();
        let colons = pairs.join(":");
        for form in [
            format!("X509SHA256={HEX}"),
            format!("sha256 Fingerprint={colons}"),
            format!("SHA256:{HEX}"),
            format!(" {upper}\n"),
            colons,
        ] {
            assert_eq!(form.parse(), Ok(expected), "{form}");
        }
        assert_eq!(expected.to_string(), HEX);
        assert_eq!(expected.credential_id(), format!("X509SHA256={HEX}"));
    }

    #[test]
    fn nothing_else_is_a_fingerprint() {
        let short = &HEX[1..];
        let padded = format!("{HEX}00");
        let colon = format!("{}:{}", &HEX[..32], &HEX[32..]);
        for text in ["", short, &padded, &colon, "alice", &HEX.replace('c', "g")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
        assert_eq!(Fingerprint::from_key(&HEX.to_uppercase()), None, "it would not block");
    }
}
