//! Certificates as credentials and as the content of `status.certificate`.

use std::fmt::Write as _;

use super::name::{Error, subject_of};
use super::pem;

/// Checks certificates in PEM as `pkg/apis/certificates/validation` does: nothing, or blocks of certificates only.
pub(crate) fn check_certificate(text: &[u8]) -> Result<(), Error> {
    if text.is_empty() {
        return Ok(());
    }
    let mut rest = text;
    let mut blocks = 0;
    while let Some((block, next)) = pem::decode(rest) {
        if block.label != "CERTIFICATE" {
            let found = crate::text::quote(&block.label);
            return Err(format!("only CERTIFICATE PEM blocks are allowed, found {found}"));
        }
        if block.has_headers {
            return Err("no PEM block headers are permitted".into());
        }
        subject_of(&block.bytes).map_err(|_| "x509: malformed certificate")?;
        blocks += 1;
        rest = next;
    }
    if blocks == 0 { Err("must contain at least one CERTIFICATE PEM block".into()) } else { Ok(()) }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}
