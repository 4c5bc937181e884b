//! Signing with an own CA, without any cluster; openssl is the judge.

use super::{good_for, openssl_request, subject_of, text_of, with_ca};
use crate::cases;
use crate::trial::Trial;
use usercert_sandbox::{Sandbox, SandboxOptions};

cases!(
    every_profile,
    requests_of_servers,
    nothing_is_overwritten,
    what_is_not_signed,
    asks_before_signing,
    several_at_once,
    under_a_policy,
    reply_for_a_newcomer,
);

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

fn nothing_is_overwritten(trial: &Trial) {
    let person = with_ca(trial);
    let (certificate, key) = (person.read("ca.crt"), person.read("ca.key"));
    for flags in [&[][..], &["--ca-key", "other.key"], &["--ca-cert", "other.crt"]] {
        let again = person.run(&[&["ca", "init"], flags].concat());
        again.exits(1).says(&["already exists", "nothing was written"]);
    }
    let hundred = ["--expires", "36500d", "--ca-cert", "old.crt", "--ca-key", "old.key"];
    person.run(&[&["ca", "init"], &hundred[..]].concat()).ok().prints(&["expires in 99y"]);
    let same = ["ca", "init", "--ca-cert", "same", "--ca-key", "same"];
    person.run(&same).exits(2).says(&["name the same file"]);
    person.run(&["ca", "init", "--ca-cert", "no/where/ca.crt", "--ca-key", "new.key"]).exits(1);
    assert!(!person.has("other.key") && !person.has("other.crt") && !person.has("new.key"));
    person.run(&["ca", "init", "--ca-cert", "d.crt", "--ca-key", "d.key", "--dry-run"]).ok();
    assert!(!person.has("d.crt") && !person.has("d.key"));
    person.run(&["request", "alice", "--offline", "--out-dir", "."]).ok();
    person.write("there", "mine");
    let sign = |more: &[&str]| person.run(&[&["ca", "sign", "--yes"], more].concat()).exits(1);
    sign(&["alice.csr", "--out", "there"]).says(&["there already exists"]);
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
    person.run(&sign).exits(1).says(&["5 seconds is not a valid lifetime", "--expires"]);
    assert!(!person.has("refused.crt"));
    person.run(&[&sign[..], &["--expires", "1h"]].concat()).ok();
    let accepted = ["ca", "sign", "admins.csr", "--accept", "privileged-group", "--yes"];
    person.run(&accepted).ok().prints(&["BEGIN CERTIFICATE"]);
    let usage = |args: &[&str]| person.run(&[&["ca", "sign"], args].concat()).exits(2);
    usage(&["--yes"]);
    usage(&["--profile", "nobody", "admins.csr"]).says(&["choose user, node"]);
    usage(&["--profile", "node", "--new-key", "k", "--yes"]).says(&["needs a name"]);
    usage(&["admins.csr", "--san", "x"]).says(&["has no host names"]);
    usage(&["admins.csr", "-g", "dev"]).says(&["a request names its own groups"]);
    usage(&["admins.csr", "node.csr", "--yes"]).says(&["--out DIR"]);
    usage(&["admins.csr", "--yes", "-o", "name"])
        .says(&["does not show the certificate", "--out FILE"]);
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
    admin.run(&[&sign[..], &reply].concat()).ok().says(&["The reply holds no secret"]);
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
