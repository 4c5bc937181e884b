//! Holding a Lease: of several replicas, one works.

use std::time::{Duration, Instant};

use serde_json::Value;
use usercert_core::api::lease::{self, LeaseStep, SECONDS};
use usercert_core::api::rbac::Rule;
use usercert_core::time::UnixTime;

use crate::cluster::{ApiError, Cluster, Need};

/// How often the lease is looked at.
pub const PAUSE: Duration = Duration::from_secs(2);
/// How long its holder goes on without having renewed it: shorter than others wait.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What is needed for it.
#[must_use]
pub fn need() -> Need {
    Need::Allowed(Rule::allowing(&["get", "create", "update"], lease::API_GROUP, &["leases"]))
}

/// One replica's view of a lease.
pub struct Lease {
    namespace: &'static str,
    name: &'static str,
    me: String,
    /// The version that was seen last, and since when.
    seen: Option<(String, Instant)>,
    /// When it was last known to be held by this one.
    held: Option<Instant>,
}

impl Lease {
    /// `me` must be nobody else's.
    pub fn new(namespace: &'static str, name: &'static str, me: String) -> Self {
        Self { namespace, name, me, seen: None, held: None }
    }

    /// Whether this one may still go on.
    pub fn is_held(&self) -> bool {
        self.held.is_some_and(|since| since.elapsed() < PATIENCE)
    }

    /// Gets or renews it.
    ///
    /// # Errors
    /// As the server answers, unless it is that another was faster.
    pub async fn hold(&mut self, cluster: &Cluster, now: UnixTime) -> Result<(), ApiError> {
        let begun = Instant::now();
        let collection = lease::collection(self.namespace);
        let found = cluster.object(&collection, self.name).await?;
        let abandoned = found.as_ref().is_some_and(|found| self.is_abandoned(found));
        let place = (self.namespace, self.name);
        let written = match lease::hold(found.as_ref(), place, &self.me, abandoned, now) {
            LeaseStep::Create(body) => cluster.create_object(&collection, &body, false).await,
            LeaseStep::Update(body) => {
                cluster.put_object(&collection, self.name, &body, false).await
            }
            LeaseStep::Wait => {
                self.held = None;
                return Ok(());
            }
        };
        match written {
            Ok(_) => self.held = Some(begun),
            Err(error) if ["Conflict", "AlreadyExists"].contains(&error.reason()) => {
                self.held = None;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether the lease has not changed for as long as it holds, by this clock.
    fn is_abandoned(&mut self, found: &Value) -> bool {
        let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let duration = found["spec"]["leaseDurationSeconds"].as_u64().unwrap_or_default();
        let duration = Duration::from_secs(duration.clamp(1, 4 * SECONDS.unsigned_abs()));
        match &self.seen {
            Some((known, since)) if known == version => since.elapsed() > duration,
            _ => {
                self.seen = Some((version.to_owned(), Instant::now()));
                false
            }
        }
    }

    /// Gives it up, so that another need not wait; best effort.
    pub async fn release(&mut self, cluster: &Cluster, now: UnixTime) {
        if self.held.take().is_none() {
            return;
        }
        let collection = lease::collection(self.namespace);
        if let Ok(Some(found)) = cluster.object(&collection, self.name).await
            && let Some(body) = lease::release(&found, &self.me, now)
        {
            let _ = cluster.put_object(&collection, self.name, &body, false).await;
        }
    }
}
