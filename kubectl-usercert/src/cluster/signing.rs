//! The API requests of a signer: everything that is asked of it, and its answers.

use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use kube::core::WatchEvent;
use serde_json::Value;
use usercert_core::api::csr::CsrObject;

use super::api::{ApiError, CSRS, Cluster, ListOptions, encode};

/// How long one watch lasts before another begins, in seconds.
const WATCH_SECONDS: u64 = 240;
/// A watch that has not ended by then is a dead connection.
const DEAD: Duration = Duration::from_secs(WATCH_SECONDS + 60);

/// What a watch tells.
#[derive(Debug)]
pub enum Change {
    /// A request is new or has changed.
    Object(Box<CsrObject>),
    /// Nothing that can be read but how far the watch has come.
    Progress,
}

/// A watch on the requests to one signer.
pub struct Changes {
    events: BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>,
    /// Where the next watch goes on.
    pub version: String,
}

impl Changes {
    /// The next change; `None` when the watch has ended in due course.
    ///
    /// # Errors
    /// As the server answers; code 410 when it does not know the version any more.
    pub async fn next(&mut self) -> Result<Option<Change>, ApiError> {
        let Ok(event) = tokio::time::timeout(DEAD, self.events.try_next()).await else {
            return Ok(None);
        };
        Ok(match event? {
            None => None,
            Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                self.reached(object["metadata"]["resourceVersion"].as_str());
                let object = CsrObject::from_item(object);
                Some(object.map_or(Change::Progress, |o| Change::Object(Box::new(o))))
            }
            Some(WatchEvent::Deleted(object)) => {
                self.reached(object["metadata"]["resourceVersion"].as_str());
                Some(Change::Progress)
            }
            Some(WatchEvent::Bookmark(bookmark)) => {
                self.reached(Some(&bookmark.metadata.resource_version));
                Some(Change::Progress)
            }
            Some(WatchEvent::Error(status)) => return Err(ApiError::Status(status)),
        })
    }

    fn reached(&mut self, version: Option<&str>) {
        if let Some(version) = version.filter(|v| !v.is_empty()) {
            version.clone_into(&mut self.version);
        }
    }
}

impl Cluster {
    /// The requests to a signer that `keep` wants, and the version from which a watch goes on.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn requests_to(
        &self,
        signer: &str,
        keep: impl Fn(&CsrObject) -> bool,
    ) -> Result<(Vec<CsrObject>, String), ApiError> {
        let mut pages = self.csr_pages(&ListOptions { signer: Some(signer), selector: None });
        // Before the list: what changes while it is read is seen once more.
        let version = pages.version().await?;
        let mut kept = Vec::new();
        while let Some(page) = pages.next().await? {
            let objects = page.values()?.into_iter().flat_map(CsrObject::from_item);
            kept.extend(objects.filter(&keep));
        }
        Ok((kept, version))
    }

    /// Watches the requests to a signer from a version on. The time for one request is the time until
    /// the watch begins.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn watch_requests_to(
        &self,
        signer: &str,
        version: &str,
    ) -> Result<Changes, ApiError> {
        let url = format!(
            "{CSRS}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&fieldSelector={}&resourceVersion={}",
            encode(&format!("spec.signerName={signer}")),
            encode(version)
        );
        let request = Request::get(url)
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|e| ApiError::Malformed(e.to_string()))?;
        // A way that carries lists and no watches would keep it deaf.
        let events = self.wire.limited(self.wire.client.request_events::<Value>(request)).await?;
        Ok(Changes { events: events.boxed(), version: version.to_owned() })
    }

    /// Writes a signer's answer; `body` is the object as it was read, with the answer in it.
    ///
    /// # Errors
    /// As the server answers; Conflict when the object is another or has changed.
    pub async fn put_status(
        &self,
        name: &str,
        body: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let query = if dry_run { "?dryRun=All" } else { "" };
        self.send(Method::PUT, &format!("{CSRS}/{}/status{query}", encode(name)), Some(body)).await
    }
}
