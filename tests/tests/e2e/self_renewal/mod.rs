//! Certificates that renew themselves: what clients get, and when.

pub(crate) mod crashes;
pub(crate) mod inspecting;
pub(crate) mod refusing;
pub(crate) mod renewing;
pub(crate) mod switching;
pub(crate) mod telling;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::trial::{Outcome, Person, Trial, plugin};

const V1: &str = "client.authentication.k8s.io/v1";

/// What they must be allowed.
static REQUESTER: LazyLock<Value> = LazyLock::new(|| {
    json!([{ "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"],
             "verbs": ["create", "get", "list", "watch"] }])
});

/// Somebody whose certificate renews itself.
struct Holder {
    person: Person,
    user: String,
    context: String,
    /// The cluster of their kubeconfig.
    cluster: Value,
}

/// Makes a key and a certificate of the cluster's CA whose validity has begun and ends as it is told.
const ISSUE: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
user, lived, left = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ca = x509.load_pem_x509_certificate(open("ca.pem", "rb").read())
ca_key = ser.load_pem_private_key(open("ca.key", "rb").read(), None)
key = ec.generate_private_key(ec.SECP256R1())
now = datetime.datetime.now(datetime.timezone.utc)
name = [x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, g)]) for g in ("dev", "ops")]
name.append(x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, user)]))
certificate = (x509.CertificateBuilder().subject_name(x509.Name(name)).issuer_name(ca.subject)
    .public_key(key.public_key()).serial_number(x509.random_serial_number())
    .not_valid_before(now - datetime.timedelta(seconds=lived))
    .not_valid_after(now + datetime.timedelta(seconds=left))
    .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    .sign(ca_key, hashes.SHA256()))
