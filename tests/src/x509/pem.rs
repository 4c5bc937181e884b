//! PEM as Go's `encoding/pem` reads it: the first block that is whole and well formed, wherever it stands.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) has_headers: bool,
    pub(crate) bytes: Vec<u8>,
}

/// Finds the next block and returns it with what follows; malformed blocks are skipped.
pub(crate) fn decode(data: &[u8]) -> Option<(Block, &[u8])> {
    let mut rest = data;
    loop {
        let end = find(rest, END)?;
        let after_end = end + END.len();
        // The last BEGIN before the first END line: a BEGIN without an END is passed over.
        let begin = rest[..end].windows(BEGIN.len()).rposition(|window| window == BEGIN);
        let parsed = begin
            .filter(|begin| *begin == 0 || rest[begin - 1] == b'\n')
            .and_then(|begin| block(&rest[begin + BEGIN.len()..end], &rest[after_end..]));
        if let Some(parsed) = parsed {
            return Some(parsed);
        }
        rest = &rest[after_end..];
    }
}

/// Reads a block from what stands between `BEGIN` and `END` and what follows `END`.
fn block<'a>(between: &[u8], after: &'a [u8]) -> Option<(Block, &'a [u8])> {
    let (type_line, mut body) = line(between);
    let label = type_line.strip_suffix(DASHES)?;
    let mut has_headers = false;
    loop {
        let (header, next) = line(body);
        if !header.contains(&b':') {
            break;
        }
        has_headers = true;
        body = next;
    }
    let trailer = after.strip_prefix(label)?.strip_prefix(DASHES)?;
    let (end_of_line, rest) = line(trailer);
    if !end_of_line.is_empty() {
        return None;
    }
    let base64: Vec<u8> = body.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect();
    // Go does not look at the bits that a last character has to spare.
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config).decode(base64).ok()?;
    Some((Block { label: String::from_utf8_lossy(label).into(), has_headers, bytes }, rest))
}

/// Splits off a line, without its end and trailing blanks.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[data.len()..]),
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().rposition(|byte| !b" \t".contains(byte)).map_or(0, |last| last + 1);
    (&line[..end], rest)
}

fn find(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).position(|window| window == what)
}

/// Writes one block with lines of 64 characters.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = next;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        let mut rest = text.as_bytes();
        let mut labels = Vec::new();
        while let Some((block, next)) = decode(rest) {
            labels.push(format!("{}={}", block.label, String::from_utf8_lossy(&block.bytes)));
            rest = next;
        }
        labels
    }

    #[test]
    fn reads_like_go() {
        let a = encode("A", b"one");
        let b = encode("B", b"two");
        for (text, read) in [
            (a.clone(), vec!["A=one"]),
            (format!("text\n{a}between\n{b}after"), vec!["A=one", "B=two"]),
            // Skipped: not at the start of a line, a byte order mark before it, a wrong end, bad padding.
            (format!(" {a}{b}"), vec!["B=two"]),
            (format!("\u{feff}{a}{b}"), vec!["B=two"]),
            (format!("-----BEGIN A-----\nb25l\n-----END C-----\n{b}"), vec!["B=two"]),
            (format!("-----BEGIN A-----\nb25\n-----END A-----\n{b}"), vec!["B=two"]),
            (format!("-----BEGIN A-----\nb25l\n{b}"), vec!["B=two"]),
            (a.replace('\n', " \r\n"), vec!["A=one"]),
            (a.replacen('\n', "\nProc-Type: 4\n\n", 1), vec!["A=one"]),
            ("-----BEGIN A-----\n-----END A-----\n".into(), vec!["A="]),
            ("-----BEGIN A-----\nb25=\n-----END A-----\n".into(), vec!["A=on"]),
        ] {
            assert_eq!(labels(&text), read, "{text:?}");
        }
    }
}
