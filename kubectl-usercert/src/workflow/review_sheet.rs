//! The review sheet: everything an approver must know, on one screen, the same wherever it is shown.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Object};
use usercert_core::api::rbac::{self, Binding, Holder, Subject};
use usercert_core::review::{self, BoundNames, Finding, FindingCode, Reviewed, Severity};
use usercert_core::text::{show, show_list, show_short};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::code::{Code, ExpectedCode};
use usercert_core::x509::identity::MAX_GROUPS;
use usercert_core::x509::key::Verification;
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::pkcs10::CertificateRequest;

use super::review_policy::Rules;
use crate::cluster::{ApiError, Cluster};
use crate::error::{Error, Result, ResultExt as _};
use crate::keys;
use crate::ui::output;

/// As much of a name as a sheet shows, in characters; more than any name that passes unaccepted.
const LONG: usize = 1000;

/// Groups for people: the first hundred.
fn listed(groups: &BTreeSet<String>, longest: usize) -> String {
    if groups.is_empty() {
        return "(none)".to_owned();
    }
    show_list(groups.iter().map(String::as_str), MAX_GROUPS, longest)
}

/// Whether a name holds characters that imitate others (а, I, 1, 0, rn, …), so that it has to be
/// compared with the names that have bindings, whatever that costs.
#[must_use]
pub fn may_imitate(name: &str) -> bool {
    let odd = |c: char| !c.is_ascii() || c.is_ascii_uppercase() || "01|".contains(c);
    name.chars().any(odd) || name.contains("rn")
}

/// Role bindings of the cluster, if they could be read, and the names in them.
pub struct Bindings(Result<(Vec<Binding>, BoundNames), String>);

impl Bindings {
    /// Reads them; not being allowed to is no failure.
    pub async fn read(cluster: &Cluster) -> Self {
        Self::try_read(cluster).await.unwrap_or_else(|error| {
            Self(Err(match &error {
                ApiError::Status(s) if s.code == 403 => "you may not list role bindings".to_owned(),
                other => usercert_core::text::show_lines(&other.to_string(), 200),
            }))
        })
    }

    /// Reads them; for those to whom it matters why it could not be done.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn try_read(cluster: &Cluster) -> Result<Self, ApiError> {
        let all = cluster.bindings().await?;
        let subjects = all.iter().flat_map(|b| &b.subjects);
        let names = subjects.filter_map(Subject::name).map(str::to_owned).collect();
        Ok(Self(Ok((all, names))))
    }

    /// Not looked at, and why.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self(Err(why.to_owned()))
    }

    /// Why they are not known.
    #[must_use]
    pub fn why_unknown(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// The names in them, if they are known.
    #[must_use]
    pub fn names(&self) -> Option<&BoundNames> {
        self.0.as_ref().ok().map(|(_, names)| names)
    }

    /// Bindings that reach this user or group, as `ClusterRole edit in namespace dev`.
    fn reaching(&self, holder: &Holder) -> Vec<String> {
        let all = self.0.as_ref().map(|(all, _)| all.as_slice()).unwrap_or_default();
        rbac::reaching(all, holder).map(Binding::in_words).collect()
    }
}

/// Goes on only if no finding refuses that was not accepted; `what` is not `done` otherwise.
///
/// # Errors
/// Refused, with the findings and with what to do.
pub fn refuse(what: &str, done: &str, findings: &[Finding], accepted: &[String]) -> Result<()> {
    let refuses = |f: &&Finding| review::refuses(std::slice::from_ref(*f), accepted);
    let against: Vec<&Finding> = findings.iter().filter(refuses).collect();
    if against.is_empty() {
        return Ok(());
    }
    let words: Vec<String> =
        against.iter().map(|f| format!("{} [{}]", f.message, f.code.as_str())).collect();
    let error = Error::refused(format!("{} is not {done}: {}", show(what), words.join("; ")));
    if against.iter().any(|f| f.severity == Severity::Hard) {
        return Err(error.hint("this cannot be accepted; the person has to make a new request, or the line was meant for another one"));
    }
    let codes: BTreeSet<&str> = against.iter().map(|f| f.code.as_str()).collect();
    let flags: Vec<String> = codes.iter().map(|code| format!("--accept {code}")).collect();
    Err(error.hint(format!("if this is meant to be so: {}", flags.join(" "))))
}

