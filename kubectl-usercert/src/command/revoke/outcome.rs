//! What became of a certificate that was to be blocked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use usercert_core::lifecycle::RevocationKey;
use usercert_core::lifecycle::enforcement::{Effect, Enforcement, Holder, Owner};
use usercert_core::lifecycle::verdict::{Standing, Verdict};
use usercert_core::text::{shell_word, show_short};

use super::candidate::Candidate;
use crate::cluster::Cluster;
use crate::error::Exit;
use crate::workflow::revocation::{self, TRIED};

/// Whether it was tried what refuses it.
pub enum Tested {
    /// Not in a dry run.
    DryRun,
    /// Not of so many.
    OfMany,
    /// This was seen.
    Seen(Enforcement),
}

/// What became of a certificate.
pub struct Outcome {
    pub candidate: Candidate,
    /// The line that its holder is told.
    pub line: String,
    /// Whether it was on the list before.
    pub already: bool,
    pub tested: Tested,
    /// Whether its holder may end what refuses it; `None` if it was not asked.
    pub may_end: Option<bool>,
}

impl Outcome {
    /// What is said of it.
    pub fn text(&self, mark: &str) -> String {
        let name = self.candidate.name();
        match &self.tested {
            Tested::Seen(seen) => seen.line(&Holder {
                owner: self.candidate.owner(),
                until: self.candidate.until(),
                name: &name,
                already: self.already,
            }),
            Tested::OfMany => {
                format!("{name} is on the list; not tested, as only {TRIED} of them are")
            }
            Tested::DryRun if self.already => format!("{name} already blocked{mark}"),
            Tested::DryRun => format!("{name} blocked{mark}"),
        }
    }

    /// What was seen, if it was tried.
    fn seen(&self) -> Option<&Enforcement> {
        match &self.tested {
            Tested::Seen(seen) => Some(seen),
            Tested::DryRun | Tested::OfMany => None,
        }
    }

    /// What it has come to; `None` in a dry run.
    fn effect(&self) -> Option<Effect> {
        match &self.tested {
            Tested::DryRun => None,
            Tested::OfMany => Some(Effect::Listed),
            Tested::Seen(seen) => Some(seen.effect(self.candidate.owner())),
        }
    }

    /// For `-o name`.
    pub fn full_name(&self) -> String {
        match &self.candidate.key {
            RevocationKey::User(user) => format!("user/{user}"),
            key => format!("certificate/{key}"),
        }
    }

    /// For `-o json`.
    pub fn value(&self) -> Value {
        let certificate = self.candidate.certificate.as_ref();
        let user = match &self.candidate.key {
            RevocationKey::User(user) => Some(user.as_str()),
            _ => certificate.map(|c| c.user.as_str()),
        };
        json!({
            "id": self.full_name(),
            "user": user,
            "ownerKnown": self.candidate.owner() != Owner::Unknown,
            "notAfter": self.candidate.until(),
            "reason": self.line,
            "state": self.effect().map(Effect::as_str),
            "already": self.already,
            "enforcement": self.seen().map(revocation::seen_value),
            "mayEndPolicy": self.may_end,
        })
    }
}

/// What blocking has come to.
#[derive(Default)]
pub struct Blocking {
    pub outcomes: Vec<Outcome>,
    verdict: Option<Verdict>,
    /// How many exceptions from the blocks of users name no user.
    unowned: usize,
}

impl Blocking {
    pub fn new(outcomes: Vec<Outcome>, verdict: Option<Verdict>, unowned: usize) -> Self {
        Self { outcomes, verdict, unowned }
    }

    /// The exit code: done only if everything that should be blocked was seen to be refused. `open`: whether
    /// something is known that could not be put on the list.
    pub fn exit(&self, open: bool) -> Exit {
        let refused = |o: &Outcome| o.seen().is_none_or(|s| s.is_refused(o.candidate.owner()));
        let done = !open && self.unowned == 0 && self.outcomes.iter().all(refused);
        if done { Exit::Done } else { Exit::Failed }
    }

    /// Asks of those whom nothing but the policy refuses whether they may change or delete it.
    pub async fn ask_who_may_end(&mut self, cluster: &Cluster) {
        let mut asked: BTreeMap<(String, BTreeSet<String>), Option<bool>> = BTreeMap::new();
        for outcome in &mut self.outcomes {
            let owner = outcome.candidate.owner();
            let is_up = outcome.seen().is_some_and(|seen| seen.is_up_to_policy(owner));
            let Some(holder) = outcome.candidate.holder().filter(|_| is_up) else { continue };
            if !asked.contains_key(&holder) && asked.len() < revocation::TRIED {
                let answer = revocation::may_end(cluster, &holder.0, &holder.1).await;
                asked.insert(holder.clone(), answer);
            }
            outcome.may_end = asked.get(&holder).copied().flatten();
        }
    }

    /// Whether a certificate is blocked whose user is not.
    fn is_by_hash(&self) -> bool {
        let keys = || self.outcomes.iter().map(|o| &o.candidate.key);
        let by_name = |name: &str| keys().any(|k| matches!(k, RevocationKey::User(u) if u == name));
        self.outcomes.iter().any(|o| {
            let holder = o.candidate.certificate.as_ref().map(|c| c.user.as_str());
            matches!(o.candidate.key, RevocationKey::Certificate(_)) && !holder.is_some_and(by_name)
        })
    }

    /// The users who may end what refuses them.
    fn mighty(&self) -> BTreeSet<String> {
        let mighty = self.outcomes.iter().filter(|outcome| outcome.may_end == Some(true));
        mighty.filter_map(|outcome| Some(outcome.candidate.holder()?.0)).collect()
    }

    /// What holds for all of them, a line each; nothing in a dry run.
    pub fn notes(&self) -> String {
        let Some(verdict) = &self.verdict else { return String::new() };
        let mut notes = String::new();
        let mut note = |text: &str| notes.push_str(&format!("{text}\n"));
        if let Some(problem) = verdict.problem() {
            note(&format!("WARNING: {problem}"));
        }
        if let Some(problem) = &verdict.list {
            note(&format!("WARNING: {problem}"));
        }
        if self.unowned > 0 {
            note(&format!(
                "WARNING: exceptions that name no user: {}; the certificates that they name are not \
                 blocked, whosever they are; `kubectl usercert revocations list` shows them",
                self.unowned
            ));
        }
        let mighty = self.mighty();
        for user in &mighty {
            note(&format!(
                "WARNING: {} may write admission policies or their bindings, even with this \
                 certificate: nothing refuses that, and it can end this. To see what gives this \
                 right: kubectl usercert access -- {}",
                show_short(user, 80),
                shell_word(user)
            ));
        }
        if self.is_by_hash() {
            note(
                "A block of a certificate goes by its SHA-256, which a thief can change by encoding \
                 the certificate differently; a block of the user name holds: `revoke NAME \
                 --all-certificates`.",
            );
        }
        match verdict.authorization {
            Standing::Behind { .. } => note(&verdict.authorization_in_words()),
            Standing::Refuses => {}
            _ if verdict.admission == Standing::Refuses && mighty.is_empty() => note(
                "Whoever may write admission policies or their bindings can end this; `kubectl \
                 usercert revocations list` shows whether it is still enforced.",
            ),
            _ => {}
        }
        notes
    }
}
