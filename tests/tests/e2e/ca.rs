//! An own CA, without any cluster; openssl is the judge.

use crate::cases;
use crate::trial::{Person, Trial};
use usercert_sandbox::{Sandbox, SandboxOptions};

cases!(
    every_profile,
    requests_of_servers,
    foreign_authorities,
    version_one,
    encrypted_keys,
    intermediate_authority,
    unfit_authorities,
    nothing_is_overwritten,
    what_is_not_signed,
    asks_before_signing,
    several_at_once,
    under_a_policy,
    reply_for_a_newcomer,
);

/// Somebody with a CA in `ca.crt` and `ca.key`.
fn with_ca(trial: &Trial) -> Person {
    let person = trial.newcomer();
    person.run(&["ca", "init", "--name", "e2e-ca"]).ok().prints(&["CA e2e-ca"]);
    person
}

/// Whether openssl takes a certificate for this purpose, strictly.
fn good_for(person: &Person, certificate: &str, purpose: &str) -> bool {
    let args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.crt", certificate];
    person.tool("openssl", &args).code == 0
}

fn text_of(person: &Person, certificate: &str) -> String {
    person.tool("openssl", &["x509", "-noout", "-text", "-in", certificate]).ok().stdout
}

fn subject_of(person: &Person, certificate: &str) -> String {
    let args = ["x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", certificate];
    let subject = person.tool("openssl", &args).ok().stdout;
    subject.trim().trim_start_matches("subject=").to_owned()
}

