//! Files that a static pod manifest, a kubelet configuration or a kubeconfig names, and whether they
//! are fit for what they are named for.
//!
//! Sources: `cmd/kubeadm/app/phases/controlplane/manifests.go`, `cmd/kubeadm/app/phases/etcd/local.go`,
//! `kubelet/config/v1beta1/types.go` (fields of KubeletConfiguration).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{Artifact, Description, FoundArtifact, profile};
use crate::encoding::yaml;
use crate::text::show_short;

/// Most files that one input may name.
const MOST: usize = 200;
/// How deep objects may nest.
const DEPTH: u8 = 32;

/// What a file is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The certificate of a server.
    Server,
    /// The certificate of a client.
    Client,
    /// CA certificates.
    Authority,
    /// A private key.
    PrivateKey,
    /// The public key that tokens are verified with; a private key or a certificate does too.
    PublicKey,
    /// A kubeconfig.
    Kubeconfig,
}

/// A file that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its path on the machine that the input is for, mostly Linux, whatever system reads it here; not
    /// absolute only in a kubeconfig.
    pub path: String,
    /// The flag or field that names it, safe to show.
    pub by: String,
    /// What for.
    pub purpose: Purpose,
    /// The same for a certificate and the key that is named with it.
    pub pair: String,
}

/// Fields of a kubeconfig and of a kubelet's configuration.
const FIELDS: [(&str, Purpose); 6] = [
    ("certificate-authority", Purpose::Authority),
    ("client-certificate", Purpose::Client),
    ("client-key", Purpose::PrivateKey),
    ("tlsCertFile", Purpose::Server),
    ("tlsPrivateKeyFile", Purpose::PrivateKey),
    ("clientCAFile", Purpose::Authority),
];

/// The files that `input` names, in order, each once for each flag.
pub fn named_files(input: &[u8]) -> Vec<Named> {
    // What can name nothing is not read as YAML once more.
    let may_name = |text: &&str| {
        text.contains("apiVersion")
            && (text.contains("containers") || FIELDS.iter().any(|(field, _)| text.contains(field)))
    };
    let text = std::str::from_utf8(input).ok().filter(may_name);
    let mut named = Vec::new();
    for value in text.and_then(|t| yaml::parse_all(t).ok()).unwrap_or_default() {
        walk(&value, DEPTH, &mut named);
    }
    named
}

fn walk(value: &Value, depth: u8, named: &mut Vec<Named>) {
    if depth == 0 || named.len() >= MOST {
        return;
    }
    if let Some(containers) = value.get("containers").and_then(Value::as_array) {
        let more = value.get("initContainers").and_then(Value::as_array);
        let mounted = host_paths(value);
        for container in containers.iter().chain(more.into_iter().flatten()) {
            flags(container, &mounted, named);
        }
        return;
    }
    match value {
        Value::Object(map) => {
            let place = named.len();
            for (field, purpose) in FIELDS {
                let path = map.get(field).and_then(Value::as_str).unwrap_or_default();
                let embedded = map.get(&format!("{field}-data")).and_then(Value::as_str);
                if !path.is_empty() && embedded.is_none_or(str::is_empty) {
                    let pair = pair(place, field);
                    named.push(Named {
                        path: path.to_owned(),
                        by: field.to_owned(),
                        purpose,
                        pair,
                    });
                }
            }
            map.values().for_each(|v| walk(v, depth - 1, named));
        }
        Value::Array(list) => list.iter().for_each(|v| walk(v, depth - 1, named)),
        _ => {}
    }
}

/// Where the host has what volumes hold, by the volume's name.
fn host_paths(pod: &Value) -> BTreeMap<&str, &str> {
    let volumes = pod.get("volumes").and_then(Value::as_array).into_iter().flatten();
    volumes
        .filter_map(|v| Some((v.get("name")?.as_str()?, v.pointer("/hostPath/path")?.as_str()?)))
        .collect()
}

