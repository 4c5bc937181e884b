use super::*;
use crate::x509::pkcs10;
use crate::x509::testing::{crafted, request, reviewed};

const HEAD: &str = "apiVersion: usercert/v1\nkind: Policy\n";

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("{HEAD}{rules}")).unwrap_or_else(|e| panic!("{e} in {rules}"))
}

fn found<'a>(rules: &str, pem: &'a str, change: impl FnOnce(&mut Reviewed<'a>)) -> Vec<Finding> {
    policy(rules).review(&reviewed(pem, change))
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.code.as_str()).collect()
}

fn good() -> String {
    pkcs10::to_pem(&request("alice", &["dev", "ops"]).der)
}

#[test]
fn each_rule_lets_pass_what_it_allows_and_nothing_else() {
    for (allows, forbids, code) in [
        ("signers: ['kubernetes.io/*']", "signers: [example.com/own]", "policy-signer"),
        ("users: {allow: [al*]}", "users: {allow: [bob]}", "policy-user"),
        ("users: {deny: [bob]}", "users: {deny: [al*]}", "policy-user"),
        (
            "users: {allow: ['*'], deny: [bob]}",
            "users: {allow: ['*'], deny: [alice]}",
            "policy-user",
        ),
        ("groups: {allow: [dev, ops]}", "groups: {allow: [dev]}", "policy-group"),
        ("groups: {deny: [admin]}", "groups: {deny: [o?s]}", "policy-group"),
        ("groups: {allow: ['*']}", "groups: {allow: []}", "policy-group"),
        ("lifetime: {max: 1d}", "lifetime: {max: 23h}", "policy-lifetime"),
        ("keys: {types: [rsa, p256]}", "keys: {types: [ed25519, rsa]}", "policy-key"),
        ("keys: {minimumRsaBits: 4096}", "keys: {types: []}", "policy-key"),
    ] {
        assert_eq!(codes(&found(allows, &good(), |_| {})), [""; 0], "{allows}");
        let findings = found(forbids, &good(), |_| {});
        assert_eq!(codes(&findings), [code], "{forbids}");
        assert!(review::refuses(&findings, &[]), "{forbids}");
    }
}

#[test]
fn a_maximum_holds_for_the_signers_choice_too() {
    let choice = |r: &mut Reviewed<'_>| r.expiration_seconds = None;
    for (rules, refused) in [
        ("lifetime: {max: 90d}", true),
        ("lifetime: {signerChooses: false}", true),
        ("lifetime: {max: 90d, signerChooses: true}", false),
        ("lifetime: {signerChooses: true}", false),
        ("signers: ['*']", false),
    ] {
        assert_eq!(review::refuses(&found(rules, &good(), choice), &[]), refused, "{rules}");
    }
}

#[test]
fn requesters_need_one_of_the_reasons() {
    let groups = ["system:authenticated".to_owned(), "desk".to_owned()];
    let pem = good();
    let by = |requester: &'static str, rules: &str| {
        let findings = found(rules, &pem, |r| {
            r.requester = Some(requester);
            r.requester_groups = &groups;
        });
        !codes(&findings).contains(&"policy-requester")
    };
    assert!(by("alice", "requester: {sameUser: true}"));
    assert!(!by("bob", "requester: {sameUser: true}"));
    assert!(by("bob", "requester: {sameUser: true, users: [bob]}"));
    assert!(by("bob", "requester: {groups: [desk]}"));
    assert!(!by("bob", "requester: {groups: [desks]}"));
    assert!(!by("alice", "requester: {users: [bob]}"));
    let nobody =
        found("requester: {sameUser: true}\nfindings: {policy-requester: refuse}", &good(), |_| {});
    assert_eq!((codes(&nobody), nobody[0].severity), (vec!["policy-requester"], Severity::Info));
}

