use super::*;
use crate::x509::lifetime::default_lifetime;

const DEFAULTS: fn() -> Defaults =
    || Defaults { lifetime: Some(default_lifetime()), key_type: KeyType::P256 };

fn ok(text: &str) -> Vec<Person> {
    let (people, problems) = read(text.as_bytes(), &DEFAULTS());
    assert!(problems.is_empty(), "{problems:?}: {text}");
    people
}

fn wrong(text: &str) -> Vec<String> {
    read(text.as_bytes(), &DEFAULTS()).1.iter().map(ToString::to_string).collect()
}

const YAML: &str = "\
people:
- name: alice
  groups: [dev, ops]
  expires: 12h
  keyType: p384
  grants: [role/deployer@dev, 'clusterrole/view@*']
- name: 0042   # as it is written
  csr: bob.csr
- {name: 'Zoë, from the press', groups: press}
";

#[test]
fn both_forms_say_the_same() {
    let csv = "name,groups,expires,keyType,grants,csr\n\
                   alice, dev;ops, 12h, p384, role/deployer@dev; clusterrole/view@*,\n\
                   # a comment\n\
                   0042,,,,,bob.csr\n\
                   \"Zoë, from the press\",press\n\n";
    let forms = [ok(csv), ok(YAML), ok(&format!("\u{feff}{}", csv.replace('\n', "\r\n")))]
        .map(|people| people.into_iter().map(|p| Person { line: 0, ..p }).collect::<Vec<_>>());
    assert_eq!(forms[0], forms[1]);
    assert_eq!(forms[0], forms[2]);
    let alice = &forms[0][0];
    assert_eq!(alice.identity, Identity::parse("alice", &["ops", "dev"]).unwrap());
    assert_eq!((alice.lifetime.unwrap().seconds(), alice.key_type), (43_200, KeyType::P384));
    assert_eq!(alice.grants[0].to_string(), "role/deployer@dev");
    assert_eq!(forms[0][1].identity.user.as_str(), "0042");
    assert_eq!(forms[0][1].csr.as_deref(), Some("bob.csr"));
    assert_eq!(forms[0][1].lifetime, Some(default_lifetime()));
}

#[test]
fn lines_are_the_files() {
    let lines = |text: &str| ok(text).iter().map(|p| p.line).collect::<Vec<_>>();
    assert_eq!(lines(YAML), [2, 7, 9]);
    assert_eq!(lines("name\na\n\n# x\nb\r\n\"c\"\n"), [2, 5, 6]);
    assert_eq!(lines("name;groups\na;\"x;y\"\nb;z\n"), [2, 3]);
    assert_eq!(lines("# staff\n\nname,groups\na,\"x;\ny\"\nb,z\n"), [4, 6]);
}

#[test]
fn semicolons_separate_where_the_header_has_them() {
    let people = ok("name;groups\nalice;\"dev;ops\"\n");
    assert_eq!(people[0].identity.groups.len(), 2);
}

