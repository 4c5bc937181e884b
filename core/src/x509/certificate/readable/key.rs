//! Public keys as `Go: crypto/x509`, `parsePublicKey` reads them: of the kinds that it knows only
//! whole ones, of others any bytes.

use super::{bits, parameters};
use crate::encoding::der::{self, Element, Reader};
use crate::x509::key::{DSA, EC, ED25519, KeyKind, RSA, is_on_curve};

pub(super) fn key(fields: &mut Reader<'_>) -> Result<(), &'static str> {
    let mut info = fields.read(der::SEQUENCE).ok_or(MALFORMED)?.inside();
    let algorithm = info.read(der::SEQUENCE).ok_or(MALFORMED)?;
    let (oid, parameters) = parameters(&algorithm).ok_or(MALFORMED)?;
    let bits = bits(&mut info).ok_or(MALFORMED)?;
    let complaint = match oid.as_str() {
        RSA if parameters.is_none_or(|p| p.whole != [der::NULL, 0]) => {
            "its RSA key lacks the parameter NULL"
        }
        RSA if !is_rsa(&bits) => MALFORMED,
        ED25519 if parameters.is_some() || bits.len() != 32 => MALFORMED,
        DSA if !is_dsa(&bits, parameters) => MALFORMED,
        EC => {
            let curve = parameters.and_then(|p| Reader::new(p.whole).read_oid());
            match curve.map(KeyKind::of_curve) {
                None | Some(KeyKind::Other(_)) => "its key is on a curve unknown to Go",
                Some(curve) if !is_on_curve(&curve, &bits) => "its key is not a point on its curve",
                Some(_) => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    Err(complaint)
}

const MALFORMED: &str = "its key is malformed";

/// The next integer, which is greater than zero.
fn positive<'a>(fields: &mut Reader<'a>) -> Option<&'a [u8]> {
    der::unsigned(fields.read(der::INTEGER)?.content).filter(|number| !number.is_empty())
}

fn is_rsa(key: &[u8]) -> bool {
    let fields = Reader::new(key).read(der::SEQUENCE).map(|key| key.inside());
    fields.is_some_and(|mut fields| {
        let modulus = positive(&mut fields);
        // Of 64 bits with its sign.
        let fits = |e: &[u8]| e.len() < 8 || e.len() == 8 && e.first().is_some_and(|b| *b < 0x80);
        modulus.is_some() && positive(&mut fields).is_some_and(fits)
    })
}

fn is_dsa(key: &[u8], parameters: Option<Element<'_>>) -> bool {
    let numbers = parameters.and_then(|p| Element::only_of(p.whole, der::SEQUENCE));
    positive(&mut Reader::new(key)).is_some()
        && numbers.is_some_and(|numbers| {
            let mut numbers = numbers.inside();
            (0..3).all(|_| positive(&mut numbers).is_some())
        })
}
