//! PEM: writing it canonically (RFC 7468), and finding the block that the API server would find.
//!
//! The API server uses the first block that Go's `encoding/pem` accepts, which differs from what
//! OpenSSL accepts: Go skips blocks that are indented, badly padded or wrongly ended, and takes
//! headers and text around. Whoever reviews a request must read the block that the server reads.

use zeroize::Zeroizing;

use super::base64;

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
pub fn encode(label: &str, der: &[u8]) -> String {
    // It may be of a private key.
    let data = Zeroizing::new(base64::encode(der));
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
pub(crate) fn is_canonical(text: &[u8], label: &str, der: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let unix = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() };
    let canonical = encode(label, der);
    unix == canonical || unix == canonical.trim_end()
}

/// The first block that Go would find, and the bytes after it.
///
/// Source: behavior of `Go: encoding/pem.Decode`.
pub fn first(data: &[u8]) -> Option<(Block, &[u8])> {
    BlockReader::new(data).next()
}

/// All blocks that Go would find, in order.
pub fn all(data: &[u8]) -> Vec<Block> {
    let mut reader = BlockReader::new(data);
    std::iter::from_fn(|| reader.next().map(|(block, _)| block)).collect()
}

/// Whether there is a private key in some text, or what claims to be one.
pub(crate) fn mentions_private_key(text: &[u8]) -> bool {
    find(text, b"PRIVATE KEY").is_some()
}

/// PEM that stands indented in a text, at the margin.
pub(crate) fn unindented(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim())).collect()
}

/// [`unindented`], also where it is quoted as in a mail.
pub(crate) fn unquoted(text: &str) -> String {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '>' | '\u{feff}');
    // It may be of a private key, of which growing would leave a copy behind.
    let mut plain = String::with_capacity(text.len() + 1);
    for line in text.lines() {
        plain.push_str(line.trim_start_matches(is_mark).trim_end());
        plain.push('\n');
    }
    plain
}

const END: &[u8] = b"\n-----END ";

/// Looks for blocks from front to back. What was looked for ahead is kept, so that a text of nothing
/// but beginnings costs no more than its length.
struct BlockReader<'a> {
    data: &'a [u8],
    /// Where to go on.
    at: usize,
    /// The first [`END`] that was found ahead; the length of the data when there is none.
    end: usize,
    /// The first line without a colon that was found ahead, by its beginning.
    headless: usize,
}

impl<'a> BlockReader<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, end: 0, headless: 0 }
    }

    fn from(&self, at: usize) -> &'a [u8] {
        self.data.get(at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<(Block, &'a [u8])> {
        const BEGIN: &[u8] = b"\n-----BEGIN ";
        loop {
            // A block begins at the start of what is left or of a line.
            let rest = self.from(self.at);
            self.at += match rest.starts_with(&BEGIN[1..]) {
                true => BEGIN.len() - 1,
                false => find(rest, BEGIN)? + BEGIN.len(),
            };
            let (label_line, body) = line(self.from(self.at));
            self.at = self.data.len() - body.len();
            let label = label_line.strip_suffix(b"-----");
            if let Some((block, after)) = label.and_then(|label| self.block(label)) {
                self.at = after;
                return Some((block, self.from(after)));
            }
        }
    }

    /// The block whose data or headers begin here, and where it is over.
    fn block(&mut self, label: &[u8]) -> Option<(Block, usize)> {
        let start = self.skip_headers(self.at)?;
        let has_headers = start > self.at;
        let (data, trailer) = match self.from(start).strip_prefix(&END[1..]) {
            Some(_) if !has_headers => (start..start, start + END.len() - 1),
            _ => {
                let end = self.find_end(start)?;
                (start..end, end + END.len())
            }
        };
        let after = self.from(trailer).strip_prefix(label)?.strip_prefix(b"-----")?;
        let (remainder, after) = line(after);
        if !remainder.is_empty() {
            return None;
        }
        let der = decode(self.data.get(data)?)?;
        let label = String::from_utf8_lossy(label).into_owned();
        Some((Block { label, has_headers, der }, self.data.len() - after.len()))
    }

    /// The first line without a colon at or behind the line that begins at `at`.
    fn skip_headers(&mut self, at: usize) -> Option<usize> {
        self.headless = self.headless.max(at);
        while self.headless < self.data.len() {
            let (header, next) = line(self.from(self.headless));
            if !header.contains(&b':') {
                return Some(self.headless);
            }
            self.headless = self.data.len() - next.len();
        }
        None
    }

    /// The first [`END`] at or behind `at`.
    fn find_end(&mut self, at: usize) -> Option<usize> {
        if self.end < at || self.end == 0 {
            self.end = find(self.from(at), END).map_or(self.data.len(), |i| at + i);
        }
        (self.end < self.data.len()).then_some(self.end)
    }
}

