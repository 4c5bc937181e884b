//! The texts that hold the entries: few keys of the ConfigMap, however many entries there are.
//!
//! For each request that a policy sees, kube-apiserver converts the policy's whole parameter before it
//! evaluates anything (`apiserver/pkg/admission/plugin/cel/activation.go`). That costs by the number of
//! keys, and hardly by the length of their values; what is searched costs by its length. So an entry is a
//! line `KEY VALUE` of one of 64 texts for certificates, named by the beginning of their keys, or of the
//! one for users. Such a line follows a line break; lines whose first word is not a key belong to the entry
//! above.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Revocation, RevocationKey};

/// How the keys of the texts for certificates begin; the first two digits follow, the second one rounded
/// down to 0, 4, 8 or c.
pub const PART: &str = "part.";
/// The key of the text for users.
pub const USERS: &str = "users";
/// Longest text that is written, in bytes. The policy searches one for each write, at a cost that grows with the
/// text and the user's name: with a name of 120 bytes, some 390 kB reach kube-apiserver's limit
/// (`apiserver/pkg/apis/cel/config.go`), and then the policy fails, which refuses all writes of that user.
pub const MAX_TEXT: usize = 300_000;

/// The key of the text that holds an entry.
#[must_use]
pub fn part(key: &RevocationKey) -> String {
    let (RevocationKey::Certificate(print) | RevocationKey::Exception(print)) = key else {
        return USERS.to_owned();
    };
    format!("{PART}{:02x}", print.first_byte() & 0xfc)
}

/// Whether a key of the ConfigMap is that of a text.
#[must_use]
pub fn is_part(key: &str) -> bool {
    let digits = key.strip_prefix(PART).map(str::as_bytes);
    key == USERS || matches!(digits, Some([b'0'..=b'9' | b'a'..=b'f', b'0' | b'4' | b'8' | b'c']))
}

/// Whether the value of a key is a text that is too long.
#[must_use]
pub fn is_long(key: &str, value: &str) -> bool {
    is_part(key) && value.len() > MAX_TEXT
}

/// The key of a text that this patch of what was read makes too long, or leaves so without making it shorter; and how
/// long it would be.
#[must_use]
pub fn too_long<'p>(read: &Value, patch: &'p Value) -> Option<(&'p str, usize)> {
    patch["data"].as_object()?.iter().find_map(|(key, value)| {
        let text = value.as_str().filter(|text| is_long(key, text))?;
        let before = read["data"][key].as_str().map_or(0, str::len);
        (text.len() >= before).then_some((key.as_str(), text.len()))
    })
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Whose entry it is, or the first word of what is not an entry.
    pub key: Result<RevocationKey, &'t str>,
    /// The whole of it.
    pub text: &'t str,
    /// What follows the key.
    pub value: &'t str,
}

/// Takes a text apart.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let word = line.split_whitespace().next().unwrap_or_default();
        // With anything before it, or without the space, no mechanism finds it.
        let is_entry = line.strip_prefix(word).is_some_and(|rest| rest.starts_with(' '));
        let key = RevocationKey::parse(word).filter(|_| is_entry).ok_or(word);
        // A field of the entry above, or nothing.
        let belongs = key.is_err() && (word.ends_with(':') || line.trim().is_empty());
        if at == 0 {
            // No line break precedes it.
            starts.push((at, word, Err(word)));
        } else if !belongs {
            starts.push((at, word, key));
        }
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|(at, ..)| *at).chain([at]).collect();
    for ((start, word, key), end) in starts.into_iter().zip(ends) {
        let text = &text[start..end];
        let value = text.strip_prefix(word).unwrap_or_default().trim_start_matches(' ');
        pieces.push(Piece { key, text, value });
    }
    pieces
}

/// The merge patch that writes these entries and takes out what these keys name, bound to the version of
/// the list that it was made from; `None` if nothing would change.
#[must_use]
pub fn changes(config_map: &Value, put: &[Revocation], take: &[RevocationKey]) -> Option<Value> {
    let data = &config_map["data"];
    let touched: BTreeSet<&RevocationKey> = put.iter().map(|e| &e.key).chain(take).collect();
    let mut patch = Map::new();
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for key in &touched {
        // It may have a key of its own.
        let own = key.to_string();
        if !data[&own].is_null() {
            patch.insert(own, Value::Null);
        }
        let name = part(key);
        let present = data[&name].as_str().unwrap_or_default();
        parts.entry(name).or_insert_with(|| without(present, &touched));
    }
    for entry in put {
        if let Some(text) = parts.get_mut(&part(&entry.key)) {
            text.push_str(&format!("{} {}\n", entry.key, entry.value()));
        }
    }
    for (name, text) in parts {
        let text = Some(text).filter(|text| text != "\n");
        if text.as_deref() != data[&name].as_str() {
            patch.insert(name, text.into());
        }
    }
    let version = &config_map["metadata"]["resourceVersion"];
    let patch = Some(patch).filter(|patch| !patch.is_empty())?;
    Some(json!({ "metadata": { "resourceVersion": version }, "data": patch }))
}

