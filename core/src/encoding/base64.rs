//! Base64 as Go decodes it (`Go: encoding/base64`, StdEncoding), and so kubectl and the API server.

#[cfg(not(feature = "fast-base64"))]
use short as with;
#[cfg(feature = "fast-base64")]
use tables as with;
use zeroize::Zeroizing;

#[cfg(feature = "fast-base64")]
mod tables {
    use base64::Engine as _;
    use base64::alphabet;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    /// Padding is required; what the bits are that a last character has to spare is not looked at.
    const GO: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );

    pub fn encode(bytes: &[u8]) -> String {
        GO.encode(bytes)
    }

    pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
        GO.decode(text).ok()
    }
}

/// The same in a twentieth of the code, for the page.
#[cfg(any(test, not(feature = "fast-base64")))]
mod short {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            let bits = bits << (8 * (3 - chunk.len()));
            for place in 0..4 {
                text.push(match place <= chunk.len() {
                    true => char::from(ALPHABET[bits >> (18 - 6 * place) & 63]),
                    false => '=',
                });
            }
        }
        text
    }

    pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
        let padding = text.iter().rev().take(2).take_while(|c| **c == b'=').count();
        if !text.len().is_multiple_of(4) {
            return None;
        }
        let mut bytes = Vec::new();
        for chunk in text[..text.len() - padding].chunks(4) {
            let mut bits = 0_u32;
            for character in chunk {
                let value = ALPHABET.iter().position(|c| c == character)?;
                bits = bits << 6 | u32::try_from(value).ok()?;
            }
            let spare = 4 - chunk.len();
            bytes.extend(&(bits << (6 * spare)).to_be_bytes()[1..4 - spare]);
        }
        Some(bytes)
    }
}

/// Base64 with padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    with::encode(bytes.as_ref())
}

/// The bytes; nothing where Go's decoder refuses the text. Line breaks are the caller's to leave out.
pub fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    with::decode(text.as_ref())
}

/// [`decode`] for the parts of a token (RFC 7515, section 2): two characters are others, and there is no
/// padding.
pub(crate) fn decode_url(text: &str) -> Option<Vec<u8>> {
    let mut text = text.replace('-', "+").replace('_', "/");
    text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
    decode(text)
}

/// [`decode`] for a field of an object: line breaks in it count for nothing.
pub(crate) fn decode_lines(text: &str) -> Option<Vec<u8>> {
    match text.contains(['\r', '\n']) {
        true => decode(text.replace(['\r', '\n'], "")),
        false => decode(text),
    }
}

/// [`decode`] for what people send: no white space in it counts. It may be that of a key.
pub(crate) fn decode_spaced(text: &str) -> Option<Vec<u8>> {
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(text.chars().filter(|c| !c.is_whitespace()));
    decode(compact.as_str())
}

#[cfg(all(test, feature = "fast-base64"))]
mod tests {
    use proptest::prelude::*;

    use super::{short, tables};

    proptest! {
        #[test]
        fn both_encode_alike(bytes in any::<Vec<u8>>()) {
            let text = short::encode(&bytes);
            prop_assert_eq!(&text, &tables::encode(&bytes));
            prop_assert_eq!(short::decode(text.as_bytes()), Some(bytes));
        }

        #[test]
        fn both_decode_alike(text in "[A-Za-z0-9+/=]{0,12}|[AQg/=-]{0,9}|([A-Za-z0-9+/]{4}){0,3}[A-Za-z0-9+/]{2}==") {
            prop_assert_eq!(short::decode(text.as_bytes()), tables::decode(text.as_bytes()));
        }
    }
}
