//! The reply: a keyless kubeconfig, by which an approver answers somebody who has no access yet.
//!
//! It holds cluster, CA, certificate and context, and nothing secret. What arrives by mail is data
//! from a stranger: only the fields named here are taken, everything else is refused by name, because
//! kubectl would act on it (`exec` runs programs, `tokenFile` sends a local file to the server, …).

mod read;

use serde_json::Value;

use crate::encoding::{base64, yaml};
use crate::kubeconfig::{Endpoint, context_body};
use crate::text::{self, shell_word};
use crate::x509::certificate::{Certificate, chain_to_pem};
use crate::x509::code::Code;

/// Longest reply that is looked at, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Why a text is not a reply that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// Not YAML, not UTF-8, or too long.
    #[error("the reply is not a kubeconfig: {0}")]
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
}

#[cfg(test)]
mod tests;
