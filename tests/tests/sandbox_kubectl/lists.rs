//! Lists in pages, selectors, and watches.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::raw::{REQUESTS, send, send_text};
use crate::support::{NO_SIGNER, World, manifest, until};

/// A program that is stopped when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _already_ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    let request = world.request("/CN=alice");
    for i in 0..5 {
        world.create(&manifest(&format!("r{i}"), &request, NO_SIGNER));
    }
    let kubeconfig = world.sandbox.admin_kubeconfig();
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("{REQUESTS}?limit=2&continue={token}");
        let (code, page) = send(&kubeconfig, "GET", &path, None);
        assert_eq!(code, 200);
        let items = page["items"].as_array().unwrap().iter();
        let names: Vec<String> =
            items.map(|it| it["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        pages.push((names.join(" "), page["metadata"]["remainingItemCount"].as_u64()));
        match page["metadata"]["continue"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let page = |names: &str, remaining| (names.to_owned(), remaining);
    assert_eq!(pages, [page("r0 r1", Some(3)), page("r2 r3", Some(1)), page("r4", None)]);
    let names = world.kubectl(&["get", "csr", "--chunk-size=1", "-o", "name"]);
    assert_eq!(names.lines().count(), 5);
}

#[test]
fn selectors_choose() {
    let world = World::new();
    let request = world.request("/CN=alice");
    for (name, signer) in [("one", "example.com/a"), ("two", "example.com/b"), ("three", NO_SIGNER)]
    {
        world.create(&manifest(name, &request, signer));
        world.kubectl(&["label", "csr", name, &format!("count={name}")]);
    }
    let select = |option: &str, selector: &str| {
        world.kubectl(&["get", "csr", option, selector, "--no-headers", "-o", "name"]);
        let lines = world.kubectl(&["get", "csr", option, selector, "-o", "name"]);
        let prefix = "certificatesigningrequest.certificates.k8s.io/";
        lines.lines().map(|it| it.strip_prefix(prefix).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(select("--field-selector", "metadata.name=two"), ["two"]);
    assert_eq!(select("--field-selector", "spec.signerName=example.com/a"), ["one"]);
    assert_eq!(select("-l", "count in (one,two),count!=two"), ["one"]);
    let refusal = world.refused(&["get", "csr", "--field-selector", "spec.username=admin"]);
    assert!(refusal.ends_with("field label not supported: spec.username"), "{refusal}");
}

#[test]
fn watches_tell_what_happens() {
    let world = World::new();
    let mut command = world.kubectl_command("admin.kubeconfig");
    command.args(["get", "csr", "-w", "--output-watch-events", "--no-headers"]);
    let mut watching = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    until("the watch", || world.sandbox.log().iter().any(|it| it.path.contains("watch=true")));
    world.submit("alice", "/CN=alice");
    world.kubectl(&["certificate", "deny", "alice"]);
    world.kubectl(&["delete", "csr", "alice"]);
    let lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let events: Vec<(String, String)> = lines
        .take(3)
        .map(|line| {
            let line = line.unwrap();
            let mut words = line.split_whitespace();
            (words.next().unwrap().to_owned(), words.next_back().unwrap().to_owned())
        })
        .collect();
    let event = |kind: &str, state: &str| (kind.to_owned(), state.to_owned());
    let expected =
        [event("ADDED", "Pending"), event("MODIFIED", "Denied"), event("DELETED", "Denied")];
    assert_eq!(events, expected);
}

#[test]
fn a_watch_starts_where_it_is_told() {
    let world = World::new();
    let kubeconfig = world.sandbox.admin_kubeconfig();
    let watch = |query: &str| {
        let path = format!("{REQUESTS}?watch=1&timeoutSeconds=1&{query}");
        let (code, text) = send_text(&kubeconfig, "GET", &path, "application/json", "");
        assert_eq!(code, 200);
        // The body is chunked, one event in each chunk.
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = events.filter(Value::is_object);
        events
            .map(|event| {
                let object = &event["object"];
                let what = object["metadata"]["name"].as_str().or(object["reason"].as_str());
                format!("{} {}", event["type"].as_str().unwrap(), what.unwrap())
            })
            .collect::<Vec<_>>()
    };
    world.submit("first", "/CN=first");
    let version = world.get("first")["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    world.submit("second", "/CN=second");
    world.kubectl(&["certificate", "deny", "first"]);

    assert_eq!(watch(""), ["ADDED first", "ADDED second"]);
    let from = format!("resourceVersion={version}");
    assert_eq!(watch(&from), ["ADDED second", "MODIFIED first"]);
    let selected = format!("{from}&fieldSelector=metadata.name%3Dfirst");
    assert_eq!(watch(&selected), ["MODIFIED first"]);
    // Nobody of that name: silence.
    assert_eq!(watch("fieldSelector=metadata.name%3Dnobody"), [""; 0]);
    assert_eq!(watch("resourceVersion=1"), ["ERROR Expired"]);
}
