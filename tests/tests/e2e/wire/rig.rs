//! Every command with every fault of the server or of the way to it.
//!
//! Judged are the exit code, the message, the time by the command's own limits, the memory, and what is
//! left behind. `docs/reliability.md` is written from what happened:
//! `USERCERT_WRITE_DOCS=1 cargo test --workspace --test e2e -- sandbox::wire::rig`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use usercert_sandbox::{Sandbox, SandboxOptions};

use super::faults::{Ends, FAULTS, Made, Wrong};
use super::proxy::Proxy;
use crate::cases;
use crate::self_renewal::issue_by;
use crate::trial::{Outcome, Person, Trial, plugin};

cases!(every_command_with_every_fault);

/// What a command does when nothing is wrong: its name, its exit code and its arguments.
type Usual = (&'static str, i32, &'static [&'static str]);

const COMMANDS: &[Usual] = &[
    ("list", 0, &["list"]),
    ("review", 0, &["review", "waiting"]),
    ("request", 0, &["request", "newcomer"]),
    ("approve", 0, &["approve", "waiting", "--yes"]),
    ("deny", 0, &["deny", "unwanted"]),
    ("certificates --prune", 0, &["certificates", "--prune"]),
    ("install", 0, &["install", "issued"]),
    ("install --reply", 0, &["install", "away", "--reply", "reply.yaml", "--yes"]),
    ("verify", 0, &["verify"]),
    ("renew", 5, &["renew", "mine@sandbox", "--timeout", "0"]),
    ("create", 0, &["create", "eve", "--yes", "--standalone", "eve.conf"]),
    ("onboard", 0, &["onboard", "people.csv", "--yes", "--standalone-dir", "out"]),
    ("grant", 0, &["grant", "frank", "--clusterrole", "view", "-n", "default", "--yes"]),
    ("access", 0, &["access", "dave"]),
    ("revoke", 0, &["revoke", "dave", "--yes"]),
    ("token", 0, &["token", "robot", "-n", "default", "--standalone", "robot.conf"]),
    ("doctor", 0, &["doctor"]),
    ("ca serve --once", 0, &["ca", "serve", "--signer", "example.com/people", "--once"]),
    ("revocations install", 0, &["revocations", "install", "--yes"]),
    ("revocations prune", 0, &["revocations", "prune", "--yes"]),
    ("revocations list", 0, &["revocations", "list"]),
    (CREDENTIAL, 0, &["credential", "--allow-unknown-cluster", "--store"]),
];
/// It has limits of its own, and answers clients with what it has.
const CREDENTIAL: &str = "credential";

/// What every command did with one fault.
struct Seen {
    /// Exit codes, as the commands stand.
    codes: Vec<i32>,
    /// What `list` said.
    message: String,
    problems: Vec<String>,
}

fn every_command_with_every_fault(trial: &Trial) {
    let next = Mutex::new(0..FAULTS.len());
    let seen = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().expect("no panic").next() else { return };
                    let result = with_fault(trial, &FAULTS[at]);
                    seen.lock().expect("no panic").insert(at, result);
                }
            });
        }
    });
    let seen: Vec<Seen> = seen.into_inner().expect("no panic").into_values().collect();
    assert_eq!(seen.len(), FAULTS.len(), "every fault was tried");
    let problems: Vec<&str> = seen.iter().flat_map(|s| &s.problems).map(String::as_str).collect();
    let tried = COMMANDS.len() * FAULTS.len();
    eprintln!(
        "faults: {} commands × {} faults, {} of {tried} as they should be",
        COMMANDS.len(),
        FAULTS.len(),
        tried - problems.len(),
    );
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    let page = page(&seen);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
    if std::env::var_os("USERCERT_WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("the page is written");
    }
    let written = std::fs::read_to_string(&file).expect("docs/reliability.md");
    assert!(
        written == page,
        "docs/reliability.md is not what happened; write it with USERCERT_WRITE_DOCS=1:\n{page}"
    );
}

