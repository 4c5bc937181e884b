//! Names that paint, names that imitate, and answers typed too early.

use super::{CN, O, UTF8, attribute, crafted, one, openssl_request, refused, state, submit};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    object_name_that_paints,
    common_name_that_paints,
    every_pair_under_yes,
    own_binding_silences_nothing,
    binding_in_a_namespace_condemns_nobody,
    answer_before_the_question,
    file_with_a_hostile_name,
);

fn bind(admin: &Person, kind: &str, user: &str) {
    let (name, subject) = (format!("b-{}", user.len()), format!("--user={user}"));
    let name =
        format!("{name}-{}", user.bytes().fold(0_u64, |h, b| h * 31 % 1_000_007 + u64::from(b)));
    admin.kubectl(&["create", kind, &name, "--clusterrole=view", &subject]).ok();
}

/// Longest line of what people see.
fn longest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Padded to the width of a terminal, it would paint a false sheet above the question.
fn object_name_that_paints(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("mallory");
    let pem = openssl_request(&admin, &format!("/CN={user}/O=dev"), &[]);
    let line = |text: &str| format!("{text:<80}");
    let painted = ["x", "User         bob", "Groups       dev", "No objections found."].map(line);
    let name = format!("{}{}", painted.concat(), "Approve bob");
    submit(&admin, &name, &pem, serde_json::json!({})).ok();
    for args in [&["review", "--", &name][..], &["list"], &["list", "-o", "wide"]] {
        let out = admin.run(args);
        let shown = format!("{}{}", out.stdout, out.stderr);
        assert!(!shown.contains("x    "), "{args:?} paints: {shown}");
    }
    refused(&admin, &name, "odd-object-name");
    let mut terminal = admin.on_terminal(&["approve", "--accept", "odd-object-name", "--", &name]);
    let code = admin.run(&["review", "--", &name]).exits(3).code_shown();
    let asked = terminal.asked().to_owned();
    let question = asked.lines().last().expect("a question").to_owned();
    assert!(longest(&asked) <= 120, "{asked}");
    assert!(question.starts_with(&format!("Approve {code} on ")), "{question}");
    assert!(question.contains(": user \"mallory"), "{question}");
    assert!(question.contains("group \"dev\""), "{question}");
    terminal.answer("n").exits(3);
    assert_eq!(state(&admin, &name), "");
    admin.run(&["deny", "--", &name]).ok();
    // As long as no tool makes them, they are odd without a space too.
    let long = format!("{}{}", "x".repeat(254), trial.user(""));
    submit(&admin, &long, &pem, serde_json::json!({})).ok();
    refused(&admin, &long, "odd-object-name");
    admin.run(&["deny", "--", &long]).ok();
}

/// Cells of a table that are not there.
fn common_name_that_paints(trial: &Trial) {
    let admin = trial.admin();
    let name = trial.user("painted");
    let cn = format!("bob{}dev{}p256", " ".repeat(40), " ".repeat(20));
    let rdns = [one(attribute(CN, UTF8, cn.as_bytes())), one(attribute(O, UTF8, b"a   b"))];
    submit(&admin, &name, &crafted(&admin, &rdns, b""), serde_json::json!({})).ok();
    for args in
        [&["list"][..], &["review", &name], &["approve", "--all-pending", "--dry-run=client"]]
    {
        let out = admin.run(args);
        let shown = format!("{}{}", out.stdout, out.stderr);
        assert!(!shown.contains("bob   "), "{args:?} paints: {shown}");
        assert!(!shown.contains("a   b"), "{args:?} paints: {shown}");
    }
    refused(&admin, &name, "spaced-name");
    admin.run(&["deny", &name]).ok();
}

fn every_pair_under_yes(trial: &Trial) {
    let admin = trial.admin();
    for (bound, twin) in [
        ("admin", "ADMIN"),
        ("ALICE", "alice"),
        ("pool1", "pooll"),
        ("pooll", "pool1"),
        ("mamie", "marnie"),
        ("marnie", "mamie"),
        ("user0", "usero"),
        ("usero", "user0"),
        ("julia", "JULIA"),
        ("julia", "juIia"),
        ("julia", "ju1ia"),
        ("админ", "АДМИН"),
    ] {
        let boss = trial.user(bound);
        bind(&admin, "clusterrolebinding", &boss);
        let name = boss.replacen(bound, twin, 1);
        admin.run(&["request", "--", &name]).ok();
        admin.run(&["approve", "--yes", "--", &name]).exits(3).says(&["look-alike", &boss]);
        // The bound name is nobody's imitation.
        admin.run(&["request", "--", &boss]).ok();
        admin.run(&["approve", "--yes", "--", &boss]).ok();
    }
    for name in ["FRONT-PROXY-CLIENT", "front-proxy-cIient"] {
        let pem = openssl_request(&admin, &format!("/CN={name}"), &[]);
        let object = trial.user("proxy");
        submit(&admin, &object, &pem, serde_json::json!({})).ok();
        refused(&admin, &object, "look-alike");
    }
}

/// Whoever may bind in one namespace cannot make a look-alike of somebody pass.
fn own_binding_silences_nothing(trial: &Trial) {
    let admin = trial.admin();
    let boss = trial.user("boss");
    bind(&admin, "clusterrolebinding", &boss);
    let twin = boss.replacen('o', "о", 1);
    bind(&admin, "rolebinding", &twin);
    admin.run(&["request", "--", &twin]).ok();
    refused(&admin, &twin, "look-alike");
}

/// Nor make an honest name refused.
fn binding_in_a_namespace_condemns_nobody(trial: &Trial) {
    let admin = trial.admin();
    let carol = trial.user("carol");
    bind(&admin, "rolebinding", &carol.replacen('c', "C", 1));
    admin.run(&["request", &carol]).ok();
    admin.run(&["review", &carol]).ok().prints(&["WARNING", "similar-name"]);
    admin.run(&["approve", &carol, "--yes"]).ok();
}

/// What was typed or pasted before the question is no answer to it.
fn answer_before_the_question(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("early");
    admin.run(&["request", &user]).ok();
    let mut terminal = admin.on_terminal(&["approve", &user]);
    terminal.press("y");
    terminal.press("y");
    terminal.asked();
    terminal.answer("n").exits(3);
    assert_eq!(state(&admin, &user), "");
}

fn file_with_a_hostile_name(trial: &Trial) {
    let admin = trial.admin();
    let pem = openssl_request(&admin, "/CN=alice", &[]);
    use base64::Engine as _;
    let request = base64::engine::general_purpose::STANDARD.encode(pem);
    let file = |name: &str, more: &str| {
        format!(
            r#"{{"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {{"name": {name}{more}}}, "spec": {{"request": "{request}", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}}}}"#
        )
    };
    for (name, more, says) in [
        (r#""a\u001b[31mb""#, "", "control character"),
        (r#""a\nb""#, "", "control character"),
        (r#""alice""#, r#", "name": "bob""#, "twice"),
    ] {
        admin.write("r.json", &file(name, more));
        for command in ["review", "approve"] {
            let args = [command, "--from", "r.json"];
            admin.run(&args).exits(1).says(&[says]).never_shows("\u{1b}");
        }
    }
}
