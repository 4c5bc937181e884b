//! Private keys as bytes.

use zeroize::Zeroizing;

use super::public::{EC, ED25519, KeyKind, RSA, number_bits};
use crate::encoding::der::{self, Element};
use crate::encoding::{base64, pem};

/// Why bytes are no private key that we can use.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PrivateKeyError {
    /// No PEM block whose label ends in `PRIVATE KEY`, and not DER either.
    #[error("it holds no private key")]
    NotAKey,
    /// The key is encrypted.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The block is labeled as a key but does not parse as one.
    #[error("the private key cannot be read: {0}")]
    Malformed(&'static str),
    /// An EC key on a curve that is not supported.
    #[error("the key's curve or algorithm is not supported")]
    UnsupportedCurve,
}

/// The first PEM block of a private key, also where it is indented or quoted as in a mail.
pub fn pem_block(data: &[u8]) -> Option<pem::Block> {
    let first = |data: &[u8]| {
        let mut found = None;
        for block in pem::all(data) {
            if found.is_none() && block.label.ends_with("PRIVATE KEY") {
                found = Some(block);
            } else {
                drop(Zeroizing::new(block.der));
            }
        }
        found
    };
    first(data).or_else(|| {
        let text = std::str::from_utf8(data).ok()?;
        first(Zeroizing::new(pem::unquoted(text)).as_bytes())
    })
}

/// The PKCS#8 DER of the private key in `data`: PEM, its base64, or DER; PKCS#8, PKCS#1 (RSA) or SEC1
/// (EC).
///
/// # Errors
/// Nothing there, encrypted, or malformed. The content is never part of an error.
pub fn to_pkcs8(data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let (label, der) = match pem_block(data) {
        Some(block) if block.label.starts_with("ENCRYPTED") || block.has_headers => {
            return Err(PrivateKeyError::Encrypted);
        }
        Some(block) => (block.label, Zeroizing::new(block.der)),
        None => (String::new(), Zeroizing::new(data.to_vec())),
    };
    let inner = std::str::from_utf8(&der).ok().and_then(base64::decode_spaced);
    if let Some(inner) = inner.filter(|inner| label.is_empty() && !inner.is_empty()) {
        return to_pkcs8(&Zeroizing::new(inner));
    }
    match label.as_str() {
        "RSA PRIVATE KEY" => wrap_pkcs1(&der),
        "EC PRIVATE KEY" => wrap_sec1(&der),
        "PRIVATE KEY" => check_pkcs8(der),
        "" => match check_pkcs8(der.clone()).or_else(|_| wrap_sec1(&der)) {
            Ok(key) => Ok(key),
            Err(_) if looks_like_pkcs1(&der) => wrap_pkcs1(&der),
            Err(_) => Err(PrivateKeyError::NotAKey),
        },
        _ => Err(PrivateKeyError::UnsupportedCurve),
    }
}

/// PKCS#8 PrivateKeyInfo (RFC 5208 section 5): its algorithm and key. Version 2 (RFC 5958) carries
/// more fields than the three that matter.
fn pkcs8_parts(der: &[u8]) -> Option<(Element<'_>, Element<'_>)> {
    let mut fields = Element::only_of(der, der::SEQUENCE)?.inside();
    let version = fields.read(der::INTEGER)?;
    let parts = (fields.read(der::SEQUENCE)?, fields.read(der::OCTET_STRING)?);
    matches!(version.content, [0 | 1]).then_some(parts)
}

fn check_pkcs8(der: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    match pkcs8_parts(&der) {
        Some(_) => Ok(der),
        None => Err(PrivateKeyError::Malformed("not a PKCS#8 structure")),
    }
}

/// Whether this is a PKCS#1 RSAPrivateKey of two primes (RFC 8017 appendix A.1.2).
fn looks_like_pkcs1(der: &[u8]) -> bool {
    let numbers = Element::only_of(der, der::SEQUENCE).and_then(|k| k.elements_of(der::INTEGER));
    numbers.is_some_and(|numbers| numbers.len() == 9)
}

fn wrap_pkcs1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    if !looks_like_pkcs1(der) {
        return Err(PrivateKeyError::Malformed("not a PKCS#1 structure"));
    }
    Ok(wrap(RSA, &[der::NULL, 0], der))
}

/// A SEC1 ECPrivateKey (RFC 5915 section 3) without its curve, and the curve.
fn sec1_parts(der: &[u8]) -> Option<(Zeroizing<Vec<u8>>, Option<Element<'_>>)> {
    let mut fields = Element::only_of(der, der::SEQUENCE)?.inside();
    let version = fields.read(der::INTEGER).filter(|version| version.content == [1])?;
    let key = fields.read(der::OCTET_STRING)?;
    let curve = match fields.read(der::context(0)) {
        Some(curve) => Some(Element::only_of(curve.content, der::OID)?),
        None => None,
    };
    let public = fields.read(der::context(1)).map_or(&[][..], |public| public.whole);
    let bare = der::sequence(&[version.whole, key.whole, public]);
    fields.is_empty().then(|| (Zeroizing::new(bare), curve))
}

fn wrap_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let (bare, curve) =
        sec1_parts(der).ok_or(PrivateKeyError::Malformed("not a SEC1 structure"))?;
    let curve = curve.ok_or(PrivateKeyError::UnsupportedCurve)?;
    // RFC 5915 section 3: inside PKCS#8 the curve stands in the algorithm, not in the key.
    Ok(wrap(EC, curve.whole, &bare))
}

fn wrap(algorithm: &str, parameters: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let algorithm = der::sequence(&[&der::object_identifier(algorithm), parameters]);
    let key = Zeroizing::new(der::element(der::OCTET_STRING, &[key]));
    Zeroizing::new(der::sequence(&[&[der::INTEGER, 1, 0], &algorithm, &key]))
}

/// The kind of a private key in PKCS#8; the bits of an RSA key come from its modulus.
pub fn kind_of_pkcs8(pkcs8: &[u8]) -> Option<KeyKind> {
    let (algorithm, key) = pkcs8_parts(pkcs8)?;
    let mut algorithm = algorithm.inside();
    let oid = algorithm.read_oid()?;
    Some(match oid.as_str() {
        ED25519 => KeyKind::Ed25519,
        RSA => {
            let fields = Element::only_of(key.content, der::SEQUENCE)?.elements()?;
            KeyKind::Rsa(number_bits(fields.get(1)?.content)?)
        }
        EC => KeyKind::of_curve(algorithm.read_oid()?),
        _ => KeyKind::Other(oid),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_is_read_as_it_stands_in_mails_and_objects() {
        let bare = to_pkcs8(KEY.as_bytes()).unwrap();
        let lines = |mark: &str| KEY.lines().map(|l| format!("{mark}{l}\n")).collect::<String>();
        for form in [
            lines("> "),
            lines(">> "),
            lines("    "),
            format!("Jane wrote:\n{}", lines("> > ")),
            format!("\u{feff}{KEY}"),
            base64::encode(KEY),
            base64::encode(&*bare),
        ] {
            assert_eq!(to_pkcs8(form.as_bytes()), Ok(bare.clone()), "{form}");
        }
        let encrypted = lines("> ").replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert_eq!(to_pkcs8(encrypted.as_bytes()), Err(PrivateKeyError::Encrypted));
        for other in ["", "> hello", "aGVsbG8="] {
            assert_eq!(to_pkcs8(other.as_bytes()), Err(PrivateKeyError::NotAKey), "{other}");
        }
    }
}
