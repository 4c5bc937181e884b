//! What a revocation achieves here: how it is tried, and what is said of the outcome.
//!
//! A probe is a request that changes nothing, made by the admin who impersonates somebody with the
//! revoked certificate's id. It is refused exactly if the holder's own would be.

use super::{Fingerprint, Layer, RevocationKey, SENTENCE, refusal};
use crate::text::show_short;
use crate::time::UnixTime;
use crate::x509::identity::SYSTEM_MASTERS;

/// The user that probes impersonate; nobody is called so.
pub const PROBE_USER: &str = "usercert-probe";

/// A request to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it tries.
    pub layer: Layer,
    /// The user to impersonate.
    pub user: String,
    /// The group to impersonate: one that every authorizer lets through to admission.
    pub group: Option<&'static str>,
    /// The credential's id to impersonate.
    pub credential_id: String,
}

impl Probe {
    /// The probe of one layer for an entry of the list; none for an exception.
    #[must_use]
    pub fn new(layer: Layer, key: &RevocationKey) -> Option<Self> {
        let (user, credential_id) = match key {
            RevocationKey::Certificate(print) => (PROBE_USER.to_owned(), print.credential_id()),
            // A certificate that nobody has.
            RevocationKey::User(name) => (name.clone(), format!("X509SHA256={}", "0".repeat(64))),
            RevocationKey::Exception(_) => return None,
        };
        let group = (layer == Layer::Admission).then_some(SYSTEM_MASTERS);
        Some(Self { layer, user, group, credential_id })
    }
}

impl Probe {
    /// Of a certificate that is excepted from the block of its user.
    #[must_use]
    pub fn excepted(layer: Layer, user: &str, certificate: &Fingerprint) -> Self {
        let group = (layer == Layer::Admission).then_some(SYSTEM_MASTERS);
        Self { layer, user: user.to_owned(), group, credential_id: certificate.credential_id() }
    }
}

/// What trying has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was refused as revoked.
    Refuses,
    /// It was not.
    Passes,
    /// It could not be tried; why, safe to show.
    NotTried(String),
}

impl Seen {
    /// From the probe's answer: the code, and the message of a failure.
    #[must_use]
    pub fn of(layer: Layer, code: u16, message: &str) -> Self {
        match refusal(message) {
            Some(refusal) if refusal.layer == layer => Self::Refuses,
            _ if code == 403 && message.contains("cannot impersonate") => {
                Self::NotTried("you may not impersonate".to_owned())
            }
            // Without rights of its own the probe gets as far as the authorizers, which is enough to
            // see that ours did not refuse it.
            _ if layer == Layer::Authorization && (code < 300 || code == 403) => Self::Passes,
            _ if code < 300 => Self::Passes,
            _ if message.contains(SENTENCE) => Self::Passes,
            _ => Self::NotTried(format!("the server said: {}", show_short(message, 200))),
        }
    }

    /// In one word, as in output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Passes => "passes",
            Self::NotTried(_) => "unknown",
        }
    }
}

/// What both layers were seen to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// The policy.
    pub admission: Seen,
    /// The API server's authorization configuration.
    pub authorization: Seen,
}

/// Whose certificate it is that was revoked, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// Whether it carries `system:masters`.
    pub is_master: bool,
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
    /// On the list, but nothing was seen.
    Unknown,
}

impl Effect {
    /// In one word, as in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::NotBlocked => "not-blocked",
            Self::Unknown => "unknown",
        }
    }
}

