//! The reply: a keyless kubeconfig, by which an approver answers somebody who has no access yet.
//!
//! It holds cluster, CA, certificate and context, and nothing secret. What arrives by mail is data
//! from a stranger: only the fields named here are taken, everything else is refused by name, because
//! kubectl would act on it (`exec` runs programs, `tokenFile` sends a local file to the server, …).

use serde_json::{Map, Value};

use crate::encoding::utf16::Utf16;
use crate::encoding::{base64, pem, yaml};
use crate::exchange::armor;
use crate::kubeconfig::{Endpoint, context_body};
use crate::text::dns::is_label;
use crate::text::{self, shell_word};
use crate::x509::certificate::{Certificate, chain_to_pem};
use crate::x509::code::Code;

/// Longest reply that is looked at, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Why a text is no reply that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// Not YAML, not UTF-8, or too long.
    #[error("the reply is no kubeconfig: {0}")]
    NotKubeconfig(String),
    /// A field that a reply must not have.
    #[error("the reply holds {field}, which a reply must not have: {why}")]
    Forbidden {
        /// Where it stands, as `users[0].user.exec`.
        field: String,
        /// What it would do.
        why: &'static str,
    },
    /// A field that a reply must have.
    #[error("the reply lacks {0}")]
    Missing(&'static str),
    /// A field whose value cannot be taken.
    #[error("{field} of the reply {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// A reply, taken apart and put together again from allowed parts only.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Address of the API server, `https://…`.
    pub server: String,
    /// The CA certificates that its certificate is checked with.
    pub ca: Vec<Certificate>,
    /// The name that the server's certificate is checked for, if not the address.
    pub tls_server_name: Option<String>,
    /// The issued certificate first, then intermediates.
    pub chain: Vec<Certificate>,
    /// Name of the cluster entry.
    pub cluster_name: String,
    /// Name of the context entry and of the user entry.
    pub context_name: String,
    /// Namespace of the context.
    pub namespace: Option<String>,
}

impl Reply {
    /// The issued certificate.
    ///
    /// # Errors
    /// None for a reply that was read or that has a certificate.
    pub fn leaf(&self) -> Result<&Certificate, ReplyError> {
        self.chain.first().ok_or(ReplyError::Missing("a certificate"))
    }

    /// The code over everything that ends up in a kubeconfig.
    pub fn code(&self) -> Code {
        // Destructured in full, so that no new field is overlooked.
        let Self { server, ca, tls_server_name, chain, cluster_name, context_name, namespace } =
            self;
        let texts = [
            "usercert reply v2",
            server,
            tls_server_name.as_deref().unwrap_or_default(),
            cluster_name,
            context_name,
            namespace.as_deref().unwrap_or_default(),
        ];
        let of_ca = (ca.len() as u64).to_be_bytes();
        let certificates = ca.iter().chain(chain).map(|c| c.der.as_slice());
        Code::of_parts(texts.map(str::as_bytes).into_iter().chain([&of_ca[..]]).chain(certificates))
    }

