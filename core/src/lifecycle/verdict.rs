//! What refuses revoked certificates on a cluster, judged by the mechanism's objects and by what was tried.
//!
//! Objects that are as intended prove little: once the last policy or binding with a ConfigMap as its
//! parameter is deleted, kube-apiserver 1.36 no longer watches the list. What is made anew goes by the list
//! as it was then, until the API server is restarted. And an object that still refuses may have been
//! changed so that it refuses less.

use super::admission::ObjectState;
use super::enforcement::Enforcement;
use super::probe::{SHOWS_NOTHING, Seen};
use super::{CONFIG_MAP, MAX_TEXT, NAMESPACE, PROBE_USER, RevocationList};
use crate::text::{show, show_short};

/// The command that creates and restores.
const INSTALL: &str = "`kubectl usercert revocations install`";
/// What makes the list shorter.
pub const SHORTEN: &str = "`kubectl usercert revocations prune` removes what has expired, `kubectl usercert \
                           revocations lift user/NAME` the block of a user who has no valid certificate";
/// Why nothing was tried where there is no entry.
const NOTHING_TO_TRY: &str = "there is nothing to try it with";

/// How the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// There is none.
    Absent,
    /// One may not look.
    Hidden,
    /// It is there, without the entry that every list of ours has.
    Emptied,
    /// It is there, but nothing can be added to it.
    Immutable,
    /// It is there, and blocks the user of the tests, so that they show nothing.
    Blinding,
    /// It is there, with a text that is so long that the policy may fail.
    Long,
    /// It is there.
    Complete,
}

impl Listed {
    /// How a list that was read is.
    #[must_use]
    pub fn of(list: &RevocationList) -> Self {
        match list {
            list if !list.has_test => Self::Emptied,
            list if list.is_immutable => Self::Immutable,
            list if list.user(PROBE_USER).is_some() => Self::Blinding,
            list if list.is_long => Self::Long,
            _ => Self::Complete,
        }
    }
}

/// What was found of the mechanism.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The list.
    pub list: Listed,
    /// Policy and binding by their full names; or why they could not be seen.
    pub objects: Result<&'a [(String, ObjectState)], &'a str>,
    /// What trying has shown, an item for each entry that was tried.
    pub tried: &'a [Enforcement],
}

/// What is known of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it is here.
    NotSetUp,
    /// All entries that were tried were refused.
    Refuses,
    /// Some of them were not.
    Behind {
        /// How many were not.
        passed: usize,
        /// How many were tried.
        tried: usize,
    },
    /// What is not on the list was refused too: what was tried shows nothing.
    Blind,
    /// None was refused, though what should refuse is there as far as it can be seen.
    Idle,
    /// Objects are missing; what is missing, safe to show.
    Removed(String),
    /// Objects say something else than they should; what, safe to show.
    Changed(String),
    /// It could not be tried; why, safe to show.
    NotTried(String),
}

impl Standing {
    fn tried<'s>(seen: impl Iterator<Item = &'s Seen>, none: Self) -> Self {
        let (mut refused, mut passed, mut why) = (0, 0, NOTHING_TO_TRY.to_owned());
        for one in seen {
            match one {
                Seen::Blind => return Self::Blind,
                Seen::Refuses => refused += 1,
                Seen::Passes => passed += 1,
                other => why = other.why_unknown().unwrap_or_default().to_owned(),
            }
        }
        match (refused, passed) {
            (0, 0) => Self::NotTried(why),
            (0, _) => none,
            (_, 0) => Self::Refuses,
            _ => Self::Behind { passed, tried: refused + passed },
        }
    }

    /// In one word, as in output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotSetUp => "not-set-up",
            Self::Refuses => "refuses",
            Self::Behind { .. } => "behind",
            Self::Idle => "idle",
            Self::Removed(_) => "removed",
            Self::Changed(_) => "changed",
            Self::NotTried(_) | Self::Blind => "unknown",
        }
    }
}

/// What refuses revoked certificates here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The admission policy.
    pub admission: Standing,
    /// The API server's authorization configuration.
    pub authorization: Standing,
    /// What is wrong with the list, if anything.
    pub list: Option<String>,
    /// Why it was not tried with an entry that is new, if it was not: a policy that refuses what is on the
    /// list may still go by an old copy. Safe to show.
    pub stale: Option<String>,
    /// Why the policy's objects could not be seen, if they could not.
    hidden: Option<String>,
}

