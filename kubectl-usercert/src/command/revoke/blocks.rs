//! Blocking certificates and denying requests, until nothing more turns up that belongs to it: while a
//! question is open, and between reading and writing, a renewal may be approved.

use std::collections::BTreeSet;

use usercert_core::api::csr::{CsrObject, State};
use usercert_core::lifecycle::renewal::submitted_with;
use usercert_core::lifecycle::{Fingerprint, RevocationKey};
use usercert_core::text::show_short;

use super::candidate::Candidate;
use super::certificates::{Plan, Run};
use super::family::Family;
use super::outcome::Blocking;
use super::requests::{self, Requests};
use crate::cluster::ApiError;
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::workflow::known_certificates::{self, KnownCertificate};

/// How often what has come meanwhile is blocked.
const ROUNDS: usize = 5;
/// How many requests for others are told.
const LISTED: usize = 10;

/// What a run blocks and denies.
pub struct Blocks<'a> {
    run: &'a Run<'a>,
    /// None as long as there is no certificate.
    plan: Option<Plan>,
    pub requests: Requests,
    known: BTreeSet<Fingerprint>,
    /// Certificates that have come since the first look.
    late: Vec<KnownCertificate>,
    /// Records that cannot be renewals and were told of.
    told: BTreeSet<String>,
    exit: Exit,
    /// Why nothing can be put on the list.
    why_open: String,
    stuck: bool,
}

/// What it has come to.
pub struct Blocked {
    pub blocking: Blocking,
    pub requests: Requests,
    pub late: Vec<KnownCertificate>,
    pub left_out: Vec<(Candidate, String)>,
    pub why_open: String,
    pub exit: Exit,
}

impl<'a> Blocks<'a> {
    pub fn new(run: &'a Run<'a>, plan: Option<Plan>) -> Self {
        let candidates = plan.iter().flat_map(Plan::candidates);
        let prints = candidates.filter_map(|c| match c.key {
            RevocationKey::Certificate(print) => Some(print),
            _ => None,
        });
        Self {
            known: prints.collect(),
            run,
            plan,
            requests: Requests::default(),
            late: Vec::new(),
            told: BTreeSet::new(),
            exit: Exit::Done,
            why_open: "this cluster has no list of revoked certificates".to_owned(),
            stuck: false,
        }
    }

    /// Takes up the certificates of a user, and the requests that may still bring some.
    pub async fn begin(
        &mut self,
        certificates: &[KnownCertificate],
        in_flight: Result<Vec<CsrObject>, ApiError>,
    ) {
        let in_flight = in_flight.map_err(|error| {
            self.exit = requests::tell_unlisted(self.run.host, self.run.cluster, &error);
        });
        self.take(certificates.to_vec(), in_flight.ok()).await;
        self.late.retain(|one| certificates.iter().all(|c| c.fingerprint != one.fingerprint));
    }

    /// Takes up what descends from the certificates that were named.
    pub async fn begin_family(&mut self) {
        self.look_at_family(true).await;
    }

    /// Offers to install what refuses.
    ///
    /// # Errors
    /// As installing fails.
    pub async fn offer_installation(&mut self) -> Result<()> {
        let Run { host, cluster, answered, .. } = *self.run;
        match &mut self.plan {
            Some(plan) => plan.offer_installation(host, cluster, !answered).await,
            None => Ok(()),
        }
    }

