//! Text in UTF-16, as Windows PowerShell writes what is redirected to a file. Only a byte order mark tells it
//! (`Go: go.yaml.in/yaml, yaml_parser_determine_encoding`).

/// The order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    /// The low byte first, as on Windows.
    Little,
    /// The high byte first.
    Big,
}

impl Utf16 {
    /// The encoding that a byte order mark announces.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }

    /// The text after the byte order mark; nothing where it is damaged.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let (pairs, []) = bytes.get(2..)?.as_chunks::<2>() else { return None };
        let unit = match self {
            Self::Little => u16::from_le_bytes,
            Self::Big => u16::from_be_bytes,
        };
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
    }

    /// The text with a byte order mark before it.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        let bytes = match self {
            Self::Little => u16::to_le_bytes,
            Self::Big => u16::to_be_bytes,
        };
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for encoding in [Utf16::Little, Utf16::Big] {
            for text in ["", "aä\r\n😀"] {
                let written = encoding.encode(text);
                assert_eq!(Utf16::of(&written), Some(encoding));
                assert_eq!(encoding.decode(&written).as_deref(), Some(text));
            }
            // Half a unit, and half a pair of them.
            assert_eq!(encoding.decode(&encoding.encode("a")[..3]), None);
            assert_eq!(encoding.decode(&encoding.encode("😀")[..4]), None);
        }
        assert_eq!(Utf16::of("ÿþ".as_bytes()), None);
    }
}
