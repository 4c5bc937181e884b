//! The two written forms of an ECDSA signature.
//!
//! PKCS#10 and X.509 carry a DER sequence of r and s (RFC 3279 section 2.2.3). WebCrypto, JOSE and
//! many hardware keys hand out r and s side by side, each as long as the curve's order (IEEE P1363).

use crate::encoding::der::{self, Element};

/// DER of a signature given as r and s side by side; `None` when it has no two equal halves.
pub fn to_der(fixed: &[u8]) -> Option<Vec<u8>> {
    if fixed.is_empty() || !fixed.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = fixed.split_at(fixed.len() / 2);
    Some(der::sequence(&[&der::unsigned_integer(r), &der::unsigned_integer(s)]))
}

/// r and s side by side, each of `size` bytes; `None` when `der` is not a signature of that size.
pub fn from_der(der: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut fields = Element::only_of(der, der::SEQUENCE).filter(|_| size > 0)?.inside();
    let mut fixed = vec![0; 2 * size];
    for half in fixed.chunks_exact_mut(size) {
        let number = der::unsigned(fields.read(der::INTEGER)?.content)?;
        half.get_mut(size.checked_sub(number.len())?..)?.copy_from_slice(number);
    }
    fields.is_empty().then_some(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let mut fixed = vec![0; 64];
        fixed[31] = 1;
        fixed[32] = 0x80;
        let der = to_der(&fixed).unwrap();
        assert_eq!(der[..5], [0x30, 38, 2, 1, 1], "r without leading zeros");
        assert_eq!(der[5..9], [2, 33, 0, 0x80], "s is no negative number");
        assert_eq!(from_der(&der, 32).unwrap(), fixed);
    }

    #[test]
    fn what_is_no_signature_is_none() {
        assert_eq!(to_der(&[]), None);
        assert_eq!(to_der(&[1, 2, 3]), None);
        assert_eq!(from_der(&[0x30, 0], 32), None);
        let long = to_der(&[0xff; 96]).unwrap();
        assert_eq!(from_der(&long, 32), None, "too long for the curve");
        assert_eq!(from_der(&long, 0), None);
    }
}
