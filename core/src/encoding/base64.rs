//! Base64 as Go decodes it (`Go: encoding/base64`, StdEncoding), and so kubectl and the API server.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Padding is required; what the bits are that a last character has to spare is not looked at.
const GO: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Base64 with padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    GO.encode(bytes)
}

/// The bytes; nothing where Go's decoder refuses the text. Line breaks are the caller's to leave out.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    GO.decode(text).ok()
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
