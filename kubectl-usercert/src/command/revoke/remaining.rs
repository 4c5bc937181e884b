//! What still lets somebody in after a revocation, and to what.

use usercert_core::api::rbac::{self, AUTHENTICATED, Binding, Removal, Subject};
use usercert_core::text::{shell_word, show};
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::ui::args::ClientArgs;
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::role_bindings::Reach;

/// What still lets the holder in, and to what.
pub struct RemainingAccess<'a> {
    /// By what, and the bindings.
    pub reached: Vec<(Subject, Vec<&'a Binding>)>,
    /// How each certificate is, those that last longest first.
    pub certificates: Vec<(&'a KnownCertificate, Block)>,
    /// Whether there is one that has expired.
    pub has_ended: bool,
}

/// Whether a certificate is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// It is, as this run has said already.
    Told,
    /// It was on the list before.
    Listed,
    /// It is not; why, safe to show.
    No(String),
    /// That is not known; why, safe to show.
    Unknown(String),
}

impl<'a> RemainingAccess<'a> {
    pub fn of(
        reach: &'a Reach,
        gone: &[(&Binding, Removal)],
        block: impl Fn(&KnownCertificate) -> Block,
    ) -> Self {
        let taken = |b: &&Binding| gone.iter().any(|(g, _)| g.uid == b.uid);
        let mut reached = reach.reaching();
        for (by, bindings) in &mut reached {
            bindings.retain(|b| *by != reach.holder || !taken(b));
        }
        let certificates = reach.certificates.iter().map(|k| (k, block(k))).collect();
        Self { reached, certificates, has_ended: reach.has_ended }
    }

    /// Until when a certificate lets its bearer in that is not known to be blocked.
    pub fn authenticates_until(&self) -> Option<UnixTime> {
        let open = |block: &Block| matches!(block, Block::No(_) | Block::Unknown(_));
        let first = self.certificates.iter().find(|(_, block)| open(block));
        first.map(|(known, _)| known.not_after)
    }

    /// Whether there may be groups of certificates that are not known.
    fn groups_are_unknown(&self) -> bool {
        let noted = self.certificates.iter().any(|(known, _)| known.only_noted.is_some());
        noted || self.certificates.is_empty()
    }

    /// Whether nothing is known that is the holder's own.
    pub fn is_nothing(&self) -> bool {
        let everybodys = |who: &Subject| who.name() == AUTHENTICATED;
        let mut own = self.reached.iter().filter(|(who, _)| !everybodys(who));
        self.certificates.is_empty() && own.all(|(_, bindings)| bindings.is_empty())
    }

    /// As people read it. `client` says which cluster is meant in a command, and which namespace alone was looked at.
    pub fn text(
        &self,
        holder: &Subject,
        now: UnixTime,
        client: &ClientArgs,
        is_dry: bool,
    ) -> String {
        let flags = client.repeated();
        let mut lines = String::new();
        let mut everybody = String::new();
        for (by, bindings) in &self.reached {
            if by.name() == AUTHENTICATED && by != holder && !bindings.is_empty() {
                let all: Vec<String> = bindings.iter().map(|b| b.in_words()).collect();
                everybody =
                    format!("What reaches everybody ({AUTHENTICATED}): {}\n", all.join("; "));
                continue;
            }
            for binding in bindings {
                let made = if binding.ours { "" } else { ", not made by kubectl usercert" };
                lines.push_str(&format!(
                    "  by {by}: {} ({}{made})\n",
                    binding.in_words(),
                    show(&binding.full_name())
                ));
            }
        }
        // Without a certificate the groups are not known.
        let reaches = match holder {
            Subject::User(_) if self.groups_are_unknown() => "names",
            _ => "reaches",
        };
        let mut text = match lines.is_empty() {
            true if is_dry => {
                format!("After that, no binding that could be seen {reaches} the {holder}.\n")
            }
            true => format!("No binding that could be seen {reaches} the {holder} any more.\n"),
            false => format!("What still reaches the {holder}:\n{lines}"),
        };
        text.push_str(&everybody);
        if let Some(namespace) = &client.namespace {
            text.push_str(&format!(
                "Role bindings in namespaces other than {} were not looked at; without -n, all are.\n",
                show(namespace)
            ));
        }
        let Subject::User(user) = holder else { return text };
        if rbac::service_account(user).is_some() && self.certificates.is_empty() {
            text.push_str("Its tokens end with the service account itself.\n");
            return text;
        }
        let mut said: Vec<(String, usize)> = Vec::new();
        for (known, block) in &self.certificates {
            let name = format!("The certificate of {} ({})", show(user), known.place);
            let until = known.not_after;
            let until = format!("{until} ({})", expiry_in_words(until, now));
            let line = match block {
                Block::Told => continue,
                Block::Listed => format!(
                    "{name} is on the list of revoked certificates; `kubectl usercert revocations \
                     list` shows what enforces it."
                ),
                Block::No(why) => {
                    format!("{name} is not blocked: {why}. It gives access until {until}.")
                }
                Block::Unknown(why) => format!(
                    "{name}: cannot tell whether it is blocked: {why}. It is valid until {until}."
                ),
            };
            match said.iter_mut().find(|(other, _)| *other == line) {
                Some((_, times)) => *times += 1,
                None => said.push((line, 1)),
            }
        }
        for (line, times) in said {
            let more = if times > 1 {
                format!(" {times} certificates are like this.")
            } else {
                String::new()
            };
            text.push_str(&format!("{line}{more}\n"));
        }
        if self.certificates.is_empty() {
            if self.has_ended {
                let user = show(user);
                text.push_str(&format!("The known certificates of {user} have expired.\n"));
            }
            text.push_str(&format!(
                "It is unknown how long certificates of {0} give access, and which groups they \
                 carry.\n\
                 To see what a group gives: kubectl usercert access -g GROUP -- {1}\n",
                show(user),
                shell_word(user),
            ));
        }
        text.push_str(&format!(
            "To block certificates that are not known here: kubectl usercert revoke{flags} --all-certificates -- {}\n",
            shell_word(user)
        ));
        text
    }
}
