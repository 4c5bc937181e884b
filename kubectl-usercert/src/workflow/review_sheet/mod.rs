//! The review sheet: everything an approver must know, on one screen, the same wherever it is shown.

mod text;

use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Object, State};
use usercert_core::review::{self, Finding, FindingCode, Reviewed, Revoked};
use usercert_core::text::{show_quoted, width};
use usercert_core::x509::code::{Code, ExpectedCode};
use usercert_core::x509::identity::MAX_GROUPS;
use usercert_core::x509::key::Verification;
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::pkcs10::CertificateRequest;

use crate::cluster::Cluster;
use crate::error::Result;
use crate::keys;
use crate::ui::output;
use crate::workflow::findings;
use crate::workflow::known_certificates::Held;
use crate::workflow::review_bindings::{Access, Bindings};
use crate::workflow::review_policy::Rules;

pub use self::text::{cell_of_groups, groups_cell};

/// How wide a sheet is where no terminal says otherwise.
const COLUMNS: usize = 120;
/// What is not checked where nobody is asked: it tells people something, and refuses nothing.
pub const OTHER_CERTIFICATES: &str = "other certificates of the user";

pub struct Sheet<Raw = Value> {
    /// Object name; for a file the name that it would get.
    pub name: String,
    pub in_cluster: bool,
    /// The object, or for a file what would be submitted.
    pub object: CsrObject<Raw>,
    pub findings: Vec<Finding>,
    /// Whether the code is asked for: then it is not shown where it could be copied.
    pub code_is_asked: bool,
    /// Codes of findings that do not refuse here.
    pub accepted: Vec<String>,
    /// What a review would look at and nobody has here, in words.
    pub not_checked: Vec<String>,
    policy: Option<String>,
    /// What user and groups have already; `None` where it is not looked at, `Err` says why it is unknown.
    access: Option<Result<Access, String>>,
    /// Why it is not known whether user or requester are revoked; `None` where it is.
    revoked_unknown: Option<String>,
}

impl Sheet {
    pub fn new(object: CsrObject, in_cluster: bool, bindings: &Bindings, rules: &Rules) -> Self {
        Self::compared(object, in_cluster, bindings, &Held::default(), rules)
    }

    /// The same, compared with certificates that people hold already.
    pub fn compared(
        object: CsrObject,
        in_cluster: bool,
        bindings: &Bindings,
        held: &Held,
        rules: &Rules,
    ) -> Self {
        let verify = |request: &CertificateRequest| Some(keys::verify_request(request));
        let requester_known = bindings.knows_requester(held, &object);
        Self::make(object, in_cluster, bindings, held, requester_known, rules, verify)
    }

    /// The sheet of a handed-over request, once whoever was shown it has submitted it as `object`.
    pub fn submitted(self, object: CsrObject) -> Self {
        Self { name: object.metadata.name.clone(), in_cluster: true, object, ..self }
    }
}

impl Sheet<()> {
    /// Reviews an object of the cluster for a list: neither role bindings nor the requester's certificate are
    /// looked up, and the signature is the one that the API server has verified before it took the request.
    pub fn listed(object: Object, bindings: &Bindings, held: &Held, rules: &Rules) -> Self {
        Self::make(object.into(), true, bindings, held, true, rules, |_| None)
    }
}

impl<Raw> Sheet<Raw> {
    fn make(
        object: CsrObject<Raw>,
        in_cluster: bool,
        bindings: &Bindings,
        held: &Held,
        requester_known: bool,
        rules: &Rules,
        verify: impl FnOnce(&CertificateRequest) -> Option<Verification>,
    ) -> Self {
        let request = object.request().ok();
        let user = request.map(|r| r.subject.user()).unwrap_or_default();
        let mut revoked = bindings.revoked(&object, user);
        let mut held = bindings.held(held, user);
        if object.state() != State::Pending {
            // What is decided is no longer a question.
            held.clear();
            revoked =
                Revoked { user: revoked.user, requester: revoked.requester, ..Revoked::default() };
        }
        let findings = rules.review(&Reviewed {
            requester: in_cluster.then_some(object.spec.username.as_str()),
            signature: request.and_then(verify),
            bound_names: bindings.names(),
            held: &held,
            revoked,
            requester_known,
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
            accepted: Vec::new(),
            not_checked: bindings.not_compared().into_iter().collect(),
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

    /// Fails if a refusing finding was not accepted.
    pub fn refuse(&self, accepted: &[String]) -> Result<()> {
        findings::refuse(&self.name, "approved", &self.findings, accepted)
    }

    /// Code, cluster and whom the certificate would name, in a form that no name can imitate: each stands in
    /// quotes, one that is wider than a line is cut, and further lines are indented.
    pub fn in_question(&self, cluster: &Cluster, columns: Option<usize>) -> String {
        let code = self.code().map(|code| format!("{} ", code.short())).unwrap_or_default();
        let place = format!("{code}on {}:", cluster.name());
        let room = columns.unwrap_or(COLUMNS).saturating_sub("Approve ? [y/N] ".len()).max(40);
        let user =
            show_quoted(self.user(), room.saturating_sub(place.len() + " user ,".len()).max(40));
        // A long name of a cluster has a line of its own.
        let fits = width(&place) + width(&user) + " user ,".len() <= room;
        let start = if fits { format!("{place} ") } else { String::new() };
        let groups = self.request().map(|r| r.subject.groups()).unwrap_or_default();
        let quoted = groups.iter().take(MAX_GROUPS).map(|group| show_quoted(group, room / 2));
        let kind = if groups.len() == 1 { "group" } else { "groups" };
        let mut pieces = vec![format!("{start}user {user}")];
        pieces.extend(quoted.enumerate().map(|(place, group)| match place {
            0 => format!("{kind} {group}"),
            _ => group,
        }));
        match groups.len().saturating_sub(MAX_GROUPS) {
            0 if groups.is_empty() => pieces.push("no groups".to_owned()),
            0 => {}
            more => pieces.push(format!("and {more} more")),
        }
        let lines = output::laid_out(&pieces, ", ", room).join("\n    ");
        if start.is_empty() { format!("{place}\n    {lines}") } else { lines }
    }

    /// User and groups, in full and in quotes.
    pub fn names_in_full(&self) -> String {
        let groups = self.request().map(|r| r.subject.groups()).unwrap_or_default();
        let groups: Vec<String> = groups.iter().map(|g| show_quoted(g, usize::MAX)).collect();
        let groups = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
        format!("user {}, groups {groups}", show_quoted(self.user(), usize::MAX))
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
                "subjectAlso": self.request().map(text::others),
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
                    Some(Ok(access)) => access.iter().map(|(who, roles)| json!({"subject": who.to_string(), "bindings": roles})).collect::<Value>(),
                    Some(Err(_)) | None => Value::Null,
                },
                "policy": self.policy,
                "revokedUnknown": self.revoked_unknown,
                "notChecked": self.not_checked,
                "findings": self.findings,
                "refused": review::refuses(&self.findings, &[]),
            }),
        )
    }
}
