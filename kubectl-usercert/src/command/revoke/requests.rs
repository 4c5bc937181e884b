//! Requests that would bring a certificate after its user or parent was revoked.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Decision, Object, Progress, RESOURCE, State};
use usercert_core::text::{shell_word, show_short};

use crate::cluster::{ApiError, Cluster, Need, WaitEnd, explain};
use crate::error::{Error, Exit};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::approval::{self, ApprovalCondition};
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::records::{self, Unread};

/// How long an approved request is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many damaged records are told.
const LISTED: usize = 10;
/// The reason of a denial.
const REASON: &str = "UsercertRevoked";

/// Requests that nobody has decided, and those that are approved and not issued.
#[derive(Default)]
pub struct Requests {
    pending: Vec<CsrObject>,
    approved: Vec<Object>,
    /// UIDs of those that were denied.
    denied: BTreeSet<String>,
    /// UIDs of those that were waited for.
    awaited: BTreeSet<String>,
    /// Why some could not be denied, by their UIDs.
    errors: Vec<(String, Error)>,
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

fn exit(error: &ApiError) -> Exit {
    if is_failure(error) { Exit::Failed } else { Exit::Done }
}

/// Tells what of issued certificates could not be read, and what is `unknown` therefore.
pub fn tell_unrecorded(host: &Host, cluster: &Cluster, unread: &Unread, unknown: &str) -> Exit {
    let why = why_unseen(cluster, &unread.error, unread.what, &records::see());
    host.warn(format!("warning: {unknown}: {why}"));
    exit(&unread.error)
}

/// Tells of records that cannot be read and say that they are of the user.
pub fn tell_damaged(host: &Host, damaged: &[String]) -> Exit {
    for one in damaged.iter().take(LISTED) {
        host.warn(format!(
            "warning: damaged record, so a certificate of the user may not be known: {one}"
        ));
    }
    if let Some(more) = damaged.len().checked_sub(LISTED).filter(|more| *more > 0) {
        host.warn(format!("warning: and {more} more damaged records"));
    }
    if damaged.is_empty() { Exit::Done } else { Exit::Failed }
}

/// Tells that requests could not be listed.
pub fn tell_unlisted(host: &Host, cluster: &Cluster, error: &ApiError) -> Exit {
    let why = why_unseen(cluster, error, "requests", &Need::List);
    host.warn(format!(
        "warning: cannot tell whether more certificates will be issued: {why}; a pending or \
         approved request may still lead to one"
    ));
    exit(error)
}

/// Tells that it could not be looked whether more was issued. That one may not look was told before.
pub fn tell_no_more(host: &Host, cluster: &Cluster, error: &ApiError) -> Exit {
    if is_failure(error) {
        let why = explain(error, &cluster.server, &Need::List).message;
        host.warn(format!("warning: cannot tell whether more was issued meanwhile: {why}"));
    }
    exit(error)
}

impl Requests {
    /// Takes up the requests that may still bring a certificate, and waits for those that are approved. Gives
    /// what was issued by then, and whether some are pending that were not before.
    pub async fn update(
        &mut self,
        cluster: &Cluster,
        found: Vec<CsrObject>,
        dry: DryRun,
    ) -> (Vec<KnownCertificate>, bool) {
        let (pending, approved): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|object| object.state() == State::Pending);
        let same = |one: &CsrObject, all: &[CsrObject]| {
            all.iter().any(|other| other.metadata.uid == one.metadata.uid)
        };
        // What is pending no more was denied here, or decided by somebody else.
        let denied = &self.denied;
        self.pending.retain(|o| denied.contains(&o.metadata.uid) || same(o, &pending));
        let new: Vec<_> = pending.into_iter().filter(|o| !same(o, &self.pending)).collect();
        let is_new = !new.is_empty();
        self.pending.extend(new);
        let awaited = &self.awaited;
        let ends = join_all(approved.into_iter().map(|object| async move {
            let object = object.into_fields();
            let uid = object.metadata.uid.clone();
            let waits = dry == DryRun::None && !awaited.contains(&uid);
            let limit = if waits { PATIENCE } else { Duration::ZERO };
            (object.clone(), cluster.wait(object, &uid, limit).await)
        }));
        let mut known = Vec::new();
        let mut open = Vec::new();
        for (object, end) in ends.await {
            match end {
                Ok(WaitEnd::Progress(Progress::Issued, Some(now))) => {
                    known.extend(KnownCertificate::of_request(&now))
                }
                Ok(WaitEnd::Progress(..)) => {}
                Ok(WaitEnd::TimedOut(_)) | Err(_) => open.push(object),
            }
        }
        self.awaited.extend(open.iter().map(|object| object.metadata.uid.clone()));
        self.approved = open;
        (known, is_new)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.approved.is_empty()
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

    /// Denies what is pending, each once.
    pub async fn deny(&mut self, host: &Host, cluster: &Cluster, dry: DryRun) {
        for object in &self.pending {
            let uid = &object.metadata.uid;
            if self.denied.contains(uid) || self.errors.iter().any(|(tried, _)| tried == uid) {
                continue;
            }
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
                Ok(()) => drop(self.denied.insert(uid.clone())),
                Err(error) => self.errors.push((uid.clone(), error)),
            }
        }
    }

    /// Says what could not be denied. Exit code 1 for that, or when something will be issued all the same.
    pub fn finish(&self, host: &Host) -> Exit {
        let pending = |uid: &String| self.pending.iter().any(|o| o.metadata.uid == *uid);
        let open = if self.approved.is_empty() { Exit::Done } else { Exit::Failed };
        let failed = self.errors.iter().filter(|(uid, _)| pending(uid));
        failed.fold(open, |exit, (_, error)| {
            host.fail(error);
            exit.gravest(error.exit)
        })
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
