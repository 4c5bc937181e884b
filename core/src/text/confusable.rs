//! When two names imitate each other.
//!
//! Names are folded in two orders: letter case first, since `ADMIN` is read as `admin`, and letters
//! first, since the `I` of `aIice` is read as an l. Folding letters is the confusable skeleton of
//! Unicode TR39 after NFKC. What is left to doubt is i and l: they are told apart only where both
//! names write them as nothing else can be written.
//!
//! The whole tables of Unicode are a third of what the web page would load. There only reserved names
//! matter, and what their letters can be imitated with is short: `imitators.in`, which a test writes
//! and compares with the whole tables.

#[cfg(feature = "unicode")]
use unicode_normalization::UnicodeNormalization as _;

use super::hidden::is_hidden;

/// What a name looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The name folded in both orders; i and l are different.
    forms: [String; 2],
    /// The same with i and l alike.
    keys: [String; 2],
    /// Whether an i or l of it may be read as the other one.
    doubtful: bool,
}

impl Look {
    /// The look of a name.
    pub fn of(name: &str) -> Self {
        let name = compared(name);
        let forms = forms(name);
        let keys = [0, 1].map(|order: usize| {
            forms.get(order).map(|form| form.replace('i', "l")).unwrap_or_default()
        });
        Self { forms, keys, doubtful: is_doubtful(name) }
    }

    /// Whether one of two different names with these looks can be taken for the other.
    pub fn imitates(&self, other: &Self) -> bool {
        let share = |ours: &[String], theirs: &[String]| ours.iter().any(|o| theirs.contains(o));
        share(&self.forms, &other.forms)
            || ((self.doubtful || other.doubtful) && share(&self.keys, &other.keys))
    }

    /// What names that imitate each other share at least one of: to look them up by.
    pub fn keys(&self) -> &[String; 2] {
        &self.keys
    }

    /// Whether a name with this look can be taken for one with the other, even if only i and l are
    /// exchanged.
    pub(crate) fn is_that_of(&self, other: &Self) -> bool {
        self.keys.iter().zip(&other.keys).any(|(ours, theirs)| ours == theirs)
    }

    /// Whether a name with this look can be taken for one that begins with the other.
    pub(crate) fn begins_with(&self, other: &Self) -> bool {
        self.keys.iter().zip(&other.keys).any(|(ours, theirs)| ours.starts_with(theirs))
    }
}

/// Whether a word of the name has Latin letters beside some of the alphabets that share shapes with them:
/// Greek, Cyrillic, Armenian, Cherokee.
pub(crate) fn mixes_alphabets(name: &str) -> bool {
    let shared = |c: char| {
        c.is_alphabetic()
            && matches!(u32::from(c), 0x370..=0x58f | 0x13a0..=0x13ff | 0x1f00..=0x1fff)
    };
    name.split(|c: char| !c.is_alphanumeric())
        .any(|word| word.contains(|c: char| c.is_ascii_alphabetic()) && word.contains(shared))
}

/// The most of a name that is looked at, in bytes. Longer ones are refused whatever they look like, and
/// folding takes a microsecond a character: a request or a binding can hold a million.
#[cfg(feature = "unicode")]
pub(crate) const COMPARED: usize = 256;

#[cfg(feature = "unicode")]
fn compared(name: &str) -> &str {
    name.get(..name.floor_char_boundary(COMPARED)).unwrap_or(name)
}

#[cfg(not(feature = "unicode"))]
fn compared(name: &str) -> &str {
    name
}

/// The name in lower case first, and letters first.
#[cfg(feature = "unicode")]
fn forms(name: &str) -> [String; 2] {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b)) {
        let folded = |c: char| match c.to_ascii_lowercase() {
            '0' => "o".to_owned(),
            '1' => "l".to_owned(),
            'm' => "rn".to_owned(),
            c => c.to_string(),
        };
        let case_first: String = name.chars().map(folded).collect();
        let letters_first = match name.contains('I') {
            true => name.replace('I', "l").chars().map(folded).collect(),
            false => case_first.clone(),
        };
        return [case_first, letters_first];
    }
    forms_of_any(name)
}

