//! There and back: a reply is made, sent and installed, or refused.

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    by_manifest,
    by_bare_request_on_stdin,
    with_files,
    plain_kubectl_takes_the_reply,
    wrong_key,
    expected_reply,
    hostile_replies,
    reply_is_never_overwritten,
    reply_of_another_user,
    server_out_of_reach,
    reply_before_request_again,
);

/// A reply for a newcomer's request, made by an admin.
fn reply_for(trial: &Trial, newcomer: &Person, user: &str) -> (String, String) {
    let offline = newcomer.run(&["request", user, "-g", "dev", "--offline", "-o", "yaml"]).ok();
    let code = offline.code_shown();
    let admin = trial.admin();
    admin.write("request.yaml", &offline.stdout);
    let approved = admin.run(&[
        "approve",
        "--from",
        "request.yaml",
        "--expect",
        &code,
        "--yes",
        "--reply",
        "reply",
    ]);
    let approved = approved.ok().says(&["The reply holds no secret"]);
    let mut codes = approved.stderr.lines().filter_map(|line| line.strip_prefix("Code "));
    let reply_code = codes.next_back().expect("a code").trim().to_owned();
    (admin.read("reply"), reply_code)
}

fn by_manifest(trial: &Trial) {
    for key_type in ["p256", "p384", "ed25519", "rsa2048"] {
        let user = trial.user(key_type);
        let newcomer = trial.newcomer();
        let offline = newcomer
            .run(&[
                "request",
                &user,
                "-g",
                "dev",
                "-g",
                "ops",
                "-g",
                "sre",
                "--offline",
                "--key-type",
                key_type,
                "-o",
                "yaml",
            ])
            .ok();
        let code = offline.code_shown();
        let admin = trial.admin();
        admin.write("r.yaml", &offline.stdout);
        admin.run(&["review", "--from", "r.yaml"]).ok().prints(&[&code, &user, "dev, ops, sre"]);
        admin
            .run(&["approve", "--from", "r.yaml", "--expect", &code, "--yes", "--reply", "reply"])
            .ok();
        let reply = admin.read("reply");
        assert!(!reply.contains("PRIVATE KEY") && !reply.contains("client-key-data"), "no secret");
        newcomer.write("reply", &reply);
        newcomer
            .run(&["install", &user, "--reply", "reply", "--yes"])
            .ok()
            .says(&["the server says"]);
        let (who, mut groups) = newcomer.whoami(&newcomer.context_of(&user));
        groups.sort();
        assert_eq!(
            (who.as_str(), groups.join(" ").as_str()),
            (user.as_str(), "dev ops sre system:authenticated")
        );
        assert!(newcomer.pending().is_empty());
    }
}

fn by_bare_request_on_stdin(trial: &Trial) {
    let user = trial.user("bare");
    let newcomer = trial.newcomer();
    newcomer.run(&["request", &user, "-g", "dev", "--offline", "--out-dir", "."]).ok();
    let csr = newcomer.read(&format!("{user}.csr"));
    assert!(csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{csr}");
    let admin = trial.admin();
    admin.run_with(&["approve", "--from", "-", "--yes", "--reply", "reply"], csr.as_bytes()).ok();
    let reply = admin.read("reply");
    assert!(reply.starts_with('#') && reply.contains("client-certificate-data"), "{reply}");
    let key = format!("{user}.key");
    let install = ["install", "--key", &key, "--reply", "-", "--yes", "--use"];
    let installed = newcomer.run_with(&install, reply.as_bytes()).ok();
    installed.prints(&["written to"]);
    newcomer.kubectl(&["auth", "whoami"]).ok().prints(&[&user]);
}

fn with_files(trial: &Trial) {
    let user = trial.user("files");
    let newcomer = trial.newcomer();
    newcomer.run(&["request", &user, "-g", "dev", "--offline", "--out-dir", "."]).ok();
    let admin = trial.admin();
    admin.write("r.csr", &newcomer.read(&format!("{user}.csr")));
    std::fs::create_dir(admin.home.join("replies")).expect("a directory");
    admin
        .run(&["approve", "--from", "r.csr", "--expires", "24h", "--yes", "--reply", "replies"])
        .ok();
    let reply = admin.read(&format!("replies/{user}.kubeconfig"));
    newcomer.write("reply", &reply);
    newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).exits(1).says(&["--key"]);
    let key = format!("{user}.key");
    newcomer
        .run(&[
            "install",
            "--reply",
            "reply",
            "--key",
            &key,
            "--yes",
            "--standalone",
            "mine",
            "--",
            &user,
        ])
        .ok();
    newcomer.kubectl(&["--kubeconfig", "mine", "auth", "whoami"]).ok().prints(&[&user, "dev"]);
    assert!(!newcomer.has(".kube/config"));
}

