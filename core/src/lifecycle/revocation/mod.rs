//! One entry of the list: what is revoked, and what people are told about it.

mod again;
mod list;
mod parts;

use std::fmt;

pub use list::{Blocked, Damaged, ListError, RevocationList};
pub use parts::{MAX_TEXT, PART, USERS, altered, changes, gathered, too_long};

use super::Fingerprint;
use crate::text;
use crate::time::UnixTime;
use crate::x509::identity::MAX_USER_BYTES;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 200;
/// Longest user name that can be blocked, in bytes: twice as many digits fit into a ConfigMap's key.
pub const MAX_USER: usize = (253 - USER.len()) / 2;
const _: () = assert!(MAX_USER == MAX_USER_BYTES, "whoever can be certified can be blocked");

const USER: &str = "user.";
const EXCEPT: &str = "except.";
/// Longest name of whoever revoked that is noted, in characters.
const MAX_BY: usize = 80;

/// What an entry is about: its key in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RevocationKey {
    /// This certificate is refused.
    Certificate(Fingerprint),
    /// Every certificate of this user is refused, unless excepted.
    User(String),
    /// This certificate is not refused for its user's sake.
    Exception(Fingerprint),
}

impl RevocationKey {
    /// The test entry's: a certificate that nobody has, on every list, by which it can be tried at any
    /// time whether what is listed is refused.
    #[must_use]
    pub fn test() -> Self {
        Self::Certificate(Fingerprint::of(b"kubectl usercert: a certificate that nobody has"))
    }

    /// Of a user.
    ///
    /// # Errors
    /// The name is longer than a key can hold.
    pub fn of_user(name: &str) -> Result<Self, RevocationError> {
        if name.len() > MAX_USER {
            return Err(RevocationError::LongUser(name.len()));
        }
        Ok(Self::User(name.to_owned()))
    }

    /// Reads a key as the mechanisms do, byte for byte.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        if let Some(digits) = key.strip_prefix(EXCEPT) {
            return Fingerprint::from_key(digits).map(Self::Exception);
        }
        let Some(digits) = key.strip_prefix(USER) else {
            return Fingerprint::from_key(key).map(Self::Certificate);
        };
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
        let name = String::from_utf8(bytes?).ok()?;
        // Upper-case digits and odd lengths read as a name, but are no key that anything looks for.
        let key_of_name = Self::User(name);
        (key_of_name.to_string() == key).then_some(key_of_name)
    }
}

