//! What install does to a kubeconfig, and what it leaves alone.

use serde_json::Value;

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    everything_else_stays,
    several_files,
    none_that_leads_anywhere,
    a_slash_at_the_end_of_the_address,
    written_by_powershell,
    collisions_and_replace,
    use_and_namespace,
    standalone,
    foreign_lock,
    read_only,
    modes_and_links,
    broken_file_is_left_alone,
    contexts_and_prune,
);

fn approved(trial: &Trial, person: &Person, base: &str) -> String {
    let user = trial.user(base);
    person.run(&["request", &user, "-g", "dev"]).ok();
    person.run(&["approve", &user, "--yes"]).ok();
    user
}

fn everything_else_stays(trial: &Trial) {
    let admin = trial.admin();
    let json = admin.read(".kube/config");
    let view = admin.kubectl(&["config", "view", "--raw", "-o", "yaml"]).ok().stdout;
    let styles = [
        json,
        format!("# my clusters\n{view}\n# the end\n"),
        view.replace("kind: Config", "kind: Config # kind\nx-unknown: {a: 1}"),
        view.replace('\n', "\r\n"),
    ];
    for text in styles {
        let person = trial.with_kubeconfig(&text);
        let user = approved(trial, &person, "stays");
        person.run(&["install", &user]).ok();
        let after = person.read(".kube/config");
        // Every old byte is still there, in order.
        let mut bytes = after.bytes();
        assert!(text.bytes().all(|b| bytes.any(|a| a == b)), "before:\n{text}\nafter:\n{after}");
        assert_eq!(person.whoami(&person.context_of(&user)).0, user);
        assert_eq!(after.contains('\r'), text.contains('\r'));
    }
}

fn several_files(trial: &Trial) {
    let person = trial.admin();
    let user = approved(trial, &person, "several");
    person.write("second", "# second\napiVersion: v1\nkind: Config\n");
    let main = person.read(".kube/config");
    let list = format!("{0}/missing:{0}/.kube/config:{0}/second", person.home.display());
    person.run_env(&["install", &user], &[("KUBECONFIG", &list)]).ok();
    assert_ne!(person.read(".kube/config"), main, "the first file that exists takes new entries");
    assert_eq!(person.read("second"), "# second\napiVersion: v1\nkind: Config\n");
    assert!(!person.has("missing"));
    assert_eq!(person.whoami(&person.context_of(&user)).0, user);
}

fn none_that_leads_anywhere(trial: &Trial) {
    let person = trial.admin();
    let list = |files: &str| person.run_env(&["list"], &[("KUBECONFIG", files)]).exits(1);
    list("mistyped.conf").says(&["no configuration", "mistyped.conf does not exist", "--offline"]);
    let contexts = |list: &str, more: &[&str]| {
        let arguments = [&["contexts"], more].concat();
        person.run_env(&arguments, &[("KUBECONFIG", list)])
    };
    for more in [&[][..], &["--expires-within", "90d"], &["--prune", "--yes"], &["-o", "json"]] {
        contexts("one.conf:two.conf", more).exits(1).says(&["each of one.conf, two.conf does not"]);
    }
    // Who has no kubeconfig yet has no contexts; but an alarm that looks at nothing is no alarm.
    let nobody = trial.newcomer();
    let without =
        |more: &[&str]| nobody.run_env(&[&["contexts"], more].concat(), &[("KUBECONFIG", "")]);
    without(&[]).ok().says(&["No contexts found."]);
    without(&["--expires-within", "90d"]).exits(1).says(&["config does not exist"]);
    list("one.conf:two.conf").says(&["each of one.conf, two.conf does not exist"]);
    person.write("empty.conf", "apiVersion: v1\nkind: Config\n");
    list("empty.conf").says(&["empty.conf configures no cluster"]);
    let lost = "contexts: [{name: here, context: {cluster: gone}}]\ncurrent-context: here\n";
    person.write("lost.conf", lost);
    list("lost.conf").says(&["the context here names the cluster gone, which does not exist"]);
}

