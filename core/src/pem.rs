//! PEM: writing it canonically (RFC 7468), and finding the block that the API server would find.
//!
//! The API server uses the first block that Go's `encoding/pem` accepts, which differs from what
//! OpenSSL accepts: Go skips blocks that are indented, badly padded or wrongly ended, and takes
//! headers and text around. Whoever reviews a request must read the block that the server reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One PEM block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The label, as `CERTIFICATE REQUEST`.
    pub label: String,
    /// Whether `Name: value` headers stood before the data.
    pub has_headers: bool,
    /// The decoded data.
    pub der: Vec<u8>,
}

/// The canonical text of a block: 64 columns, LF line ends, a final line end (RFC 7468 section 3).
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let data = STANDARD.encode(der);
    let mut out = String::with_capacity(data.len() + data.len() / 64 + 2 * label.len() + 40);
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    let mut rest = data.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every index is a character boundary.
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// Whether `text` is exactly the canonical text of `der`; CRLF line ends and a missing final line
/// end are the same thing.
#[must_use]
pub fn is_canonical(text: &[u8], label: &str, der: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let unix = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() };
    let canonical = encode(label, der);
    unix == canonical || unix == canonical.trim_end()
}

/// The first block that Go would find, and the bytes after it.
///
/// Source: behaviour of `Go: encoding/pem.Decode`.
#[must_use]
pub fn first(data: &[u8]) -> Option<(Block, &[u8])> {
    let mut rest = data;
    loop {
        // A block begins at the start of the data or of a line.
        rest = match rest.strip_prefix(b"-----BEGIN ") {
            Some(after) => after,
            None => after(rest, b"\n-----BEGIN ")?,
        };
        let (label_line, body) = line(rest);
        rest = body;
        if let Some((block, after)) =
            label_line.strip_suffix(b"-----").and_then(|label| block(label, body))
        {
            return Some((block, after));
        }
    }
}

/// All blocks that Go would find, in order.
#[must_use]
pub fn all(data: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = data;
    while let Some((block, after)) = first(rest) {
        blocks.push(block);
        rest = after;
    }
    blocks
}

fn block<'a>(label: &[u8], body: &'a [u8]) -> Option<(Block, &'a [u8])> {
    let mut rest = body;
    let mut has_headers = false;
    loop {
        let (header, next) = line(rest);
        if rest.is_empty() {
            return None;
        }
        if !header.contains(&b':') {
            break;
        }
        has_headers = true;
        rest = next;
    }
    const END: &[u8] = b"\n-----END ";
    let (data_length, trailer) = match rest.strip_prefix(&END[1..]) {
        Some(trailer) if !has_headers => (0, trailer),
        _ => {
            let at = find(rest, END)?;
            (at, rest.get(at + END.len()..)?)
        }
    };
    let after = trailer.strip_prefix(label)?.strip_prefix(b"-----")?;
    let (remainder, after) = line(after);
    if !remainder.is_empty() {
        return None;
    }
    let data: Vec<u8> = rest
        .get(..data_length)?
        .iter()
        .copied()
        .filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        .collect();
    let der = STANDARD.decode(data).ok()?;
    Some((Block { label: String::from_utf8_lossy(label).into_owned(), has_headers, der }, after))
}

/// The first line without its line end and trailing blanks, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|b| *b == b'\n');
    let (line, rest) = match end {
        Some(i) => (&data[..i], &data[i + 1..]),
        None => (data, &data[data.len()..]),
    };
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let length = line.iter().rposition(|b| !blank(b)).map_or(0, |i| i + 1);
    (&line[..length], rest)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn after<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    haystack.get(find(haystack, needle)? + needle.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "CERTIFICATE REQUEST";

    #[test]
    fn writes_what_it_reads() {
        for length in [0, 1, 47, 48, 49, 200] {
            let der = vec![7; length];
            let text = encode(LABEL, &der);
            let (block, rest) = first(text.as_bytes()).unwrap();
            assert_eq!((block.label.as_str(), block.der, rest), (LABEL, der.clone(), &b""[..]));
            assert!(is_canonical(text.as_bytes(), LABEL, &der));
            assert!(is_canonical(text.replace('\n', "\r\n").as_bytes(), LABEL, &der));
            assert!(!is_canonical(format!(" {text}").as_bytes(), LABEL, &der));
            assert!(!is_canonical(format!("{text}\n").as_bytes(), LABEL, &der));
        }
    }

    #[test]
    fn skips_what_go_skips() {
        let good = encode(LABEL, b"good");
        let bad = encode(LABEL, b"bad!");
        let indented: String = bad.lines().map(|l| format!("  {l}\n")).collect();
        let unterminated = bad.replace("-----END CERTIFICATE REQUEST-----\n", "");
        let wrong_end = bad.replace("END CERTIFICATE REQUEST", "END CERTIFICATE");
        let bad_padding = bad.replace("YmFkIQ==", "YmFkIQ=");
        let after_end =
            bad.replace("END CERTIFICATE REQUEST-----", "END CERTIFICATE REQUEST-----x");
        let bom = format!("\u{feff}{bad}");
        for before in [indented, unterminated, wrong_end, bad_padding, after_end, bom] {
            let text = format!("{before}{good}");
            assert_eq!(first(text.as_bytes()).unwrap().0.der, b"good", "{text}");
        }
    }

    #[test]
    fn headers_and_text_around_are_taken() {
        let text = "hello\n-----BEGIN X-----\nA: b\n\nZ29vZA==\n-----END X-----\nbye";
        let (block, rest) = first(text.as_bytes()).unwrap();
        assert!(block.has_headers);
        assert_eq!((block.der.as_slice(), rest), (&b"good"[..], &b"bye"[..]));
    }

    #[test]
    fn never_loops_on_garbage() {
        for text in ["", "-----BEGIN ", "-----BEGIN X-----", "\n-----BEGIN \n-----BEGIN "] {
            assert_eq!(first(text.as_bytes()), None);
        }
    }
}
