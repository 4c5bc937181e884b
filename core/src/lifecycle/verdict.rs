//! What refuses revoked certificates on a cluster, judged by the mechanism's objects and by what was tried.
//!
//! Objects that are as intended prove little: once the last policy or binding with a ConfigMap as its
//! parameter is deleted, kube-apiserver 1.36 no longer watches the list. What is made anew goes by the list
//! as it was then, until the API server is restarted. And an object that still refuses may have been
//! changed so that it refuses less.

use super::admission::ObjectState;
use super::enforcement::{Enforcement, Seen};
use super::{CONFIG_MAP, NAMESPACE, RevocationList};
use crate::text::{show, show_short};

/// The command that creates and restores.
const INSTALL: &str = "`kubectl usercert revocations install`";
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
                Seen::Refuses => refused += 1,
                Seen::Passes => passed += 1,
                Seen::NotTried(reason) => why.clone_from(reason),
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
            Self::NotTried(_) => "unknown",
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

    /// Whether something that should refuse does not.
    #[must_use]
    pub fn is_alarming(&self) -> bool {
        use Standing::{Behind, Changed, Idle, Removed};
        matches!(self.admission, Removed(_) | Changed(_) | Idle | Behind { .. })
            || matches!(self.authorization, Behind { .. })
            || self.list.is_some()
    }

    /// Whether the policy is in force; `None` if that is not known.
    #[must_use]
    pub fn in_force(&self) -> Option<bool> {
        match self.admission {
            Standing::Refuses => self.stale.is_none().then_some(true),
            Standing::NotTried(_) => None,
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
            _ => "does not refuse: the API server has no such entries (`kubectl usercert revocations init`)".to_owned(),
        }
    }
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
mod tests {
    use super::*;

    fn objects(policy: ObjectState, binding: ObjectState) -> Vec<(String, ObjectState)> {
        vec![("policy/x".to_owned(), policy), ("binding/x".to_owned(), binding)]
    }

    fn seen(admission: &Seen, authorization: &Seen) -> Enforcement {
        Enforcement { admission: admission.clone(), authorization: authorization.clone() }
    }

    fn of(list: Listed, objects: &[(String, ObjectState)], tried: &[Enforcement]) -> Verdict {
        Verdict::of(&Evidence { list, objects: Ok(objects), tried })
    }

    use ObjectState::{Absent, AsIntended};
    use Seen::{Passes, Refuses};

    #[test]
    fn every_entry_that_was_tried_counts() {
        let fine = objects(AsIntended, AsIntended);
        let (both, first, none) =
            (seen(&Refuses, &Refuses), seen(&Refuses, &Passes), seen(&Passes, &Passes));
        let all = of(Listed::Complete, &fine, &[both.clone(), both.clone()]);
        assert!(!all.is_alarming() && all.in_force() == Some(true));
        assert_eq!(all.authorization, Standing::Refuses);
        // An authorization configuration that nobody has set up is no alarm; one that is behind is.
        assert!(!of(Listed::Complete, &fine, std::slice::from_ref(&first)).is_alarming());
        let behind = of(Listed::Complete, &fine, &[both.clone(), first.clone(), first]);
        assert_eq!(behind.authorization, Standing::Behind { passed: 2, tried: 3 });
        assert!(behind.is_alarming());
        assert!(behind.authorization_in_words().contains("2 of 3 tested"));
        assert!(behind.authorization_in_words().contains("revocations sync"));
        let half = of(Listed::Complete, &fine, &[both, none.clone()]);
        assert_eq!(half.admission, Standing::Behind { passed: 1, tried: 2 });
        // Objects as they should be that refuse nothing.
        let idle = of(Listed::Complete, &fine, &[none]);
        assert_eq!((idle.is_alarming(), idle.in_force()), (true, Some(false)));
        assert!(idle.admission_in_words().contains("restart the API server"));
    }

    #[test]
    fn a_change_outranks_the_trial() {
        let changed = ObjectState::Changed(vec!["spec.validationActions".to_owned()]);
        let tried = [seen(&Refuses, &Passes)];
        let verdict = of(Listed::Complete, &objects(AsIntended, changed), &tried);
        let words = verdict.admission_in_words();
        assert!(words.contains("binding/x was changed: spec.validationActions"), "{words}");
        assert!(words.contains("install` restores it") && verdict.is_alarming());
        let removed = of(Listed::Complete, &objects(AsIntended, Absent), &tried);
        assert!(removed.admission_in_words().contains("not enforced: binding/x is missing"));
    }

    #[test]
    fn a_list_that_is_gone_or_emptied_is_an_alarm_and_none_at_all_is_not() {
        let fine = objects(AsIntended, AsIntended);
        for list in [Listed::Absent, Listed::Emptied, Listed::Immutable] {
            let verdict = of(list, &fine, &[]);
            assert!(verdict.is_alarming() && verdict.list.is_some(), "{list:?}");
        }
        let nothing = of(Listed::Absent, &objects(Absent, Absent), &[]);
        assert_eq!((nothing.is_alarming(), nothing.admission), (false, Standing::NotSetUp));
    }

    #[test]
    fn what_was_not_tried_with_a_new_entry_is_not_claimed_of_new_ones() {
        let tried = [seen(&Refuses, &Passes)];
        let mut verdict = of(Listed::Complete, &objects(AsIntended, AsIntended), &tried);
        assert_eq!(verdict.in_force(), Some(true));
        verdict.stale = Some("you may not change the list".to_owned());
        assert_eq!((verdict.in_force(), verdict.is_alarming()), (None, false));
        let words = verdict.admission_in_words();
        assert!(
            words.ends_with("not tested with a new entry: you may not change the list"),
            "{words}"
        );
    }

    #[test]
    fn what_was_neither_seen_nor_tried_is_not_claimed() {
        let why = Seen::NotTried("you may not impersonate".to_owned());
        let tried = [seen(&why, &why)];
        let fine = objects(AsIntended, AsIntended);
        let verdict = of(Listed::Complete, &fine, &tried);
        assert_eq!((verdict.in_force(), verdict.is_alarming()), (None, false));
        assert!(verdict.admission_in_words().contains("not tested: you may not impersonate"));
        let hidden = Evidence { list: Listed::Hidden, objects: Err("forbidden"), tried: &[] };
        let hidden = Verdict::of(&hidden);
        assert_eq!((hidden.in_force(), hidden.is_alarming()), (None, false));
        assert!(hidden.admission_in_words().starts_with("unknown: "));
    }
}
