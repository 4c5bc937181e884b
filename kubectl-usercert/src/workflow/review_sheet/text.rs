//! The sheet as people read it.

use std::collections::BTreeSet;

use usercert_core::api::csr::State;
use usercert_core::api::rbac::Subject;
use usercert_core::review::Severity;
use usercert_core::text::{show_quoted, show_short};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::identity::MAX_GROUPS;
use usercert_core::x509::pkcs10::CertificateRequest;

use super::{COLUMNS, Sheet};
use crate::ui::output::{self, LABEL};
use crate::workflow::findings;

impl<Raw> Sheet<Raw> {
    /// The sheet for people. No string from elsewhere takes more room than its own: long ones are cut.
    pub fn text(&self, now: UnixTime, columns: Option<usize>) -> String {
        let room = columns.unwrap_or(COLUMNS).saturating_sub(LABEL + 1).max(40);
        self.render(now, columns, room, false)
    }

    /// The sheet with everything in full, and with the whole digest.
    pub fn wide_text(&self, now: UnixTime) -> String {
        let sha256 = self.code().map(|code| format!("sha256 {}\n", code.full()));
        self.render(now, None, usize::MAX, true) + &sha256.unwrap_or_default()
    }

    /// With so much room for each value.
    fn render(&self, now: UnixTime, columns: Option<usize>, room: usize, wide: bool) -> String {
        let mut out = String::new();
        let mut line = |label: &str, value: &str| {
            out.push_str(&format!("{label:<LABEL$}{value}\n"));
        };
        // Pieces side by side, and below each other where they do not fit.
        let listed = |pieces: Vec<String>, between: &str| {
            output::laid_out(&pieces, between, room).join(&format!("\n{:LABEL$}", ""))
        };
        let spec = &self.object.spec;
        match self.request() {
            Some(request) => {
                line("User", &show_short(request.subject.user(), room));
                let groups = request.subject.groups();
                let mut shown = in_short(groups.iter().take(MAX_GROUPS), room);
                if let Some(more) = groups.len().checked_sub(MAX_GROUPS).filter(|more| *more > 0) {
                    shown.push(format!("and {more} more"));
                }
                if shown.is_empty() {
                    shown.push("(none)".to_owned());
                }
                line("Groups", &listed(shown, ", "));
                line(
                    "Key",
                    &format!("{}, signed with {}", request.key.kind, request.signature_algorithm),
                );
                let others = others(request);
                if !others.is_empty() {
                    line("Subject also", &listed(in_short(others.iter().take(20), room), ", "));
                }
                if !request.alternative_names.is_empty() {
                    let names = request.alternative_names.iter().take(20);
                    line("Also names", &listed(in_short(names, room), ", "));
                }
            }
            None => line("Request", "unreadable"),
        }
        line(
            "Expires",
            &spec.expiration_seconds.map_or("as the signer chooses".to_owned(), |s| {
                format!("{} after it is signed", human_duration(s))
            }),
        );
        line("Signer", &show_short(&spec.signer_name, room));
        line("Usages", &listed(in_short(spec.usages.iter(), room.min(40)), ", "));
        line("", "");
        line("Name", &show_short(&self.name, room));
        if self.in_cluster {
            let mut by = show_short(&spec.username, room);
            let groups = in_short(spec.groups.iter().take(20), room.min(60));
            if !groups.is_empty() {
                by = listed(vec![by, format!("(groups {})", groups.join(", "))], " ");
            }
            line("Submitted by", &by);
            // A digest is nothing to read each time.
            if let Some(credential) = self.object.requester_credential().filter(|_| wide) {
                line("  with", &show_short(credential, room.min(100)));
            }
            let age = self.object.metadata.creation_timestamp.map(|t| human_duration(now.since(t)));
            line("Age", &age.unwrap_or_else(|| "unknown".to_owned()));
            line("State", &self.state(room));
        }
        line("", "");
        match &self.access {
            None => {}
            Some(Ok(access)) => {
                let named = |who: &Subject| {
                    let kind = match who {
                        Subject::User(_) => "user",
                        Subject::Group(_) => "group",
                    };
                    format!("{kind} {}", show_short(who.name(), room.saturating_sub(8)))
                };
                let (with, without): (Vec<_>, Vec<_>) =
                    access.iter().partition(|(_, roles)| !roles.is_empty());
                for (who, roles) in with {
                    let mut pieces = roles.clone();
                    if let Some(first) = pieces.first_mut() {
                        *first = format!("{}: {first}", named(who));
                    }
                    line("Already has", &listed(pieces, "; "));
                }
                if !without.is_empty() {
                    let names = without.iter().map(|(who, _)| named(who)).collect();
                    line("No roles yet", &listed(names, ", "));
                }
            }
            Some(Err(why)) => line("Already has", &format!("unknown: {}", in_one_line(why))),
        }
        if let Some(why) = &self.revoked_unknown {
            line("Revoked", &format!("unknown: {}", in_one_line(why)));
        }
        if !self.not_checked.is_empty() {
            line("Not checked", &listed(self.not_checked.clone(), ", "));
        }
        if let Some(code) = self.code().filter(|_| !self.code_is_asked) {
            line("Code", &code.short());
        }
        if let Some(file) = &self.policy {
            line("Policy", file);
        }
        let findings = findings::lines(&self.findings, columns);
        if !findings.is_empty() {
            out.push_str(&format!("\n{findings}"));
        }
        let out: String = out.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        format!("{}\n\n{out}", self.verdict())
    }

