//! What a revocation achieves here, and what is said of it.

use super::probe::Seen;
use crate::time::UnixTime;

/// What both layers were seen to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// The policy.
    pub admission: Seen,
    /// The API server's authorization configuration.
    pub authorization: Seen,
}

/// Whose certificate it is, as far as it is known: neither mechanism refuses everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// A person.
    #[default]
    Person,
    /// It carries `system:masters`, which passes every authorizer.
    Master,
    /// A person's name, with whatever groups.
    Name,
    /// Nobody knows; perhaps a component's, which is never refused.
    Unknown,
}

/// What is to be said of a certificate that was revoked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// Whose it is.
    pub owner: Owner,
    /// When it ends by itself.
    pub until: Option<UnixTime>,
    /// Words for it, as `the certificate of context alice@kind`.
    pub name: &'a str,
    /// Whether it was on the list before.
    pub already: bool,
}

/// What a revocation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Seen to be refused, at least for writes.
    Blocked,
    /// Seen not to be.
    NotBlocked,
    /// On the list, but nothing was seen, or not whose it is.
    Unknown,
    /// On the list with others that were tried in its stead.
    Listed,
}

impl Effect {
    /// In one word, as in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::NotBlocked => "not-blocked",
            Self::Unknown => "unknown",
            Self::Listed => "listed",
        }
    }
}

impl Enforcement {
    /// What it shows beside what was seen of the control.
    #[must_use]
    pub fn beside(self, control: &Self) -> Self {
        Self {
            admission: self.admission.beside(&control.admission),
            authorization: self.authorization.beside(&control.authorization),
        }
    }

    /// Whether it was seen to be refused, whosever it is.
    #[must_use]
    pub fn is_refused(&self, owner: Owner) -> bool {
        self.seen(owner) == Effect::Blocked
    }

    /// What it comes to for a certificate.
    #[must_use]
    pub fn effect(&self, owner: Owner) -> Effect {
        match self.seen(owner) {
            Effect::Blocked if owner == Owner::Unknown => Effect::Unknown,
            seen => seen,
        }
    }

    /// Whether nothing but the admission policy refuses it: then whoever may change the policy can end it.
    #[must_use]
    pub fn is_up_to_policy(&self, owner: Owner) -> bool {
        let refused = self.authorization == Seen::Refuses && owner != Owner::Master;
        self.admission == Seen::Refuses && !refused
    }

    /// Why one of them shows nothing.
    fn why_unknown(&self) -> Option<&str> {
        self.admission.why_unknown().or(self.authorization.why_unknown())
    }

    /// What keeps something out that was lifted, or why that is not known; `None` if it was seen to be let in.
    #[must_use]
    pub fn kept_out(&self) -> Option<String> {
        match (&self.admission, &self.authorization) {
            (Seen::Refuses, _) => Some(
                "still refused: the API server uses an old copy of the list, as happens when the \
                 policy or its binding was deleted; restart the API server".to_owned(),
            ),
            (_, Seen::Refuses) => Some(
                "still refused for everything, until `kubectl usercert revocations sync` has written the API server's file".to_owned(),
            ),
            _ => self
                .why_unknown()
                .map(|why| format!("cannot tell whether it is accepted: {why}")),
        }
    }

    /// As [`Enforcement::effect`], of a certificate that is a person's.
    fn seen(&self, owner: Owner) -> Effect {
        let authorization = (owner != Owner::Master).then_some(&self.authorization);
        let all = [Some(&self.admission), authorization];
        let mut all = all.into_iter().flatten();
        if all.clone().any(|seen| *seen == Seen::Refuses) {
            Effect::Blocked
        } else if all.any(|seen| seen.why_unknown().is_some()) {
            Effect::Unknown
        } else {
            Effect::NotBlocked
        }
    }

