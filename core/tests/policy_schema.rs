//! The published schema of policies against our reader, judged by Python's jsonschema.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use usercert_core::encoding::yaml;
use usercert_core::review::policy::Policy;
use usercert_core::review::{FindingCode, Severity};

const SCHEMA: &str = include_str!("../../docs/policy.schema.json");
const EXAMPLE: &str = include_str!("../../docs/policy.example.yaml");

/// Reads a schema and a list of instances, prints a list of verdicts.
const JUDGE: &str = "
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
judge = Draft202012Validator(given['schema'])
json.dump([judge.is_valid(i) for i in given['instances']], sys.stdout)
";

fn verdicts(instances: &[Value]) -> Vec<bool> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with jsonschema is needed");
    let given = json!({ "schema": schema, "instances": instances }).to_string();
    python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 with jsonschema is needed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn schema_and_reader_agree() {
    let rules = [
        "signers: ['kubernetes.io/*', example.com/own]",
        "signers: []",
        "signers: x",
        "signers: [1]",
        "signers: ['']",
        "signers: ['a b']",
        "signers: [' a']",
        "signers: [\"a\\n\"]",
        "signers: [\"a\\0b\"]",
        "signer: [x]",
        "users: {allow: ['*']}",
        "users: {allow: ['*'], deny: []}",
        "users: {}",
        "users: {alow: []}",
        "groups: {deny: [a]}",
        "groups: [a]",
        "groups:",
        "lifetime: {max: 90d}",
        "lifetime: {max: 1h30m, signerChooses: true}",
        "lifetime: {max: 1.5h}",
        "lifetime: {max: +2w}",
        "lifetime: {max: 90}",
        "lifetime: {max: 90 days}",
        "lifetime: {max: 1..5h}",
        "lifetime: {max: ''}",
        "lifetime: {signerChooses: false}",
        "lifetime: {signerChooses: 'false'}",
        "lifetime: {}",
        "keys: {types: [p256, p384, p521, ed25519, rsa], minimumRsaBits: 2048}",
        "keys: {types: []}",
        "keys: {types: [p224]}",
        "keys: {minimumRsaBits: 1023}",
        "keys: {minimumRsaBits: 8192}",
        "keys: {minimumRsaBits: '2048'}",
        "keys: {}",
        "renewals: []",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h}]",
        "renewals: [{name: a, groups: {deny: [b]}, until: '2027-06-30T10:00:00Z', maxLifetime: 12h, earliest: 70%, signer: a/b, onReuse: revoke}]",
        "renewals: [{name: a, until: '2027-06-30', maxLifetime: 12h}]",
        "renewals: [{name: a, users: {}, until: '2027-06-30', maxLifetime: 12h}]",
        "renewals: [{name: a b, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h}]",
        "renewals: [{users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h}]",
        "renewals: [{name: a, users: {allow: [b]}, maxLifetime: 12h}]",
        "renewals: [{name: a, users: {allow: [b]}, until: soon, maxLifetime: 12h}]",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30'}]",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12}]",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h, earliest: 100%}]",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h, onReuse: warn}]",
        "renewals: [{name: a, users: {allow: [b]}, until: '2027-06-30', maxLifetime: 12h, extra: 1}]",
        "requester: {sameUser: true}",
        "requester: {sameUser: false}",
        "requester: {sameUser: false, groups: [a]}",
        "requester: {users: []}",
        "requester: {users: [a]}",
        "requester: {}",
        "findings: {weak-key: allow}",
        "findings: {weak-key: Allow}",
        "findings: {week-key: allow}",
        "findings: {}",
    ];
    let mut texts: Vec<String> = rules
        .iter()
        .map(|rules| format!("apiVersion: usercert/v1\nkind: Policy\n{rules}\n"))
        .chain(["apiVersion: usercert/v1", "kind: Policy", "[]"].map(str::to_owned))
        .collect();
    for code in FindingCode::ALL {
        texts.push(format!(
            "apiVersion: usercert/v1\nkind: Policy\nfindings: {{{}: warn}}",
            code.as_str()
        ));
    }
    texts.push(EXAMPLE.to_owned());
    let instances: Vec<Value> = texts.iter().map(|text| yaml::parse(text).unwrap()).collect();
    for (text, valid) in texts.iter().zip(verdicts(&instances)) {
        assert_eq!(
            Policy::parse(text).map(|_| ()).is_ok(),
            valid,
            "{text}: the schema says {valid}"
        );
    }
}

#[test]
fn the_example_is_a_policy() {
    Policy::parse(EXAMPLE).unwrap();
    let soft = FindingCode::ALL.iter().filter(|code| code.severity() != Severity::Hard).count();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let findings = schema["properties"]["findings"]["properties"].as_object().unwrap();
    assert_eq!(findings.len(), soft);
}
