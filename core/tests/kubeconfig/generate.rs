//! Random kubeconfigs in the styles that people and programs write.

mod block;

use std::fmt::Write as _;

use serde_json::json;
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::Edit;

use self::block::Block;

/// SplitMix64: the same texts for the same seed, everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// A whole file.
pub(crate) fn kubeconfig(random: &mut Random) -> String {
    let mut text = if random.one_in(5) { json(random) } else { Block::new(random).file() };
    if random.one_in(6) {
        text = text.trim_end_matches('\n').to_owned();
    }
    if random.one_in(6) {
        text = text.replace('\n', "\r\n");
    }
    if random.one_in(12) {
        text.insert(0, '\u{feff}');
    }
    text
}

/// Damages a text a little.
pub(crate) fn mutate(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let seeds: Vec<char> = "\n\n  \t-:?#{}[],&*!|>'\"%~<=yn01ax\\\u{feff}\r".chars().collect();
    for _ in 0..=random.below(3) {
        if chars.is_empty() {
            break;
        }
        let at = random.below(chars.len());
        match random.below(5) {
            0 => {
                chars.remove(at);
            }
            1 => chars.insert(at, random.pick(&seeds)),
            2 => chars[at] = random.pick(&seeds),
            3 => {
                // A line goes.
                let text: String = chars.iter().collect();
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                let line = random.below(lines.len());
                lines.remove(line);
                chars = lines.concat().chars().collect();
            }
            _ => {
                // A line moves by a column or two.
                let text: String = chars.iter().collect();
                let mut lines: Vec<String> =
                    text.split_inclusive('\n').map(str::to_owned).collect();
                let line = random.below(lines.len());
                lines[line] = match lines[line].strip_prefix(' ') {
                    Some(less) if random.one_in(2) => less.to_owned(),
                    _ => format!(" {}", lines[line]),
                };
                chars = lines.concat().chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

/// One to four edits that make sense for the document, of new and existing entries.
pub(crate) fn edits(random: &mut Random, document: &Document<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    for _ in 0..=random.below(4) {
        edits.push(edit(random, document));
    }
    // Removing twice what is there once is an error.
    let mut removed = Vec::new();
    edits.retain(|edit| match edit {
        Edit::Remove { kind, name } => once(&mut removed, (*kind, name)),
        _ => true,
    });
    edits
}

fn once(seen: &mut Vec<(Kind, String)>, (kind, name): (Kind, &String)) -> bool {
    let new = !seen.contains(&(kind, name.clone()));
    seen.push((kind, name.clone()));
    new
}

/// One such edit.
pub(crate) fn edit(random: &mut Random, document: &Document<'_>) -> Edit {
    let kind = random.pick(&Kind::ALL);
    let entries = document.entries(kind);
    let existing = (!entries.is_empty()).then(|| entries[random.below(entries.len())].name.clone());
    let existing = existing.filter(|name| !name.is_empty());
    let fresh = random.pick(&["new", "new: one", "on", "0b1", "#", "n\u{202e}ew\n"]).to_owned();
    let current = random.pick(&["anna", "no", "x: y"]).to_owned();
    match (random.below(6), existing) {
        (0, _) => Edit::SetCurrentContext(current),
        (1, _) => Edit::ClearCurrentContext,
        (2, Some(name)) => Edit::Remove { kind, name },
        (way, existing) => {
            let name = existing.filter(|_| way < 5).unwrap_or(fresh);
            let empty = random.one_in(8);
            let full = match kind {
                Kind::Cluster => {
                    json!({"server": "https://n", "certificate-authority-data": "YQ=="})
                }
                Kind::User => {
                    let exec = json!({"apiVersion": "v1", "command": "y", "args": ["a", "1"],
                        "env": [{"name": "A", "value": "no"}]});
                    json!({"client-key-data": "YWI=", "token": "1_0", "exec": exec})
                }
                Kind::Context => json!({"cluster": "y", "user": "~"}),
            };
            Edit::Set { kind, name, body: if empty { json!({}) } else { full } }
        }
    }
}

const NAMES: [&str; 16] = [
    "anna",
    "bert@one",
    "arn:aws:eks:eu-central-1:1:cluster/x",
    "a b",
    "y",
    "no",
    "1_000",
    "0x1F",
    "~",
    "ü",
    "日本",
    "it's",
    "say \"hi\"",
    "a: b",
    "# not a comment",
    "gke_p_europe-west1-b_c",
];

const TEXTS: [&str; 12] = [
    "abc",
    "no",
    "123",
    "x#y",
    "a, b",
    "k: v",
    "- x",
    "&a",
    "http://h:1/p?q=1",
    "",
    "ä€🦀",
    "multi\nline\n",
];

fn scalar(random: &mut Random, text: &str) -> String {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"@:/._-".contains(&b))
        && !["y", "no", "123", "1_000", "0x1F", "~"].contains(&text);
    match random.below(3) {
        0 if plain => text.to_owned(),
        1 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
        _ => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
        }
    }
}

fn json(random: &mut Random) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut sections = Vec::new();
    for (section, body_key, bodies) in [
        ("clusters", "cluster", "server"),
        ("users", "user", "token"),
        ("contexts", "context", "cluster"),
    ] {
        match random.below(6) {
            0 => {}
            1 => sections.push(format!("{}: null", quoted(section))),
            2 => sections.push(format!("{}: []", quoted(section))),
            _ => {
                let mut entries = Vec::new();
                for name in names(random) {
                    let text = random.pick(&TEXTS[..9]);
                    let body = if random.one_in(5) {
                        "{}".to_owned()
                    } else {
                        format!("{{{}: {}}}", quoted(bodies), quoted(text))
                    };
                    let mut pairs = [
                        format!("\"name\": {}", quoted(name)),
                        format!("{}: {body}", quoted(body_key)),
                    ];
                    if random.one_in(2) {
                        pairs.reverse();
                    }
                    entries.push(format!("{{{}}}", pairs.join(", ")));
                }
                sections.push(format!("{}: [{}]", quoted(section), entries.join(", ")));
            }
        }
    }
    sections.push("\"kind\": \"Config\"".into());
    if random.one_in(2) {
        sections.push(format!("\"current-context\": {}", quoted(random.pick(&NAMES))));
    }
    let at = random.below(sections.len());
    sections.rotate_left(at);
    let text = format!("{{{}}}", sections.join(", "));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    match random.below(4) {
        0 => text,
        1 => value.to_string(),
        2 => serde_json::to_string_pretty(&value).unwrap() + "\n",
        _ => {
            let mut out = Vec::new();
            let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
            let mut serializer = serde_json::Serializer::with_formatter(&mut out, tabs);
            serde::Serialize::serialize(&value, &mut serializer).unwrap();
            String::from_utf8(out).unwrap() + "\n"
        }
    }
}

fn names(random: &mut Random) -> Vec<&'static str> {
    let mut names = NAMES.to_vec();
    for at in (1..names.len()).rev() {
        names.swap(at, random.below(at + 1));
    }
    names.truncate(1 + random.below(4));
    names
}

fn field(random: &mut Random, body_key: &str) -> &'static str {
    match body_key {
        "cluster" => random.pick(&["server", "proxy-url", "tls-server-name"]),
        "user" => random.pick(&["token", "username", "password", "as"]),
        _ => random.pick(&["cluster", "user", "namespace"]),
    }
}
