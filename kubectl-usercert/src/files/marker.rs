//! What our lock files say, so that they can be told from kubectl's empty ones.

use std::fmt;
use std::io::{self, Read};

const FIRST: &str = "kubectl-usercert lock 1";
const LAST: &str = "end";
/// No marker is longer; a longer file is not ours.
const LIMIT: u64 = 1024;

/// Who holds a lock of ours, or held it when it crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOwner {
    pub pid: u32,
    /// Name of the computer: process numbers and locks mean nothing beyond it.
    pub host: String,
    /// When the lock was taken, in seconds since 1970.
    pub since: u64,
}

impl LockOwner {
    pub(super) fn this_process() -> Self {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |age| age.as_secs());
        Self { pid: std::process::id(), host: host(), since }
    }

    /// The text of a lock file. The last line shows that nothing is missing.
    pub(super) fn to_text(&self) -> String {
        format!("{FIRST}\npid {}\nhost {}\nsince {}\n{LAST}\n", self.pid, self.host, self.since)
    }

    /// Reads the text of a lock file; `None` if it is not one of ours.
    pub(super) fn read(source: impl Read) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        source.take(LIMIT).read_to_end(&mut text)?;
        Ok(std::str::from_utf8(&text).ok().and_then(Self::parse))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut value = |key: &str| lines.next()?.strip_prefix(key);
        value(FIRST)?;
        let holder = Self {
            pid: value("pid ")?.parse().ok()?,
            host: value("host ")?.to_owned(),
            since: value("since ")?.parse().ok()?,
        };
        (value(LAST)?.is_empty() && lines.next().is_none()).then_some(holder)
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// The name of this computer without characters that would break a line.
pub(super) fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name.chars().take(255).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let holder = LockOwner { pid: 7, host: "a b".into(), since: 12 };
        assert_eq!(LockOwner::read(holder.to_text().as_bytes()).unwrap(), Some(holder));
    }

    #[test]
    fn anything_less_is_foreign() {
        let text = LockOwner::this_process().to_text();
        for cut in 0..text.len() {
            assert_eq!(LockOwner::parse(&text[..cut]), None, "{cut}");
        }
        assert_eq!(LockOwner::parse(&format!("{text}\n")), None);
        assert_eq!(LockOwner::parse(&format!("x{text}")), None);
    }
}
