//! What has been done for the people of a roster: one JSON object a line, appended as it happens.
//!
//! Read from the beginning, the lines say where each row stands. The last line may be torn by a power
//! failure; what it says has then not been relied on. The line that holds a key is blanked once the
//! kubeconfig with that key is safely on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::time::UnixTime;

/// One line. (No `Debug`: it may hold a key.)
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The row's digest ([`super::Person::digest`]).
    pub row: String,
    /// The user, for people who look at the file.
    pub user: String,
    /// What has happened.
    #[serde(flatten)]
    pub step: Step,
}

/// What happened to a row.
#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// A key and the request under it were made.
    Key {
        /// The key, PEM.
        key: String,
        /// The certificate request, PEM.
        request: String,
    },
    /// The cluster has the request.
    Submitted {
        /// The object's name.
        name: String,
        /// The object's UID.
        uid: String,
    },
    /// The certificate is with its kubeconfig or reply on disk.
    Written(Written),
    /// A role is bound.
    Granted {
        /// As in the roster.
        grant: String,
    },
}

/// A kubeconfig or reply on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The file, absolute.
    pub file: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The certificate's end.
    pub not_after: UnixTime,
    /// The reply's code; none for a kubeconfig with its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a reply holds, PEM, so that it can be written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
}

/// Where a row stands.
#[derive(Default)]
pub struct Progress {
    /// Its key and certificate request, PEM, until the line is blanked.
    pub key: Option<(Zeroizing<String>, String)>,
    /// Where in the journal the line with the key is: first byte, and length without the line end.
    pub key_line: Option<(u64, usize)>,
    /// Name and UID of the object.
    pub submitted: Option<(String, String)>,
    /// What was written.
    pub written: Option<Written>,
    /// Roles that are bound.
    pub granted: Vec<String>,
}

/// A journal that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the journal cannot be read: {source}")]
pub struct JournalError {
    /// The line, counted from 1.
    pub line: usize,
    /// Why.
    pub source: serde_json::Error,
}

/// Where the rows stand by a journal's complete lines.
///
/// # Errors
/// A line that no version of this program wrote.
pub fn replay(text: &[u8]) -> Result<BTreeMap<String, Progress>, JournalError> {
    let mut rows: BTreeMap<String, Progress> = BTreeMap::new();
    let mut at = 0u64;
    for (number, bytes) in text.split_inclusive(|b| *b == b'\n').enumerate() {
        let from = at;
        at += bytes.len() as u64;
        let Some(bytes) = bytes.strip_suffix(b"\n") else { break };
        // A blanked line, or one that a power failure let be blanked in part.
        if bytes.starts_with(b" ") || bytes.ends_with(b" ") {
            continue;
        }
        let line: Line = serde_json::from_slice(bytes)
            .map_err(|source| JournalError { line: number + 1, source })?;
        let row = rows.entry(line.row).or_default();
        match line.step {
            Step::Key { key, request } => {
                row.key = Some((Zeroizing::new(key), request));
                row.key_line = Some((from, bytes.len()));
            }
            Step::Submitted { name, uid } => row.submitted = Some((name, uid)),
            Step::Written(written) => row.written = Some(written),
            Step::Granted { grant } => row.granted.push(grant),
        }
    }
    Ok(rows)
}

/// How much of a journal consists of complete lines, in bytes.
pub fn complete(text: &[u8]) -> usize {
    text.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1)
}

/// A line with its end, in memory that is wiped.
///
/// # Errors
/// None that can happen: the types are all serializable.
pub fn line(row: &str, user: &str, step: Step) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let line = Line { row: row.to_owned(), user: user.to_owned(), step };
    // Large enough for every key, so that it does not grow and leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 << 10));
    serde_json::to_writer(&mut *bytes, &line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Vec<u8> {
        let steps = [
            ("r1", Step::Key { key: "-----KEY\n-----".to_owned(), request: "CSR".to_owned() }),
            ("r2", Step::Submitted { name: "b-1".to_owned(), uid: "u2".to_owned() }),
            ("r1", Step::Submitted { name: "a-1".to_owned(), uid: "u1".to_owned() }),
            (
                "r1",
                Step::Written(Written {
                    file: "/x".to_owned(),
                    sha256: "ab".to_owned(),
                    not_after: UnixTime(1_800_000_000),
                    code: None,
                    chain: None,
                }),
            ),
            ("r1", Step::Granted { grant: "clusterrole/view@*".to_owned() }),
        ];
        steps.into_iter().flat_map(|(row, step)| line(row, "a", step).unwrap().to_vec()).collect()
    }

    #[test]
    fn lines_come_back_as_progress() {
        let text = journal();
        let rows = replay(&text).unwrap();
        let one = &rows["r1"];
        assert_eq!(one.key.as_ref().unwrap().0.as_str(), "-----KEY\n-----");
        assert_eq!(one.submitted.as_ref().unwrap().1, "u1");
        assert_eq!(one.written.as_ref().unwrap().file, "/x");
        assert_eq!(one.granted, ["clusterrole/view@*"]);
        assert_eq!(rows["r2"].submitted.as_ref().unwrap().0, "b-1");
        assert!(rows["r2"].written.is_none());
    }

    #[test]
    fn a_blanked_key_is_gone_and_the_rest_stays() {
        let mut text = journal();
        let (at, length) = replay(&text).unwrap()["r1"].key_line.unwrap();
        let at = usize::try_from(at).unwrap();
        text[at..at + length].fill(b' ');
        let rows = replay(&text).unwrap();
        assert!(rows["r1"].key.is_none());
        assert!(rows["r1"].written.is_some());
        assert!(!String::from_utf8(text.clone()).unwrap().contains("KEY"));
        text[at] = b'{';
        assert!(replay(&text).is_ok());
    }

    #[test]
    fn a_torn_line_is_as_if_it_was_not_there() {
        let text = journal();
        for cut in 0..text.len() {
            let rows = replay(&text[..cut]).unwrap();
            assert_eq!(rows.len(), replay(&text[..complete(&text[..cut])]).unwrap().len());
        }
        assert_eq!(complete(b"a\nb"), 2);
        assert_eq!(complete(b"ab"), 0);
        let error = replay(b"   \n{}\n").err().unwrap().to_string();
        assert!(error.starts_with("line 2 of the journal cannot be read: "), "{error}");
    }
}
