//! What an API server's start needs so that its authorization can be kept in step with the list: the flag
//! `--authorization-config` in place of `--authorization-mode`, and the file's folder.
//!
//! kubeadm starts it as a static pod; its manifest is edited by whole lines, so that everything else in
//! it stays byte for byte.

use serde_json::{Value, json};

use super::authorization::from_modes;
use crate::encoding::yaml::{self, Layout, YamlError};
use crate::text::show_short;

/// The minor version of Kubernetes 1 from which the API server reads the configuration's version.
const NEEDED: u32 = 32;
const CONFIG: &str = "--authorization-config=";
const MODE: &str = "--authorization-mode=";
const VOLUME: &str = "usercert-authorization";
/// The configuration's name in its folder.
pub const FILE: &str = "authorization.yaml";

/// Why a manifest was not edited.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StaticPodError {
    /// Not readable as YAML.
    #[error("{0}")]
    Yaml(#[from] YamlError),
    /// Another thing.
    #[error("it is not the manifest of a kube-apiserver pod")]
    NotApiServer,
    /// The flag is there.
    #[error("the API server has an authorization configuration already: {}", show_short(.0, 200))]
    Configured(String),
    /// It would not start with the flag.
    #[error(
        "the API server is Kubernetes 1.{0}, and reads authorization configurations (apiserver.config.k8s.io/v1) from 1.{NEEDED} on; upgrade it first"
    )]
    TooOld(u32),
    /// A webhook by flags, whose settings would have to move into the file.
    #[error(
        "the API server's authorization is set by --authorization-webhook-* flags; move them into a configuration file by hand"
    )]
    Webhook,
    /// A mode that needs more than its name.
    #[error("the authorization mode {} cannot be turned into an entry of a file", show_short(.0, 60))]
    Mode(String),
    /// A form in which the places cannot be told for certain.
    #[error("it is written in a way that cannot be edited line by line")]
    Irregular,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticPodPlan {
    /// The manifest with the flag, the volume and its mount.
    pub manifest: String,
    /// The first configuration: what the mode did.
    pub configuration: Value,
    /// The changed lines, as a diff shows them.
    pub diff: String,
    /// Whether the image's tag tells a version, which is new enough then.
    pub is_version_known: bool,
    /// Whether the API server runs as somebody else than root: then everybody has to be able to read its
    /// configuration.
    pub needs_readable: bool,
}

/// Plans the edit; `folder` is an absolute path on the node, and in the pod.
///
/// # Errors
/// Whatever keeps the result from being the manifest with exactly these additions.
pub fn plan(text: &str, folder: &str) -> Result<StaticPodPlan, StaticPodError> {
    let before = yaml::parse(text)?;
    let containers = before["spec"]["containers"].as_array().map(Vec::as_slice);
    let [container] = containers.unwrap_or_default() else {
        return Err(StaticPodError::NotApiServer);
    };
    let words = container["command"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    if before["kind"] != "Pod" || !words.first().is_some_and(|w| w.ends_with("kube-apiserver")) {
        return Err(StaticPodError::NotApiServer);
    }
    if let Some(flag) = words.iter().find(|w| w.starts_with("--authorization-config")) {
        return Err(StaticPodError::Configured((*flag).to_owned()));
    }
    let minor = container["image"].as_str().and_then(minor);
    if let Some(old) = minor.filter(|minor| *minor < NEEDED) {
        return Err(StaticPodError::TooOld(old));
    }
    if words.iter().any(|w| w.starts_with("--authorization-webhook-")) {
        return Err(StaticPodError::Webhook);
    }
    let modes: Vec<(usize, &str)> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| Some((at, word.strip_prefix(MODE)?)))
        .collect();
    let [(at, mode)] = modes.as_slice() else { return Err(StaticPodError::Irregular) };
    let configuration = from_modes(mode).map_err(StaticPodError::Mode)?;

    let flag = format!("{CONFIG}{folder}/{FILE}");
    let mount = json!({ "mountPath": folder, "name": VOLUME, "readOnly": true });
    // A folder that is missing keeps the pod from starting, an empty one would do so with less to say.
    let volume = json!({ "hostPath": { "path": folder, "type": "Directory" }, "name": VOLUME });
    let mut lines = Lines::new(text);
    lines.replace(&format!("- {MODE}{mode}"), &format!("- {flag}"))?;
    lines.insert_item("volumeMounts:", &mount)?;
    lines.insert_item("volumes:", &volume)?;

    let mut expected = before.clone();
    expected["spec"]["containers"][0]["command"][*at] = flag.into();
    for (place, item) in [("/spec/containers/0/volumeMounts", mount), ("/spec/volumes", volume)] {
        let list = expected.pointer_mut(place).and_then(Value::as_array_mut);
        list.ok_or(StaticPodError::Irregular)?.insert(0, item);
    }
    if yaml::parse(&lines.text)? != expected {
        return Err(StaticPodError::Irregular);
    }
    Ok(StaticPodPlan {
        manifest: lines.text,
        configuration,
        diff: lines.diff,
        is_version_known: minor.is_some(),
        needs_readable: !runs_as_root(&before["spec"], container),
    })
}