#[test]
fn everything_wrong_is_said_with_its_line() {
    assert_eq!(
        wrong(
            "name,groups,expires,keyType,grants,csr\n\
                 alice,dev,5m,p257,view@dev,\n\
                 bob,system:masters\n\
                 alice\n\
                 \"b\tb\"\n\
                 carol,,,p256,role/x@*,c.csr\n\
                 ,dev\n\
                 dave,,,,,,more\n"
        ),
        [
            "line 2: expires: \"5m\" is shorter than 10 minutes, the least that the API server accepts",
            "line 2: keyType: unknown key type p257: choose p256, p384, ed25519, rsa2048, rsa3072 or rsa4096",
            "line 2: grants: view@dev is not a grant; write it as role/NAME@NAMESPACE, clusterrole/NAME@NAMESPACE, or clusterrole/NAME@* for the whole cluster",
            "line 3: the group system:masters cannot be requested: its members pass every authorization check for ever, and the API server refuses it",
            "line 4: alice is on line 2 already",
            "line 5: the user name \"b\\tb\" holds the invisible or control character U+0009 at position 2",
            "line 6: keyType: no key is made where csr names a request",
            "line 6: grants: role/x@*: a role is in one namespace; only a cluster role can be granted in all",
            "line 7: the user name is empty",
            "line 8: there are 7 values, but the first line names 6",
        ]
    );
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    assert_eq!(
        wrong("name,team\na,b\n"),
        ["line 1: there is no field team; there are name, groups, expires, keyType, grants, csr"]
    );
    assert_eq!(wrong("name,name\na,b\n"), ["line 1: name appears twice"]);
    for (yaml, problem) in [
        (
            "people:\n- name: a\n  team: b\n",
            "line 3: people[0]: unknown field `team`, expected one of `name`, `groups`, `expires`, `keyType`, `grants`, `csr`",
        ),
        ("- name: b\n- groups: c\n  name: a\n  name: c\n", "line 2: [1]: duplicate field `name`"),
        (
            "- name: b\n  groups: {x: y}\n",
            "line 2: [0].groups: invalid type: map, expected a list of values, or one value, in quotes where it looks like a number",
        ),
        (
            "- name: b\n  groups: 1e3\n",
            "line 2: [0].groups: invalid type: floating point `1000.0`, expected a list of values, or one value, in quotes where it looks like a number",
        ),
        (
            "- name: b\n  groups: [[x]]\n",
            "line 2: [0].groups[0]: invalid type: sequence, expected a string",
        ),
        ("- name: [b]\n", "line 1: [0].name: invalid type: sequence, expected a string"),
        (
            "people:\n- c\n",
            "line 2: people[0]: invalid type: string \"c\", expected a person with at least a name, as `- name: alice`",
        ),
        ("people: c\n", "line 1: people: invalid type: string \"c\", expected a sequence"),
        ("persons: []\n", "line 1: unknown field `persons`, expected `people`"),
        ("people:\n- name: a\npeople:\n- name: b\n", "line 1: duplicate field `people`"),
        (
            "alice\n",
            "line 1: invalid type: string \"alice\", expected a list of people: `people:` and one `- name: …` for each, or CSV whose first line names the fields",
        ),
        ("- &a {name: a}\n", "line 1: anchors and aliases are not allowed here"),
        ("- name: a\n---\n- name: b\n", "line 2: a second document starts here"),
        (
            "- name: a\n  \"b\\e[2J\": x\n",
            "line 2: \"[0]: unknown field `b\\u{1b}[2J`, expected one of `name`, `groups`, `expires`, `keyType`, `grants`, `csr`\"",
        ),
    ] {
        assert_eq!(wrong(yaml), [problem], "{yaml}");
    }
    assert_eq!(wrong("- name: ~\n- groups: [~]\n  name: b\n").len(), 2);
    assert_eq!(wrong("people: []\n"), ["line 1: it lists nobody"]);
    assert_eq!(wrong("name\n"), ["line 1: it lists nobody"]);
    assert_eq!(wrong(""), ["line 1: it lists nobody"]);
    assert_eq!(wrong("people: [\n"), ["line 1: an unmatched bracket"]);
    assert_eq!(read(b"name\nM\xfcller\n", &DEFAULTS()).1[0].line, 2);
}

#[test]
fn a_quote_that_is_not_closed_is_refused() {
    for (csv, line) in [
        ("name,groups\na,x\nb,\"y\nc,z\n", 3),
        ("name,groups\na,x\nb,\"y", 3),
        ("# staff\nname,\"groups\na,x\n", 2),
    ] {
        let problem = format!("line {line}: a quote is not closed");
        assert_eq!(wrong(csv), [problem], "{csv}");
    }
    assert_eq!(ok("name,groups\na,\"x;\ny\"\nb,a \"b\" c").len(), 2);
}

#[test]
fn a_row_that_asks_for_something_else_has_another_digest() {
    let rows = [
        "alice",
        "bob",
        "alice,dev",
        "alice,dev;ops",
        "alice,,1h",
        "alice,,signer",
        "alice,,,p384",
    ];
    let digests: std::collections::BTreeSet<String> = rows
        .iter()
        .map(|row| ok(&format!("name,groups,expires,keyType\n{row}\n"))[0].digest("s", None))
        .collect();
    assert_eq!(digests.len(), rows.len());
    let one = &ok("name,grants\nalice,clusterrole/view@*\n")[0];
    assert_eq!(one.digest("s", None), ok("name\nalice\n")[0].digest("s", None));
    assert_ne!(one.digest("s", None), one.digest("t", None));
    assert_ne!(one.digest("s", None), one.digest("s", Some(b"der")));
}

#[cfg(feature = "unicode")]
#[test]
fn people_who_look_alike_are_found() {
    let people = ok("name\nalice\nbob\nаlice\n");
    let found = look_alikes(&people.iter().collect::<Vec<_>>());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, 2);
    assert_eq!(found[0].1.message, "user name аlice looks like alice on line 2, but differs");
}

#[test]
fn a_request_must_agree_with_its_row() {
    let request = crate::x509::testing::request("alice", &["dev", "ops"]);
    let agree = |row: &str| ok(&format!("name,groups,csr\n{row},f\n"))[0].disagreements(&request);
    assert_eq!(agree("alice,ops;dev"), Vec::<String>::new());
    assert_eq!(
        agree("bob,ops;sre"),
        [
            "the request is for alice",
            "the request asks for further groups: dev",
            "the request lacks groups: sre"
        ]
    );
}
