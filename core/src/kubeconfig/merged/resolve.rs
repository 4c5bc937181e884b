//! From the merged view and the command line to one cluster and one user.
//!
//! Follows `tools/clientcmd/client_config.go` and `validation.go` of client-go, and
//! `rest/transport.go` where the combination is refused only there.

use crate::text::sorted::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use zeroize::Zeroizing;

use super::merge::Merged;
use super::view::{Cluster, User};

/// What the command line sets. Empty strings count as not given.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--certificate-authority`
    pub certificate_authority: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`; only `Some(true)` has an effect.
    pub insecure_skip_tls_verify: Option<bool>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--client-certificate`
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--token`
    pub token: Option<Zeroizing<String>>,
    /// `--as`
    pub as_user: Option<String>,
    /// `--as-group`
    pub as_groups: Vec<String>,
    /// `--as-uid`
    pub as_uid: Option<String>,
    /// `--as-user-extra`
    pub as_user_extra: BTreeMap<String, Vec<String>>,
    /// The server that counts when nothing else names one: kubectl's is `$KUBERNETES_MASTER`, else
    /// `http://localhost:8080`. Without it such a configuration is an error.
    pub default_server: Option<String>,
}

/// Why there is nothing to connect with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No file says anything; within a cluster, its service account is the thing to try.
    #[error("no configuration has been provided")]
    Empty,
    /// The files say something, but nothing picks a cluster.
    #[error("no server is defined for this context")]
    NoCluster {
        /// The context that counts, if any.
        context: Option<String>,
        /// The cluster that it names and that does not exist, if any.
        cluster: Option<String>,
    },
    /// The current context does not exist.
    #[error("context was not found for specified context: {0}")]
    CurrentContextNotFound(String),
    /// `--context` names none.
    #[error("context {0:?} does not exist")]
    ContextNotFound(String),
    /// `--cluster` names none.
    #[error("cluster {0:?} does not exist")]
    ClusterNotFound(String),
    /// `--user` names none.
    #[error("auth info {0:?} does not exist")]
    UserNotFound(String),
    /// The server's certificate is to be checked and not to be checked.
    #[error("specifying a root certificates file with the insecure flag is not allowed")]
    InsecureWithAuthority,
    /// The chosen entries contradict themselves, in kubectl's words.
    #[error("invalid configuration: {}", join(.0))]
    Invalid(Vec<String>),
}

impl ResolveError {
    /// Whether kubectl would now try the service account of the pod that it runs in.
    pub fn may_be_in_cluster(&self) -> bool {
        matches!(self, ResolveError::Empty | ResolveError::NoCluster { .. })
    }
}

