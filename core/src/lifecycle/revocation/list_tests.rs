use super::*;
use serde_json::json;

fn hex(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn print(digit: char) -> Fingerprint {
    hex(digit).parse().unwrap()
}

fn list(data: &Value) -> RevocationList {
    RevocationList::read(&json!({ "data": data }))
}

#[test]
fn a_certificate_is_blocked_by_itself_or_with_its_user() {
    let list = list(&json!({
        hex('a'): "2026-11-30 laptop stolen (by admin)\nuser: bob",
        "users": "\nuser.616c696365 2026-11-30 left (by admin)",
        format!("except.{}", hex('e')): "2026-12-01 issued later (by admin)",
    }));
    let why = |f, user| list.blocked(&print(f), user).map(|b| b.entry.line.as_str());
    assert_eq!(why('a', "bob"), Some("2026-11-30 laptop stolen (by admin)"));
    assert_eq!(why('b', "bob"), None);
    assert_eq!(why('b', "alice"), Some("2026-11-30 left (by admin)"));
    assert_eq!(why('e', "alice"), None, "excepted");
    assert!(list.blocked(&print('b'), "alice").unwrap().by_user());
    assert!(list.damaged.is_empty());
}

#[test]
fn what_concerns_a_request_is_of_its_user_and_its_requester() {
    let list = list(&json!({
        hex('a'): "2026-11-29 laptop stolen (by admin)\nuser: bob",
        hex('b'): "2026-11-30 phone stolen (by admin)\nuser: bob",
        hex('c'): "2026-11-30 nobody knows whose (by admin)",
        "users": "\nuser.616c696365 2026-11-30 left (by admin)",
    }));
    let bobs = vec!["2026-11-30 phone stolen (by admin)", "2026-11-29 laptop stolen (by admin)"];
    let found = list.against("bob", "bob", Some(&print('f')));
    let (users, requesters) = (bobs.clone(), bobs.clone());
    assert_eq!(found, Revoked { users, requesters, ..Revoked::default() });
    let found = list.against("alice", "bob", Some(&print('a')));
    assert_eq!(found.user, Some("2026-11-30 left (by admin)"));
    assert_eq!(found.requester, Some("2026-11-29 laptop stolen (by admin)"));
    assert_eq!((found.users, found.requesters), (Vec::new(), bobs));
    assert!(list.against("carol", "bob", None) == Revoked::default(), "it was a token");
}

#[test]
fn an_exception_does_not_lift_the_certificates_own_block() {
    let list = list(&json!({ hex('a'): "x", format!("except.{}", hex('a')): "x" }));
    assert!(list.blocked(&print('a'), "alice").is_some());
}

#[test]
fn damage_is_told_and_blocks_as_far_as_the_server_lets_it() {
    let list = RevocationList::read(&json!({
        "data": { hex('a'): "", hex('A'): "x", "note": "x", hex('b'): "x\nuntil: tomorrow" },
        "binaryData": { hex('c'): "AA==" },
    }));
    assert!(list.blocked(&print('a'), "x").is_some() && list.blocked(&print('b'), "x").is_some());
    assert!(list.blocked(&print('c'), "x").is_none());
    let keys: Vec<String> = list.damaged.iter().map(|d| d.key.clone()).collect();
    assert_eq!(keys, [hex('a'), hex('A'), "note".to_owned(), hex('b'), hex('c')]);
    assert_eq!(RevocationList::read(&json!({ "data": null })), RevocationList::default());
}

#[test]
fn a_file_holds_the_list_alone_or_among_others() {
    let map =
        "kind: ConfigMap\nmetadata: {name: revoked-certificates}\ndata:\n  user.616c696365: left\n";
    let list = RevocationList::parse(map).unwrap();
    assert_eq!(list.user("alice").unwrap().line, "left");
    let among = format!("kind: Namespace\n---\n{map}");
    assert_eq!(RevocationList::parse(&among), Ok(list.clone()));
    let json = json!({ "kind": "List", "items": [yaml::parse(map).unwrap()] }).to_string();
    assert_eq!(RevocationList::parse(&json), Ok(list));
    let other = map.replace("revoked-", "other-");
    assert_eq!(RevocationList::parse(&other), Err(ListError::None));
    assert_eq!(RevocationList::parse(&format!("{map}---\n{map}")), Err(ListError::Several));
    assert!(matches!(RevocationList::parse("a: ["), Err(ListError::Yaml(_))));
}

#[test]
fn an_entry_that_nothing_refuses_by_is_none() {
    let list = list(&json!({ "users": "\nuser.73797374656d3a78 x\n" }));
    assert!(list.user("system:x").is_none() && list.newest().is_empty());
    assert_eq!(list.damaged[0].key, "user.73797374656d3a78 (user/system:x)");
}

#[test]
fn the_test_entry_is_none_of_the_others() {
    let test = RevocationKey::test().to_string();
    let list = list(&json!({ test: "x" }));
    assert!(list.has_test && list.entries().len() == 0 && list.newest().is_empty());
    assert!(!RevocationList::read(&json!({})).has_test);
}

#[test]
fn the_newest_come_first_by_day_and_time() {
    let list = list(&json!({
        hex('a'): "2026-11-29 x (by y)\nat: 23:00:00",
        hex('b'): "2026-11-30 x (by y)\nat: 08:00:00",
        hex('c'): "2026-11-30 x (by y)\nat: 09:30:00",
        hex('d'): "made by hand",
        format!("except.{}", hex('e')): "2026-12-30 x (by y)",
        "user.616c696365": "2026-11-30 x (by y)",
    }));
    let order: String = list.newest().iter().map(|e| e.key.to_string().remove(0)).collect();
    assert_eq!(order, "cbuad");
    let endless: Vec<String> = list.endless().map(|e| e.key.to_string()).collect();
    assert_eq!(endless.len(), 4);
}

#[test]
fn entries_end_a_day_after_their_certificate() {
    let list = list(&json!({
        hex('a'): "x\nuntil: 2026-11-01T00:00:00Z",
        hex('b'): "x\nuntil: 2026-11-29T12:00:00Z",
        hex('c'): "x",
        "user.616c696365": "x\nuntil: 2026-11-01T00:00:00Z",
        format!("except.{}", hex('d')): "x\nuser: alice",
        format!("except.{}", hex('e')): "x\nuser: bob",
    }));
    let ended = list.ended("2026-11-30T00:00:00Z".parse().unwrap());
    let keys: Vec<String> = ended.iter().map(|e| e.key.to_string()).collect();
    assert_eq!(keys, [hex('a'), format!("except.{}", hex('e'))]);
}
