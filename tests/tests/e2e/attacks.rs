//! Attempts to fool an approver or an installer, each with what must come of it.

use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    swapped_while_the_question_stands,
    swapped_before_expect,
    deleted_while_the_question_stands,
    harmless_change_while_the_question_stands,
    name_taken_before_from,
    answer_no,
    several_common_names,
    undecodable_common_name,
    two_names_in_one_set,
    text_around_the_block,
    private_key_beside_the_request,
    extra_bytes_inside,
    terminal_escapes,
    group_that_is_a_list,
    empty_common_name,
    hostile_object_names,
    huge_requests,
    three_mebibytes,
    lifetimes_beyond_the_api,
    privileged_names,
    look_alikes,
    weak_keys_and_signatures,
    names_and_usages_smuggled_in,
    masters_under_another_signer,
    look_alike_of_a_bound_name,
    pending_folder_is_guarded,
    cluster_entry_is_never_shadowed,
    debug_variables_do_not_redirect,
    answer_signed_by_somebody_else,
    beginnings_without_end,
    names_on_a_pipe_and_in_json,
    look_alike_in_ascii,
    look_alike_of_an_odd_name,
);

/// Submits PEM text as it is, under this name, by an admin's hands.
fn submit(admin: &Person, name: &str, pem: &str, extra: serde_json::Value) -> Outcome {
    use base64::Engine as _;
    let mut spec = serde_json::json!({
        "request": base64::engine::general_purpose::STANDARD.encode(pem),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"], "expirationSeconds": 86400,
    });
    if let (Some(to), Some(from)) = (spec.as_object_mut(), extra.as_object()) {
        to.extend(from.clone());
    }
    let object = serde_json::json!({"apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest", "metadata": {"name": name}, "spec": spec});
    admin.write("submit.json", &object.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "submit.json"])
}

/// A request by openssl for this subject, PEM.
fn openssl_request(person: &Person, subject: &str, more: &[&str]) -> String {
    person
        .tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k"])
        .ok();
    let mut args = vec!["req", "-new", "-utf8", "-key", "k", "-subj", subject];
    args.extend(more);
    person.tool("openssl", &args).ok().stdout
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=127 => out.push(n as u8),
        n @ 128..=255 => out.extend([0x81, n as u8]),
        n @ 256..=65535 => out.extend([0x82, (n >> 8) as u8, n as u8]),
        n => out.extend([0x83, (n >> 16) as u8, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

fn attribute(last_arc: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[&[0x55, 4, last_arc]]), &tlv(tag, &[value])])
}

const CN: u8 = 3;
const O: u8 = 10;
const UTF8: u8 = 12;
const UNIVERSAL: u8 = 28;

/// A signed request over exactly these relative names and trailing bytes of its info.
fn crafted(person: &Person, rdns: &[Vec<u8>], trailing: &[u8]) -> String {
    use base64::Engine as _;
    person
        .tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k"])
        .ok();
    person
        .tool("openssl", &["pkey", "-in", "k", "-pubout", "-outform", "DER", "-out", "spki"])
        .ok();
    let spki = std::fs::read(person.home.join("spki")).expect("a file");
    let rdns: Vec<&[u8]> = rdns.iter().map(Vec::as_slice).collect();
    let subject = tlv(0x30, &rdns);
    let info = tlv(0x30, &[&tlv(2, &[&[0]]), &subject, &spki, &tlv(0xa0, &[]), trailing]);
    std::fs::write(person.home.join("info"), &info).expect("a file");
    person.tool("openssl", &["dgst", "-sha256", "-sign", "k", "-out", "sig", "info"]).ok();
    let signature = std::fs::read(person.home.join("sig")).expect("a file");
    let ecdsa_sha256 = tlv(0x30, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
    let request = tlv(0x30, &[&info, &ecdsa_sha256, &tlv(3, &[&[0], &signature])]);
    let data = base64::engine::general_purpose::STANDARD.encode(request);
    let lines: Vec<String> =
        data.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        lines.join("\n")
    )
}

fn one(attribute: Vec<u8>) -> Vec<u8> {
    tlv(0x31, &[&attribute])
}