/// Makes sure that `--accept` names a finding that can be accepted.
///
/// # Errors
/// It does not.
pub fn can_be_accepted(code: &str) -> Result<()> {
    let found = code.parse::<FindingCode>().context("--accept").usage();
    let found = found.hint("`kubectl usercert review --explain` lists them")?;
    if found.severity() == Severity::Hard {
        return Err(Error::usage(format!("--accept {code}: this finding cannot be accepted"))
            .hint("the person has to make a new request"));
    }
    Ok(())
}

/// A request, decoded and reviewed.
pub struct Sheet<Raw = Value> {
    /// Object name; for a file the name that it would get.
    pub name: String,
    /// Whether the object is in the cluster.
    pub in_cluster: bool,
    /// The object, or for a file what would be submitted.
    pub object: CsrObject<Raw>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The policy that it was reviewed under.
    policy: Option<String>,
    /// `user` and `group` names with the bindings that reach them; `Err` says why it is unknown.
    access: Result<Vec<(String, Vec<String>)>, String>,
}

impl Sheet {
    /// Reviews an object under these rules.
    #[must_use]
    pub fn new(object: CsrObject, in_cluster: bool, bindings: &Bindings, rules: &Rules) -> Self {
        Self::make(object, in_cluster, bindings, rules, |request| {
            Some(keys::verify_request(request))
        })
    }

    /// The sheet of a handed-over request, once whoever was shown it has submitted it as `object`.
    #[must_use]
    pub fn submitted(self, object: CsrObject) -> Self {
        Self { name: object.metadata.name.clone(), in_cluster: true, object, ..self }
    }
}

