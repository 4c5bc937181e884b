//! API requests about what is revoked, and about what enforces it.

use std::time::Duration;

use http::header::{ACCEPT, HeaderName};
use http::{HeaderValue, Method, Request};
use serde_json::Value;
use usercert_core::api::rbac::MANAGED_BY;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::probe::{Probe, Seen};
use usercert_core::lifecycle::{CONFIG_MAP, CREDENTIAL_ID, Layer, NAMESPACE, PROBED};

use super::api::{Cluster, encode, named};
use super::changes::{Event, Events, Watch};
use super::failure::ApiError;

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(10);
/// Longest answer to a probe that is read, in bytes.
const ANSWER: usize = 64 << 10;
/// How long one watch lasts, in seconds.
const WATCH_SECONDS: u64 = 240;

/// A watch on the list of what is revoked.
pub struct ListChanges(Events);

impl ListChanges {
    /// The list as it is after the next change, `None` when the watch has ended, or the list is gone.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn next(&mut self) -> Result<Option<Value>, ApiError> {
        loop {
            match self.0.next().await? {
                Some(Event::Object(list)) => return Ok(Some(list)),
                Some(Event::Progress) => {}
                Some(Event::Gone) | None => return Ok(None),
            }
        }
    }
}

impl Cluster {
    /// An object, if there is one. `collection` is an API path.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn object(&self, collection: &str, name: &str) -> Result<Option<Value>, ApiError> {
        match self.send(Method::GET, &format!("{collection}/{}", encode(name)), None).await {
            Ok(value) => named(name, value).map(Some),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object; gives it back as the server made it.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn create_object(
        &self,
        collection: &str,
        value: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        self.send(Method::POST, &format!("{collection}{}", query(dry_run)), Some(value)).await
    }

    /// Writes an object that was read; `body` has its UID and resourceVersion.
    ///
    /// # Errors
    /// As the server answers; Conflict when it is another or has changed.
    pub async fn put_object(
        &self,
        collection: &str,
        name: &str,
        body: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let url = format!("{collection}/{}{}", encode(name), query(dry_run));
        self.send(Method::PUT, &url, Some(body)).await
    }

    /// The ConfigMap that lists what is revoked, if there is one.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn revoked(&self) -> Result<Option<Value>, ApiError> {
        self.object(&config_maps(), CONFIG_MAP).await
    }

    /// Changes keys of the list by a merge patch, which leaves all others alone.
    ///
    /// # Errors
    /// As the server answers; NotFound when there is no list.
    pub async fn patch_revoked(&self, patch: &Value, dry_run: bool) -> Result<Value, ApiError> {
        let url = format!("{}/{CONFIG_MAP}{}", config_maps(), query(dry_run));
        self.send(Method::PATCH, &url, Some(patch)).await
    }

    /// Watches the list from the version that was read on.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn watch_revoked(&self, version: &str) -> Result<ListChanges, ApiError> {
        let watch = Watch {
            path: &config_maps(),
            field: Some(("metadata.name", CONFIG_MAP)),
            version,
            seconds: WATCH_SECONDS,
        };
        Ok(ListChanges(self.wire.watch(&watch).await?))
    }

    /// Tries a request that changes nothing, as somebody with a revoked certificate.
    pub async fn probe(&self, probe: &Probe) -> Seen {
        let Some(request) = probe_request(probe) else {
            return Seen::NotTried("the name cannot be sent in a header".to_owned());
        };
        match tokio::time::timeout(PROBE, self.wire.plain(request, ANSWER)).await {
            Ok(Ok((code, message))) => Seen::of(probe.layer, code, &message),
            Ok(Err(error)) => Seen::NotTried(error.to_string()),
            Err(_) => Seen::NotTried("the server did not answer in time".to_owned()),
        }
    }
}

fn probe_request(probe: &Probe) -> Option<Request<Vec<u8>>> {
    let url = match probe.layer {
        Layer::Admission => format!("/api/v1/namespaces/{NAMESPACE}/services/{PROBED}/proxy/"),
        Layer::Authorization => "/version".to_owned(),
    };
    let extra = format!("impersonate-extra-{}", encode(CREDENTIAL_ID).to_lowercase());
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(url)
        .header(ACCEPT, "application/json")
        .header("impersonate-user", HeaderValue::from_bytes(probe.user.as_bytes()).ok()?)
        .header(HeaderName::from_bytes(extra.as_bytes()).ok()?, &probe.credential_id);
    if let Some(group) = probe.group {
        request = request.header("impersonate-group", group);
    }
    request.body(Vec::new()).ok()
}

fn query(dry_run: bool) -> String {
    let dry = if dry_run { "&dryRun=All" } else { "" };
    format!("?fieldManager={MANAGED_BY}{dry}")
}
