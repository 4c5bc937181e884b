//! The handful of API requests that the commands make.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use kube::Client;
use kube::core::WatchEvent;
use kube::core::response::Status;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use usercert_core::api::csr::{CsrObject, Object, Progress, progress};

use super::wire::{self, OnBusy, Wire};

pub(super) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/// How often a request is looked at where watching is not allowed.
pub(super) const POLL: Duration = Duration::from_secs(1);
/// How long one watch may stay silent before the request is read again: a dead connection says nothing.
const WATCH: Duration = Duration::from_secs(60);

/// Why a request to the API server did not succeed.
#[derive(Debug)]
pub enum ApiError {
    /// The server answered with a failure.
    Status(Box<Status>),
    /// There was no answer, or none that makes sense.
    Transport(Box<kube::Error>),
    /// No answer within the time for one request.
    Timeout(Duration),
    /// The answer was not of the expected shape.
    Malformed(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{}", status.message),
            Self::Transport(error) => f.write_str(&super::explain::transport_message(error)),
            Self::Timeout(after) => write!(f, "no answer within {}s", after.as_secs_f32()),
            Self::Malformed(what) => write!(f, "the server's answer makes no sense: {what}"),
        }
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Status(status),
            other => Self::Transport(Box::new(other)),
        }
    }
}

impl ApiError {
    /// The failure's `reason`, which tells AlreadyExists from Conflict (both are 409).
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Status(status) => &status.reason,
            _ => "",
        }
    }

    /// The failure's HTTP code; 0 if there was no answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Status(status) => status.code,
            _ => 0,
        }
    }

    /// Whether there was no answer at all.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport(_) | Self::Timeout(_))
    }
}

/// Who the server takes one for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// User name.
    pub username: String,
    /// UID.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Further attributes.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The credential that the server saw, as `X509SHA256=…`; none before Kubernetes 1.32.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        self.extra
            .get("authentication.kubernetes.io/credential-id")
            .and_then(|ids| ids.first())
            .map(String::as_str)
    }
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListOptions<'a> {
    /// Only requests to this signer.
    pub signer: Option<&'a str>,
    /// Only requests with these labels.
    pub selector: Option<&'a str>,
}

/// A request as one row of the server's table.
#[derive(Clone, Debug, Default)]
pub struct CsrRow {
    /// Its name.
    pub name: String,
    /// Who is to sign.
    pub signer: String,
    /// Who submitted it.
    pub requester: String,
    /// Its state in kubectl's words, as `Pending` or `Approved,Issued`.
    pub condition: String,
}

/// How a wait came to its end.
#[derive(Debug)]
pub enum WaitEnd {
    /// As [`progress`] says.
    Progress(Progress, Option<Box<Object>>),
    /// The time was up while the request was as it is here.
    TimedOut(Box<Object>),
}

/// A connection to an API server.
#[derive(Clone)]
pub struct Cluster {
    pub(super) wire: Wire,
    /// The server's address, for messages.
    pub server: String,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.server)
    }
}

impl Cluster {
    pub(super) fn new(client: Client, server: String, timeout: Option<Duration>) -> Self {
        let wire = Wire { client, timeout, on_busy: None, stop: None, accept: wire::OBJECTS };
        Self { wire, server }
    }

    /// The same connection, whose user is told when the server is busy and waited for.
    #[must_use]
    pub fn telling(mut self, on_busy: OnBusy) -> Self {
        self.wire.on_busy = Some(on_busy);
        self
    }

    /// The same connection, on which no request takes longer than `limit` unless the user has set
    /// another limit, and a busy server is not waited for any more once `stop` is told.
    #[must_use]
    pub fn for_service(mut self, limit: Duration, stop: watch::Receiver<bool>) -> Self {
        self.wire.timeout.get_or_insert(limit);
        self.wire.stop = Some(stop);
        self
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let answer = self.wire.exchange(&method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|e| ApiError::Malformed(e.to_string()))
    }