/// The minor version of Kubernetes 1 in the tag of an image; a digest tells none.
fn minor(image: &str) -> Option<u32> {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let (_, last) = name.rsplit_once('/').unwrap_or(("", name));
    let (_, tag) = last.split_once(':')?;
    let minor = tag.strip_prefix('v').unwrap_or(tag).strip_prefix("1.")?;
    let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    minor.get(..end)?.parse().ok()
}

/// Whether nothing makes a container run as another user than its image does, which is root.
fn runs_as_root(pod: &Value, container: &Value) -> bool {
    let of = |key: &str| {
        let context = |of: &Value| of.pointer(&format!("/securityContext/{key}")).cloned();
        context(container).or_else(|| context(pod)).unwrap_or_default()
    };
    match of("runAsUser") {
        Value::Null => of("runAsNonRoot") != true,
        user => user == 0,
    }
}

/// What kubeadm's ClusterConfiguration (`kubeadm.k8s.io/v1beta4`) has to say for the same, so that an
/// upgrade, which writes the manifest anew, keeps it. kubeadm leaves its own mode away then (from 1.30 on).
#[must_use]
pub fn cluster_configuration(folder: &str) -> String {
    yaml::to_string(&json!({ "apiServer": {
        "extraArgs": [{ "name": "authorization-config", "value": format!("{folder}/{FILE}") }],
        "extraVolumes": [{ "name": VOLUME, "hostPath": folder, "mountPath": folder,
            "readOnly": true, "pathType": "Directory" }],
    } }))
}

/// A text that is edited by lines, and what was changed.
struct Lines {
    text: String,
    newline: &'static str,
    diff: String,
}

impl Lines {
    fn new(text: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text: text.to_owned(), newline, diff: String::new() }
    }

    /// The place of the only line with this content, its indentation, and where the next one begins.
    fn find(&self, content: &str) -> Result<(usize, usize, usize), StaticPodError> {
        let mut at = 0;
        let mut found = None;
        for line in self.text.split_inclusive('\n') {
            if line.trim() == content {
                if found.is_some() {
                    return Err(StaticPodError::Irregular);
                }
                let indent = line.len() - line.trim_start_matches(' ').len();
                found = Some((at, indent, at + line.len()));
            }
            at += line.len();
        }
        found.ok_or(StaticPodError::Irregular)
    }

    fn replace(&mut self, old: &str, new: &str) -> Result<(), StaticPodError> {
        let (start, indent, _) = self.find(old)?;
        let place = start + indent..start + indent + old.len();
        self.text.replace_range(place, new);
        let pad = " ".repeat(indent);
        self.diff.push_str(&format!("-{pad}{old}\n+{pad}{new}\n"));
        Ok(())
    }

    /// Puts an item in front of the list whose key stands alone on its line.
    fn insert_item(&mut self, key: &str, item: &Value) -> Result<(), StaticPodError> {
        let (_, _, next) = self.find(key)?;
        let first = self.text.get(next..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = first.len() - first.trim_start_matches(' ').len();
        let mut block = " ".repeat(column);
        let layout = Layout { unit: 2, newline: self.newline };
        layout.block(&mut block, &Value::from(vec![item.clone()]), column);
        self.text.insert_str(next, &block);
        self.diff.push_str(&format!(" {key}\n"));
        block.lines().for_each(|line| self.diff.push_str(&format!("+{line}\n")));
        Ok(())
    }
}

/// How k3s and RKE2 are told, in their own configuration file; both leave their own
/// `--authorization-mode` away when the configuration is named (from 1.29.15, 1.30.12, 1.31.8 and 1.32.4 on).
#[must_use]
pub fn distribution(name: &str, folder: &str) -> String {
    let seen = server_folder(name).unwrap_or(folder);
    let mut text = format!(
        "# /etc/rancher/{name}/config.yaml, on every server\nkube-apiserver-arg:\n- \"authorization-config={seen}/{FILE}\"\n"
    );
    if seen != folder {
        text.push_str(&format!("kube-apiserver-extra-mount:\n- \"{folder}:{seen}:ro\"\n"));
    }
    text
}