/// The keys of the list under which the server stored something else than this patch makes of what was read:
/// a policy or webhook that mutates has changed it on the way.
#[must_use]
pub fn altered(read: &Value, patch: &Value, stored: &Value) -> Vec<String> {
    let mut wanted = read["data"].as_object().cloned().unwrap_or_default();
    wanted.extend(patch["data"].as_object().cloned().unwrap_or_default());
    let keys: BTreeSet<&String> =
        wanted.keys().chain(stored["data"].as_object().into_iter().flat_map(Map::keys)).collect();
    let differs = |key: &&String| wanted.get(*key).unwrap_or(&Value::Null) != &stored["data"][*key];
    keys.into_iter().filter(differs).cloned().collect()
}

/// The merge patch that brings entries with keys of their own, as lists of old and people have them, into
/// the texts; `None` if there are none. The test entry keeps its key.
#[must_use]
pub fn gathered(config_map: &Value) -> Option<Value> {
    let data = config_map["data"].as_object()?;
    let own = data.iter().filter_map(|(key, value)| {
        let key = RevocationKey::parse(key).filter(|key| *key != RevocationKey::test())?;
        Some(Revocation::read(key, value.as_str().unwrap_or_default()).0)
    });
    changes(config_map, &own.collect::<Vec<_>>(), &[])
}