    /// Creates a CertificateSigningRequest; gives back the object as the server made it.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn create_csr(&self, manifest: &Value, dry_run: bool) -> Result<CsrObject, ApiError> {
        let query = if dry_run { "?dryRun=All" } else { "" };
        self.send_csr(Method::POST, &format!("{CSRS}{query}"), Some(manifest)).await
    }

    /// Reads one request as it is.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn get_csr(&self, name: &str) -> Result<CsrObject, ApiError> {
        self.send_csr(Method::GET, &format!("{CSRS}/{}", encode(name)), None).await
    }

    /// Writes a decision; `body` is the object as it was read with a condition appended.
    ///
    /// # Errors
    /// As the server answers; Conflict when the object is another or has changed.
    pub async fn put_approval(
        &self,
        name: &str,
        body: &Value,
        dry_run: bool,
    ) -> Result<CsrObject, ApiError> {
        let query = if dry_run { "?dryRun=All" } else { "" };
        self.send_csr(Method::PUT, &format!("{CSRS}/{}/approval{query}", encode(name)), Some(body))
            .await
    }

    async fn send_csr(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<CsrObject, ApiError> {
        let value = self.send(method, path, body).await?;
        CsrObject::from_item(value).map_err(|e| ApiError::Malformed(e.to_string()))
    }

    /// All requests as the server's table has them, as they were a moment ago: one answer, much shorter
    /// than the objects are, and from the server's memory.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn csr_table(&self) -> Result<Vec<CsrRow>, ApiError> {
        let wire = Wire { accept: wire::TABLES, ..self.wire.clone() };
        let url = format!("{CSRS}?resourceVersion=0&includeObject=None");
        let answer = wire.exchange(&Method::GET, &url, None).await?;
        let table: Value =
            serde_json::from_slice(&answer).map_err(|e| ApiError::Malformed(e.to_string()))?;
        let columns = table["columnDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let column = |name: &str| columns.iter().position(|c| c["name"] == name);
        let rows = table["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cell = |row: &Value, at: Option<usize>| {
            at.and_then(|at| row["cells"][at].as_str()).unwrap_or_default().to_owned()
        };
        let (name, signer) = (column("Name"), column("SignerName"));
        let (requester, condition) = (column("Requestor"), column("Condition"));
        let read = |row: &Value| CsrRow {
            name: cell(row, name),
            signer: cell(row, signer),
            requester: cell(row, requester),
            condition: cell(row, condition),
        };
        Ok(rows.iter().map(read).collect())
    }

    /// Names of objects, the first few hundred of them; `api` is as `/api/v1`.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn names(
        &self,
        api: &str,
        namespace: Option<&str>,
        resource: &str,
    ) -> Result<Vec<String>, ApiError> {
        let within = namespace.map(|n| format!("/namespaces/{}", encode(n))).unwrap_or_default();
        let url = format!("{api}{within}/{resource}?limit=500");
        let page = self.send(Method::GET, &url, None).await?;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
        Ok(items.iter().filter_map(name).collect())
    }

    /// Asks the server who this connection is.
    ///
    /// # Errors
    /// As the server answers: 401 for a certificate that it does not take.
    pub async fn who_am_i(&self) -> Result<UserInfo, ApiError> {
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let answer = self.send(Method::POST, REVIEWS, Some(&body)).await?;
        UserInfo::deserialize(&answer["status"]["userInfo"])
            .map_err(|e| ApiError::Malformed(e.to_string()))
    }

    /// Reads a config map's entry.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn config_map(&self, namespace: &str, name: &str) -> Result<Value, ApiError> {
        let url = format!("/api/v1/namespaces/{}/configmaps/{}", encode(namespace), encode(name));
        self.send(Method::GET, &url, None).await
    }

    /// Any answer at all: the connection and its TLS handshake work.
    ///
    /// # Errors
    /// Only when there was no answer.
    pub async fn touch(&self) -> Result<(), ApiError> {
        match self.send(Method::GET, "/version", None).await {
            Err(error) if error.is_unreachable() => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until the request that was read as `seen` and has this `uid` comes to an end.
    ///
    /// Watches from the version that was read, never blind: a watch on a name that does not exist
    /// stays silent for ever. Where watching is not allowed it polls.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn wait(
        &self,
        seen: Object,
        uid: &str,
        limit: Duration,
    ) -> Result<WaitEnd, ApiError> {
        let mut seen = Box::new(seen);
        match progress(Some(&seen), uid) {
            Progress::Waiting(_) if limit.is_zero() => return Ok(WaitEnd::TimedOut(seen)),
            Progress::Waiting(_) => {}
            ended => return Ok(WaitEnd::Progress(ended, Some(seen))),
        }
        let end = tokio::time::timeout(limit, self.watch_to_end(&mut seen, uid)).await;
        match end {
            Ok(end) => end,
            Err(_) => Ok(WaitEnd::TimedOut(seen)),
        }
    }

    async fn watch_to_end(&self, seen: &mut Box<Object>, uid: &str) -> Result<WaitEnd, ApiError> {
        let mut may_watch = true;
        loop {
            if may_watch {
                let watched = tokio::time::timeout(WATCH, self.watch_once(seen, uid)).await;
                match watched.unwrap_or(Ok(None)) {
                    Ok(Some(end)) => return Ok(end),
                    // The server ended the watch in due course, or forgot the version: read again.
                    Ok(None) => {}
                    Err(error) if error.code() == 403 => may_watch = false,
                    Err(error) => return Err(error),
                }
            } else {
                tokio::time::sleep(POLL).await;
            }
            let name = seen.metadata.name.clone();
            let now = match self.get_csr(&name).await {
                Ok(object) => Some(object.into_fields()),
                Err(error) if error.reason() == "NotFound" => None,
                Err(error) => return Err(error),
            };
            match progress(now.as_ref(), uid) {
                Progress::Waiting(_) => {}
                ended => return Ok(WaitEnd::Progress(ended, now.map(Box::new))),
            }
            if let Some(now) = now {
                **seen = now;
            }
        }
    }

    async fn watch_once(
        &self,
        seen: &mut Box<Object>,
        uid: &str,
    ) -> Result<Option<WaitEnd>, ApiError> {
        let field = encode(&format!("metadata.name={}", seen.metadata.name));
        let version = encode(&seen.metadata.resource_version);
        let request = Request::get(format!(
            "{CSRS}?watch=1&fieldSelector={field}&resourceVersion={version}&timeoutSeconds=55"
        ))
        .header(http::header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|e| ApiError::Malformed(e.to_string()))?;
        let mut events = self.wire.client.request_events::<Value>(request).await?.boxed();
        while let Some(event) = events.try_next().await? {
            let (object, gone) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                WatchEvent::Deleted(object) => (object, true),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) if status.code == 410 => return Ok(None),
                WatchEvent::Error(status) => return Err(ApiError::Status(status)),
            };
            if gone {
                // Deleted and at once submitted again is "replaced"; the next read tells.
                return Ok(None);
            }
            let object = read(&object)?;
            match progress(Some(&object), uid) {
                Progress::Waiting(_) => **seen = object,
                ended => return Ok(Some(WaitEnd::Progress(ended, Some(Box::new(object))))),
            }
        }
        Ok(None)
    }
}

pub(super) fn read(value: &Value) -> Result<Object, ApiError> {
    Object::from_item(value).map_err(|e| ApiError::Malformed(e.to_string()))
}

/// Percent-encodes one path segment or query value.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use usercert_core::kubeconfig::Endpoint;

    use super::*;
    use crate::ui::args::Timeout;

    #[test]
    fn a_service_waits_for_no_request_for_ever() {
        let server = "https://127.0.0.1:1".to_owned();
        let endpoint = Endpoint { server, insecure: true, ..Endpoint::default() };
        let limit = |asked: Timeout| {
            let (_, stop) = watch::channel(false);
            let cluster = Cluster::anonymous(&endpoint, asked).unwrap();
            cluster.for_service(Duration::from_secs(30), stop).wire.timeout
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        assert_eq!(limit(Timeout::default()), Some(Duration::from_secs(30)));
        let asked = crate::ui::args::parse_request_timeout("2m").unwrap();
        assert_eq!(limit(asked), Some(Duration::from_secs(120)));
    }
}
