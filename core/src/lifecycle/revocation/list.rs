//! The list as the ConfigMap holds it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Revocation, RevocationKey};
use crate::lifecycle::Fingerprint;
use crate::time::UnixTime;

/// Entries stay so long after their certificate has ended, for clocks that differ.
const GRACE: i64 = 86_400;

/// A key of the ConfigMap that does not do what it seems to, or an entry that is incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The key as it is.
    pub key: String,
    /// What is wrong.
    pub problem: &'static str,
}

/// Why a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked<'a> {
    /// The entry that does it.
    pub entry: &'a Revocation,
}

impl Blocked<'_> {
    /// Whether the user is blocked, and not just the one certificate.
    #[must_use]
    pub fn by_user(&self) -> bool {
        matches!(self.entry.key, RevocationKey::User(_))
    }
}

/// What is revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationList {
    entries: BTreeMap<RevocationKey, Revocation>,
    /// What is not as it should be; none of it keeps the other entries from counting.
    pub damaged: Vec<Damaged>,
}

impl RevocationList {
    /// Reads the ConfigMap as the server sent it. A key counts whatever its value says.
    #[must_use]
    pub fn read(config_map: &Value) -> Self {
        let mut list = Self::default();
        let data = config_map["data"].as_object();
        for (key, value) in data.into_iter().flatten() {
            let problem = match RevocationKey::parse(key) {
                None => Some("it is no key of this list and blocks nothing"),
                Some(parsed) => {
                    let value = value.as_str().unwrap_or_default();
                    let (entry, problem) = Revocation::read(parsed.clone(), value);
                    list.entries.insert(parsed, entry);
                    problem
                }
            };
            list.damaged.extend(problem.map(|problem| Damaged { key: key.clone(), problem }));
        }
        let binary = config_map["binaryData"].as_object();
        list.damaged.extend(binary.into_iter().flatten().map(|(key, _)| Damaged {
            key: key.clone(),
            problem: "it is binary data, which blocks nothing",
        }));
        list
    }

    /// All entries, by key.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Revocation> {
        self.entries.values()
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &RevocationKey) -> Option<&Revocation> {
        self.entries.get(key)
    }

    /// Whether a certificate of this user is refused, and why.
    #[must_use]
    pub fn blocked(&self, certificate: &Fingerprint, user: &str) -> Option<Blocked<'_>> {
        let itself = self.entry(&RevocationKey::Certificate(*certificate));
        let excepted = self.entry(&RevocationKey::Exception(*certificate)).is_some();
        let entry = itself.or_else(|| self.user(user).filter(|_| !excepted));
        entry.map(|entry| Blocked { entry })
    }

    /// The entry that blocks every certificate of a user, if there is one.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&Revocation> {
        self.entry(&RevocationKey::User(name.to_owned()))
    }

    /// The entries that do nothing any more: those whose certificate has ended, and exceptions from
    /// blocks that are gone.
    #[must_use]
    pub fn ended(&self, now: UnixTime) -> Vec<&Revocation> {
        let over = |entry: &&Revocation| match (&entry.key, entry.until) {
            (RevocationKey::User(_), _) => false,
            (_, Some(until)) if now > until.plus(GRACE) => true,
            (RevocationKey::Exception(_), _) => {
                entry.user.as_deref().is_some_and(|user| self.user(user).is_none())
            }
            _ => false,
        };
        self.entries.values().filter(over).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hex(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn print(digit: char) -> Fingerprint {
        hex(digit).parse().unwrap()
    }

    fn list(data: &Value) -> RevocationList {
        RevocationList::read(&json!({ "data": data }))
    }

    #[test]
    fn a_certificate_is_blocked_by_itself_or_with_its_user() {
        let list = list(&json!({
            hex('a'): "2026-11-30 laptop stolen (by admin)\nuser: bob",
            "user.616c696365": "2026-11-30 left (by admin)",
            format!("except.{}", hex('e')): "2026-12-01 issued later (by admin)",
        }));
        let why = |f, user| list.blocked(&print(f), user).map(|b| b.entry.line.as_str());
        assert_eq!(why('a', "bob"), Some("2026-11-30 laptop stolen (by admin)"));
        assert_eq!(why('b', "bob"), None);
        assert_eq!(why('b', "alice"), Some("2026-11-30 left (by admin)"));
        assert_eq!(why('e', "alice"), None, "excepted");
        assert!(list.blocked(&print('b'), "alice").unwrap().by_user());
        assert!(list.damaged.is_empty());
    }

    #[test]
    fn an_exception_does_not_lift_the_certificates_own_block() {
        let list = list(&json!({ hex('a'): "x", format!("except.{}", hex('a')): "x" }));
        assert!(list.blocked(&print('a'), "alice").is_some());
    }

    #[test]
    fn damage_is_told_and_blocks_as_far_as_the_server_lets_it() {
        let list = RevocationList::read(&json!({
            "data": { hex('a'): "", hex('A'): "x", "note": "x", hex('b'): "x\nuntil: tomorrow" },
            "binaryData": { hex('c'): "AA==" },
        }));
        assert!(
            list.blocked(&print('a'), "x").is_some() && list.blocked(&print('b'), "x").is_some()
        );
        assert!(list.blocked(&print('c'), "x").is_none());
        let keys: Vec<String> = list.damaged.iter().map(|d| d.key.clone()).collect();
        assert_eq!(keys, [hex('a'), hex('A'), "note".to_owned(), hex('b'), hex('c')]);
        assert_eq!(RevocationList::read(&json!({ "data": null })), RevocationList::default());
    }

    #[test]
    fn entries_end_a_day_after_their_certificate() {
        let list = list(&json!({
            hex('a'): "x\nuntil: 2026-11-01T00:00:00Z",
            hex('b'): "x\nuntil: 2026-11-29T12:00:00Z",
            hex('c'): "x",
            "user.616c696365": "x\nuntil: 2026-11-01T00:00:00Z",
            format!("except.{}", hex('d')): "x\nuser: alice",
            format!("except.{}", hex('e')): "x\nuser: bob",
        }));
        let ended = list.ended("2026-11-30T00:00:00Z".parse().unwrap());
        let keys: Vec<String> = ended.iter().map(|e| e.key.to_string()).collect();
        assert_eq!(keys, [hex('a'), format!("except.{}", hex('e'))]);
    }
}
