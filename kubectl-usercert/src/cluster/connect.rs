//! From kubeconfig and flags to a connection.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::AuthInfo;
use usercert_core::kubeconfig::merged::{
    Cluster as ClusterEntry, Overrides, ResolveError, Resolved, User,
};
use usercert_core::kubeconfig::self_renewing;
use usercert_core::kubeconfig::{Endpoint, OtherCredential};
use usercert_core::lifecycle::credential::check_cluster;
use usercert_core::text::{show, show_short};
use usercert_core::x509::certificate::{Certificate, chain_to_pem};
use zeroize::Zeroizing;

use super::connection::Connection;
use super::kubeconfig::{Kubeconfig, NO_CLUSTER, why_no_cluster};
use super::plugin::{Issued, Plugin};
use super::{Cluster, client, pair};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::{self, environment, kuberc, named};
use crate::ui::args::{ClientArgs, Timeout};

/// How long setting up a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest file of a service account that is read, in bytes.
const CREDENTIAL_LIMIT: usize = 1024 * 1024;

fn client_config(endpoint: &Endpoint, auth_info: AuthInfo, namespace: &str) -> Result<Config> {
    let url = endpoint.server.parse().map_err(|error| {
        Error::new(format!("the server address {} cannot be used: {error}", show(&endpoint.server)))
    })?;
    let mut config = Config::new(url);
    config.default_namespace = namespace.to_owned();
    config.root_cert = match &endpoint.ca_pem {
        Some(_) if endpoint.insecure => None,
        Some(_) => {
            let ca = endpoint.ca();
            if ca.is_empty() {
                return Err(Error::new(
                    "the cluster's certificate-authority contains no certificate",
                ));
            }
            Some(ca.into_iter().map(|c| c.der).collect())
        }
        None => None,
    };
    config.accept_invalid_certs = endpoint.insecure;
    config.tls_server_name.clone_from(&endpoint.tls_server_name);
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = None;
    // One request is one request: the library would repeat even a POST, silently and for ever.
    config.default_retry = false;
    config.proxy_url = match endpoint.proxy_url.as_deref().map(str::parse) {
        Some(Ok(url)) => Some(url),
        Some(Err(_)) => return Err(Error::new("the cluster's proxy-url is not a URL")),
        None => environment::proxy_for(&endpoint.server).and_then(|p| p.parse().ok()),
    };
    config.auth_info = auth_info;
    Ok(config)
}

impl Cluster {
    /// A connection with nothing but a certificate and its key, on fresh sockets.
    pub fn with_certificate(
        endpoint: &Endpoint,
        chain: &[Certificate],
        key_pem: &str,
        timeout: Timeout,
    ) -> Result<Self> {
        let auth = AuthInfo {
            client_certificate_data: Some(STANDARD.encode(chain_to_pem(chain))),
            client_key_data: Some(STANDARD.encode(key_pem).into()),
            ..AuthInfo::default()
        };
        Self::with(endpoint, auth, timeout)
    }

    pub fn with_token(endpoint: &Endpoint, token: &str, timeout: Timeout) -> Result<Self> {
        Self::with(
            endpoint,
            AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() },
            timeout,
        )
    }

    pub fn anonymous(endpoint: &Endpoint, timeout: Timeout) -> Result<Self> {
        Self::with(endpoint, AuthInfo::default(), timeout)
    }

    fn with(endpoint: &Endpoint, auth: AuthInfo, timeout: Timeout) -> Result<Self> {
        let client = client::build(&client_config(endpoint, auth, "default")?)?;
        let connection = Connection::Lasting(client);
        Ok(Self::new(connection, endpoint.server.clone(), timeout.for_requests()))
    }
}

#[derive(Debug)]
pub enum Credentials {
    Certificate { chain: Vec<Certificate>, key_pem: Zeroizing<Vec<u8>> },
    Token(Zeroizing<String>),
    Other(OtherCredential),
    None,
}

/// One context of the kubeconfig with the flags on top: where to connect to, and as whom.
pub struct Target {
    pub resolved: Resolved,
    pub endpoint: Endpoint,
    pub kubeconfig: Kubeconfig,
    pub request_timeout: Timeout,
    kuberc: Option<PathBuf>,
}

