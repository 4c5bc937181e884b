//! The merged view: who wins, where changes go, and what a command connects with.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use usercert_core::kubeconfig::Kind;
use usercert_core::kubeconfig::edit::{self, Edit};
use usercert_core::kubeconfig::merged::{
    Merged, MergedError, Overrides, ResolveError, Resolved, SourceFile,
};
use usercert_core::kubeconfig::path::LoadingList;
use zeroize::Zeroizing;

fn merged(files: &[(&str, &str)]) -> Merged {
    load(files, false).unwrap()
}

fn load(files: &[(&str, &str)], explicit: bool) -> Result<Merged, MergedError> {
    let list = LoadingList { files: files.iter().map(|(path, _)| path.into()).collect(), explicit };
    let source = |(path, text): &(&str, &str)| SourceFile {
        path: path.into(),
        text: (*text != "missing").then(|| text.to_string()),
    };
    Merged::load(&list, files.iter().map(source).collect())
}

/// One cluster, one user, one context that is current.
fn one(cluster: &str, user: &str) -> Merged {
    merged(&[(
        "/home/a/.kube/config",
        &format!(
            "clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u, namespace: ns}}}}]\ncurrent-context: x\n"
        ),
    )])
}

fn resolve(merged: &Merged) -> Result<Resolved, ResolveError> {
    merged.resolve(&Overrides::default())
}