fn with_fault(trial: &Trial, wrong: &Wrong) -> Seen {
    let mut options = SandboxOptions::default();
    if let Made::Setup(set) = wrong.made {
        set(&mut options);
    }
    let sandbox = Sandbox::start(options).expect("the sandbox starts");
    let admin = prepared(trial, &sandbox);
    let server = sandbox.url().to_owned();
    let mut proxy = None;
    let sandbox = match wrong.made {
        Made::NoSuchHost => {
            let (there, nowhere) = (server.as_str(), "https://nowhere.invalid:6443");
            for file in [".kube/config", "reply.yaml", &stored(&admin)] {
                admin.write(file, &admin.read(file).replace(there, nowhere));
            }
            Some(sandbox)
        }
        Made::Proxy(scheme) => {
            let (started, url) = Proxy::start(scheme);
            admin.kubectl(&["config", "set", "clusters.sandbox.proxy-url", &url]).ok();
            admin.run(&["renew", "--auto", "due"]).ok();
            proxy = Some(started);
            Some(sandbox)
        }
        Made::At(part, fault) => {
            sandbox.fail_at(part, fault);
            Some(sandbox)
        }
        Made::Reused => {
            sandbox.close_reused();
            Some(sandbox)
        }
        Made::Down => {
            drop(sandbox);
            None
        }
        _ => Some(sandbox),
    };
    let mut seen = Seen { codes: Vec::new(), message: String::new(), problems: Vec::new() };
    for (name, usual, args) in COMMANDS {
        match (&wrong.made, &sandbox) {
            (Made::Busy, Some(sandbox)) => sandbox.be_busy(2, 0),
            (Made::Expiring, Some(sandbox)) => sandbox.expire_credentials(1),
            (Made::Dropped, Some(sandbox)) => sandbox.drop_connections(1),
            _ => {}
        }
        let before = files(&admin.home);
        let out = match *name {
            CREDENTIAL => {
                let store = stored(&admin);
                let store = Path::new(&store).parent().and_then(Path::file_name);
                let id = store.expect("a store").to_string_lossy();
                bounded(&admin, &[*args, &[id.as_ref()]].concat())
            }
            _ => bounded(&admin, &[*args, &["--request-timeout", wrong.time]].concat()),
        };
        let judged = match *name {
            CREDENTIAL => answered(&out),
            _ => judged(&out, *usual, wrong),
        };
        let problem = judged.or_else(|| {
            // A new entry, of which it says that the server could not be asked.
            if out.code == 0 && is_unverified(&out) || *name == CREDENTIAL {
                return None;
            }
            let half = half_written(&before, &files(&admin.home), wrong);
            half.map(|file| format!("it left {} behind", file.display()))
        });
        if let Some(problem) = problem {
            seen.problems.push(format!("{}: {name}: {problem}\n{out:?}", wrong.words));
        }
        if *name == "list" && out.code != 0 {
            let said = out.stderr.lines().next().unwrap_or_default();
            let said = said.replace(&server, "https://SERVER");
            // What the system says of names differs.
            seen.message = match said.split_once("failed to lookup") {
                Some((before, _)) => format!("{before}failed to lookup …"),
                None => said,
            };
        }
        seen.codes.push(out.code);
    }
    if let Some(proxy) = proxy {
        let used = proxy.used.load(Ordering::Relaxed);
        if used < COMMANDS.len() / 2 {
            seen.problems.push(format!("{}: only {used} connections used it", wrong.words));
        }
    }
    seen
}

/// An admin on whose server there is something for every command.
fn prepared(trial: &Trial, sandbox: &Sandbox) -> Person {
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    for user in ["waiting", "unwanted", "issued", "mine"] {
        admin.run(&["request", user]).ok();
    }
    for user in ["issued", "mine"] {
        admin.run(&["approve", user, "--yes"]).ok();
    }
    admin.run(&["install", "mine"]).ok();
    admin.kubectl(&["wait", "--for=jsonpath={.status.certificate}", "csr/issued"]).ok();
    admin.run(&["grant", "dave", "--clusterrole", "view", "-n", "default", "--yes"]).ok();
    admin.kubectl(&["create", "serviceaccount", "robot", "-n", "default"]).ok();
    let binding = ["create", "clusterrolebinding", "mine", "--clusterrole", "cluster-admin"];
    admin.kubectl(&[&binding[..], &["--user", "mine"]].concat()).ok();
    let ca = (sandbox.client_ca_pem(), sandbox.client_ca_key_pem());
    issue_by((ca.0, &ca.1), &admin, "due", 2000, 280);
    let pair = ["--client-certificate=aged.crt", "--client-key=aged.key", "--embed-certs"];
    admin.kubectl(&[&["config", "set-credentials", "due"][..], &pair].concat()).ok();
    admin.kubectl(&["config", "set-context", "due", "--cluster=sandbox", "--user=due"]).ok();
    let binding = ["create", "clusterrolebinding", "due", "--clusterrole", "cluster-admin"];
    admin.kubectl(&[&binding[..], &["--user", "due"]].concat()).ok();
    admin.run(&["renew", "--auto", "due"]).ok();
    admin.run(&["ca", "init", "--name", "people"]).ok();
    admin.write("r.yaml", &admin.run(&["request", "away", "--offline", "-o", "yaml"]).ok().stdout);
    admin.run(&["approve", "--from", "r.yaml", "--yes", "--reply", "reply.yaml"]).ok();
    admin.write("people.csv", "name\nfrida\ngina\n");
    std::fs::create_dir(admin.home.join("out")).expect("a folder");
    admin
}

/// Runs the plugin with half a gigabyte of memory, and stops it after a minute: it has to end by itself.
fn bounded(admin: &Person, args: &[&str]) -> Outcome {
    let script = "ulimit -v 524288; exec timeout 60 \"$0\" \"$@\"";
    let plugin = plugin().to_str().expect("a path");
    let all = [&["-c", script, plugin][..], args].concat();
    admin.tool("sh", &all)
}

/// Whether an installation from a reply says that nobody has seen the certificate accepted.
fn is_unverified(out: &Outcome) -> bool {
    out.stderr.contains("server   not verified: ") && out.stdout.contains("away@sandbox")
}

