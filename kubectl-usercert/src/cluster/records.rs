//! API requests about records of certificates.

use serde_json::json;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::StoredMap;

use super::api::{Cluster, encode};
use super::failure::ApiError;
use super::list::Pages;

impl Cluster {
    /// The ConfigMaps in the namespace of records that have these labels, page by page.
    pub fn record_pages(&self, selector: &str) -> Pages {
        self.labelled_pages(&config_maps(), selector)
    }

    /// The objects of a collection with these labels.
    pub fn labelled_pages(&self, collection: &str, selector: &str) -> Pages {
        let filter = format!("&labelSelector={}", encode(selector));
        Pages::new(self.wire.clone(), collection, filter)
    }

    /// Deletes an object of a collection if it is still the one that was read.
    ///
    /// # Errors
    /// As the server answers; Conflict when it is another or has changed.
    pub async fn delete_record(
        &self,
        collection: &str,
        map: &StoredMap,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        let (uid, version) = map.version();
        let url = format!("{collection}/{}", encode(map.name()));
        self.delete_if(&url, &json!({ "uid": uid, "resourceVersion": version }), dry_run).await
    }
}
