//! Which credential plugins a person lets run: the policy in the kuberc file, since kubectl 1.35.
//!
//! Follows `kubectl/pkg/kuberc` (`marshal.go`, `kuberc.go`) and `client-go/plugin/pkg/client/auth/exec`
//! (`ValidatePluginPolicy`, `checkAllowlistLocked`).

use serde_json::Value;

use crate::encoding::yaml;
use crate::kubeconfig::path;

/// Which programs may be run for a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PluginPolicy {
    /// All; so it is without a kuberc file too.
    #[default]
    AllowAll,
    /// None.
    DenyAll,
    /// Those that are listed, by path or by a name on the PATH.
    Allowlist(Vec<String>),
}

/// Why a kuberc file gives no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It holds documents, and none of them is a Preference.
    #[error("no valid preferences found")]
    NoPreference,
    /// What it says about plugins contradicts itself, in kubectl's words.
    #[error("{0}")]
    Invalid(String),
}

/// Why a program may not be run, in kubectl's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No program may.
    #[error("plugin {0:?} not allowed: policy set to \"DenyAll\"")]
    DenyAll(String),
    /// There is no such program.
    #[error("plugin path {0:?} cannot be resolved for credential plugin allowlist check")]
    Unresolved(String),
    /// It is not on the list.
    #[error("plugin path {0:?} is not permitted by the credential plugin allowlist")]
    NotListed(String),
}

const GROUP: &str = "kubectl.config.k8s.io/";

impl PluginPolicy {
    /// Reads a kuberc file: its first document that is a Preference counts.
    ///
    /// # Errors
    /// No such document, or one whose policy is meaningless.
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let mut attempted = false;
        for document in documents(text) {
            if document.trim().is_empty() {
                continue;
            }
            attempted = true;
            let Ok(value) = yaml::parse_first_leniently(&document) else { continue };
            if let Some(preference) = Preference::of(&value) {
                return preference.policy();
            }
        }
        if attempted { Err(PolicyError::NoPreference) } else { Ok(Self::AllowAll) }
    }

    /// Whether the program that `command` names may be run. `find` is the path of a program by its path
    /// or its name on the PATH, if there is one.
    ///
    /// # Errors
    /// It may not.
    pub fn check(
        &self,
        command: &str,
        find: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Refusal> {
        let list = match self {
            Self::AllowAll => return Ok(()),
            Self::DenyAll => return Err(Refusal::DenyAll(command.to_owned())),
            Self::Allowlist(list) => list,
        };
        if list.iter().any(|entry| entry == command) {
            return Ok(());
        }
        let found = find(command).ok_or_else(|| Refusal::Unresolved(command.to_owned()))?;
        let base = |path: &str| path.rsplit(['/', '\\']).next().map(str::to_owned);
        let permitted = list.iter().any(|entry| {
            *entry == found
                || base(entry) == base(&found) && find(entry).is_some_and(|path| path == found)
        });
        if permitted { Ok(()) } else { Err(Refusal::NotListed(found)) }
    }
}

/// What a Preference says about plugins.
struct Preference {
    policy: String,
    list: Option<Vec<(String, String)>>,
}

impl Preference {
    /// Nothing where kubectl could not decode it.
    fn of(value: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| match value.get(key) {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => None,
        };
        let version = text(value, "apiVersion")?;
        let version = version.strip_prefix(GROUP)?;
        if text(value, "kind")? != "Preference" {
            return None;
        }
        match version {
            "v1beta1" => {}
            // It knew no policy.
            "v1alpha1" => return Some(Self { policy: String::new(), list: None }),
            _ => return None,
        }
        let list = match value.get("credentialPluginAllowlist") {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => Some(
                items
                    .iter()
                    .map(|item| Some((text(item, "name")?, text(item, "command")?)))
                    .collect::<Option<_>>()?,
            ),
            Some(_) => return None,
        };
        // Two names that differ are an error of conversion.
        let twice = |(name, command): &(String, String)| {
            !name.is_empty() && !command.is_empty() && name != command
        };
        if list.iter().flatten().any(twice) {
            return None;
        }
        Some(Self { policy: text(value, "credentialPluginPolicy")?, list })
    }

