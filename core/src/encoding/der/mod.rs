//! ASN.1 in its distinguished encoding (ITU-T X.690), as far as requests, certificates and keys need
//! it.
//!
//! Reading follows `Go: encoding/asn1`, and so the API server: lengths are definite and as short as
//! can be. Whether there is more in a sequence than was asked for is for the caller to notice. Object
//! identifiers come and go in their dotted form.

mod read;
mod tag;
mod time;
mod value;
mod write;

pub(crate) use self::read::{Element, Reader, oid};
pub(crate) use self::tag::{
    BIT_STRING, BOOLEAN, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING, context,
    context_primitive,
};
pub(crate) use self::time::{read_time, time};
pub(crate) use self::value::{aligned_bits, bits, is_integer, unsigned};
pub(crate) use self::write::{bit_string, element, object_identifier, sequence, unsigned_integer};

#[cfg(test)]
mod tests {
    use der::asn1::{Any, ObjectIdentifier};
    use der::{Decode as _, Encode as _};
    use proptest::prelude::*;

    use super::value::without_zeros;
    use super::*;

    #[test]
    fn lengths_and_tags_are_definite_and_short() {
        for good in [&[4, 0][..], &[0x1f, 31, 0], &[0x1f, 0x81, 0, 1, 9]] {
            assert!(Element::only(good).is_some(), "{good:?}");
        }
        let long = element(OCTET_STRING, &[&[7; 0x80]]);
        assert_eq!(long[..3], [4, 0x81, 0x80]);
        assert_eq!(Element::only(&long).unwrap().content, [7; 0x80]);
        for bad in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0, 0],
            &[0x30, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 0x80],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 30, 0],
            &[0x1f, 0x80, 31, 0],
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
        ] {
            assert_eq!(Element::only(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_element_is_whole_when_all_inside_is() {
        let whole = |der: &[u8]| Element::only(der).unwrap().is_whole(4);
        assert!(whole(&sequence(&[&[4, 1, 0xff], &sequence(&[])])));
        assert!(!whole(&sequence(&[&[4, 2, 0xff]])));
        assert!(!whole(&sequence(&[&sequence(&[&[4]])])));
        assert!(!whole(&[0x2c, 3, 0x0c, 1, b'a']), "a string in parts");
        assert!(!whole(&[0x10, 0]), "a sequence that says it is none");
        let mut deep = vec![4, 0];
        for _ in 0..6 {
            deep = sequence(&[&deep]);
        }
        assert!(!whole(&deep));
    }

    #[test]
    fn bit_strings_and_numbers_have_one_form_each() {
        assert_eq!(bits(&[0, 0xff]), Some(&[0xff][..]));
        assert_eq!(bits(&[5, 0xa0]), Some(&[0xa0][..]));
        for bad in [&[][..], &[1], &[5, 0xa1], &[8, 0]] {
            assert_eq!(bits(bad), None, "{bad:?}");
        }
        for (bytes, content) in [
            (&[][..], &[0][..]),
            (&[0, 0], &[0]),
            (&[0x7f], &[0x7f]),
            (&[0x80], &[0, 0x80]),
            (&[0, 1, 0], &[1, 0]),
        ] {
            let written = unsigned_integer(bytes);
            assert_eq!(written[2..], *content);
            assert_eq!(unsigned(content), Some(without_zeros(bytes)));
        }
        for bad in [&[][..], &[0, 1], &[0x80], &[0xff, 0x80]] {
            assert_eq!(unsigned(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn identifiers_are_written_and_read_as_der_does(arcs in (0..3u32, 0..40u32, prop::collection::vec(any::<u32>().prop_map(|n| n >> 4), 1..6))) {
            let (root, second, rest) = arcs;
            let mut dotted = format!("{root}.{second}");
            for arc in rest {
                dotted += &format!(".{arc}");
            }
            let theirs = ObjectIdentifier::new(&dotted).unwrap();
            let ours = object_identifier(&dotted);
            prop_assert_eq!(&ours, &theirs.to_der().unwrap());
            prop_assert_eq!(oid(theirs.as_bytes()), Some(dotted));
        }

        #[test]
        fn what_der_takes_is_taken_alike(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let ours = Element::only(&bytes);
            if let Ok(theirs) = Any::from_der(&bytes) {
                prop_assert_eq!(ours.map(|element| element.content), Some(theirs.value()));
            }
            // And nothing read runs over the end.
            prop_assert!(ours.is_none_or(|element| element.whole == bytes));
        }
    }
}
