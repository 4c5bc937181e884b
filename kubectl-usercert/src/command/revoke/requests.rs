//! Requests that would bring a certificate after its user or parent was revoked.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Decision, Object, Progress, RESOURCE, State};
use usercert_core::text::{shell_word, show_short};

use crate::cluster::{ApiError, Cluster, Need, WaitEnd, explain};
use crate::error::Exit;
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::approval::{self, ApprovalCondition};
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::records;

/// How long an approved request is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The reason of a denial.
const REASON: &str = "UsercertRevoked";

/// Requests that nobody has decided, and those that are approved and not issued.
#[derive(Default)]
pub struct Requests {
    /// Whether they could not be listed though one may.
    failed: bool,
    pending: Vec<CsrObject>,
    approved: Vec<Object>,
    /// UIDs of those that were denied.
    denied: Vec<String>,
}

/// Why these could not be listed, in the middle of a sentence.
fn why_unseen(cluster: &Cluster, error: &ApiError, what: &str, need: &Need) -> String {
    match error.code() {
        403 => format!("you may not list {what}"),
        _ => explain(error, &cluster.server, need).message,
    }
}

/// Whether it is a failure that something could not be looked at: not where one may not look, which is said
/// and no more.
fn is_failure(error: &ApiError) -> bool {
    error.code() != 403
}

/// Tells that the records of issued certificates could not be read, and what is `unknown` therefore.
pub fn tell_unrecorded(host: &Host, cluster: &Cluster, error: &ApiError, unknown: &str) -> Exit {
    let what = "the records of issued certificates";
    let why = why_unseen(cluster, error, what, &records::see());
    host.warn(format!("warning: {unknown}: {why}"));
    if is_failure(error) { Exit::Failed } else { Exit::Done }
}

impl Requests {
    /// Of these requests, waits for those that are approved; also gives what was issued by then. That they
    /// could not be seen is told.
    pub async fn look(
        host: &Host,
        cluster: &Cluster,
        found: Result<Vec<CsrObject>, ApiError>,
        dry: DryRun,
    ) -> (Self, Vec<KnownCertificate>) {
        let failed = found.as_ref().is_err_and(is_failure);
        let found = found.unwrap_or_else(|error| {
            let why = why_unseen(cluster, &error, "requests", &Need::List);
            host.warn(format!(
                "warning: cannot tell whether more certificates will be issued: {why}; a pending or \
                 approved request may still lead to one"
            ));
            Vec::new()
        });
        let limit = if dry == DryRun::None { PATIENCE } else { Duration::ZERO };
        let (pending, approved): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|object| object.state() == State::Pending);
        let ends = join_all(approved.into_iter().map(|object| async move {
            let object = object.into_fields();
            let uid = object.metadata.uid.clone();
            (object.clone(), cluster.wait(object, &uid, limit).await)
        }));
        let mut requests = Self { failed, pending, ..Self::default() };
        let mut known = Vec::new();
        for (object, end) in ends.await {
            match end {
                Ok(WaitEnd::Progress(Progress::Issued, Some(now))) => {
                    known.extend(KnownCertificate::of_request(&now))
                }
                Ok(WaitEnd::Progress(..)) => {}
                Ok(WaitEnd::TimedOut(_)) | Err(_) => requests.approved.push(object),
            }
        }
        (requests, known)
    }

    /// What is going to be denied, a line each, as a question shows it.
    pub fn lines(&self) -> Vec<String> {
        let line = |object: &CsrObject| {
            format!(
                "request {}, pending, submitted by {} (deny it)",
                show_short(&object.metadata.name, 60),
                show_short(&object.spec.username, 60)
            )
        };
        self.pending.iter().map(line).collect()
    }

    /// Denies what is pending. Exit code 1 when that fails, or when something will or may be issued all the
    /// same.
    pub async fn deny(&mut self, host: &Host, cluster: &Cluster, dry: DryRun) -> Exit {
        let all_seen = self.approved.is_empty() && !self.failed;
        let mut exit = if all_seen { Exit::Done } else { Exit::Failed };
        for object in &self.pending {
            let condition = ApprovalCondition {
                decision: Decision::Deny,
                reason: REASON,
                message: "The user's access was revoked.",
                dry_run: dry == DryRun::Server,
            };
            let done = match dry {
                DryRun::Client => Ok(()),
                _ => approval::write(host, cluster, object, &condition).await.map(drop),
            };
            match done {
                Ok(()) => self.denied.push(object.metadata.uid.clone()),
                Err(error) => {
                    host.fail(&error);
                    exit = exit.gravest(error.exit);
                }
            }
        }
        exit
    }

    /// What became of them, a line each.
    pub fn text(&self, mark: &str) -> String {
        let mut text = String::new();
        for object in &self.pending {
            let name = show_short(&object.metadata.name, 60);
            text.push_str(&match self.denied.contains(&object.metadata.uid) {
                true => format!("{RESOURCE}/{name} denied{mark}\n"),
                false => format!("WARNING: the request {name} was not denied\n"),
            });
        }
        for object in &self.approved {
            let name = show_short(&object.metadata.name, 60);
            let user = object.certificate_request().map(|r| r.subject.user().to_owned());
            text.push_str(&format!(
                "WARNING: the request {name} is approved and not issued yet: its certificate will not be blocked. To block that too: kubectl usercert revoke --all-certificates -- {}\n",
                shell_word(&user.unwrap_or_else(|_| "NAME".to_owned()))
            ));
        }
        text
    }

    /// For `-o json`.
    pub fn value(&self) -> Value {
        let item = |object: &Object, state: &str| {
            let (name, uid) = (&object.metadata.name, &object.metadata.uid);
            json!({ "name": name, "uid": uid, "state": state })
        };
        let pending = self.pending.iter().map(|object| {
            let denied = self.denied.contains(&object.metadata.uid);
            item(object, if denied { "denied" } else { "pending" })
        });
        pending.chain(self.approved.iter().map(|object| item(object, "approved"))).collect()
    }
}
