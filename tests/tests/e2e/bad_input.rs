//! Wrong, missing and broken input: what is wrong, with what, and what to do.

use crate::cases;
use crate::trial::Trial;

cases!(
    command_line,
    formats_that_a_command_has,
    keys,
    kubeconfig_files,
    server_down,
    tls,
    unauthorized,
    forbidden,
    not_found,
    expired_certificates,
    certificate_files,
    replies_that_could_not_be_made,
    damaged_certificates,
    files_that_are_odd_but_good,
);

fn formats_that_a_command_has(trial: &Trial) {
    let person = trial.newcomer();
    for (args, formats) in [
        (&["list"][..], "json, yaml, name, wide"),
        (&["verify"], "json, yaml, name"),
        (&["doctor"], "json, yaml"),
    ] {
        let help = person.run(&[args, &["-h"]].concat()).ok().stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let values = format!("[possible values: {formats}]");
        assert!(help.contains(&values), "{help}");
        person.run(&[args, &["-o", "csv"]].concat()).exits(2).says(&[&values]);
    }
    person.run(&["verify", "-o", "wide"]).exits(2).says(&["json, yaml, name]"]);
}

fn command_line(trial: &Trial) {
    let admin = trial.admin();
    let too_long = "x".repeat(300);
    let cases: [(&[&str], &str); 21] = [
        (&["request", ""], "empty"),
        (&["request", " alice"], "begins or ends with a space"),
        (&["request", "ali\u{202e}ce"], "U+202E"),
        (&["request", &too_long], "300 bytes"),
        (&["request", "alice", "-g", ""], "empty"),
        (&["request", "alice", "--csr-name", "a/b"], "may not contain '/'"),
        (&["request", "alice", "--csr-name", ".."], "cannot be named '..'"),
        (&["request", "alice", "--csr-name", ""], "empty"),
        (&["request", "alice", "--expires", "599s"], "10 minutes"),
        (&["request", "alice", "--expires", "soon"], "not a duration"),
        (&["request", "alice", "--expires", "99999999d"], "longer than"),
        (&["request", "alice", "--key-type", "rsa1024"], "unknown key type rsa1024"),
        (&["approve", "alice", "--expect", "nonsense"], "is not a code"),
        (&["approve", "alice", "--accept", "nonsense"], "no finding nonsense"),
        (&["approve", "alice", "--signer", "example.com/x"], "--signer"),
        (&["create", "alice", "--install", "--accept", "nonsense"], "no finding nonsense"),
        (&["create", "alice", "--install", "--accept", "system-masters"], "cannot be accepted"),
        (&["verify", "--as", "bob"], "--as cannot be combined with it"),
        (&["verify", "--as-group", "ops"], "--as cannot be combined with it"),
        (&["list", "--request-timeout", "1d"], "not supported here"),
        (&["list", "-o", "xml"], "xml"),
    ];
    for (args, says) in cases {
        admin.run(args).exits(2).says(&[says]);
    }
    admin.run(&[]).exits(2);
    admin.run(&["nonsense"]).exits(2).says(&["nonsense"]);
    admin.run(&["request"]).exits(2).says(&["<NAME>"]);
    let help = admin.run(&["--help"]).ok().prints(&["kubectl usercert", "Exit codes"]);
    assert!(!help.stdout.contains("kubectl-usercert "), "{}", help.stdout);
    admin.run(&["request", "--help"]).ok().prints(&[
        "kubectl usercert request",
        "--as-user-extra",
        "--offline",
    ]);
}

