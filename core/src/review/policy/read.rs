//! Reading a policy file: what its fields hold, beside the types themselves.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Pattern, Policy, PolicyError, RsaBits, Severities};
use crate::encoding::handwritten;
use crate::review::{FindingCode, Severity};
use crate::x509::lifetime::Lifetime;

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    let mut empty = true;
    handwritten::walk(text, |node| {
        empty = false;
        handwritten::unambiguous(node)
    })?;
    if empty {
        return Err(PolicyError { line: 1, column: 1, problem: "it is empty".to_owned() });
    }
    handwritten::from_str(text)
}

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            Err("an empty pattern, which no name matches")
        } else if text.trim() != text || text.contains(char::is_control) {
            // As `- |` leaves one: a rule that denies it denies nothing.
            Err(
                "a pattern with space at an end, a line break or another control character, which no name that is meant matches",
            )
        } else {
            Ok(Self::new(text))
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        handwritten::word(deserializer)
    }
}

pub(super) fn lifetime<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Lifetime>, D::Error> {
    handwritten::word(deserializer).map(Some)
}

impl TryFrom<u64> for RsaBits {
    type Error = &'static str;

    fn try_from(bits: u64) -> Result<Self, Self::Error> {
        let bits = usize::try_from(bits).ok().filter(|bits| (1024..=8192).contains(bits));
        bits.map(Self).ok_or("minimumRsaBits: must be from 1024 to 8192")
    }
}

/// A finding whose weight a policy may change.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Changeable(FindingCode);

impl FromStr for Changeable {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let code: FindingCode = word.parse().map_err(|e| format!("{e}"))?;
        if code.severity() == Severity::Hard {
            return Err(format!("{word}: it always refuses, and no policy can change that"));
        }
        Ok(Self(code))
    }
}

impl<'de> Deserialize<'de> for Changeable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        handwritten::word(deserializer)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Weight {
    Allow,
    Warn,
    Refuse,
}

impl From<Weight> for Severity {
    fn from(weight: Weight) -> Self {
        match weight {
            Weight::Allow => Self::Info,
            Weight::Warn => Self::Warn,
            Weight::Refuse => Self::Refuse,
        }
    }
}

impl<'de> Deserialize<'de> for Severities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Severities;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from findings to allow, warn or refuse")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Severities, A::Error> {
                let mut severities = BTreeMap::new();
                while let Some((Changeable(code), weight)) = map.next_entry::<_, Weight>()? {
                    if severities.insert(code, weight.into()).is_some() {
                        return Err(A::Error::custom(format!("{} appears twice", code.as_str())));
                    }
                }
                Ok(Severities(severities))
            }
        }
        deserializer.deserialize_any(Entries)
    }
}
