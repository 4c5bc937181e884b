//! Names that mislead, or have power of their own.

use super::{CN, O, UTF8, attribute, crafted, hard, one, openssl_request, refused, state, submit};
use crate::cases;
use crate::trial::Trial;

cases!(
    terminal_escapes,
    group_that_is_a_list,
    empty_common_name,
    hostile_object_names,
    privileged_names,
    look_alikes,
    look_alike_of_a_bound_name,
    masters_under_another_signer,
    names_on_a_pipe_and_in_json,
    look_alike_in_ascii,
    look_alike_of_an_odd_name,
);

fn terminal_escapes(trial: &Trial) {
    let admin = trial.admin();
    let cases: [(&str, &[u8]); 6] = [
        ("esc", b"ali\x1b[2Jce"),
        ("nul", b"ali\0ce"),
        ("cr", b"alice\rroot"),
        ("bidi", "ali\u{202e}ecila".as_bytes()),
        ("zero", "ali\u{200b}ce".as_bytes()),
        ("nbsp", "ali\u{a0}ce".as_bytes()),
    ];
    for (case, cn) in cases {
        let name = trial.user(case);
        let pem =
            crafted(&admin, &[one(attribute(CN, UTF8, cn)), one(attribute(O, UTF8, cn))], b"");
        submit(&admin, &name, &pem, serde_json::json!({})).ok();
        refused(&admin, &name, "hidden-characters");
        for args in [
            &["list"][..],
            &["list", "-o", "wide"],
            &["review", &name],
            &["inspect", &format!("csr/{name}")],
        ] {
            let out = admin.run(args);
            for raw in ["\u{1b}", "\0", "\u{202e}", "\u{200b}", "\u{a0}"] {
                assert!(
                    !out.stdout.contains(raw) && !out.stderr.contains(raw),
                    "{args:?} shows {raw:?} raw"
                );
            }
            assert!(!out.stdout.replace("\r\n", "\n").contains('\r'));
        }
    }
    let name = trial.user("space");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, b"alice "))], b"");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    refused(&admin, &name, "padded-name");
    admin.run(&["review", &name]).exits(3).prints(&["\"alice \""]);
}

fn group_that_is_a_list(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("list");
    let rdns = [one(attribute(CN, UTF8, b"alice")), one(attribute(O, UTF8, b"dev,O=ops"))];
    let pem = crafted(&admin, &rdns, b"");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    admin.run(&["review", &name]).ok().prints(&["group-looks-like-list", "one group, not several"]);
}

fn empty_common_name(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("nameless");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, b""))], b"");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    hard(&admin, &name, "no-common-name");
    let last = trial.user("last-empty");
    let pem =
        crafted(&admin, &[one(attribute(CN, UTF8, b"alice")), one(attribute(CN, UTF8, b""))], b"");
    submit(&admin, &last, &pem, serde_json::json!({})).ok();
    hard(&admin, &last, "several-common-names");
    let empty_group = trial.user("empty-group");
    let pem =
        crafted(&admin, &[one(attribute(CN, UTF8, b"alice")), one(attribute(O, UTF8, b""))], b"");
    submit(&admin, &empty_group, &pem, serde_json::json!({})).ok();
    hard(&admin, &empty_group, "empty-group");
}

/// Names that a shell, kubectl or a terminal would take for something else.
fn hostile_object_names(trial: &Trial) {
    let admin = trial.admin();
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    for base in
        ["--all", "-A", "$(id)", "a\nb", "a\u{1b}[31m", "`id`", "a b", "a;id", &"x".repeat(3000)]
    {
        let name = format!("{base}{}", trial.user(""));
        submit(&admin, &name, &pem, serde_json::json!({})).ok();
        let list = admin.run(&["list", "-o", "wide"]).ok().never_shows("\u{1b}");
        assert!(!list.stdout.contains("a\nb"));
        let review = admin.run(&["review", "--", &name]).exits(3).never_shows("\u{1b}");
        review.prints(&["odd-object-name"]);
        admin.run(&["deny", "--", &name]).ok().never_shows("\u{1b}");
        let done = state(&admin, &name);
        assert_eq!(done, "Denied");
    }
}