fn state(admin: &Person, name: &str) -> String {
    admin
        .kubectl(&["get", "csr", "-o", "jsonpath={.status.conditions[*].type}", "--", name])
        .ok()
        .stdout
}

/// Refused for this finding, which nothing can accept; the object stays undecided.
fn hard(admin: &Person, name: &str, finding: &str) {
    admin.run(&["review", "--", name]).exits(3).prints(&[finding, "cannot be accepted"]);
    admin.run(&["approve", "--yes", "--", name]).exits(3).says(&[finding]);
    admin.run(&["approve", "--yes", "--accept", finding, "--", name]).exits(2);
    assert_eq!(state(admin, name), "", "nothing was decided");
}

/// Refused for this finding unless it is accepted.
fn refused(admin: &Person, name: &str, finding: &str) {
    admin.run(&["review", "--", name]).exits(3).prints(&[finding]);
    admin
        .run(&["approve", "--yes", "--", name])
        .exits(3)
        .says(&[finding, &format!("--accept {finding}")]);
    assert_eq!(state(admin, name), "", "nothing was decided");
}

fn swapped_while_the_question_stands(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("swap");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    assert!(terminal.asked().contains("Groups       dev"));
    eve.kubectl(&["delete", "csr", &user]).ok();
    eve.run(&["request", &user, "-g", "kubeadm:cluster-admins"]).ok();
    terminal.answer("y").exits(1).says(&["not the one that was reviewed"]);
    assert_eq!(state(&admin, &user), "", "the other request is not approved");
}

fn swapped_before_expect(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("expect");
    let code = admin.run(&["request", &user, "-g", "dev"]).ok().code_shown();
    eve.kubectl(&["delete", "csr", &user]).ok();
    eve.run(&["request", &user, "-g", "dev"]).ok();
    let out = admin.run(&["approve", &user, "--expect", &code, "--yes"]).exits(3);
    out.says(&["not-expected", "its code is"]);
    admin.run(&["approve", &user, "--expect", &code, "--yes", "--accept", "not-expected"]).exits(2);
    assert_eq!(state(&admin, &user), "");
}