    /// Where the cluster is and how it is recognized.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::verified(&self.server, &self.ca, self.tls_server_name.as_deref())
    }

    /// The kubeconfig that this reply and its private key (PEM) make.
    pub fn to_kubeconfig(&self, key_pem: &str) -> String {
        yaml::to_string(&self.config(yaml::object([
            ("client-certificate-data", self.chain_data().into()),
            ("client-key-data", base64::encode(key_pem).into()),
        ])))
    }

    fn chain_data(&self) -> String {
        base64::encode(chain_to_pem(&self.chain))
    }

    /// A kubeconfig with this user entry.
    fn config(&self, user: Value) -> Value {
        let namespace = self.namespace.as_deref();
        let context = context_body(&self.cluster_name, &self.context_name, namespace);
        let list = |name: &str, kind, body| {
            let entry = yaml::object([("name", name.into()), (kind, body)]);
            Value::Array(vec![entry])
        };
        yaml::object([
            ("apiVersion", "v1".into()),
            ("kind", "Config".into()),
            ("clusters", list(&self.cluster_name, "cluster", self.endpoint().body())),
            ("users", list(&self.context_name, "user", user)),
            ("contexts", list(&self.context_name, "context", context)),
            ("current-context", self.context_name.clone().into()),
        ])
    }

    /// The text to send, with instructions in comments.
    ///
    /// # Errors
    /// As [`Reply::leaf`].
    pub fn to_text(&self) -> Result<String, ReplyError> {
        let leaf = self.leaf()?;
        let user = leaf.subject.user();
        let user_body = yaml::object([("client-certificate-data", self.chain_data().into())]);
        let value = self.config(user_body);
        Ok(format!(
            "# Access to the cluster {cluster} for the user {user}, until {until}.\n\
             # It holds no secret; the private key that belongs to it never left its owner.\n\
             # The sender reads its code out over another channel; `install` asks for it.\n\
             #\n\
             # With the plugin, FILE being this file:\n\
             #   kubectl usercert install --reply FILE\n\
             # Without it, KEY being the private key's file; kubectl refuses FILE until then:\n\
             #   kubectl config set-credentials --client-key KEY --embed-certs --kubeconfig FILE -- {entry}\n\
             #   kubectl --kubeconfig FILE auth whoami\n\
             {yaml}",
            cluster = text::show(&self.cluster_name),
            user = text::show(user),
            until = leaf.not_after,
            entry = shell_word(&self.context_name),
            yaml = yaml::to_string(&value),
        ))
    }

    /// Takes a reply apart.
    ///
    /// # Errors
    /// The first field that is missing, malformed or not allowed, by name.
    pub fn parse(input: &[u8]) -> Result<Self, ReplyError> {
        if input.len() > MAX_BYTES {
            return Err(ReplyError::NotKubeconfig("it is longer than 1 MiB".to_owned()));
        }
        let wide = Utf16::of(input).and_then(|encoding| encoding.decode(input));
        let text = match &wide {
            Some(text) => text,
            None => std::str::from_utf8(input)
                .map_err(|_| ReplyError::NotKubeconfig("it is not UTF-8 text".to_owned()))?,
        };
        let armored = armor::opened(text, armor::REPLY);
        let text = match armored.as_slice() {
            [] => text,
            [one] => one,
            many => {
                let message = format!("it holds {} replies; one is expected", many.len());
                return Err(ReplyError::NotKubeconfig(message));
            }
        };
        let value =
            yaml::parse(text).map_err(|error| ReplyError::NotKubeconfig(error.to_string()))?;
        Self::from_value(text, &value)
    }

    /// Takes a reply apart that is read already: `value` is what `text` says.
    pub(crate) fn from_value(text: &str, value: &Value) -> Result<Self, ReplyError> {
        if has_aliases(text) {
            return Err(forbidden("YAML aliases", "what they stand for is easily overlooked"));
        }
        let top = value
            .as_object()
            .ok_or_else(|| ReplyError::NotKubeconfig("it is no mapping".to_owned()))?;
        let word = |key: &str| top.get(key).and_then(Value::as_str);
        if (word("apiVersion"), word("kind")) != (Some("v1"), Some("Config")) {
            return Err(ReplyError::NotKubeconfig(
                "it is not of kind Config, version v1".to_owned(),
            ));
        }
        const TOP: [&str; 7] = [
            "apiVersion",
            "kind",
            "clusters",
            "users",
            "contexts",
            "current-context",
            "preferences",
        ];
        only(top, &TOP, "")?;
        if top.get("preferences").is_some_and(|p| !is_empty(p)) {
            return Err(forbidden("preferences", "it belongs to its owner alone"));
        }
        let (cluster_name, cluster) = single(top, "clusters", "cluster")?;
        let (user_name, user) = single(top, "users", "user")?;
        let (context_name, context) = single(top, "contexts", "context")?;

        const CLUSTER: [&str; 3] = ["server", "certificate-authority-data", "tls-server-name"];
        only(cluster, &CLUSTER, "clusters[0].cluster.")?;
        only(user, &["client-certificate-data"], "users[0].user.")?;
        only(context, &["cluster", "user", "namespace"], "contexts[0].context.")?;
        for (field, found, wanted) in [
            ("contexts[0].context.cluster", string(context, "cluster")?, cluster_name),
            ("contexts[0].context.user", string(context, "user")?, user_name),
        ] {
            if found.is_some_and(|f| f != wanted) || found.is_none() {
                return Err(invalid(field, "does not name the reply's own entry"));
            }
        }
        if word("current-context").is_some_and(|c| !c.is_empty() && c != context_name) {
            return Err(invalid("current-context", "does not name the reply's own context"));
        }

        let server = string(cluster, "server")?.ok_or(ReplyError::Missing("server"))?;
        check_server(server)?;
        let namespace = string(context, "namespace")?.map(str::to_owned);
        if namespace.as_deref().is_some_and(|n| !is_label(n, 63)) {
            return Err(invalid("namespace", "is no namespace's name"));
        }
        let tls_server_name = string(cluster, "tls-server-name")?.map(str::to_owned);
        if tls_server_name.as_deref().is_some_and(|n| !is_host(n)) {
            return Err(invalid("tls-server-name", "is no host name"));
        }
        for (field, name) in
            [("clusters[0].name", cluster_name), ("contexts[0].name", context_name)]
        {
            if name.is_empty() || name.len() > 1024 || text::first_hidden(name).is_some() {
                return Err(invalid(field, "is empty, too long or holds invisible characters"));
            }
        }
        let ca = certificates(cluster, "certificate-authority-data")?;
        if let Some(other) = ca.iter().find(|c| !c.may_be_authority()) {
            let problem = format!("holds a certificate that is no CA ({})", other.subject.shown());
            return Err(invalid("certificate-authority-data", problem));
        }
        Ok(Self {
            server: server.to_owned(),
            ca,
            tls_server_name,
            chain: certificates(user, "client-certificate-data")?,
            cluster_name: cluster_name.to_owned(),
            context_name: context_name.to_owned(),
            namespace,
        })
    }
}

