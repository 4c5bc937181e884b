//! Requests whose form is odd: encodings that programs read differently, sizes, keys, lifetimes.

use super::{
    CN, O, UNIVERSAL, UTF8, attribute, crafted, hard, one, openssl_request, refused, state, submit,
    tlv,
};
use crate::cases;
use crate::trial::Trial;

cases!(
    several_common_names,
    undecodable_common_name,
    two_names_in_one_set,
    text_around_the_block,
    private_key_beside_the_request,
    extra_bytes_inside,
    huge_requests,
    three_mebibytes,
    lifetimes_beyond_the_api,
    weak_keys_and_signatures,
    names_and_usages_smuggled_in,
    beginnings_without_end,
);

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
    century.says(&["3153600000 seconds; the maximum is 2147483647"]);
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

fn weak_keys_and_signatures(trial: &Trial) {
    let admin = trial.admin();
    let weak: [(&str, &[&str], &[&str], &str); 2] = [
        ("rsa1024", &["genrsa", "-out", "w", "1024"], &["-sha256"], "weak-key"),
        (
            "p224",
            &["ecparam", "-name", "secp224r1", "-genkey", "-noout", "-out", "w"],
            &["-sha256"],
            "weak-key",
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
    let curve = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "w"];
    admin.tool("openssl", &curve).ok();
    admin.run(&["request", "alice", "--key", "w", "--dry-run"]).ok();
    // What Kubernetes does not read, but a signer keeps, is shown.
    let also = ["req", "-new", "-key", "w", "-subj", "/C=DE/OU=admins/O=dev/CN=alice"];
    let pem = admin.tool("openssl", &also).ok().stdout;
    let read = admin.run_with(&["review", "--from", "-"], pem.as_bytes()).ok();
    read.prints(&["Subject also C=DE, OU=admins\n"]);
    // The verdict on a signature is the server's.
    admin.tool("openssl", &["genrsa", "-out", "rsa", "2048"]).ok();
    for (hash, key, taken) in [
        ("-sha1", "w", true),
        ("-sha1", "rsa", true),
        ("-md5", "rsa", false),
        ("-sha224", "w", false),
    ] {
        let name = trial.user("hash");
        let subject = format!("/CN={name}");
        let args = ["req", "-new", "-key", key, "-subj", &subject, hash];
        let pem = admin.tool("openssl", &args).ok().stdout;
        let here = submit(&admin, &name, &pem, serde_json::json!({})).code == 0;
        assert_eq!(here, taken, "{hash}");
        let out = admin.run_with(&["review", "--from", "-"], pem.as_bytes());
        if taken {
            out.ok().prints(&["weak-signature"]);
            admin.run(&["approve", &name, "--yes"]).ok().says(&["weak-signature"]);
        } else {
            out.exits(3).prints(&["unsupported-signature", "the API server refuses the request"]);
        }
    }
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