impl Target {
    pub fn resolve(args: &ClientArgs) -> Result<Self> {
        let kubeconfig = Kubeconfig::read(args.kubeconfig.as_deref())?;
        let resolved = kubeconfig.merged.resolve(&overrides(args)?).or_else(|error| {
            let nothing = error.may_be_in_cluster();
            if let Some(resolved) = Some(()).filter(|()| nothing).and_then(|()| in_cluster()) {
                return Ok(resolved);
            }
            let why = why_no_cluster(&error, &kubeconfig.list);
            let contradicts = matches!(error, ResolveError::Invalid(_));
            let error = Error::from(error);
            Err(match why {
                None if contradicts => error.hint(
                    "`kubectl config view --minify` shows the entries. If this file is the answer to a request: kubectl usercert install --reply FILE",
                ),
                Some(why) => error.hint(format!("{why}; {NO_CLUSTER}")),
                None => error.hint("`kubectl config get-contexts` lists the contexts"),
            })
        })?;
        let ca_pem = named::authority(&resolved.cluster)?;
        let endpoint = Endpoint::new(&resolved.cluster, ca_pem);
        let (request_timeout, kuberc) = (args.request_timeout, args.kuberc.clone());
        Ok(Self { resolved, endpoint, kubeconfig, request_timeout, kuberc })
    }

    /// Name of the cluster entry; the server's address if there is none.
    pub fn cluster_name(&self) -> &str {
        match self.resolved.cluster_name.as_str() {
            "" => &self.endpoint.server,
            name => name,
        }
    }

    pub fn namespace(&self) -> Option<&str> {
        self.resolved.namespace.as_deref()
    }

    pub fn connect(&self) -> Result<Cluster> {
        self.connect_as(&self.resolved.user)
    }

    /// Connects as whoever the credentials are of, without acting as somebody else (`--as`).
    pub fn connect_without_impersonation(&self) -> Result<Cluster> {
        let mut user = self.resolved.user.clone();
        (user.impersonate, user.impersonate_uid) = (None, None);
        user.impersonate_groups.clear();
        user.impersonate_user_extra.clear();
        self.connect_as(&user)
    }

    fn connect_as(&self, user: &User) -> Result<Cluster> {
        let (endpoint, namespace) = (&self.endpoint, self.namespace().unwrap_or("default"));
        let auth = auth_info(user, &self.resolved.user_name)?;
        let connection = match &user.exec {
            None => Connection::Lasting(client::build(&client_config(endpoint, auth, namespace)?)?),
            Some(exec) => {
                let kuberc = kuberc::load(self.kuberc.as_deref())
                    .hint("no credential plugin runs until the kuberc file is fixed")?;
                let config = self.resolved.cluster.exec_config.as_ref();
                let plugin = Plugin::new(exec, endpoint, config, kuberc)?;
                let (endpoint, namespace) = (endpoint.clone(), namespace.to_owned());
                Connection::by_plugin(plugin, move |issued| {
                    let auth = with_issued(auth.clone(), issued);
                    client::build(&client_config(&endpoint, auth, &namespace)?)
                })?
            }
        };
        let timeout = self.request_timeout.for_requests();
        Ok(Cluster::new(connection, endpoint.server.clone(), timeout)
            .known_as(&self.who())
            .named(self.cluster_name()))
    }

    /// Whose credentials these are, and in which context, safe to show.
    pub fn who(&self) -> String {
        let user = match named::user_entry(&self.resolved.user).certificate() {
            Some(certificate) => show_short(certificate.subject.user(), 80),
            None => show_short(&self.resolved.user_name, 80),
        };
        match &self.resolved.context_name {
            Some(context) => format!("user {user}, context {}", show_short(context, 80)),
            None => format!("user {user}"),
        }
    }

    pub fn credentials(&self) -> Result<Credentials> {
        let user = &self.resolved.user;
        if let (Some(chain), Some(key_pem)) = (named::certificate(user)?, named::key(user)?) {
            pair::check(user, &self.resolved.user_name, &chain, &key_pem)?;
            let chain = Certificate::chain_from_pem(&chain)?;
            return Ok(Credentials::Certificate { chain, key_pem });
        }
        if let Some(token) = token(user)? {
            return Ok(Credentials::Token(token));
        }
        if let Some(reference) = self_renewing::store_of(user) {
            let stored = named::stored(&reference)?.ok_or_else(|| {
                Error::new("the certificate that this context renews is not stored on this machine")
                    .hint("get a new one: kubectl usercert request, then install --auto-renew")
            })?;
            check_cluster(&stored.endpoint(), &self.endpoint)?;
            let key_pem = Zeroizing::new(stored.key.as_bytes().to_vec());
            return Ok(Credentials::Certificate { chain: stored.chain()?, key_pem });
        }
        Ok(OtherCredential::of(user).map_or(Credentials::None, Credentials::Other))
    }
}

