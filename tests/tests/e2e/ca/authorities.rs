//! CAs made by others, and those that cannot sign; openssl is the judge.

use super::{good_for, openssl_request, subject_of, text_of, with_ca};
use rustix::process::Signal;

use crate::cases;
use crate::trial::{Person, Trial};

cases!(foreign_authorities, version_one, encrypted_keys, intermediate_authority, unfit_authorities,);

/// A CA made by openssl, whose key was made by `genkey`.
fn openssl_ca(person: &Person, genkey: &[&str]) {
    let (kind, options) = genkey.split_first().expect("a kind of key");
    person.tool("openssl", &[&[*kind, "-out", "ca.key"], options].concat()).ok();
    let args = ["req", "-x509", "-key", "ca.key", "-subj", "/O=Example/CN=foreign", "-days", "9"];
    person.tool("openssl", &[&args[..], &["-out", "ca.crt"]].concat()).ok();
}

fn foreign_authorities(trial: &Trial) {
    for genkey in [
        &["genrsa", "-traditional", "2048"][..],
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        &["ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        &["ecparam", "-name", "secp521r1", "-genkey", "-noout"],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["genpkey", "-algorithm", "ed25519"],
    ] {
        let person = trial.newcomer();
        openssl_ca(&person, genkey);
        person
            .run(&["request", "alice", "-g", "dev", "-g", "ops", "--offline", "--out-dir", "."])
            .ok();
        person.run(&["ca", "sign", "alice.yaml", "--out", "alice.crt", "--yes"]).ok();
        // Not strictly: openssl leaves out the key usage of its CAs, and objects to that.
        let verify = ["verify", "-purpose", "sslclient", "-CAfile", "ca.crt", "alice.crt"];
        person.tool("openssl", &verify).ok();
        assert_eq!(subject_of(&person, "alice.crt"), "O=ops,O=dev,CN=alice");
        // 30 days were asked for; the CA ends sooner.
        let end = |file: &str| {
            person.tool("openssl", &["x509", "-noout", "-enddate", "-in", file]).ok().stdout
        };
        assert_eq!(end("alice.crt"), end("ca.crt"));
    }
}

/// As the openssl recipes of many years make them: X.509 version 1, which cannot say that it is a CA.
fn version_one(trial: &Trial) {
    let person = trial.newcomer();
    person.tool("openssl", &["genrsa", "-out", "ca.key", "2048"]).ok();
    let request = ["req", "-new", "-key", "ca.key", "-subj", "/CN=KUBE-CA", "-out", "ca.csr"];
    person.tool("openssl", &request).ok();
    let sign = ["x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-days", "9"];
    person.tool("openssl", &[&sign[..], &["-out", "ca.crt"]].concat()).ok();
    assert!(text_of(&person, "ca.crt").contains("Version: 1"));
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    let signed = person.run(&["ca", "sign", "alice.csr", "--out", "alice.crt", "--yes"]).ok();
    signed.says(&["KUBE-CA is of X.509 version 1"]);
    let verify = ["verify", "-purpose", "sslclient", "-CAfile", "ca.crt", "alice.crt"];
    person.tool("openssl", &verify).ok();
}

fn encrypted_keys(trial: &Trial) {
    for cipher in ["aes-256-cbc", "aes-128-cbc", "des3"] {
        let person = with_ca(trial);
        person.write("pass", "correct horse\nsecond line\n");
        let mut convert = vec!["pkcs8", "-topk8", "-in", "ca.key", "-out", "locked.key"];
        convert.extend(["-v2", cipher, "-passout", "pass:correct horse"]);
        person.tool("openssl", &convert).ok();
        person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
        let sign = ["ca", "sign", "alice.csr", "--ca-key", "locked.key", "--yes"];
        let with_file = ["--passphrase-file", "pass", "--out", "alice.crt"];
        person.run(&[&sign[..], &with_file].concat()).ok().never_shows("correct horse");
        assert!(good_for(&person, "alice.crt", "sslclient"), "{cipher}");
        // Asked for on a terminal, and not shown.
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        let opened = terminal.answer("correct horse").ok().never_shows("correct horse");
        opened.prints(&["BEGIN CERTIFICATE"]);
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        terminal.answer("wrong").exits(1).says(&["locked.key: the passphrase does not decrypt"]);
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        terminal.answer("corr\u{3}").exits(3).says(&["nothing was done: interrupted"]);
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        terminal.answer("corr\u{e4}\u{7f}ekt\u{8}\u{8}ct horse").ok();
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
            let mut terminal = person.on_terminal(&sign);
            terminal.says("Passphrase of locked.key:");
            // The terminal shows again what is typed.
            terminal.signal(signal).exits(code);
        }
        person.run(&sign).exits(2).says(&["--passphrase-file"]);
    }
    let person = with_ca(trial);
    let old = ["rsa", "-aes128", "-traditional", "-passout", "pass:x", "-out", "old.key"];
    person.tool("openssl", &["genrsa", "-out", "plain.key", "2048"]).ok();
    person.tool("openssl", &[&old[..], &["-in", "plain.key"]].concat()).ok();
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    // Said before a passphrase is asked for.
    let refused = person.run(&["ca", "sign", "alice.csr", "--yes", "--ca-key", "old.key"]).exits(1);
    refused.says(&[
        "old.key: the private key is encrypted in an old format",
        "-topk8 -in old.key -out",
    ]);
}

