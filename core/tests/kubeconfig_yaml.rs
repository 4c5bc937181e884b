//! YAML values against other readers: `yaml_serde` for the text, kubectl for what scalars mean.

#![allow(clippy::unwrap_used)]

#[path = "kubeconfig/kubectl.rs"]
mod kubectl;

use kubectl::{has_kubectl, kubectl};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use usercert_core::encoding::yaml;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has it", |float| float.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ynoeT~0-9_.:#\\-]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![any::<String>(), "[a-zA-Z][a-z0-9./_-]{0,5}", "[ynof]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(value in value()) {
        let text = yaml::to_string(&value);
        prop_assert_eq!(&yaml::parse(&text).unwrap(), &value, "{}", text);
        prop_assert_eq!(&serde_yaml::from_str::<Value>(&text).unwrap(), &value, "{}", text);
        let hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        prop_assert!(!text.contains(hidden), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text: String, noise in "[ \\n\\-:#{}\\[\\],&*a!|>'\"<=~y]{0,40}") {
        for text in [text, noise] {
            let _ = (yaml::parse(&text), yaml::parse_all(&text));
        }
    }
}

#[test]
fn json_is_yaml() {
    let text = r#"{"a":[1,2.5,-3e2,true,null,"x\n\"\\\/é"],"b":{},"c":[]}"#;
    assert_eq!(yaml::parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    let keys: Vec<String> =
        yaml::parse("{z: 1, a: 2, m: 3}").unwrap().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["z", "a", "m"], "the order stays");
}

#[test]
fn documents() {
    assert_eq!(yaml::parse("").unwrap(), Value::Null);
    assert_eq!(yaml::parse("# c\n---\n# d\n").unwrap(), Value::Null);
    assert_eq!(yaml::parse_all("").unwrap(), [] as [Value; 0]);
    assert_eq!(
        yaml::parse_all("a: 1\n---\n---\n- b\n...\n").unwrap(),
        [json!({"a": 1}), json!(null), json!(["b"])]
    );
    assert_eq!(
        yaml::parse("a\n---\nb\n").unwrap_err().to_string(),
        "line 2, column 1: a second document starts here"
    );
    assert!(yaml::parse_all("a: &x 1\n---\nb: *x\n").is_err(), "anchors end with their document");
}

#[test]
fn what_is_refused() {
    let cases = [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: a key that appears twice"),
        ("{a: 1, \"a\": 2}", "line 1, column 8: a key that appears twice"),
        ("a: *b\n", "line 1, column 4: an alias without an anchor before it"),
        ("a: &b [*b]\n", "line 1, column 8: an alias for what it is part of"),
        ("a: \"b\n", "line 1, column 4: a quoted string that does not end"),
        ("a: !!int b\n", "line 1, column 10: a tag that does not fit its value"),
        ("a: .inf\n", "line 1, column 4: a number that JSON does not have"),
        ("~: a\n", "line 1, column 1: a key that is not a string"),
        ("[a]: b\n", "line 1, column 1: a key that is not a string"),
        ("<<: a\n", "line 1, column 5: a merge of something that is not a mapping"),
        ("ä: \u{1}\n", "line 1, column 4: a control character"),
        ("a: \u{feff}\n", "line 1, column 4: a byte order mark in the middle of the text"),
        ("a:\n\t- b\n", "line 2, column 2: a tab where YAML allows none"),
    ];
    for (text, complaint) in cases {
        assert_eq!(yaml::parse(text).unwrap_err().to_string(), complaint, "{text}");
    }
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(yaml::parse(&nested(100)).is_ok());
    assert!(yaml::parse(&nested(101)).is_err());
    assert!(yaml::parse(&"- ".repeat(200)).is_err());
}

#[test]
fn an_alias_bomb_does_not_go_off() {
    let mut text = "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n".to_owned();
    for level in 1..60 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(",");
        text += &format!("x{level}: &x{level} [{aliases}]\n");
    }
    let error = yaml::parse(&text).unwrap_err();
    assert_eq!(error.problem, "aliases that would make the text many times as large");
}

