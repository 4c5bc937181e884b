//! Events and places of this reader are those of the parser.

use granit_parser::Event;
use proptest::prelude::*;

use super::super::Events;

/// The events with the lines and bytes that they come from, as far as anybody looks at them.
fn told(mut events: Events<'_>) -> Option<Vec<String>> {
    let mut told = Vec::new();
    loop {
        let (event, span) = events.next().ok()?;
        let place = match event {
            Event::MappingEnd | Event::SequenceEnd if span.is_empty() => None,
            Event::DocumentEnd | Event::StreamEnd => None,
            _ => Some((span.start.line(), span.byte_range())),
        };
        told.push(format!("{event:?} {place:?}"));
        if event == Event::StreamEnd {
            return Some(told);
        }
    }
}

/// Whether the text is regular; then its events are the parser's.
fn is_regular(text: &str) -> bool {
    let Some(ours) = told(Events::regular(text)) else { return false };
    assert_eq!(Some(ours), Events::new(text).ok().and_then(told), "{text:?}");
    true
}

/// The ways in which kubectl, we, other programs and people write.
const REGULAR: &[&str] = &[
    "a: b",
    "a: b\n",
    "a:\nb:\n",
    "a:\n  b:\n",
    "a:\n- b:\n",
    "a:\n- b:\n  - c\n",
    "a:\n  - b: c\n    d: e\n  - f\n",
    "a: b\r\nc:\r\n- d: e\r\n\r\nf: {}\r\n",
    "# ü\n\n  # more\nkind: Config\n   \npreferences: {}\nusers: []\n# end",
    "users:\n- name: \"ü: # \"\n  user:\n    exec:\n      args:\n      - --x=y\n      - -z\n      env: null\n",
    "a:\n# comment\n- b: https://c:6443/d\n# after\nc: 1_000\nd: 1::1\n",
    "a: b # c\nd: 'e' # f: [\ng: # h\n- i   # j\nk: [] # l\nm:   \"n\"  \n",
    "a: 'it: # is'\nb: ''\nc: \"\"\nd: \"D\\\\u \\\"q\\\"\\n\\té\"\n",
    "a: Mon, 24 Nov 2026 10:00:00 UTC\nb: C:\\Users\\Ü b\\{c}\nd: ~/.kube/ca.crt\ne: ~\nf: é\n",
    "\"a\":\n- \"b\": \"c\"\n  'd': e\n",
    "a:\n-   b: c\n    d: e\n-   f: g\n",
    "---\na: b\n",
    "# c\n\n--- # d\r\na: b\n",
    "\u{feff}a: b\nc: d\n",
    "\u{feff}# c\na:\n- b: \"c\"\n",
    "\u{feff}---\na: é\n",
];

#[test]
fn events_are_the_parsers() {
    for text in REGULAR {
        assert!(is_regular(text), "{text:?}");
    }
}

#[test]
fn so_are_those_of_any_kubeconfig() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubeconfig"));
    let regular = files.unwrap().filter(|file| {
        let text = std::fs::read(file.as_ref().unwrap().path()).unwrap();
        String::from_utf8(text).is_ok_and(|text| is_regular(&text))
    });
    assert!(regular.count() > 20);
}

/// Mostly one of the first, sometimes one of the second.
fn part(
    usual: &'static [&'static str],
    odd: &'static [&'static str],
) -> impl Strategy<Value = &'static str> {
    prop_oneof![15 => prop::sample::select(usual), 1 => prop::sample::select(odd)]
}

/// What may stand before the first line.
const STARTS: &[&str] = &["", "", "", "\u{feff}", "---\n", "# é\n", "--- # c\n", "\u{feff}---\n"];

const VALUES: &[&str] = &[
    "",
    "",
    "x",
    "1_0",
    "\"q: # ü\"",
    "{}",
    "[]",
    "--o",
    "https://h:1/",
    "'s'",
    "'s: #'",
    "''",
    "x y",
    "Mon, 2 Nov 10:00",
    "C:\\a {b}",
    "\"\\n\\\\\\\"\"",
    "~",
    "~/a",
    "é",
    "x   y",
    "a,b",
    "null",
];