fn keys(trial: &Trial) {
    let admin = trial.admin();
    let run = |file: &str| admin.run(&["request", "alice", "--dry-run", "--key", file]);
    run("missing").exits(1).says(&["missing", "No such file"]);
    run(".").exits(1);
    admin.write("garbage", "hello");
    run("garbage").exits(1).says(&["garbage", "no private key"]);
    admin.write("damaged", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n");
    run("damaged").exits(1).says(&["damaged"]);
    admin
        .tool(
            "openssl",
            &["genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", "enc8"],
        )
        .ok();
    let encrypted = run("enc8").exits(1).says(&["enc8", "encrypted", "openssl pkey"]);
    encrypted.never_shows("other users");
    admin.tool("chmod", &["644", "enc8"]).ok();
    run("enc8").exits(1).says(&["warning: enc8 can be read by other users of this machine"]);
    admin
        .tool(
            "openssl",
            &["genrsa", "-traditional", "-aes256", "-passout", "pass:x", "-out", "enc1", "2048"],
        )
        .ok();
    run("enc1").exits(1).says(&["encrypted"]);
    admin
        .tool("openssl", &["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "k1"])
        .ok();
    run("k1").exits(1).says(&["k1"]);
    admin.tool("openssl", &["genpkey", "-algorithm", "x25519", "-out", "x"]).ok();
    run("x").exits(1);
}

fn kubeconfig_files(trial: &Trial) {
    let person = trial.newcomer();
    person.run(&["list"]).exits(1).says(&["--kubeconfig", "--offline"]);
    person.run(&["list", "--kubeconfig", "nowhere"]).exits(1).says(&["nowhere", "no such file"]);
    person.write(
        "broken",
        "apiVersion: v1\nkind: Config\nusers: [ {name: a, user: {token: hunter2}\n",
    );
    person
        .run(&["list", "--kubeconfig", "broken"])
        .exits(1)
        .says(&["broken"])
        .never_shows("hunter2");
    person.write(
        "twice",
        "users:\n- {name: a, user: {token: hunter2}}\n- {name: a, user: {token: hunter2}}\n",
    );
    person.run(&["list", "--kubeconfig", "twice"]).exits(1).says(&["twice"]).never_shows("hunter2");
    std::fs::write(person.home.join("binary"), [0xff, 0xfe, 0, 1]).expect("a file");
    person.run(&["list", "--kubeconfig", "binary"]).exits(1).says(&["binary"]);
    std::fs::create_dir(person.home.join("folder")).expect("a directory");
    person.run(&["list", "--kubeconfig", "folder"]).exits(1).says(&["folder"]);
    let admin = trial.admin();
    admin
        .run(&["list", "--context", "nowhere"])
        .exits(1)
        .says(&["context \"nowhere\" does not exist"]);
    admin.run(&["list", "--user", "nobody"]).exits(1).says(&["nobody"]);
    admin.run(&["list", "--cluster", "none"]).exits(1).says(&["none"]);
    admin.kubectl(&["config", "unset", "current-context"]).ok();
    let out = admin.run(&["list"]);
    assert_eq!(out.code, 1, "{}", out.stderr);
    let context = admin.kubectl(&["config", "get-contexts", "-o", "name"]).ok().stdout;
    admin.run(&["list", "--context", context.trim()]).ok();
}

fn server_down(trial: &Trial) {
    let admin = trial.admin();
    for args in [&["list"][..], &["request", "alice"], &["approve", "alice", "--yes"], &["verify"]]
    {
        let mut args = args.to_vec();
        args.extend(["--server", "https://127.0.0.1:1"]);
        admin.run(&args).exits(1).says(&["127.0.0.1:1", "refused"]);
    }
    admin
        .run(&["list", "--server", "https://no-such-host.invalid"])
        .exits(1)
        .says(&["no-such-host.invalid"]);
    // The key of the request that could not be submitted is kept for the next try.
    assert_eq!(admin.pending().len(), 1);
}

fn tls(trial: &Trial) {
    let admin = trial.admin();
    admin
        .run(&["list", "--tls-server-name", "other.example"])
        .exits(1)
        .says(&["certificate is not valid for this name", "--tls-server-name"]);
    admin
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
    admin
        .run(&["list", "--certificate-authority", "ca.crt"])
        .exits(1)
        .says(&["not signed by the CA", "do not skip the check"]);
    admin.run(&["list", "--insecure-skip-tls-verify"]).ok();
}

fn unauthorized(trial: &Trial) {
    let admin = trial.admin();
    admin
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
                "k",
                "-out",
                "c",
                "-subj",
                "/CN=alice",
            ],
        )
        .ok();
    let flags = ["--client-certificate", "c", "--client-key", "k"];
    let mut list = vec!["list"];
    list.extend(flags);
    admin.run(&list).exits(1).says(&["Unauthorized", "kubectl usercert verify"]);
    let mut verify = vec!["verify"];
    verify.extend(flags);
    admin.run(&verify).exits(1).says(&["does not accept the certificate", "CN=alice"]);
}

fn forbidden(trial: &Trial) {
    let bare = trial.user("bare");
    let person = trial.nobody_special(&bare, &[]);
    let user = trial.user("alice");
    person.run(&["list"]).exits(1).says(&[
        "Forbidden",
        "certificatesigningrequests",
        "verbs: [get, list, watch]",
    ]);
    person.run(&["request", &user]).exits(1).says(&["Forbidden", "verbs: [create, ", "--offline"]);
    let admin = trial.admin();
    admin.run(&["request", &user]).ok();
    person.run(&["approve", &user, "--yes"]).exits(1).says(&["Forbidden"]);
    // Only the right to approve for this signer is missing.
    let half = trial.user("half");
    let halfway = trial.nobody_special(&half, &[]);
    trial.grant(
        &half,
        serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests", "certificatesigningrequests/approval"],
        "verbs": ["get", "update"]}]),
    );
    halfway.run(&["approve", &user, "--yes"]).exits(1).says(&[
        "not permitted to approve",
        "resources: [signers]",
        "verbs: [approve]",
        "kubernetes.io/kube-apiserver-client",
    ]);
    halfway.run(&["approve", &trial.user("nowhere"), "--yes"]).exits(1).says(&["not found"]);
    person.run(&["verify"]).ok().prints(&[&bare]);
}

