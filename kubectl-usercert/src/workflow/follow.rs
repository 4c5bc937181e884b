//! Following requests for as long as it takes: the list, then every change from there on.
//!
//! A version that the server has forgotten leads back to the list, and so does a failure, since only the
//! list tells what was missed.

use std::time::{Duration, Instant};

use usercert_core::api::csr::CsrObject;

use crate::cluster::{ApiError, Change, Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::ClientArgs;
use crate::ui::host::Host;
use crate::workflow::stop::Stop;

/// Waiting after a failure: at first, and at most.
pub const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Somebody who answers requests.
pub trait Follower {
    /// What is kept of a request until it is answered.
    type Waiting;

    fn host(&self) -> &Host;

    fn stop(&self) -> &Stop;

    fn client(&self) -> &ClientArgs;

    /// The signer whose requests these are; those of all if there is none.
    fn signer(&self) -> Option<&str>;

    /// Whether all is looked at again whenever a watch ends, every few minutes, though nothing has changed.
    fn looks_again(&self) -> bool {
        false
    }

    /// What a request comes to, if it waits for an answer.
    fn waiting(&self, object: CsrObject) -> Option<Self::Waiting>;

    fn answer(
        &self,
        cluster: &Cluster,
        waiting: Self::Waiting,
    ) -> impl Future<Output = Result<Exit>>;

    /// What following takes.
    fn need(&self) -> Need {
        Need::List
    }

    fn explain(&self, cluster: &Cluster, error: &ApiError) -> Error {
        explain(error, &cluster.server, &self.need())
    }

    /// The connection for the next step. A service account's token lives for an hour: each step takes
    /// the one that is there by now.
    ///
    /// # Errors
    /// Flags or a kubeconfig that lead to no server.
    fn connect(&self) -> Result<Cluster> {
        let cluster = Target::resolve(self.client())?.connect()?;
        Ok(cluster.for_service(self.stop().receiver()))
    }
}

/// Where it is.
pub struct Position {
    /// The version up to which everything is answered; without one it begins with the list.
    version: Option<String>,
    /// Whether something in the list could not be answered.
    unfinished: bool,
}

impl Position {
    /// Nothing is known yet.
    pub fn begin() -> Self {
        Self { version: None, unfinished: false }
    }

    /// After a list of this version.
    pub fn after(version: String, handled: Exit) -> Self {
        Self { version: Some(version), unfinished: handled == Exit::Failed }
    }
}

enum Step {
    Listed,
    /// Changes have been followed, until the watch ended.
    Watched,
    Stopped,
}

/// Answers everything that waits now; the version of the list, and how it went. `None` when told to stop.
///
/// # Errors
/// As listing fails; what cannot be answered is told and keeps no other waiting.
pub async fn answer_all<F: Follower>(
    follower: &F,
    cluster: &Cluster,
) -> Result<Option<(String, Exit)>> {
    let waiting = |object| follower.waiting(object);
    let listed = follower.stop().or(cluster.requests_to(follower.signer(), waiting)).await;
    let Some(listed) = listed else { return Ok(None) };
    let (waiting, version) = listed.map_err(|e| follower.explain(cluster, &e))?;
    let mut exit = Exit::Done;
    for one in waiting {
        if follower.stop().is_told().await {
            return Ok(None);
        }
        exit = exit.gravest(follower.answer(cluster, one).await.unwrap_or_else(|error| {
            follower.host().fail(&error);
            error.exit
        }));
    }
    Ok(Some((version, exit)))
}

/// Follows until it is told to stop. Failures are told and tried again.
pub async fn follow<F: Follower>(follower: &F, mut at: Position) {
    let mut pause = BACKOFF.0;
    loop {
        let begun = Instant::now();
        let step = match follower.connect() {
            Ok(cluster) => step(follower, &cluster, &mut at, pause).await,
            Err(error) => Err(error),
        };
        let again = step.is_err() || at.unfinished;
        match step {
            Ok(Step::Stopped) => return,
            Ok(Step::Listed) => continue,
            // A server that ends every watch at once is not asked at once again.
            Ok(Step::Watched) if begun.elapsed() >= BACKOFF.0 => {}
            Ok(Step::Watched) => {
                if follower.stop().within(pause).await {
                    return;
                }
            }
            Err(error) => {
                let next = if follower.stop().is_told().await { "" } else { "; trying again" };
                follower.host().warn(format!("warning: {}{next}", error.message));
                if follower.stop().within(pause).await {
                    return;
                }
            }
        }
        pause = if again { (pause * 2).min(BACKOFF.1) } else { BACKOFF.0 };
    }
}

/// Follows the changes where the version is known, else answers what is in the list.
async fn step<F: Follower>(
    follower: &F,
    cluster: &Cluster,
    at: &mut Position,
    limit: Duration,
) -> Result<Step> {
    let Some(version) = at.version.take() else {
        let Some((version, handled)) = answer_all(follower, cluster).await? else {
            return Ok(Step::Stopped);
        };
        *at = Position::after(version, handled);
        return Ok(Step::Listed);
    };
    // A version that the server has forgotten is no failure.
    let lost = |error: ApiError| match error.code() {
        410 => Ok(Step::Watched),
        _ => Err(follower.explain(cluster, &error)),
    };
    let limit = at.unfinished.then_some(limit);
    let up = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(up);
    let watch = cluster.watch_requests_to(follower.signer(), &version);
    let mut changes = match follower.stop().or(watch).await {
        Some(Ok(changes)) => changes,
        Some(Err(error)) => return lost(error),
        None => return Ok(Step::Stopped),
    };
    loop {
        let change = tokio::select! {
            biased;
            () = follower.stop().told() => return Ok(Step::Stopped),
            () = &mut up => return Ok(Step::Watched),
            change = changes.next() => change,
        };
        match change {
            Ok(Some(Change::Object(object))) => {
                if let Some(waiting) = follower.waiting(*object)
                    && follower.answer(cluster, waiting).await? == Exit::Failed
                {
                    // From the list again, after a pause.
                    return Ok(Step::Watched);
                }
            }
            Ok(Some(Change::Gone | Change::Progress)) => {}
            Ok(None) => {
                let anew = at.unfinished || follower.looks_again();
                at.version = Some(changes.version().to_owned()).filter(|_| !anew);
                return Ok(Step::Watched);
            }
            Err(error) => return lost(error),
        }
    }
}