/// It is the same server, so the request that was submitted to it is taken up.
fn a_slash_at_the_end_of_the_address(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("slash"));
    admin.run(&["request", &user]).ok();
    let view = admin.kubectl(&["config", "view", "-o", "json"]).ok().json();
    let cluster = &view["clusters"][0];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (name, server) = (text(&cluster["name"]), text(&cluster["cluster"]["server"]));
    admin.kubectl(&["config", "set-cluster", &name, &format!("--server={server}/")]).ok();
    admin.run(&["request", &user]).ok();
    let requests = admin.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    assert_eq!(requests.matches(&user).count(), 1, "{requests}");
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
}

fn collisions_and_replace(trial: &Trial) {
    let person = trial.admin();
    let user = approved(trial, &person, "again");
    person.run(&["install", &user]).ok();
    let context = person.context_of(&user);
    let first = person.read(".kube/config");
    // Who waits learns it before anything is asked for.
    let wait = ["request", &user, "-g", "dev", "--wait", "--timeout", "0"];
    let told = person.run(&wait).exits(1);
    told.says(&["already has a user", "nothing was requested", "--replace", "--context-name"]);
    assert!(person.pending().is_empty());
    person.run(&[&wait[..], &["--context-name", "beside"]].concat()).exits(5);
    person.run(&["request", &user, "--withdraw"]).ok();
    // A renewal by hand: another certificate for the same person on the same cluster.
    person.kubectl(&["delete", "csr", &user]).ok();
    let line = format!("kubectl usercert install --replace -- {user}");
    person.run(&["request", &user, "-g", "dev"]).ok().says(&[&line]);
    person.run(&["approve", &user, "--yes"]).ok();
    person.run(&["install", &user]).exits(1).says(&[
        "already has a user",
        "--replace",
        "--context-name",
    ]);
    assert_eq!(person.read(".kube/config"), first);
    assert_eq!(person.pending().len(), 1, "the key is kept");
    person.run(&[&wait[..], &["--replace"]].concat()).ok();
    assert_eq!(person.whoami(&context).0, user);
    // Somebody else's entry is not replaced, whatever is asked.
    let other = approved(trial, &person, "other");
    person
        .run(&["install", &other, "--replace", "--context-name", &context])
        .exits(1)
        .says(&["already has a user"]);
    person.run(&["install", &other, "--context-name", "a new name"]).ok();
    assert_eq!(person.whoami("a new name").0, other);
}

fn use_and_namespace(trial: &Trial) {
    let person = trial.admin();
    let before = person.kubectl(&["config", "current-context"]).ok().stdout;
    let user = approved(trial, &person, "use");
    person.run(&["install", &user, "-n", "team-a"]).ok();
    assert_eq!(person.kubectl(&["config", "current-context"]).ok().stdout, before);
    let context = person.context_of(&user);
    let namespace = format!("jsonpath={{.contexts[?(@.name==\"{context}\")].context.namespace}}");
    assert_eq!(person.kubectl(&["config", "view", "-o", &namespace]).ok().stdout, "team-a");
    let other = approved(trial, &person, "use2");
    person.run(&["install", &other, "--use"]).ok();
    assert_eq!(
        person.kubectl(&["config", "current-context"]).ok().stdout.trim(),
        person.context_of(&other)
    );
}

fn standalone(trial: &Trial) {
    let person = trial.admin();
    let user = approved(trial, &person, "alone");
    let before = person.read(".kube/config");
    person.run(&["install", &user, "--standalone", "own"]).ok();
    assert_eq!(person.read(".kube/config"), before);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(person.home.join("own")).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    person.kubectl(&["--kubeconfig", "own", "auth", "whoami"]).ok().prints(&[&user]);
    let second = approved(trial, &person, "alone2");
    person.run(&["install", &second, "--standalone", "own"]).exits(1).says(&["own"]);
    assert_eq!(person.pending().len(), 1, "the key is kept");
}

fn foreign_lock(trial: &Trial) {
    let person = trial.admin();
    let user = approved(trial, &person, "lock");
    person.write(".kube/config.lock", "");
    let before = person.read(".kube/config");
    person.run(&["install", &user]).exits(1).says(&["config.lock", "rm -- "]);
    assert_eq!(person.read(".kube/config"), before);
    std::fs::remove_file(person.home.join(".kube/config.lock")).expect("a file");
    person.run(&["install", &user]).ok();
    assert!(!person.has(".kube/config.lock"));
}