#[test]
fn no_text_keeps_the_reader_busy_for_long() {
    for (unit, times) in [("a,", 30_000), ("a:,", 20_000), ("[[[]]],", 9_000)] {
        let text = format!("- [{}]\n", unit.repeat(times));
        let error = yaml::parse(&text).unwrap_err();
        assert_eq!(error.problem, "too many values for a text of this size", "{unit}");
        assert_eq!(error.line, 1);
    }
    // The densest that somebody may really have.
    let roster = "- {name: a, groups: [b]}\n".repeat(10_000);
    assert_eq!(yaml::parse(&roster).unwrap().as_array().map(Vec::len), Some(10_000));
    let compact = format!("[{}{{}}]", r#"{"name":"a","groups":["b"]},"#.repeat(10_000));
    assert!(yaml::parse(&compact).is_ok());
    assert!(yaml::parse(&format!("[{}]", "1,".repeat(2_000))).is_ok());
}

#[test]
fn merges() {
    let base = "b: &b {k: 1, l: 1}\n";
    let merged = |text: &str| yaml::parse(&format!("{base}m: {text}\n")).unwrap()["m"].clone();
    assert_eq!(merged("{<<: *b, k: 2}"), json!({"k": 2, "l": 1}));
    assert_eq!(merged("{k: 2, <<: *b}"), json!({"k": 1, "l": 1}), "in the order of the text");
    assert_eq!(merged("{<<: [*b, {k: 3, m: 3}]}"), json!({"k": 1, "m": 3, "l": 1}));
    assert_eq!(merged("{\"<<\": *b}"), json!({"<<": {"k": 1, "l": 1}}));
}

#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    if !has_kubectl() {
        return;
    }
    let scalars = [
        "y",
        "Y",
        "yes",
        "n",
        "N",
        "no",
        "NO",
        "on",
        "Off",
        "true",
        "TRUE",
        "tRUE",
        "null",
        "~",
        "Null",
        "",
        "nUll",
        "0",
        "-0",
        "+1",
        "1_000",
        "1__0",
        "_1",
        "0x1F",
        "0X1f",
        "-0x1F",
        "0x",
        "0xG",
        "010",
        "08",
        "0o17",
        "0O17",
        "0o8",
        "0b101",
        "-0b101",
        "0b-101",
        "0b",
        "00",
        "1e3",
        "1E3",
        "1e+3",
        "1.",
        ".5",
        "-.5",
        "+.5",
        "5.e3",
        ".",
        "._5",
        ".5_0",
        "1_0.5",
        "1e",
        "1e999",
        "0x1p3",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "+18446744073709551615",
        "2026-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "12:30:45",
        "1.2.3",
        "1,000",
        "inf",
        "nan",
        "+",
        "--",
        "+-1",
        "0.1",
        "1e-7",
        "123456789.123",
        "<<",
        "=",
        "!!str 5",
        "!!str",
        "!!int 5",
        "!!int '0x10'",
        "!!float 5",
        "!!bool yes",
        "!!bool 'no'",
        "!!null ''",
        "!!binary YWJj",
        "!!timestamp 2026-01-01",
        "! 5",
        "! '5'",
        "!local 5",
        "!<tag:yaml.org,2002:int> '7'",
        "'5'",
        "\"y\"",
        "!!map {}",
        "!!set {a, b}",
        "[y, ~, 0o7]",
        "{y: n, 1: 2, 0x10: 3, 1.5: 4, 1e7: 5, 123456.5: 6, 1e-5: 7, 0.0001: 8}",
        "\"\\x41\\u00e9\\U0001F980\\e\\_\\N\\L\\P\\a\\0\"",
        "'it''s'",
    ];
    let mut text = "extensions:\n- name: x\n  extension:\n".to_owned();
    for (index, scalar) in scalars.iter().enumerate() {
        text += &format!("    k{index}: {scalar}\n");
    }
    text += "    b1: |\n     a\n      b\n\n    b2: >-\n      a\n      b\n\n      c\n    b3: |+\n      a\n\n    b4: plain\n      folded\n\n      text\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, &text).unwrap();
    let theirs = kubectl(&[file], &["config", "view", "--raw", "-o", "json"]).unwrap();
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    let (theirs, ours) = (&theirs["extensions"][0]["extension"], yaml::parse(&text).unwrap());
    let ours = ours["extensions"][0]["extension"].as_object().unwrap().clone();
    for (key, ours) in ours {
        let theirs = &theirs[&key];
        let same = *theirs == ours || (theirs.is_number() && theirs.as_f64() == ours.as_f64());
        let scalar =
            key.strip_prefix('k').and_then(|index| scalars.get(index.parse::<usize>().unwrap()));
        assert!(same, "{scalar:?} ({key}): {theirs} {ours}");
    }
}
