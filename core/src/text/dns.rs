//! Names of DNS.

/// Whether a text is a label as Kubernetes takes it (RFC 1123): digits, dashes inside, and letters in
/// lower case, at most `longest` bytes.
pub(crate) fn is_label(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether a text is labels with dots between, at most 253 bytes.
pub(crate) fn is_domain(text: &str, longest_label: usize) -> bool {
    text.len() <= 253 && text.split('.').all(|label| is_label(label, longest_label))
}