fn decode(data: &[u8]) -> Option<Vec<u8>> {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let known = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') || blank(b);
    if !data.iter().all(known) {
        return None;
    }
    let mut compact = Zeroizing::new(Vec::with_capacity(data.len()));
    compact.extend(data.iter().copied().filter(|b| !blank(b)));
    base64::decode(&*compact)
}

/// Where the first block that begins in a text is damaged, by its line, and how; nothing where none
/// begins. To be asked where [`first`] finds nothing.
#[must_use]
pub(crate) fn damage(data: &[u8]) -> Option<(usize, &'static str)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let lines = || data.split(|byte| *byte == b'\n').map(|text| line(text).0);
    let begin = lines().position(|text| find(text, BEGIN).is_some())?;
    let first = lines().nth(begin)?;
    let at = find(first, BEGIN)?;
    let label = first.get(at + BEGIN.len()..)?;
    if find(label, b"\\n").is_some() {
        return Some((begin + 1, "line breaks are written as \\n"));
    }
    let Some(label) = label.strip_suffix(b"-----") else {
        return Some((begin + 1, "the BEGIN line does not end with five dashes"));
    };
    // It may be of a private key.
    let mut content = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut last = begin + 1;
    for (number, text) in (1..).zip(lines()).skip(begin + 1) {
        if let Some(at) = find(text, b"-----END ") {
            let wanted = [b"-----END ", label, b"-----"].concat();
            let wrong = match text.get(at..).is_some_and(|end| end.starts_with(&wanted)) {
                _ if at > 0 => "text precedes the END line",
                false => "the END line names another kind than the BEGIN line",
                true if text.len() > wanted.len() => "text follows the END line",
                true if decode(&content).is_none() => "base64 is missing or left over",
                true => return None,
            };
            return Some((number, wrong));
        }
        if find(text, BEGIN).is_some() {
            return Some((number, "another block begins before this one has ended"));
        }
        let header = text.contains(&b':');
        let known = |b: &u8| b.is_ascii_alphanumeric() || b"+/= \t\r".contains(b);
        if !header && !text.iter().all(known) {
            return Some((number, "a character that is not base64"));
        }
        if !header {
            content.extend_from_slice(text);
        }
        if !text.is_empty() {
            last = number;
        }
    }
    Some((last, "the END line is missing"))
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
    fn spare_bits_are_not_looked_at() {
        // The last character of b25l, 'l', has none to spare; that of b24= has two.
        let text = |base64: &str| format!("-----BEGIN X-----\n{base64}\n-----END X-----\n");
        for base64 in ["b24=", "b25=", "b26=", "b27="] {
            assert_eq!(first(text(base64).as_bytes()).unwrap().0.der, b"on", "{base64}");
        }
        assert_eq!(first(text("b24").as_bytes()), None);
    }

    #[test]
    fn damage_is_told_by_its_line() {
        let good = "-----BEGIN X-----\nZ29v\nZA==\n-----END X-----\n";
        assert_eq!(damage(good.as_bytes()), None);
        assert_eq!(damage(b"no block"), None);
        for (from, to, line, what) in [
            ("ZA==", "ZA=", 4, "base64 is missing"),
            ("9v\n", "9v\\n", 2, "not base64"),
            ("X-----\nZ", "X-----\\nZ", 1, "written as \\n"),
            ("\n-----END X-----\n", "", 3, "END line is missing"),
            ("==\n", "==", 3, "text precedes the END"),
            ("END X", "END Y", 4, "another kind"),
            ("END X-----\n", "END X----------BEGIN X-----\n", 4, "follows the END"),
            ("ZA==", "-----BEGIN X-----", 3, "before this one has ended"),
            ("BEGIN X-----", "BEGIN X----", 1, "five dashes"),
        ] {
            let text = good.replacen(from, to, 1);
            let (found, how) = damage(text.as_bytes()).unwrap();
            assert!(found == line && how.contains(what), "{found} {how} in\n{text}");
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
    fn a_text_of_nothing_but_beginnings_costs_no_more_than_its_length() {
        let begin = "-----BEGIN X-----\n".repeat(100_000);
        let header = "-----BEGIN a:b-----\n".repeat(100_000);
        // Quadratic work would take minutes for these.
        for text in [
            begin.clone(),
            "-----BEGIN X-----\nAAAA\n".repeat(100_000),
            header,
            format!("{begin}-----END X-----\n"),
            format!("{begin}-----END Y-----\n"),
        ] {
            assert!(all(text.as_bytes()).len() <= 1);
        }
        let good = encode(LABEL, b"good");
        assert_eq!(all(format!("{begin}{good}{good}").as_bytes()).len(), 2);
    }

    #[test]
    fn never_loops_on_garbage() {
        for text in ["", "-----BEGIN ", "-----BEGIN X-----", "\n-----BEGIN \n-----BEGIN "] {
            assert_eq!(first(text.as_bytes()), None);
        }
    }
}