fn privileged_names(trial: &Trial) {
    let admin = trial.admin();
    let cases = [
        ("/CN=alice/O=system:nodes", "privileged-group"),
        ("/CN=alice/O=kubeadm:cluster-admins", "privileged-group"),
        ("/CN=alice/O=system:monitoring", "privileged-group"),
        ("/CN=system:kube-controller-manager", "privileged-user"),
        ("/CN=system:node:n1/O=system:nodes", "privileged-user"),
        ("/CN=front-proxy-client", "privileged-user"),
    ];
    for (subject, finding) in cases {
        let name = trial.user("power");
        let pem = openssl_request(&admin, subject, &[]);
        submit(&admin, &name, &pem, serde_json::json!({})).ok();
        refused(&admin, &name, finding);
        admin.kubectl(&["delete", "csr", &name]).ok();
    }
    // Longer than openssl lets through.
    let account = b"system:serviceaccount:kube-system:clusterrole-aggregation-controller";
    let name = trial.user("account");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, account))], b"");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    refused(&admin, &name, "privileged-user");
    // The person's own side says so before anything is sent.
    admin.run(&["request", "alice", "-g", "system:masters"]).exits(2).says(&["system:masters"]);
    let user = trial.user("accepted");
    admin.run(&["request", &user, "-g", "kubeadm:cluster-admins"]).ok();
    admin.run(&["approve", &user, "--yes"]).exits(3);
    admin.run(&["approve", &user, "--yes", "--accept", "privileged-group"]).ok();
}

fn look_alikes(trial: &Trial) {
    let admin = trial.admin();
    for (case, group) in [
        ("case", "System:masters"),
        ("cyrillic", "ѕystem:masters"),
        ("wide", "ｓystem:nodes"),
        ("colon", "system：masters"),
        ("kubeadm", "kubeаdm:cluster-admins"),
    ] {
        let name = trial.user(case);
        let rdns = [one(attribute(CN, UTF8, b"alice")), one(attribute(O, UTF8, group.as_bytes()))];
        submit(&admin, &name, &crafted(&admin, &rdns, b""), serde_json::json!({})).ok();
        refused(&admin, &name, "look-alike");
    }
}

fn look_alike_of_a_bound_name(trial: &Trial) {
    let admin = trial.admin();
    let boss = trial.user("boss");
    trial.grant(
        &boss,
        serde_json::json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    );
    let twin = boss.replacen('o', "о", 1);
    assert_ne!(boss, twin);
    admin.run(&["request", "--", &twin]).ok();
    refused(&admin, &twin, "look-alike");
    admin.run(&["request", &boss]).ok();
    admin.run(&["review", &boss]).ok().prints(&[&format!("user {boss}: ClusterRole")]);
}

fn masters_under_another_signer(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("masters");
    let pem = openssl_request(&admin, "/CN=alice/O=system:masters", &[]);
    submit(&admin, &name, &pem, serde_json::json!({})).exits(1);
    submit(&admin, &name, &pem, serde_json::json!({"signerName": "example.com/own"})).ok();
    hard(&admin, &name, "system-masters");
}

fn names_on_a_pipe_and_in_json(trial: &Trial) {
    let admin = trial.admin();
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    let name = format!("evil\u{1b}[31m\u{202e}\u{9b}\nfake{}", trial.user(""));
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    for format in ["name", "json", "yaml", "wide"] {
        let out = admin.run(&["list", "-o", format]).ok();
        for raw in ["\u{1b}", "\u{202e}", "\u{9b}", "\nfake"] {
            assert!(!out.stdout.contains(raw), "{format} shows {raw:?} raw");
        }
    }
    let items = admin.run(&["list", "-o", "json"]).ok().json();
    let found =
        items["items"].as_array().expect("items").iter().any(|i| i["name"] == name.as_str());
    assert!(found, "programs get the very name");
    admin.run(&["deny", "--", &name]).ok();
}

fn look_alike_in_ascii(trial: &Trial) {
    let admin = trial.admin();
    let boss = trial.user("alice-boss");
    trial.grant(
        &boss,
        serde_json::json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    );
    for twin in [boss.replacen("alice", "a1ice", 1), boss.replacen("alice", "Alice", 1)] {
        admin.run(&["request", &twin]).ok();
        refused(&admin, &twin, "look-alike");
    }
}

/// It is the bound name that has the odd letters, not the one that is asked for.
fn look_alike_of_an_odd_name(trial: &Trial) {
    let admin = trial.admin();
    let boss = trial.user("Chief");
    trial.grant(
        &boss,
        serde_json::json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    );
    let twin = boss.replacen('C', "c", 1);
    admin.run(&["request", &twin]).ok();
    let reviewed = admin.run(&["review", &twin]).exits(3);
    reviewed.prints(&[&format!("looks like {boss}, which has bindings here")]);
    let create = ["create", &twin, "--standalone", "twin.conf", "--yes"];
    admin.run(&create).exits(3).says(&[&format!("looks like {boss}, which has bindings here")]);
    assert!(!admin.has("twin.conf"));
    admin.run(&["create", &boss, "--standalone", "boss.conf", "--yes"]).ok();
}
