//! Random kubeconfigs in the styles that people and programs write.

use std::fmt::Write as _;

use serde_json::json;
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::Edit;

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

struct Block<'r> {
    random: &'r mut Random,
    out: String,
    offset: usize,
    unit: usize,
    anchors: Vec<String>,
}

impl<'r> Block<'r> {
    fn new(random: &'r mut Random) -> Self {
        let (offset, unit) = (random.pick(&[0, 0, 2, 4]), random.pick(&[2, 2, 1, 4]));
        Block { random, out: String::new(), offset, unit, anchors: Vec::new() }
    }

    fn file(mut self) -> String {
        if self.random.one_in(6) {
            self.out.push_str("---\n");
        }
        let mut parts = [0, 1, 2, 3, 4, 5, 6];
        for at in (1..parts.len()).rev() {
            parts.swap(at, self.random.below(at + 1));
        }
        for part in parts {
            self.noise(0);
            match part {
                0 => self.section("clusters", "cluster"),
                1 => self.section("users", "user"),
                2 => self.section("contexts", "context"),
                3 => self.line(0, "apiVersion: v1"),
                4 => self.line(0, "kind: Config"),
                5 if self.random.one_in(2) => {
                    let name = scalar(self.random, NAMES[self.random.0 as usize % NAMES.len()]);
                    self.line(0, &format!("current-context: {name}"));
                }
                6 if self.random.one_in(3) => self.line(0, "x-unknown: {a: [1, yes, ~], b: 'c'}"),
                _ => {}
            }
        }
        self.noise(0);
        if self.random.one_in(12) {
            self.out.push_str("...\n");
        }
        self.out
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = write!(self.out, "{:indent$}{text}", "");
        if self.random.one_in(8) && !text.ends_with('|') {
            self.out.push_str(if self.random.one_in(2) { " # note" } else { "\t# note: [x" });
        }
        if self.random.one_in(15) {
            self.out.push_str("  ");
        }
        self.out.push('\n');
    }

    /// Comments and blank lines.
    fn noise(&mut self, indent: usize) {
        while self.random.one_in(6) {
            match self.random.below(3) {
                0 => self.out.push('\n'),
                1 => {
                    let indent = self.random.below(indent + 3);
                    let _ = writeln!(self.out, "{:indent$}# users: ['{{", "");
                }
                _ => {
                    let _ = writeln!(self.out, "{:indent$}# - name: x", "");
                }
            }
        }
    }

    fn key(&mut self, key: &str) -> String {
        match self.random.below(12) {
            0 => format!("\"{key}\""),
            1 => format!("'{key}'"),
            2 => format!("{key} "),
            _ => key.to_owned(),
        }
    }

    fn section(&mut self, section: &str, body_key: &str) {
        let key = self.key(section);
        match self.random.below(14) {
            0 => return,
            1 => return self.line(0, &format!("{key}: []")),
            2 => return self.line(0, &format!("{key}: null")),
            3 => return self.line(0, &format!("{key}:")),
            4 => return self.flow_section(&key, body_key),
            _ => {}
        }
        self.line(0, &format!("{key}:"));
        let dash = self.offset;
        for name in names(self.random) {
            self.noise(dash);
            let gap = self.random.pick(&[1, 1, 1, 3]);
            let column = dash + 1 + gap;
            if self.random.one_in(8) {
                let body = self.flow_body(body_key);
                let name = scalar(self.random, name);
                self.line(dash, &format!("-{:gap$}{{name: {name}, {body_key}: {body}}}", ""));
                continue;
            }
            let name_first = self.random.one_in(2);
            let _ = write!(self.out, "{:dash$}-{:gap$}", "", "");
            let name_key = self.key("name");
            let name_line = format!("{name_key}: {}", scalar(self.random, name));
            if name_first {
                self.line(0, &name_line);
                self.noise(column);
                self.body(body_key, column, column);
            } else {
                self.body(body_key, 0, column);
                self.noise(column);
                self.line(column, &name_line);
            }
            if self.random.one_in(10) {
                self.line(column, "note: {a: b}");
            }
        }
    }