fn complaint(cluster: &str, user: &str) -> String {
    resolve(&one(cluster, user)).unwrap_err().to_string()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_first_file_wins_whole_entries() {
    let merged = merged(&[
        ("/a/missing", "missing"),
        ("/a/one", "users: [{name: u, user: {token: t}}]\ncurrent-context: ''\n"),
        (
            "/b/two",
            "users: [{name: u, user: {username: nick}}, {name: v, user: {}}]\ncurrent-context: x\n",
        ),
        ("/c/three", "current-context: z\n"),
    ]);
    let names: Vec<_> = merged.users().map(|user| (user.name, user.file)).collect();
    assert_eq!(names, [("u", Path::new("/a/one")), ("v", Path::new("/b/two"))]);
    let user = merged.user("u").unwrap();
    assert_eq!(user.token.as_deref().map(String::as_str), Some("t"));
    assert_eq!(user.username, None, "nothing of the second file's entry");
    assert_eq!(merged.current_context(), Some("x"));
    assert_eq!(merged.current_context_file(), Some(Path::new("/b/two")));
    let default = Path::new("/a/one");
    assert_eq!(merged.destination(Kind::User, "v", default), Path::new("/b/two"));
    assert_eq!(merged.destination(Kind::User, "new", default), default);
    assert_eq!(merged.destination(Kind::Cluster, "v", default), default);
}

#[test]
fn files_that_cannot_be_read() {
    let error = |text: &str| load(&[("/k", text)], false).err().unwrap().to_string();
    assert_eq!(error("a: 'b"), "/k: line 1, column 4: a quoted string that does not end");
    assert_eq!(
        error("users:\n- name: a\n  user: {token: 5}"),
        "/k: users[0].user.token must be a string"
    );
    assert_eq!(error("users: {}"), "/k: users must be a list");
    assert_eq!(
        error("users: [{name: a}, {name: a}]"),
        "/k: users holds the name \"a\" twice, in lines 1 and 1"
    );
    assert_eq!(error("kind: Pod"), "/k: is not a kubeconfig: its kind is Pod, not Config");
    assert_eq!(
        error("users: [{user: {client-key-data: '%'}}]"),
        "/k: users[0].user.client-key-data must be base64"
    );
    assert_eq!(
        load(&[("/k", "missing")], true).err(),
        Some(MergedError::Missing(PathBuf::from("/k")))
    );
    assert!(merged(&[("/k", "missing")]).is_empty());
    assert!(merged(&[("/k", ""), ("/l", "# nothing\n")]).is_empty());
}

#[test]
fn paths_start_at_the_file_of_their_entry() {
    let merged = merged(&[(
        "/home/a/.kube/config",
        "clusters: [{name: c, cluster: {certificate-authority: ../ca}}]\nusers:\n- name: u\n  user:\n    \
         client-certificate: x/c\n    client-key: /k\n    tokenFile: t\n    exec: {command: ./run, args: [a]}\n",
    )]);
    assert_eq!(merged.cluster("c").unwrap().certificate_authority, Some("/home/a/ca".into()));
    let user = merged.user("u").unwrap();
    assert_eq!(user.client_certificate, Some("/home/a/.kube/x/c".into()));
    assert_eq!(user.client_key, Some("/k".into()));
    assert_eq!(user.token_file, Some("/home/a/.kube/t".into()));
    let command = user.exec.unwrap()["command"].as_str().map(PathBuf::from);
    assert_eq!(command, Some("/home/a/.kube/run".into()));
}

#[test]
fn debug_output_shows_no_secret() {
    let secret = "client-key-data: UzNDUkVU, token: S3CRET, password: S3CRET, username: nick, \
                  exec: {command: c, env: [{name: A, value: S3CRET}]}";
    let merged = one("server: 'https://s'", secret);
    let user = format!("{:?}", merged.user("u").unwrap());
    assert!(
        !user.contains("S3CRET") && !user.contains("83, 51") && user.contains("token: true"),
        "{user}"
    );
}

#[test]
fn the_usual_case() {
    let resolved = resolve(&one(
        "server: 'https://s:6443', certificate-authority-data: Y2E=, tls-server-name: sni",
        "client-certificate-data: Yw==, client-key-data: aw==",
    ))
    .unwrap();
    assert_eq!(resolved.context_name, some("x"));
    assert_eq!((resolved.cluster_name.as_str(), resolved.user_name.as_str()), ("c", "u"));
    assert_eq!(resolved.namespace, some("ns"));
    assert_eq!(resolved.cluster.server, "https://s:6443");
    assert_eq!(resolved.cluster.certificate_authority_data, Some(b"ca".to_vec()));
    assert_eq!(resolved.cluster.tls_server_name, some("sni"));
    assert_eq!(resolved.user.client_certificate_data, Some(b"c".to_vec()));
    assert_eq!(resolved.user.client_key_data.as_deref().map(Vec::as_slice), Some(&b"k"[..]));
}

#[test]
fn choices_that_do_not_exist() {
    let merged = one("server: 'https://s'", "token: t");
    let error = |overrides: Overrides| merged.resolve(&overrides).unwrap_err().to_string();
    assert_eq!(
        error(Overrides { context: some("q"), ..Overrides::default() }),
        "context \"q\" does not exist"
    );
    assert_eq!(
        error(Overrides { cluster: some("q"), ..Overrides::default() }),
        "cluster \"q\" does not exist"
    );
    assert_eq!(
        error(Overrides { user: some("q"), ..Overrides::default() }),
        "auth info \"q\" does not exist"
    );
    let dangling = self::merged(&[("/k", "current-context: q\nusers: [{name: u}]")]);
    assert_eq!(
        resolve(&dangling).unwrap_err().to_string(),
        "context was not found for specified context: q"
    );
    let overrides =
        Overrides { context: some(""), cluster: some(""), user: some(""), ..Overrides::default() };
    assert!(merged.resolve(&overrides).is_ok(), "empty flags are none");
}

#[test]
fn a_missing_user_is_no_error_and_a_missing_cluster_is() {
    let text = "clusters: [{name: c, cluster: {server: 'https://s'}}]\ncontexts:\n\
                - {name: a, context: {cluster: c, user: nobody}}\n- {name: b, context: {cluster: nowhere}}\n";
    let merged = merged(&[("/k", text)]);
    let with = |context: &str, default_server: Option<String>| {
        merged.resolve(&Overrides {
            context: some(context),
            default_server,
            ..Overrides::default()
        })
    };
    let resolved = with("a", None).unwrap();
    assert_eq!((resolved.user_name.as_str(), resolved.user.token.is_none()), ("nobody", true));
    let error = with("b", None).unwrap_err();
    assert_eq!(error, ResolveError::NoCluster { context: some("b"), cluster: some("nowhere") });
    assert_eq!(
        with("b", some("http://localhost:8080")).unwrap().cluster.server,
        "http://localhost:8080"
    );
}

#[test]
fn nothing_at_all() {
    let error = resolve(&merged(&[("/k", "")])).unwrap_err();
    assert_eq!(error, ResolveError::Empty);
    assert!(error.may_be_in_cluster());
    let server = Overrides { server: some("https://s"), ..Overrides::default() };
    assert_eq!(merged(&[]).resolve(&server).unwrap().cluster.server, "https://s");
    assert_eq!(complaint("", ""), "invalid configuration: no server found for cluster \"c\"");
}

#[test]
fn contradictions_in_the_words_of_kubectl() {
    let https = "server: 'https://s'";
    let cases = [
        (
            "client-certificate: c, client-certificate-data: Yw==, client-key: k",
            "client-cert-data and client-cert are both specified for u. client-cert-data will override.",
        ),
        (
            "client-certificate: c, client-key: k, client-key-data: aw==",
            "client-key-data and client-key are both specified for u; client-key-data will override",
        ),
        (
            "client-certificate: c",
            "client-key-data or client-key must be specified for u to use the clientCert authentication method.",
        ),
        (
            "token: t, username: nick",
            "more than one authentication method found for u; found [token basicAuth], only one is allowed",
        ),
        (
            "as-groups: [g]",
            "requesting uid, groups or user-extra for u without impersonating a user",
        ),
        (
            "exec: {command: c, apiVersion: client.authentication.k8s.io/v1beta1}, auth-provider: {name: p}",
            "authProvider cannot be provided in combination with an exec plugin for u",
        ),
        (
            "exec: {command: c, apiVersion: client.authentication.k8s.io/v1}",
            "interactiveMode must be specified for u to use exec authentication plugin",
        ),
    ];
    for (user, problem) in cases {
        assert_eq!(complaint(https, user), format!("invalid configuration: {problem}"));
    }
    assert_eq!(
        complaint(
            "server: 'https://s', certificate-authority: c, certificate-authority-data: Yw==",
            ""
        ),
        "invalid configuration: certificate-authority-data and certificate-authority are both specified for c. \
         certificate-authority-data will override."
    );
    assert_eq!(
        complaint(
            "server: 'https://s', certificate-authority: c, insecure-skip-tls-verify: true",
            ""
        ),
        "specifying a root certificates file with the insecure flag is not allowed"
    );
    assert_eq!(
        complaint(
            "server: 'https://s', proxy-url: 'ftp://p'",
            "client-certificate: c, token: t, password: p"
        ),
        "invalid configuration: [client-key-data or client-key must be specified for u to use the clientCert \
         authentication method., more than one authentication method found for u; found [token basicAuth], only \
         one is allowed, invalid 'proxy-url' for cluster \"c\": unsupported scheme \"ftp\", must be http, https, \
         or socks5]"
    );
    assert!(
        resolve(&one(https, "client-key: k, client-key-data: aw==")).is_ok(),
        "checked with a certificate only"
    );
}

#[test]
fn what_is_not_used_is_left_out() {
    let exec =
        "exec: {command: c, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}";
    let user = |server: &str, user: &str| {
        let cluster =
            format!("server: '{server}', certificate-authority-data: Y2E=, tls-server-name: sni");
        resolve(&one(&cluster, user)).unwrap()
    };
    assert!(user("https://s", exec).user.exec.is_some());
    assert!(user("https://s", &format!("{exec}, token: t")).user.exec.is_none());
    assert!(user("https://s", &format!("{exec}, tokenFile: t")).user.exec.is_none());
    assert!(
        user("https://s", &format!("{exec}, client-certificate: c, client-key: k"))
            .user
            .exec
            .is_none()
    );
    assert!(user("https://s", &format!("{exec}, client-key: k")).user.exec.is_some());
    assert_eq!(user("https://s", "client-key: k").user.client_key, None);
    let both = user("https://s", "token: t, client-certificate: c, client-key: k").user;
    assert!(
        both.token.is_some() && both.client_key.is_some(),
        "the server prefers the certificate"
    );
    for (written, meant) in [("http://s", "http://s"), ("s:6443", "http://s:6443")] {
        let plain = user(written, "token: t, client-certificate: c, client-key: k, as: root");
        assert_eq!(plain.cluster.server, meant);
        assert_eq!(plain.cluster.certificate_authority_data, None);
        assert!(plain.user.token.is_none() && plain.user.client_key.is_none());
        assert_eq!(plain.user.impersonate, some("root"));
    }
}

#[test]
fn flags() {
    let merged = one(
        "server: 'https://s', certificate-authority-data: Y2E=, tls-server-name: sni",
        "client-certificate-data: Yw==, client-key-data: aw==, tokenFile: t",
    );
    let with = |overrides: Overrides| merged.resolve(&overrides).unwrap();
    let server = with(Overrides { server: some("https://other"), ..Overrides::default() });
    assert_eq!(server.cluster.server, "https://other");
    assert_eq!(server.cluster.tls_server_name, None);
    assert!(server.cluster.certificate_authority_data.is_some());
    let name = some("m");
    let named = with(Overrides {
        server: some("https://o"),
        tls_server_name: name,
        ..Overrides::default()
    });
    assert_eq!(named.cluster.tls_server_name, some("m"));
    let insecure = with(Overrides { insecure_skip_tls_verify: Some(true), ..Overrides::default() });
    assert!(insecure.cluster.insecure_skip_tls_verify);
    assert_eq!(insecure.cluster.certificate_authority_data, None);
    let unset = with(Overrides { insecure_skip_tls_verify: Some(false), ..Overrides::default() });
    assert!(unset.cluster.certificate_authority_data.is_some());
    let authority =
        with(Overrides { certificate_authority: Some("/ca".into()), ..Overrides::default() });
    assert_eq!(authority.cluster.certificate_authority, Some("/ca".into()));
    assert_eq!(authority.cluster.certificate_authority_data, None);
    let files = Overrides {
        client_certificate: Some("/c".into()),
        client_key: Some("/k".into()),
        token: Some(Zeroizing::new("t".into())),
        namespace: some("other"),
        as_user: some("root"),
        as_groups: vec!["g".into()],
        ..Overrides::default()
    };
    let resolved = with(files);
    assert_eq!(resolved.user.client_certificate, Some("/c".into()));
    assert_eq!(resolved.user.client_certificate_data, None);
    assert_eq!(resolved.user.client_key, Some("/k".into()));
    assert!(resolved.user.token.is_some() && resolved.user.token_file.is_some());
    assert_eq!(resolved.namespace, some("other"));
    assert_eq!(resolved.user.impersonate_groups, ["g"]);
}

/// Long base64 values are left out of the text while its structure is found.
#[test]
fn long_values_come_back_wherever_they_stand() {
    let long = "QUJD".repeat(100);
    let read = |body: &str, key: &str| {
        let text = format!("users:\n- name: u\n  user:\n{body}\n- name: v\n  user: {{}}\n");
        let after =
            edit::apply(&text, &[Edit::Remove { kind: Kind::User, name: "v".into() }]).unwrap();
        assert_eq!(after, text.replace("- name: v\n  user: {}\n", ""));
        let merged = merged(&[("/f", &text)]);
        merged.entry(Kind::User, "u").unwrap().value()[key].as_str().unwrap().to_owned()
    };
    for (body, expected) in [
        (format!("    token: {long}"), long.clone()),
        (format!("    token: {long}="), format!("{long}=")),
        (format!("    token: \"{long}\""), long.clone()),
        (format!("    {{ \"a\": 1,\n    \"token\": \"{long}\",\n    }}"), long.clone()),
        (format!("    token: {long}\n      more"), format!("{long} more")),
        (format!("    token: {long} # comment"), long.clone()),
        (format!("    token: |\n      x: {long}"), format!("x: {long}\n")),
        (format!("    token: \"a\n      x: {long}\""), format!("a x: {long}")),
        (format!("    token: {long}\n    x: shortened-base64-0"), long.clone()),
    ] {
        assert_eq!(read(&body, "token"), expected, "{body}");
    }
    let twice = format!("users:\n- name: u\n  user:\n    token: {long}\n    token: short\n");
    let merged = merged(&[("/f", &twice)]);
    assert_eq!(merged.entry(Kind::User, "u").unwrap().value()["token"], "short");
}
