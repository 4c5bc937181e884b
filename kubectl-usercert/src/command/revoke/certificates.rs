//! The certificates that a run of `revoke` blocks.

use std::collections::BTreeMap;

use clap::Args;
use usercert_core::lifecycle::admission;
use usercert_core::lifecycle::enforcement::Enforcement;
use usercert_core::lifecycle::verdict::{Evidence, Listed, Standing, Verdict};
use usercert_core::lifecycle::{
    self, PROBE_USER, Revocation, RevocationKey, RevocationList, protected,
};
use usercert_core::text::show_short;
use usercert_core::time::UnixTime;

use super::candidate::Candidate;
use super::me::Me;
use super::named;
use super::outcome::{Blocking, Outcome, Tested};
use crate::cluster::{Cluster, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::revocation::{self, Installed};

/// Which certificates, and why.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Certificates")]
pub struct CertificateArgs {
    /// Block just this certificate, no role: a file (PEM, DER, kubeconfig, CertificateSigningRequest;
    /// "-": standard input) or its SHA-256; repeat for several
    #[arg(long, value_name = "FILE|SHA256")]
    pub certificate: Vec<String>,
    /// Block every certificate of the user, also unknown ones and those issued later; `--accept
    /// revoked-user` excepts one when it is approved
    #[arg(long, requires = "name")]
    pub all_certificates: bool,
    /// Remove roles only, block no certificate
    #[arg(long, conflicts_with_all = ["certificate", "all_certificates"])]
    pub roles_only: bool,
    /// Reason to show to the person: one line of at most 200 characters
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

impl CertificateArgs {
    /// Whether it is about certificates and nothing else.
    pub fn only(&self) -> bool {
        self.all_certificates || !self.certificate.is_empty()
    }
}

/// What a run goes by.
pub struct Run<'a> {
    pub host: &'a Host,
    pub args: &'a CertificateArgs,
    pub target: &'a Target,
    pub cluster: &'a Cluster,
    pub user: Option<&'a str>,
    /// By the server's clock.
    pub now: UnixTime,
    pub dry: DryRun,
    /// Whether nothing is asked.
    pub answered: bool,
}

/// What is to be blocked, and what was found out for it.
pub struct Plan {
    candidates: Vec<Candidate>,
    /// Others, each with why it is not blocked.
    left_out: Vec<(Candidate, String)>,
    /// Who revokes.
    me: Me,
    /// How often their own certificate was named: twice means it.
    times: usize,
    /// What there is already; `None` if there is no list.
    list: Option<RevocationList>,
    /// What enforces; `None` if it could not be looked at.
    installed: Option<Installed>,
    /// What is on the list by now.
    done: Vec<RevocationKey>,
    /// What was written for it.
    entries: Vec<Revocation>,
    /// What was seen of it.
    seen: BTreeMap<RevocationKey, Enforcement>,
    verdict: Option<Verdict>,
}

impl Plan {
    /// Works out what is meant. `known` are the certificates of the user that a revocation of everything
    /// covers.
    ///
    /// # Errors
    /// Certificates that cannot be read, are the cluster's own, or the one that is in use.
    pub async fn make(run: &Run<'_>, known: &[KnownCertificate]) -> Result<Self> {
        let Run { host, args, target, cluster, user, .. } = *run;
        let named::Candidates { named, encoded } =
            named::candidates(host, &args.certificate, target, cluster, user).await?;
        let me = Me::ask(target, cluster).await?;
        let list = revocation::read(cluster).await?;
        let installed = Installed::look(cluster, true).await.ok();
        let times = named.iter().filter(|c| me.is_cut_off_by(&c.key)).count();
        let mut plan = Self {
            candidates: Vec::new(),
            left_out: Vec::new(),
            me,
            times,
            list,
            installed,
            done: Vec::new(),
            entries: Vec::new(),
            seen: BTreeMap::new(),
            verdict: None,
        };
        for candidate in named {
            let with_user = args.all_certificates && user == Some(&plan.me.name);
            if plan.me.is_cut_off_by(&candidate.key) && times < 2 && !with_user {
                return Err(own(&candidate));
            }
            refuse_protected(&candidate)?;
            plan.add(candidate);
        }
        if args.all_certificates {
            let user = user.unwrap_or_default();
            if let Some(why) = protected(user, []) {
                return Err(
                    Error::refused(why.to_string()).hint("its certificates are not blocked")
                );
            }
            if user == PROBE_USER {
                return Err(Error::refused(format!(
                    "the tests of what refuses revoked certificates impersonate the user {PROBE_USER}: \
                     while it is blocked, they show nothing"
                ))
                .hint("to block a certificate of that name: revoke --certificate"));
            }
            let key = RevocationKey::of_user(user).usage()?;
            let candidate = Candidate { key, certificate: None, place: String::new() };
            if plan.me.is_cut_off_by(&candidate.key) && times < 1 {
                return Err(own(&candidate));
            }
            plan.add(candidate);
        }
        for one in &encoded {
            if plan.candidates.iter().any(|c| c.covers(one)) {
                continue;
            }
            host.warn(format!(
                "note: the cluster knows this certificate of {} under another SHA-256 too, {}",
                show_short(&one.user, 80),
                one.fingerprint.short()
            ));
            plan.add_known(one);
        }
        known.iter().for_each(|one| plan.add_known(one));
        Ok(plan)
    }

    /// Adds a certificate that was found, unless it is the cluster's own or in use.
    pub fn add_known(&mut self, one: &KnownCertificate) {
        let candidate = Candidate::of(one);
        if let Some(why) = protected(&one.user, one.groups.iter().map(String::as_str)) {
            self.left_out.push((candidate, why.to_string()));
        } else if self.me.is_cut_off_by(&candidate.key) && self.times < 1 {
            let why = "it is the one that you are using; to block it, name it with --certificate";
            self.left_out.push((candidate, why.to_owned()));
        } else {
            self.add(candidate);
        }
    }

    /// Says what is not blocked though it belongs to what is.
    pub fn tell_left_out(&self, host: &Host) {
        for (candidate, why) in &self.left_out {
            host.warn(format!("warning: {} is not blocked: {why}", candidate.name()));
        }
    }

    fn add(&mut self, candidate: Candidate) {
        if self.candidates.iter().all(|c| c.key != candidate.key) {
            self.candidates.push(candidate);
        }
    }

    /// Whether there is anything to block.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// What was left out, each with why.
    pub fn left_out(&self) -> &[(Candidate, String)] {
        &self.left_out
    }

    /// What is to be blocked.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether entries can be written: there is a list.
    pub fn has_list(&self) -> bool {
        self.list.is_some()
    }

    /// What is going to be blocked, a line each, as a question shows it.
    pub fn lines(&self, now: UnixTime) -> Vec<String> {
        let lifted = self.exceptions().map(|key| format!("the exception {}", revocation::id(key)));
        let on_list = |c: &Candidate| self.list.as_ref().is_some_and(|l| l.entry(&c.key).is_some());
        let line = |c: &Candidate| {
            let already = if on_list(c) { ", on the list already" } else { "" };
            format!("{}{already}", c.question(now))
        };
        self.candidates.iter().map(line).chain(lifted).collect()
    }

    /// The exceptions from the blocks of users that are to be blocked: they end with this.
    fn exceptions(&self) -> impl Iterator<Item = &RevocationKey> {
        let users = self.candidates.iter().filter_map(|candidate| match &candidate.key {
            RevocationKey::User(user) => Some(user),
            _ => None,
        });
        users.flat_map(|user| self.list.iter().flat_map(move |list| list.exceptions(user)))
    }

    /// Asks once more about certificates of which only the SHA-256 is known.
    ///
    /// # Errors
    /// The person says no.
    pub fn confirm_unknown(&self, host: &Host, answered: bool) -> Result<()> {
        let unknown = self.candidates.iter().filter(|c| c.is_of_nobody_known()).count();
        if unknown == 0 {
            return Ok(());
        }
        host.warn(format!(
            "warning: the holder of {} is unknown: neither a request or record of the cluster nor \
             your kubeconfig has {}. Do not block the certificate of a component.",
            if unknown == 1 {
                "this certificate".to_owned()
            } else {
                format!("{unknown} of these certificates")
            },
            if unknown == 1 { "it" } else { "them" },
        ));
        host.confirm("Block it without knowing its holder?", answered)
    }

    /// Where nothing refuses revoked certificates yet, says so and offers to change it; nothing is
    /// installed without a person's yes.
    ///
    /// # Errors
    /// As installing fails.
    pub async fn offer_installation(
        &mut self,
        host: &Host,
        cluster: &Cluster,
        asks: bool,
    ) -> Result<()> {
        let verdict = self.verdict();
        if self.is_empty() || (verdict.problem().is_none() && self.has_list()) {
            return Ok(());
        }
        let what = match verdict.admission {
            Standing::NotSetUp => "no policy and no list".to_owned(),
            _ => verdict.problem().or(verdict.list).unwrap_or_default(),
        };
        host.warn(format!("This cluster does not refuse revoked certificates by a policy: {what}"));
        let question = "Install it (namespace, list, policy, binding, roles)?";
        let agreed = asks
            && host.can_ask()
            && match host.confirm(question, false) {
                Ok(()) => true,
                Err(error) if error.exit == Exit::Refused => false,
                Err(error) => return Err(error),
            };
        if !agreed {
            if verdict.admission == Standing::NotSetUp {
                host.warn("Not installed; `kubectl usercert revocations install` does it.");
            }
            return Ok(());
        }
        let all = Installed::look(cluster, false).await;
        let all = all.map_err(|e| explain(&e, &cluster.server, &revocation::see()))?;
        for (name, outcome) in revocation::install(cluster, &all, false).await? {
            host.say(format!("{name} {outcome}"));
        }
        self.list.get_or_insert_with(|| RevocationList::read(&admission::config_map()));
        Ok(())
    }

    /// What the objects tell.
    fn verdict(&self) -> Verdict {
        let objects = self.installed.as_ref().map(Installed::enforcing);
        Verdict::of(&Evidence {
            list: self.listed(),
            objects: objects.as_deref().ok_or("it could not be read"),
            tried: &[],
        })
    }

    fn listed(&self) -> Listed {
        match &self.list {
            None => Listed::Absent,
            Some(list) => Listed::of(list),
        }
    }

    /// Puts on the list what is not there yet, and looks at what that achieves; not in a dry run.
    ///
    /// # Errors
    /// There is no list, or as the server answers.
    pub async fn block(&mut self, run: &Run<'_>) -> Result<()> {
        let list = self.list.as_ref().ok_or_else(revocation::no_list)?;
        let new = self.candidates.iter().filter(|c| !self.done.contains(&c.key));
        let new: Vec<&Candidate> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        let entry = |c: &&Candidate| c.entry(list, &run.args.reason, &self.me.by, run.now);
        let entries: Vec<Revocation> = new.iter().filter_map(entry).collect();
        let lifted: Vec<RevocationKey> = self.exceptions().cloned().collect();
        if run.dry != DryRun::Client && (!entries.is_empty() || !lifted.is_empty()) {
            let server = run.dry == DryRun::Server;
            revocation::change(run.cluster, &entries, &lifted, server).await?;
        }
        self.entries.extend(entries);
        // Of many, those are tried that came last.
        let mut keys: Vec<RevocationKey> = new.iter().map(|c| c.key.clone()).collect();
        keys.append(&mut self.done);
        self.done.clone_from(&keys);
        if run.dry == DryRun::None {
            keys.truncate(revocation::TRIED);
            let listed = Listed::of(list);
            let (verdict, seen) = revocation::judged(run.target, run.cluster, listed, &keys).await;
            self.verdict = Some(verdict);
            self.seen.extend(keys.into_iter().zip(seen));
        }
        Ok(())
    }

    /// What blocking has come to.
    pub fn outcome(self, dry: DryRun) -> Blocking {
        let list = self.list.unwrap_or_default();
        let users = self.candidates.iter().any(|c| matches!(c.key, RevocationKey::User(_)));
        let unowned = if users { list.unowned_exceptions() } else { 0 };
        let done = self.candidates.into_iter().filter(|c| self.done.contains(&c.key));
        let outcomes = done.map(|candidate| {
            let before = list.entry(&candidate.key);
            let entry = self.entries.iter().find(|e| e.key == candidate.key).or(before);
            let tested = match (dry, self.seen.get(&candidate.key)) {
                (DryRun::None, Some(seen)) => Tested::Seen(seen.clone()),
                (DryRun::None, None) => Tested::OfMany,
                _ => Tested::DryRun,
            };
            Outcome {
                line: entry.map(|e| e.line.clone()).unwrap_or_default(),
                already: before.is_some(),
                tested,
                may_end: None,
                candidate,
            }
        });
        let outcomes = outcomes.collect();
        Blocking::new(outcomes, self.verdict, unowned)
    }
}

fn refuse_protected(candidate: &Candidate) -> Result<()> {
    let Some(certificate) = &candidate.certificate else { return Ok(()) };
    match protected(&certificate.user, certificate.groups.iter().map(String::as_str)) {
        Some(why) => Err(Error::refused(format!("{}: {why}", candidate.name()))
            .hint("it is not blocked: the cluster cannot run without it")),
        None => Ok(()),
    }
}

fn own(candidate: &Candidate) -> Error {
    let what = match candidate.key {
        RevocationKey::User(_) => {
            "this is your own user: you would block the certificate that you are using"
        }
        _ => "this is the certificate that you are using",
    };
    Error::refused(format!("{}: {what}", candidate.name()))
        .hint("if this is intended, name your certificate again with --certificate")
}

/// Refuses a reason that cannot be told.
///
/// # Errors
/// A usage error.
pub fn check_reason(args: &CertificateArgs) -> Result<()> {
    lifecycle::check_reason(&args.reason).context("--reason").usage()
}
