//! What a terminal gets to see: thousands of hostile strings through the fields that others fill, on
//! pseudo-terminals of 80 and 120 columns. Nothing on it may be a control character that is not ours, and
//! tables stay in line. How wide a character is, Python's Unicode tables say.

use std::collections::BTreeSet;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;

use crate::cases;
use crate::pty;
use crate::trial::{Person, Trial, plugin};

cases!(names_in_a_kubeconfig, names_in_certificates, names_in_requests, words_of_a_server);

/// Pieces of strings that paint, hide, turn around, or measure otherwise than they look.
const PIECES: &[&str] = &[
    "alice",
    "dev",
    " ",
    "   ",
    "          ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{8}",
    "\u{7f}",
    "\u{1b}[2J",
    "\u{1b}[1A",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[31m",
    "\u{9b}31m",
    "\u{85}",
    "\u{0}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{ad}",
    "\u{61c}",
    "\u{e0041}",
    "\u{fdd0}",
    "\u{2028}",
    "\u{3164}",
    "\u{115f}",
    "\u{301}",
    "\u{fe0f}",
    "漢字",
    "ｆｕｌｌ",
    "한글",
    "🦀",
    "👩‍👩‍👧",
    "é",
    "ß",
    "אב",
    "عر",
    "ไทย",
    "REFUSED",
    "No objections found.",
    "User         bob",
    "|",
    "---",
    "\\n",
    "\"",
    "'",
    "$(id)",
    "`id`",
    "%s",
    "{{",
    "a=b,c",
    "system:masters",
    "…",
    "\u{1d159}",
];

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("a small number") % most
    }

    /// A hostile string with none of the characters that the place for it cannot hold.
    fn string(&mut self, without: &[char]) -> String {
        let mut text = String::new();
        for _ in 0..1 + self.below(5) {
            text.push_str(PIECES[self.below(PIECES.len())]);
            if self.below(40) == 0 {
                text.push_str(&"x".repeat(300));
            }
        }
        text.retain(|c| !without.contains(&c));
        format!("{text}{}", self.below(1_000_000))
    }
}

/// What a terminal of so many columns shows of the plugin.
fn shown(person: &Person, args: &[&str], columns: u16) -> String {
    let mut command = person.command(plugin(), args);
    command.env("TERM", "xterm-256color");
    pty::screen(command, columns)
}

/// The text without our own colors, all of which are well-formed.
fn plain(args: &[&str], text: &str) -> String {
    let mut rest = text.to_owned();
    while let Some(at) = rest.find("\u{1b}[") {
        let code = rest[at + 2..].find(|c: char| !c.is_ascii_digit() && c != ';');
        let end = at + 2 + code.expect("a color");
        assert!(rest[end..].starts_with('m'), "{args:?}: {:?}", &rest[at..end + 1]);
        rest.replace_range(at..=end, "");
    }
    rest
}

/// Nothing but text, line ends and our own colors and progress.
fn is_harmless(args: &[&str], text: &str) {
    let rest = plain(args, &text.replace("\r\n", "\n").replace("\r\u{1b}[K", ""));
    let hidden = |c: &char| {
        let code = u32::from(*c);
        *c != '\n' && c.is_control()
            || matches!(code, 0xad | 0x61c | 0x115f | 0x1160 | 0x180e | 0x3164 | 0xfeff | 0xffa0)
            || matches!(code, 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfdd0..=0xfdef)
            || matches!(code, 0xe0000..=0xe0fff | 0x1d159 | 0x1d173..=0x1d17a)
    };
    let found: BTreeSet<char> = rest.chars().filter(hidden).collect();
    let line = rest.lines().find(|line| line.chars().any(|c| hidden(&c)));
    assert!(found.is_empty(), "{args:?} shows {found:?} in {line:?}");
}

