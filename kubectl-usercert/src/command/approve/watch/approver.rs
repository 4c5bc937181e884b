//! The service: who works, on what, and for how long.
//!
//! Everything can be killed at any point. What a request still needs is seen from the request, the claim
//! on its certificate's renewal and the records, never from what this process remembers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use usercert_core::api::csr::{CsrObject, State};
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::approver::NAME;
use usercert_core::lifecycle::record::evidence;
use usercert_core::lifecycle::{self, NAMESPACE};
use usercert_core::review::policy::Policy;
use usercert_core::text::show;
use usercert_core::time::UnixTime;

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::command::approve::{ApproveArgs, REASON};
use crate::error::{Error, Exit, Result};
use crate::files::environment;
use crate::ui::args::{ClientArgs, DryRun};
use crate::ui::host::Host;
use crate::workflow::clock;
use crate::workflow::follow::{Follower, Position, answer_all, follow};
use crate::workflow::lease::{self, Lease};
use crate::workflow::monitor::{Count, Monitor};
use crate::workflow::queue::Queue;
use crate::workflow::recent::Recent;
use crate::workflow::records;
use crate::workflow::remembered::Remembered;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::Rules;
use crate::workflow::stop::Stop;

/// Requests that are handled at the same time.
const AT_ONCE: usize = 8;
/// How often the policy file is looked at.
const POLICY_PAUSE: Duration = Duration::from_secs(3);
/// How long `approve` may take to record what it has approved, in seconds.
const RECORDING: i64 = 10;
/// How often records are pruned.
const PRUNE: Duration = Duration::from_secs(3600);
/// How long a connection is used; a service account's token lives for an hour.
const CONNECTION: Duration = Duration::from_secs(60);

pub(super) struct Approver<'a> {
    pub(super) host: &'a Host,
    pub(super) args: &'a ApproveArgs,
    pub(super) rules: RefCell<Rc<Rules>>,
    pub(super) stop: Stop,
    pub(super) queue: Queue,
    pub(super) monitor: Monitor,
    pub(super) bindings: Recent<Bindings>,
    /// What was told of requests that are left, by UID.
    pub(super) left: Remembered<(String, String)>,
    /// UIDs of issued requests whose certificate is recorded.
    pub(super) recorded: Remembered<String>,
    /// Who the server takes this for.
    pub(super) me: RefCell<Option<String>>,
    connection: RefCell<Option<(Instant, Cluster)>>,
    /// Whether it was told that clocks differ.
    clocks_told: Cell<bool>,
    /// The policy as it could not be read, which was told.
    broken: RefCell<Option<String>>,
    /// What came of everything that was handled.
    pub(super) exit: Cell<Exit>,
}

impl Follower for Approver<'_> {
    type Waiting = String;

    fn host(&self) -> &Host {
        self.host
    }

    fn stop(&self) -> &Stop {
        &self.stop
    }

    fn client(&self) -> &ClientArgs {
        &self.args.client
    }

    fn signer(&self) -> Option<&str> {
        None
    }

    /// Records may have changed.
    fn looks_again(&self) -> bool {
        true
    }

    fn waiting(&self, object: CsrObject) -> Option<String> {
        let rules = self.rules.borrow();
        let of_rule = |policy: &Policy| {
            policy.renewals().iter().any(|rule| rule.signer() == object.spec.signer_name)
        };
        let waits = match object.state() {
            State::Pending => true,
            State::Issued => {
                !self.recorded.contains(&object.metadata.uid)
                    && (self.args.watch.once || !is_being_recorded(&object, self.host.now()))
            }
            _ => false,
        };
        let waits = waits && rules.policy().is_some_and(of_rule);
        waits.then(|| object.metadata.name.clone())
    }

    async fn answer(&self, _: &Cluster, name: String) -> Result<Exit> {
        self.queue.add(&name);
        self.monitor.queued(self.queue.len());
        Ok(Exit::Done)
    }
}

/// Whether `approve` has just approved it: that records it, and knows by whom it was approved.
fn is_being_recorded(object: &CsrObject, now: UnixTime) -> bool {
    object.status.conditions.iter().any(|c| {
        c.reason == REASON && c.last_update_time.is_some_and(|at| now.since(at).abs() < RECORDING)
    })
}

