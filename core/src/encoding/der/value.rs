//! Bit strings and integers by their content.

/// The bytes of a bit string. Ours are all whole bytes, but keyUsage's, whose spare bits are zero.
pub(crate) fn bits(content: &[u8]) -> Option<&[u8]> {
    let (spare, bytes) = content.split_first()?;
    let last = bytes.last().copied().unwrap_or_default();
    let good = match *spare {
        0 => true,
        1..=7 => !bytes.is_empty() && last & ((1 << *spare) - 1) == 0,
        _ => false,
    };
    good.then_some(bytes)
}

/// [`bits`], moved so that the spare bits are at the front.
pub(crate) fn aligned_bits(content: &[u8]) -> Option<Vec<u8>> {
    let bytes = bits(content)?;
    let spare = content.first().copied().unwrap_or_default();
    let mut above = 0;
    let moved = bytes.iter().map(|byte| {
        let pair = u16::from_be_bytes([above, *byte]);
        above = *byte;
        (pair >> spare) as u8
    });
    Some(moved.collect())
}

/// Whether this is an integer in its shortest form.
pub(crate) fn is_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0, next, ..] => next & 0x80 != 0,
        [0xff, next, ..] => next & 0x80 == 0,
        _ => true,
    }
}

/// The bytes of an integer that is not negative, without leading zeros; none for 0.
pub(crate) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    let good = is_integer(content) && content.first().is_none_or(|first| first & 0x80 == 0);
    good.then(|| without_zeros(content))
}

/// The number's bytes from the first that counts.
pub(super) fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