#[test]
fn weights_change_but_never_those_of_hard_findings() {
    let weigh = |severity: &str| {
        let rules = format!("findings: {{requester-differs: {severity}}}");
        found(&rules, &good(), |r| r.requester = Some("bob"))[0].severity
    };
    assert_eq!(weigh("allow"), Severity::Info);
    assert_eq!(weigh("warn"), Severity::Warn);
    assert_eq!(weigh("refuse"), Severity::Refuse);
    let nodes = pkcs10::to_pem(&request("a", &["system:nodes"]).der);
    assert!(!review::refuses(&found("findings: {privileged-group: warn}", &nodes, |_| {}), &[]));
    // A finding of the policy's own can be made a warning as well.
    let soft = "users: {allow: [bob]}\nfindings: {policy-user: warn}";
    assert!(!review::refuses(&found(soft, &good(), |_| {}), &[]));
    for code in FindingCode::ALL.iter().filter(|c| c.severity() == Severity::Hard) {
        let text = format!("{HEAD}findings: {{{}: allow}}", code.as_str());
        let error = Policy::parse(&text).unwrap_err();
        assert_eq!((error.line, error.column), (3, 12), "{error}");
    }
    let masters = crafted(&[
        ("2.5.4.3", der::Tag::Utf8String, b"a"),
        ("2.5.4.10", der::Tag::Utf8String, b"system:masters"),
    ]);
    let all: Vec<String> = FindingCode::ALL
        .iter()
        .filter(|c| c.severity() != Severity::Hard)
        .map(|c| format!("  {}: allow\n", c.as_str()))
        .collect();
    assert!(review::refuses(
        &found(&format!("findings:\n{}", all.concat()), &masters, |_| {}),
        &[]
    ));
}

#[test]
fn small_rsa_keys_are_refused_by_size() {
    use crate::x509::key::KeyKind;
    let mut request = request("alice", &[]);
    request.key.kind = KeyKind::Rsa(2048);
    let judge = |rules: &str, request: &CertificateRequest| {
        let mut findings = Findings::default();
        policy(rules).key(request, &mut findings);
        findings.sorted().len()
    };
    assert_eq!(judge("keys: {minimumRsaBits: 3072}", &request), 1);
    assert_eq!(judge("keys: {minimumRsaBits: 2048}", &request), 0);
    assert_eq!(judge("keys: {types: [rsa], minimumRsaBits: 2048}", &request), 0);
    request.key.kind = KeyKind::P224;
    assert_eq!(judge("keys: {types: [p256, p384, p521, ed25519, rsa]}", &request), 1);
}

#[test]
fn names_in_messages_are_few_and_shown_safely() {
    let names: Vec<String> = (0..50).map(|i| format!("g{i:02}")).collect();
    let groups: Vec<&str> = names.iter().map(String::as_str).collect();
    let pem = pkcs10::to_pem(&request("alice", &groups).der);
    let findings = found("groups: {allow: [dev]}", &pem, |_| {});
    assert!(findings[0].message.contains("g09 and 40 more"), "{}", findings[0].message);
    let escape = crafted(&[("2.5.4.3", der::Tag::Utf8String, b"a\x1b[2J")]);
    let findings = found("users: {allow: [bob]}", &escape, |_| {});
    assert!(findings.iter().all(|f| !f.message.contains('\u{1b}')));
}

