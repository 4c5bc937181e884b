//! Requests and replies as blocks of text that survive chats, mail and paste: base64 between two lines,
//! as of age and PEM. What people read above a block is for them; only what is inside counts.

use crate::encoding::pem;
use crate::text;

/// Label of a request: inside is the manifest of its CertificateSigningRequest.
pub const REQUEST: &str = "KUBERNETES ACCESS REQUEST";
/// Label of a reply: inside is the kubeconfig without a key.
pub const REPLY: &str = "KUBERNETES ACCESS REPLY";

/// A block for this content, below lines that say whom it names.
pub fn wrap<'a>(
    label: &str,
    user: &str,
    groups: impl IntoIterator<Item = &'a str>,
    content: &str,
) -> String {
    let groups: Vec<String> = groups.into_iter().map(text::show).collect();
    let groups = if groups.is_empty() { "(none)".to_owned() } else { groups.join(", ") };
    let block = pem::encode(label, content.as_bytes());
    format!("User:   {}\nGroups: {groups}\n\n{block}", text::show(user))
}

/// What the blocks with this label hold; nothing where there is none that is whole.
pub(crate) fn opened(text: &str, label: &str) -> Vec<String> {
    if !text.contains(label) {
        return Vec::new();
    }
    // Indentation, marks of quoting and lost line ends, as of requests in PEM.
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let apart = text.replace(&begin, &format!("\n{begin}\n")).replace(&end, &format!("\n{end}\n"));
    let plain: String = apart
        .lines()
        .map(|line| unquoted(line).trim())
        .filter(|line| !line.is_empty())
        .flat_map(|line| [line, "\n"])
        .collect();
    pem::all(plain.as_bytes())
        .into_iter()
        .filter(|block| block.label == label && !block.has_headers)
        .filter_map(|block| String::from_utf8(block.der).ok())
        .collect()
}

/// A line without the marks of mail programs: `> `, `>> `, `> > `. What follows them keeps its
/// indentation.
pub(crate) fn unquoted(line: &str) -> &str {
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix('>') {
        // A space belongs to the mark, more of them to the text.
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_opened_whatever_a_chat_has_done_to_it() {
        let block = wrap(REQUEST, "jane", ["dev", "ops"], "kind: X\na: ä\n");
        assert!(block.starts_with("User:   jane\nGroups: dev, ops\n\n-----BEGIN "), "{block}");
        let quoted: String = block.lines().map(|line| format!("> {line}\n")).collect();
        let indented: String = block.lines().map(|line| format!("    {line}  \n")).collect();
        let fenced = format!("Hi, please:\n```\n{block}```\nJane\n");
        let (_, bare) = block.split_once("\n\n").unwrap();
        let one_line = bare.replace('\n', " ").replace("- ", "-\n").replace(" -", "\n-");
        let spaced = block.replace('\n', "\n\n");
        for text in [&block, &quoted, &indented, &fenced, bare, &one_line, &spaced] {
            assert_eq!(opened(text, REQUEST), ["kind: X\na: ä\n"], "{text}");
            assert!(opened(text, REPLY).is_empty());
        }
        let cut: String = block.lines().filter(|line| !line.contains("END")).collect();
        assert!(opened(&cut, REQUEST).is_empty());
    }
}
