//! What follows once the certificates are there: replies, promised before the decision, and records.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use usercert_core::api::csr::{CsrObject, Object, Progress};
use usercert_core::text::{show_list, show_path};

use super::Approval;
use crate::cluster::{Need, WaitEnd, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::DryRun;
use crate::workflow::await_certificate;
use crate::workflow::reply::{self, ClusterData};
use crate::workflow::review_bindings::Bindings;

/// How long a signer may take until whoever approves is not kept any longer for the record.
const SIGNED_WITHIN: Duration = Duration::from_secs(3);
/// How many certificates are recorded at the same time.
const AT_ONCE: usize = 8;

/// A reply that can be written: where to, `None` for standard output.
pub(super) struct Promise(Option<PathBuf>);

#[derive(Default)]
pub(super) struct Replies {
    data: OnceCell<ClusterData>,
    files: RefCell<BTreeSet<PathBuf>>,
    owed: RefCell<Vec<(Promise, Object)>>,
    /// Approved without a reply.
    unanswered: RefCell<Vec<Object>>,
}

impl Replies {
    /// Remembers what was approved, and whether a reply is owed for it.
    pub(super) fn keep(&self, promise: Option<Promise>, approved: CsrObject) {
        let object = approved.into_fields();
        match promise {
            Some(promise) => self.owed.borrow_mut().push((promise, object)),
            None => self.unanswered.borrow_mut().push(object),
        }
    }
}

impl Approval<'_> {
    /// Makes sure, before anything is decided, that a reply for this user can be written.
    pub(super) async fn promise(&self, user: &str) -> Result<Option<Promise>> {
        let reply = &self.args.reply;
        let Some(to) = reply.reply.as_ref().filter(|_| self.dry_run() == DryRun::None) else {
            return Ok(None);
        };
        let file = reply::destination(to, user)?;
        if let Some(file) = &file
            && self.replies.files.borrow().contains(file)
        {
            let file = show_path(file);
            return Err(Error::new(format!(
                "{file} is the reply file of another request in this run"
            ))
            .hint("this request was not approved; approve it in a separate run"));
        }
        match self.replies.data.get() {
            Some(data) => data.fits(user, &self.args.client)?,
            None => {
                let client = &self.args.client;
                let data =
                    reply::cluster_data(self.target, self.cluster, reply, user, client).await?;
                self.replies.data.get_or_init(|| data);
            }
        }
        self.replies.files.borrow_mut().extend(file.clone());
        Ok(Some(Promise(file)))
    }

    /// What is left to do for a request that was approved, but not in a dry run.
    pub(super) fn follow_up(&self, promise: Option<Promise>, approved: Option<CsrObject>) {
        if let (Some(approved), DryRun::None) = (approved, self.dry_run()) {
            self.replies.keep(promise, approved);
        }
    }

    /// Records the certificates of requests that get no reply, where the cluster keeps records. Without
    /// that, `revoke` would not know them once the requests are forgotten.
    pub(super) async fn record(&self) {
        let unanswered = self.replies.unanswered.take();
        if !self.bindings.get().is_some_and(Bindings::keep_revocations) {
            return;
        }
        let (late, patience) = (RefCell::new(Vec::new()), Cell::new(SIGNED_WITHIN));
        let each = stream::iter(unanswered).for_each_concurrent(AT_ONCE, |object| async {
            let uid = object.metadata.uid.clone();
            match self.cluster.wait(object, &uid, patience.get()).await {
                Ok(WaitEnd::Progress(Progress::Issued, Some(object))) => {
                    let chain = await_certificate::chain_of(&object).unwrap_or_default();
                    if let Some(leaf) = chain.first() {
                        self.recorder.note(leaf, &object).await;
                    }
                }
                Ok(WaitEnd::TimedOut(object)) => {
                    patience.set(Duration::ZERO);
                    late.borrow_mut().push(object.metadata.name);
                }
                // It was denied or deleted meanwhile: there is nothing to record.
                Ok(WaitEnd::Progress(..)) => {}
                Err(error) => self.host.warn(format!(
                    "warning: not recorded: {}",
                    explain(&error, &self.cluster.server, &Need::Get).message
                )),
            }
        });
        each.await;
        let late = late.into_inner();
        if !late.is_empty() {
            self.host.warn(format!(
                "warning: not recorded, because no signer has issued the certificate yet: {}; approve again once it has",
                show_list(late.iter().map(String::as_str), 20, 80)
            ));
        }
    }

    /// Waits for the certificates and writes the replies. The time to wait is for all together.
    pub(super) async fn hand_back(&self, several: bool) -> Result<Exit> {
        let mut exit = Exit::Done;
        let owed = self.replies.owed.take();
        let Some(data) = self.replies.data.get() else { return Ok(exit) };
        let until = Instant::now().checked_add(self.args.timeout.timeout.for_waiting());
        for (index, (promise, object)) in owed.into_iter().enumerate() {
            match self.answer(data, promise, object, until, index > 0).await {
                Ok(()) => {}
                Err(error) if several => {
                    self.host.fail(&error);
                    exit = exit.gravest(error.exit);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(exit)
    }

    /// Waits for one certificate, makes sure that it answers this request, and writes the reply.
    async fn answer(
        &self,
        data: &ClusterData,
        Promise(file): Promise,
        object: Object,
        until: Option<Instant>,
        stale: bool,
    ) -> Result<()> {
        let uid = object.metadata.uid.clone();
        let request = object.certificate_request()?;
        let seen = if stale {
            // While others were waited for, this one has most likely been signed.
            let need = |e| explain(&e, &self.cluster.server, &Need::Get);
            match self.cluster.get_csr(&object.metadata.name).await {
                Ok(object) => object.into_fields(),
                Err(error) if error.reason() == "NotFound" => {
                    let vanished = usercert_core::api::csr::Progress::Vanished;
                    return Err(await_certificate::ended(&object.metadata.name, vanished));
                }
                Err(error) => return Err(need(error)),
            }
        } else {
            object
        };
        let limit = until.map(|until| until.saturating_duration_since(Instant::now()));
        let limit = limit.unwrap_or_else(|| self.args.timeout.timeout.for_waiting());
        let object = await_certificate::wait(self.host, self.cluster, seen, &uid, limit).await?;
        let chain = await_certificate::chain_of(&object)?;
        let leaf = chain.first().filter(|leaf| {
            leaf.key.spki == request.key.spki
                && leaf.subject.user() == request.subject.user()
                && leaf.subject.groups() == request.subject.groups()
        });
        let Some(leaf) = leaf else {
            return Err(Error::new(
                "the issued certificate does not match this request: key, user or groups differ",
            )
            .hint("no reply was written; check the signer"));
        };
        self.recorder.note(leaf, &object).await;
        let namespace = self.args.client.namespace.clone();
        reply::write(self.host, data, chain, namespace, file.as_deref()).hint(
            "the request is approved; write the reply elsewhere with `kubectl usercert approve NAME --reply FILE`",
        )
    }
}