    fn flow_section(&mut self, key: &str, body_key: &str) {
        let many_lines = self.random.one_in(2);
        let mut entries = Vec::new();
        for name in names(self.random) {
            let body = self.flow_body(body_key);
            let name = scalar(self.random, name);
            entries.push(format!("{{name: {name}, {body_key}: {body}}}"));
        }
        if many_lines {
            let comma = if self.random.one_in(3) { "," } else { "" };
            self.line(0, &format!("{key}: [\n  {}{comma}\n  ]", entries.join(",\n  ")));
        } else {
            self.line(0, &format!("{key}: [{}]", entries.join(", ")));
        }
    }

    fn flow_body(&mut self, body_key: &str) -> String {
        let field = field(self.random, body_key);
        let text = self.random.pick(&TEXTS);
        let text = scalar(self.random, text);
        match self.random.below(4) {
            0 => "{}".into(),
            1 => "null".into(),
            2 => format!("{{{field}: {text}}}"),
            _ => format!("{{ \"{field}\": {text}, x-note: [1, {{a: b}}] }}"),
        }
    }

    fn body(&mut self, body_key: &str, first: usize, column: usize) {
        let key = self.key(body_key);
        match self.random.below(12) {
            0 => return self.line(first, &format!("{key}: {{}}")),
            1 => return self.line(first, &format!("{key}:")),
            2 => {
                let body = self.flow_body(body_key);
                return self.line(first, &format!("{key}: {body}"));
            }
            3 if !self.anchors.is_empty() => {
                // What is of another kind has other fields, which are unknown there.
                let anchor = self.random.pick(&self.anchors);
                return self.line(first, &format!("{key}: *{anchor}"));
            }
            4 => {
                let anchor = format!("a{}", self.anchors.len());
                self.line(first, &format!("{key}: &{anchor}"));
                self.anchors.push(anchor);
            }
            _ => self.line(first, &format!("{key}:")),
        }
        let indent = column + self.unit;
        let mut fields = vec![field(self.random, body_key)];
        if self.random.one_in(2) {
            fields.push("x-more");
        }
        if body_key == "user" && self.random.one_in(3) {
            fields.push("client-certificate-data");
        }
        if self.random.one_in(6) && !self.anchors.is_empty() && self.out.contains(" *a") {
            let known = format!("<<: *{}", self.anchors[0]);
            if self.out.contains(&format!("&{}", self.anchors[0])) && self.anchors.len() > 1 {
                self.line(indent, &known);
            }
        }
        for field in fields {
            self.noise(indent);
            let key = self.key(field);
            if field == "client-certificate-data" {
                self.line(indent, &format!("{key}: |"));
                self.line_of_data(indent + 2);
                continue;
            }
            let text = self.random.pick(&TEXTS);
            if text.contains('\n') && self.random.one_in(2) {
                let chomp = self.random.pick(&["", "-", "+"]);
                let _ = writeln!(self.out, "{:indent$}{key}: |{chomp}", "");
                let inner = indent + 2;
                let _ = writeln!(self.out, "{:inner$}multi\n{:inner$}# line", "", "");
                if self.random.one_in(3) {
                    self.out.push_str("\n\n");
                }
                continue;
            }
            let text = scalar(self.random, text);
            self.line(indent, &format!("{key}: {text}"));
        }
    }

    fn line_of_data(&mut self, indent: usize) {
        let _ = writeln!(
            self.out,
            "{:indent$}LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n{:indent$}Cg==",
            "", ""
        );
    }
}

fn field(random: &mut Random, body_key: &str) -> &'static str {
    match body_key {
        "cluster" => random.pick(&["server", "proxy-url", "tls-server-name"]),
        "user" => random.pick(&["token", "username", "password", "as"]),
        _ => random.pick(&["cluster", "user", "namespace"]),
    }
}