/// A request made by openssl, in `NAME.csr` with `NAME.key`.
fn openssl_request(person: &Person, name: &str, subject: &str, more: &[&str]) {
    let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
    let mut args = vec!["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &key];
    args.extend(["-subj", subject, "-out", &csr]);
    args.extend(more);
    person.tool("openssl", &args).ok();
}

fn every_profile(trial: &Trial) {
    let person = with_ca(trial);
    for (profile, name, client, server, subject, names) in [
        ("user", "n1", true, false, "CN=n1", ""),
        ("node", "n1", true, false, "O=system:nodes,CN=system:node:n1", ""),
        ("node-serving", "n1", false, true, "O=system:nodes,CN=system:node:n1", "DNS:n1"),
        ("scheduler", "", true, false, "CN=system:kube-scheduler", ""),
        ("controller-manager", "", true, false, "CN=system:kube-controller-manager", ""),
        ("proxy", "", true, false, "O=system:node-proxier,CN=system:kube-proxy", ""),
        (
            "apiserver",
            "",
            false,
            true,
            "CN=kube-apiserver",
            "DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, \
             DNS:kubernetes.default.svc.cluster.local, IP Address:10.96.0.1, DNS:localhost, \
             IP Address:127.0.0.1",
        ),
        (
            "apiserver-kubelet-client",
            "",
            true,
            false,
            "O=kubeadm:cluster-admins,CN=kube-apiserver-kubelet-client",
            "",
        ),
        ("apiserver-etcd-client", "", true, false, "CN=kube-apiserver-etcd-client", ""),
        ("front-proxy-client", "", true, false, "CN=front-proxy-client", ""),
        ("etcd-server", "n1", true, true, "CN=n1", "DNS:n1, DNS:localhost, IP Address:127.0.0.1"),
        ("etcd-peer", "n1", true, true, "CN=n1", "DNS:n1, DNS:localhost, IP Address:127.0.0.1"),
        ("etcd-healthcheck-client", "", true, false, "CN=kube-etcd-healthcheck-client", ""),
        ("server", "n1", false, true, "CN=n1", "DNS:n1"),
    ] {
        let (key, crt) = (format!("{profile}.key"), format!("{profile}.crt"));
        let mut args = vec!["ca", "sign", "--profile", profile, "--new-key", &key, "--out", &crt];
        args.push("--yes");
        if !name.is_empty() {
            args.extend(["--name", name]);
        }
        person.run(&args).ok().never_shows("PRIVATE KEY");
        assert_eq!(good_for(&person, &crt, "sslclient"), client, "{profile}");
        assert_eq!(good_for(&person, &crt, "sslserver"), server, "{profile}");
        assert_eq!(subject_of(&person, &crt), subject);
        let text = text_of(&person, &crt);
        let found = text.lines().skip_while(|l| !l.contains("Subject Alternative Name")).nth(1);
        assert!(found.unwrap_or_default().trim().starts_with(names), "{profile}: {text}");
        assert!(found.is_some() != names.is_empty(), "{profile}: {text}");
        for held in [
            "X509v3 Key Usage: critical",
            "X509v3 Basic Constraints: critical",
            "CA:FALSE",
            "X509v3 Authority Key Identifier",
        ] {
            assert!(text.contains(held), "{profile} lacks {held}: {text}");
        }
        // The key belongs to it, and only its owner can read it.
        let public = person.tool("openssl", &["pkey", "-pubout", "-in", &key]).ok().stdout;
        let certified = ["x509", "-noout", "-pubkey", "-in", &crt];
        assert_eq!(person.tool("openssl", &certified).ok().stdout, public);
        let mode = person.tool("stat", &["-c", "%a", &key]).ok();
        mode.prints(&["600"]);
    }
}

fn requests_of_servers(trial: &Trial) {
    let person = with_ca(trial);
    let san = "subjectAltName=DNS:a.example,IP:10.1.1.1";
    openssl_request(&person, "web", "/O=Company/CN=web", &["-addext", san]);
    let sign = ["ca", "sign", "web.csr", "--profile", "server", "--san", "dns:b.example"];
    person.run(&[&sign[..], &["--out", "web.crt", "--yes"]].concat()).ok();
    assert_eq!(subject_of(&person, "web.crt"), "CN=web");
    let text = text_of(&person, "web.crt");
    assert!(text.contains("DNS:b.example, DNS:a.example, IP Address:10.1.1.1"), "{text}");
    assert!(text.contains("Key Encipherment"), "an RSA key: {text}");
    // The same request as a person's: its names are left out, and that is said.
    let person_too = person.run(&["ca", "sign", "web.csr", "--out", "person.crt", "--yes"]).ok();
    person_too.says(&["they are left out [alternative-names]"]);
    assert!(!text_of(&person, "person.crt").contains("Alternative Name"));
    openssl_request(&person, "mail", "/CN=m", &["-addext", "subjectAltName=email:a@b.example"]);
    let refused = person.run(&["ca", "sign", "mail.csr", "--profile", "server", "--yes"]);
    refused.exits(3).says(&["asks for a name that cannot be used"]);
}

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
        terminal.answer("wrong").exits(1).says(&["locked.key: the passphrase does not open"]);
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        terminal.answer("corr\u{3}").exits(3).says(&["nothing was done: interrupted"]);
        let mut terminal = person.on_terminal(&sign);
        terminal.says("Passphrase of locked.key:");
        terminal.answer("corr\u{e4}\u{7f}ekt\u{8}\u{8}ct horse").ok();
        person.run(&sign).exits(2).says(&["--passphrase-file"]);
    }
    let person = with_ca(trial);
    let old = ["rsa", "-aes128", "-traditional", "-passout", "pass:x", "-out", "old.key"];
    person.tool("openssl", &["genrsa", "-out", "plain.key", "2048"]).ok();
    person.tool("openssl", &[&old[..], &["-in", "plain.key"]].concat()).ok();
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    // Said before a passphrase is asked for.
    let refused = person.run(&["ca", "sign", "alice.csr", "--yes", "--ca-key", "old.key"]).exits(1);
    refused
        .says(&["old.key: the private key is encrypted in an old way", "-topk8 -in old.key -out"]);
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
    root("3").ok().says(&["the CA's own end, earlier than was asked"]);
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
    sign("leaf.crt", "leaf.key").exits(1).says(&["leaf.crt: CN=web is no CA"]);
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