#[cfg(feature = "unicode")]
fn forms_of_any(name: &str) -> [String; 2] {
    let visible: String = name.chars().map(as_drawn).nfkc().filter(|c| !is_hidden(*c)).collect();
    let visible = visible.trim();
    [letters_folded(&visible.to_lowercase()), letters_folded(visible)]
}

/// The most letters that one character is taken for; whole words in one, as U+FDFA, imitate nothing.
#[cfg(feature = "unicode")]
const MOST_LETTERS: usize = 4;

/// A character of another alphabet that NFKC would exchange for one that looks different, as the one that it
/// is drawn like: U+03F2 as c and not as a sigma.
#[cfg(feature = "unicode")]
fn as_drawn(c: char) -> char {
    if c.is_ascii() || c.nfkc().all(|n| n == c || n.is_ascii()) {
        return c;
    }
    if c.nfkc().nth(MOST_LETTERS).is_some() {
        return char::REPLACEMENT_CHARACTER;
    }
    let mut drawn = unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).collect::<Vec<_>>();
    match drawn.pop() {
        Some(like) if like.is_ascii() && drawn.is_empty() => like,
        _ => c,
    }
}

#[cfg(feature = "unicode")]
fn letters_folded(name: &str) -> String {
    let lower = unicode_security::skeleton(name).collect::<String>().to_lowercase();
    // Lower-casing can bring characters back for which TR39 has a skeleton of their own. A dot above a letter
    // that has one is not drawn.
    unicode_security::skeleton(&lower)
        .collect::<String>()
        .replace("i\u{307}", "i")
        .replace("j\u{307}", "j")
}

#[cfg(not(feature = "unicode"))]
fn forms(name: &str) -> [String; 2] {
    let form = short_form(name);
    [form.clone(), form]
}

/// Whether it holds a character that is read as i or l and is neither, or capitals side by side, among
/// which a small l is read as a capital i.
fn is_doubtful(name: &str) -> bool {
    let mut capitals = 0;
    name.chars().any(|c| {
        capitals = if c.is_uppercase() { capitals + 1 } else { 0 };
        capitals > 1
            || match c {
                'I' | '1' | '|' => true,
                c if c.is_ascii() => false,
                c => {
                    let mut buffer = [0; 4];
                    forms(c.encode_utf8(&mut buffer)).iter().any(|form| form == "i" || form == "l")
                }
            }
    })
}

/// No reserved name looks longer than this; what comes behind cannot make a name look like one.
#[cfg(any(test, not(feature = "unicode")))]
const LONGEST: usize = 64;

/// What a name looks like as far as it is made of letters of reserved names; what is not, stays as it
/// is.
#[cfg(any(test, not(feature = "unicode")))]
fn short_form(name: &str) -> String {
    let visible = name.trim().chars().filter(|c| !is_hidden(*c)).take(LONGEST);
    let mut out = String::new();
    for c in visible {
        match IMITATORS.iter().find(|(_, imitators)| imitators.contains(c)) {
            Some((letters, _)) => out.push_str(letters),
            None => out.push(c),
        }
    }
    out
}

