//! Kubeconfig files for users of the sandbox.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// What a user shows to the server.
pub(crate) enum Credential<'a> {
    /// Certificate and key, both PEM.
    Certificate(&'a str, &'a str),
    Token(&'a str),
    None,
}

/// A kubeconfig with one context, `USER@sandbox`. It is JSON, which is YAML, too.
pub(crate) fn kubeconfig(url: &str, ca: &str, user: &str, credential: &Credential<'_>) -> String {
    let context = format!("{user}@sandbox");
    let fields = match credential {
        Credential::Certificate(certificate, key) => json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }),
        Credential::Token(token) => json!({"token": token}),
        Credential::None => json!({}),
    };
    let cluster = json!({"server": url, "certificate-authority-data": STANDARD.encode(ca)});
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": context, "user": fields}],
        "contexts": [{"name": context, "context": {"cluster": "sandbox", "user": context}}],
        "current-context": context,
    });
    format!("{config:#}\n")
}