    /// One line that says whether it is blocked, what is still possible, and until when. It claims nothing
    /// that was not seen.
    #[must_use]
    pub fn line(&self, holder: &Holder<'_>) -> String {
        let name = holder.name;
        let until = match holder.until {
            Some(until) => format!("until {until}"),
            None => "until it expires".to_owned(),
        };
        let owner = holder.owner;
        let mut already = if holder.already { "already blocked" } else { "blocked" }.to_owned();
        if owner == Owner::Unknown {
            already.push_str(match &self.authorization {
                Seen::Passes => ", unless its user is a component (system:…)",
                _ => ", unless its user is a component (system:…) or it carries system:masters",
            });
        }
        match self.seen(owner) {
            Effect::Blocked if self.authorization == Seen::Refuses && owner != Owner::Master => {
                let masters = match (owner, &self.admission) {
                    (Owner::Name, Seen::Refuses) => {
                        " (with system:masters for writes, exec and proxy)"
                    }
                    (Owner::Name, _) => " (not with system:masters)",
                    _ => "",
                };
                format!(
                    "{name} {already}: refused for everything{masters}; open watches and execs \
                     continue until they end, a watch up to an hour"
                )
            }
            Effect::Blocked => {
                let masters = if owner == Owner::Master && self.authorization == Seen::Refuses {
                    " (system:masters passes every authorizer)"
                } else {
                    ""
                };
                let unknown = masters.is_empty() && self.authorization.why_unknown().is_some();
                let maybe = if unknown { "possibly still possible" } else { "still possible" };
                format!(
                    "{name} {already}: refused for writes, exec and proxy; {maybe} {until}{masters}: get, list and watch, writes to admission policies, and whatever it may do with --as"
                )
            }
            Effect::NotBlocked => format!(
                "{name} not blocked: it is on the list, but the API server does not refuse it; it is valid {until}"
            ),
            Effect::Unknown | Effect::Listed => {
                format!(
                    "{name}: cannot tell whether it is blocked: {}; it is on the list, and valid {until}",
                    self.why_unknown().unwrap_or_default()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_control_is_refused_too_nothing_was_seen() {
        let all = Enforcement { admission: Seen::Refuses, authorization: Seen::Refuses };
        let none = Enforcement { admission: Seen::Passes, authorization: Seen::Passes };
        assert_eq!(all.clone().beside(&none), all);
        assert_eq!(none.clone().beside(&all), none);
        let blind = all.clone().beside(&all);
        assert_eq!((&blind.admission, &blind.authorization), (&Seen::Blind, &Seen::Blind));
        assert_eq!(blind.effect(Owner::Person), Effect::Unknown);
        let half = all.beside(&Enforcement { admission: Seen::Refuses, ..none });
        assert_eq!(half.effect(Owner::Person), Effect::Blocked);
        assert_eq!(half.effect(Owner::Master), Effect::Unknown);
    }

    #[test]
    fn a_line_claims_what_was_seen_and_no_more() {
        let line = |admission: &Seen, authorization: &Seen, owner| {
            let seen =
                Enforcement { admission: admission.clone(), authorization: authorization.clone() };
            let until = "2026-12-30T00:00:00Z".parse().ok();
            seen.line(&Holder { owner, until, name: "x", already: false })
        };
        let unknown = Seen::MayNotImpersonate;
        let (yes, no) = (&Seen::Refuses, &Seen::Passes);
        insta::assert_snapshot!(
            [
                line(yes, no, Owner::Person),
                line(yes, yes, Owner::Person),
                line(yes, yes, Owner::Master),
                line(yes, &unknown, Owner::Person),
                line(no, yes, Owner::Person),
                line(no, yes, Owner::Master),
                line(no, no, Owner::Person),
                line(&unknown, &unknown, Owner::Person),
                line(yes, yes, Owner::Name),
                line(no, yes, Owner::Name),
                line(yes, no, Owner::Unknown),
                line(yes, yes, Owner::Unknown),
                line(no, no, Owner::Unknown),
            ]
            .join("\n"),
            @r"
        x blocked: refused for writes, exec and proxy; still possible until 2026-12-30T00:00:00Z: get, list and watch, writes to admission policies, and whatever it may do with --as
        x blocked: refused for everything; open watches and execs continue until they end, a watch up to an hour
        x blocked: refused for writes, exec and proxy; still possible until 2026-12-30T00:00:00Z (system:masters passes every authorizer): get, list and watch, writes to admission policies, and whatever it may do with --as
        x blocked: refused for writes, exec and proxy; possibly still possible until 2026-12-30T00:00:00Z: get, list and watch, writes to admission policies, and whatever it may do with --as
        x blocked: refused for everything; open watches and execs continue until they end, a watch up to an hour
        x not blocked: it is on the list, but the API server does not refuse it; it is valid until 2026-12-30T00:00:00Z
        x not blocked: it is on the list, but the API server does not refuse it; it is valid until 2026-12-30T00:00:00Z
        x: cannot tell whether it is blocked: you may not impersonate; it is on the list, and valid until 2026-12-30T00:00:00Z
        x blocked: refused for everything (with system:masters for writes, exec and proxy); open watches and execs continue until they end, a watch up to an hour
        x blocked: refused for everything (not with system:masters); open watches and execs continue until they end, a watch up to an hour
        x blocked, unless its user is a component (system:…): refused for writes, exec and proxy; still possible until 2026-12-30T00:00:00Z: get, list and watch, writes to admission policies, and whatever it may do with --as
        x blocked, unless its user is a component (system:…) or it carries system:masters: refused for everything; open watches and execs continue until they end, a watch up to an hour
        x not blocked: it is on the list, but the API server does not refuse it; it is valid until 2026-12-30T00:00:00Z
        "
        );
    }

    #[test]
    fn what_is_claimed_depends_on_whose_it_is() {
        let both = Enforcement { admission: Seen::Refuses, authorization: Seen::Refuses };
        assert_eq!(both.effect(Owner::Person), Effect::Blocked);
        assert_eq!(both.effect(Owner::Unknown), Effect::Unknown);
        assert!(both.is_up_to_policy(Owner::Master) && !both.is_up_to_policy(Owner::Person));
        let none = Enforcement { admission: Seen::Passes, authorization: Seen::Passes };
        assert_eq!(none.effect(Owner::Unknown), Effect::NotBlocked);
        let policy = Enforcement { admission: Seen::Refuses, ..none };
        assert!(policy.is_up_to_policy(Owner::Person));
    }

    #[test]
    fn what_was_lifted_is_let_in_only_if_that_was_seen() {
        let kept = |admission: &Seen, authorization: &Seen| {
            let (admission, authorization) = (admission.clone(), authorization.clone());
            Enforcement { admission, authorization }.kept_out().unwrap_or_default()
        };
        let unknown = Seen::MayNotImpersonate;
        let (yes, no) = (&Seen::Refuses, &Seen::Passes);
        assert_eq!(kept(no, no), "");
        assert!(kept(yes, no).contains("restart the API server"));
        assert!(kept(no, yes).contains("revocations sync"));
        assert!(kept(&unknown, no).ends_with("you may not impersonate"));
    }
}