fn nothing_is_overwritten(trial: &Trial) {
    let person = with_ca(trial);
    let (certificate, key) = (person.read("ca.crt"), person.read("ca.key"));
    for flags in [&[][..], &["--ca-key", "other.key"], &["--ca-cert", "other.crt"]] {
        let again = person.run(&[&["ca", "init"], flags].concat());
        again.exits(1).says(&["is there already", "nothing was written"]);
    }
    let hundred = ["--expires", "36500d", "--ca-cert", "old.crt", "--ca-key", "old.key"];
    person.run(&[&["ca", "init"], &hundred[..]].concat()).ok().prints(&["expires in 99y"]);
    let same = ["ca", "init", "--ca-cert", "same", "--ca-key", "same"];
    person.run(&same).exits(2).says(&["name the same file"]);
    person.run(&["ca", "init", "--ca-cert", "none/ca.crt", "--ca-key", "new.key"]).exits(1);
    assert!(!person.has("other.key") && !person.has("other.crt") && !person.has("new.key"));
    person.run(&["ca", "init", "--ca-cert", "d.crt", "--ca-key", "d.key", "--dry-run"]).ok();
    assert!(!person.has("d.crt") && !person.has("d.key"));
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    person.write("there", "mine");
    let sign = |more: &[&str]| person.run(&[&["ca", "sign", "--yes"], more].concat()).exits(1);
    sign(&["alice.csr", "--out", "there"]).says(&["there is there already"]);
    let same = ["alice.csr", "--out", "new", "--reply", "./new", "--server", "https://x", "--yes"];
    person.run(&[&["ca", "sign"], &same[..]].concat()).exits(2).says(&["name the same file"]);
    assert!(!person.has("new"));
    sign(&["alice.csr", "--reply", "there", "--server", "https://x"]).says(&["nothing was signed"]);
    sign(&["--profile", "scheduler", "--new-key", "there", "--out", "s.crt"]);
    sign(&["--profile", "scheduler", "--new-key", "s.key", "--out", "there"]);
    sign(&["--profile", "scheduler", "--standalone", "there", "--server", "https://x"]);
    assert!(!person.has("s.key") && !person.has("s.crt"));
    assert_eq!(person.read("there"), "mine");
    assert_eq!((person.read("ca.crt"), person.read("ca.key")), (certificate, key));
    person.tool("stat", &["-c", "%a", "ca.key"]).ok().prints(&["600"]);
}

fn what_is_not_signed(trial: &Trial) {
    let person = with_ca(trial);
    let refused = |name: &str, subject: &str, more: &[&str], says: &str| {
        openssl_request(&person, name, subject, &[]);
        let csr = format!("{name}.csr");
        let sign = ["ca", "sign", &csr, "--out", "refused.crt", "--yes"];
        person.run(&[&sign[..], more].concat()).exits(3).says(&[says]);
        assert!(!person.has("refused.crt"), "{name}");
    };
    refused("masters", "/CN=m/O=system:masters", &[], "[system-masters]");
    refused("masters2", "/CN=m/O=system:masters", &["--profile", "server"], "[system-masters]");
    refused("node", "/CN=system:node:n1/O=system:nodes", &[], "--accept privileged-user");
    refused("admins", "/CN=a/O=kubeadm:cluster-admins", &[], "[privileged-group]");
    refused("scheduler", "/CN=alice", &["--profile", "scheduler"], "the profile scheduler is for");
    refused("node2", "/CN=system:node:n1", &["--profile", "node"], "the profile node is for");
    refused("other", "/CN=alice", &["--name", "bob"], "the request names the user alice");
    refused("api", "/CN=alice", &["--profile", "apiserver"], "is for the host kube-apiserver");
    let web = ["--profile", "server", "--name", "web"];
    refused("web", "/CN=other", &web, "is for the host web");
    // A server's name is a user's where its certificate is a client's too.
    person.write("pol", "apiVersion: usercert/v1\nkind: Policy\nusers: {deny: [\"admin-*\"]}\n");
    let peer = ["--profile", "etcd-peer", "--policy", "pol"];
    refused("peer", "/CN=admin-jane", &peer, "[policy-user]");
    let names = ["-addext", "subjectAltName=DNS:web,DNS:kubernetes.default.svc"];
    openssl_request(&person, "names", "/CN=web", &names);
    let sign = ["ca", "sign", "names.csr", "--profile", "server", "--out", "names.crt", "--yes"];
    let named =
        person.run(&sign).exits(3).says(&["names of the API server", "[alternative-names]"]);
    named.says(&["DNS:kubernetes.default.svc"]);
    person.run(&[&sign[..], &["--accept", "alternative-names"]].concat()).ok();
    let dead =
        ["--profile", "server", "--name", "h", "--standalone", "h.conf", "--server", "https://x"];
    let dead = person.run(&[&["ca", "sign", "--yes"], &dead[..]].concat()).exits(2);
    dead.says(&["nobody logs in with a certificate of the profile server"]);
    let groups: String = (0..3_000).map(|i| format!("/O=group-{i}")).collect();
    openssl_request(&person, "many", &format!("/CN=many{groups}"), &[]);
    let many = person.run(&["ca", "sign", "many.csr", "--yes"]).exits(3);
    let many = many.says(&["[too-many-groups]", "and 2900 more", "no cluster was asked"]);
    assert!(many.stderr.len() < 5_000, "the sheet stays a sheet");
    refused("code", "/CN=alice", &["--expect", "0000-0000-0000-0000"], "[not-expected]");
    // A signature that does not verify: the last byte of the DER is part of it.
    openssl_request(&person, "bad", "/CN=alice", &["-outform", "DER"]);
    let file = person.home.join("bad.csr");
    let mut der = std::fs::read(&file).expect("a request");
    *der.last_mut().expect("bytes") ^= 1;
    std::fs::write(&file, der).expect("a file");
    person.run(&["ca", "sign", "bad.csr", "--yes"]).exits(3).says(&["[signature-invalid]"]);
    // A signature that nobody can check proves nothing, and cannot be accepted.
    openssl_request(&person, "sha224", "/CN=alice", &["-sha224"]);
    person
        .run(&["ca", "sign", "sha224.csr", "--yes"])
        .exits(3)
        .says(&["[signature-unchecked]", "cannot be accepted"]);
    // A lifetime that no certificate can be asked for is none that is passed over.
    let asks =
        person.run(&["request", "short", "--offline", "--expires", "600s", "-o", "yaml"]).ok();
    let short = asks.stdout.replace("expirationSeconds: 600", "expirationSeconds: 5");
    assert_ne!(asks.stdout, short);
    person.write("short.yaml", &short);
    let sign = ["ca", "sign", "short.yaml", "--out", "refused.crt", "--yes"];
    person.run(&sign).exits(1).says(&["no certificate can be asked for 5 seconds", "--expires"]);
    assert!(!person.has("refused.crt"));
    person.run(&[&sign[..], &["--expires", "1h"]].concat()).ok();
    let accepted = ["ca", "sign", "admins.csr", "--accept", "privileged-group", "--yes"];
    person.run(&accepted).ok().prints(&["BEGIN CERTIFICATE"]);
    let usage = |args: &[&str]| person.run(&[&["ca", "sign"], args].concat()).exits(2);
    usage(&["--yes"]);
    usage(&["--profile", "nobody", "admins.csr"]).says(&["choose user, node"]);
    usage(&["--profile", "node", "--new-key", "k", "--yes"]).says(&["needs a name"]);
    usage(&["admins.csr", "--san", "x"]).says(&["holds no host names"]);
    usage(&["admins.csr", "-g", "dev"]).says(&["a request names its groups itself"]);
    usage(&["admins.csr", "node.csr", "--yes"]).says(&["--out DIR"]);
    for format in ["name", "wide"] {
        usage(&["admins.csr", "--yes", "-o", format])
            .says(&["do not show the certificate", "--out FILE"]);
    }
    usage(&["admins.csr", "--accept", "nothing"]).says(&["there is no finding nothing"]);
    usage(&["admins.csr", "--accept", "system-masters"]).says(&["cannot be accepted"]);
}

