//! Typed views of entries, with file paths resolved against the file that holds the entry.
//!
//! Fields as in `tools/clientcmd/api/v1/types.go` of client-go.

use crate::text::sorted::BTreeMap;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zeroize::Zeroizing;

use super::decode;
use crate::kubeconfig::{Kind, path};

/// An entry of the merged view.
#[derive(Clone, Copy)]
pub struct MergedEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The file that holds it.
    pub file: &'a Path,
    pub(super) kind: Kind,
    pub(super) body: &'a decode::Body,
    pub(super) text: &'a str,
}

impl<'a> MergedEntry<'a> {
    /// Its body as written, paths not resolved.
    pub fn value(&self) -> Cow<'a, Value> {
        self.body.value(self.kind, self.text)
    }
}

/// A cluster: where its server is and how to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The server's URL.
    pub server: String,
    /// The name to expect in the server's certificate instead of the host's.
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate goes unchecked.
    pub insecure_skip_tls_verify: bool,
    /// The file with the certificate authority.
    pub certificate_authority: Option<PathBuf>,
    /// The certificate authority itself, PEM.
    pub certificate_authority_data: Option<Vec<u8>>,
    /// The proxy to go through.
    pub proxy_url: Option<String>,
    /// What credential plugins are told of the cluster: its extension for them.
    pub exec_config: Option<Value>,
}

/// A user: how to prove who one is. `Debug` shows no secret.
#[derive(Clone, Default, PartialEq)]
pub struct User {
    /// The file with the certificate.
    pub client_certificate: Option<PathBuf>,
    /// The certificate itself, PEM.
    pub client_certificate_data: Option<Vec<u8>>,
    /// The file with the private key.
    pub client_key: Option<PathBuf>,
    /// The private key itself, PEM.
    pub client_key_data: Option<Zeroizing<Vec<u8>>>,
    /// A bearer token.
    pub token: Option<Zeroizing<String>>,
    /// The file with a bearer token, read again from time to time; wins over `token`.
    pub token_file: Option<PathBuf>,
    /// The name for basic authentication.
    pub username: Option<String>,
    /// The password for basic authentication.
    pub password: Option<Zeroizing<String>>,
    /// The user to act as.
    pub impersonate: Option<String>,
    /// The UID to act with.
    pub impersonate_uid: Option<String>,
    /// The groups to act with.
    pub impersonate_groups: Vec<String>,
    /// Additional attributes to act with.
    pub impersonate_user_extra: BTreeMap<String, Vec<String>>,
    /// A command that gives credentials, as written but for the command's path.
    pub exec: Option<Value>,
    /// A legacy authentication provider, as written.
    pub auth_provider: Option<Value>,
}

/// A context: which user goes to which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The cluster's name; may be empty.
    pub cluster: String,
    /// The user's name; may be empty.
    pub user: String,
    /// The namespace, if one is set.
    pub namespace: Option<String>,
}

impl Cluster {
    pub(super) fn read(entry: MergedEntry<'_>) -> Self {
        let body = Body::of(entry);
        Cluster {
            server: body.text("server").unwrap_or_default(),
            tls_server_name: body.text("tls-server-name"),
            insecure_skip_tls_verify: body.flag("insecure-skip-tls-verify"),
            certificate_authority: body.path("certificate-authority"),
            certificate_authority_data: body.data("certificate-authority-data"),
            proxy_url: body.text("proxy-url"),
            exec_config: body.extension("client.authentication.k8s.io/exec"),
        }
    }
}

impl User {
    pub(super) fn read(entry: MergedEntry<'_>) -> Self {
        let body = Body::of(entry);
        let mut exec = body.get("exec").cloned();
        if let Some(command) = exec.as_mut().and_then(|exec| exec.get_mut("command")) {
            let text = command.as_str().unwrap_or_default();
            *command = path::resolve_command(entry.file, text).display().to_string().into();
        }
        User {
            client_certificate: body.path("client-certificate"),
            client_certificate_data: body.data("client-certificate-data"),
            client_key: body.path("client-key"),
            client_key_data: body.data("client-key-data").map(Zeroizing::new),
            token: body.text("token").map(Zeroizing::new),
            token_file: body.path("tokenFile"),
            username: body.text("username"),
            password: body.text("password").map(Zeroizing::new),
            impersonate: body.text("as"),
            impersonate_uid: body.text("as-uid"),
            impersonate_groups: texts(body.get("as-groups")),
            impersonate_user_extra: body
                .get("as-user-extra")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(key, values)| (key.clone(), texts(Some(values))))
                .collect(),
            exec,
            auth_provider: body.get("auth-provider").cloned(),
        }
    }
}

impl Context {
    pub(super) fn read(entry: MergedEntry<'_>) -> Self {
        let body = Body::of(entry);
        Context {
            cluster: body.text("cluster").unwrap_or_default(),
            user: body.text("user").unwrap_or_default(),
            namespace: body.text("namespace"),
        }
    }
}

/// An entry's body, whose fields are known to have the right types. Empty counts as not there.
struct Body<'a> {
    file: &'a Path,
    value: Cow<'a, Value>,
}

impl<'a> Body<'a> {
    fn of(entry: MergedEntry<'a>) -> Self {
        Body { file: entry.file, value: entry.value() }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// An extension; `null` counts as none, as it does for client-go.
    fn extension(&self, name: &str) -> Option<Value> {
        let named = |item: &&Value| item.get("name").and_then(Value::as_str) == Some(name);
        let found = self.get("extensions")?.as_array()?.iter().find(named)?;
        found.get("extension").filter(|value| !value.is_null()).cloned()
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|text| path::resolve(self.file, &text))
    }

    fn data(&self, key: &str) -> Option<Vec<u8>> {
        let bytes = self.get(key).and_then(Value::as_str).and_then(decode::data);
        bytes.filter(|bytes| !bytes.is_empty())
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is not named may hold secrets: environment variables and provider settings do too.
        f.debug_struct("User")
            .field("client_certificate", &self.client_certificate)
            .field("client_key", &self.client_key)
            .field("token", &self.token.is_some())
            .field("token_file", &self.token_file)
            .field("username", &self.username)
            .field("impersonate", &self.impersonate)
            .finish_non_exhaustive()
    }
}