impl fmt::Display for RevocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(fingerprint) => fingerprint.fmt(f),
            Self::Exception(fingerprint) => write!(f, "{EXCEPT}{fingerprint}"),
            Self::User(name) => {
                f.write_str(USER)?;
                name.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Why something cannot be written into the list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RevocationError {
    /// The key would be too long.
    #[error("the user name is {0} bytes long; a name of at most {MAX_USER} bytes can be blocked")]
    LongUser(usize),
    /// More than [`MAX_REASON`].
    #[error("the reason is {0} characters long; at most {MAX_REASON} are allowed")]
    LongReason(usize),
    /// A character that acts on its surroundings or shows nothing, or a second line.
    #[error("the reason holds the invisible or control character U+{:04X} at position {}", u32::from(*.0), .1 + 1)]
    HiddenInReason(char, usize),
}

/// Whether a text can be the reason that people are told: one line that shows what it holds.
///
/// # Errors
/// Too long, or with characters that do not show.
pub fn check_reason(reason: &str) -> Result<(), RevocationError> {
    if let Some((position, character)) = text::first_hidden(reason) {
        return Err(RevocationError::HiddenInReason(character, position));
    }
    match reason.chars().count() {
        length if length > MAX_REASON => Err(RevocationError::LongReason(length)),
        _ => Ok(()),
    }
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What it is about.
    pub key: RevocationKey,
    /// The line that the person is told, as `2026-11-30 laptop stolen (by admin)`.
    pub line: String,
    /// When the certificate ends by itself, if that was known.
    pub until: Option<UnixTime>,
    /// Whom the certificate names, if that was known.
    pub user: Option<String>,
    /// The time of the day on which it was written.
    at: Option<String>,
}

/// What the test entry says.
pub const TEST_ENTRY: &str =
    "test entry of kubectl usercert: nobody has this certificate, so that it shows what is refused";

impl Revocation {
    /// A new entry. `reason` was checked by [`check_reason`]; `by` is a foreign name.
    #[must_use]
    pub fn new(key: RevocationKey, reason: &str, by: &str, now: UnixTime) -> Self {
        let now = now.to_string();
        let (date, time) = now.split_once('T').unwrap_or((&now, ""));
        let at = Some(time.trim_end_matches('Z').to_owned());
        let reason = reason.trim();
        let space = if reason.is_empty() { "" } else { " " };
        let by = text::show_short(by, MAX_BY);
        let line = format!("{date}{space}{reason} (by {by})");
        Self { key, line, until: None, user: None, at }
    }

    /// When it was written, in a form that sorts; empty for what was written by hand.
    fn written_at(&self) -> (&str, &str) {
        let day = self.line.get(..10).unwrap_or_default();
        let is_day = day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        (if is_day { day } else { "" }, self.at.as_deref().unwrap_or_default())
    }

    /// With what is known of the certificate.
    #[must_use]
    pub fn of_certificate(self, user: &str, until: UnixTime) -> Self {
        Self { until: Some(until), ..self.naming(user) }
    }

    /// With whom the certificate names.
    #[must_use]
    pub fn naming(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned()).filter(|u| u.len() <= 1024);
        self
    }

    /// What follows the key: the line that people are told, and what programs want to know.
    #[must_use]
    pub fn value(&self) -> String {
        let mut value = self.line.clone();
        if let Some(until) = self.until {
            value.push_str(&format!("\nuntil: {until}"));
        }
        if let Some(user) = self.user.as_deref().filter(|u| text::first_hidden(u).is_none()) {
            value.push_str(&format!("\nuser: {user}"));
        }
        if let Some(at) = &self.at {
            value.push_str(&format!("\nat: {at}"));
        }
        value
    }

    fn read(key: RevocationKey, value: &str) -> (Self, Option<&'static str>) {
        let mut lines = value.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        let mut problem = line.trim().is_empty().then_some("it is empty");
        let mut read = Self { key, line, until: None, user: None, at: None };
        for line in lines {
            match line.split_once(": ") {
                Some(("until", time)) => match time.parse() {
                    Ok(time) => read.until = Some(time),
                    Err(_) => problem = Some("its end is not a time, so it stays forever"),
                },
                Some(("user", name)) => read.user = Some(name.to_owned()),
                Some(("at", time)) => read.at = Some(time.to_owned()),
                // Of a later version.
                _ => {}
            }
        }
        if let RevocationKey::User(name) = &read.key {
            read.user = Some(name.clone());
        }
        (read, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ca5e94a24f8509854bcfda7a8e1fa5a25992ed6805a2ebf9648cb670ee396e4a";

    fn now() -> UnixTime {
        "2026-11-30T02:00:00Z".parse().unwrap()
    }

    #[test]
    fn keys_read_back() {
        let fingerprint: Fingerprint = HEX.parse().unwrap();
        for (key, text) in [
            (RevocationKey::Certificate(fingerprint), HEX.to_owned()),
            (RevocationKey::Exception(fingerprint), format!("except.{HEX}")),
            (RevocationKey::of_user("a@b").unwrap(), "user.614062".to_owned()),
            (RevocationKey::of_user("é").unwrap(), "user.c3a9".to_owned()),
        ] {
            assert_eq!(key.to_string(), text);
            assert_eq!(RevocationKey::parse(&text), Some(key));
        }
        for other in ["user.4A", "user.6", "user.ff", "except.00", "README", ""] {
            assert_eq!(RevocationKey::parse(other), None, "{other}");
        }
    }

    #[test]
    fn keys_of_users_fit_into_a_config_map() {
        let longest = RevocationKey::of_user(&"a".repeat(MAX_USER)).unwrap();
        assert!(longest.to_string().len() <= 253);
        let error = RevocationKey::of_user(&"a".repeat(MAX_USER + 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the user name is 125 bytes long; a name of at most 124 bytes can be blocked"
        );
    }

    #[test]
    fn reasons_are_one_visible_line() {
        assert_eq!(check_reason("laptop stolen, Jürgen"), Ok(()));
        assert_eq!(check_reason("a\nb"), Err(RevocationError::HiddenInReason('\n', 1)));
        assert_eq!(check_reason("\u{1b}[2J"), Err(RevocationError::HiddenInReason('\u{1b}', 0)));
        assert_eq!(check_reason(&"a".repeat(10_000)), Err(RevocationError::LongReason(10_000)));
    }

    #[test]
    fn an_entry_tells_people_and_programs() {
        let key = RevocationKey::Certificate(HEX.parse().unwrap());
        let until = "2026-12-30T00:00:00Z".parse().unwrap();
        let entry = Revocation::new(key.clone(), "laptop stolen", "admin\u{1b}", now())
            .of_certificate("alice", until);
        let value = entry.value();
        assert_eq!(
            value,
            "2026-11-30 laptop stolen (by \"admin\\u{1b}\")\nuntil: 2026-12-30T00:00:00Z\nuser: alice\nat: 02:00:00"
        );
        assert_eq!(Revocation::read(key.clone(), &value), (entry, None));
        assert_eq!(Revocation::new(key, "", "admin", now()).line, "2026-11-30 (by admin)");
    }

    #[test]
    fn five_thousand_entries_fit_into_a_config_map() {
        let key = RevocationKey::Certificate(HEX.parse().unwrap());
        let entry =
            Revocation::new(key, "laptop stolen on the train", "jane.admin@example.com", now())
                .of_certificate("alice.wonderland@example.com", now());
        assert!(format!("{} {}\n", entry.key, entry.value()).len() * 5_000 < 1 << 20);
    }
}
