//! The API requests of a signer: everything that is asked of it, and its answers.

use http::Method;
use serde_json::Value;
use usercert_core::api::csr::CsrObject;

use super::api::{CSRS, Cluster, ListOptions, encode};
use super::changes::{Changes, Watch};
use super::failure::ApiError;

/// How long one watch lasts before another begins, in seconds.
pub(super) const WATCH_SECONDS: u64 = 240;

impl Cluster {
    /// What `keep` makes of the requests to a signer, or of all, and the version from which a watch goes on.
    pub async fn requests_to<T>(
        &self,
        signer: Option<&str>,
        keep: impl Fn(CsrObject) -> Option<T>,
    ) -> Result<(Vec<T>, String), ApiError> {
        let mut pages = self.csr_pages(&ListOptions { signer, selector: None });
        // Before the list: what changes while it is read is seen once more.
        let version = pages.version().await?;
        let mut kept = Vec::new();
        while let Some(page) = pages.next().await? {
            let objects = page.values()?.into_iter().flat_map(CsrObject::from_item);
            kept.extend(objects.filter_map(&keep));
        }
        Ok((kept, version))
    }

    /// Watches the requests to a signer, or all, from a version on. The time for one request is the time until
    /// the watch begins.
    pub async fn watch_requests_to(
        &self,
        signer: Option<&str>,
        version: &str,
    ) -> Result<Changes, ApiError> {
        let watch = Watch {
            path: CSRS,
            field: signer.map(|signer| ("spec.signerName", signer)),
            version,
            seconds: WATCH_SECONDS,
        };
        Ok(Changes(self.wire.watch(&watch).await?))
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
