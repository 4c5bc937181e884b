//! How a revocation is tried.
//!
//! A probe is a request that changes nothing, made by the admin who impersonates somebody with the
//! revoked certificate's id. It is refused exactly if the holder's own would be.

use super::{Fingerprint, Layer, PROBE_USER, PROBED, RevocationKey, SENTENCE, refusal};
use crate::text::show_short;
use crate::x509::identity::SYSTEM_MASTERS;

pub(super) const SHOWS_NOTHING: &str =
    "a certificate that is not on the list is refused too, so the test shows nothing";

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
    /// The probe of one layer for what an entry of the list is about. `user` is that of the certificate,
    /// where it matters whether it is refused for its user's sake.
    #[must_use]
    pub fn new(layer: Layer, key: &RevocationKey, user: Option<&str>) -> Self {
        let (user, credential_id) = match key {
            RevocationKey::Certificate(print) | RevocationKey::Exception(print) => {
                (user.unwrap_or(PROBE_USER).to_owned(), print.credential_id())
            }
            // A certificate that nobody has.
            RevocationKey::User(name) => (name.clone(), format!("X509SHA256={}", "0".repeat(64))),
        };
        Self::with(layer, user, credential_id)
    }

    /// The probe beside those of certificates, or of a blocked user, that is to pass: with a certificate that
    /// is on no list, or, as all of that user's are blocked, with a credential that is no certificate.
    #[must_use]
    pub fn control(layer: Layer, blocked: Option<&str>, unlisted: &Fingerprint) -> Self {
        match blocked {
            None => Self::with(layer, PROBE_USER.to_owned(), unlisted.credential_id()),
            Some(user) => Self::with(layer, user.to_owned(), format!("JTI={unlisted}")),
        }
    }

    fn with(layer: Layer, user: String, credential_id: String) -> Self {
        let group = (layer == Layer::Admission).then_some(SYSTEM_MASTERS);
        Self { layer, user, group, credential_id }
    }

    /// The same for somebody who may revoke but not impersonate that group: with a group that may do
    /// nothing but this.
    #[must_use]
    pub fn by_revoker(self) -> Self {
        Self { group: self.group.map(|_| PROBE_USER), ..self }
    }
}

/// What trying has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was refused as revoked.
    Refuses,
    /// It was not.
    Passes,
    /// It was refused, but so was what should pass.
    Blind,
    /// Whoever tries may not impersonate.
    MayNotImpersonate,
    /// It could not be tried for another reason; safe to show.
    NotTried(String),
}

impl Seen {
    /// From the probe's answer: the code, and the message of a failure.
    #[must_use]
    pub fn of(layer: Layer, code: u16, message: &str) -> Self {
        match refusal(message) {
            Some(refusal) if refusal.layer == layer => Self::Refuses,
            // Nothing passes it on to the policy but the group that every authorizer lets through.
            Some(_) if layer == Layer::Admission => {
                Self::NotTried("the API server refuses it before the policy sees it".to_owned())
            }
            _ if code == 403 && message.contains("cannot impersonate") => Self::MayNotImpersonate,
            // Without rights of its own the probe gets as far as the authorizers, which is enough to
            // see that ours did not refuse it.
            _ if layer == Layer::Authorization && (code < 300 || code == 403) => Self::Passes,
            // The Service was looked for, which comes after admission.
            _ if layer == Layer::Admission && code == 404 && message == not_found() => Self::Passes,
            _ if message.contains(SENTENCE) => Self::Passes,
            _ => Self::NotTried(format!("the server said: {}", show_short(message, 200))),
        }
    }

    /// Why it shows neither; `None` where it shows one of them.
    #[must_use]
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Refuses | Self::Passes => None,
            Self::Blind => Some(SHOWS_NOTHING),
            Self::MayNotImpersonate => Some("you may not impersonate"),
            Self::NotTried(why) => Some(why),
        }
    }

    /// What it shows beside the control: nothing where that is refused too.
    pub(super) fn beside(self, control: &Self) -> Self {
        match (&self, control) {
            (Self::Refuses, Self::Refuses) => Self::Blind,
            _ => self,
        }
    }

    /// In one word, as in output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Passes => "passes",
            Self::Blind | Self::MayNotImpersonate | Self::NotTried(_) => "unknown",
        }
    }
}

fn not_found() -> String {
    format!("services \"{PROBED}\" not found")
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
        assert_eq!(
            of(Layer::Admission, 404, "services \"usercert.probe\" not found"),
            Seen::Passes
        );
        assert!(matches!(of(Layer::Admission, 200, ""), Seen::NotTried(_)));
        let failed = format!("… resulted in error: no such key: {MESSAGE}");
        assert_eq!(of(Layer::Authorization, 500, &failed), Seen::Refuses);
        assert!(matches!(of(Layer::Admission, 500, &failed), Seen::NotTried(_)));
        assert_eq!(of(Layer::Authorization, 200, ""), Seen::Passes);
        assert_eq!(
            of(Layer::Authorization, 403, "User \"usercert-probe\" cannot get"),
            Seen::Passes
        );
        let may_not = "users \"usercert-probe\" is forbidden: User \"bob\" cannot impersonate resource \"users\"";
        assert_eq!(of(Layer::Admission, 403, may_not), Seen::MayNotImpersonate);
        assert!(matches!(
            of(Layer::Admission, 404, "namespaces \"usercert-system\" not found"),
            Seen::NotTried(_)
        ));
    }

    #[test]
    fn a_control_is_of_the_same_user_with_what_is_not_listed() {
        let unlisted = Fingerprint::of(b"x");
        let (admission, key) = (Layer::Admission, RevocationKey::test());
        let of_certificates = Probe::control(admission, None, &unlisted);
        let expected = Probe::new(admission, &RevocationKey::Certificate(unlisted), None);
        assert_eq!(of_certificates, expected);
        assert_ne!(of_certificates, Probe::new(admission, &key, None));
        let of_user = Probe::control(admission, Some("bob"), &unlisted);
        let tried = Probe::new(admission, &RevocationKey::User("bob".to_owned()), None);
        assert_eq!((&of_user.user, of_user.group), (&tried.user, tried.group));
        assert!(!of_user.credential_id.starts_with("X509SHA256="));
    }
}