fn not_found(trial: &Trial) {
    let admin = trial.admin();
    let missing = trial.user("missing");
    for command in ["review", "approve", "deny"] {
        admin.run(&[command, &missing]).exits(1).says(&[
            &missing,
            "not found",
            "kubectl usercert list",
        ]);
    }
    admin
        .run(&["install", &missing])
        .exits(1)
        .says(&["no request for", "kubectl usercert request"]);
    admin.run(&["inspect", &format!("csr/{missing}")]).exits(1).says(&["not found"]);
    // A user's name finds the one pending request of that user.
    let user = trial.user("byname");
    admin.run(&["request", &user, "--csr-name", &format!("{user}-x")]).ok();
    admin.run(&["review", &user]).ok().prints(&[&format!("{user}-x")]);
    admin.run(&["request", &user, "--csr-name", &format!("{user}-y")]).ok();
    admin.run(&["review", &user]).exits(1).says(&[
        "2 pending requests name the user",
        &format!("{user}-x"),
        &format!("{user}-y"),
    ]);
}

fn expired_certificates(trial: &Trial) {
    let admin = trial.admin();
    admin.tool("sh", &["-c", "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k -subj /CN=old -out r && \
        openssl x509 -req -in r -signkey k -days -1 -out c 2>/dev/null || \
        openssl x509 -req -in r -signkey k -not_before 20200101000000Z -not_after 20200102000000Z -out c"]).ok();
    admin
        .run(&["verify", "--client-certificate", "c", "--client-key", "k"])
        .exits(1)
        .says(&["expired", "kubectl usercert request"]);
    admin.run(&["inspect", "c"]).ok().prints(&["expired"]);
    admin.run(&["inspect", "c", "--expires-within", "7d"]).exits(4);
}

