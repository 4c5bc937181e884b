//! Lists that do not fit into one page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial};

cases!(many_requests_are_one_list, large_requests_come_in_small_pages);

/// A server of its own with so many requests, whose PEM has so much text before it.
fn with_requests(trial: &Trial, count: usize, text: usize) -> (Sandbox, Person) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    admin.run(&["request", "alice", "-g", "dev", "--offline", "--out-dir", "."]).ok();
    let pem = admin.read("alice.csr");
    let request = STANDARD.encode(format!("{}\n{pem}", "x".repeat(text)));
    let object = |i: usize| {
        json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": format!("r{}", "0".repeat(i % 7) + &i.to_string())},
            "spec": {"request": request, "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth"]}})
    };
    let list = json!({"apiVersion": "v1", "kind": "List",
        "items": (0..count).map(object).collect::<Vec<_>>()});
    admin.write("list.json", &list.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "list.json"]).ok();
    sandbox.clear_log();
    (sandbox, admin)
}

/// The `limit` of each page that was asked for.
fn limits(sandbox: &Sandbox) -> Vec<usize> {
    let limit = |path: &str| path.split("limit=").nth(1)?.split('&').next()?.parse().ok();
    sandbox.log().iter().filter_map(|e| limit(&e.path)).collect()
}

fn many_requests_are_one_list(trial: &Trial) {
    let (sandbox, admin) = with_requests(trial, 130, 0);
    let table = admin.run(&["list"]).ok().stdout;
    assert_eq!(table.lines().count(), 131);
    let age = table.find("AGE").expect("a header");
    assert!(
        table.lines().all(|l| l.as_bytes()[age - 1] == b' ' && l.as_bytes()[age] != b' '),
        "{table}"
    );
    assert!(limits(&sandbox).len() > 1, "{:?}", limits(&sandbox));

    // The formats for programs are whole documents with the same content.
    let json = admin.run(&["list", "-o", "json"]).ok().json();
    assert_eq!(json["kind"], "ReviewList");
    assert_eq!(json["items"].as_array().map(Vec::len), Some(130));
    let yaml = admin.run(&["list", "-o", "yaml"]).ok().stdout;
    let yaml: Value = serde_yaml::from_str(&yaml).expect("YAML");
    assert_eq!(yaml, json);
    assert_eq!(admin.run(&["list", "-o", "name"]).ok().stdout.lines().count(), 130);
    let none = ["list", "--signer", "example.com/none", "-o"];
    for format in ["json", "yaml"] {
        let none = admin.run(&[&none[..], &[format]].concat()).ok().stdout;
        let none: Value = serde_yaml::from_str(&none).expect("YAML");
        assert_eq!(none["items"], json!([]));
    }
}

fn large_requests_come_in_small_pages(trial: &Trial) {
    let (sandbox, admin) = with_requests(trial, 14, 1_000_000);
    let table = admin.run(&["list"]).ok().stdout;
    assert_eq!(table.lines().count(), 15, "{table}");
    let limits = limits(&sandbox);
    // The first page is dropped half way, the next one read, and then it is one at a time.
    assert_eq!(limits[..3], [50, 6, 1], "{limits:?}");
    assert!(limits[3..].iter().all(|limit| *limit == 1));
}