/// The comment in the reply carries a line that works with kubectl alone.
fn plain_kubectl_takes_the_reply(trial: &Trial) {
    let user = trial.user("plain");
    let newcomer = trial.newcomer();
    newcomer.run(&["request", &user, "--offline", "--out-dir", "."]).ok();
    let admin = trial.admin();
    admin.write("r", &newcomer.read(&format!("{user}.yaml")));
    admin.run(&["approve", "--from", "r", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    newcomer.kubectl(&["--kubeconfig", "reply", "auth", "whoami"]).exits(1);
    let reply = newcomer.read("reply");
    let line =
        reply.lines().find(|l| l.contains("kubectl config set-credentials")).expect("a line");
    let line = line
        .trim_start_matches(['#', ' '])
        .replace("KEY", &format!("{user}.key"))
        .replace("FILE", "reply");
    newcomer.tool("sh", &["-c", &line]).ok();
    newcomer.kubectl(&["--kubeconfig", "reply", "auth", "whoami"]).ok().prints(&[&user]);
}

fn wrong_key(trial: &Trial) {
    let user = trial.user("wrong");
    let (newcomer, other) = (trial.newcomer(), trial.newcomer());
    let (reply, _) = reply_for(trial, &newcomer, &user);
    other.run(&["request", &user, "-g", "dev", "--offline"]).ok();
    other.write("reply", &reply);
    other
        .run(&["install", &user, "--reply", "reply", "--yes"])
        .exits(1)
        .says(&["no key for this certificate"]);
    other.tool("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "k"]).ok();
    other
        .run(&["install", &user, "--reply", "reply", "--key", "k", "--yes"])
        .exits(1)
        .says(&["the certificate is for another key"]);
    assert!(!other.has(".kube/config"));
}

fn expected_reply(trial: &Trial) {
    let user = trial.user("expect");
    let newcomer = trial.newcomer();
    let (reply, code) = reply_for(trial, &newcomer, &user);
    newcomer.write("reply", &reply);
    newcomer
        .run(&["install", &user, "--reply", "reply"])
        .exits(2)
        .says(&["CA ", "sha256", &code, "--yes"]);
    newcomer
        .run(&[
            "install",
            &user,
            "--reply",
            "reply",
            "--expect-reply",
            "0000-0000-0000-0000",
            "--yes",
        ])
        .exits(3)
        .says(&["not the expected reply"]);
    assert!(!newcomer.has(".kube/config"));
    let mut terminal = newcomer.on_terminal(&["install", &user, "--reply", "reply"]);
    assert!(terminal.asked().contains(&code));
    terminal.answer("n").exits(3);
    assert!(!newcomer.has(".kube/config"));
    newcomer.run(&["install", &user, "--reply", "reply", "--expect-reply", &code]).ok();
}

/// Every field that kubectl would act on is refused by its name, and nothing is written.
fn hostile_replies(trial: &Trial) {
    let user = trial.user("hostile");
    let newcomer = trial.newcomer();
    let (reply, _) = reply_for(trial, &newcomer, &user);
    let cert = reply.lines().find(|l| l.contains("client-certificate-data")).expect("a line");
    let server = reply.lines().find(|l| l.contains("server:")).expect("a line");
    let data = |key: &str| {
        let line = reply.lines().find(|l| l.trim_start().starts_with(key)).expect("a line");
        line.split('"').nth(1).expect("a value").to_owned()
    };
    let (ca, leaf) = (data("certificate-authority-data"), data("client-certificate-data"));
    let indent = |l: &str| l.chars().take_while(|c| *c == ' ').count();
    let pad = |l: &str| " ".repeat(indent(l));
    let user_field = |field: &str| reply.replace(cert, &format!("{cert}\n{}{field}", pad(cert)));
    let cluster_field =
        |field: &str| reply.replace(server, &format!("{server}\n{}{field}", pad(server)));
    let hostile = [
        (
            user_field("exec: {command: /bin/sh, apiVersion: client.authentication.k8s.io/v1}"),
            "exec",
        ),
        (user_field("auth-provider: {name: gcp}"), "auth-provider"),
        (user_field("token: abc"), "token"),
        (user_field("tokenFile: /etc/passwd"), "tokenFile"),
        (user_field("username: root"), "username"),
        (user_field("password: x"), "password"),
        (user_field("as: admin"), "as"),
        (user_field("as-groups: [system:masters]"), "as-groups"),
        (user_field("client-certificate: /tmp/x"), "client-certificate"),
        (user_field("client-key: /tmp/x"), "client-key"),
        (user_field("client-key-data: eA=="), "client-key-data"),
        (user_field("extensions: []"), "extensions"),
        (cluster_field("proxy-url: http://evil"), "proxy-url"),
        (cluster_field("insecure-skip-tls-verify: true"), "insecure-skip-tls-verify"),
        (cluster_field("certificate-authority: /tmp/x"), "certificate-authority"),
        (cluster_field("unheard-of: 1"), "unheard-of"),
        (reply.replace(&ca, &leaf), "that is not a CA ("),
        (reply.replace("https://", "http://"), "server"),
        (format!("{reply}extensions: []\n"), "extensions"),
        (
            reply.replace(
                "certificate-authority-data:",
                "extra: x\n    certificate-authority-data:",
            ),
            "extra",
        ),
        (format!("x: &a [1]\ny: *a\n{reply}"), "aliases"),
        ("not: [a, kubeconfig".to_owned(), "not a kubeconfig"),
        (String::new(), "not a kubeconfig"),
    ];
    for (text, field) in hostile {
        assert_ne!(text, reply, "the case changes the reply: {field}");
        newcomer.write("reply", &text);
        let out =
            newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).exits(1).says(&[field]);
        out.never_shows("root:x:");
        assert!(!newcomer.has(".kube/config"), "{field}");
    }
    newcomer.write("reply", &reply);
    newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).ok();
}

fn reply_is_never_overwritten(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("keep");
    let csr = trial.newcomer().run(&["request", &user, "--offline"]).ok().stdout;
    admin.write("r", &csr);
    admin.write("reply", "precious");
    admin
        .run(&["approve", "--from", "r", "--yes", "--reply", "reply"])
        .exits(1)
        .says(&["already exists", "nothing was approved"]);
    assert_eq!(admin.read("reply"), "precious");
    admin.kubectl(&["get", "csr", &user]).exits(1);
    // The reply can also be had later, for a request that is approved already.
    admin.run(&["approve", "--from", "r", "--yes"]).ok();
    admin.run(&["approve", &user, "--yes", "--reply", "later"]).ok();
    assert!(admin.read("later").contains("client-certificate-data"));
}

fn reply_of_another_user(trial: &Trial) {
    let (user, other) = (trial.user("mine"), trial.user("other"));
    let newcomer = trial.newcomer();
    let (reply, _) = reply_for(trial, &newcomer, &user);
    newcomer.write("reply", &reply);
    newcomer.run(&["install", &other, "--reply", "reply", "--yes"]).exits(1).says(&["not for"]);
}

fn server_out_of_reach(trial: &Trial) {
    let user = trial.user("away");
    let newcomer = trial.newcomer();
    let offline = newcomer.run(&["request", &user, "--offline", "-o", "yaml"]).ok();
    let admin = trial.admin();
    admin.write("r", &offline.stdout);
    // The address that people use is not reachable from where the reply is installed.
    admin
        .run(&[
            "approve",
            "--from",
            "r",
            "--yes",
            "--reply",
            "reply",
            "--reply-server",
            "https://127.0.0.1:1",
            "--reply-cluster-name",
            "bastion",
        ])
        .ok();
    newcomer.write("reply", &admin.read("reply"));
    newcomer.run(&["install", &user, "--reply", "reply", "--yes"]).ok().says(&["not verified"]);
    assert_eq!(newcomer.context_of(&user), format!("{user}@bastion"));
    // Nobody has recognized the certificate: another answer to the same request can still be installed.
    assert_eq!(newcomer.pending().len(), 1);
    let again =
        ["approve", "--from", "r", "--yes", "--reply", "good", "--reply-cluster-name", "right"];
    admin.run(&again).ok();
    newcomer.write("good", &admin.read("good"));
    newcomer.run(&["install", &user, "--reply", "good", "--yes"]).ok();
    assert_eq!(newcomer.whoami(&format!("{user}@right")).0, user);
    assert!(newcomer.pending().is_empty());
}

/// The same offline request, asked for twice, is the same request.
fn reply_before_request_again(trial: &Trial) {
    let user = trial.user("twice");
    let newcomer = trial.newcomer();
    let first = newcomer.run(&["request", &user, "-g", "dev", "--offline"]).ok();
    let second = newcomer.run(&["request", &user, "-g", "dev", "--offline"]).ok();
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(newcomer.pending().len(), 1);
    newcomer.run(&["install", &user]).exits(1).says(&["--reply"]);
}