/// The store of a certificate whose renewal is due, below somebody's home.
fn stored(admin: &Person) -> String {
    let all = ".local/state/kubectl-usercert/credentials";
    let mut stores = std::fs::read_dir(admin.home.join(all)).expect("stores").flatten();
    let store = stores.next().expect("a store").file_name().to_string_lossy().into_owned();
    format!("{all}/{store}/credential.json")
}

/// What is wrong with what a client was given whose certificate is due: it has to be the old one, and a
/// word why.
fn answered(out: &Outcome) -> Option<String> {
    let why = ["could not be renewed", "waits for an admin"].iter().any(|w| out.stderr.contains(w));
    let whole = out.stdout.contains("clientKeyData") && out.stdout.ends_with("}}\n");
    let good = out.code == 0 && whole && why && !out.stderr.contains("panicked");
    (!good).then(|| "the client was not given the old certificate, and why".to_owned())
}

/// What is wrong with how a command ended.
fn judged(out: &Outcome, usual: i32, wrong: &Wrong) -> Option<String> {
    let said = format!("{}{}", out.stdout, out.stderr);
    if let Some(word) =
        ["panicked", "stack backtrace", "RUST_BACKTRACE"].iter().find(|w| said.contains(**w))
    {
        return Some(format!("it says {word}"));
    }
    match out.code {
        124 => Some("it did not end by itself".to_owned()),
        code if wrong.ends == Ends::AsEver => {
            (code != usual).then(|| format!("exit code {code} instead of {usual}"))
        }
        code if wrong.ends == Ends::Either && code == usual => None,
        0 if is_unverified(out) => None,
        code @ 1..=5 => {
            let silent = out.stderr.trim().is_empty();
            silent.then(|| format!("exit code {code} without a word"))
        }
        code => Some(format!("exit code {code}")),
    }
}

/// All files below a folder, and what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), std::fs::read(entry.path()).unwrap_or_default());
        }
    }
    found
}

/// A file that a failed command should not have made or changed: kept are keys with their requests, whole,
/// and what `onboard` notes of how far it has come.
fn half_written(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
    wrong: &Wrong,
) -> Option<PathBuf> {
    let is_whole = |file: &Path| {
        let folder = file.parent().unwrap_or(file);
        folder.join("key.pem").exists() == folder.join("request.json").exists()
    };
    let mut changed = after.iter().filter(|(path, text)| before.get(*path) != Some(text));
    let bad = changed.find(|(path, text)| {
        let kept = path.components().any(|c| c.as_os_str() == "kubectl-usercert");
        let temporary = path.file_name().is_some_and(|n| n.to_string_lossy().contains("tmp"));
        let expected = wrong.ends != Ends::Failing || kept && is_whole(path);
        temporary || text.is_empty() && !kept || !expected
    });
    bad.map(|(path, _)| path.clone())
}

fn page(seen: &[Seen]) -> String {
    let mut page = "# Reliability\n\n\
        What the commands do if the server or the connection to it is faulty. Tests write this page: they run every command\n\
        below with every fault, with at most half a gigabyte of memory and one minute of time\n\
        (`tests/tests/e2e/wire/rig.rs`):\n\n\
        ```console\n\
        $ USERCERT_WRITE_DOCS=1 cargo test --workspace --test e2e -- sandbox::wire::rig\n\
        ```\n\n\
        No command panics, hangs, or leaves a file half written, and a kubeconfig is changed only if everything went well.\n\
        If the server cannot be reached, `install --reply` still writes its new entry, and says that it is not verified.\n\
        In these tests, a renewal is due for `credential`, which kubectl runs for a certificate that renews itself: it answers\n\
        with its current certificate within 10 seconds, and says why that was not renewed.\n\n"
        .to_owned();
    let names: Vec<String> = COMMANDS.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let _ = writeln!(page, "{} commands: {}.\n", names.len(), names.join(", "));
    page.push_str("| fault | commands | what `list` says |\n|---|---|---|\n");
    for (wrong, seen) in FAULTS.iter().zip(seen) {
        let ends = if wrong.ends == Ends::AsEver {
            "work normally".to_owned()
        } else {
            let mut by_code: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
            for ((name, ..), code) in COMMANDS.iter().zip(&seen.codes) {
                by_code.entry(*code).or_default().push(*name);
            }
            let most = by_code.iter().max_by_key(|(_, names)| names.len()).map(|(code, _)| *code);
            let rest = by_code.iter().filter(|(code, _)| Some(**code) != most);
            let code = |code: i32| match code {
                0 => "work normally".to_owned(),
                code => format!("exit code {code}"),
            };
            let rest = rest.map(|(ends, names)| format!("; {}: {}", names.join(", "), code(*ends)));
            format!("{}{}", code(most.unwrap_or_default()), rest.collect::<String>())
        };
        let message = seen.message.replace('|', "\\|");
        let message = if message.is_empty() { String::new() } else { format!("`{message}`") };
        let _ = writeln!(page, "| {} | {ends} | {message} |", wrong.words);
    }
    page
}
