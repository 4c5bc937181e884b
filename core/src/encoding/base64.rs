//! Base64 as Go decodes it (`Go: encoding/base64`, StdEncoding), and so kubectl and the API server.

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