/// The bearer token of a user entry; as for kubectl, the file wins.
fn token(user: &User) -> Result<Option<Zeroizing<String>>> {
    match &user.token_file {
        Some(file) => Ok(Some(named::token(file)?)),
        None => Ok(user.token.clone()),
    }
}

/// The service account of the pod that this runs in, if it runs in one (`client-go/rest/config.go`).
fn in_cluster() -> Option<Resolved> {
    const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let host = environment::variable("KUBERNETES_SERVICE_HOST")?;
    let port = environment::variable("KUBERNETES_SERVICE_PORT")?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let file = |name: &str| Path::new(FOLDER).join(name);
    let namespace = files::reading::read_limited(&file("namespace"), CREDENTIAL_LIMIT).ok();
    files::reading::read_sensitive(&file("token"), CREDENTIAL_LIMIT).ok()?;
    Some(Resolved {
        context_name: None,
        cluster_name: "in-cluster".to_owned(),
        user_name: String::new(),
        namespace: namespace.map(|n| String::from_utf8_lossy(&n).trim().to_owned()),
        cluster: ClusterEntry {
            server: format!("https://{host}:{port}"),
            certificate_authority: Some(file("ca.crt")),
            ..ClusterEntry::default()
        },
        user: User { token_file: Some(file("token")), ..User::default() },
    })
}

fn overrides(args: &ClientArgs) -> Result<Overrides> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in &args.as_user_extra {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::usage(format!("--as-user-extra {} is not of the form key=value", show(pair)))
        })?;
        extra.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(Overrides {
        context: args.context.clone(),
        cluster: args.cluster.clone(),
        user: args.user.clone(),
        namespace: args.namespace.clone(),
        server: args.server.clone(),
        certificate_authority: args.certificate_authority.clone(),
        insecure_skip_tls_verify: args.insecure_skip_tls_verify,
        tls_server_name: args.tls_server_name.clone(),
        client_certificate: args.client_certificate.clone(),
        client_key: args.client_key.clone(),
        token: args.token.clone().map(Zeroizing::new),
        as_user: args.as_user.clone(),
        as_groups: args.as_group.clone(),
        as_uid: args.as_uid.clone(),
        as_user_extra: extra,
        default_server: environment::variable("KUBERNETES_MASTER"),
    })
}

/// The client library's form of a user entry, without a plugin's credentials. Core has dropped what
/// kubectl would not use (`exec` beside a certificate).
fn auth_info(user: &User, name: &str) -> Result<AuthInfo> {
    if user.auth_provider.is_some() {
        return Err(Error::new("the user entry has an auth-provider, which is not supported")
            .hint("kubectl itself dropped them in 1.26; use an exec plugin"));
    }
    let (certificate, key) = (named::certificate(user)?, named::key(user)?);
    if let (Some(certificate), Some(key)) = (&certificate, &key) {
        pair::check(user, name, certificate, key)?;
    }
    let token = token(user)?;
    Ok(AuthInfo {
        username: user.username.clone(),
        password: user.password.as_ref().map(|p| p.to_string().into()),
        token: token.map(|t| t.to_string().into()),
        client_certificate_data: certificate.map(|pem| STANDARD.encode(&*pem)),
        client_key_data: key.map(|pem| STANDARD.encode(&*pem).into()),
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: Some(user.impersonate_groups.clone()).filter(|g| !g.is_empty()),
        impersonate_user_extra: Some(user.impersonate_user_extra.clone().into_iter().collect())
            .filter(|e: &std::collections::HashMap<String, Vec<String>>| !e.is_empty()),
        ..AuthInfo::default()
    })
}

/// The same with what a plugin has given.
fn with_issued(auth: AuthInfo, issued: Issued) -> AuthInfo {
    let Issued { auth: given, until: _ } = issued;
    AuthInfo {
        token: given.token,
        client_certificate_data: given.client_certificate_data,
        client_key_data: given.client_key_data,
        ..auth
    }
}