    fn policy(self) -> Result<PluginPolicy, PolicyError> {
        let invalid = |text: String| Err(PolicyError::Invalid(text));
        let Self { policy, list } = self;
        let listed = match (policy.as_str(), list) {
            ("" | "AllowAll", None) => return Ok(PluginPolicy::AllowAll),
            ("DenyAll", None) => return Ok(PluginPolicy::DenyAll),
            ("" | "AllowAll" | "DenyAll", Some(_)) => {
                return invalid(format!(
                    "misconfigured credential plugin allowlist: plugin policy is {policy:?} but allowlist is non-nil"
                ));
            }
            ("Allowlist", Some(list)) if !list.is_empty() => list,
            ("Allowlist", Some(_)) => {
                return invalid(
                    "credential plugin policy set to \"Allowlist\", but allowlist is empty; use \"DenyAll\" policy instead"
                        .to_owned(),
                );
            }
            ("Allowlist", None) => {
                return invalid(
                    "credential plugin policy set to \"Allowlist\", but allowlist is unspecified"
                        .to_owned(),
                );
            }
            (other, _) => return invalid(format!("unknown plugin policy: {other:?}")),
        };
        let mut commands = Vec::new();
        for (at, (name, command)) in listed.into_iter().enumerate() {
            let command = if command.is_empty() { name } else { command };
            if command.is_empty() {
                return invalid(format!(
                    "misconfigured credential plugin allowlist: empty allowlist entry #{}",
                    at + 1
                ));
            }
            let cleaned = path::clean(command.as_ref()).display().to_string();
            if cleaned != command {
                return invalid(format!("non-normalized file path: {command:?} vs {cleaned:?}"));
            }
            commands.push(command);
        }
        Ok(PluginPolicy::Allowlist(commands))
    }
}

/// The documents of a text, as kubectl's reader splits it: at lines that begin with three dashes.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty()) {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";

    fn read(rest: &str) -> Result<PluginPolicy, PolicyError> {
        PluginPolicy::read(&format!("{HEAD}{rest}"))
    }

    fn list(commands: &[&str]) -> PluginPolicy {
        PluginPolicy::Allowlist(commands.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn policies_as_kubectl_reads_them() {
        let path = if cfg!(windows) { r"C:\a\b" } else { "/a/b" };
        let entries = format!("- command: {path}\n- name: c\n- {{name: d, command: d}}\n");
        let listed =
            format!("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n{entries}");
        for (text, policy) in [
            (listed.as_str(), list(&[path, "c", "d"])),
            ("", PluginPolicy::AllowAll),
            ("credentialPluginPolicy: ''\naliases: []\n", PluginPolicy::AllowAll),
            ("credentialPluginPolicy: AllowAll\n", PluginPolicy::AllowAll),
            ("credentialPluginPolicy: DenyAll\n", PluginPolicy::DenyAll),
        ] {
            assert_eq!(read(text), Ok(policy), "{text}");
        }
        assert_eq!(PluginPolicy::read(""), Ok(PluginPolicy::AllowAll));
        let two =
            format!("kind: Other\napiVersion: v1\n---\n{HEAD}credentialPluginPolicy: DenyAll\n");
        assert_eq!(PluginPolicy::read(&two), Ok(PluginPolicy::DenyAll));
        let old = "apiVersion: kubectl.config.k8s.io/v1alpha1\nkind: Preference\ncredentialPluginPolicy: DenyAll\n";
        assert_eq!(PluginPolicy::read(old), Ok(PluginPolicy::AllowAll));
    }

    #[test]
    fn a_policy_that_makes_no_sense_is_none() {
        for text in [
            "credentialPluginPolicy: Denyall\n",
            "credentialPluginPolicy: Allowlist\n",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: []\n",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{}]\n",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: /a/../b}]\n",
            "credentialPluginPolicy: DenyAll\ncredentialPluginAllowlist: [{command: b}]\n",
            "credentialPluginAllowlist: [{command: b}]\n",
        ] {
            assert!(matches!(read(text), Err(PolicyError::Invalid(_))), "{text}");
        }
        for text in ["a: b\n", "credentialPluginPolicy: [\n", "kind: Preference\n"] {
            assert_eq!(PluginPolicy::read(text), Err(PolicyError::NoPreference), "{text}");
        }
        for text in
            ["credentialPluginPolicy: 1\n", "credentialPluginAllowlist: [{name: a, command: b}]\n"]
        {
            assert_eq!(read(text), Err(PolicyError::NoPreference), "{text}");
        }
    }

    #[test]
    fn a_program_is_permitted_by_the_path_that_it_has() {
        let find = |name: &str| match name {
            "aws" | "/usr/bin/aws" => Some("/usr/bin/aws".to_owned()),
            "/opt/aws" => Some("/opt/aws".to_owned()),
            _ => None,
        };
        assert_eq!(PluginPolicy::AllowAll.check("gone", find), Ok(()));
        assert_eq!(PluginPolicy::DenyAll.check("aws", find), Err(Refusal::DenyAll("aws".into())));
        for entry in ["aws", "/usr/bin/aws"] {
            for command in ["aws", "/usr/bin/aws"] {
                assert_eq!(
                    list(&["other", entry]).check(command, find),
                    Ok(()),
                    "{entry} {command}"
                );
            }
            let refused = list(&[entry]).check("/opt/aws", find);
            assert_eq!(refused, Err(Refusal::NotListed("/opt/aws".into())), "{entry}");
        }
        let unresolved = list(&["aws"]).check("gone", find);
        assert_eq!(unresolved, Err(Refusal::Unresolved("gone".into())));
    }
}
