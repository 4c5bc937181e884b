//! Words and lines for the shells in which people run what we print.
//!
//! On Windows that is cmd or PowerShell, and a line has to fit both: double quotes, as long as the word
//! holds nothing that one of them expands. Elsewhere it is a POSIX shell.

use std::fmt::Write as _;

use super::hidden::{first_hidden, is_hidden};

/// `arg` as one word of a command line of this system's shells.
pub fn shell_word(arg: &str) -> String {
    if cfg!(windows) { windows_word(arg) } else { posix_word(arg) }
}

/// The line that deletes a file, be it a read-only one.
pub fn delete_line(file: &str) -> String {
    match cfg!(windows) {
        true => format!("cmd /c del /f {}", windows_word(file)),
        false => format!("rm -- {}", posix_word(file)),
    }
}

/// The line that keeps everybody but its owner from reading a file.
pub fn protect_line(file: &str) -> String {
    match cfg!(windows) {
        // *S-1-3-4 stands for the owner, whatever the system's language calls it.
        true => format!("icacls {} /inheritance:r /grant:r *S-1-3-4:F", windows_word(file)),
        false => format!("chmod go-rwx -- {}", posix_word(file)),
    }
}

fn is_blank(c: char) -> bool {
    is_hidden(c) || c == ' '
}

/// Whether a person sees each character of it, once it stands in quotes.
fn is_visible(arg: &str) -> bool {
    first_hidden(arg).is_none() && !arg.contains("  ")
}

fn posix_word(arg: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !arg.is_empty() && arg.bytes().all(safe) {
        return arg.to_owned();
    }
    if is_visible(arg) {
        return format!("'{}'", arg.replace('\'', r"'\''"));
    }
    // ANSI-C quoting of bash, zsh and ksh: the only form that shows hidden characters as text.
    let mut out = String::from("$'");
    for c in arg.chars() {
        match c {
            '\'' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if is_blank(c) => {
                let mut buffer = [0; 4];
                for b in c.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(out, "\\x{b:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

fn windows_word(arg: &str) -> String {
    // PowerShell splits words at commas, and takes some for its own at a word's beginning.
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_./\\:@+=".contains(&b);
    if !arg.is_empty() && arg.bytes().all(safe) && !arg.starts_with('@') {
        return arg.to_owned();
    }
    // A backslash before the closing quote would make the quote a part of the word.
    let end = &arg[arg.trim_end_matches('\\').len()..];
    if is_visible(arg) && !arg.contains(['"', '$', '`', '%', '!']) {
        return format!("\"{arg}{end}\"");
    }
    // What cmd would change in any quotes is written for PowerShell.
    if is_visible(arg) && !arg.contains('"') {
        return format!("'{}{end}'", arg.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in arg.chars() {
        match c {
            // The backslash is for the program, the grave for the shell.
            '"' => out.push_str("\\`\""),
            '$' | '`' => {
                out.push('`');
                out.push(c);
            }
            c if is_blank(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "$([char]0x{unit:x})");
                }
            }
            c => out.push(c),
        }
    }
    out.push_str(end);
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_words_are_one_word_and_visible() {
        for (arg, word) in [
            ("alice", "alice"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("a\nb", r"$'a\x0ab'"),
            ("a  b", r"$'a\x20\x20b'"),
            ("", "''"),
        ] {
            assert_eq!(posix_word(arg), word);
        }
    }

    #[test]
    fn windows_words_are_one_word_in_cmd_and_powershell() {
        for (arg, word) in [
            (r"C:\Users\jane\.kube\config", r"C:\Users\jane\.kube\config"),
            ("jane@prod", "jane@prod"),
            ("@file", r#""@file""#),
            (r"C:\My Files\a.key", r#""C:\My Files\a.key""#),
            (r"C:\My Files\", r#""C:\My Files\\""#),
            ("it's", r#""it's""#),
            ("dev,ops", r#""dev,ops""#),
            ("a&b", r#""a&b""#),
            ("", r#""""#),
            // Not for cmd, which expands these between double quotes too.
            ("%PATH%", "'%PATH%'"),
            ("$(id)", "'$(id)'"),
            ("it's $5", "'it''s $5'"),
            ("a\"$b", r#""a\`"`$b""#),
            ("a\nb", r#""a$([char]0xa)b""#),
            ("a  b", r#""a$([char]0x20)$([char]0x20)b""#),
        ] {
            assert_eq!(windows_word(arg), word);
        }
    }

    #[test]
    fn lines_fit_the_system() {
        let (delete, protect) = match cfg!(windows) {
            true => ("cmd /c del /f \"a b\"", "icacls \"a b\" /inheritance:r /grant:r *S-1-3-4:F"),
            false => ("rm -- 'a b'", "chmod go-rwx -- 'a b'"),
        };
        assert_eq!(delete_line("a b"), delete);
        assert_eq!(protect_line("a b"), protect);
    }
}
