//! The list as the ConfigMap holds it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Revocation, RevocationKey, parts};
use crate::encoding::yaml::{self, YamlError};
use crate::lifecycle::{CONFIG_MAP, Fingerprint};
use crate::review::Revoked;
use crate::time::UnixTime;

/// A user that has a key of its own, as older versions wrote it.
const OLDER: &str = "it blocks nothing there; `kubectl usercert revocations install` moves it to \
                     the right place";

/// Entries stay so long after their certificate has ended, for clocks that differ.
const GRACE: i64 = 86_400;

/// Something in the ConfigMap that does not do what it seems to, or an entry that is incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The key as it is; of an entry in a text, the text's key and its own.
    pub key: String,
    /// What is wrong.
    pub problem: &'static str,
}

/// Why a file was not read as a list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ListError {
    /// Not readable as YAML.
    #[error("{0}")]
    Yaml(#[from] YamlError),
    /// Something else.
    #[error("it contains no ConfigMap {CONFIG_MAP}")]
    None,
    /// Which counts is not clear.
    #[error("it contains several ConfigMaps {CONFIG_MAP}")]
    Several,
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
    /// Whether the test entry is there, which is none of the others. Every list that we made has it.
    pub has_test: bool,
    /// Whether nothing can be added: somebody has made the ConfigMap immutable.
    pub is_immutable: bool,
    /// Whether a text of it is longer than any that is written.
    pub is_long: bool,
    /// What is not as it should be; none of it keeps the other entries from counting.
    pub damaged: Vec<Damaged>,
}