fn asks_before_signing(trial: &Trial) {
    let person = with_ca(trial);
    person.run(&["request", "alice", "-g", "dev", "--offline", "--out-dir", "."]).ok();
    let sign = ["ca", "sign", "alice.csr", "--out", "alice.crt"];
    person.run(&sign).exits(2).says(&["there is no terminal to ask on", "--yes"]);
    let mut terminal = person.on_terminal(&sign);
    let asked = terminal.asked().to_owned();
    for shown in ["User         alice", "Groups       dev", "Code ", "CN=e2e-ca", "for alice?"] {
        assert!(asked.contains(shown), "{shown} is missing in {asked}");
    }
    terminal.answer("n").exits(3);
    assert!(!person.has("alice.crt"));
    let mut terminal = person.on_terminal(&sign);
    terminal.asked();
    terminal.answer("y").ok().prints(&["certificate for alice signed"]);
    assert!(good_for(&person, "alice.crt", "sslclient"));
}

fn several_at_once(trial: &Trial) {
    let person = with_ca(trial);
    std::fs::create_dir(person.home.join("out")).expect("a directory");
    for user in ["alice", "bob"] {
        person.run(&["request", user, "--offline", "--out-dir", "."]).ok();
    }
    openssl_request(&person, "eve", "/CN=eve/O=system:masters", &[]);
    let files = ["ca", "sign", "alice.yaml", "eve.csr", "bob.yaml", "--out", "out", "--yes"];
    // One file may hold several, as a mail folder does.
    let both = format!("{}---\n{}", person.read("alice.yaml"), person.read("bob.yaml"));
    let one = ["ca", "sign", "-", "--out", "out", "--yes", "--dry-run"];
    let told = person.run_with(&one, both.as_bytes()).ok();
    told.says(&["standard input (1 of 2)", "standard input (2 of 2)"]);
    let dry = person.run(&[&files[..], &["--dry-run", "-o", "json"]].concat()).exits(3).json();
    assert_eq!(dry["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(dry["items"][0]["certificate"], serde_json::Value::Null);
    assert!(!person.has("out/alice.crt"), "a dry run");
    let done = person.run(&[&files[..], &["-o", "json"]].concat()).exits(3);
    let done = done.says(&["eve.csr is not signed"]).json();
    assert_eq!(done["kind"], "IssuedCertificateList");
    for (item, user) in [(0, "alice"), (1, "bob")] {
        let file = format!("out/{user}.crt");
        assert!(good_for(&person, &file, "sslclient"));
        assert_eq!(done["items"][item]["user"], user);
        assert_eq!(done["items"][item]["certificate"], person.read(&file));
        let print = ["x509", "-noout", "-fingerprint", "-sha256", "-serial", "-in", &file];
        let printed = person.tool("openssl", &print).ok().stdout.replace(':', "").to_lowercase();
        for field in ["sha256", "serial"] {
            let value = done["items"][item][field].as_str().expect("a value");
            assert!(printed.contains(value), "{field} {value}: {printed}");
        }
    }
}

fn under_a_policy(trial: &Trial) {
    let person = with_ca(trial);
    person.write("policy", "apiVersion: usercert/v1\nkind: Policy\ngroups:\n  allow: [dev]\n");
    for (user, group) in [("alice", "dev"), ("bob", "ops")] {
        person.run(&["request", user, "-g", group, "--offline", "--out-dir", "."]).ok();
    }
    let sign = ["ca", "sign", "--policy", "policy", "--yes"];
    let signed = person.run(&[&sign[..], &["alice.csr"]].concat()).ok();
    signed.says(&["Policy       policy"]);
    person.run(&[&sign[..], &["bob.csr"]].concat()).exits(3).says(&["[policy-group]"]);
    let new = ["--name", "carol", "-g", "ops", "--new-key", "carol.key"];
    person.run(&[&sign[..], &new].concat()).exits(3).says(&["[policy-group]"]);
    assert!(!person.has("carol.key"));
    // What is left out of certificates here weighs as the policy says.
    openssl_request(&person, "unit", "/CN=alice/OU=unit", &[]);
    person.write(
        "policy",
        "apiVersion: usercert/v1\nkind: Policy\nfindings: {dropped-attributes: refuse}\n",
    );
    let dropped = [&sign[..], &["unit.csr"]].concat();
    person.run(&dropped).exits(3).says(&["left out of the certificate: OU"]);
}

/// A cluster whose CA's key the admin has, as kubeadm's: no request ever reaches it.
fn reply_for_a_newcomer(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions { signer: false, ..SandboxOptions::default() });
    let sandbox = sandbox.expect("the sandbox starts");
    let (admin, newcomer) = (trial.newcomer(), trial.newcomer());
    admin.write("ca.crt", sandbox.client_ca_pem());
    admin.write("ca.key", &sandbox.client_ca_key_pem());
    let request = newcomer
        .run(&["request", "alice", "-g", "dev", "-g", "ops", "--offline", "-o", "yaml"])
        .ok();
    admin.write("alice.yaml", &request.stdout);
    let sign = ["ca", "sign", "alice.yaml", "--expect", &request.code_shown(), "--yes"];
    let reply = ["--reply", "reply", "--server", sandbox.url(), "-n", "team"];
    admin.run(&[&sign[..], &reply].concat()).ok().says(&["It holds no secret"]);
    assert!(!admin.read("reply").contains("PRIVATE KEY"));
    newcomer.write("reply", &admin.read("reply"));
    let installed = newcomer.run(&["install", "alice", "--reply", "reply", "--yes"]).ok();
    installed.says(&["the server says: alice"]);
    let (user, groups) = newcomer.whoami("alice@kubernetes");
    assert_eq!(
        (user.as_str(), groups.join(" ")),
        ("alice", "dev ops system:authenticated".to_owned())
    );
    // The same in one file, for a robot.
    let robot = ["ca", "sign", "--name", "robot", "--standalone", "robot.conf", "--yes"];
    admin.run(&[&robot[..], &["--server", sandbox.url()]].concat()).ok();
    admin.tool("stat", &["-c", "%a", "robot.conf"]).ok().prints(&["600"]);
    admin.kubectl(&["--kubeconfig", "robot.conf", "auth", "whoami"]).ok().prints(&["robot"]);
    let plain = ["ca", "sign", "alice.yaml", "--reply", "x", "--server", "http://x", "--yes"];
    admin.run(&plain).exits(2).says(&["does not begin with https://"]);
}