fn deleted_while_the_question_stands(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("deleted");
    admin.run(&["request", &user]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    terminal.asked();
    trial.admin().kubectl(&["delete", "csr", &user]).ok();
    terminal.answer("yes").exits(1).says(&["was deleted while it was reviewed"]);
}

/// A label set in between is no reason to refuse, and must not get lost either.
fn harmless_change_while_the_question_stands(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("label");
    admin.run(&["request", &user]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    terminal.asked();
    trial.admin().kubectl(&["label", "csr", &user, "team=blue"]).ok();
    terminal.answer("y").ok();
    assert_eq!(state(&admin, &user), "Approved");
    let label =
        admin.kubectl(&["get", "csr", &user, "-o", "jsonpath={.metadata.labels.team}"]).ok();
    assert_eq!(label.stdout, "blue");
}

fn answer_no(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("no");
    admin.run(&["request", &user]).ok();
    for word in ["n", "", "maybe", "yes please"] {
        let mut terminal = admin.on_terminal(&["approve", &user]);
        terminal.asked();
        terminal.answer(word).exits(3).says(&["nothing was done"]);
    }
    admin.run(&["approve", &user]).exits(2).says(&["no terminal", "--yes"]);
    assert_eq!(state(&admin, &user), "");
}

/// Somebody has created the name first, with a request of their own.
fn name_taken_before_from(trial: &Trial) {
    let (admin, eve) = (trial.admin(), trial.admin());
    let user = trial.user("first");
    let newcomer = trial.newcomer();
    let mine =
        newcomer.run(&["request", &user, "-g", "dev", "--offline", "-o", "yaml"]).ok().stdout;
    eve.run(&["request", &user, "-g", "kubeadm:cluster-admins"]).ok();
    admin.write("r.yaml", &mine);
    let out = admin.run(&["approve", "--from", "r.yaml", "--yes", "--reply", "reply"]).ok();
    assert!(!out.stdout.contains(&format!("/{user} ")), "under a name of its own: {}", out.stdout);
    assert_eq!(state(&admin, &user), "", "the other request is not approved");
    newcomer.write("reply", &admin.read("reply"));
    newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).ok();
    let groups = newcomer.whoami(&newcomer.context_of(&user)).1;
    assert!(groups.contains(&"dev".to_owned()) && !groups.iter().any(|g| g.contains("kubeadm")));
}

fn several_common_names(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("two-cn");
    let pem = openssl_request(&admin, "/CN=admin/CN=alice", &[]);
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    admin.run(&["review", &name]).exits(3).prints(&["the API server would take alice"]);
    hard(&admin, &name, "several-common-names");
}

/// openssl shows alice last, the certificate would say admin.
fn undecodable_common_name(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("universal");
    let universal: Vec<u8> = "alice".chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
    let rdns = [one(attribute(CN, UTF8, b"admin")), one(attribute(CN, UNIVERSAL, &universal))];
    let pem = crafted(&admin, &rdns, b"");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    admin.run(&["review", &name]).exits(3).prints(&["User         admin", "would take admin"]);
    hard(&admin, &name, "several-common-names");
}

fn two_names_in_one_set(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("set");
    let both = tlv(0x31, &[&attribute(CN, UTF8, b"zoe-long-name"), &attribute(CN, UTF8, b"amy")]);
    let pem = crafted(&admin, &[both], b"");
    if submit(&admin, &name, &pem, serde_json::json!({})).code == 0 {
        hard(&admin, &name, "several-common-names");
        hard(&admin, &name, "not-strict-der");
    } else {
        let review = admin.run_with(&["review", "--from", "-"], pem.as_bytes()).exits(3);
        review.prints(&["several-common-names"]);
    }
}

fn text_around_the_block(trial: &Trial) {
    let admin = trial.admin();
    let good = openssl_request(&admin, "/CN=alice", &[]);
    let other = openssl_request(&admin, "/CN=admin/O=kubeadm:cluster-admins", &[]);
    let unterminated = other.replace("-----END CERTIFICATE REQUEST-----\n", "");
    let cases = [
        ("bom", format!("\u{feff}{other}{good}")),
        ("open", format!("{unterminated}{good}")),
        ("text", format!("Hello\n{good}")),
        ("after", format!("{good}bye\n")),
        ("two", format!("{good}{other}")),
        ("header", good.replace("REQUEST-----\nMI", "REQUEST-----\nA: b\n\nMI")),
    ];
    for (case, pem) in cases {
        let name = trial.user(case);
        submit(&admin, &name, &pem, serde_json::json!({})).ok();
        hard(&admin, &name, "not-canonical-pem");
    }
}

fn private_key_beside_the_request(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("leak");
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    let key = admin.read("k");
    submit(&admin, &name, &format!("{pem}{key}"), serde_json::json!({})).ok();
    hard(&admin, &name, "private-key-included");
    let secret = key.lines().nth(1).expect("a line").to_owned();
    admin.run(&["review", &name, "-o", "json"]).exits(3).never_shows(&secret);
}

fn extra_bytes_inside(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("extra");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, b"alice"))], &tlv(4, &[b"x"]));
    if submit(&admin, &name, &pem, serde_json::json!({})).code == 0 {
        hard(&admin, &name, "not-strict-der");
    } else {
        admin.run_with(&["review", "--from", "-"], pem.as_bytes()).exits(3);
    }
}

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
        admin.run(&["review", "--", &name]).ok().never_shows("\u{1b}");
        admin.run(&["deny", "--", &name]).ok().never_shows("\u{1b}");
        let done = state(&admin, &name);
        assert_eq!(done, "Denied");
    }
}

fn huge_requests(trial: &Trial) {
    let admin = trial.admin();
    let long = trial.user("long");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, &[b'a'; 60_000]))], b"");
    submit(&admin, &long, &pem, serde_json::json!({})).ok();
    refused(&admin, &long, "long-name");
    admin.run(&["review", &long]).exits(3).prints(&["oversized"]);
    let many = trial.user("many");
    let mut rdns = vec![one(attribute(CN, UTF8, b"alice"))];
    rdns.extend((0..150).map(|i| one(attribute(O, UTF8, format!("g{i}").as_bytes()))));
    submit(&admin, &many, &crafted(&admin, &rdns, b""), serde_json::json!({})).ok();
    refused(&admin, &many, "too-many-groups");
    admin.run(&["deny", &long, &many]).ok();
    let groups: Vec<String> = (0..101).flat_map(|i| ["-g".to_owned(), format!("g{i}")]).collect();
    let mut args = vec!["request", "alice", "--dry-run"];
    args.extend(groups.iter().map(String::as_str));
    admin.run(&args).exits(2).says(&["101 groups"]);
}