/// Every column of the table that begins with this word has three blanks before it in every row.
fn is_aligned(person: &Person, first: &str, text: &str) {
    const SCRIPT: &str = r#"
import re, sys, unicodedata
lines = sys.stdin.read().replace("\r\n", "\n").split("\n")
def cells(line):
    out = []
    for c in line:
        width = 0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1
        if unicodedata.east_asian_width(c) in "WF": width = 2
        out += [c] * width
    return out
head = next(i for i, line in enumerate(lines) if line.startswith(sys.argv[1] + "   "))
starts = [m.start() for m in re.finditer(r"(?<=   )\S", lines[head])]
rows = 0
for line in lines[head + 1:]:
    if not line: break
    rows += 1
    row = cells(line)
    for start in starts:
        if "".join(row[start - 3:start]).strip(" "):
            sys.exit("column at %d of %r" % (start, line))
print(rows)
"#;
    // Of a line that was written over, only the last text counts.
    let last = |line: &str| line.rsplit("\r\u{1b}[K").next().unwrap_or_default().to_owned();
    let lines: Vec<String> = text.split('\n').map(last).collect();
    person.write("screen", &plain(&[], &lines.join("\n")));
    let script = format!("python3 -c '{}' {first} < screen", SCRIPT.replace('\'', "'\\''"));
    let rows = person.tool("sh", &["-c", &script]).ok().stdout;
    assert!(rows.trim().parse::<usize>().is_ok_and(|rows| rows > 1), "{rows} rows in\n{text}");
}

fn names_in_a_kubeconfig(trial: &Trial) {
    let mut random = Random(1);
    let mut name = || random.string(&[]);
    let names: Vec<[String; 4]> = (0..1000).map(|_| [(); 4].map(|()| name())).collect();
    let list = |key: &str, of: &dyn Fn(&[String; 4]) -> (String, serde_json::Value)| {
        let entries = names.iter().map(|n| {
            let (name, body) = of(n);
            json!({ "name": name, key: body })
        });
        entries.collect::<Vec<_>>()
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": names[0][0],
        "contexts": list("context", &|[context, cluster, user, namespace]| {
            (context.clone(), json!({ "cluster": cluster, "user": user, "namespace": namespace }))
        }),
        "clusters": list("cluster", &|[_, cluster, _, other]| {
            (cluster.clone(), json!({ "server": format!("https://{other}") }))
        }),
        "users": list("user", &|[_, _, user, other]| {
            (user.clone(), json!({ "token": "t", "as": other }))
        }),
    });
    // YAML takes these characters only where they are escaped.
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{feff}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    let config: String = config.to_string().chars().map(escaped).collect();
    let person = trial.with_kubeconfig(&config);
    for columns in [80, 120] {
        for args in [&["contexts"][..], &["contexts", "-o", "wide"]] {
            let text = shown(&person, args, columns);
            is_harmless(args, &text);
            is_aligned(&person, "CURRENT", &text);
        }
        for args in [&["inspect", ".kube/config"][..], &["verify"], &["contexts", "--prune"]] {
            is_harmless(args, &shown(&person, args, columns));
        }
    }
    for args in [&["contexts", "-o", "json"][..], &["contexts", "-o", "yaml"]] {
        is_harmless(args, &shown(&person, args, 80));
    }
    for [context, _, _, _] in names.iter().take(12).filter(|[c, ..]| !c.contains('\0')) {
        let args = ["verify", "--", context.as_str()];
        is_harmless(&args, &shown(&person, &args, 80));
        let args = ["list", "--context", "nowhere", "-n", context.as_str()];
        is_harmless(&args, &shown(&person, &args, 80));
    }
}

/// A key for all.
fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(random: &mut Random) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, random.string(&[]));
    params.distinguished_name.push(DnType::OrganizationName, random.string(&[]));
    params.distinguished_name.push(DnType::OrganizationalUnitName, random.string(&[]));
    params
}

