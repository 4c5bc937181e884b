//! What an edit must leave as it was.

use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::Edit;

/// Whether `after` is `before` with nothing changed but what the edit is about.
pub fn only_this_changed(before: &str, after: &str, edit: &Edit) -> Result<(), String> {
    let document = Document::parse(before).unwrap();
    let (kind, name, removed) = match edit {
        Edit::Set { kind, name, .. } => (*kind, name, false),
        Edit::Remove { kind, name } => (*kind, name, true),
        Edit::SetCurrentContext(_) | Edit::ClearCurrentContext => {
            // The old value, which quotes and escapes make somewhat longer.
            let most = 2 * document.current_context().unwrap_or_default().len() + 8;
            return around(before, after, |gone| gone.len() <= most);
        }
    };
    let Some(entry) = document.entry(kind, name) else {
        // An addition: nothing is gone but an empty value.
        return around(before, after, |gone| {
            ["", "[]", "null", "[", "]", "nul", "ull", "n", "ul"].contains(&gone.trim())
        });
    };
    let lines = |text: &str| {
        text.split_inclusive('\n').map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (span, body) = (entry.span.clone(), entry.body.clone());
    if !removed {
        let kept = body.unwrap_or(entry.span.end..entry.span.end);
        if kept.is_empty() {
            return around(before, after, str::is_empty);
        }
        let head = before[..kept.start].trim_end_matches(' ');
        let tail = &before[kept.end..];
        let fits = after.starts_with(head) && after.ends_with(tail);
        return if fits { Ok(()) } else { Err("something around the body changed".into()) };
    }
    // Every line, or part of one, outside the entry is still there in the same order.
    let head = before[..span.start].trim_end_matches([' ', '-', ',', '\n', '\r', '\t']);
    let tail = before[span.end..].split_once('\n').map_or("", |(_, tail)| tail);
    let emptied = document.entries(kind).len() == 1;
    if !emptied && !after.starts_with(head) {
        return Err("something before the entry changed".into());
    }
    let (mut wanted, have) = (lines(tail), lines(after));
    // Comments indented deeper than the dash belong to the entry.
    while wanted.first().is_some_and(|line| line.starts_with('#')) {
        wanted.remove(0);
    }
    let fits = have.ends_with(&wanted) || after.ends_with(tail.trim_start());
    if fits { Ok(()) } else { Err("something behind the entry changed".into()) }
}

/// Whether what differs between the two, seen from both ends, is as it should be.
fn around(before: &str, after: &str, gone: impl Fn(&str) -> bool) -> Result<(), String> {
    let head = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - head;
    let both = before.bytes().rev().zip(after.bytes().rev());
    let tail = both.take(most).take_while(|(a, b)| a == b).count();
    let middle =
        String::from_utf8_lossy(&before.as_bytes()[head..before.len() - tail]).into_owned();
    if gone(&middle) { Ok(()) } else { Err(format!("gone: {middle:?}")) }
}
