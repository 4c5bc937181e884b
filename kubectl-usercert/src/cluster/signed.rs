//! Many requests that wait for their certificates: one watch for all of them.
//!
//! The watch only makes it fast. Whatever it misses, because it is not allowed, is cut off or begins too
//! late, is found by reading the request itself from time to time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use usercert_core::api::csr::{Object, Progress, progress};

use super::changes::{Change, Pace};
use super::failure::ApiError;
use super::wait::POLL;
use super::{Cluster, ListOptions, WaitEnd};

/// How often a request is read although the watch is there to tell.
const LOOK: Duration = Duration::from_secs(5);

type Waiting = Mutex<HashMap<String, oneshot::Sender<Object>>>;

/// The watch over all requests to a signer. It ends when this is dropped.
pub struct Signed {
    cluster: Cluster,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    waiting: Waiting,
    watching: AtomicBool,
}

impl Drop for Signed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub struct Expected {
    object: oneshot::Receiver<Object>,
}

impl Signed {
    pub fn new(cluster: &Cluster, signer: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let watch = watch(cluster.clone(), signer.to_owned(), Arc::clone(&shared));
        Self { cluster: cluster.clone(), shared, task: tokio::spawn(watch) }
    }

    /// Says that a request of this name is going to be waited for; to be called before it is approved.
    pub fn expect(&self, name: &str) -> Expected {
        let (sender, object) = oneshot::channel();
        lock(&self.shared.waiting).insert(name.to_owned(), sender);
        Expected { object }
    }

    /// Waits until the request that was read as `seen` and has this `uid` comes to an end.
    pub async fn wait(
        &self,
        expected: Expected,
        seen: Object,
        uid: &str,
        limit: Duration,
    ) -> Result<WaitEnd, ApiError> {
        let name = seen.metadata.name.clone();
        let mut seen = Box::new(seen);
        let end = tokio::time::timeout(limit, self.until_ended(expected, &mut seen, uid)).await;
        lock(&self.shared.waiting).remove(&name);
        end.unwrap_or_else(|_| Ok(WaitEnd::TimedOut(seen)))
    }

    async fn until_ended(
        &self,
        expected: Expected,
        seen: &mut Box<Object>,
        uid: &str,
    ) -> Result<WaitEnd, ApiError> {
        let mut told = Some(expected.object);
        let mut now = Some((**seen).clone());
        loop {
            match progress(now.as_ref(), uid) {
                Progress::Waiting(_) => {}
                ended => return Ok(WaitEnd::Progress(ended, now.map(Box::new))),
            }
            if let Some(object) = now.take() {
                **seen = object;
            }
            let look = if self.shared.watching.load(Ordering::Relaxed) { LOOK } else { POLL };
            let heard = tokio::time::timeout(look, async {
                match told.as_mut() {
                    Some(told) => told.await.ok(),
                    None => std::future::pending().await,
                }
            });
            let heard = heard.await;
            if heard.is_ok() {
                told = None;
            }
            now = match heard.ok().flatten() {
                Some(object) => Some(object),
                None => match self.cluster.get_csr(&seen.metadata.name).await {
                    Ok(object) => Some(object.into_fields()),
                    Err(error) if error.reason() == "NotFound" => None,
                    Err(error) => return Err(error),
                },
            };
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(cluster: Cluster, signer: String, shared: Arc<Shared>) {
    let mut version = String::new();
    let mut pace = Pace::default();
    loop {
        let begun = Instant::now();
        let ended = watch_once(&cluster, &signer, &shared, &mut version).await;
        shared.watching.store(false, Ordering::Relaxed);
        match ended {
            Err(error) if error.code() == 403 => return,
            Err(error) if error.code() == 410 => version.clear(),
            _ => {}
        }
        tokio::time::sleep(pace.pause(begun.elapsed())).await;
    }
}

async fn watch_once(
    cluster: &Cluster,
    signer: &str,
    shared: &Shared,
    version: &mut String,
) -> Result<(), ApiError> {
    if version.is_empty() {
        let options = ListOptions { signer: Some(signer), selector: None };
        *version = cluster.csr_pages(&options).version().await?;
    }
    let mut changes = cluster.watch_requests_to(Some(signer), version).await?;
    shared.watching.store(true, Ordering::Relaxed);
    while let Some(change) = changes.next().await? {
        changes.version().clone_into(version);
        let Change::Object(object) = change else { continue };
        if !object.state().is_final() {
            continue;
        }
        if let Some(waiting) = lock(&shared.waiting).remove(&object.metadata.name) {
            // Nobody is left to tell if the wait is over already.
            let _ = waiting.send(object.into_fields());
        }
    }
    Ok(())
}