fn intermediate_authority(trial: &Trial) {
    let person = trial.newcomer();
    person
        .run(&["ca", "init", "--path-length", "1", "--ca-cert", "root.crt", "--ca-key", "root.key"])
        .ok();
    person.write("ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    openssl_request(&person, "middle", "/CN=middle", &[]);
    let mut sign =
        vec!["x509", "-req", "-in", "middle.csr", "-CA", "root.crt", "-CAkey", "root.key"];
    sign.extend(["-CAcreateserial", "-extfile", "ext", "-days", "30", "-out", "middle.crt"]);
    person.tool("openssl", &sign).ok();
    person.write("chain.crt", &format!("{}{}", person.read("middle.crt"), person.read("root.crt")));
    person.run(&["request", "alice", "--offline", "--out-dir", "new"]).ok();
    let ca = ["--ca-cert", "chain.crt", "--ca-key", "middle.key", "--yes"];
    let signed = person.run(&[&["ca", "sign", "new/alice.csr"], &ca[..]].concat()).ok();
    assert_eq!(signed.stdout.matches("BEGIN CERTIFICATE").count(), 2, "the root stays behind");
    person.write("alice.crt", &signed.stdout);
    let verify = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "root.crt"];
    let with_chain = ["-untrusted", "alice.crt", "alice.crt"];
    person.tool("openssl", &[&verify[..], &with_chain].concat()).ok();

    // Nothing outlives the root either, and nothing is signed under one that has ended.
    let root = |days: &str| {
        person.write("root.ext", "basicConstraints=critical,CA:TRUE\n");
        openssl_request(&person, "end", "/CN=kubernetes-ca", &[]);
        let make = ["x509", "-req", "-in", "end.csr", "-key", "root.key", "-days", days];
        let made = [&make[..], &["-extfile", "root.ext", "-out", "end.crt"]].concat();
        person.tool("openssl", &made).ok();
        let chain = format!("{}{}", person.read("middle.crt"), person.read("end.crt"));
        person.write("chain.crt", &chain);
        person.run(&[&["ca", "sign", "new/alice.csr"], &ca[..]].concat())
    };
    root("3").ok().says(&["when the CA expires, earlier than requested"]);
    root("-1").exits(1).says(&["CN=kubernetes-ca", "expired at", "renew the CA"]);
}

fn unfit_authorities(trial: &Trial) {
    let person = with_ca(trial);
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    person
        .run(&[
            "ca",
            "sign",
            "--profile",
            "server",
            "--name",
            "web",
            "--new-key",
            "leaf.key",
            "--out",
            "leaf.crt",
            "--yes",
        ])
        .ok();
    let sign = |cert: &str, key: &str| {
        person.run(&["ca", "sign", "alice.csr", "--ca-cert", cert, "--ca-key", key, "--yes"])
    };
    sign("leaf.crt", "leaf.key").exits(1).says(&["leaf.crt: CN=web is not a CA"]);
    let other = sign("ca.crt", "leaf.key").exits(1);
    other.says(&["the CA's key does not belong to its certificate", "of the same CA"]);
    sign("none.crt", "ca.key").exits(1).says(&["none.crt", "--ca-cert"]);
    sign("ca.crt", "none.key").exits(1).says(&["none.key", "--ca-key"]);
    sign("ca.key", "ca.key").exits(1).says(&["ca.key: "]);
    openssl_ca(&person, &["genpkey", "-algorithm", "ed25519"]);
    let ext = ["-addext", "extendedKeyUsage=serverAuth", "-days", "9", "-out", "tls.crt"];
    let make = ["req", "-x509", "-key", "ca.key", "-subj", "/CN=tls-only"];
    person.tool("openssl", &[&make[..], &ext].concat()).ok();
    sign("tls.crt", "ca.key").exits(1).says(&["CN=tls-only is not meant for client certificates"]);
}