/// As large as the API server takes a body, and larger than it stores.
fn three_mebibytes(trial: &Trial) {
    let admin = trial.admin();
    let huge = crafted(&admin, &[one(attribute(CN, UTF8, &vec![b'a'; 2_300_000]))], b"");
    assert!(huge.len() > 3_000_000);
    let review = admin.run_with(&["review", "--from", "-"], huge.as_bytes()).exits(3);
    let review = review.prints(&["oversized", "long-name"]);
    assert!(review.stdout.len() < 20_000, "{} bytes are shown", review.stdout.len());
    let from = ["approve", "--from", "-", "--yes"];
    admin
        .run_with(&from, huge.as_bytes())
        .exits(3)
        .says(&["--accept long-name --accept oversized"]);
    let accepted = [&from[..], &["--accept", "oversized", "--accept", "long-name"]].concat();
    let refused = admin.run_with(&accepted, huge.as_bytes()).exits(1).says(&["Error from server"]);
    assert!(refused.stderr.len() < 200_000, "{} bytes are shown", refused.stderr.len());

    // What it does store does not drown the others.
    let stored = trial.user("stored");
    let pem = crafted(&admin, &[one(attribute(CN, UTF8, &vec![b'a'; 500_000]))], b"");
    submit(&admin, &stored, &pem, serde_json::json!({})).ok();
    let list = admin.run(&["list"]).ok().prints(&[&stored]);
    assert!(list.stdout.lines().all(|line| line.len() < 1000));
    admin.run(&["approve", &stored, "--yes"]).exits(3).says(&["oversized"]);
    assert_eq!(state(&admin, &stored), "");
    admin.kubectl(&["delete", "csr", &stored]).ok();
}

/// A hundred years are more than the field can hold; sixty-eight are warned of.
fn lifetimes_beyond_the_api(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("century");
    let made = admin.run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    let years = |seconds: &str| made.replace("2592000", seconds);
    assert_ne!(years("1"), made);
    let from = ["approve", "--from", "-", "--yes"];
    let century = admin.run_with(&from, years("3153600000").as_bytes()).exits(1);
    century.says(&["3153600000 seconds; the most is 2147483647"]);
    let long = ["--expires", "36500d"];
    admin.run_with(&[&from[..], &long].concat(), made.as_bytes()).exits(2).says(&["longer than"]);
    admin.kubectl(&["get", "csr", &user]).exits(1);
    let review = ["review", "--from", "-"];
    admin.run_with(&review, years("2147483647").as_bytes()).ok().prints(&["long-lifetime"]);
    let policy = "apiVersion: usercert/v1\nkind: Policy\nlifetime: {max: 365d}\n";
    admin.write("policy.yaml", policy);
    let under = [&from[..], &["--policy", "policy.yaml"]].concat();
    admin.run_with(&under, years("2147483647").as_bytes()).exits(3).says(&["policy-lifetime"]);
    admin.kubectl(&["get", "csr", &user]).exits(1);
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

fn weak_keys_and_signatures(trial: &Trial) {
    let admin = trial.admin();
    let weak: [(&str, &[&str], &[&str], &str); 3] = [
        ("rsa1024", &["genrsa", "-out", "w", "1024"], &["-sha256"], "weak-key"),
        (
            "p224",
            &["ecparam", "-name", "secp224r1", "-genkey", "-noout", "-out", "w"],
            &["-sha256"],
            "weak-key",
        ),
        (
            "sha1",
            &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "w"],
            &["-sha1"],
            "weak-signature",
        ),
    ];
    for (case, make, hash, finding) in weak {
        let name = trial.user(case);
        admin.tool("openssl", make).ok();
        let mut args = vec!["req", "-new", "-key", "w", "-subj", "/CN=alice"];
        args.extend(hash);
        let pem = admin.tool("openssl", &args).ok().stdout;
        if submit(&admin, &name, &pem, serde_json::json!({})).code == 0 {
            refused(&admin, &name, finding);
        } else {
            // The sandbox's cryptography knows fewer curves than the real server's.
            assert!(trial.backend.sandbox().is_some() && case == "p224");
            admin.run_with(&["review", "--from", "-"], pem.as_bytes()).exits(3).prints(&[finding]);
        }
    }
    admin.run(&["request", "alice", "--key", "w", "--dry-run"]).ok();
    admin.tool("openssl", &["genrsa", "-out", "w", "1024"]).ok();
    admin
        .run(&["request", "alice", "--key", "w", "--dry-run"])
        .exits(1)
        .says(&["RSA-1024", "2048"]);
    // A signature that does not verify never reaches a server; a file may hold one.
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    let mut lines: Vec<String> = pem.lines().map(str::to_owned).collect();
    let at = lines.len() - 2;
    let flipped = if lines[at].starts_with('A') { "B" } else { "A" };
    lines[at].replace_range(0..1, flipped);
    let out =
        admin.run_with(&["approve", "--from", "-", "--yes"], (lines.join("\n") + "\n").as_bytes());
    assert_ne!(out.code, 0);
}

