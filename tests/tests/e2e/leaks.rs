//! Where private keys go: every byte that the program writes on the whole road is looked through, by
//! strace, for its keys in any encoding. They may only be in the files that are made to hold them, which
//! nobody else can read at any moment.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial, plugin, traces};

cases!(keys_go_only_where_they_belong);

const ROAD: &[&[&str]] = &[
    &["request", "alice", "-g", "dev"],
    &["request", "alice", "-g", "dev"],
    &["review", "alice"],
    &["approve", "alice", "--yes"],
    &["install", "alice", "--timeout", "60s"],
    &["verify", "alice@sandbox"],
    &["renew", "alice@sandbox", "--timeout", "0"],
    &["request", "bob", "--offline", "-o", "yaml"],
    &["request", "carol", "--offline", "--out-dir", "carol"],
    &["review", "--from", "carol/carol.yaml"],
    &["approve", "--from", "carol/carol.yaml", "--yes", "--reply", "carol.reply"],
    &["install", "carol", "--reply", "carol.reply", "--key", "carol/carol.key"],
    &["create", "dave", "--yes", "--standalone", "dave.conf"],
    &["onboard", "people.csv", "--yes", "--standalone-dir", "out"],
    &["ca", "init", "--name", "people"],
    &["ca", "sign", "erin", "--new-key", "erin.key", "--out", "erin.crt", "--yes"],
    &["contexts"],
    &["contexts", "-o", "json"],
    &["inspect", "--text", "."],
    &["inspect", "-o", "json", "."],
    &["verify", "nowhere"],
    &["install", "nobody"],
];

/// What of private keys must not be seen, by the name of the encoding.
type Forms = Vec<(&'static str, Vec<u8>)>;

fn keys_go_only_where_they_belong(trial: &Trial) {
    if !traces() {
        return;
    }
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    let config = admin.home.join(".kube/config");
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).expect("a mode");
    std::fs::create_dir(admin.home.join("out")).expect("a folder");
    admin.write("people.csv", "name,groups\nfrida,dev\ngina,dev\n");
    // Logs lie elsewhere, since they hold keys.
    let logs = tempfile::tempdir().expect("a folder");
    let mut said = Vec::new();
    let mut keys = BTreeMap::new();
    for (number, args) in ROAD.iter().enumerate() {
        let log = logs.path().join(number.to_string());
        let out = traced(&admin, &log, &[], args);
        said.push((args.join(" "), [out.stdout, out.stderr].concat()));
        find_keys(&admin.home, &mut keys);
    }
    // Killed at one write after the other.
    for when in 1..16 {
        let log = logs.path().join(format!("killed{when}"));
        let inject = format!("inject=write,rename,renameat2,linkat:signal=KILL:when={when}");
        let conf = format!("killed{when}.conf");
        let name = format!("killed{when}");
        let create = ["create", &name, "--yes", "--standalone", &conf];
        let out = traced(&admin, &log, &["-e", &inject], &create);
        said.push((create.join(" "), [out.stdout, out.stderr].concat()));
        find_keys(&admin.home, &mut keys);
    }
    assert!(keys.len() >= 9, "{} keys were made", keys.len());
    let forms: Forms = keys.values().flat_map(|key: &Vec<u8>| forms(key)).collect();
    let holds = |bytes: &[u8]| {
        let found = forms.iter().find(|(_, form)| bytes.windows(form.len()).any(|w| w == form));
        found.map(|(encoding, _)| *encoding)
    };
    for (args, text) in &said {
        assert_eq!(holds(text), None, "{args} shows a key");
    }
    for entry in sandbox.log() {
        assert_eq!(holds(entry.path.as_bytes()), None, "{} {}", entry.method, entry.path);
    }
    let objects = admin.kubectl(&["get", "csr,secrets,configmaps", "-A", "-o", "json"]).stdout;
    assert_eq!(holds(objects.as_bytes()), None, "an object holds a key");
    let mut written = 0;
    for entry in std::fs::read_dir(logs.path()).expect("logs").flatten() {
        let log = std::fs::read_to_string(entry.path()).expect("a log");
        written += judge(&admin, &log, &holds);
    }
    let mut found = 0;
    for file in files(&admin.home) {
        let text = std::fs::read(&file).expect("a file");
        // Kubeconfigs hold base64 of PEM, which is among the forms.
        if holds(&text).is_some() {
            found += 1;
            assert!(is_for_keys(&file), "{} holds a key", file.display());
            let mode = file.metadata().expect("a file").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is open", file.display());
        }
    }
    eprintln!(
        "leaks: {} commands, {} keys, {written} writes of keys, {found} files with keys, all as they should be",
        ROAD.len() + 15,
        keys.len()
    );
    assert!(written >= keys.len() && found >= 7, "{written} writes, {found} files");
}