impl Sheet<()> {
    /// Reviews an object of the cluster for a list: role bindings are not looked at, and the signature is
    /// the one that the API server has verified before it took the request.
    #[must_use]
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
        let findings = rules.review(&Reviewed {
            requester: in_cluster.then_some(object.spec.username.as_str()),
            signature: request.and_then(verify),
            bound_names: bindings.names(),
            ..Reviewed::of(&object)
        });
        let access = match (&bindings.0, request) {
            (Err(why), _) => Err(why.clone()),
            (Ok(_), None) => Ok(Vec::new()),
            (Ok(_), Some(request)) => {
                let user = request.subject.user();
                let groups = request.subject.groups().into_iter().take(MAX_GROUPS);
                let holders = [Holder::User(user.to_owned())].into_iter();
                let holders = holders.chain(groups.map(Holder::Group));
                Ok(holders.map(|h| (h.to_string(), bindings.reaching(&h))).collect())
            }
        };
        let name = object.metadata.name.clone();
        let policy = rules.file().map(str::to_owned);
        Self { name, in_cluster, object, findings, policy, access }
    }

    /// The certificate request, if it can be read.
    #[must_use]
    pub fn request(&self) -> Option<&CertificateRequest> {
        self.object.request().ok()
    }

    /// The code to compare, if there is a readable request.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.request().map(CertificateRequest::code)
    }

    /// The user that the certificate would name.
    #[must_use]
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
        let found = code.map_or("unreadable".to_owned(), |c| c.short());
        let message = match expected.len() {
            1 => format!("this is not the request that was expected: its code is {found}"),
            _ => format!("this is none of the requests that were expected: its code is {found}"),
        };
        let finding = Finding { code: FindingCode::NotExpected, severity: Severity::Hard, message };
        self.findings.insert(0, finding);
    }

    /// Goes on only if no finding refuses that was not accepted.
    ///
    /// # Errors
    /// Refused, with the findings and with what to do.
    pub fn refuse(&self, accepted: &[String]) -> Result<()> {
        refuse(&self.name, "approved", &self.findings, accepted)
    }

    /// The sheet for people, with very long names cut.
    #[must_use]
    pub fn text(&self, now: UnixTime) -> String {
        self.render(now, LONG)
    }

    /// The sheet with everything in full, and with the whole digest.
    #[must_use]
    pub fn wide_text(&self, now: UnixTime) -> String {
        let sha256 = self.code().map(|code| format!("sha256 {}\n", code.full()));
        self.render(now, usize::MAX) + &sha256.unwrap_or_default()
    }

    fn render(&self, now: UnixTime, longest: usize) -> String {
        let show = |name: &str| show_short(name, longest);
        let mut out = String::new();
        let mut line = |label: &str, value: &str| {
            out.push_str(&format!("{label:<13}{value}\n"));
        };
        line("Name", &show(&self.name));
        match self.request() {
            Some(request) => {
                line("User", &show(request.subject.user()));
                line("Groups", &listed(&request.subject.groups(), longest));
                line(
                    "Key",
                    &format!("{}, signed with {}", request.key.kind, request.signature_algorithm),
                );
                if !request.alternative_names.is_empty() {
                    line("Also names", &show_short(&request.alternative_names.join(", "), 300));
                }
            }
            None => line("Request", "unreadable"),
        }
        let lifetime = self.object.spec.expiration_seconds;
        line(
            "Expires",
            &lifetime.map_or("as the signer chooses".to_owned(), |s| {
                format!("{} after it is signed", human_duration(s))
            }),
        );
        line("Signer", &show(&self.object.spec.signer_name));
        let usages: Vec<String> =
            self.object.spec.usages.iter().map(|u| show_short(u, 40)).collect();
        line("Usages", &usages.join(", "));
        if self.in_cluster {
            let mut by = show(&self.object.spec.username);
            let groups: Vec<String> =
                self.object.spec.groups.iter().map(|g| show_short(g, 60)).collect();
            if !groups.is_empty() {
                by.push_str(&format!(" (groups {})", show_short(&groups.join(", "), 300)));
            }
            line("Submitted by", &by);
            if let Some(credential) = self.object.requester_credential() {
                line("  with", &show_short(credential, 100));
            }
            let age = self.object.metadata.creation_timestamp.map(|t| human_duration(now.since(t)));
            line("Age", &age.unwrap_or_else(|| "unknown".to_owned()));
            line("State", &self.state());
        }
        match &self.access {
            Ok(access) => {
                for (who, roles) in access {
                    let roles = if roles.is_empty() {
                        "no role bindings".to_owned()
                    } else {
                        roles.join("; ")
                    };
                    // Rendered already, so it is only cut.
                    let who: String = who.chars().take(longest).collect();
                    line("Already has", &format!("{who}: {roles}"));
                }
            }
            Err(why) => line("Already has", &format!("unknown: {why}")),
        }
        if let Some(code) = self.code() {
            line(
                "Code",
                &format!("{}   (compare it with the person over another channel)", code.short()),
            );
        }
        if let Some(file) = &self.policy {
            line("Policy", file);
        }
        for finding in &self.findings {
            let weight = match finding.severity {
                Severity::Info => "info",
                Severity::Warn => "WARNING",
                Severity::Refuse => "REFUSED",
                Severity::Hard => "REFUSED, cannot be accepted",
            };
            out.push_str(&format!("{weight}: {} [{}]\n", finding.message, finding.code.as_str()));
        }
        if self.findings.iter().all(|f| f.severity == Severity::Info) {
            out.push_str("No objections found.\n");
        }
        out
    }

    fn state(&self) -> String {
        use usercert_core::api::csr::State;
        let state = self.object.state();
        match &state {
            State::Denied { reason, message } | State::Failed { reason, message } => {
                format!(
                    "{} ({}: {})",
                    state.name(),
                    show_short(reason, 60),
                    show_short(message, 200)
                )
            }
            _ => state.name().to_owned(),
        }
    }

    /// The sheet as an object of kind `Review`.
    #[must_use]
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
                    Ok(access) => access.iter().map(|(who, roles)| json!({"subject": who, "bindings": roles})).collect::<Value>(),
                    Err(_) => Value::Null,
                },
                "policy": self.policy,
                "findings": self.findings,
                "refused": review::refuses(&self.findings, &[]),
            }),
        )
    }
}