/// The folder as the distribution's API server sees it, if not as it is on the node. RKE2 runs it as a
/// static pod, and mounts each file that an argument names and the node has by itself
/// (`rke2/pkg/podtemplate/podtemplate.go`): what is then renamed into its place, the pod does not see.
#[must_use]
pub fn server_folder(name: &str) -> Option<&'static str> {
    (name == "rke2").then_some("/etc/usercert-authorization")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.168.0.2
    - --authorization-mode=Node,RBAC   # as kubeadm has it
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    image: registry.k8s.io/kube-apiserver:v1.36.2
    name: kube-apiserver
    volumeMounts:
    - mountPath: /etc/kubernetes/pki
      name: k8s-certs
      readOnly: true
  hostNetwork: true
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki
      type: DirectoryOrCreate
    name: k8s-certs
status: {}
";

    fn manifest() -> String {
        MANIFEST.replace("   # as kubeadm has it", "")
    }

    #[test]
    fn a_manifest_of_kubeadm_gets_flag_volume_and_mount() {
        let plan = plan(&manifest(), "/etc/kubernetes/usercert").unwrap();
        insta::assert_snapshot!(plan.diff, @r#"
        -    - --authorization-mode=Node,RBAC
        +    - --authorization-config=/etc/kubernetes/usercert/authorization.yaml
         volumeMounts:
        +    - mountPath: "/etc/kubernetes/usercert"
        +      name: "usercert-authorization"
        +      readOnly: true
         volumes:
        +  - hostPath:
        +      path: "/etc/kubernetes/usercert"
        +      type: "Directory"
        +    name: "usercert-authorization"
        "#);
        let kept = |text: &str, without: &str| -> Vec<String> {
            text.lines().filter(|l| !l.contains(without)).map(str::to_owned).collect()
        };
        let before = kept(&manifest(), "--authorization-");
        let after = kept(&plan.manifest, "--authorization-");
        assert!(before.iter().all(|line| after.contains(line)));
        assert_eq!(after.len(), before.len() + 7);
        assert_eq!(plan.configuration["authorizers"][1]["type"], "RBAC");
    }

    #[test]
    fn a_version_that_cannot_read_the_file_is_refused() {
        let of = |image: &str| {
            let text = manifest().replace("registry.k8s.io/kube-apiserver:v1.36.2", image);
            plan(&text, "/x").map(|plan| plan.is_version_known)
        };
        for (image, minor) in [
            ("registry.k8s.io/kube-apiserver:v1.29.0", 29),
            ("host:5000/a/kube-apiserver:v1.31.14@sha256:00", 31),
            ("rancher/hardened-kubernetes:v1.31.8-rke2r1-build20250423", 31),
            ("kube-apiserver:1.9", 9),
        ] {
            assert_eq!(of(image), Err(StaticPodError::TooOld(minor)), "{image}");
        }
        for image in ["x:v1.32.0", "host:5000/x:v1.100.3", "x:1.33"] {
            assert_eq!(of(image), Ok(true), "{image}");
        }
        for image in ["host:1.29/x", "x@sha256:1.29", "x:latest", "x:v2.1.0", "x:v1.x", "x"] {
            assert_eq!(of(image), Ok(false), "{image}");
        }
    }

    #[test]
    fn whoever_is_not_root_needs_a_file_for_everybody() {
        let of = |pod: &str, container: &str| {
            let text = manifest()
                .replace("  hostNetwork: true\n", &format!("  securityContext: {pod}\n"))
                .replace(
                    "    name: kube-apiserver\n",
                    &format!("    securityContext: {container}\n"),
                );
            plan(&text, "/x").unwrap().needs_readable
        };
        let (none, root, other) = ("{}", "{runAsUser: 0}", "{runAsUser: 998}");
        assert!(!plan(&manifest(), "/x").unwrap().needs_readable);
        for (pod, container) in
            [(other, none), (none, other), (root, other), (none, "{runAsNonRoot: true}")]
        {
            assert!(of(pod, container), "{pod} {container}");
        }
        for (pod, container) in [(none, none), (root, none), (other, root)] {
            assert!(!of(pod, container), "{pod} {container}");
        }
    }

    #[test]
    fn what_is_not_certain_is_refused() {
        let of = |text: &str| plan(text, "/x").unwrap_err();
        assert_eq!(of(MANIFEST), StaticPodError::Irregular, "a comment behind the flag");
        assert_eq!(of("kind: Pod\nspec: {}\n"), StaticPodError::NotApiServer);
        let webhook = manifest().replace("--client-ca-file=", "--authorization-webhook-version=");
        assert_eq!(of(&webhook), StaticPodError::Webhook);
        let done =
            manifest().replace("--authorization-mode=Node,RBAC", "--authorization-config=/y");
        assert!(matches!(of(&done), StaticPodError::Configured(_)));
        let abac = manifest().replace("Node,RBAC", "ABAC");
        assert_eq!(of(&abac), StaticPodError::Mode("ABAC".to_owned()));
        let twice = manifest().replace("  hostNetwork: true\n", "  x:\n    volumes:\n    - a\n");
        assert_eq!(of(&twice), StaticPodError::Irregular);
    }
}
