//! What clients are not given.

use serde_json::{Value, json};

use super::{Holder, issue};
use crate::cases;
use crate::trial::{Trial, plugin};

cases!(
    after_its_end,
    by_a_second_request,
    for_another_cluster,
    where_people_read,
    from_a_store_that_is_open,
);

/// Puts a certificate that has expired into somebody's store.
pub(super) fn make_expired(trial: &Trial, holder: &Holder) {
    issue(trial, &holder.person, &holder.user, 900, -60).expect("the CA is known");
    let mut stored = holder.stored();
    stored["certificate"] = holder.person.read("aged.crt").into();
    stored["key"] = holder.person.read("aged.key").into();
    let file = holder.store().join("credential.json");
    std::fs::write(file, stored.to_string()).expect("a file is written");
}

fn after_its_end(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "late", 60, 6000) else { return };
    make_expired(trial, &holder);
    let Holder { person, user, .. } = &holder;
    let install = format!("--context-name {user} --replace --auto-renew -- {user}");
    let says = ["expired 60s ago", "request -g dev -g ops --offline --expires 10m --", &install];
    let out = holder.answer(Some(&holder.cluster), &[]).exits(1);
    assert_eq!(out.stdout, "");
    out.says(&says[1..]);
    person.kubectl(&["get", "csr"]).exits(1).says(&says[1..]).says(&["failed with exit code 1"]);
    person.run(&["renew"]).exits(1).says(&says[1..]);
    person.run(&["verify"]).exits(1).says(&["expired"]).says(&says[1..]);
    let asked = person.run(&["request", user]).exits(1);
    asked.says(&["so the server does not accept it", "--offline"]);
    let read = person.run(&["contexts"]).ok().stdout;
    assert!(read.contains("expired") && !read.contains("renews itself"), "{read}");

    // What it says to do works.
    person.run(&["request", user, "-g", "dev", "-g", "ops", "--offline", "--out-dir", "out"]).ok();
    let admin = trial.admin();
    admin.write("request.csr", &person.read(&format!("out/{user}.csr")));
    admin.run(&["approve", "--from", "request.csr", "--reply", "reply", "--yes"]).ok();
    person.write("reply", &admin.read("reply"));
    let key = format!("out/{user}.key");
    let flags = ["--replace", "--auto-renew", "--context-name", user, "--key", &key, "--yes"];
    person.run(&[&["install", user, "--reply", "reply"][..], &flags].concat()).ok();
    assert_eq!(person.whoami(&holder.context).0, *user);
    assert_eq!(holder.requests(&admin, |_| true).len(), 1);
}

/// A service that approves renewals cannot tell it from one.
fn by_a_second_request(trial: &Trial) {
    let Some(Holder { person, user, .. }) = Holder::aged(trial, "twice", 60, 6000) else { return };
    let note = "counts it as the certificate's one renewal";
    let same = ["request", &user, "-g", "dev", "-g", "ops"];
    person.run(&same).ok().says(&[note, "kubectl usercert renew", "--offline"]);
    let other = person.run(&["request", &user, "-g", "dev"]).ok();
    assert!(!other.stderr.contains(note), "{other:?}");
}

fn for_another_cluster(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "elsewhere", 60, 6000) else { return };
    let cluster = holder.cluster.clone();
    let refused = |cluster: Option<&Value>, more: &[&str], says: &str| {
        let out = holder.answer(cluster, more).exits(1).says(&[says]);
        assert_eq!(out.stdout, "");
    };
    let with = |field: &str, value: Value| {
        let mut other = cluster.clone();
        other[field] = value;
        other
    };
    holder.answer(Some(&cluster), &[]).ok();
    refused(Some(&with("server", "https://127.0.0.1:1".into())), &[], "another server");
    refused(Some(&with("tls-server-name", "other".into())), &[], "another server");
    let unchecked = json!({ "server": cluster["server"], "insecure-skip-tls-verify": true });
    refused(Some(&unchecked), &[], "does not check");
    refused(Some(&json!({ "server": cluster["server"] })), &[], "another CA");
    let ca = holder.person.tool("base64", &["-w0", "aged.crt"]).ok().stdout;
    refused(Some(&with("certificate-authority-data", ca.into())), &[], "another CA");
    refused(None, &[], "provideClusterInfo");
    refused(Some(&Value::Null), &[], "provideClusterInfo");
    holder.answer(None, &["--allow-unknown-cluster"]).ok();
    let other = with("server", "https://127.0.0.1:1".into());
    refused(Some(&other), &["--allow-unknown-cluster"], "another server");

    // kubectl hands over what the person's kubeconfig and flags say.
    let elsewhere = ["--server", "https://127.0.0.1:1", "get", "csr"];
    holder.person.kubectl(&elsewhere).exits(1).says(&["another server"]);
    holder.person.run(&["list", "--server", "https://127.0.0.1:1"]).exits(1);
    holder
        .person
        .run(&["verify", "--server", "https://127.0.0.1:1"])
        .exits(1)
        .says(&["another server"]);
}

fn where_people_read(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "seen", 60, 6000) else { return };
    let id = holder.store().file_name().expect("a name").to_string_lossy().into_owned();
    let spawn = "import pty, sys\nsys.exit(pty.spawn(sys.argv[1:]) >> 8)\n";
    holder.person.write("spawn.py", spawn);
    let program = plugin().to_str().expect("a path");
    let args = ["spawn.py", program, "credential", "--store", &id, "--allow-unknown-cluster"];
    let out = holder.person.tool("python3", &args).exits(2);
    out.prints(&["prints a private key"]).never_shows("PRIVATE KEY-");
    for id in ["../x", "0123", "ABCDEF0123456789", "0123456789abcdef"] {
        let out = holder.person.run(&["credential", "--store", id, "--allow-unknown-cluster"]);
        assert_eq!(out.exits(1).stdout, "");
    }
}

fn from_a_store_that_is_open(trial: &Trial) {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(holder) = Holder::aged(trial, "open", 60, 6000) else { return };
    let cluster = holder.cluster.clone();
    let (store, file) = (holder.store(), holder.store().join("credential.json"));
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    for (path, open, closed) in [(&file, 0o644, 0o600), (&store, 0o750, 0o700)] {
        set(path, open);
        let out = holder.answer(Some(&cluster), &[]).exits(1);
        assert_eq!(out.says(&["accessible to other users"]).stdout, "");
        set(path, closed);
    }
    let real = holder.person.home.join("real.json");
    std::fs::rename(&file, &real).expect("a move");
    std::os::unix::fs::symlink(&real, &file).expect("a link");
    holder
        .answer(Some(&cluster), &[])
        .exits(1)
        .says(&["is not a file or directory of the expected kind"]);
    std::fs::remove_file(&file).expect("the link goes");
    std::fs::rename(&real, &file).expect("a move");
    holder.answer(Some(&cluster), &[]).ok();
    std::fs::write(&file, "{").expect("a file");
    holder.answer(Some(&cluster), &[]).exits(1).says(&["is damaged"]);
}
