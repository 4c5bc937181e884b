//! The first bytes of elements.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The first byte of a context-specific tag around other elements.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The first byte of a context-specific tag in place of a primitive one.
pub(crate) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}