/// What a container's flags name, as paths of the host.
fn flags(container: &Value, mounted: &BTreeMap<&str, &str>, named: &mut Vec<Named>) {
    let texts = |field: &str| container.get(field).and_then(Value::as_array).into_iter().flatten();
    let words: Vec<&str> =
        texts("command").chain(texts("args")).filter_map(Value::as_str).collect();
    let place = named.len();
    let mut told = BTreeSet::new();
    for (i, word) in words.iter().enumerate() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (flag, path) = match flag.split_once('=') {
            Some(parts) => parts,
            None => (flag, words.get(i + 1).copied().unwrap_or_default()),
        };
        let Some(purpose) = purpose(flag).filter(|_| path.starts_with('/')) else { continue };
        if named.len() < MOST && told.insert((flag, path)) {
            let by = format!("--{}", show_short(flag, 60));
            let pair = pair(place, flag);
            named.push(Named { path: on_host(path, container, mounted), by, purpose, pair });
        }
    }
}

/// What names of flags or fields for a certificate and for its key have in common; `place` tells those
/// of one program or entry from others.
fn pair(place: usize, name: &str) -> String {
    const ENDS: [&str; 9] = [
        "CertFile",
        "PrivateKeyFile",
        "private-key-file",
        "certificate",
        "cert-file",
        "certfile",
        "key-file",
        "keyfile",
        "key",
    ];
    let stem = ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    format!("{place} {stem}")
}

fn on_host(path: &str, container: &Value, mounted: &BTreeMap<&str, &str>) -> String {
    let mounts = container.get("volumeMounts").and_then(Value::as_array).into_iter().flatten();
    let mapped = mounts.filter_map(|mount| {
        let host = mounted.get(mount.get("name")?.as_str()?)?.trim_end_matches('/');
        let at = mount.get("mountPath")?.as_str()?.trim_end_matches('/');
        let rest = path.strip_prefix(at)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (at.len(), format!("{host}{rest}")))
    });
    mapped.max_by_key(|(length, _)| *length).map_or_else(|| path.to_owned(), |(_, mapped)| mapped)
}

/// What a flag of Kubernetes' and etcd's programs names a file for.
fn purpose(flag: &str) -> Option<Purpose> {
    let ends = |words: &[&str]| words.iter().any(|w| flag.ends_with(w));
    Some(match flag {
        "service-account-key-file" => Purpose::PublicKey,
        "etcd-certfile" | "kubelet-client-certificate" | "proxy-client-cert-file" => {
            Purpose::Client
        }
        _ if ends(&["kubeconfig"]) => Purpose::Kubeconfig,
        _ if ends(&["ca-file", "cafile", "certificate-authority"]) => Purpose::Authority,
        _ if ends(&["key-file", "keyfile", "client-key"]) => Purpose::PrivateKey,
        _ if flag.starts_with("cluster-signing") && ends(&["cert-file"]) => Purpose::Authority,
        _ if ends(&["cert-file"]) => Purpose::Server,
        _ => return None,
    })
}

/// Where on this system a named file may be, what is nearest first: below a folder around the file that
/// names it, as in a copy of a node's `/etc`; inside of `root`, if one was given; and as it is named.
pub fn candidates(named: &str, by: &Path, root: Option<&Path>) -> Vec<PathBuf> {
    let folder = by.parent().unwrap_or(Path::new(""));
    let own = Path::new(named);
    if !named.starts_with('/') {
        // Joining leaves alone what is absolute here, as in a kubeconfig of this system.
        return vec![folder.join(own)];
    }
    let parts: Vec<&str> = named.split('/').filter(|p| !matches!(*p, "" | "." | "..")).collect();
    // What would be no name here, such as a drive, must not lead out of a folder.
    let is_name = |part: &&str| {
        let mut parts = Path::new(part).components();
        matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
    };
    if !parts.iter().all(is_name) {
        return vec![own.to_owned()];
    }
    let below: PathBuf = parts.iter().collect();
    let around = folder.ancestors().filter(|a| a.parent().is_some() || !a.has_root());
    let mut all: Vec<PathBuf> = around.map(|a| a.join(&below)).collect();
    if let Some(root) = root {
        let tails = (1..parts.len()).map(|skipped| parts[skipped..].iter().collect::<PathBuf>());
        all.extend(tails.map(|tail| root.join(tail)));
    }
    all.push(own.to_owned());
    all
}