fn names_and_usages_smuggled_in(trial: &Trial) {
    let admin = trial.admin();
    let san = trial.user("san");
    let pem = openssl_request(
        &admin,
        "/CN=alice",
        &["-addext", "subjectAltName=DNS:kubernetes.default.svc,IP:10.0.0.1"],
    );
    submit(&admin, &san, &pem, serde_json::json!({})).ok();
    admin.run(&["review", &san]).ok().prints(&[
        "alternative-names",
        "DNS:kubernetes.default.svc",
        "IP:10.0.0.1",
    ]);
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    for (case, extra, finding) in [
        ("any", serde_json::json!({"usages": ["any", "client auth"]}), "unexpected-usages"),
        ("server", serde_json::json!({"usages": ["server auth"]}), "unexpected-usages"),
        (
            "kubelet",
            serde_json::json!({"signerName": "kubernetes.io/kubelet-serving", "usages": ["server auth"]}),
            "wrong-signer",
        ),
    ] {
        let name = trial.user(case);
        submit(&admin, &name, &pem, extra).ok();
        refused(&admin, &name, finding);
    }
    let mail = trial.user("mail");
    let pem = openssl_request(&admin, "/CN=alice/emailAddress=a@example.com", &[]);
    submit(&admin, &mail, &pem, serde_json::json!({"expirationSeconds": 2_147_483_647})).ok();
    admin.run(&["review", &mail]).ok().prints(&[
        "dropped-attributes",
        "emailAddress",
        "long-lifetime",
    ]);
}

fn masters_under_another_signer(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("masters");
    let pem = openssl_request(&admin, "/CN=alice/O=system:masters", &[]);
    submit(&admin, &name, &pem, serde_json::json!({})).exits(1);
    submit(&admin, &name, &pem, serde_json::json!({"signerName": "example.com/own"})).ok();
    hard(&admin, &name, "system-masters");
}

fn pending_folder_is_guarded(trial: &Trial) {
    let admin = trial.admin();
    let state = admin.home.join(".local/state");
    std::fs::create_dir_all(&state).expect("a directory");
    std::fs::create_dir(admin.home.join("elsewhere")).expect("a directory");
    std::os::unix::fs::symlink(admin.home.join("elsewhere"), state.join("kubectl-usercert"))
        .expect("a link");
    let user = trial.user("link");
    let out = admin.run(&["request", &user]);
    assert_ne!(out.code, 0);
    assert!(std::fs::read_dir(admin.home.join("elsewhere")).expect("a directory").next().is_none());
    // A cluster whose CA has changed is another cluster to the pending key.
    let other = trial.admin();
    let user = trial.user("moved");
    other.run(&["request", &user]).ok();
    other.run(&["approve", &user, "--yes"]).ok();
    other
        .tool(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                "ca.key",
                "-out",
                "ca.crt",
                "-subj",
                "/CN=other",
            ],
        )
        .ok();
    other
        .run(&["install", &user, "--certificate-authority", "ca.crt"])
        .exits(1)
        .says(&["no request for"]);
    other.run(&["install", &user]).ok();
}