/// What is not understood stops everything, and says where.
#[test]
fn mistakes_are_told_with_their_places() {
    for (rules, error) in [
        (
            "signer: [x]",
            "line 3, column 1: unknown field `signer`, expected one of `apiVersion`, `kind`, `signers`",
        ),
        (
            "signers: x",
            "line 3, column 10: signers: invalid type: string \"x\", expected a sequence",
        ),
        (
            "signers: [1]",
            "line 3, column 11: signers[0]: invalid type: integer `1`, expected a text, in quotes where",
        ),
        ("signers:", "line 3, column 8: a value is missing"),
        ("signers: [a]\nsigners: [b]", "line 1, column 1: duplicate field `signers`"),
        ("users: {}", "line 3, column 8: users: this rule says nothing"),
        ("users: [[alice]]", "line 3, column 8: users: invalid type: sequence, expected a mapping"),
        ("users: &a {deny: [b]}", "line 3, column 11: anchors and aliases are not allowed here"),
        ("users: {deny: [!!binary a2lt]}", "line 3, column 25: tags are not allowed here"),
        (
            "groups: {alow: [x]}",
            "line 3, column 10: groups: unknown field `alow`, expected `allow` or `deny`",
        ),
        ("groups: {<<: {deny: [x]}}", "line 3, column 10: groups: unknown field `<<`"),
        ("groups:\n  allow:\n  - x\n  - ''", "line 6, column 5: groups.allow[1]: an empty pattern"),
        (
            "groups:\n  deny:\n  - |\n    team-a\n",
            "line 5, column 5: groups.deny[0]: a pattern with space",
        ),
        ("users: {deny: [' admin']}", "line 3, column 16: users.deny[0]: a pattern with space"),
        ("signers: [\"x/y\\0\"]", "line 3, column 11: signers[0]: a pattern with space"),
        ("groups:\n  allow: [y]", "line 4, column 11: some readers of YAML take this for true"),
        ("groups:\n  allow: [1_000]", "line 4, column 11: some readers of YAML take this for true"),
        (
            "groups:\n  allow: [true]",
            "line 4, column 11: groups.allow[0]: invalid type: boolean `true`, expected a text",
        ),
        (
            "lifetime: {max: 30}",
            "line 3, column 17: lifetime.max: invalid type: integer `30`, expected a text",
        ),
        ("lifetime: {max: 30x}", "line 3, column 17: lifetime.max: \"30x\" is not a duration"),
        (
            "lifetime: {max: 1m}",
            "line 3, column 17: lifetime.max: \"1m\" is shorter than 10 minutes",
        ),
        (
            "lifetime: {signerChooses: 'no'}",
            "line 3, column 27: lifetime.signerChooses: invalid type: string \"no\", expected a boolean",
        ),
        (
            "keys: {types: [p224]}",
            "line 3, column 16: keys.types[0]: unknown variant `p224`, expected one of `p256`",
        ),
        (
            "keys: {minimumRsaBits: 512}",
            "line 3, column 7: keys: minimumRsaBits: must be from 1024 to 8192",
        ),
        ("requester: {sameUser: false}", "line 3, column 12: requester: this rule says nothing"),
        ("requester: {users: []}", "line 3, column 12: requester: this rule says nothing"),
        (
            "findings: {week-key: allow}",
            "line 3, column 12: findings: there is no finding week-key",
        ),
        (
            "findings: {weak-key: ignore}",
            "line 3, column 22: findings.weak-key: unknown variant `ignore`, expected one of `allow`, `warn`, `refuse`",
        ),
        (
            "findings: {weak-key: warn, weak-key: allow}",
            "line 3, column 11: findings: weak-key appears twice",
        ),
        (
            "findings: [weak-key]",
            "line 3, column 11: findings: invalid type: sequence, expected a mapping",
        ),
        (
            "findings: {\"\\e[2J\": allow}",
            "line 3, column 12: findings: there is no finding \"\\u{1b}[2J\"",
        ),
        ("---\nkind: Policy", "line 3, column 1: a second document starts here"),
    ] {
        let problem = Policy::parse(&format!("{HEAD}{rules}\n")).unwrap_err().to_string();
        assert!(problem.starts_with(error), "{rules:?}: {problem}");
    }
    for (text, error) in [
        ("", "line 1, column 1: it is empty"),
        ("# only this\n", "line 1, column 1: it is empty"),
        ("kind: Policy", "line 1, column 1: missing field `apiVersion`"),
        (
            "apiVersion: usercert/v2\nkind: Policy",
            "line 1, column 13: apiVersion: unknown variant `usercert/v2`, expected `usercert/v1`",
        ),
        (
            "apiVersion: usercert/v1\nkind: Config",
            "line 2, column 7: kind: unknown variant `Config`, expected `Policy`",
        ),
        ("- a", "line 1, column 1: invalid type: sequence, expected struct Policy"),
        ("kind: [\n", "line 1, column 7: an unmatched bracket"),
    ] {
        let problem = Policy::parse(text).unwrap_err().to_string();
        assert!(problem.starts_with(error), "{text:?}: {problem}");
    }
}