/// Says which flags name this thing, and whether it is fit for them. `all` is what its file holds,
/// `by` what named that: the naming file, and how.
pub fn check(
    item: &mut Description,
    found: &FoundArtifact,
    all: &[FoundArtifact],
    by: &[(String, Named)],
) {
    if by.is_empty() {
        return;
    }
    let shown: Vec<String> = by.iter().map(|(file, n)| format!("{file} {}", n.by)).collect();
    item.set("namedBy", shown);
    let certificate = all.iter().any(|f| f.certificate().is_some());
    let private_key = all.iter().any(|f| f.private_key().is_some());
    for (file, named) in by {
        let wrong = match (named.purpose, &found.thing) {
            (Purpose::Server, Artifact::Certificate(c)) if !profile::allows_server_auth(c) => {
                "its usages lack server auth, so that clients refuse it"
            }
            (Purpose::Client, Artifact::Certificate(c)) if !c.allows_client_auth() => {
                "its usages lack client auth, so that servers refuse it"
            }
            (Purpose::Authority, Artifact::Certificate(c)) if !c.may_be_authority() => {
                "it is not a CA, so no chain leads to it"
            }
            (Purpose::Server | Purpose::Client | Purpose::Authority, _) if !certificate => {
                "it is not a certificate"
            }
            (Purpose::PrivateKey, _) if !private_key => "it is not a private key",
            _ => continue,
        };
        item.problem("unfit", format!("{} of {file} names it, but {wrong}", named.by));
    }
}

/// The item for a file that is named and not there, or a directory.
pub fn missing(file: &str, named: &Named, is_directory: bool) -> Description {
    let what = if is_directory { "it is a directory" } else { "it does not exist" };
    useless("missing file", "missing", file, named, what)
}

/// The item for a file that is named and holds nothing known.
pub fn nothing_known(file: &str, named: &Named) -> Description {
    useless("file", "unfit", file, named, "it contains nothing known")
}

