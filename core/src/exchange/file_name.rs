//! File names made from names that somebody else chose.

/// As long as a name may be before the hash and the extension.
const LENGTH: usize = 100;

/// Names that mean devices on Windows, whatever their extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A file name of `[a-z0-9._-]` that begins with a letter or digit. What had to be changed or cut
/// is told apart by a hash, so that two foreign names do not meet in one file name.
///
/// The extension is ours, comes without a dot, and may be empty.
pub fn safe_file_name(foreign: &str, extension: &str) -> String {
    let mut name = String::new();
    for c in foreign.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => name.push(c),
            c @ ('.' | '_' | '-') if !name.is_empty() => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
        if name.len() == LENGTH {
            break;
        }
    }
    if name.is_empty() || is_device(&name) {
        name.insert_str(0, "name");
    }
    if name.ends_with('.') && extension.is_empty() {
        name.pop();
    }
    if name != foreign {
        name.push('-');
        name.push_str(&hash(foreign));
    }
    if !extension.is_empty() {
        name.push('.');
        name.push_str(extension);
    }
    name
}

fn is_device(name: &str) -> bool {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    DEVICES.contains(&stem)
        || stem
            .strip_prefix("com")
            .or_else(|| stem.strip_prefix("lpt"))
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn hash(foreign: &str) -> String {
    let mut digest = crate::x509::code::sha256_hex(foreign.as_bytes());
    digest.truncate(16);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_names_stay() {
        for name in ["alice", "a", "0", "alice.smith_2-x", "a..b", &"a".repeat(100)] {
            assert_eq!(safe_file_name(name, "key"), format!("{name}.key"));
        }
        assert_eq!(safe_file_name("alice", ""), "alice");
    }

    #[test]
    fn everything_else_is_encoded_and_told_apart() {
        let hostile = [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "-rf",
            "--all",
            ".bashrc",
            "Alice",
            "ALICE",
            "a b",
            "a\0b",
            "a\nb",
            "$(id)",
            "ünal",
            "用户",
            "\u{202e}gpj",
            "con",
            "nul.x",
            "com1",
            "lpt9.txt",
            "a/b",
            "a\\b",
            "c:\\x",
            "_x",
            "~",
            &"a".repeat(101),
            &"a".repeat(102),
            &"ä".repeat(3000),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in hostile {
            for extension in ["", "key"] {
                let safe = safe_file_name(name, extension);
                assert!(safe.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()));
                assert!(
                    safe.bytes().all(|b| b"abcdefghijklmnopqrstuvwxyz0123456789._-".contains(&b))
                );
                assert!(safe.len() <= LENGTH + 4 + 17 + 4, "{safe}");
                assert!(!is_device(&safe), "{safe}");
                assert!(!safe.ends_with('.'));
                assert!(seen.insert(safe), "{name:?}");
            }
        }
    }

    #[test]
    fn encoding_is_readable_and_stable() {
        assert_eq!(safe_file_name("Alice Müller", "csr"), "alice-m-ller-ab11a92d3ac29396.csr");
    }
}
