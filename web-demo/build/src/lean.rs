//! Sources without what is there for their readers only.
//!
//! Names, order and line breaks stay: what the page runs can be read beside what is in `src`.

/// Text without indentation, empty lines, and comments that have lines of their own.
///
/// # Errors
/// A line after which a text between backticks goes on: its indentation would be content.
pub fn lean(file: &str, text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut comment = false;
    for line in text.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        let keep = !(comment || line.is_empty() || line.starts_with("//"));
        comment &= !line.ends_with("*/");
        if !keep {
            continue;
        }
        if line.matches('`').count() % 2 == 1 {
            return Err(format!("{file}: a text in backticks goes over several lines: {line}"));
        }
        out.push_str(line);
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_and_comments_go() {
        let text = "// one\n\n/** two\n * three\n */\nconst a = 1; // four\n  /* five */\n\tb(\"// six\");\n";
        assert_eq!(lean("x", text).as_deref(), Ok("const a = 1; // four\nb(\"// six\");\n"));
    }

    #[test]
    fn texts_over_several_lines_are_refused() {
        assert!(lean("x", "const a = `one\n  two`;\n").is_err());
        assert!(lean("x", "const a = `one`;\n").is_ok());
    }
}
