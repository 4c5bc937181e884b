//! Characters that are refused before the parser sees the text.

use super::error::YamlError;

/// Characters that kubectl's reader refuses, and line breaks that YAML 1.1 has and 1.2 has not:
/// what is a comment to one reader would be content to another.
pub(super) fn check_characters(text: &str) -> Result<(), YamlError> {
    // Bytes that are, or start, such a character; looked for in blocks, since files are large and
    // have none of them.
    let suspicious = |byte: u8| {
        (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
            || matches!(byte, 0x7f | 0xc2 | 0xe2 | 0xef)
    };
    let blocks = text.as_bytes().chunks(256).enumerate();
    let found = blocks
        .filter(|(_, block)| block.iter().fold(false, |found, byte| found | suspicious(*byte)))
        .flat_map(|(number, block)| (number * 256..).zip(block))
        .filter(|(_, byte)| suspicious(**byte));
    for (at, _) in found {
        let problem = match text[at..].chars().next() {
            Some('\u{85}' | '\u{2028}' | '\u{2029}') => {
                "a character that is a line break to some YAML readers only"
            }
            Some('\u{feff}') if at > 0 => "a byte order mark in the middle of the text",
            Some('\u{0}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') => "a control character",
            _ => continue,
        };
        let before = &text[..at];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        return Err(YamlError { line, column, problem });
    }
    Ok(())
}
