//! Credential plugins: programs that a user entry names for its credentials.
//!
//! Follows `client-go/plugin/pkg/client/auth/exec/exec.go`. The client library could run them too; but it
//! knows no policy, runs them several times for one connection, and panics at a token that no header can
//! hold.

use std::io::{IsTerminal as _, Read as _};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use serde_json::{Value, json};
use usercert_core::encoding::yaml;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{show, show_lines, show_path};
use usercert_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::kuberc::Kuberc;
use crate::files::program;

/// Longest answer that is read, in bytes.
const LIMIT: usize = 1 << 20;

pub(super) struct Plugin {
    command: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    version: String,
    mode: Interactive,
    install_hint: String,
    /// What it is told of the cluster.
    cluster: Option<Value>,
    kuberc: Kuberc,
}

#[derive(Clone, Copy)]
enum Interactive {
    Never,
    IfAvailable,
    Always,
}

/// What a plugin has answered.
pub(super) struct Issued {
    pub auth: AuthInfo,
    pub until: Option<UnixTime>,
}

impl Plugin {
    /// The plugin of a user entry's `exec`; `config` is what the cluster entry has for it.
    pub(super) fn new(
        exec: &Value,
        endpoint: &Endpoint,
        config: Option<&Value>,
        kuberc: Kuberc,
    ) -> Result<Self> {
        let text = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let items = |key: &str| exec.get(key).and_then(Value::as_array).into_iter().flatten();
        let version = text(exec, "apiVersion");
        if !["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
            .contains(&version.as_str())
        {
            return Err(Error::new(format!("exec plugin: invalid apiVersion {}", show(&version))));
        }
        let told = exec.get("provideClusterInfo").and_then(Value::as_bool) == Some(true);
        let cluster = told.then(|| {
            let mut cluster = endpoint.body();
            if let Some(config) = config {
                cluster["config"] = config.clone();
            }
            cluster
        });
        Ok(Self {
            command: text(exec, "command"),
            args: items("args").map(|a| a.as_str().unwrap_or_default().to_owned()).collect(),
            env: items("env").map(|v| (text(v, "name"), text(v, "value"))).collect(),
            version,
            mode: match text(exec, "interactiveMode").as_str() {
                "Never" => Interactive::Never,
                "Always" => Interactive::Always,
                _ => Interactive::IfAvailable,
            },
            install_hint: text(exec, "installHint"),
            cluster,
            kuberc,
        })
    }

    /// Runs it, if the person's kuberc lets it run.
    ///
    /// # Errors
    /// It may not run, fails, or gives nothing that can be used. What it printed stays out of messages:
    /// it may be a credential.
    pub(super) fn run(&self) -> Result<Issued> {
        let find = |name: &str| program::find(name).map(|path| path.display().to_string());
        self.kuberc.policy.check(&self.command, find).map_err(|refusal| {
            let file = self.kuberc.path.as_deref().map(show_path).unwrap_or_default();
            Error::new(refusal.to_string())
                .hint(format!("credentialPluginPolicy in {file} decides which plugins run"))
        })?;
        let shown = show(&self.command);
        let program = program::find(&self.command).ok_or_else(|| {
            let error = Error::new(format!("exec: executable {shown} not found"));
            match self.install_hint.is_empty() {
                true => error,
                false => error.hint(show_lines(&self.install_hint, 1000)),
            }
        })?;
        let interactive = self.is_interactive()?;
        let mut spec = json!({ "interactive": interactive });
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({ "kind": "ExecCredential", "apiVersion": self.version, "spec": spec });
        let mut command = Command::new(program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", info.to_string())
            .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
            .stdout(Stdio::piped());
        let failed = |error: std::io::Error| Error::new(format!("exec: {shown}: {error}"));
        let mut child = command.spawn().map_err(failed)?;
        let mut printed = Zeroizing::new(Vec::new());
        if let Some(pipe) = child.stdout.take() {
            let most = u64::try_from(LIMIT).unwrap_or(u64::MAX);
            pipe.take(most).read_to_end(&mut printed).map_err(failed)?;
        }
        let status = child.wait().map_err(failed)?;
        if !status.success() {
            let code = status.code().map_or("a signal".to_owned(), |c| format!("exit code {c}"));
            return Err(Error::new(format!("exec: executable {shown} failed with {code}")));
        }
        self.read(&printed).context(format!("exec: executable {shown}"))
    }

    fn is_interactive(&self) -> Result<bool> {
        match self.mode {
            Interactive::Never => Ok(false),
            Interactive::IfAvailable => Ok(std::io::stdin().is_terminal()),
            Interactive::Always if std::io::stdin().is_terminal() => Ok(true),
            Interactive::Always => Err(Error::new(
                "exec plugin cannot support interactive mode: standard input is not a terminal",
            )),
        }
    }

    fn read(&self, printed: &[u8]) -> Result<Issued> {
        let nothing = || Error::new("the exec plugin did not print an ExecCredential");
        let text = std::str::from_utf8(printed).map_err(|_| nothing())?;
        let value =
            serde_json::from_str(text).or_else(|_| yaml::parse(text)).map_err(|_| nothing())?;
        let field = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        if field(&value, "kind").as_deref() != Some("ExecCredential") {
            return Err(nothing());
        }
        let version = field(&value, "apiVersion").unwrap_or_default();
        if version != self.version {
            return Err(Error::new(format!(
                "exec plugin is configured to use API version {}, plugin returned version {}",
                self.version,
                show(&version)
            )));
        }
        let status = value.get("status").filter(|status| status.is_object());
        let status =
            status.ok_or_else(|| Error::new("exec plugin didn't return a status field"))?;
        let certificate = field(status, "clientCertificateData");
        let key = field(status, "clientKeyData").map(Zeroizing::new);
        let token = field(status, "token");
        if certificate.is_some() != key.is_some() {
            return Err(Error::new("exec plugin returned only certificate or key, not both"));
        }
        if token.is_none() && key.is_none() {
            return Err(Error::new("exec plugin didn't return a token or cert/key pair"));
        }
        if token.as_ref().is_some_and(|token| token.chars().any(char::is_control)) {
            return Err(Error::new(
                "the exec plugin's token contains a line break or another control character",
            ));
        }
        let until = match field(status, "expirationTimestamp") {
            Some(text) => Some(UnixTime::from_rfc3339(&text).ok_or_else(|| {
                Error::new(format!("expirationTimestamp {} is not a time", show(&text)))
            })?),
            None => None,
        };
        let auth = AuthInfo {
            token: token.map(Into::into),
            client_certificate_data: certificate.map(|pem| STANDARD.encode(pem)),
            client_key_data: key.map(|pem| STANDARD.encode(pem.as_bytes()).into()),
            ..AuthInfo::default()
        };
        Ok(Issued { auth, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> Plugin {
        let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "x" });
        Plugin::new(&exec, &Endpoint::default(), None, Kuberc::default()).unwrap()
    }

    fn read(status: &Value) -> Result<Issued> {
        let answer = json!({ "apiVersion": "client.authentication.k8s.io/v1",
                             "kind": "ExecCredential", "status": status });
        plugin().read(answer.to_string().as_bytes())
    }

    #[test]
    fn a_token_or_a_pair_is_a_credential() {
        let issued =
            read(&json!({ "token": "t", "expirationTimestamp": "1970-01-01T01:00:00+01:00" }));
        assert_eq!(issued.unwrap().until, Some(UnixTime(0)));
        let issued = read(&json!({ "clientCertificateData": "C", "clientKeyData": "K" })).unwrap();
        assert_eq!(issued.auth.client_certificate_data.as_deref(), Some("Qw=="));
        assert_eq!(issued.until, None);
        let yaml = b"kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1\nstatus: {token: t}\n";
        assert!(plugin().read(yaml).is_ok());
    }

    #[test]
    fn anything_else_is_an_error_and_is_not_shown() {
        for (status, message) in [
            (json!({}), "didn't return a token"),
            (json!(null), "didn't return a status"),
            (json!({ "clientKeyData": "SECRET" }), "not both"),
            (json!({ "token": "SECRET\nX-Header: a" }), "control character"),
            (json!({ "token": "SECRET\u{85}" }), "control character"),
            (json!({ "token": "SECRET", "expirationTimestamp": "soon" }), "is not a time"),
        ] {
            let error = read(&status).err().unwrap().message;
            assert!(error.contains(message) && !error.contains("SECRET"), "{error}");
        }
        for printed in ["SECRET", "", "[]", "{\"kind\":\"Secret\"}"] {
            let error = plugin().read(printed.as_bytes()).err().unwrap().message;
            assert!(
                error.contains("did not print an ExecCredential") && !error.contains("SECRET"),
                "{error}"
            );
        }
        let other = b"kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1beta1\n";
        assert!(plugin().read(other).err().unwrap().message.contains("returned version"));
    }
}