impl<'a> Approver<'a> {
    pub(super) fn new(host: &'a Host, args: &'a ApproveArgs, rules: Rules, stop: Stop) -> Self {
        Self {
            host,
            args,
            rules: RefCell::new(Rc::new(rules)),
            stop,
            queue: Queue::default(),
            monitor: Monitor::default(),
            bindings: Recent::default(),
            left: Remembered::default(),
            recorded: Remembered::default(),
            me: RefCell::default(),
            connection: RefCell::default(),
            clocks_told: Cell::default(),
            broken: RefCell::default(),
            exit: Cell::new(Exit::Done),
        }
    }

    pub(super) fn dry_run(&self) -> DryRun {
        self.args.dry_run.dry_run
    }

    /// Handles what waits now.
    pub(super) async fn once(&self) -> Result<Exit> {
        let cluster = self.connection()?;
        answer_all(self, &cluster).await?;
        tokio::select! {
            () = self.work() => {}
            () = self.queue.idle() => {}
        }
        Ok(self.exit.get())
    }

    /// Works while it holds the lease, until it is told to stop.
    pub(super) async fn serve(&self) {
        let (sender, mut leads) = tokio::sync::watch::channel(false);
        let service = async {
            loop {
                if leads.wait_for(|leads| *leads).await.is_err() {
                    return;
                }
                self.host.say("working: this replica holds the lease");
                let lost = async { drop(leads.wait_for(|leads| !*leads).await) };
                tokio::select! {
                    () = lost => self.host.warn("warning: the lease is lost; waiting for it"),
                    // Told to stop; the lease is given up by who holds it.
                    () = self.lead() => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = self.elect(&sender) => {}
            () = self.keep_policy() => {}
            () = service => {}
        }
    }

    /// All that the one does who holds the lease.
    async fn lead(&self) {
        self.queue.clear();
        tokio::select! {
            () = follow(self, Position::begin()) => {}
            () = self.work() => {}
            () = self.prune() => {}
        }
    }

    /// Keeps trying to hold the lease, and tells whether it does. Ends when told to stop.
    async fn elect(&self, leads: &tokio::sync::watch::Sender<bool>) {
        let host = environment::variable("HOSTNAME").unwrap_or_else(|| "approver".to_owned());
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = started.unwrap_or_default().as_nanos();
        let me = format!("{host}_{}_{nanos:x}", std::process::id());
        let mut lease = Lease::new(NAMESPACE, NAME, me);
        let mut told = String::new();
        loop {
            let held = match self.connection() {
                Ok(cluster) => {
                    let hold = lease.hold(&cluster, self.host.now());
                    match tokio::time::timeout(lease::PATIENCE / 2, hold).await {
                        Ok(held) => {
                            held.map_err(|e| explain(&e, &cluster.server, &lease::need()).message)
                        }
                        Err(_) => Err("the lease: the server does not answer in time".to_owned()),
                    }
                }
                Err(error) => Err(error.message),
            };
            self.monitor.trouble("server", held.as_ref().err().cloned());
            match held {
                Ok(()) => told.clear(),
                Err(why) if why == told => {}
                Err(why) => {
                    self.host.warn(format!("warning: {why}; trying again"));
                    told = why;
                    // The next try is made with what the credentials are by then.
                    self.connection.take();
                }
            }
            let now = lease.is_held();
            self.monitor.leads(now);
            leads.send_if_modified(|leads| std::mem::replace(leads, now) != now);
            if self.stop.within(lease::PAUSE).await {
                break;
            }
        }
        if let Ok(cluster) = self.connection() {
            let given_up = lease.release(&cluster, self.host.now());
            let _best_effort = tokio::time::timeout(lease::PATIENCE / 2, given_up).await;
        }
    }

    /// The connection that all use.
    pub(super) fn connection(&self) -> Result<Cluster> {
        let known = self.connection.borrow().clone();
        if let Some((_, cluster)) = known.filter(|(since, _)| since.elapsed() < CONNECTION) {
            return Ok(cluster);
        }
        let cluster = self.connect()?;
        *self.connection.borrow_mut() = Some((Instant::now(), cluster.clone()));
        Ok(cluster)
    }

    /// Who this is, as the server sees it.
    pub(super) async fn me(&self, cluster: &Cluster) -> Result<String> {
        if let Some(me) = self.me.borrow().clone() {
            return Ok(me);
        }
        let me = cluster.who_am_i().await;
        let me = me.map_err(|e| explain(&e, &cluster.server, &Need::WhoAmI))?.username;
        *self.me.borrow_mut() = Some(me.clone());
        Ok(me)
    }

    /// The time by the server's clock, which decides what has ended; `None` if it does not tell.
    pub(super) async fn now(&self, cluster: &Cluster) -> Option<UnixTime> {
        if cluster.time().is_none() {
            // For its date, whatever the answer is.
            let _ = cluster.version().await;
        }
        let there = cluster.time()?;
        if let Some(warning) = clock::difference(self.host.now(), there)
            && !self.clocks_told.replace(true)
        {
            self.host.warn(warning);
        }
        Some(there)
    }

    async fn work(&self) {
        let workers = (0..AT_ONCE).map(|_| async {
            loop {
                let name = self.queue.take().await;
                let handled = self.handle(&name).await;
                self.queue.done(&name, handled.is_ok());
                self.monitor.queued(self.queue.len());
                let exit = handled.unwrap_or_else(|error| {
                    self.monitor.count(Count::Failed);
                    let next = if self.args.watch.once { "" } else { "; trying again" };
                    self.host.warn(format!("warning: {}: {}{next}", show(&name), error.message));
                    error.hints.iter().for_each(|hint| self.host.say(format!("hint: {hint}")));
                    Exit::Failed
                });
                self.exit.set(self.exit.get().gravest(exit));
            }
        });
        futures_util::future::join_all(workers).await;
    }

    /// Looks at everything again.
    async fn look_again(&self) {
        let Ok(cluster) = self.connection() else { return };
        if let Err(error) = answer_all(self, &cluster).await {
            self.host.warn(format!("warning: {}", error.message));
        }
    }

    /// Reads the policy whenever its file has changed. One that is broken changes nothing but is told:
    /// here, in the metrics, and by not being ready.
    async fn keep_policy(&self) {
        loop {
            tokio::time::sleep(POLICY_PAUSE).await;
            match self.args.policy.load(self.host) {
                Ok(rules) => {
                    if self.broken.take().is_some() {
                        self.host.say("the policy is valid again");
                    }
                    self.monitor.trouble("policy", None);
                    if **self.rules.borrow() == rules {
                        continue;
                    }
                    *self.rules.borrow_mut() = Rc::new(rules);
                    self.left.clear();
                    self.host.say("the policy was reloaded");
                    self.look_again().await;
                }
                Err(error) => {
                    let why = Some(error.message);
                    if *self.broken.borrow() != why {
                        let problem = why.clone().unwrap_or_default();
                        self.host.warn(format!(
                            "warning: the new policy is invalid, the previous one stays in force: \
                             {problem}"
                        ));
                        self.monitor.trouble("policy", why.clone());
                        *self.broken.borrow_mut() = why;
                    }
                }
            }
        }
    }

    /// Deletes what has ended from the records.
    async fn prune(&self) {
        loop {
            let pruned = async {
                let cluster = self.connection()?;
                let failed = |error: ApiError| explain(&error, &cluster.server, &records::prune());
                let Some(now) = self.now(&cluster).await else {
                    return Err(Error::new(
                        "nothing is pruned: the server does not report its time",
                    ));
                };
                let ended = records::ended(&cluster, now).await.map_err(failed)?;
                records::delete(&cluster, &config_maps(), &ended, false).await.map_err(failed)?;
                let failed =
                    |error: ApiError| explain(&error, &cluster.server, &records::evidence_need());
                let over = records::over(&cluster, now).await.map_err(failed)?;
                let leases = evidence::collection();
                records::delete(&cluster, &leases, &over, false).await.map_err(failed)?;
                Ok::<_, Error>(ended.len())
            };
            match pruned.await {
                Ok(0) => {}
                Ok(count) => self.host.say(format!(
                    "{count} records of certificates that expired more than {} day ago deleted",
                    lifecycle::record::GRACE / 86_400
                )),
                Err(error) => self.host.warn(format!("warning: {}", error.message)),
            }
            tokio::time::sleep(PRUNE).await;
        }
    }
}
