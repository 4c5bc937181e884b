//! Records of issued certificates: writing them, and reading them back.

use std::cell::Cell;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use tokio::sync::OnceCell;
use usercert_core::api::csr::Object;
use usercert_core::api::lease;
use usercert_core::api::rbac::Rule;
use usercert_core::lifecycle::NAMESPACE;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::{
    self, CertificateRecord, Descent, Ledger, StoredMap, evidence,
};
use usercert_core::text::{show, show_message, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{ApiError, Cluster, Need, Pages};
use crate::ui::host::Host;

/// How many records are deleted at the same time.
const AT_ONCE: usize = 8;

/// What is needed to read records.
#[must_use]
pub fn see() -> Need {
    Need::InNamespace(Rule::allowing(&["list"], "", &["configmaps"]), "usercert-records-viewer")
}

/// What is needed to write them.
#[must_use]
pub fn write_need() -> Need {
    Need::Allowed(Rule::allowing(&["get", "create"], "", &["configmaps"]))
}

/// What is needed to keep evidence of renewals.
#[must_use]
pub fn evidence_need() -> Need {
    let verbs = ["create", "delete", "get", "list"];
    Need::Allowed(Rule::allowing(&verbs, lease::API_GROUP, &["leases"]))
}

/// What is needed to delete them.
#[must_use]
pub fn prune() -> Need {
    Need::Allowed(Rule::allowing(&["list", "delete"], "", &["configmaps"]))
}

/// All records, or those of one user.
///
/// # Errors
/// As the server answers.
pub async fn read(cluster: &Cluster, user: Option<&str>) -> Result<Ledger, ApiError> {
    let mut ledger = Ledger::default();
    let mut pages = cluster.record_pages(&record::selector(user));
    while let Some(page) = pages.next().await? {
        page.config_maps()?.iter().for_each(|map| ledger.add(map));
    }
    Ok(ledger)
}

/// From which certificates others descend, as the service that approves renewals has noted it.
///
/// # Errors
/// As the server answers.
pub async fn descents(cluster: &Cluster) -> Result<Vec<Descent>, ApiError> {
    let selector = format!("{}={}", record::KIND_LABEL, evidence::DESCENT);
    let mut pages = cluster.labelled_pages(&evidence::collection(), &selector);
    let mut found = Vec::new();
    while let Some(page) = pages.next().await? {
        found.extend(page.config_maps()?.iter().filter_map(|map| Descent::of(map).ok()));
    }
    Ok(found)
}

/// What tells of issued certificates and could not be read.
#[derive(Debug)]
pub struct Unread {
    pub error: ApiError,
    pub what: &'static str,
}

impl Unread {
    pub fn records(error: ApiError) -> Self {
        Self { error, what: "the records of issued certificates" }
    }

    pub fn descents(error: ApiError) -> Self {
        Self { error, what: "leases in usercert-system, in which `approve --watch` notes renewals" }
    }
}

/// The records of a user.
///
/// # Errors
/// As the server answers.
pub async fn of_user(cluster: &Cluster, user: &str) -> Result<Ledger, ApiError> {
    read(cluster, Some(user)).await
}

/// The records whose certificate has ended.
///
/// # Errors
/// As the server answers.
pub async fn ended(cluster: &Cluster, now: UnixTime) -> Result<Vec<StoredMap>, ApiError> {
    let pages = cluster.record_pages(record::KIND_LABEL);
    those(pages, |map| record::has_ended(map, now)).await
}

/// The claims and descents that are over.
///
/// # Errors
/// As the server answers.
pub async fn over(cluster: &Cluster, now: UnixTime) -> Result<Vec<StoredMap>, ApiError> {
    let pages = cluster.labelled_pages(&evidence::collection(), record::KIND_LABEL);
    those(pages, |map| evidence::is_over(map, now)).await
}

async fn those(
    mut pages: Pages,
    wanted: impl Fn(&StoredMap) -> bool,
) -> Result<Vec<StoredMap>, ApiError> {
    let mut found = Vec::new();
    while let Some(page) = pages.next().await? {
        found.extend(page.config_maps()?.into_iter().filter(&wanted));
    }
    Ok(found)
}

/// Deletes objects of a collection, each if it is still the one that was read.
///
/// # Errors
/// As the server answers, unless it is that somebody else has deleted it.
pub async fn delete(
    cluster: &Cluster,
    collection: &str,
    maps: &[StoredMap],
    dry_run: bool,
) -> Result<(), ApiError> {
    let each = stream::iter(maps).map(|map| async move {
        match cluster.delete_record(collection, map, dry_run).await {
            Err(error) if error.reason() == "NotFound" || error.reason() == "Conflict" => Ok(()),
            other => other,
        }
    });
    each.buffer_unordered(AT_ONCE).try_collect().await
}

/// What became of a record that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Created,
    /// It was there, and says the same of the certificate.
    There,
    /// Something else was there, which is left.
    Differs,
}