impl Enforcement {
    /// What it comes to for a certificate; `system:masters` passes every authorizer.
    #[must_use]
    pub fn effect(&self, is_master: bool) -> Effect {
        let authorization = (!is_master).then_some(&self.authorization);
        let all = [Some(&self.admission), authorization];
        let mut all = all.into_iter().flatten();
        if all.clone().any(|seen| *seen == Seen::Refuses) {
            Effect::Blocked
        } else if all.any(|seen| matches!(seen, Seen::NotTried(_))) {
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
        let already = if holder.already { "blocked already" } else { "blocked" };
        match self.effect(holder.is_master) {
            Effect::Blocked if self.authorization == Seen::Refuses && !holder.is_master => format!(
                "{name} {already}: refused for everything; watches and execs that are open go on until they end, a watch up to an hour"
            ),
            Effect::Blocked => {
                let masters = if holder.is_master && self.authorization == Seen::Refuses {
                    " (system:masters passes every authorizer)"
                } else {
                    ""
                };
                let maybe = match (&self.authorization, masters) {
                    (Seen::NotTried(_), "") => "possibly still possible",
                    _ => "still possible",
                };
                format!(
                    "{name} {already}: refused for writes, exec and proxy; {maybe} {until}{masters}: get, list and watch, and whatever it may do with --as"
                )
            }
            Effect::NotBlocked => format!(
                "{name} not blocked: it is on the list, but the API server does not refuse it; it is valid {until}"
            ),
            Effect::Unknown => {
                let why =
                    [&self.admission, &self.authorization].into_iter().find_map(|s| match s {
                        Seen::NotTried(why) => Some(why.as_str()),
                        _ => None,
                    });
                format!(
                    "{name}: not known whether it is blocked, for {}; it is on the list, and valid {until}",
                    why.unwrap_or_default()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::authorization::MESSAGE;

    fn denied() -> String {
        let policy = crate::lifecycle::admission::POLICY;
        format!(
            "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {SENTENCE}: 2026-11-30 x (by y)"
        )
    }

    #[test]
    fn answers_to_probes() {
        let of = Seen::of;
        assert_eq!(of(Layer::Admission, 403, &denied()), Seen::Refuses);
        assert_eq!(of(Layer::Admission, 201, ""), Seen::Passes);
        let failed = format!("… resulted in error: no such key: {MESSAGE}");
        assert_eq!(of(Layer::Authorization, 500, &failed), Seen::Refuses);
        assert_eq!(of(Layer::Authorization, 200, ""), Seen::Passes);
        assert_eq!(
            of(Layer::Authorization, 403, "User \"usercert-probe\" cannot get"),
            Seen::Passes
        );
        let may_not = "users \"usercert-probe\" is forbidden: User \"bob\" cannot impersonate resource \"users\"";
        assert!(matches!(of(Layer::Admission, 403, may_not), Seen::NotTried(_)));
        assert!(matches!(of(Layer::Admission, 404, "namespaces not found"), Seen::NotTried(_)));
    }

    #[test]
    fn a_line_claims_what_was_seen_and_no_more() {
        let line = |admission: &Seen, authorization: &Seen, is_master| {
            let seen =
                Enforcement { admission: admission.clone(), authorization: authorization.clone() };
            let until = "2026-12-30T00:00:00Z".parse().ok();
            seen.line(&Holder { is_master, until, name: "x", already: false })
        };
        let unknown = Seen::NotTried("you may not impersonate".to_owned());
        let (yes, no) = (&Seen::Refuses, &Seen::Passes);
        insta::assert_snapshot!(
            [
                line(yes, no, false),
                line(yes, yes, false),
                line(yes, yes, true),
                line(yes, &unknown, false),
                line(no, yes, false),
                line(no, yes, true),
                line(no, no, false),
                line(&unknown, &unknown, false),
            ]
            .join("\n"),
            @r"
        x blocked: refused for writes, exec and proxy; still possible until 2026-12-30T00:00:00Z: get, list and watch, and whatever it may do with --as
        x blocked: refused for everything; watches and execs that are open go on until they end, a watch up to an hour
        x blocked: refused for writes, exec and proxy; still possible until 2026-12-30T00:00:00Z (system:masters passes every authorizer): get, list and watch, and whatever it may do with --as
        x blocked: refused for writes, exec and proxy; possibly still possible until 2026-12-30T00:00:00Z: get, list and watch, and whatever it may do with --as
        x blocked: refused for everything; watches and execs that are open go on until they end, a watch up to an hour
        x not blocked: it is on the list, but the API server does not refuse it; it is valid until 2026-12-30T00:00:00Z
        x not blocked: it is on the list, but the API server does not refuse it; it is valid until 2026-12-30T00:00:00Z
        x: not known whether it is blocked, for you may not impersonate; it is on the list, and valid until 2026-12-30T00:00:00Z
        "
        );
    }
}