/// Whether anything in the text stands for something written elsewhere in it.
fn has_aliases(text: &str) -> bool {
    text.contains('*') && yaml::has_alias(text)
}

fn forbidden(field: impl Into<String>, why: &'static str) -> ReplyError {
    ReplyError::Forbidden { field: field.into(), why }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> ReplyError {
    ReplyError::Invalid { field, problem: problem.into() }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(s) => s.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What a field that is not allowed would do.
fn reason(field: &str) -> &'static str {
    match field {
        "exec" => "it would run a program on this machine",
        "auth-provider" => "it would run code that handles credentials",
        "token" | "username" | "password" => "it would send a credential that is not yours",
        "tokenFile" => "it would send the content of a local file to the server",
        "as" | "as-groups" | "as-uid" | "as-user-extra" => "it would act as somebody else",
        "client-certificate" | "client-key" | "certificate-authority" => {
            "it names a file on this machine"
        }
        "client-key-data" => "a private key must never be sent; this one is no secret any more",
        "proxy-url" => "it would send all traffic through somebody's proxy",
        "insecure-skip-tls-verify" => "anybody could pose as the server",
        "extensions" => "programs act on them in ways that cannot be foreseen",
        _ => "it is not known here",
    }
}

fn only(map: &Map<String, Value>, allowed: &[&str], prefix: &str) -> Result<(), ReplyError> {
    match map.keys().find(|k| !allowed.contains(&k.as_str())) {
        Some(key) => Err(forbidden(format!("{prefix}{}", text::show_short(key, 60)), reason(key))),
        None => Ok(()),
    }
}

/// The one entry of a list: its name and body.
fn single<'a>(
    top: &'a Map<String, Value>,
    list: &'static str,
    body: &'static str,
) -> Result<(&'a str, &'a Map<String, Value>), ReplyError> {
    let entries = top.get(list).and_then(Value::as_array).ok_or(ReplyError::Missing(list))?;
    let [entry] = entries.as_slice() else {
        if entries.is_empty() {
            return Err(ReplyError::Missing(list));
        }
        return Err(forbidden(format!("{list}[1]"), "a reply has exactly one entry of each kind"));
    };
    let entry =
        entry.as_object().ok_or_else(|| invalid(list, "holds something that is no entry"))?;
    only(entry, &["name", body], &format!("{list}[0]."))?;
    let name = string(entry, "name")?.ok_or(ReplyError::Missing("name"))?;
    let body = entry
        .get(body)
        .and_then(Value::as_object)
        .ok_or_else(|| invalid(list, format!("holds an entry without {body}")))?;
    Ok((name, body))
}

