//! What became of a certificate that was to be blocked.

use serde_json::{Value, json};
use usercert_core::lifecycle::RevocationKey;
use usercert_core::lifecycle::enforcement::{Effect, Enforcement, Holder};
use usercert_core::lifecycle::verdict::{Standing, Verdict};

use super::candidate::Candidate;
use crate::error::Exit;
use crate::workflow::revocation;

/// What became of a certificate.
pub struct Outcome {
    pub candidate: Candidate,
    /// The line that its holder is told.
    pub line: String,
    /// Whether it was on the list before.
    pub already: bool,
    /// `None` in a dry run.
    pub seen: Option<Enforcement>,
}

impl Outcome {
    /// What is said of it.
    pub fn text(&self, mark: &str) -> String {
        let name = self.candidate.name();
        match &self.seen {
            Some(seen) => seen.line(&Holder {
                is_master: self.candidate.is_master(),
                until: self.candidate.until(),
                name: &name,
                already: self.already,
            }),
            None if self.already => format!("{name} blocked already{mark}"),
            None => format!("{name} blocked{mark}"),
        }
    }

    /// What it has come to; `None` in a dry run.
    pub fn effect(&self) -> Option<Effect> {
        self.seen.as_ref().map(|seen| seen.effect(self.candidate.is_master()))
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
            "notAfter": self.candidate.until(),
            "reason": self.line,
            "state": self.effect().map(Effect::as_str),
            "already": self.already,
            "enforcement": self.seen.as_ref().map(revocation::seen_value),
        })
    }
}

/// What blocking has come to.
#[derive(Default)]
pub struct Blocking {
    pub outcomes: Vec<Outcome>,
    verdict: Option<Verdict>,
}

impl Blocking {
    pub fn new(outcomes: Vec<Outcome>, verdict: Option<Verdict>) -> Self {
        Self { outcomes, verdict }
    }

    /// Whether something was not blocked that should be.
    pub fn exit(&self) -> Exit {
        let failed = |o: &Outcome| o.effect() == Some(Effect::NotBlocked);
        if self.outcomes.iter().any(failed) { Exit::Failed } else { Exit::Done }
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
        match verdict.authorization {
            Standing::Behind { .. } => note(&verdict.authorization_in_words()),
            Standing::Refuses => {}
            _ if verdict.admission == Standing::Refuses => note(
                "Whoever may delete the policy or its binding can end this; `kubectl usercert revocations list` shows whether it holds.",
            ),
            _ => {}
        }
        notes
    }
}