    /// The plan, if something can be put on the list.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref().filter(|plan| plan.has_list() && !self.stuck)
    }

    /// Blocks and denies.
    pub async fn apply(&mut self) {
        let Run { host, cluster, dry, answered, .. } = *self.run;
        if !answered {
            self.look().await;
        }
        for _ in 0..ROUNDS {
            self.block().await;
            self.requests.deny(host, cluster, dry).await;
            if dry != DryRun::None || !self.look().await {
                self.tell_of_other_names().await;
                return;
            }
        }
        host.warn(
            "warning: each time there was one more certificate or request; the last ones are not \
             blocked. Run the command again",
        );
        self.tell_of_other_names().await;
        self.exit = Exit::Failed;
    }

    /// Tells of requests for somebody else that were submitted with what is blocked: whoever took it may hold their
    /// keys. Those of an admin who submits for others are meant too.
    async fn tell_of_other_names(&mut self) {
        let Run { host, cluster, user, args, .. } = *self.run;
        if self.known.is_empty() && !args.all_certificates {
            return;
        }
        // Where some are named, only those are meant.
        let whole = user.filter(|_| args.certificate.is_empty());
        let keep = |object: &CsrObject| {
            let by = object.spec.username.as_str();
            let blocked = submitted_with(object)
                .is_some_and(|print| self.known.contains(&print) || whole == Some(by));
            let lives = matches!(object.state(), State::Pending | State::Approved | State::Issued);
            blocked && lives && object.request().is_ok_and(|r| r.subject.user() != by)
        };
        let found = match known_certificates::requests(cluster, keep).await {
            Ok(found) => found,
            Err(error) => return self.tell_no_more(&error),
        };
        for object in found.iter().take(LISTED) {
            let whose = object.request().map(|r| r.subject.user()).unwrap_or_default();
            host.warn(format!(
                "warning: with a certificate of {}, a request for {} was submitted: {} ({}). It is not blocked; make \
                 sure that {} holds its key",
                show_short(&object.spec.username, 60),
                show_short(whose, 60),
                show_short(&object.metadata.name, 60),
                object.state().name(),
                show_short(whose, 60),
            ));
        }
        if let Some(more) = found.len().checked_sub(LISTED).filter(|more| *more > 0) {
            host.warn(format!("warning: and {more} more such requests"));
        }
    }

    pub fn finish(self) -> Blocked {
        let dry = self.run.dry;
        let exit = self.exit.gravest(self.requests.finish(self.run.host));
        let left_out = self.plan.as_ref().map(|plan| plan.left_out().to_vec());
        Blocked {
            exit,
            left_out: left_out.unwrap_or_default(),
            blocking: self.plan.map(|plan| plan.outcome(dry)).unwrap_or_default(),
            requests: self.requests,
            late: self.late,
            why_open: self.why_open,
        }
    }

    async fn block(&mut self) {
        let run = self.run;
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.has_list() && !self.stuck) else {
            return;
        };
        if let Err(error) = plan.block(run).await {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &Error) {
        self.run.host.fail(error);
        self.exit = self.exit.gravest(error.exit);
        self.why_open.clone_from(&error.message);
        self.stuck = true;
    }

    /// Looks for what has come meanwhile, and tells it; whether there is anything.
    async fn look(&mut self) -> bool {
        let before = self.late.len();
        let requests = self.requests.lines().len();
        let any = match self.run.user.filter(|_| !self.run.args.only()) {
            Some(user) => self.look_at_user(user).await,
            None => self.look_at_family(false).await,
        };
        let certificates = self.late.iter().skip(before);
        let lines = certificates.map(|one| Candidate::of(one).question(self.run.now));
        let lines = lines.chain(self.requests.lines().into_iter().skip(requests));
        for line in lines {
            self.run.host.warn(format!("Issued or submitted meanwhile: {line}"));
        }
        any
    }

    async fn look_at_user(&mut self, user: &str) -> bool {
        let Run { target, cluster, now, .. } = *self.run;
        let found = known_certificates::of_user(target, cluster, user, now).await;
        if let Some(unread) = &found.unrecorded {
            self.tell_no_more(&unread.error);
        }
        let in_flight = found.in_flight.map_err(|error| self.tell_no_more(&error));
        self.take(found.certificates, in_flight.ok()).await
    }

    fn tell_no_more(&mut self, error: &ApiError) {
        let exit = requests::tell_no_more(self.run.host, self.run.cluster, error);
        self.exit = self.exit.gravest(exit);
    }

    async fn look_at_family(&mut self, first: bool) -> bool {
        let Run { host, cluster, now, .. } = *self.run;
        let candidates = self.plan.as_ref().map(Plan::candidates).unwrap_or_default();
        let named = |c: &Candidate| matches!(c.key, RevocationKey::Certificate(_));
        if !candidates.iter().any(named) {
            return false;
        }
        let family = Family::read(cluster, candidates, now).await;
        if let Some(unread) = &family.unrecorded {
            let unknown = "cannot tell whether it was renewed";
            match first {
                true => self.exit = requests::tell_unrecorded(host, cluster, unread, unknown),
                false => self.tell_no_more(&unread.error),
            }
        }
        if let Some(error) = &family.unlisted {
            match first {
                true => {
                    let exit = requests::tell_unlisted(host, cluster, error);
                    self.exit = self.exit.gravest(exit);
                }
                false => self.tell_no_more(error),
            }
        }
        let is_listed = family.unlisted.is_none();
        for other in family.others {
            if self.told.insert(other.clone()) {
                host.warn(format!(
                    "warning: {other} is recorded as its renewal, which is impossible; it is not \
                     blocked. To block it, name its SHA-256; check who made the record."
                ));
            }
        }
        self.take(family.known, is_listed.then_some(family.in_flight)).await
    }

    /// Takes up what was found; whether any of it is new.
    async fn take(
        &mut self,
        mut certificates: Vec<KnownCertificate>,
        in_flight: Option<Vec<CsrObject>>,
    ) -> bool {
        let mut any = false;
        if let Some(in_flight) = in_flight {
            let Run { cluster, dry, .. } = *self.run;
            let (issued, is_new) = self.requests.update(cluster, in_flight, dry).await;
            certificates.extend(issued);
            any = is_new;
        }
        certificates.retain(|one| self.known.insert(one.fingerprint));
        self.plan_for(&certificates).await;
        any |= !certificates.is_empty();
        self.late.extend(certificates);
        any
    }

    async fn plan_for(&mut self, certificates: &[KnownCertificate]) {
        if certificates.is_empty() || self.stuck {
            return;
        }
        if let Some(plan) = &mut self.plan {
            certificates.iter().for_each(|one| plan.add_known(one));
            return;
        }
        match Plan::make(self.run, certificates).await {
            Ok(plan) => self.plan = Some(plan),
            // Whoever may only take roles does that, as ever.
            Err(error) => self.fail(&error),
        }
    }
}
