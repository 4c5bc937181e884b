//! Any text, any edit: refused, or exactly the intended entries differ afterwards.
//!
//! The first byte chooses the edit, the rest is the kubeconfig. What is compared is read by the plain
//! YAML reader, not by the editor's own view.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::{Edit, apply};
use usercert_core::kubeconfig::merged::{Merged, SourceFile};
use usercert_core::kubeconfig::path::LoadingList;
use usercert_core::encoding::yaml;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let Ok(before) = yaml::parse(text) else { return };
    if Document::parse(text).is_err() {
        return;
    }
    check_merged(text, &before);
    let (edit, list, name, body) = edit(*choice);
    let Ok(after_text) = apply(text, std::slice::from_ref(&edit)) else { return };
    let after = yaml::parse(&after_text).expect("an edited file reads");
    if list == "current-context" {
        assert_eq!(word(&after, list), name.as_deref().unwrap_or_default());
    } else {
        let name = name.as_deref().unwrap_or_default();
        assert_eq!(entries(&before, list, name), entries(&after, list, name), "others changed");
        let found = find(&after, list, name);
        match &body {
            Some(body) => assert_eq!(found.and_then(|e| e.get(kind(list))), Some(body)),
            None => assert!(found.is_none(), "still there"),
        }
    }
    for other in ["clusters", "users", "contexts", "current-context"] {
        if other != list {
            assert_eq!(filled(&before, other), filled(&after, other), "{other} changed");
        }
    }
    // The same edit once more changes nothing that counts.
    if body.is_some() || list == "current-context" {
        let again = apply(&after_text, &[edit]).expect("an edited file can be edited");
        assert_eq!(yaml::parse(&again).ok(), Some(after));
    }
});

/// The merged view of one file says what the file says.
fn check_merged(text: &str, plain: &Value) {
    let list = LoadingList { files: vec!["f".into()], explicit: true };
    let file = SourceFile { path: "f".into(), text: Some(text.to_owned()) };
    let Ok(merged) = Merged::load(&list, vec![file]) else { return };
    for section in Kind::ALL {
        let (key, of) = (section.section(), section.body_key());
        let seen: Vec<_> = merged.entries(section).map(|e| (e.name, e.value().into_owned())).collect();
        let body = |e: &Value| e.get(of).filter(|b| b.is_object()).cloned().unwrap_or(json!({}));
        let said: Vec<_> = list_of(plain, key).iter().map(|e| (word(e, "name"), body(e))).collect();
        assert_eq!(seen, said, "the merged view differs");
    }
    assert_eq!(merged.current_context().unwrap_or_default(), word(plain, "current-context"));
}

type Chosen = (Edit, &'static str, Option<String>, Option<Value>);

fn edit(choice: u8) -> Chosen {
    let name = ["a", "new", "y", "ü 🦀", "a: b # c"][usize::from(choice / 8) % 5].to_owned();
    let body = json!({ "server": "https://x", "token": "no\u{202e}", "n": "1_000", "l": ["y"] });
    let some = Some(name.clone());
    match choice % 8 {
        0 => (Edit::Set { kind: Kind::User, name, body: body.clone() }, "users", some, Some(body)),
        1 => (Edit::Set { kind: Kind::Cluster, name, body: body.clone() }, "clusters", some, Some(body)),
        2 => (Edit::Set { kind: Kind::Context, name, body: body.clone() }, "contexts", some, Some(body)),
        3 => (Edit::Remove { kind: Kind::User, name }, "users", some, None),
        4 => (Edit::Remove { kind: Kind::Cluster, name }, "clusters", some, None),
        5 => (Edit::Remove { kind: Kind::Context, name }, "contexts", some, None),
        6 => (Edit::SetCurrentContext(name), "current-context", some, None),
        _ => (Edit::ClearCurrentContext, "current-context", None, None),
    }
}

fn kind(list: &str) -> &str {
    list.strip_suffix('s').unwrap_or(list)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A missing, null and empty list mean the same.
fn filled<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let empty = |v: &&Value| {
        v.is_null() || v.as_array().is_some_and(Vec::is_empty) || v.as_str().is_some_and(str::is_empty)
    };
    value.get(key).filter(|v| !empty(v))
}

fn list_of<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn entries<'a>(value: &'a Value, key: &str, without: &str) -> Vec<&'a Value> {
    list_of(value, key).iter().filter(|e| word(e, "name") != without).collect()
}

fn find<'a>(value: &'a Value, key: &str, name: &str) -> Option<&'a Value> {
    list_of(value, key).iter().find(|e| word(e, "name") == name)
}
