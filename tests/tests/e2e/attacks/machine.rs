//! What somebody else on the machine, or whoever answers, could try.

use serde_json::json;

use crate::cases;
use crate::trial::Trial;

cases!(
    pending_folder_is_guarded,
    cluster_entry_is_never_shadowed,
    debug_variables_do_not_redirect,
    answer_signed_by_somebody_else,
    a_key_that_somebody_else_has_left,
    pipes_that_files_name,
);

/// Whoever may write into a directory can leave a request there whose key they know.
fn a_key_that_somebody_else_has_left(trial: &Trial) {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let (person, user) = (trial.newcomer(), trial.user("planted"));
    let request = ["request", &user, "--offline", "--out-dir", "shared"];
    person.run(&request).ok();
    person.run(&request).ok().says(&["resuming the unfinished request"]);
    let key = person.home.join("shared").join(format!("{user}.key"));
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&key, mode).expect("a mode is set");
    };
    let refused = |why: &str| {
        let out = person.run(&request).exits(1).says(&[why, "name another --out-dir"]);
        assert!(out.stdout.is_empty() && !out.stderr.contains("resuming"), "{}", out.stderr);
    };
    mode(0o640);
    refused("is accessible to other users (mode 0640)");
    mode(0o600);
    // Only root can give a file away.
    if chown(&key, Some(65534), None).is_ok() {
        refused("belongs to another user");
        chown(&key, Some(0), None).expect("an owner");
    }
    std::fs::rename(&key, person.home.join("elsewhere")).expect("renamed");
    std::os::unix::fs::symlink(person.home.join("elsewhere"), &key).expect("a link");
    refused("is not a file or directory of the expected kind");
}

/// Nobody writes into it, so whoever read it would wait without end.
fn pipes_that_files_name(trial: &Trial) {
    let admin = trial.admin();
    admin.tool("mkfifo", &["pipe"]).ok();
    admin.write("team.csv", "name,csr\nalice,pipe\n");
    let odd = "pipe is not a regular file";
    admin.run(&["onboard", "team.csv", "--reply-dir", "replies"]).exits(1).says(&[odd]);
    let user = json!({ "client-certificate": "pipe", "client-key": "pipe" });
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{ "name": "a", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "a", "user": user }],
        "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
    });
    admin.write("hostile.conf", &config.to_string());
    let hostile = ["--kubeconfig", "hostile.conf"];
    admin.run(&[&["contexts"], &hostile[..]].concat()).prints(&["unreadable"]);
    for command in ["list", "verify"] {
        admin.run(&[&[command], &hostile[..]].concat()).exits(1).says(&[odd]);
    }
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
    // A key that others may read is said to be that, and not to be missing.
    use std::os::unix::fs::PermissionsExt as _;
    let key = other.pending()[0].join("key.pem");
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&key, mode).expect("a mode is set");
    };
    mode(0o644);
    for args in [&["install", &user][..], &["install", &user, "--certificate-authority", "ca.crt"]]
    {
        other.run(args).exits(1).says(&["key.pem is accessible to other users (mode 0644)"]);
    }
    mode(0o600);
    other.run(&["install", &user]).ok().says(&[&format!("request {user} with the code ")]);
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