open("aged.crt", "wb").write(certificate.public_bytes(ser.Encoding.PEM))
open("aged.key", "wb").write(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
"#;

impl Holder {
    /// With a certificate that was issued so many seconds ago and ends in so many; `None` on a server
    /// whose CA is not known here.
    fn aged(trial: &Trial, base: &str, lived: i64, left: i64) -> Option<Self> {
        let holder = Self::aged_in_kubeconfig(trial, base, lived, left)?;
        holder.person.run(&["renew", "--auto"]).ok().prints(&["renews itself"]);
        Some(holder)
    }

    /// The same, as long as it does not renew itself.
    fn aged_in_kubeconfig(trial: &Trial, base: &str, lived: i64, left: i64) -> Option<Self> {
        let holder = Self::without_rights(trial, base, lived, left)?;
        trial.grant(&holder.user, REQUESTER.clone());
        Some(holder)
    }

    /// The same, as long as they may not ask for another.
    fn without_rights(trial: &Trial, base: &str, lived: i64, left: i64) -> Option<Self> {
        let user = trial.user(base);
        let person = trial.newcomer();
        std::fs::create_dir_all(person.home.join(".kube")).expect("a directory");
        issue(trial, &person, &user, lived, left)?;
        let admin = trial.admin();
        let view = admin.kubectl(&["config", "view", "--raw", "-o", "json"]).ok().json();
        let mut config = json!({ "apiVersion": "v1", "kind": "Config", "current-context": user });
        config["clusters"] = json!([view["clusters"][0]]);
        let cluster = &view["clusters"][0]["name"];
        config["contexts"] =
            json!([{ "name": user, "context": { "cluster": cluster, "user": user } }]);
        person.write(".kube/config", &config.to_string());
        let pair = ["--client-certificate=aged.crt", "--client-key=aged.key", "--embed-certs"];
        let set = ["config", "set-credentials", &user];
        person.kubectl(&[&set[..], &pair].concat()).ok();
        let cluster = view["clusters"][0]["cluster"].clone();
        Some(Self { person, context: user.clone(), user, cluster })
    }

    /// Their requests in the cluster that `keep` wants, by name.
    fn requests(&self, admin: &Person, keep: impl Fn(&Value) -> bool) -> Vec<String> {
        let all = admin.run(&["list", "--all", "-o", "json"]).ok().json();
        let all = all["items"].as_array().expect("items").iter();
        let mine = all.filter(|item| item["user"] == self.user.as_str() && keep(item));
        mine.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Waits for a request of theirs and does this with it.
    fn when_asked(&self, admin: &Person, decide: &[&str]) {
        for _ in 0..200 {
            let pending = self.requests(admin, |item| item["state"] == "Pending");
            if let [name] = pending.as_slice() {
                admin.run(&[decide, &[name]].concat()).ok();
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("{} never asked", self.user);
    }

    /// Runs kubectl while an admin does this with the request that comes of it.
    fn whoami_while(&self, admin: &Person, decide: &[&str]) -> Outcome {
        std::thread::scope(|scope| {
            let run = scope.spawn(|| self.person.kubectl(&["auth", "whoami", "-o", "json"]));
            self.when_asked(admin, decide);
            run.join().expect("kubectl ends")
        })
    }

    /// Takes up a renewal that was approved after the client had gone on, on a slow machine.
    fn collect(&self, before: &Value) {
        if self.stored() == *before {
            self.person.run(&["renew"]).ok();
        }
        assert_ne!(self.stored()["certificate"], before["certificate"]);
    }

    /// The folder of their store.
    fn store(&self) -> PathBuf {
        let all = self.person.home.join(".local/state/kubectl-usercert/credentials");
        let mut found = std::fs::read_dir(all).expect("stores").flatten();
        let store = found.next().expect("a store").path();
        assert!(found.next().is_none(), "one store");
        store
    }

    fn stored(&self) -> Value {
        let text = std::fs::read(self.store().join("credential.json")).expect("a credential");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The certificate that clients use, wherever it is kept. kubectl is not asked: it may run the program.
    fn certificate(&self) -> String {
        let config = self.person.read(".kube/config");
        let embedded = config.lines().find(|line| line.contains("client-certificate-data:"));
        embedded.map_or_else(|| self.stored()["certificate"].to_string(), str::to_owned)
    }

    /// What a client gets that connects to this cluster, or does not say to which.
    fn answer(&self, cluster: Option<&Value>, more: &[&str]) -> Outcome {
        let id = self.store().file_name().expect("a name").to_string_lossy().into_owned();
        let args = [&["credential", "--store", &id][..], more].concat();
        match cluster {
            None => self.person.run(&args),
            Some(cluster) => {
                let info = json!({ "apiVersion": V1, "kind": "ExecCredential",
                                   "spec": { "interactive": false, "cluster": cluster } });
                self.person.run_env(&args, &[("KUBERNETES_EXEC_INFO", &info.to_string())])
            }
        }
    }
}

/// Puts `aged.crt` and `aged.key` into somebody's home; `None` where the CA is not known.
fn issue(trial: &Trial, person: &Person, user: &str, lived: i64, left: i64) -> Option<()> {
    let Some((ca, key)) = trial.backend.client_ca() else {
        eprintln!("SKIPPED: nobody has the CA's key of this cluster");
        return None;
    };
    issue_by((&ca, &key), person, user, lived, left);
    Some(())
}

/// The same by a CA's certificate and key.
pub(crate) fn issue_by(
    (ca, key): (&str, &str),
    person: &Person,
    user: &str,
    lived: i64,
    left: i64,
) {
    person.write("ca.pem", ca);
    person.write("ca.key", key);
    person.write("issue.py", ISSUE);
    let args = ["issue.py", user, &lived.to_string(), &left.to_string()];
    person.tool("python3", &args).ok();
    std::fs::remove_file(person.home.join("ca.key")).expect("the key goes");
}

/// The plugin under the name that krew gives it.
fn krew_link(person: &Person) -> PathBuf {
    let bin = person.home.join(".krew/bin");
    std::fs::create_dir_all(&bin).expect("a directory");
    let link = bin.join("kubectl-usercert");
    std::os::unix::fs::symlink(std::fs::canonicalize(plugin()).expect("a path"), &link)
        .expect("a link");
    link
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}
