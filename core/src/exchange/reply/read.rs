//! Taking a reply apart.

use serde_json::{Map, Value};

use super::{MAX_BYTES, Reply, ReplyError};
use crate::encoding::utf16::Utf16;
use crate::encoding::{base64, pem, yaml};
use crate::exchange::armor;
use crate::text;
use crate::text::dns::is_label;
use crate::x509::certificate::Certificate;

impl Reply {
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
            return Err(forbidden("YAML aliases", "their meaning is easily overlooked"));
        }
        let top = value
            .as_object()
            .ok_or_else(|| ReplyError::NotKubeconfig("it is not a mapping".to_owned()))?;
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
            return Err(invalid("namespace", "is not a namespace name"));
        }
        let tls_server_name = string(cluster, "tls-server-name")?.map(str::to_owned);
        if tls_server_name.as_deref().is_some_and(|n| !is_host(n)) {
            return Err(invalid("tls-server-name", "is not a host name"));
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
            let problem =
                format!("holds a certificate that is not a CA ({})", other.subject.shown());
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
        "client-key-data" => "a private key must never be sent; this one is no longer secret",
        "proxy-url" => "it would send all traffic through somebody's proxy",
        "insecure-skip-tls-verify" => "anybody could pose as the server",
        "extensions" => "programs act on them in unpredictable ways",
        _ => "it is unknown",
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
        entry.as_object().ok_or_else(|| invalid(list, "holds something that is not an entry"))?;
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
        Some(_) => Err(invalid(key, "is not a string")),
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
    Certificate::chain_from_pem(&decoded).map_err(|error| {
        let problem = error.to_string();
        invalid(key, problem.strip_prefix("it ").unwrap_or(&problem))
    })
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
        return Err(invalid("server", "is not a plain https address"));
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