/// Runs the plugin under strace, which writes all that it writes into a log.
fn traced(admin: &Person, log: &Path, more: &[&str], args: &[&str]) -> std::process::Output {
    let log = log.to_str().expect("text");
    let calls = "trace=openat,write,writev,pwrite64,sendto,sendmsg,execve,rename,renameat2,linkat";
    let strace = ["-qq", "-f", "-y", "-xx", "-s", "65536", "-o", log, "-e", calls];
    let plugin = [plugin().to_str().expect("text")];
    let all = [&strace[..], more, &plugin, args].concat();
    let mut command = admin.command(Path::new("strace"), &all);
    command.stdin(Stdio::null()).output().expect("strace runs")
}

/// How many writes hold a key; each must go to a file for keys, made for its owner only.
fn judge(admin: &Person, log: &str, holds: &dyn Fn(&[u8]) -> Option<&'static str>) -> usize {
    let mut modes = BTreeMap::new();
    let mut written = 0;
    for line in log.lines() {
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let strings = strings(call);
        if call.starts_with("openat(") && call.contains("O_CREAT") {
            // Behind the flags stands the mode; the result is the file with its path.
            let mode = call.rsplit_once(", 0").and_then(|(_, rest)| rest.split(')').next());
            let path = call.rsplit_once('<').and_then(|(_, rest)| rest.split('>').next());
            if let (Some(mode), Some(path)) = (mode, path) {
                modes.insert(unescaped(path), mode.to_owned());
            }
            continue;
        }
        let Some(encoding) = strings.iter().find_map(|bytes| holds(bytes)) else { continue };
        written += 1;
        let start = call.split(',').next().unwrap_or_default();
        let path = start.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
        let path = unescaped(path.map_or("", |(path, _)| path));
        let inside = Path::new(&path).starts_with(&admin.home);
        assert!(inside && is_for_keys(Path::new(&path)), "{encoding} of a key goes to {path}");
        let mode = modes.get(&path).map_or("", String::as_str);
        assert_eq!(mode, "600", "{path} is made with this mode");
    }
    written
}

/// Whether a file is one that is made to hold a key, or becomes one.
fn is_for_keys(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let of_a_journal = name.ends_with(".jsonl");
    let known = ["config", "key.pem"].contains(&name.as_str()) || of_a_journal;
    let temporary = name.starts_with(".kubectl-usercert-") && name.ends_with(".tmp");
    known
        || temporary
        || [".key", ".conf"].iter().any(|end| name.ends_with(end))
        || file.parent().is_some_and(|folder| folder.ends_with("out"))
}

/// What stands between quotation marks, where each byte is written as `\x41`.
fn strings(call: &str) -> Vec<Vec<u8>> {
    call.split('"').skip(1).step_by(2).map(bytes_of).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let parts = text.split("\\x").skip(1);
    parts.filter_map(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()).collect()
}

/// A path, which strace may write as it does strings.
fn unescaped(path: &str) -> String {
    match path.contains("\\x") {
        true => String::from_utf8_lossy(&bytes_of(path)).into_owned(),
        false => path.to_owned(),
    }
}

/// The private numbers of all P-256 keys below a folder, by themselves.
fn find_keys(folder: &Path, keys: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
    for file in files(folder) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let data = text.split("client-key-data").skip(1);
        let data = data.filter_map(|rest| {
            let word = rest.trim_start_matches(['"', ':', ' ']);
            let end = word.find(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c));
            STANDARD.decode(&word[..end.unwrap_or(word.len())]).ok()
        });
        let embedded = data.map(|pem| String::from_utf8_lossy(&pem).into_owned());
        // A journal holds PEM in JSON.
        for pem in embedded.chain([text.clone(), text.replace("\\n", "\n")]) {
            for block in pem.split("-----BEGIN PRIVATE KEY-----").skip(1) {
                let body = block.split("-----END").next().unwrap_or_default();
                let der = STANDARD.decode(body.split_whitespace().collect::<String>());
                let Ok(der) = der else { continue };
                let at = der.windows(5).position(|w| w == [2, 1, 1, 4, 32]);
                if let Some(number) = at.and_then(|at| der.get(at + 5..at + 37)) {
                    keys.insert(number.to_vec(), der);
                }
            }
        }
    }
}

/// A key as it might be written somewhere.
fn forms(der: &[u8]) -> Forms {
    let at = der.windows(5).position(|w| w == [2, 1, 1, 4, 32]).expect("a key") + 5;
    let number = &der[at..at + 32];
    let hex: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    // Its middle in PEM, that is in one line there.
    let line: Vec<u8> = STANDARD.encode(der).into_bytes()[64..90].to_vec();
    let mut forms = vec![
        ("raw bytes", number.to_vec()),
        ("hexadecimal", hex.clone().into_bytes()),
        ("hexadecimal", hex.to_uppercase().into_bytes()),
        ("PEM", line.clone()),
    ];
    for before in 0..3 {
        for (encoding, bytes) in [("base64", number), ("base64 of PEM", &line)] {
            let padded = [&vec![0; before][..], bytes].concat();
            for text in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                // Without what depends on the bytes beside it.
                let text = text.trim_end_matches('=');
                forms.push((encoding, text.as_bytes()[4..text.len() - 4].to_vec()));
            }
        }
    }
    forms
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}