/// Creates a record, unless it is there.
///
/// # Errors
/// As the server answers.
pub async fn write(cluster: &Cluster, record: &CertificateRecord) -> Result<Written, ApiError> {
    let error = match cluster.create_object(&config_maps(), &record.to_value(), false).await {
        Ok(_) => return Ok(Written::Created),
        Err(error) => error,
    };
    if error.reason() != "AlreadyExists" {
        return Err(error);
    }
    let found: Option<Value> = cluster.object(&config_maps(), &record.name()).await?;
    let found = found.and_then(|value| CertificateRecord::read(&value).ok());
    let same = found.is_some_and(|found| found.same_certificate(record));
    Ok(if same { Written::There } else { Written::Differs })
}

/// Records certificates. That it cannot is told once, and keeps nothing else from happening.
#[derive(Default)]
pub struct Recording {
    told: Cell<bool>,
}

impl Recording {
    /// Writes a record.
    pub async fn keep(&self, host: &Host, cluster: &Cluster, record: &CertificateRecord) {
        match write(cluster, record).await {
            Ok(Written::Created | Written::There) => {}
            Ok(Written::Differs) => host.warn(format!(
                "warning: another record of {}'s certificate already exists: configmap {} in \
                 namespace {NAMESPACE}",
                show_short(&record.user, 60),
                record.name()
            )),
            Err(error) => {
                if !self.told.replace(true) {
                    host.say(not_recorded(&error));
                }
            }
        }
    }
}

/// Records the certificates that whoever runs the command has approved.
pub struct Recorder<'a> {
    host: &'a Host,
    cluster: &'a Cluster,
    /// Their user name, if that can be found out.
    me: OnceCell<Option<String>>,
    recording: Recording,
}

impl<'a> Recorder<'a> {
    pub fn new(host: &'a Host, cluster: &'a Cluster) -> Self {
        Self { host, cluster, me: OnceCell::new(), recording: Recording::default() }
    }

    /// Records the certificate that answers a request.
    pub async fn note(&self, certificate: &Certificate, request: &Object) {
        if self.recording.told.get() {
            return;
        }
        let asked = async || self.cluster.who_am_i().await.ok().map(|me| me.username);
        let by = self.me.get_or_init(asked).await.as_deref();
        let record = CertificateRecord::new(certificate, request, by);
        self.recording.keep(self.host, self.cluster, &record).await;
    }
}

/// That a certificate was not recorded, and what to do about it.
fn not_recorded(error: &ApiError) -> String {
    if error.code() == 404 {
        return "note: this cluster keeps no record of issued certificates; `kubectl usercert revocations install` sets that up".to_owned();
    }
    let why = match (error.code(), error.reason()) {
        (403, _) => format!(
            "you may not create configmaps in namespace {NAMESPACE} (a RoleBinding to the Role {} there allows it)",
            record::RECORDER
        ),
        _ => show_message(&error.to_string(), 200),
    };
    show(&format!("warning: the certificate was not recorded: {why}"))
}
