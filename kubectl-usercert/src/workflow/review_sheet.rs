//! The review sheet: everything an approver must know, on one screen, the same wherever it is shown.

use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Object};
use usercert_core::api::rbac::Subject;
use usercert_core::review::{self, Finding, FindingCode, Reviewed, Severity};
use usercert_core::text::{show_quoted, show_short, width};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::code::{Code, ExpectedCode};
use usercert_core::x509::identity::MAX_GROUPS;
use usercert_core::x509::key::Verification;
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::pkcs10::CertificateRequest;

use super::findings;
use super::review_bindings::{Access, Bindings};
use super::review_policy::Rules;
use crate::error::Result;
use crate::keys;
use crate::ui::output::{self, LABEL};

/// How wide a sheet is where no terminal says otherwise.
const COLUMNS: usize = 120;

pub struct Sheet<Raw = Value> {
    /// Object name; for a file the name that it would get.
    pub name: String,
    pub in_cluster: bool,
    /// The object, or for a file what would be submitted.
    pub object: CsrObject<Raw>,
    pub findings: Vec<Finding>,
    /// Whether the code is asked for: then it is not shown where it could be copied.
    pub code_is_asked: bool,
    policy: Option<String>,
    /// What user and groups have already; `Err` says why it is unknown.
    access: Result<Access, String>,
    /// Why it is not known whether user or requester are revoked; `None` where it is.
    revoked_unknown: Option<String>,
}

impl Sheet {
    pub fn new(object: CsrObject, in_cluster: bool, bindings: &Bindings, rules: &Rules) -> Self {
        Self::make(object, in_cluster, bindings, rules, |request| {
            Some(keys::verify_request(request))
        })
    }

    /// The sheet of a handed-over request, once whoever was shown it has submitted it as `object`.
    pub fn submitted(self, object: CsrObject) -> Self {
        Self { name: object.metadata.name.clone(), in_cluster: true, object, ..self }
    }
}

impl Sheet<()> {
    /// Reviews an object of the cluster for a list: role bindings are not looked at, and the signature is
    /// the one that the API server has verified before it took the request.
    pub fn listed(object: Object, rules: &Rules) -> Self {
        let bindings = Bindings::unknown("not looked at in lists");
        Self::make(object.into(), true, &bindings, rules, |_| None)
    }
}

impl<Raw> Sheet<Raw> {
    fn make(
        object: CsrObject<Raw>,
        in_cluster: bool,
        bindings: &Bindings,
        rules: &Rules,
        verify: impl FnOnce(&CertificateRequest) -> Option<Verification>,
    ) -> Self {
        let request = object.request().ok();
        let user = request.map(|r| r.subject.user()).unwrap_or_default();
        let (revoked_user, revoked_requester) = bindings.revoked(&object, user);
        let findings = rules.review(&Reviewed {
            requester: in_cluster.then_some(object.spec.username.as_str()),
            signature: request.and_then(verify),
            bound_names: bindings.names(),
            revoked_user,
            revoked_requester,
            ..Reviewed::of(&object)
        });
        let access = bindings.access(request);
        let name = object.metadata.name.clone();
        let policy = rules.file().map(str::to_owned);
        let revoked_unknown = bindings.why_revoked_unknown().map(str::to_owned);
        Self {
            name,
            in_cluster,
            object,
            findings,
            code_is_asked: false,
            policy,
            access,
            revoked_unknown,
        }
    }

    pub fn request(&self) -> Option<&CertificateRequest> {
        self.object.request().ok()
    }

    pub fn code(&self) -> Option<Code> {
        self.request().map(CertificateRequest::code)
    }

    pub fn user(&self) -> &str {
        self.request().map(|r| r.subject.user()).unwrap_or_default()
    }

    /// Adds the hard finding where requests are expected, and this is none of them.
    pub fn expect(&mut self, expected: &[ExpectedCode]) {
        let code = self.code();
        let is = |expected: &ExpectedCode| code.is_some_and(|code| expected.matches(&code));
        if expected.is_empty() || expected.iter().any(is) {
            return;
        }
        self.findings.insert(0, findings::not_expected(code, expected));
    }

    /// Whether all certificates of the user are revoked, so that a new one has to be excepted.
    pub fn is_of_revoked_user(&self) -> bool {
        self.findings.iter().any(|f| f.code == FindingCode::RevokedUser)
    }