fn read_only(trial: &Trial) {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        // Root may write everything; files::atomic is tested for this on its own.
        return;
    }
    let person = trial.admin();
    let user = approved(trial, &person, "ro");
    let config = person.home.join(".kube/config");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o400)).expect("a mode");
    let out = person.run(&["install", &user]).exits(1);
    out.says(&["may not be written by you", "--kubeconfig FILE", "--standalone FILE"]);
    assert_eq!(person.pending().len(), 1);
    let wait = person.run(&["request", &trial.user("ro"), "--wait"]).exits(1);
    wait.says(&["may not be written by you"]);
    assert_eq!(person.pending().len(), 1, "nothing was requested");
}

fn modes_and_links(trial: &Trial) {
    use std::os::unix::fs::PermissionsExt as _;
    let person = trial.admin();
    let user = approved(trial, &person, "mode");
    let config = person.home.join(".kube/config");
    std::fs::rename(&config, person.home.join("real")).expect("a move");
    std::os::unix::fs::symlink("../real", &config).expect("a link");
    std::fs::set_permissions(person.home.join("real"), std::fs::Permissions::from_mode(0o640))
        .expect("a mode");
    person.run(&["install", &user]).ok();
    assert!(config.symlink_metadata().expect("a link").is_symlink());
    let mode = std::fs::metadata(person.home.join("real")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(person.whoami(&person.context_of(&user)).0, user);
}

fn broken_file_is_left_alone(trial: &Trial) {
    let newcomer = trial.newcomer();
    let user = trial.user("broken");
    let offline = newcomer.run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    let admin = trial.admin();
    admin.write("r", &offline);
    admin.run(&["approve", "--from", "r", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    std::fs::create_dir_all(newcomer.home.join(".kube")).expect("a directory");
    let broken = [
        ("users: [\n", "line 1"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("users:\n- {name: a}\n- {name: a}\n", "lines 2 and 3"),
    ];
    for (text, place) in broken {
        newcomer.write(".kube/config", text);
        newcomer
            .run(&["install", &user, "--reply", "reply", "--yes"])
            .exits(1)
            .says(&["config", place, "fix"]);
        assert_eq!(newcomer.read(".kube/config"), text);
        assert_eq!(newcomer.pending().len(), 1, "the key is kept");
    }
    newcomer.write(".kube/config", "");
    // A file that is named and not there is begun, as by kubectl config.
    let reply = ["install", &user, "--reply", "reply", "--yes", "--kubeconfig", "of/my/own"];
    newcomer.run(&reply).ok();
    newcomer.kubectl(&["--kubeconfig", "of/my/own", "config", "view"]).ok().prints(&[&user]);
    assert_eq!(newcomer.read(".kube/config"), "");
}

fn contexts_and_prune(trial: &Trial) {
    let person = trial.admin();
    let user = approved(trial, &person, "listed");
    person.run(&["install", &user]).ok();
    let context = person.context_of(&user);
    let table =
        person.run(&["contexts"]).ok().prints(&["CONTEXT", &context, "dev", "29d", "valid"]);
    assert!(table.stdout.lines().any(|l| l.starts_with('*')));
    let soon = person.run(&["contexts", "--expires-within", "7d"]).ok();
    soon.says(&["No context's certificate expires within that time."]);
    person.run(&["contexts", "--expires-within", "31d"]).exits(4);
    person.run(&["contexts", "--expires-within", "soon"]).exits(2).says(&["soon"]);
    let json = person.run(&["contexts", "-o", "json"]).ok().json();
    let item = json["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|i| i["user"] == user.as_str())
        .expect("an item")
        .clone();
    assert_eq!(item["state"], "valid");
    assert_eq!(item["groups"][0], "dev");
    let none = person.run(&["contexts", "--prune", "-o", "json"]).ok().says(&["Nothing to remove"]);
    assert_eq!(none.json()["removed"]["users"], serde_json::json!([]));
    // An expired certificate, a context that leads nowhere, and a file that others can read.
    person.write("old.crt", include_str!("../../../core/tests/data/expired.pem"));
    person
        .tool(
            "openssl",
            &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "old.key"],
        )
        .ok();
    person
        .kubectl(&[
            "config",
            "set-credentials",
            "old",
            "--client-certificate=old.crt",
            "--client-key=old.key",
        ])
        .ok();
    person.kubectl(&["config", "set-context", "old", "--cluster=gone", "--user=old"]).ok();
    std::fs::set_permissions(
        &person.kubeconfig,
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .expect("a mode");
    let soon = ["contexts", "--expires-within", "1h"];
    person.run(&soon).exits(4).says(&["other users can read it"]).never_shows(&context);
    let named = person.run(&[&soon[..], &["-o", "name"]].concat()).exits(4);
    assert_eq!(named.stdout, "old\n");
    let json = person.run(&[&soon[..], &["-o", "json"]].concat()).exits(4).json();
    assert_eq!(json["items"].as_array().map(Vec::len), Some(1), "{json}");
    let before = person.read(".kube/config");
    person
        .run(&["contexts", "--prune", "--dry-run"])
        .ok()
        .prints(&["user old would be removed", "context old would be removed"]);
    person.run(&["contexts", "--prune"]).exits(2).says(&["--yes"]);
    let mut terminal = person.on_terminal(&["contexts", "--prune"]);
    terminal.asked();
    terminal.answer("n").exits(3);
    assert_eq!(person.read(".kube/config"), before);
    person.run(&["contexts", "--prune", "--yes"]).ok().prints(&["user old removed"]);
    let names = person.kubectl(&["config", "get-contexts", "-o", "name"]).ok().stdout;
    assert!(!names.contains("old") && names.contains(&context));
    assert_eq!(person.whoami(&context).0, user);
}

/// UTF-16 with a byte order mark, as kubectl reads it too: read by every command, and kept when written.
fn written_by_powershell(trial: &Trial) {
    let text = trial.backend.admin_kubeconfig().replace('\n', "\r\n");
    for (order, mark) in
        [(u16::to_le_bytes as fn(u16) -> [u8; 2], [0xff, 0xfe]), (u16::to_be_bytes, [0xfe, 0xff])]
    {
        let person = trial.with_kubeconfig("");
        let write = |file: &str, text: &str| {
            let bytes: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(order).collect();
            std::fs::write(person.home.join(file), bytes).expect("a file is written");
        };
        let read = |file: &str| {
            let bytes = std::fs::read(person.home.join(file)).expect("a file");
            assert_eq!(bytes[..2], mark, "{file} is still what it was");
            let bytes = bytes.chunks(2).map(|pair| {
                let unit = [pair[0], pair[1]];
                if mark[0] == 0xff { u16::from_le_bytes(unit) } else { u16::from_be_bytes(unit) }
            });
            String::from_utf16(&bytes.collect::<Vec<_>>()).expect("UTF-16")
        };
        write(".kube/config", &text);
        let context = person.kubectl(&["config", "current-context"]).ok().stdout;
        person.run(&["contexts"]).ok().prints(&[context.trim()]);
        person.run(&["verify"]).ok();
        let user = trial.user("wide");
        person.run(&["request", &user]).ok();
        person.run(&["approve", &user, "--yes"]).ok();
        person.run(&["install", &user]).ok();
        let context = person.context_of(&user);
        assert_eq!(person.whoami(&context).0, user);
        let written = read(".kube/config");
        assert!(written.starts_with(&format!("\u{feff}{}", &text[..40])), "{written}");
        assert!(!written.replace("\r\n", "").contains('\n'), "line ends are as before");
        person.run(&["contexts", "--prune", "--yes"]).ok();

        // A reply that went through the same pipe.
        let user = trial.user("wide");
        person.run(&["request", &user]).ok();
        let sent = format!("{user}.reply");
        person.run(&["approve", &user, "--yes", "--reply", &sent]).ok();
        write("reply", &person.read(&sent));
        person.run(&["install", &user, "--reply", "reply", "--yes"]).ok();
        assert_eq!(person.whoami(&person.context_of(&user)).0, user);
        // Half a character: nothing is written.
        let mut damaged = std::fs::read(person.home.join(".kube/config")).expect("a file");
        damaged.push(0);
        std::fs::write(person.home.join(".kube/config"), &damaged).expect("a file is written");
        person.run(&["install", &user]).exits(1).says(&["neither UTF-8 nor UTF-16"]);
        assert_eq!(std::fs::read(person.home.join(".kube/config")).expect("a file"), damaged);
    }
}
