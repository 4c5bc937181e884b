//! What we write, read by other people's programs.

use crate::cases;
use crate::trial::Trial;

cases!(requests, answers, keys);

const PYTHON: &str = r#"
import sys
from cryptography import x509
from cryptography.x509.oid import NameOID
r = x509.load_pem_x509_csr(open(sys.argv[1], "rb").read())
assert r.is_signature_valid
print([a.value for a in r.subject.get_attributes_for_oid(NameOID.COMMON_NAME)])
print(sorted(a.value for a in r.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)))
print([type(e).__name__ for e in r.extensions])
"#;

fn requests(trial: &Trial) {
    let person = trial.newcomer();
    person.write("read.py", PYTHON);
    for key_type in ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"] {
        let user = trial.user(&format!("Zoë 🦀 {key_type}"));
        let args = [
            "request",
            "--offline",
            "--out-dir",
            ".",
            "--key-type",
            key_type,
            "-g",
            "dev",
            "-g",
            "Öps",
            "-g",
            "a,b",
            "--",
            &user,
        ];
        person.run(&args).ok();
        let csr = std::fs::read_dir(&person.home)
            .expect("a directory")
            .flatten()
            .map(|e| e.path())
            .find(|p| p.extension().is_some_and(|e| e == "csr"))
            .expect("a request");
        let csr = csr.to_str().expect("a path").to_owned();
        person.tool("openssl", &["req", "-verify", "-noout", "-in", &csr]).ok();
        let read = person.tool("python3", &["read.py", &csr]).ok();
        assert_eq!(read.stdout, format!("['{user}']\n['a,b', 'dev', 'Öps']\n[]\n"));
        let key = csr.replace(".csr", ".key");
        person.tool("openssl", &["pkey", "-in", &key, "-noout", "-check"]).ok();
        for extension in ["csr", "key", "yaml"] {
            std::fs::remove_file(csr.replace(".csr", &format!(".{extension}"))).expect("a file");
        }
    }
}

/// A key as it comes out of a mail or a Secret.
fn keys(trial: &Trial) {
    let person = trial.newcomer();
    let curve = ["-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "key"];
    person.tool("openssl", &[&["genpkey"], &curve[..]].concat()).ok();
    let key = person.read("key");
    let quoted: String = key.lines().map(|line| format!("> {line}\n")).collect();
    person.write("quoted", &format!("Jane wrote:\n{quoted}\nThanks!\n"));
    person.write("encoded", &person.tool("base64", &["key"]).ok().stdout);
    let public = person.tool("openssl", &["pkey", "-in", "key", "-pubout"]).ok().stdout;
    for file in ["key", "quoted", "encoded"] {
        let request = ["request", "sent", "--key", file, "--offline", "-o", "json"];
        let made = person.run(&request).ok().json();
        person.write("csr", made["csr"].as_str().expect("a request"));
        let of_request = person.tool("openssl", &["req", "-in", "csr", "-noout", "-pubkey"]).ok();
        assert_eq!(of_request.stdout, public, "{file}");
    }
    // That of somebody's mail may be known to others.
    person.run(&["inspect", "quoted"]).ok().prints(&["private key"]);
}

/// The reply and the finished kubeconfig, as kubectl and PyYAML's rules see them.
fn answers(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("y");
    let newcomer = trial.newcomer();
    let offline = newcomer
        .run(&["request", "-g", "0x1F", "-g", "yes", "--offline", "-o", "yaml", "--", &user])
        .ok();
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
            "1_000",
            "-n",
            "on",
        ])
        .ok();
    newcomer.write("reply", &admin.read("reply"));
    newcomer
        .kubectl(&["--kubeconfig", "reply", "config", "view", "-o", "jsonpath={.clusters[0].name}"])
        .ok()
        .prints(&["1_000"]);
    newcomer
        .run(&["install", "--reply", "reply", "--yes", "--context-name", "y", "--", &user])
        .ok();
    let view = newcomer.kubectl(&["config", "view", "-o", "jsonpath={.contexts[0].name} {.contexts[0].context.cluster} {.contexts[0].context.namespace}"]).ok();
    assert_eq!(view.stdout, "y 1_000 on");
    assert_eq!(newcomer.whoami("y").0, user);
}
