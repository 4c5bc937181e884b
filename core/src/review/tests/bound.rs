//! Names that have role bindings.

use super::*;

#[test]
fn bound_names_have_no_look_alikes() {
    let bound = ["alice", "ops"].map(|name| {
        Binding::read(&json!({
            "metadata": {"name": name},
            "roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": name}],
        }))
        .unwrap()
    });
    let bound = BoundNames::of(&bound);
    let twin = pkcs10::to_pem(&request("аlice", &["ops"]).der);
    assert_eq!(codes(&review_of(&twin, |r| r.bound_names = Some(&bound))), ["look-alike"]);
    let good = good();
    assert_eq!(codes(&review_of(&good, |r| r.bound_names = Some(&bound))), [""; 0]);
}

#[test]
fn who_asks_for_somebody_with_roles_everywhere_is_told() {
    let binding = |namespace: Option<&str>| {
        let mut value = json!({
            "metadata": {"name": "alice"},
            "roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": "alice"}],
        });
        if let Some(namespace) = namespace {
            value["metadata"]["namespace"] = namespace.into();
        }
        BoundNames::of(&[Binding::read(&value).unwrap()])
    };
    let (everywhere, in_dev) = (binding(None), binding(Some("dev")));
    let found = |bound: &BoundNames, by: Option<&'static str>| {
        let found = review_of(&good(), |r| {
            r.bound_names = Some(bound);
            r.requester = by;
        });
        codes(&found).contains(&"bound-user")
    };
    assert!(found(&everywhere, Some("mallory")));
    assert!(!found(&everywhere, Some("alice")) && !found(&everywhere, None));
    assert!(!found(&in_dev, Some("mallory")));
    // A group of that name is somebody else.
    let group = json!({
        "metadata": {"name": "alice"},
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "Group", "name": "alice"}],
    });
    let group = BoundNames::of(&[Binding::read(&group).unwrap()]);
    assert!(!found(&group, Some("mallory")));
}

/// Folding takes its time, and whoever administers a namespace can bind what they want.
#[test]
fn names_are_compared_as_far_as_they_can_be_requested() {
    let bound = |namespace: bool, names: Vec<String>| {
        let subjects: Vec<_> =
            names.iter().map(|name| json!({"kind": "User", "name": name})).collect();
        let mut value = json!({
            "metadata": {"name": "x"},
            "roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": subjects,
        });
        if namespace {
            value["metadata"]["namespace"] = "dev".into();
        }
        Binding::read(&value).unwrap()
    };
    let long = bound(true, vec!["\u{fdfa}".repeat(250_000)]);
    // Names that are there count once.
    let twice = vec!["alice-of-the-platform-team".to_owned(); 200_000];
    assert_eq!(BoundNames::of(&[long.clone(), bound(true, twice)]).left_out(), 0);
    let many = bound(true, (0..10_000).map(|i| format!("{i:0>250}")).collect());
    let known = bound(false, vec!["alice".to_owned()]);
    let all = BoundNames::of(&[long, many, known]);
    assert!(all.left_out() > 1_000 && all.left_out() < 5_000, "{}", all.left_out());
    let twin = pkcs10::to_pem(&request("аlice", &["ops"]).der);
    assert_eq!(codes(&review_of(&twin, |r| r.bound_names = Some(&all))), ["look-alike"]);
}

#[test]
fn the_last_of_many_groups_is_compared_too() {
    let mut groups: Vec<String> = (0..150).map(|i| format!("group-{i:03}")).collect();
    groups.push("\u{455}ystem:nodes".to_owned());
    let mut attributes: Vec<(&str, Tag, &[u8])> = vec![(CN, Tag::Utf8String, b"alice")];
    attributes.extend(groups.iter().map(|group| (O, Tag::Utf8String, group.as_bytes())));
    let many = crafted(&attributes);
    let found = review_of(&many, |_| ());
    assert!(codes(&found).contains(&"look-alike"), "{:?}", codes(&found));
}
