//! The handful of API requests that the commands make.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use usercert_core::api::csr::CsrObject;
use usercert_core::text::{show_name, show_short};
use usercert_core::time::UnixTime;

use super::connection::Connection;
use super::failure::ApiError;
use super::wire::{self, OnBusy, Wire};

pub(super) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
/// Longest table that is read, in bytes: some fifty thousand requests.
const TABLE_LIMIT: usize = 32 << 20;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    pub username: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The credential that the server saw, as `X509SHA256=…`; none before Kubernetes 1.32.
    pub fn credential(&self) -> Option<&str> {
        self.extra
            .get("authentication.kubernetes.io/credential-id")
            .and_then(|ids| ids.first())
            .map(String::as_str)
    }
}

#[derive(Clone, Debug, Default)]
pub struct ListOptions<'a> {
    pub signer: Option<&'a str>,
    pub selector: Option<&'a str>,
}

#[derive(Clone, Debug, Default)]
pub struct CsrRow {
    pub name: String,
    pub signer: String,
    pub requester: String,
    /// Its state in kubectl's words, as `Pending` or `Approved,Issued`.
    pub condition: String,
}

#[derive(Clone)]
pub struct Cluster {
    pub(super) wire: Wire,
    pub server: String,
    name: String,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.server)
    }
}

impl Cluster {
    pub(super) fn new(connection: Connection, server: String, timeout: Option<Duration>) -> Self {
        let accept = wire::OBJECTS;
        let clock = Default::default();
        let wire =
            Wire { connection, timeout, on_busy: None, stop: None, accept, who: None, clock };
        Self { wire, name: server.clone(), server }
    }

    /// The same connection, to a cluster that questions call by the name of its kubeconfig entry.
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// What questions call it: a foreign string, safe to show.
    pub fn name(&self) -> String {
        // Those of EKS differ at their ends.
        show_name(&self.name, 80)
    }

    /// The same connection, whose user is told when the server is busy and waited for.
    pub fn telling(mut self, on_busy: OnBusy) -> Self {
        self.wire.on_busy = Some(on_busy);
        self
    }

    /// The same connection, whose failures can say who connects.
    pub fn known_as(mut self, who: &str) -> Self {
        self.wire.who = Some(who.into());
        self
    }

    /// The same connection, on which a busy server is not waited for any more once `stop` is told.
    pub fn for_service(mut self, stop: watch::Receiver<bool>) -> Self {
        self.wire.stop = Some(stop);
        self
    }

    /// The server's time, by its last answer; `None` before the first, or if it does not tell.
    pub fn time(&self) -> Option<UnixTime> {
        self.wire.time()
    }

    /// Sends a request. The answer to an object that is sent has that object's name.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let answer = self.wire.exchange(&method, path, body).await?;
        let answer =
            serde_json::from_slice(&answer).map_err(|e| ApiError::Malformed(e.to_string()))?;
        match body.and_then(|body| body["metadata"]["name"].as_str()) {
            Some(name) => named(name, answer),
            None => Ok(answer),
        }
    }

    pub async fn create_csr(&self, manifest: &Value, dry_run: bool) -> Result<CsrObject, ApiError> {
        let query = if dry_run { "?dryRun=All" } else { "" };
        read(self.send(Method::POST, &format!("{CSRS}{query}"), Some(manifest)).await?)
    }

    pub async fn get_csr(&self, name: &str) -> Result<CsrObject, ApiError> {
        let path = format!("{CSRS}/{}", encode(name));
        read(named(name, self.send(Method::GET, &path, None).await?)?)
    }

    /// Deletes a request if it is still this one.
    ///
    /// # Errors
    /// As the server answers; Conflict when it is another.
    pub async fn delete_csr(&self, name: &str, uid: &str, dry_run: bool) -> Result<(), ApiError> {
        let url = format!("{CSRS}/{}", encode(name));
        self.delete_if(&url, &json!({ "uid": uid }), dry_run).await
    }

    /// Deletes an object while the preconditions hold, as `{ "uid": …, "resourceVersion": … }`.
    pub(super) async fn delete_if(
        &self,
        url: &str,
        preconditions: &Value,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        let mut body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
        });
        if dry_run {
            // In the URL it would not count: the server reads the options from one place only.
            body["dryRun"] = json!(["All"]);
        }
        self.send(Method::DELETE, url, Some(&body)).await.map(drop)
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
        let path = format!("{CSRS}/{}/approval{query}", encode(name));
        read(self.send(Method::PUT, &path, Some(body)).await?)
    }

    /// All requests as the server's table has them, as they were a moment ago: one answer, much shorter
    /// than the objects are, and from the server's memory.
    pub async fn csr_table(&self) -> Result<Vec<CsrRow>, ApiError> {
        let wire = Wire { accept: wire::TABLES, ..self.wire.clone() };
        let url = format!("{CSRS}?resourceVersion=0&includeObject=None");
        let answer = wire.exchange_limited(&Method::GET, &url, None, TABLE_LIMIT).await?;
        let answer = answer.ok_or_else(|| wire::too_long(TABLE_LIMIT))?;
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

    /// Asks the server what this connection may do in a namespace.
    pub async fn my_rules(&self, namespace: &str) -> Result<Value, ApiError> {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
            "spec": { "namespace": namespace },
        });
        self.send(Method::POST, RULES, Some(&body)).await
    }

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
}

fn read(value: Value) -> Result<CsrObject, ApiError> {
    CsrObject::from_item(value).map_err(|e| ApiError::Malformed(e.to_string()))
}

/// An answer, if it is the object of this name.
pub(super) fn named(name: &str, value: Value) -> Result<Value, ApiError> {
    match value["metadata"]["name"] == name {
        true => Ok(value),
        false => {
            Err(ApiError::Malformed(format!("it is not the object {}", show_short(name, 100))))
        }
    }
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