    /// What the findings come to, in one line.
    fn verdict(&self) -> String {
        let count = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        let findings = |n: usize| match n {
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        };
        let accepted = self.findings.iter().filter(|f| {
            f.severity == Severity::Refuse && self.accepted.iter().any(|a| a == f.code.as_str())
        });
        let accepted = accepted.count();
        let refusing = count(Severity::Refuse) - accepted;
        match (count(Severity::Hard), refusing, count(Severity::Warn)) {
            (0, 0, n) if accepted > 0 => {
                format!("WARNING: {} below, {accepted} accepted", findings(n + accepted))
            }
            (0, 0, 0) if self.revoked_unknown.is_some() => {
                "INCOMPLETE: the list of revoked certificates could not be read; no other objections".to_owned()
            }
            (0, 0, 0) if !self.not_checked.is_empty() => {
                "No objections found in what was checked.".to_owned()
            }
            (0, 0, 0) => "No objections found.".to_owned(),
            (0, 0, n) => format!("WARNING: {} below", findings(n)),
            (0, n, _) => format!("REFUSED unless accepted by name: {} below", findings(n)),
            (n, _, _) => format!("REFUSED, cannot be accepted: {} below", findings(n)),
        }
    }

    fn state(&self, room: usize) -> String {
        let state = self.object.state();
        match &state {
            State::Denied { reason, message } | State::Failed { reason, message } => {
                format!(
                    "{} ({}: {})",
                    state.name(),
                    show_short(reason, room / 3),
                    show_short(message, room / 2)
                )
            }
            _ => state.name().to_owned(),
        }
    }
}

/// Names, each cut to its room; one that holds a comma is quoted, so that there are as many as it seems.
fn in_short<'a>(names: impl Iterator<Item = &'a String>, room: usize) -> Vec<String> {
    let short = |name: &String| match name.contains(',') {
        true => show_quoted(name, room),
        false => show_short(name, room),
    };
    names.map(short).collect()
}

/// What the subject holds besides user and groups, as `OU=admins`. Kubernetes does not read it, others may.
pub(super) fn others(request: &CertificateRequest) -> Vec<String> {
    let text =
        |value: &Option<String>| value.clone().unwrap_or_else(|| "(not readable)".to_owned());
    request.subject.others().map(|a| format!("{}={}", a.name(), text(&a.value))).collect()
}

/// What a server says in several lines must not look like lines of the sheet.
fn in_one_line(why: &str) -> String {
    why.lines().collect::<Vec<_>>().join(" ")
}

/// The groups of a request as one cell of a table.
pub fn groups_cell(request: Option<&CertificateRequest>) -> String {
    cell_of_groups(&request.map(|r| r.subject.groups()).unwrap_or_default())
}

/// Groups as one cell of a table.
pub fn cell_of_groups(groups: &BTreeSet<String>) -> String {
    let mut shown = in_short(groups.iter().take(20), 30);
    if groups.len() > 20 {
        shown.push("…".to_owned());
    }
    match shown.is_empty() {
        true => "<none>".to_owned(),
        false => output::cut(&shown.join(","), 60),
    }
}