fn string<'a>(
    map: &'a Map<String, Value>,
    key: &'static str,
) -> Result<Option<&'a str>, ReplyError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if s.is_empty() => Ok(None),
        Some(Value::String(s)) => Ok(Some(s)),
        Some(_) => Err(invalid(key, "is no text")),
    }
}

fn certificates(
    map: &Map<String, Value>,
    key: &'static str,
) -> Result<Vec<Certificate>, ReplyError> {
    let data = string(map, key)?.ok_or(ReplyError::Missing(key))?;
    let decoded = base64::decode_spaced(data).ok_or_else(|| invalid(key, "is not base64"))?;
    if pem::mentions_private_key(&decoded) {
        return Err(forbidden(key, reason("client-key-data")));
    }
    Certificate::chain_from_pem(&decoded).map_err(|e| invalid(key, e.to_string()))
}

/// An `https://` address with a host and nothing that hides another one.
fn check_server(server: &str) -> Result<(), ReplyError> {
    let Some(rest) = server.strip_prefix("https://") else {
        return Err(invalid("server", "does not begin with https://"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd = server.chars().any(|c| c.is_whitespace() || !c.is_ascii_graphic());
    let plain = !odd && !authority.contains('@') && !rest.contains(['?', '#', '\\', '%']);
    if !plain || !is_authority(authority) {
        return Err(invalid("server", "is no plain https address"));
    }
    Ok(())
}

/// A host, or an IPv6 address in brackets, and a port if one is named.
fn is_authority(text: &str) -> bool {
    let of_address = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let (host, rest) = match text.strip_prefix('[').map(|inside| inside.split_once(']')) {
        // Which addresses there are is the client's to know: its parser would cost the page 1 KB.
        Some(Some((address, rest))) if address.bytes().all(of_address) => (address, rest),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = rest.strip_prefix(':').map(|port| port.parse::<u32>().is_ok_and(|p| p < 65_536));
    !host.is_empty() && (rest.is_empty() || port == Some(true))
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Reply {
        let pem = include_bytes!("../../tests/data/expired.pem");
        let chain = Certificate::chain_from_pem(pem).unwrap();
        Reply {
            server: "https://10.0.0.1:6443".to_owned(),
            ca: chain.clone(),
            tls_server_name: Some("kubernetes".to_owned()),
            chain,
            cluster_name: "prod".to_owned(),
            context_name: "old@prod".to_owned(),
            namespace: Some("team-a".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let reply = reply();
        let text = reply.to_text().unwrap();
        assert_eq!(Reply::parse(text.as_bytes()).unwrap(), reply);
        // Which is for another channel.
        assert!(!text.contains(&reply.code().short()));
        assert!(!text.contains("PRIVATE"));
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(Reply::parse(crlf.as_bytes()).unwrap(), reply);
    }

    #[test]
    fn the_code_covers_whatever_ends_up_in_a_kubeconfig() {
        type Change = fn(&mut Reply);
        let changes: [Change; 9] = [
            |r| r.server.push('0'),
            |r| r.ca.clear(),
            |r| r.ca[0].der.push(0),
            |r| r.tls_server_name = None,
            |r| r.chain[0].der.push(0),
            |r| r.chain.push(r.ca[0].clone()),
            |r| r.cluster_name.push('x'),
            |r| r.context_name.push('x'),
            |r| r.namespace = None,
        ];
        let mut codes = vec![reply().code()];
        for change in changes {
            let mut other = reply();
            change(&mut other);
            assert!(!codes.contains(&other.code()));
            codes.push(other.code());
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_comment_or_the_command() {
        let mut reply = reply();
        reply.context_name = "x'; rm -rf ~; '".to_owned();
        let text = reply.to_text().unwrap();
        assert!(text.contains(r"-- 'x'\''; rm -rf ~; '\'''"));
        reply.context_name = "x\nusers: []".to_owned();
        let text = reply.to_text().unwrap();
        assert!(text.lines().all(|l| !l.starts_with("users: []")));
        assert!(Reply::parse(text.as_bytes()).is_err(), "a hidden character in a name");
    }

    #[test]
    fn everything_that_kubectl_would_act_on_is_refused_by_name() {
        let text = reply().to_text().unwrap();
        let value = yaml::parse(&text).unwrap();
        for (pointer, key) in [
            ("/users/0/user", "exec"),
            ("/users/0/user", "auth-provider"),
            ("/users/0/user", "token"),
            ("/users/0/user", "tokenFile"),
            ("/users/0/user", "username"),
            ("/users/0/user", "password"),
            ("/users/0/user", "as"),
            ("/users/0/user", "as-user-extra"),
            ("/users/0/user", "client-certificate"),
            ("/users/0/user", "client-key"),
            ("/users/0/user", "client-key-data"),
            ("/users/0", "extensions"),
            ("/clusters/0/cluster", "proxy-url"),
            ("/clusters/0/cluster", "insecure-skip-tls-verify"),
            ("/clusters/0/cluster", "certificate-authority"),
            ("/clusters/0/cluster", "disable-compression"),
            ("/contexts/0/context", "extensions"),
            ("", "extensions"),
        ] {
            let mut hostile = value.clone();
            hostile.pointer_mut(pointer).unwrap()[key] = "x".into();
            let error = Reply::parse(hostile.to_string().as_bytes()).unwrap_err();
            assert!(
                matches!(&error, ReplyError::Forbidden { field, .. } if field.ends_with(key)),
                "{key}: {error}"
            );
        }
        let mut second = value.clone();
        let user = second["users"][0].clone();
        second["users"].as_array_mut().unwrap().push(user);
        assert!(matches!(
            Reply::parse(second.to_string().as_bytes()),
            Err(ReplyError::Forbidden { .. })
        ));
    }

    #[test]
    fn only_a_ca_is_a_ca() {
        let mut reply = reply();
        let mut other = reply.ca.clone();
        // In version 3 the certificate could say that it is one, and does not.
        let v3 = include_bytes!("../../tests/data/leaf-v3.pem");
        other.extend(Certificate::chain_from_pem(v3).unwrap());
        reply.ca = other;
        let error = Reply::parse(reply.to_text().unwrap().as_bytes()).unwrap_err();
        assert!(error.to_string().contains("that is no CA (CN=leaf)"), "{error}");
    }

    #[test]
    fn servers_that_hide_where_they_lead_are_refused() {
        let text = reply().to_text().unwrap();
        for server in [
            "http://10.0.0.1:6443",
            "https://",
            "https://good@evil",
            "https://a b",
            "https://a\\b",
            "https://a?x",
            "https://ex%61mple.com",
            "https://a/%2e%2e",
            "10.0.0.1:6443",
        ] {
            let mut value = yaml::parse(&text).unwrap();
            value["clusters"][0]["cluster"]["server"] = server.into();
            assert!(Reply::parse(value.to_string().as_bytes()).is_err(), "{server}");
        }
    }
}
