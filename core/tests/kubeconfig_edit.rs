//! Edits: what a changed file looks like, what is refused, and that nothing else changes.

#![allow(clippy::unwrap_used)]

#[path = "kubeconfig/generate.rs"]
mod generate;
#[path = "kubeconfig/unchanged.rs"]
mod unchanged;

use generate::Random;
use proptest::prelude::*;
use serde_json::json;
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::{Document, DocumentError};
use usercert_core::kubeconfig::edit::{self, Edit, EditError};

use unchanged::only_this_changed;

fn user(name: &str) -> Edit {
    Edit::Set { kind: Kind::User, name: name.into(), body: json!({"token": "no"}) }
}

fn edited(text: &str, edits: &[Edit]) -> String {
    edit::apply(text, edits).unwrap()
}

fn refused(text: &str, edit: Edit) -> String {
    edit::apply(text, &[edit]).unwrap_err().to_string()
}

#[test]
fn a_new_file() {
    let edits = [
        Edit::Set {
            kind: Kind::Cluster,
            name: "one".into(),
            body: json!({"server": "https://one"}),
        },
        user("anna"),
        Edit::Set {
            kind: Kind::Context,
            name: "x".into(),
            body: json!({"cluster": "one", "user": "anna"}),
        },
        Edit::SetCurrentContext("x".into()),
    ];
    let expected = r#"apiVersion: v1
kind: Config
clusters:
- cluster:
    server: "https://one"
  name: "one"
contexts:
- context:
    cluster: "one"
    user: "anna"
  name: "x"
users:
- name: "anna"
  user:
    token: "no"
current-context: "x"
"#;
    assert_eq!(edit::new_file(&edits).unwrap(), expected);
    assert_eq!(edited("# mine", &edits), format!("# mine\n{expected}"));
    assert_eq!(edited("--- # mine\n# more\n", &edits), format!("--- # mine\n{expected}# more\n"));
    assert_eq!(
        edited("{}", &[user("anna")]),
        r#"{"apiVersion": "v1", "kind": "Config", "users": [{"name": "anna", "user": {"token": "no"}}]}"#
    );
}