impl RevocationList {
    /// Reads the list from a file: the ConfigMap as YAML or JSON, alone, among other documents or in a List.
    ///
    /// # Errors
    /// Not readable, or without that ConfigMap.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        let documents = yaml::parse_all(text)?;
        let items = documents.iter().flat_map(|d| match d["items"].as_array() {
            Some(items) => items.iter().collect(),
            None => vec![d],
        });
        let is_list = |object: &&Value| {
            object["kind"] == "ConfigMap" && object["metadata"]["name"] == CONFIG_MAP
        };
        let mut found = items.filter(is_list);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(Self::read(one)),
            (None, _) => Err(ListError::None),
            _ => Err(ListError::Several),
        }
    }

    /// Reads the ConfigMap as the server sent it. A key counts whatever its value says.
    #[must_use]
    pub fn read(config_map: &Value) -> Self {
        let is_immutable = config_map["immutable"] == true;
        let mut list = Self { is_immutable, ..Self::default() };
        let data = config_map["data"].as_object();
        for (key, value) in data.into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            if parts::is_part(key) {
                list.is_long |= parts::is_long(key, value);
                list.read_part(key, value);
                continue;
            }
            match RevocationKey::parse(key) {
                None => list.tell(key.clone(), "it is not a key of this list and blocks nothing"),
                // What has a key of its own is found first.
                Some(parsed) => {
                    if matches!(parsed, RevocationKey::User(_)) {
                        list.tell(key.clone(), OLDER);
                    }
                    list.entries.remove(&parsed);
                    list.add(key.clone(), parsed, value);
                }
            }
        }
        let binary = config_map["binaryData"].as_object();
        list.damaged.extend(binary.into_iter().flatten().map(|(key, _)| Damaged {
            key: key.clone(),
            problem: "it is binary data, which blocks nothing",
        }));
        list.leave_components_out();
        list
    }

    fn read_part(&mut self, name: &str, text: &str) {
        for piece in parts::pieces(text) {
            match piece.key {
                Err("") => {}
                Err(word) => self.tell(
                    format!("{name}: {word}"),
                    "it is not an entry of this list and blocks nothing",
                ),
                Ok(key) if parts::part(&key) != name => self.tell(
                    format!("{name}: {key}"),
                    "it is in the wrong part of the list and blocks nothing",
                ),
                Ok(key) => self.add(format!("{name}: {key}"), key, piece.value),
            }
        }
    }

    /// Adds an entry, unless there is one; `place` is where it stands.
    fn add(&mut self, place: String, key: RevocationKey, value: &str) {
        if key == RevocationKey::test() {
            self.has_test = true;
            return;
        }
        let (entry, problem) = Revocation::read(key.clone(), value);
        if let Some(problem) = problem {
            self.tell(place, problem);
        }
        self.entries.entry(key).or_insert(entry);
    }

    fn tell(&mut self, key: String, problem: &'static str) {
        self.damaged.push(Damaged { key, problem });
    }

    /// No mechanism refuses users `system:…`, so such an entry is none.
    fn leave_components_out(&mut self) {
        let damaged = &mut self.damaged;
        self.entries.retain(|key, _| {
            let RevocationKey::User(name) = key else { return true };
            let problem = "users system:… are never refused: it blocks nothing";
            let component = name.starts_with("system:");
            damaged.extend(
                component.then(|| Damaged { key: format!("{key} (user/{name})"), problem }),
            );
            !component
        });
    }

    /// All entries, by key.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Revocation> {
        self.entries.values()
    }

    /// The entries of single certificates of this user, the newest first.
    pub fn certificates_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Revocation> {
        let of_user = move |entry: &&Revocation| {
            matches!(entry.key, RevocationKey::Certificate(_))
                && entry.user.as_deref() == Some(user)
        };
        self.newest().into_iter().filter(of_user)
    }

    /// Whether a single certificate is listed that names this user, or of which nobody knows whom it names.
    #[must_use]
    pub fn may_revoke_one_of(&self, user: &str) -> bool {
        self.entries.values().any(|entry| {
            matches!(entry.key, RevocationKey::Certificate(_))
                && entry.user.as_deref().is_none_or(|named| named == user)
        })
    }

    /// What is listed against a request for this user, which somebody submitted with this certificate, if with one.
    #[must_use]
    pub fn against<'a>(
        &'a self,
        user: &'a str,
        requester: &'a str,
        certificate: Option<&Fingerprint>,
    ) -> Revoked<'a> {
        let by = certificate.and_then(|print| self.blocked(print, requester));
        let lines = |user| self.certificates_of(user).map(|entry| entry.line.as_str()).collect();
        Revoked {
            user: self.user(user).map(|entry| entry.line.as_str()),
            requester: by.map(|by| by.entry.line.as_str()),
            users: lines(user),
            requesters: certificate.map(|_| lines(requester)).unwrap_or_default(),
        }
    }

    /// The entries that block something, the newest first.
    #[must_use]
    pub fn newest(&self) -> Vec<&Revocation> {
        let blocks = |entry: &&Revocation| !matches!(entry.key, RevocationKey::Exception(_));
        let mut newest: Vec<&Revocation> = self.entries.values().filter(blocks).collect();
        newest.sort_by(|a, b| b.written_at().cmp(&a.written_at()));
        newest
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

    /// The certificates that stay until they are lifted, since nobody knows when they end.
    pub fn endless(&self) -> impl Iterator<Item = &Revocation> {
        let endless =
            |e: &&Revocation| matches!(e.key, RevocationKey::Certificate(_)) && e.until.is_none();
        self.entries.values().filter(endless)
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
            "users": "\nuser.616c696365 2026-11-30 left (by admin)",
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
    fn what_concerns_a_request_is_of_its_user_and_its_requester() {
        let list = list(&json!({
            hex('a'): "2026-11-29 laptop stolen (by admin)\nuser: bob",
            hex('b'): "2026-11-30 phone stolen (by admin)\nuser: bob",
            hex('c'): "2026-11-30 nobody knows whose (by admin)",
            "users": "\nuser.616c696365 2026-11-30 left (by admin)",
        }));
        let bobs =
            vec!["2026-11-30 phone stolen (by admin)", "2026-11-29 laptop stolen (by admin)"];
        let found = list.against("bob", "bob", Some(&print('f')));
        let (users, requesters) = (bobs.clone(), bobs.clone());
        assert_eq!(found, Revoked { users, requesters, ..Revoked::default() });
        let found = list.against("alice", "bob", Some(&print('a')));
        assert_eq!(found.user, Some("2026-11-30 left (by admin)"));
        assert_eq!(found.requester, Some("2026-11-29 laptop stolen (by admin)"));
        assert_eq!((found.users, found.requesters), (Vec::new(), bobs));
        assert!(list.against("carol", "bob", None) == Revoked::default(), "it was a token");
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
    fn a_file_holds_the_list_alone_or_among_others() {
        let map = "kind: ConfigMap\nmetadata: {name: revoked-certificates}\ndata:\n  user.616c696365: left\n";
        let list = RevocationList::parse(map).unwrap();
        assert_eq!(list.user("alice").unwrap().line, "left");
        let among = format!("kind: Namespace\n---\n{map}");
        assert_eq!(RevocationList::parse(&among), Ok(list.clone()));
        let json = json!({ "kind": "List", "items": [yaml::parse(map).unwrap()] }).to_string();
        assert_eq!(RevocationList::parse(&json), Ok(list));
        let other = map.replace("revoked-", "other-");
        assert_eq!(RevocationList::parse(&other), Err(ListError::None));
        assert_eq!(RevocationList::parse(&format!("{map}---\n{map}")), Err(ListError::Several));
        assert!(matches!(RevocationList::parse("a: ["), Err(ListError::Yaml(_))));
    }

    #[test]
    fn an_entry_that_nothing_refuses_by_is_none() {
        let list = list(&json!({ "users": "\nuser.73797374656d3a78 x\n" }));
        assert!(list.user("system:x").is_none() && list.newest().is_empty());
        assert_eq!(list.damaged[0].key, "user.73797374656d3a78 (user/system:x)");
    }

    #[test]
    fn the_test_entry_is_none_of_the_others() {
        let test = RevocationKey::test().to_string();
        let list = list(&json!({ test: "x" }));
        assert!(list.has_test && list.entries().len() == 0 && list.newest().is_empty());
        assert!(!RevocationList::read(&json!({})).has_test);
    }

    #[test]
    fn the_newest_come_first_by_day_and_time() {
        let list = list(&json!({
            hex('a'): "2026-11-29 x (by y)\nat: 23:00:00",
            hex('b'): "2026-11-30 x (by y)\nat: 08:00:00",
            hex('c'): "2026-11-30 x (by y)\nat: 09:30:00",
            hex('d'): "made by hand",
            format!("except.{}", hex('e')): "2026-12-30 x (by y)",
            "user.616c696365": "2026-11-30 x (by y)",
        }));
        let order: String = list.newest().iter().map(|e| e.key.to_string().remove(0)).collect();
        assert_eq!(order, "cbuad");
        let endless: Vec<String> = list.endless().map(|e| e.key.to_string()).collect();
        assert_eq!(endless.len(), 4);
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