    /// Goes on only if no finding refuses that was not accepted.
    pub fn refuse(&self, accepted: &[String]) -> Result<()> {
        findings::refuse(&self.name, "approved", &self.findings, accepted)
    }

    /// Whom the certificate would name and the code, on one line in a form that no name can imitate:
    /// each stands in quotes, and what does not fit is cut.
    pub fn in_question(&self, columns: Option<usize>) -> String {
        let code = self.code().map(|code| code.short()).unwrap_or_default();
        let room =
            columns.unwrap_or(COLUMNS).saturating_sub("Approve : user , groups ? [y/N]".len());
        let room = room.saturating_sub(code.len()).max(40);
        let user = show_quoted(self.user(), room / 2);
        let groups = self.request().map(|r| r.subject.groups()).unwrap_or_default();
        let mut room = room.saturating_sub(width(&user));
        let mut shown = Vec::new();
        for group in &groups {
            let group = show_quoted(group, room.max(12));
            let taken = width(&group) + 2;
            if !shown.is_empty() && taken > room {
                break;
            }
            room = room.saturating_sub(taken);
            shown.push(group);
        }
        let groups = match (groups.len(), groups.len() - shown.len()) {
            (0, _) => "no groups".to_owned(),
            (1, _) => format!("group {}", shown.concat()),
            (_, 0) => format!("groups {}", shown.join(", ")),
            (_, more) => format!("groups {} and {more} more", shown.join(", ")),
        };
        format!("{code}: user {user}, {groups}")
    }

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
            Ok(access) => {
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
            Err(why) => line("Already has", &format!("unknown: {why}")),
        }
        if let Some(why) = &self.revoked_unknown {
            line("Revoked", &format!("unknown: {why}"));
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
        match (count(Severity::Hard), count(Severity::Refuse), count(Severity::Warn)) {
            (0, 0, 0) if self.revoked_unknown.is_some() => {
                "INCOMPLETE: what is revoked could not be read; nothing else was found".to_owned()
            }
            (0, 0, 0) => "No objections found.".to_owned(),
            (0, 0, n) => format!("WARNING: {} below", findings(n)),
            (0, n, _) => format!("REFUSED unless accepted by name: {} below", findings(n)),
            (n, _, _) => format!("REFUSED, cannot be accepted: {} below", findings(n)),
        }
    }

    fn state(&self, room: usize) -> String {
        use usercert_core::api::csr::State;
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

    pub fn value(&self) -> Value {
        let groups: Vec<String> =
            self.request().map(|r| r.subject.groups().into_iter().collect()).unwrap_or_default();
        let lifetime = self.object.spec.expiration_seconds.and_then(Lifetime::from_seconds);
        output::object(
            "Review",
            json!({
                "name": self.name,
                "uid": self.object.metadata.uid,
                "user": self.request().map(|r| r.subject.user()),
                "groups": groups,
                "key": self.request().map(|r| r.key.kind.to_string()),
                "signatureAlgorithm": self.request().map(|r| r.signature_algorithm.to_string()),
                "alternativeNames": self.request().map(|r| &r.alternative_names),
                "signerName": self.object.spec.signer_name,
                "usages": self.object.spec.usages,
                "expirationSeconds": self.object.spec.expiration_seconds,
                "lifetime": lifetime.map(|l| l.to_string()),
                "requester": self.in_cluster.then_some(&self.object.spec.username),
                "requesterGroups": self.in_cluster.then_some(&self.object.spec.groups),
                "requesterCredential": self.object.requester_credential(),
                "state": self.in_cluster.then(|| self.object.state().name()),
                "code": self.code().map(|c| c.short()),
                "sha256": self.code().map(|c| c.full()),
                "access": match &self.access {
                    Ok(access) => access.iter().map(|(who, roles)| json!({"subject": who.to_string(), "bindings": roles})).collect::<Value>(),
                    Err(_) => Value::Null,
                },
                "policy": self.policy,
                "revokedUnknown": self.revoked_unknown,
                "findings": self.findings,
                "refused": review::refuses(&self.findings, &[]),
            }),
        )
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

/// The groups of a request as one cell of a table.
pub fn groups_cell(request: Option<&CertificateRequest>) -> String {
    let groups = request.map(|r| r.subject.groups()).unwrap_or_default();
    match groups.is_empty() {
        true => "<none>".to_owned(),
        false => output::cut(&in_short(groups.iter().take(20), 30).join(","), 60),
    }
}