fn names_in_certificates(trial: &Trial) {
    let mut random = Random(2);
    let person = trial.newcomer();
    let key = key();
    let folder = person.home.join("certificates");
    std::fs::create_dir(&folder).expect("a folder");
    let mut some = Vec::new();
    for number in 0..500 {
        let certificate = params(&mut random).self_signed(&key).expect("a certificate");
        let mut name = random.string(&['/', '\0']);
        while name.len() > 200 {
            name.pop();
        }
        let file = folder.join(format!("{name}{number}"));
        std::fs::write(&file, certificate.pem()).expect("a file");
        some.push(file.to_str().expect("text").to_owned());
    }
    for columns in [80, 120] {
        for args in [&["inspect", "certificates"][..], &["inspect", "certificates", "-o", "wide"]] {
            let text = shown(&person, args, columns);
            is_harmless(args, &text);
            is_aligned(&person, "FILE", &text);
        }
    }
    let args = ["inspect", "certificates", "-o", "json"];
    is_harmless(&args, &shown(&person, &args, 80));
    for file in some.iter().take(12) {
        for args in [&["inspect", file][..], &["inspect", "--text", file], &["inspect", file, "x"]]
        {
            is_harmless(args, &shown(&person, args, 80));
        }
    }
}

fn names_in_requests(trial: &Trial) {
    let mut random = Random(3);
    let admin = trial.admin();
    let key = key();
    let mark = trial.user("hostile");
    let mut names = Vec::new();
    let mut items = Vec::new();
    let mut pems = String::new();
    for number in 0..100 {
        let request = params(&mut random).serialize_request(&key).expect("a request");
        let pem = request.pem().expect("PEM");
        let mut name = random.string(&['/', '%', '\0']);
        name.truncate(name.char_indices().nth(60).map_or(name.len(), |(at, _)| at));
        let name = format!("{name}{number}{mark}");
        pems.push_str(&pem);
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
        items.push(json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": { "name": name, "labels": { "hostile": mark },
                          "annotations": { "a": random.string(&[]) } },
            "spec": { "request": encoded, "signerName": "kubernetes.io/kube-apiserver-client",
                      "usages": ["client auth"] },
        }));
        names.push(name);
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    admin.write("list.json", &list.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "list.json"]).ok();
    admin.write("requests.pem", &pems);
    let selector = format!("hostile={mark}");
    for columns in [80, 120] {
        for args in [&["list"][..], &["list", "-o", "wide"]] {
            let text = shown(&admin, args, columns);
            is_harmless(args, &text);
            is_aligned(&admin, "NAME", &text);
        }
        for args in [
            &["review", "--from", "requests.pem"][..],
            &["review", "--from", "requests.pem", "-o", "wide"],
            &["inspect", "requests.pem"],
            &["inspect", "list.json"],
            &["approve", "--selector", &selector, "--dry-run", "--yes"],
            &["list", "-o", "json"],
        ] {
            is_harmless(args, &shown(&admin, args, columns));
        }
    }
    for name in names.iter().take(8) {
        for args in [
            &["review", "--", name][..],
            &["approve", "--dry-run", "--yes", "--", name],
            &["install", "--timeout", "0", "--", name],
            &["deny", "--dry-run", "--", name],
            &["access", "--", name],
        ] {
            is_harmless(args, &shown(&admin, args, 80));
        }
    }
    admin.kubectl(&["delete", "csr", "-l", &selector]).ok();
}

/// What a server says in its errors, echoing what it was asked.
fn words_of_a_server(trial: &Trial) {
    let mut random = Random(4);
    let admin = trial.admin();
    for _ in 0..15 {
        let text = random.string(&['\0']);
        for args in [
            &["review", "--", &text][..],
            &["access", "--", &text],
            &["token", "--standalone", "t.conf", "-n", &text, "--", "robot"],
            &["grant", "--clusterrole", &text, "--yes", "--", "someone"],
            &["request", "--dry-run", "--signer", &text, "--", "someone"],
            &["list", "--token", &text],
            &["list", "--server", &text],
        ] {
            is_harmless(args, &shown(&admin, args, 80));
        }
    }
    assert!(!Path::new(&admin.home).join("t.conf").exists());
}
