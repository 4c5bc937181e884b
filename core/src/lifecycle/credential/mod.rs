//! A certificate that renews itself: when it is renewed, and what clients are told until then.
//!
//! Clients run our program for every credential (`client-go/plugin/pkg/client/auth/exec/exec.go`), keep
//! the answer until its expirationTimestamp, and run it again after a 401. A certificate that has
//! changed closes their connections, so it changes only once it must.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::encoding::base64;
use crate::kubeconfig::Endpoint;
use crate::kubeconfig::self_renewing::API_VERSION;
use crate::lifecycle::Fingerprint;
use crate::text::show_short;
use crate::time::{UnixTime, human_duration};
use crate::x509::certificate::{Certificate, CertificateError};

/// A certificate, its key and the server that it is for, as they are stored. `Debug` shows no key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCredential {
    /// The context that it was installed for.
    pub context: String,
    /// Address of the API server.
    pub server: String,
    /// PEM of the CA certificates by which the server is recognized; `None` for the system's.
    pub certificate_authority: Option<String>,
    /// The name that the server's certificate is checked for, if not the address.
    pub tls_server_name: Option<String>,
    /// Proxy on the way.
    pub proxy_url: Option<String>,
    /// Who signs its successors.
    pub signer_name: String,
    /// PEM of the chain, the leaf first.
    pub certificate: String,
    /// PEM of the private key.
    #[serde(serialize_with = "write_key", deserialize_with = "read_key")]
    pub key: Zeroizing<String>,
}

fn write_key<S: Serializer>(key: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key)
}

fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

impl fmt::Debug for StoredCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCredential").field("server", &self.server).finish_non_exhaustive()
    }
}

impl StoredCredential {
    /// Where it may be used.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            server: self.server.clone(),
            ca_pem: self.certificate_authority.as_ref().map(|pem| pem.clone().into_bytes()),
            tls_server_name: self.tls_server_name.clone(),
            insecure: false,
            proxy_url: self.proxy_url.clone(),
        }
    }

    /// The chain, the leaf first.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn chain(&self) -> Result<Vec<Certificate>, CertificateError> {
        Certificate::chain_from_pem(self.certificate.as_bytes())
    }
}

/// What keeps a client from being answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterMismatch {
    /// The client does not say.
    #[error("the client does not say which cluster it connects to")]
    Untold,
    /// What it says cannot be read.
    #[error("KUBERNETES_EXEC_INFO cannot be read: {0}")]
    Malformed(&'static str),
    /// The server's certificate would go unchecked.
    #[error("the client does not check the server's certificate")]
    Insecure,
    /// Another server.
    #[error("the client connects to another server than the stored certificate is for")]
    Server,
    /// Another CA.
    #[error("the client uses another CA than the stored certificate is for")]
    Authority,
}

/// The cluster that a client connects to, as it says in `KUBERNETES_EXEC_INFO`. `file` is the content of
/// a CA file: client-go embeds it, Python's client hands over its path.
///
/// # Errors
/// When it does not say so, in the version of the protocol that our entries ask for.
pub fn client_cluster(
    info: Option<&str>,
    file: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Endpoint, ClusterMismatch> {
    let malformed = ClusterMismatch::Malformed;
    let info = info.ok_or(ClusterMismatch::Untold)?;
    let info: Value = serde_json::from_str(info).map_err(|_| malformed("it is not JSON"))?;
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
    };
    if text(&info, "apiVersion").as_deref() != Some(API_VERSION) {
        return Err(malformed("its apiVersion is not client.authentication.k8s.io/v1"));
    }
    let cluster = info.get("spec").and_then(|spec| spec.get("cluster"));
    let cluster = cluster.filter(|c| c.is_object()).ok_or(ClusterMismatch::Untold)?;
    let data = text(cluster, "certificate-authority-data");
    let ca_pem = match (data, text(cluster, "certificate-authority")) {
        (Some(data), _) => {
            Some(base64::decode_lines(&data).ok_or(malformed("its CA is not base64"))?)
        }
        (None, Some(path)) => Some(file(&path).ok_or(malformed("its CA file cannot be read"))?),
        (None, None) => None,
    };
    Ok(Endpoint {
        server: text(cluster, "server").ok_or(malformed("it names no server"))?,
        ca_pem,
        tls_server_name: text(cluster, "tls-server-name"),
        insecure: cluster.get("insecure-skip-tls-verify").and_then(Value::as_bool) == Some(true),
        proxy_url: text(cluster, "proxy-url"),
    })
}

/// Makes sure that a client connects to the very cluster that a credential is for.
///
/// # Errors
/// When it does not.
pub fn check_cluster(stored: &Endpoint, client: &Endpoint) -> Result<(), ClusterMismatch> {
    if client.insecure {
        return Err(ClusterMismatch::Insecure);
    }
    let same_name = stored.tls_server_name == client.tls_server_name;
    if stored.address() != client.address() || !same_name {
        return Err(ClusterMismatch::Server);
    }
    if stored.same_cluster(client) { Ok(()) } else { Err(ClusterMismatch::Authority) }
}

