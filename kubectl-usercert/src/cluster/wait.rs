//! Waiting for one request to come to its end.

use std::time::{Duration, Instant};

use usercert_core::api::csr::{Object, Progress, progress};

use super::Cluster;
use super::api::CSRS;
use super::changes::{Change, Changes, Pace, Watch};
use super::failure::ApiError;

/// How often a request is looked at where watching is not allowed.
pub(super) const POLL: Duration = Duration::from_secs(1);
/// How long one watch lasts before the request is read again, in seconds: a dead connection says
/// nothing.
const WATCH_SECONDS: u64 = 50;

#[derive(Debug)]
pub enum WaitEnd {
    /// As [`progress`] says.
    Progress(Progress, Option<Box<Object>>),
    /// The time was up while the request was as it is here.
    TimedOut(Box<Object>),
}

impl Cluster {
    /// Waits until the request that was read as `seen` and has this `uid` comes to an end.
    ///
    /// Watches from the version that was read, never blind: a watch on a name that does not exist
    /// stays silent for ever. Where watching is not allowed it polls.
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
        end.unwrap_or_else(|_| Ok(WaitEnd::TimedOut(seen)))
    }

    async fn watch_to_end(&self, seen: &mut Box<Object>, uid: &str) -> Result<WaitEnd, ApiError> {
        let mut watching = Some(Pace::default());
        loop {
            let pause = match &mut watching {
                None => POLL,
                Some(pace) => {
                    let begun = Instant::now();
                    match self.watch_once(seen, uid).await {
                        Ok(Some(end)) => return Ok(end),
                        // The watch ended, never started, or its version has expired: read again.
                        Ok(None) => pace.pause(begun.elapsed()),
                        Err(error) if error.code() == 410 || error.is_unreachable() => {
                            pace.pause(begun.elapsed())
                        }
                        Err(error) if error.code() == 403 => {
                            watching = None;
                            Duration::ZERO
                        }
                        Err(error) => return Err(error),
                    }
                }
            };
            tokio::time::sleep(pause).await;
            let now = self.look(&seen.metadata.name).await?;
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
        let watch = Watch {
            path: CSRS,
            field: Some(("metadata.name", &seen.metadata.name)),
            version: &seen.metadata.resource_version,
            seconds: WATCH_SECONDS,
        };
        let mut changes = Changes(self.wire.watch(&watch).await?);
        loop {
            let object = match changes.next().await? {
                Some(Change::Object(object)) => object.into_fields(),
                Some(Change::Progress) => continue,
                // Deleted and at once submitted again is "replaced"; the next read tells.
                Some(Change::Gone) | None => return Ok(None),
            };
            match progress(Some(&object), uid) {
                Progress::Waiting(_) => **seen = object,
                ended => return Ok(Some(WaitEnd::Progress(ended, Some(Box::new(object))))),
            }
        }
    }

    /// The request as it is now; `None` if there is none.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Object>, ApiError> {
        match self.get_csr(name).await {
            Ok(object) => Ok(Some(object.into_fields())),
            Err(error) if error.reason() == "NotFound" => Ok(None),
            Err(error) => Err(error),
        }
    }
}