/// A text without what these keys name, ready for a further entry.
fn without(text: &str, keys: &BTreeSet<&RevocationKey>) -> String {
    let pieces = pieces(text);
    let stays = |piece: &&Piece<'_>| piece.key.as_ref().map_or(true, |key| !keys.contains(key));
    let mut text: String = pieces.iter().filter(stays).map(|piece| piece.text).collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::RevocationList;
    use crate::time::UnixTime;

    fn certificate(digit: char) -> RevocationKey {
        RevocationKey::Certificate(digit.to_string().repeat(64).parse().unwrap())
    }

    fn entry(key: RevocationKey, reason: &str) -> Revocation {
        let now: UnixTime = "2026-11-30T02:00:00Z".parse().unwrap();
        Revocation::new(key, reason, "admin", now)
    }

    #[test]
    fn what_the_server_stores_otherwise_is_named() {
        let read = json!({ "data": { "a": "1", "b": "2" } });
        let patch =
            json!({ "metadata": { "resourceVersion": "1" }, "data": { "b": null, "c": "3" } });
        let stored = |data: Value| altered(&read, &patch, &json!({ "data": data }));
        assert!(stored(json!({ "a": "1", "c": "3" })).is_empty());
        assert_eq!(stored(json!({ "a": "1" })), ["c"]);
        assert_eq!(stored(json!({ "a": "1", "b": "2", "c": "3" })), ["b"]);
        assert_eq!(stored(json!({ "a": "0", "c": "3", "d": "4" })), ["a", "d"]);
        assert_eq!(stored(Value::Null), ["a", "c"]);
        let emptied = json!({ "data": { "a": null, "b": null } });
        assert!(altered(&read, &emptied, &json!({})).is_empty());
    }

    fn patched(mut config_map: Value, patch: Option<Value>) -> Value {
        for (key, value) in patch.unwrap()["data"].as_object().unwrap() {
            match value {
                Value::Null => drop(config_map["data"].as_object_mut().unwrap().remove(key)),
                text => config_map["data"][key] = text.clone(),
            }
        }
        config_map
    }

    #[test]
    fn a_text_holds_a_range_of_certificates_or_the_users() {
        let of = |start: &str| {
            let print = format!("{start}{}", "0".repeat(62)).parse().unwrap();
            [RevocationKey::Certificate(print), RevocationKey::Exception(print)]
                .map(|key| part(&key))
        };
        for (start, name) in
            [("00", "part.00"), ("3f", "part.3c"), ("ab", "part.a8"), ("c7", "part.c4")]
        {
            assert_eq!(of(start), [name, name]);
            assert!(is_part(name));
        }
        assert_eq!(part(&RevocationKey::of_user("alice").unwrap()), "users");
        assert!(
            is_part("users") && !is_part("part.a") && !is_part("part.a1") && !is_part("part.A0")
        );
    }

    #[test]
    fn entries_are_written_found_and_taken_out_again() {
        let (a, b) = (certificate('a'), RevocationKey::Exception("a".repeat(64).parse().unwrap()));
        let empty = json!({ "metadata": { "resourceVersion": "7" }, "data": { "note": "x" } });
        let patch = changes(&empty, &[entry(a.clone(), "stolen"), entry(b.clone(), "new")], &[]);
        assert_eq!(patch.as_ref().unwrap()["metadata"]["resourceVersion"], "7");
        let two = patched(empty, patch);
        let text = format!(
            "\n{a} 2026-11-30 stolen (by admin)\nat: 02:00:00\n{b} 2026-11-30 new (by admin)\nat: 02:00:00\n"
        );
        assert_eq!(two["data"], json!({ "note": "x", "part.a8": text }));
        let list = RevocationList::read(&two);
        assert_eq!(list.entry(&a), Some(&entry(a.clone(), "stolen")));
        assert_eq!(list.entry(&b), Some(&entry(b.clone(), "new")));
        let one = patched(two.clone(), changes(&two, &[], std::slice::from_ref(&a)));
        assert_eq!(RevocationList::read(&one).entries().len(), 1);
        // The other is as it was, byte for byte.
        assert!(text.ends_with(one["data"]["part.a8"].as_str().unwrap()));
        let none = patched(one.clone(), changes(&one, &[], &[b]));
        assert_eq!(none["data"], json!({ "note": "x" }));
        assert_eq!(changes(&none, &[], &[a]), None, "nothing to do");
    }

    #[test]
    fn a_key_of_its_own_is_in_force_until_it_is_gathered_or_taken_out() {
        let (a, b) = (certificate('a'), certificate('b'));
        let test = RevocationKey::test().to_string();
        let data = json!({
            a.to_string(): "2026-11-29 by hand\nuntil: 2026-12-30T00:00:00Z",
            test.clone(): "test",
            "part.b8": format!("\n{b} lost"),
        });
        let old = json!({ "data": data });
        let list = RevocationList::read(&old);
        assert_eq!(list.entries().len(), 2);
        let new = patched(old.clone(), gathered(&old));
        assert_eq!(RevocationList::read(&new), list);
        let keys: Vec<&String> = new["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.contains(&&test) && gathered(&new).is_none());
        let lifted = patched(old.clone(), changes(&old, &[], &[a]));
        assert_eq!(RevocationList::read(&lifted).entries().len(), 1);
        // What is written anew replaces it, wherever it was.
        let again = patched(old.clone(), changes(&old, &[entry(b.clone(), "stolen")], &[]));
        assert_eq!(again["data"]["part.b8"].as_str().unwrap().matches(&b.to_string()).count(), 1);
    }

    #[test]
    fn a_text_that_is_too_long_only_becomes_shorter() {
        let users = |count: usize| -> String {
            let name = |n| RevocationKey::of_user(&format!("{n:0>120}")).unwrap();
            (0..count).map(|n| format!("\n{} left", name(n))).collect()
        };
        let (full, over) = (users(1_190), users(1_300));
        assert!(full.len() < MAX_TEXT && over.len() > MAX_TEXT);
        let list = |text: &str| json!({ "data": { "users": text } });
        let key = RevocationKey::of_user("alice").unwrap();
        let adding = |text: &str| changes(&list(text), &[entry(key.clone(), "left")], &[]).unwrap();
        assert_eq!(too_long(&list(&full), &adding(&full)), None);
        let (name, length) =
            too_long(&list(&over), &adding(&over)).map(|(n, l)| (n.to_owned(), l)).unwrap();
        assert_eq!((name.as_str(), length > over.len()), ("users", true));
        let first = RevocationKey::of_user(&"0".repeat(120)).unwrap();
        let lifted = changes(&list(&over), &[], &[first]).unwrap();
        assert_eq!(too_long(&list(&over), &lifted), None);
        assert!(
            RevocationList::read(&list(&over)).is_long
                && !RevocationList::read(&list(&full)).is_long
        );
    }

    #[test]
    fn what_no_mechanism_finds_is_told() {
        let (a, b) = (certificate('a'), certificate('b'));
        let upper = "C".repeat(64);
        let text = format!(
            "{a} first\n{b} in the wrong text\n{upper} x\nuntil: x\n{a}\n{a} found\r\nuser: x\n\nnote\n"
        );
        let list = RevocationList::read(&json!({ "data": { "part.a8": text } }));
        assert_eq!(list.entries().map(|e| &e.key).collect::<Vec<_>>(), [&a]);
        assert_eq!(list.entry(&a).unwrap().line, "found");
        assert_eq!(list.entry(&a).unwrap().user.as_deref(), Some("x"));
        let told: Vec<&str> = list.damaged.iter().map(|d| d.key.as_str()).collect();
        let (a, b) = (format!("part.a8: {a}"), format!("part.a8: {b}"));
        assert_eq!(told, [&a, &b, &format!("part.a8: {upper}"), &a, "part.a8: note"]);
    }
}