fn useless(what: &str, code: &'static str, file: &str, named: &Named, why: &str) -> Description {
    let mut item = Description::new(what);
    item.set("namedBy", vec![format!("{file} {}", named.by)]);
    item.problem(code, format!("{} of {file} names it, but {why}", named.by));
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::PrivateKey;
    use crate::inspect::testing::{self, certificate, found, usages};

    const POD: &str = r"
apiVersion: v1
kind: Pod
spec:
  containers:
  - command: [kube-apiserver, --tls-cert-file=/etc/kubernetes/pki/apiserver.crt, --etcd-certfile=/pki/client.crt]
    args: [--tls-private-key-file, /etc/kubernetes/pki/apiserver.key, --v=2, --client-ca-file=ca.crt,
      --service-account-key-file=/etc/kubernetes/pki/sa.pub, --kubeconfig=/etc/kubernetes/x.conf,
      --cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt, --authorization-mode=Node]
    volumeMounts: [{name: v, mountPath: /pki}, {name: v, mountPath: /p}]
  volumes: [{name: v, hostPath: {path: /srv/pki}}]
";

    #[test]
    fn flags_of_a_static_pod() {
        let named: Vec<String> = named_files(POD.as_bytes())
            .iter()
            .map(|n| format!("{} {} {:?}", n.by, n.path, n.purpose))
            .collect();
        assert_eq!(
            named,
            [
                "--tls-cert-file /etc/kubernetes/pki/apiserver.crt Server",
                "--etcd-certfile /srv/pki/client.crt Client",
                "--tls-private-key-file /etc/kubernetes/pki/apiserver.key PrivateKey",
                "--service-account-key-file /etc/kubernetes/pki/sa.pub PublicKey",
                "--kubeconfig /etc/kubernetes/x.conf Kubeconfig",
                "--cluster-signing-cert-file /etc/kubernetes/pki/ca.crt Authority",
            ]
        );
    }

    #[test]
    fn fields_of_kubeconfigs_and_of_the_kubelet() {
        let kubeconfig = "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {client-certificate: a.crt, client-key: /b, client-key-data: eA==}\n";
        let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication: {x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}\n";
        let by = |text: &str| -> Vec<String> {
            named_files(text.as_bytes()).into_iter().map(|n| n.by).collect()
        };
        assert_eq!(by(kubeconfig), ["client-certificate"]);
        assert_eq!(by(kubelet), ["clientCAFile"]);
    }

    #[test]
    fn copies_of_a_node_are_looked_into_first() {
        let shown = |named: &str, by: &str, root: Option<&str>| -> Vec<String> {
            let shown = |p: &PathBuf| p.display().to_string().replace('\\', "/");
            candidates(named, Path::new(by), root.map(Path::new)).iter().map(shown).collect()
        };
        assert_eq!(shown("a.crt", "/x/kubeconfig", None), ["/x/a.crt"]);
        assert_eq!(
            shown("/etc/k/pki/a.crt", "/b/etc/k/m.yaml", Some("/b/etc/k")),
            [
                "/b/etc/k/etc/k/pki/a.crt",
                "/b/etc/etc/k/pki/a.crt",
                "/b/etc/k/pki/a.crt",
                "/b/etc/k/k/pki/a.crt",
                "/b/etc/k/pki/a.crt",
                "/b/etc/k/a.crt",
                "/etc/k/pki/a.crt",
            ]
        );
    }

    #[cfg(windows)]
    #[test]
    fn a_node_that_was_copied_to_windows() {
        let shown =
            |named: &str, by: &str| -> Vec<PathBuf> { candidates(named, Path::new(by), None) };
        let there = shown("/etc/k/pki/a.crt", r"C:\copy\etc\k\m.yaml");
        assert!(there.contains(&PathBuf::from(r"C:\copy\etc\k\pki\a.crt")), "{there:?}");
        assert!(!there.contains(&PathBuf::from(r"C:\etc\k\pki\a.crt")), "outside: {there:?}");
        assert_eq!(shown(r"D:\a.crt", r"C:\kube\config"), [PathBuf::from(r"D:\a.crt")]);
        assert_eq!(shown("pki/a.crt", r"C:\kube\config"), [PathBuf::from(r"C:\kube\pki\a.crt")]);
        for outside in ["/etc/C:/a.crt", r"/etc/..\..\a.crt"] {
            assert_eq!(shown(outside, r"C:\copy\m.yaml"), [PathBuf::from(outside)]);
        }
    }

    #[test]
    fn what_is_not_fit_for_its_flag_is_told() {
        let codes = |purpose, allowed: &[&str], and_key| -> Vec<&'static str> {
            let mut leaf = certificate("x", &[]);
            leaf.extended_key_usages = usages(allowed);
            let found = found(Artifact::Certificate(Box::new(leaf)));
            let mut item = Description::new("certificate");
            let named =
                Named { path: "x".into(), by: "--f".to_owned(), purpose, pair: String::new() };
            let pkcs8 = zeroize::Zeroizing::new(vec![1]);
            let kind = Ok(crate::x509::key::KeyKind::P256);
            let key = testing::found(Artifact::PrivateKey(PrivateKey { pkcs8, kind }));
            let all = if and_key { vec![found, key] } else { vec![found] };
            check(&mut item, &all[0], &all, &[("m".to_owned(), named)]);
            item.findings.iter().map(|f| f.code).collect()
        };
        assert_eq!(codes(Purpose::Server, &["client auth"], false), ["unfit"]);
        assert_eq!(codes(Purpose::Client, &["server auth"], false), ["unfit"]);
        assert_eq!(codes(Purpose::Authority, &["server auth"], false), ["unfit"]);
        assert!(codes(Purpose::Server, &["server auth"], false).is_empty());
        assert_eq!(codes(Purpose::PrivateKey, &["server auth"], false), ["unfit"]);
        assert!(codes(Purpose::PrivateKey, &["server auth"], true).is_empty(), "both in one file");
    }
}