const ODD_VALUES: &[&str] = &[
    "[ ]",
    "{a: b}",
    "-",
    "- o",
    "-o",
    "h:",
    "h: i",
    "x #c",
    "x#c",
    "|",
    "*a",
    "&a x",
    "!t x",
    "---",
    "\"open",
    "\"\\u00e9\"",
    "'open",
    "'it''s'",
    "'a'b",
    "\"a\"b",
    "\"a\" b",
    "'a': b",
    "%",
    "@x",
    ".5",
    "-.5",
    "/",
    ">",
    "x\ty",
    "x\t# c",
    "\"x\ty\"",
    "--- x",
    "x: y",
    "x :y",
    "x : y",
    "\"\\\n\"",
    "\"\\x41\"",
    "\u{85}",
    "\u{feff}",
    "\u{7f}",
    "\"\u{feff}\"",
    "'\u{7f}'",
    "x \u{feff}",
    "x \u{7f}",
    "x\u{2028}y",
    "\"\\n\u{feff}\"",
    "\"\\n\u{7f}\"",
    "\u{a0}",
    "x\u{a0}# c",
    "?",
    "? x",
    "x ?",
    "<<",
    "$x",
    "_x",
    "...",
];

proptest! {
    #[test]
    fn and_those_of_any_lines(
        start in prop::sample::select(STARTS),
        lines in prop::collection::vec(
            (
                0..3usize,
                part(&["", "- "], &["-", "- - ", "#", "? ", "\t", " ", "-  ", "-   "]),
                part(&["a", "b.c", "d-e", "y", "\"f\"", "'g'"], &["0", "<<", "\"h\" ", "\"y", "", "é", "\"é\""]),
                part(&[":", ": ", ": ", ":  "], &["", " : ", ":\t"]),
                part(VALUES, ODD_VALUES),
                part(
                    &["\n", "\n", "\r\n", "\n\n", "\n# c\n", " # é: [\n", "  \n"],
                    &["", "\r", "\n...\n", "\n---\n", "# c\n", "\t# c\n", " #\u{7f}\n", "\n#\u{feff}\n", " #c\r#d\n"],
                ),
            ),
            0..7,
        )
    ) {
        let line = |(indent, dash, key, colon, value, end): &(usize, _, _, _, _, _)| {
            format!("{}{dash}{key}{colon}{value}{end}", "  ".repeat(*indent))
        };
        is_regular(&(start.to_owned() + &lines.iter().map(line).collect::<String>()));
    }
}

/// What is read where there is no parser for all of YAML.
fn alone(text: &str) -> Option<serde_json::Value> {
    use super::super::read::{Duplicates, ValueReader};
    super::super::characters::check_characters(text).ok()?;
    let mut reader = ValueReader::new(text, Events::alone(text), Duplicates::Refuse);
    let value = reader.document().ok()??;
    reader.events.peek_document().ok()?.is_none().then_some(value)
}

/// Texts that are read without the parser too, beside the regular ones.
const ALONE: &[&str] = &[
    "{}",
    "[]",
    " {\"a\": [1, \"b\", {\"c\": null}], \"d\": \"\\u00e9\\/\\n\"}\n",
    "{\n  \"a\": {\n    \"b\": []\n  },\n  \"c\": -1.5e3\n}\n",
    "users: [{name: a, user: {token: x}}]\n",
    "a: {b: c} # d\ne: [f, 'g', \"h\"]\n",
    "a:\n- {b: c}\n- [d]\n",
    "metadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"a\":\"b\"}\n  name: x\n",
    "a: |\n  b\n\n   c\n  d\n\ne: |-\n  f\n",
    "a: |\n  b",
];

#[test]
fn what_is_read_without_the_parser_means_the_same() {
    for text in REGULAR.iter().chain(ALONE) {
        assert_eq!(alone(text), super::super::parse(text).ok(), "{text:?}");
    }
    for text in [
        "",
        "a: &b c",
        "a: *b",
        "a: !!str b",
        "? a\n: b\n",
        "{a: b",
        "[a, b}",
        "{\"a\" 1}",
        "a: >\n  b\n",
    ] {
        assert_eq!(alone(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn without_the_parser_nothing_is_read_differently(
        parts in prop::collection::vec(
            prop::sample::select(&["{", "}", "[", "]", ",", ":", ": ", " ", "\n", "\n  ", "- ", "a", "b: ", "\"", "'", "|", "|-\n", "#", " #", "1", "null", "~", "\\n", "\"c\"", "\"d\": ", "\t", "\r\n", "---\n", "é"][..]),
            0..24,
        )
    ) {
        let text = parts.concat();
        if let Some(value) = alone(&text) {
            prop_assert_eq!(Some(value), super::super::parse(&text).ok(), "{:?}", text);
        }
    }
}

#[test]
fn lines_before_the_first_value_are_looked_at_once() {
    // A look at the whole text for each of them would take minutes.
    let text = format!("{}a: b", "\n".repeat(500_000));
    assert_eq!(alone(&text), Some(serde_json::json!({ "a": "b" })));
}