/// Letters of reserved names, with i and l alike, and the characters that look like them.
#[cfg(any(test, not(feature = "unicode")))]
const IMITATORS: &[(&str, &str)] = include!("imitators.in");

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write as _;

    use super::*;

    fn imitate(a: &str, b: &str) -> bool {
        let (a, b) = (Look::of(a), Look::of(b));
        assert_eq!(a.imitates(&b), b.imitates(&a));
        if a.imitates(&b) {
            assert!(a.keys().iter().any(|key| b.keys().contains(key)));
        }
        a.imitates(&b)
    }

    #[test]
    fn what_is_long_costs_no_more() {
        let long = "а".repeat(1000);
        assert_eq!(Look::of(&long), Look::of(&long[..COMPARED]));
        // One character that stands for eighteen.
        assert_eq!(Look::of("\u{fdfa}").forms[0].chars().count(), 1);
    }

    #[test]
    fn names_that_look_alike_imitate_each_other() {
        for (a, b) in [
            ("аdmin", "admin"),
            ("ｓystem:masters", "system:masters"),
            ("sys\u{200b}tem:x", "system:x"),
            ("a1ice", "alice"),
            ("Alice", "alice"),
            ("ADMIN", "admin"),
            ("ADMlN", "admin"),
            ("ALICE", "alice"),
            ("aIice", "alice"),
            ("AIice", "alice"),
            ("pool1", "pooll"),
            ("poolI", "pool1"),
            ("mamie", "marnie"),
            ("user0", "usero"),
            ("JULIA", "julia"),
            ("АДМИН", "админ"),
            ("ΒΟΒ", "bob"),
            ("FRONT-PROXY-CLIENT", "front-proxy-client"),
            ("chi\u{307}ef", "chief"),
            ("\u{3f2}hief", "chief"),
            ("chief\u{f8ff}", "chief"),
        ] {
            assert!(imitate(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_that_differ_to_the_eye_do_not() {
        for (a, b) in [
            ("alice", "bob"),
            ("ali", "all"),
            ("Ali", "all"),
            ("mail", "mall"),
            ("user1", "user2"),
            ("anna", "ana"),
        ] {
            assert!(!imitate(a, b), "{a} {b}");
        }
    }

    #[test]
    fn plain_names_are_folded_as_any_are() {
        for c in (0x20..0x7f_u8).map(char::from) {
            for name in [c.to_string(), format!("a{c}m")] {
                assert_eq!(forms(&name), forms_of_any(&name), "{name:?}");
            }
        }
    }

    /// Letters of the reserved names as keys have them.
    fn letters() -> String {
        let reserved = ["system:masters", "kubeadm:", "front-proxy-client", "aggregator"];
        reserved.iter().map(|name| Look::of(name).keys[0].clone()).collect()
    }

    /// What a character looks like, where that is made of these letters.
    fn imitated(c: char, letters: &str) -> Option<String> {
        let [case_first, letters_first] = Look::of(c.encode_utf8(&mut [0; 4])).keys;
        let made = |key: &String| !key.is_empty() && key.chars().all(|c| letters.contains(c));
        [letters_first, case_first].into_iter().find(made)
    }

    #[test]
    fn the_short_table_is_made_of_the_long_ones() {
        let letters = letters();
        let mut table = BTreeMap::<String, BTreeSet<char>>::new();
        // No imitator lies beyond the third plane.
        for c in (0..0x0003_0000_u32).filter_map(char::from_u32) {
            if let Some(key) = imitated(c, &letters).filter(|key| *key != c.to_string()) {
                table.entry(key).or_default().insert(c);
            }
        }
        let mut text =
            "// Written by the test text::confusable with USERCERT_WRITE_TABLES=1.\n&[\n"
                .to_owned();
        for (key, imitators) in table {
            let _ = write!(text, "    ({key:?}, \"");
            for (i, c) in imitators.into_iter().enumerate() {
                let new_line = if i > 0 && i % 12 == 0 { "\\\n        " } else { "" };
                let _ = write!(text, "{new_line}\\u{{{:x}}}", u32::from(c));
            }
            text.push_str("\"),\n");
        }
        text.push_str("]\n");
        if std::env::var_os("USERCERT_WRITE_TABLES").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/text/imitators.in");
            std::fs::write(file, &text).unwrap();
        } else {
            assert!(text == include_str!("imitators.in"), "run it with USERCERT_WRITE_TABLES=1");
        }
    }

    #[test]
    fn whole_names_look_reserved_in_both_ways() {
        for name in [
            "system:masters",
            "System:Masters",
            "ѕystem:nodes",
            "system：nodes",
            "ｓｙｓｔｅｍ:x",
            "systern:x",
            "sys\u{200b}tem:x",
            " kubeadm:x",
            "𝗸𝘂𝗯𝗲𝗮𝗱𝗺:x",
            "front–proxy–client",
            "FRONT-PROXY-CLIENT",
            "front-proxy-cIient",
            "aggregat0r",
            "alice",
            "",
        ] {
            for wanted in ["system:", "kubeadm:", "front-proxy-client", "aggregator"] {
                let full = Look::of(name).begins_with(&Look::of(wanted));
                assert_eq!(
                    short_form(name).starts_with(&short_form(wanted)),
                    full,
                    "{name} {wanted}"
                );
            }
        }
    }
}