#[test]
fn what_is_added_looks_like_its_neighbours() {
    let cases = [
        (
            "users:\r\n  -   name: a # A\r\n      user:\r\n          token: x\r\n      # about a\r\n# end\r\n",
            "users:\r\n  -   name: a # A\r\n      user:\r\n          token: x\r\n      # about a\r\n  -   name: \"b\"\r\n      user:\r\n          token: \"no\"\r\n# end\r\n",
        ),
        ("users: []\n", "users:\n- name: \"b\"\n  user:\n    token: \"no\"\n"),
        (
            "users: # mine\nkind: Config",
            "users: # mine\n- name: \"b\"\n  user:\n    token: \"no\"\nkind: Config",
        ),
        (
            "users: null # mine\n",
            "users: [{\"name\": \"b\", \"user\": {\"token\": \"no\"}}] # mine\n",
        ),
        ("kind: Config", "kind: Config\nusers:\n- name: \"b\"\n  user:\n    token: \"no\"\n"),
        (
            "users: [{name: a, user: {}}] # mine\n",
            "users: [{name: a, user: {}}, {\"name\": \"b\", \"user\": {\"token\": \"no\"}}] # mine\n",
        ),
        (
            "{\n\t\"users\": [\n\t\t{\n\t\t\t\"name\": \"a\"\n\t\t}\n\t]\n}\n",
            "{\n\t\"users\": [\n\t\t{\n\t\t\t\"name\": \"a\"\n\t\t},\n\t\t{\n\t\t\t\"name\": \"b\",\n\t\t\t\"user\": {\n\t\t\t\t\"token\": \"no\"\n\t\t\t}\n\t\t}\n\t]\n}\n",
        ),
        (
            "{\n  \"kind\": \"Config\"\n}",
            "{\n  \"kind\": \"Config\",\n  \"users\": [\n    {\n      \"name\": \"b\",\n      \"user\": {\n        \"token\": \"no\"\n      }\n    }\n  ]\n}",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(edited(before, &[user("b")]), after);
    }
}

#[test]
fn what_is_replaced_keeps_its_surroundings() {
    let cases = [
        (
            "users:\n- user: # body\n    # first\n    password: p\n    # between\n    token: x # last\n    # after\n  note: n\n  name: a\n",
            "users:\n- user: # body\n    # first\n    token: \"no\" # last\n    # after\n  note: n\n  name: a\n",
        ),
        ("users:\n- name: a\n  user: {}\n", "users:\n- name: a\n  user:\n    token: \"no\"\n"),
        ("users:\n- name: a\n  user:\n", "users:\n- name: a\n  user:\n    token: \"no\"\n"),
        (
            "users:\n- name: a # A\n- name: b\n",
            "users:\n- name: a # A\n  user:\n    token: \"no\"\n- name: b\n",
        ),
        (
            "users: [{name: a}, {name: b}]",
            "users: [{name: a, \"user\": {\"token\": \"no\"}}, {name: b}]",
        ),
        (
            "{\"users\":[{\"user\":{\"x\":1},\"name\":\"a\"}]}",
            "{\"users\":[{\"user\":{\"token\": \"no\"},\"name\":\"a\"}]}",
        ),
        (
            "users:\n- {name: a, user: {token: no}} # A\n",
            "users:\n- {name: a, user: {\"token\": \"no\"}} # A\n",
        ),
        (
            "users:\n- name: a\n  user:\n    \"token\": 'no' # is so\n",
            "users:\n- name: a\n  user:\n    \"token\": 'no' # is so\n",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(edited(before, &[user("a")]), after);
    }
}

#[test]
fn what_is_removed_takes_its_own_lines() {
    let remove = |name: &str| Edit::Remove { kind: Kind::User, name: name.into() };
    let text = "users: # all\n# above a\n- name: a\n  user: {} # A\n  # in a\n# above b\n- name: b\n# tail\n";
    assert_eq!(
        edited(text, &[remove("a")]),
        "users: # all\n# above a\n# above b\n- name: b\n# tail\n"
    );
    assert_eq!(
        edited(text, &[remove("a"), remove("b")]),
        "users: [] # all\n# above a\n# above b\n# tail\n"
    );
    let flow = "users: [{name: a}, {name: b}, {name: c},]\n";
    assert_eq!(edited(flow, &[remove("a")]), "users: [{name: b}, {name: c},]\n");
    assert_eq!(edited(flow, &[remove("b"), remove("c")]), "users: [{name: a},]\n");
    assert_eq!(edited(flow, &[remove("a"), remove("b"), remove("c")]), "users: []\n");
    assert_eq!(
        edited(flow, &[remove("a"), remove("c"), user("d")]),
        "users: [{name: b}, {\"name\": \"d\", \"user\": {\"token\": \"no\"}},]\n"
    );
}

/// Blank lines after the entry would be part of the text before it.
#[test]
fn what_is_removed_adds_nothing_to_a_text_that_keeps_blank_lines() {
    let head = "clusters:\n- name: a\n  cluster:\n    server: |+\n      one\n";
    let text =
        format!("{head}- name: b\n  cluster: {{}}\n- name: c\n  cluster: {{}}\n\n\nkind: Config\n");
    let remove = |name: &str| Edit::Remove { kind: Kind::Cluster, name: name.into() };
    assert_eq!(edited(&text, &[remove("b"), remove("c")]), format!("{head}kind: Config\n"));
    let text = format!("{head}- name: b");
    let added = "users:\n- name: \"d\"\n  user:\n    token: \"no\"\n";
    assert_eq!(edited(&text, &[remove("b"), user("d")]), format!("{head}{added}"));
}

#[test]
fn current_context() {
    let set = |text: &str| edited(text, &[Edit::SetCurrentContext("y".into())]);
    assert_eq!(set("current-context: x # mine\n"), "current-context: \"y\" # mine\n");
    assert_eq!(
        set("current-context: # mine\nkind: Config\n"),
        "current-context: \"y\" # mine\nkind: Config\n"
    );
    assert_eq!(set("{\"current-context\":\"x\"}"), "{\"current-context\":\"y\"}");
    assert_eq!(
        set("current-context: |\n  x\n\nkind: Config\n"),
        "current-context: \"y\"\n\nkind: Config\n"
    );
    assert_eq!(set("kind: Config\n"), "kind: Config\ncurrent-context: \"y\"\n");
    assert_eq!(set("current-context: 'y'\n"), "current-context: 'y'\n");
    let clear = |text: &str| edited(text, &[Edit::ClearCurrentContext]);
    assert_eq!(clear("current-context: x\n"), "current-context: \"\"\n");
    assert_eq!(clear("kind: Config\n"), "kind: Config\n");
}

#[test]
fn several_edits_of_one_entry_count_as_their_outcome() {
    let text = "users:\n- name: a\n  user: {}\n";
    assert_eq!(
        edited(text, &[user("b"), Edit::Remove { kind: Kind::User, name: "b".into() }]),
        text
    );
    let back = edited(text, &[Edit::Remove { kind: Kind::User, name: "a".into() }, user("a")]);
    assert_eq!(back, "users:\n- name: a\n  user:\n    token: \"no\"\n");
    let twice = [
        Edit::Remove { kind: Kind::User, name: "a".into() },
        Edit::Remove { kind: Kind::User, name: "a".into() },
    ];
    assert!(matches!(edit::apply(text, &twice), Err(EditError::NotFound { .. })));
}

#[test]
fn hidden_characters_are_escaped() {
    let body = json!({"token": "a\u{202e}\u{200b}\u{7f}\u{85}\n\t\"\\\u{ffff}\u{e0041}ü🦀"});
    let set = |name: &str| Edit::Set { kind: Kind::User, name: name.into(), body: body.clone() };
    let block = edited("", &[set("a")]);
    assert!(
        block.contains(r#"token: "a\u202e\u200b\u007f\u0085\n\t\"\\\uffff\U000e0041ü🦀""#),
        "{block}"
    );
    let flow = edited("{}", &[set("a")]);
    assert!(
        flow.contains("\\u202e\\u200b\\u007f\\u0085\\n\\t\\\"\\\\\\uffff\u{e0041}ü🦀"),
        "{flow}"
    );
}

#[test]
fn what_is_not_safe_is_refused() {
    let cases = [
        (
            "users: &u\n- name: a\nx: *u\n",
            "line 3: an alias refers to what would be changed or removed",
        ),
        (
            "users:\n- name: a\n  user: &b {}\n- name: b\n  user: *b\n",
            "line 5: an alias refers to what would be changed or removed",
        ),
        (
            "x: &e {name: a}\nusers:\n- *e\n",
            "line 3: an alias or a merge hides which entries the list has",
        ),
        (
            "x: &e {name: a}\nusers:\n- <<: *e\n",
            "line 3: an alias or a merge hides which entries the list has",
        ),
        ("x: &u []\nusers: *u\n", "line 2: an alias or a merge hides which entries the list has"),
        ("x: &u {}\n<<: *u\n", "line 2: a merge may set what would be changed"),
        ("kind: Config\rusers: []\n", "line 1: a carriage return without a line feed"),
        ("# nothing\nnull\n", "line 2: the document is null"),
        ("x: |\n  text", "line 2: the file ends in a block scalar without a line break"),
        ("kind: Config\n---\n", "line 2: a second document starts here"),
        ("users:\n- name: a\n\n- name: a\n", "lines 2 and 4: the user \"a\" appears twice"),
        ("users: []\nkind: Config\nusers: []\n", "line 3: a key that appears twice"),
        ("users:\n- name: 5\n", "line 2: a name must be a string"),
        ("kind: Pod\n", "line 1: kind is not Config, so this is not a kubeconfig"),
        ("%YAML 1.2\n---\n", "line 2, column 1: kubectl reads YAML 1.1 only"),
        (
            "a: \u{2028}b\n",
            "line 1, column 4: a character that is a line break to some YAML readers only",
        ),
    ];
    for (text, complaint) in cases {
        assert_eq!(refused(text, user("a")), complaint, "{text}");
    }
    assert_eq!(refused("", user("")), "a user needs a name");
    assert_eq!(
        refused("", Edit::Remove { kind: Kind::User, name: "q".into() }),
        "there is no user \"q\""
    );
    let body = json!([]);
    assert_eq!(
        refused("", Edit::Set { kind: Kind::User, name: "q".into(), body }),
        "the user \"q\" must be set to an object"
    );
}

#[test]
fn errors_and_debug_output_hold_no_content() {
    let texts = [
        "users:\n- name: a\n  user: {token: \"S3CRET\n",
        "users:\n- name: a\n  user: S3CRET\n",
        "users:\n- name: a\n  user: *S3CRET\n",
        "users:\n- S3CRET\n",
        "S3CRET",
        "x: {S3CRET: 1, S3CRET: 2}\nx: S3CRET\n",
        "current-context: [S3CRET]",
        "users:\n- name: a\n  user:\n    token: !!int S3CRET\n",
    ];
    for text in texts {
        let error = Document::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("S3CRET"), "{error:?}");
    }
    let edit = Edit::Set { kind: Kind::User, name: "a".into(), body: json!({"token": "S3CRET"}) };
    assert!(!format!("{edit:?}").contains("S3CRET"));
    assert!(matches!(Document::parse("a: b: c"), Err(DocumentError::Yaml(_))));
}

#[test]
fn places_are_bytes() {
    let text = "\u{feff}# ü\r\nusers:\r\n- name: 🦀\r\n  user: {token: ä}\r\n";
    let document = Document::parse(text).unwrap();
    let entry = document.entry(Kind::User, "🦀").unwrap();
    assert_eq!(&text[entry.span.clone()], "name: 🦀\r\n  user: {token: ä}");
    assert_eq!(&text[entry.body.clone().unwrap()], "{token: ä}");
    assert_eq!(entry.line, 3);
}

/// `USERCERT_SOAK=10000` raises the number of random files.
fn cases() -> u32 {
    std::env::var("USERCERT_SOAK").ok().map_or(2000, |number| number.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn nothing_but_the_touched_entry_changes(seed: u64, damaged: bool) {
        let mut random = Random(seed);
        let mut text = generate::kubeconfig(&mut random);
        if damaged {
            text = generate::mutate(&mut random, &text);
        }
        if let Ok(document) = Document::parse(&text) {
            let edit = generate::edit(&mut random, &document);
            match edit::apply(&text, std::slice::from_ref(&edit)) {
                Ok(after) => {
                    let complaint = only_this_changed(&text, &after, &edit).err();
                    prop_assert!(complaint.is_none(), "{complaint:?}\n{edit:?}\n{text}\n=====\n{after}");
                    // Once it is so, it stays so.
                    if !matches!(edit, Edit::Remove { .. }) {
                        let again = edit::apply(&after, &[edit]);
                        prop_assert_eq!(again.as_ref(), Ok(&after));
                    }
                }
                Err(EditError::Unsafe { .. }) => {}
                Err(error) => prop_assert!(damaged, "{error}\n{edit:?}\n{text}"),
            }
        } else {
            prop_assert!(damaged);
        }
    }

    #[test]
    fn several_edits_at_once_are_made_or_refused(seed: u64) {
        let mut random = Random(seed);
        let text = generate::kubeconfig(&mut random);
        let edits = generate::edits(&mut random, &Document::parse(&text).unwrap());
        match edit::apply(&text, &edits) {
            Ok(_) | Err(EditError::Unsafe { .. }) => {}
            Err(error) => prop_assert!(false, "{error}\n{edits:?}\n{text}"),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ \\n\\t\\-:#{}\\[\\],&*a!|>'\"<=~yusersnam]{0,60}") {
        if let Ok(document) = Document::parse(&text) {
            let edit = generate::edit(&mut Random(7), &document);
            let _ = edit::apply(&text, &[edit]);
        }
    }
}
