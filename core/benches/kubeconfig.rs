//! Reading and editing kubeconfigs of 10, 1,000 and 10,000 users.
#![allow(missing_docs, reason = "what the macros expand to")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::document::Document;
use usercert_core::kubeconfig::edit::{Edit, apply};

/// A kubeconfig of so many users, about 5.3 KB each, as kubectl writes it.
fn kubeconfig(users: usize) -> String {
    let data = "QUJD".repeat(640);
    let mut text =
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://a\n  name: a\n"
            .to_owned();
    text.push_str("contexts:\n");
    for i in 0..users {
        text.push_str(&format!("- context:\n    cluster: a\n    user: u{i}\n  name: c{i}\n"));
    }
    text.push_str("users:\n");
    for i in 0..users {
        text.push_str(&format!("- name: u{i}\n  user:\n    client-certificate-data: {data}\n    client-key-data: {data}\n"));
    }
    text
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("kubeconfig");
    group.sample_size(10);
    for users in [10, 1_000, 10_000] {
        let text = kubeconfig(users);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("parse", users), &text, |b, text| {
            b.iter(|| Document::parse(text));
        });
        let edits = [
            Edit::Set { kind: Kind::User, name: "new".into(), body: json!({ "token": "x" }) },
            Edit::Set {
                kind: Kind::Context,
                name: "new".into(),
                body: json!({ "cluster": "a", "user": "new" }),
            },
        ];
        group.bench_with_input(
            BenchmarkId::new("add a user and a context", users),
            &text,
            |b, text| {
                b.iter(|| apply(text, &edits));
            },
        );
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