/// A cluster of an existing name in another file would get that name's credentials.
fn cluster_entry_is_never_shadowed(trial: &Trial) {
    let user = trial.user("shadow");
    let newcomer = trial.newcomer();
    let offline = newcomer.run(&["request", &user, "--offline", "-o", "yaml"]).ok();
    let admin = trial.admin();
    admin.write("r", &offline.stdout);
    admin
        .run(&[
            "approve",
            "--from",
            "r",
            "--yes",
            "--reply",
            "reply",
            "--reply-cluster-name",
            "prod",
        ])
        .ok();
    newcomer.write("reply", &admin.read("reply"));
    let precious = "apiVersion: v1\nkind: Config\nclusters:\n- name: prod # mine\n  cluster: {server: 'https://prod.example'}\n\
        users:\n- {name: me, user: {token: secret}}\ncontexts:\n- {name: prod, context: {cluster: prod, user: me}}\n";
    newcomer.write("one", "apiVersion: v1\nkind: Config\n");
    newcomer.write("two", precious);
    let both = format!("{0}/one:{0}/two", newcomer.home.display());
    newcomer
        .run_env(&["install", &user, "--reply", "reply", "--yes"], &[("KUBECONFIG", &both)])
        .ok();
    assert_eq!(newcomer.read("two"), precious);
    assert!(!newcomer.read("one").contains("\"prod\"\n"), "{}", newcomer.read("one"));
    let view = newcomer.tool("sh", &["-c", &format!("KUBECONFIG={both} kubectl config view --raw -o jsonpath='{{.clusters[?(@.name==\"prod\")].cluster.server}}'")]).ok();
    assert_eq!(view.stdout, "https://prod.example");
}

/// The client library knows a variable that sends everything elsewhere.
fn debug_variables_do_not_redirect(trial: &Trial) {
    let admin = trial.admin();
    admin
        .run_env(
            &["list"],
            &[
                ("KUBE_RS_DEBUG_OVERRIDE_URL", "http://127.0.0.1:1"),
                ("KUBERNETES_MASTER", "http://127.0.0.1:1"),
            ],
        )
        .ok();
    let context = admin.kubectl(&["config", "current-context"]).ok().stdout;
    admin
        .run_env(
            &["verify", context.trim()],
            &[("KUBE_RS_DEBUG_OVERRIDE_URL", "http://127.0.0.1:1")],
        )
        .ok();
}

/// Whoever has seen a request can sign it with a CA of their own and send that as the answer.
fn answer_signed_by_somebody_else(trial: &Trial) {
    use base64::Engine as _;
    let person = trial.admin();
    let user = trial.user("signed");
    person.run(&["request", &user, "-g", "dev"]).ok();
    let spec = person.kubectl(&["get", "csr", &user, "-o", "jsonpath={.spec.request}"]).ok().stdout;
    let eve = trial.newcomer();
    eve.write("b64", &spec);
    eve.tool("sh", &["-c", "base64 -d b64 > r.csr && \
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -subj /CN=eve && \
        openssl x509 -req -in r.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out leaf.crt"]).ok();
    let data = |name: &str| base64::engine::general_purpose::STANDARD.encode(eve.read(name));
    let reply = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": data("ca.crt")}}],
        "users": [{"name": "x", "user": {"client-certificate-data": data("leaf.crt")}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "x"}}],
    });
    person.write("reply", &reply.to_string());
    let before = person.read(".kube/config");
    person
        .run(&["install", &user, "--reply", "reply", "--yes"])
        .exits(1)
        .says(&["another CA", "the key is kept"]);
    assert_eq!(person.read(".kube/config"), before);
    person.run(&["approve", &user, "--yes"]).ok();
    person.run(&["install", &user]).ok();
}

/// A text of which a careless reader makes quadratic work.
fn beginnings_without_end(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("begin");
    let good = openssl_request(&admin, "/CN=alice", &[]);
    let pem = format!("{good}{}", "-----BEGIN X-----\n".repeat(40_000));
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    admin.run(&["list"]).ok().prints(&["oversized"]);
    hard(&admin, &name, "not-canonical-pem");
    admin.run(&["deny", &name]).ok();
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
