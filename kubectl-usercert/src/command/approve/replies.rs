//! The replies that approved requests are answered with: promised before the decision, written once
//! the certificates are there.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use usercert_core::api::csr::{CsrObject, Object};
use usercert_core::text::show_path;

use super::Approval;
use crate::cluster::{Need, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::DryRun;
use crate::workflow::await_certificate;
use crate::workflow::reply::{self, ClusterData};

/// A reply that can be written: where to, `None` for standard output.
pub(super) struct Promise(Option<PathBuf>);

#[derive(Default)]
pub(super) struct Replies {
    data: OnceCell<ClusterData>,
    files: RefCell<BTreeSet<PathBuf>>,
    owed: RefCell<Vec<(Promise, Object)>>,
}

impl Replies {
    /// Remembers to whom a reply is owed.
    pub(super) fn keep(&self, promise: Option<Promise>, approved: Option<CsrObject>) {
        if let (Some(promise), Some(object)) = (promise, approved) {
            self.owed.borrow_mut().push((promise, object.into_fields()));
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
            return Err(Error::new(format!("{file} is promised to another request of this run"))
                .hint("nothing was approved of this one; approve it in a run of its own"));
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
            return Err(Error::new("the certificate that was issued is not the answer to this request: key, user or groups differ")
                .hint("no reply was written; look at the signer"));
        };
        self.recorder.note(leaf, &object).await;
        let namespace = self.args.client.namespace.clone();
        reply::write(self.host, data, chain, namespace, file.as_deref()).hint(
            "the request is approved; write the reply elsewhere with `kubectl usercert approve NAME --reply FILE`",
        )
    }
}