impl Verdict {
    /// Weighs what was found. That an object was changed outranks what was tried: it may refuse less than
    /// what was tried.
    #[must_use]
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let tried = |layer: fn(&Enforcement) -> &Seen, none| {
            Standing::tried(evidence.tried.iter().map(layer), none)
        };
        let absent = |state: &ObjectState| *state == ObjectState::Absent;
        let objects = evidence.objects.unwrap_or_default();
        let known = evidence.objects.is_ok();
        let none_there = known && objects.iter().all(|(_, state)| absent(state));
        let problems = objects
            .iter()
            .filter_map(|(name, state)| Some(format!("{} {}", show(name), state_in_words(state)?)));
        let problems: Vec<String> = problems.collect();
        let admission = if none_there && evidence.list == Listed::Absent {
            Standing::NotSetUp
        } else if objects.iter().any(|(_, state)| absent(state)) {
            Standing::Removed(problems.join("; "))
        } else if !problems.is_empty() {
            Standing::Changed(problems.join("; "))
        } else {
            tried(|seen| &seen.admission, Standing::Idle)
        };
        let list = match evidence.list {
            Listed::Absent if known && !none_there => Some(format!(
                "the list is missing (configmap {CONFIG_MAP} in namespace {NAMESPACE}): what was on \
                 it is no longer blocked; {INSTALL} creates an empty one, to which it has to be \
                 added again"
            )),
            Listed::Emptied => Some(format!(
                "the list was emptied, or made by hand: its test entry is missing, and perhaps others; revoke again what should be blocked, and {INSTALL} restores the test entry"
            )),
            Listed::Immutable => Some(format!(
                "somebody has made the list immutable (configmap {CONFIG_MAP} in namespace \
                 {NAMESPACE}): nothing can be added; save it, delete it and create it again without \
                 `immutable`"
            )),
            Listed::Blinding => Some(format!(
                "the list blocks the user {PROBE_USER}, whom the tests of what is refused impersonate: \
                 they show nothing; `kubectl usercert revocations lift user/{PROBE_USER}` lifts it, and \
                 the audit log says who wrote it"
            )),
            Listed::Long => Some(format!(
                "a text of the list is longer than {} kB: the policy may fail, which refuses all writes of \
                 people; {SHORTEN}",
                MAX_TEXT / 1000
            )),
            Listed::Absent | Listed::Hidden | Listed::Complete => None,
        };
        Self {
            admission,
            authorization: tried(|seen| &seen.authorization, Standing::NotSetUp),
            list,
            stale: None,
            hidden: evidence.objects.err().map(|why| show_short(why, 200)),
        }
    }

    /// What was seen of an entry, in this light: what was refused by a policy that is not as it should be shows
    /// nothing, as it may refuse no more than what was tried.
    #[must_use]
    pub fn weigh(&self, seen: Enforcement) -> Enforcement {
        match (&self.admission, &seen.admission) {
            (Standing::Changed(what) | Standing::Removed(what), Seen::Refuses) => {
                let why = format!("the test was refused, but other requests may not be: {what}");
                Enforcement { admission: Seen::NotTried(why), ..seen }
            }
            _ => seen,
        }
    }

    /// Whether something that should refuse does not.
    #[must_use]
    pub fn is_alarming(&self) -> bool {
        use Standing::{Behind, Blind, Changed, Idle, Removed};
        matches!(self.admission, Removed(_) | Changed(_) | Idle | Blind | Behind { .. })
            || matches!(self.authorization, Blind | Behind { .. })
            || self.list.is_some()
    }

    /// Whether the policy is in force; `None` if that is not known.
    #[must_use]
    pub fn in_force(&self) -> Option<bool> {
        match self.admission {
            Standing::Refuses => self.stale.is_none().then_some(true),
            Standing::NotTried(_) | Standing::Blind => None,
            _ => Some(false),
        }
    }

    /// What keeps the policy from being in force, if anything does.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match &self.admission {
            Standing::Removed(what) => Some(format!("not enforced: {what}; {INSTALL} restores it")),
            Standing::Changed(what) => Some(format!("{what}; {INSTALL} restores it")),
            Standing::Idle => Some(match &self.hidden {
                None => {
                    "not enforced: its objects are correct, but the API server refuses nothing: \
                     restart the API server"
                        .to_owned()
                }
                Some(why) => format!(
                    "not enforced: the API server refuses nothing, and the policy cannot be read ({why})"
                ),
            }),
            Standing::Blind => Some(blind_in_words()),
            Standing::Behind { passed, tried } => Some(format!(
                "{passed} of {tried} tested entries are not refused: the API server uses an old \
                 copy of the list, as happens when the policy or its binding was deleted; restart \
                 the API server"
            )),
            Standing::NotSetUp | Standing::Refuses | Standing::NotTried(_) => None,
        }
    }

    /// What is said of the policy.
    #[must_use]
    pub fn admission_in_words(&self) -> String {
        if let Some(problem) = self.problem() {
            return format!("WARNING: {problem}");
        }
        match (&self.admission, &self.hidden) {
            (Standing::Refuses, _) => {
                let seen = "refuses writes, exec and proxy (tested)";
                match &self.stale {
                    None => seen.to_owned(),
                    Some(why) => {
                        format!("{seen}; not tested with a new entry: {why}")
                    }
                }
            }
            (Standing::NotTried(why), None) => {
                format!("its objects are correct; not tested: {why}")
            }
            (Standing::NotTried(why), Some(hidden)) => {
                format!(
                    "unknown: its objects cannot be read ({hidden}), and it was not tested: {why}"
                )
            }
            _ => format!("not installed: {INSTALL}"),
        }
    }

    /// What is said of the API server's configuration.
    #[must_use]
    pub fn authorization_in_words(&self) -> String {
        match &self.authorization {
            Standing::Refuses => {
                "refuses everything, reads too, except system:masters and open connections (tested)"
                    .to_owned()
            }
            Standing::Behind { passed, tried } => format!(
                "WARNING: {passed} of {tried} tested entries are not refused: the API server's file \
                 is out of date; run `kubectl usercert revocations sync` on its node"
            ),
            Standing::NotTried(why) => format!("unknown: {why}"),
            Standing::Blind => format!("WARNING: {}", blind_in_words()),
            _ => "does not refuse: the API server has no such entries (`kubectl usercert revocations init --help`)".to_owned(),
        }
    }
}

fn blind_in_words() -> String {
    format!(
        "unknown: {SHOWS_NOTHING}; lift a block of the user {PROBE_USER}, and look for a policy that \
         refuses this user"
    )
}

/// What is wrong with an object, if anything.
#[must_use]
pub(crate) fn state_in_words(state: &ObjectState) -> Option<String> {
    Some(match state {
        ObjectState::AsIntended => return None,
        ObjectState::Absent => "is missing".to_owned(),
        ObjectState::Foreign => "exists, but was not created by kubectl usercert".to_owned(),
        ObjectState::Changed(places) => format!("was changed: {}", show(&places.join(", "))),
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