fn join(problems: &[String]) -> String {
    match problems {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// What a command connects with.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The context that counts, if there is one.
    pub context_name: Option<String>,
    /// The cluster's name; may be empty.
    pub cluster_name: String,
    /// The user's name; may be empty, and there may be no such entry.
    pub user_name: String,
    /// The namespace from the command line or the context.
    pub namespace: Option<String>,
    /// The cluster with the command line's settings.
    pub cluster: Cluster,
    /// The user with the command line's settings, without what the client would not use.
    pub user: User,
}

impl Merged {
    /// What a command connects with.
    ///
    /// # Errors
    /// As kubectl, where the choice or the entries make no sense.
    pub fn resolve(&self, overrides: &Overrides) -> Result<Resolved, ResolveError> {
        let context_flag = given(&overrides.context);
        let context_name = context_flag.or(self.current_context()).map(str::to_owned);
        let context = context_name.as_deref().and_then(|name| self.context(name));
        // The order of the checks is that of the errors one gets to see.
        if let (Some(name), None) = (context_flag, &context) {
            return Err(ResolveError::ContextNotFound(name.to_owned()));
        }
        let entry = context.clone().unwrap_or_default();
        let user_name = given(&overrides.user).map_or(entry.user, str::to_owned);
        let cluster_name = given(&overrides.cluster).map_or(entry.cluster, str::to_owned);
        let user = user(self, overrides, &user_name)?;
        let cluster = cluster(self, overrides, &cluster_name)?;
        if let (Some(name), None) = (&context_name, &context) {
            return Err(ResolveError::CurrentContextNotFound(name.clone()));
        }
        let mut problems = user_problems(&user_name, &user);
        if self.cluster(&cluster_name).is_none() && cluster == Cluster::default() {
            if !problems.is_empty() {
                problems.push("cluster has no server defined".to_owned());
                return Err(ResolveError::Invalid(problems));
            }
            if self.is_empty() {
                return Err(ResolveError::Empty);
            }
            let cluster = Some(cluster_name).filter(|name| !name.is_empty());
            return Err(ResolveError::NoCluster { context: context_name, cluster });
        }
        problems.extend(cluster_problems(&cluster_name, &cluster));
        if !problems.is_empty() {
            return Err(ResolveError::Invalid(problems));
        }
        let namespace = given(&overrides.namespace).map(str::to_owned).or(entry.namespace);
        let (cluster, user) = as_used(cluster, user)?;
        Ok(Resolved { context_name, cluster_name, user_name, namespace, cluster, user })
    }
}

fn given(option: &Option<String>) -> Option<&str> {
    option.as_deref().filter(|text| !text.is_empty())
}

fn given_path(option: &Option<PathBuf>) -> Option<&PathBuf> {
    option.as_ref().filter(|path| !path.as_os_str().is_empty())
}

fn user(merged: &Merged, overrides: &Overrides, name: &str) -> Result<User, ResolveError> {
    let mut user = match merged.user(name) {
        Some(user) => user,
        None if given(&overrides.user).is_some() => {
            return Err(ResolveError::UserNotFound(name.to_owned()));
        }
        None => User::default(),
    };
    if let Some(file) = given_path(&overrides.client_certificate) {
        user.client_certificate = Some(file.clone());
        user.client_certificate_data = None;
    }
    if let Some(file) = given_path(&overrides.client_key) {
        user.client_key = Some(file.clone());
        user.client_key_data = None;
    }
    if let Some(token) = overrides.token.as_ref().filter(|token| !token.is_empty()) {
        user.token = Some(token.clone());
    }
    if let Some(name) = given(&overrides.as_user) {
        user.impersonate = Some(name.to_owned());
    }
    if let Some(uid) = given(&overrides.as_uid) {
        user.impersonate_uid = Some(uid.to_owned());
    }
    if !overrides.as_groups.is_empty() {
        user.impersonate_groups.clone_from(&overrides.as_groups);
    }
    for (key, values) in &overrides.as_user_extra {
        user.impersonate_user_extra.insert(key.clone(), values.clone());
    }
    Ok(user)
}

fn cluster(merged: &Merged, overrides: &Overrides, name: &str) -> Result<Cluster, ResolveError> {
    let mut cluster = match merged.cluster(name) {
        Some(cluster) => cluster,
        None if given(&overrides.cluster).is_some() => {
            return Err(ResolveError::ClusterNotFound(name.to_owned()));
        }
        None => Cluster::default(),
    };
    let (server, tls_name) = (given(&overrides.server), given(&overrides.tls_server_name));
    let server_of_last_resort =
        given(&overrides.default_server).filter(|_| cluster.server.is_empty());
    if let Some(server) = server.or(server_of_last_resort) {
        server.clone_into(&mut cluster.server);
    }
    if server.is_some() || tls_name.is_some() {
        cluster.tls_server_name = tls_name.map(str::to_owned);
    }
    let insecure = overrides.insecure_skip_tls_verify == Some(true);
    let authority = given_path(&overrides.certificate_authority);
    if insecure || authority.is_some() {
        cluster.insecure_skip_tls_verify = insecure;
        cluster.certificate_authority = authority.cloned();
        cluster.certificate_authority_data = None;
    }
    Ok(cluster)
}

/// Contradictions in a user entry, in kubectl's words. Whether files can be read is seen by whom
/// reads them.
fn user_problems(name: &str, user: &User) -> Vec<String> {
    let mut problems = Vec::new();
    let data = user.client_certificate_data.is_some();
    let key = (user.client_key.is_some(), user.client_key_data.is_some());
    if data || user.client_certificate.is_some() {
        if data && user.client_certificate.is_some() {
            problems.push(format!(
                "client-cert-data and client-cert are both specified for {name}. \
                 client-cert-data will override."
            ));
        }
        match key {
            (true, true) => problems.push(format!(
                "client-key-data and client-key are both specified for {name}; \
                 client-key-data will override"
            )),
            (false, false) => problems.push(format!(
                "client-key-data or client-key must be specified for {name} to use the \
                 clientCert authentication method."
            )),
            _ => {}
        }
    }
    if let Some(exec) = &user.exec {
        problems.extend(exec_problems(name, exec, user.auth_provider.is_some()));
    }
    if user.token.is_some() && (user.username.is_some() || user.password.is_some()) {
        problems.push(format!(
            "more than one authentication method found for {name}; found [token basicAuth], \
             only one is allowed"
        ));
    }
    let extras = user.impersonate_uid.is_some()
        || !user.impersonate_groups.is_empty()
        || !user.impersonate_user_extra.is_empty();
    if extras && user.impersonate.is_none() {
        problems.push(format!(
            "requesting uid, groups or user-extra for {name} without impersonating a user"
        ));
    }
    problems
}

fn exec_problems(name: &str, exec: &Value, auth_provider: bool) -> Vec<String> {
    let text =
        |value: &Value, key| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut problems = Vec::new();
    let plugin = "to use exec authentication plugin";
    if auth_provider {
        problems.push(format!(
            "authProvider cannot be provided in combination with an exec plugin for {name}"
        ));
    }
    if text(exec, "command").is_empty() {
        problems.push(format!("command must be specified for {name} {plugin}"));
    }
    let version = text(exec, "apiVersion");
    if version.is_empty() {
        problems.push(format!("apiVersion must be specified for {name} {plugin}"));
    }
    let env = exec.get("env").and_then(Value::as_array).into_iter().flatten();
    for _ in env.filter(|variable| text(variable, "name").is_empty()) {
        problems.push(format!("env variable name must be specified for {name} {plugin}"));
    }
    let has_default = matches!(
        version.as_str(),
        "client.authentication.k8s.io/v1alpha1" | "client.authentication.k8s.io/v1beta1"
    );
    match text(exec, "interactiveMode").as_str() {
        "Never" | "IfAvailable" | "Always" => {}
        "" if has_default => {}
        "" => problems.push(format!("interactiveMode must be specified for {name} {plugin}")),
        mode => problems.push(format!("invalid interactiveMode for {name}: {mode:?}")),
    }
    problems
}

fn cluster_problems(name: &str, cluster: &Cluster) -> Vec<String> {
    let mut problems = Vec::new();
    if cluster.server.is_empty() {
        problems.push(if name.is_empty() {
            "default cluster has no server defined".to_owned()
        } else {
            format!("no server found for cluster {name:?}")
        });
    }
    if let Some(proxy) = &cluster.proxy_url {
        let scheme = proxy.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        if !["http", "https", "socks5"].contains(&scheme.as_str()) {
            problems.push(format!(
                "invalid 'proxy-url' for cluster {name:?}: unsupported scheme {scheme:?}, must be \
                 http, https, or socks5"
            ));
        }
    }
    if cluster.certificate_authority.is_some() && cluster.certificate_authority_data.is_some() {
        problems.push(format!(
            "certificate-authority-data and certificate-authority are both specified for {name}. \
             certificate-authority-data will override."
        ));
    }
    problems
}

/// Leaves out what the client would not use.
fn as_used(mut cluster: Cluster, mut user: User) -> Result<(Cluster, User), ResolveError> {
    let scheme = cluster.server.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if scheme.as_deref() != Some("https") {
        // Without TLS neither side is identified; acting as somebody is a header like any other.
        if scheme.is_none() {
            cluster.server = format!("http://{}", cluster.server);
        }
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = false;
        cluster.tls_server_name = None;
        user = User {
            impersonate: user.impersonate,
            impersonate_uid: user.impersonate_uid,
            impersonate_groups: user.impersonate_groups,
            impersonate_user_extra: user.impersonate_user_extra,
            ..User::default()
        };
        return Ok((cluster, user));
    }
    let authority =
        cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    if authority && cluster.insecure_skip_tls_verify {
        return Err(ResolveError::InsecureWithAuthority);
    }
    let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let key = user.client_key.is_some() || user.client_key_data.is_some();
    if !(certificate && key) {
        user.client_key = None;
        user.client_key_data = None;
    }
    let certified = certificate && key;
    let token = user.token.is_some() || user.token_file.is_some();
    if certified || token {
        user.exec = None;
    }
    Ok((cluster, user))
}
