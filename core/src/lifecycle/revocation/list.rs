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
#[path = "list_tests.rs"]
mod tests;