fn certificate_files(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("certfile");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["request", &user, "-g", "dev", "--wait", "--timeout", "0", "-q"]);
    let person = trial.admin();
    let other = trial.user("other");
    person.run(&["request", &other, "-g", "dev", "--offline", "--out-dir", "."]).ok();
    person.write("m.yaml", &person.read(&format!("{other}.yaml")));
    person.run(&["approve", "--from", "m.yaml", "--yes", "--reply", "reply"]).ok();
    let pem =
        person.kubectl(&["get", "csr", &other, "-o", "jsonpath={.status.certificate}"]).ok().stdout;
    person.write("b64", &pem);
    person.tool("sh", &["-c", "base64 -d b64 > c.pem"]).ok();
    let key = format!("{other}.key");
    person
        .run(&["install", &user, "--certificate", "c.pem", "--key", &key])
        .exits(1)
        .says(&["not for"]);
    person.run(&["install", &other, "--certificate", "missing"]).exits(1).says(&["missing"]);
    person.run(&["install", &other, "--certificate", &key]).exits(1).says(&["private key"]);
    person.run(&["install", &other, "--certificate", "c.pem", "--key", &key]).ok();
    assert_eq!(person.whoami(&person.context_of(&other)).0, other);
}

/// What no reply can hold is found before anything is approved.
fn replies_that_could_not_be_made(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("noreply");
    admin.run(&["request", &user]).ok();
    let bad: [&[&str]; 5] = [
        &["--reply-server", "https://user@x"],
        &["--reply-server", "https://"],
        &["--reply-server", "http://x"],
        &["--reply-cluster-name", ""],
        &["-n", "BAD_NAMESPACE"],
    ];
    for flags in bad {
        let mut args = vec!["approve", user.as_str(), "--yes", "--reply", "r"];
        args.extend(flags);
        admin.run(&args).exits(2).says(&["nothing was approved"]);
    }
    let state = admin.kubectl(&["get", "csr", &user, "-o", "jsonpath={.status.conditions}"]).ok();
    assert_eq!(state.stdout, "");
    assert!(!admin.has("r"));
}

/// A certificate whose PEM nobody finds: told is where it is damaged, not that there is none.
fn damaged_certificates(trial: &Trial) {
    let person = trial.admin();
    person.run(&["ca", "init", "--name", "x"]).ok();
    let glued = person.read("ca.crt").replace("\n-----END", "-----END");
    person.write("c", &glued);
    let with = ["--client-certificate", "c", "--client-key", "ca.key"];
    let out = person.run(&[&["verify"][..], &with].concat()).exits(1);
    out.says(&["its PEM is damaged: line", "text precedes the END line"]);
    person.run(&["inspect", "c"]).exits(1).says(&["its PEM is damaged: line"]);
}

fn files_that_are_odd_but_good(trial: &Trial) {
    let person = trial.newcomer();
    let cluster = "clusters: [{name: a, cluster: {server: 'https://a.example'}}]\n";
    person.write("bare", cluster);
    person.run(&["inspect", "bare"]).ok().prints(&["kubeconfig", "https://a.example"]);
    person.write("secret", "apiVersion: v1\nkind: Secret\n");
    let out = person.run(&["contexts", "--kubeconfig", "secret"]).exits(1);
    out.says(&["is not a kubeconfig: its kind is Secret, not Config"]);
    // Nothing in it that others may not read.
    let context = "contexts: [{name: a, context: {cluster: a, user: a}}]\n";
    person.write("open", &format!("{cluster}{context}"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(person.home.join("open"), mode).expect("a mode");
    let quiet = person.run(&["contexts", "--kubeconfig", "open"]).ok();
    assert!(!quiet.stderr.contains("other users"), "{}", quiet.stderr);
    let token = "users: [{name: a, user: {token: t}}]\n";
    person.write("open", &format!("{cluster}{context}{token}"));
    person.run(&["contexts", "--kubeconfig", "open"]).ok().says(&["other users can read it"]);
    // What cannot be accepted is not said to pass with --accept.
    person.write(
        "masters.conf",
        "[req]\ndistinguished_name=d\nprompt=no\n[d]\nO=system:masters\nCN=eve\n",
    );
    let new = ["req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", "k", "-out", "r.csr"];
    person.tool("openssl", &[&new[..], &["-config", "masters.conf"]].concat()).ok();
    let out = person.run(&["review", "--from", "r.csr"]).exits(3);
    let out = out.says(&["cannot be accepted."]).prints(&["REFUSED, cannot be accepted"]);
    assert!(!out.stderr.contains("--accept"), "{}", out.stderr);
}