/// The earliest renewal, as a share of the lifetime in ten thousandths.
const EARLIEST: i128 = 7_000;
/// What the fingerprint adds at most, in the same unit.
const SPREAD: i128 = 2_000;
/// Seconds that should be left after it, for clocks that are wrong and servers that are away.
const RESERVE: i64 = 300;

/// From when on a certificate is renewed: 70 to 90 % of its lifetime, as kubelets do. Certificates issued
/// together are renewed apart; short ones at 70 %, so that some minutes are left.
pub fn renewal_point(leaf: &Certificate) -> UnixTime {
    let print = Fingerprint::of(&leaf.der).to_string();
    let number = print.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let whole = i128::from(leaf.not_after.since(leaf.not_before)).max(0);
    let at = |share: i128| {
        leaf.not_before.plus(i64::try_from(whole * share / 10_000).unwrap_or(i64::MAX))
    };
    let spread = i128::from(number.unwrap_or_default()) % (SPREAD + 1);
    at(EARLIEST + spread).min(leaf.not_after.plus(-RESERVE)).max(at(EARLIEST))
}

/// What has become of attempts to renew a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// SHA-256 of the certificate that was to be renewed.
    pub certificate: String,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// No further attempt before this.
    pub next: UnixTime,
    /// Why there is no new certificate yet.
    pub why: String,
}

impl Attempts {
    /// Whether a request for the successor waits for somebody; if not, the last attempt failed.
    pub fn waits(&self) -> bool {
        self.failures == 0
    }
}

/// Shortest and longest pause between two attempts, in seconds.
const PAUSES: (i64, i64) = (10, 3_600);
/// Longest pause while an approval is waited for, in seconds.
const PENDING: i64 = 120;
/// How long a client keeps an answer while a renewal is due, in seconds.
const ANSWER: (i64, i64) = (5, 180);

/// When to look again for a request that is pending.
pub fn next_look(leaf: &Certificate, now: UnixTime) -> UnixTime {
    now.plus((leaf.not_after.since(now) / 20).clamp(PAUSES.0, PENDING))
}

/// When to try again after so many failures in a row: ever later, but always several times before the
/// certificate ends.
pub fn next_attempt(leaf: &Certificate, failures: u32, now: UnixTime) -> UnixTime {
    let doubled = PAUSES.0.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let most = (leaf.not_after.since(now) / 8).clamp(PAUSES.0, PAUSES.1);
    now.plus(doubled.min(most))
}

/// What to do for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answer with the stored certificate, to be kept until then.
    Answer(UnixTime),
    /// Renew first.
    Renew,
    /// There is nothing to answer with.
    Expired,
}

/// What to do for a client now.
pub fn step(leaf: &Certificate, attempts: Option<&Attempts>, now: UnixTime) -> Step {
    if now >= leaf.not_after {
        return Step::Expired;
    }
    let due = renewal_point(leaf);
    if now < due {
        return Step::Answer(due);
    }
    let waiting = attempts.filter(|a| a.certificate == leaf.fingerprint()).is_some_and(|a| {
        // A pause that is too long was written by a clock that was wrong.
        now < a.next && a.next.since(now) <= PAUSES.1
    });
    if waiting { Step::Answer(meanwhile(leaf, now)) } else { Step::Renew }
}

/// How long a client keeps the old certificate while a renewal is due: a few minutes, and never to its
/// very end.
pub fn meanwhile(leaf: &Certificate, now: UnixTime) -> UnixTime {
    let left = leaf.not_after.since(now);
    now.plus((left / 4).clamp(ANSWER.0, ANSWER.1)).min(leaf.not_after.plus(-1)).max(now)
}

/// The answer to a client.
pub fn answer(stored: &StoredCredential, until: UnixTime) -> Zeroizing<String> {
    let answer = json!({
        "apiVersion": API_VERSION,
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": until,
            "clientCertificateData": stored.certificate,
            "clientKeyData": stored.key.as_str(),
        },
    });
    Zeroizing::new(answer.to_string())
}

/// "renews itself from 2026-12-01T10:00:00Z on (in 5d)", or what the last attempt met.
pub fn renewal_in_words(leaf: &Certificate, attempts: Option<&Attempts>, now: UnixTime) -> String {
    let due = renewal_point(leaf);
    let left = due.since(now);
    if now >= leaf.not_after {
        "could not renew itself in time".to_owned()
    } else if let Some(attempts) = attempts.filter(|a| a.certificate == leaf.fingerprint()) {
        let how = if attempts.waits() { "not yet" } else { "fails" };
        format!("{how}: {}", show_short(&attempts.why, 300))
    } else if left > 0 {
        format!("renews itself from {due} on (in {})", human_duration(left))
    } else {
        format!("renews itself at its next use, due since {due}")
    }
}

#[cfg(test)]
mod tests;
