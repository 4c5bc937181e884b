//! What is about to be signed, decided and shown before anything is.

use std::path::Path;

use serde_json::{Value, json};
use usercert_core::api::csr::{CLIENT_AUTH, CLIENT_SIGNER};
use usercert_core::ca::authority::{self, Key, Leaf};
use usercert_core::ca::profile::CertificateSubject;
use usercert_core::exchange::request_file::ImportedRequest;
use usercert_core::review::{Finding, Reviewed};
use usercert_core::text::{show, show_list};
use usercert_core::time::UnixTime;
use usercert_core::x509::identity::{Identity, MAX_GROUPS};
use usercert_core::x509::lifetime::{self, Lifetime};
use usercert_core::x509::pkcs10::{self, CertificateRequest};

use super::order::SigningOrder;
use crate::command::ca::authority::Ca;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::keys::{self, PrivateKey};
use crate::ui::host::{Host, input_name};
use crate::workflow::{approval, findings};

pub(super) struct Draft {
    /// The request's file, as it can be shown; empty for a new key.
    pub(super) source: String,
    pub(super) request: Option<CertificateRequest>,
    /// The key, if it was made here.
    pub(super) key: Option<PrivateKey>,
    pub(super) leaf: Leaf,
    pub(super) findings: Vec<Finding>,
}

pub(super) struct Input {
    /// Where it was found, as it can be shown.
    source: String,
    incoming: ImportedRequest,
}

impl Input {
    pub(super) fn read(host: &Host, file: &Path) -> Result<Vec<Self>> {
        let name = input_name(file);
        let found = approval::read_requests(host, file)?;
        let count = found.len();
        let named = |(i, incoming)| match count {
            1 => Self { source: name.clone(), incoming },
            _ => Self { source: format!("{name} ({} of {count})", i + 1), incoming },
        };
        Ok(found.into_iter().enumerate().map(named).collect())
    }
}

impl Draft {
    pub(super) fn for_request(
        host: &Host,
        order: &SigningOrder,
        ca: &Ca,
        input: Input,
    ) -> Result<Self> {
        let Input { source, incoming } = input;
        let profile = order.profile;
        let lifetime = match (order.lifetime, incoming.expiration_seconds) {
            (Some(lifetime), _) => lifetime,
            (None, None) => profile.lifetime(),
            (None, Some(seconds)) => Lifetime::from_seconds(seconds).ok_or_else(|| {
                Error::new(format!("{source}: {seconds} seconds is not a valid lifetime"))
                    .hint("nothing was signed; give another lifetime with --expires")
            })?,
        };
        let request = incoming.request;
        // A manifest's usages are looked at where they can be those of the certificate.
        let usages = incoming.usages.filter(|_| !profile.server);
        let mut findings = order.review(&request, usages, lifetime);
        findings.extend(authority::reserved_names(&request, profile, &order.cluster));
        if let Some(expected) = order.expected.as_ref().filter(|e| !e.matches(&request.code())) {
            let expected = std::slice::from_ref(expected);
            findings.insert(0, findings::not_expected(Some(request.code()), expected));
        }
        let key = Key::Requested(&request);
        let leaf = order.leaf(key, lifetime, ca, host.now()).context(&source)?;
        Ok(Self { source, request: Some(request), key: None, leaf, findings })
    }

    pub(super) fn for_new_key(host: &Host, order: &SigningOrder, ca: &Ca) -> Result<Self> {
        let key = PrivateKey::generate(order.key_type)?;
        let lifetime = order.lifetime.unwrap_or_else(|| order.profile.lifetime());
        // A person's is reviewed as their own request would be.
        let findings = match (order.profile.holder, &order.name) {
            (CertificateSubject::Person, Some(name)) => {
                let identity = Identity::parse(name, &order.groups).usage()?;
                order.review(&key.certificate_request(&identity)?, None, lifetime)
            }
            _ => Vec::new(),
        };
        let new = Key::New(key.public(), &order.groups);
        let leaf = order.leaf(new, lifetime, ca, host.now())?;
        Ok(Self { source: String::new(), request: None, key: Some(key), leaf, findings })
    }

    /// What it is called in messages: its file, else whom it names.
    pub(super) fn name(&self) -> String {
        if self.source.is_empty() { show(&self.leaf.user) } else { self.source.clone() }
    }

    pub(super) fn text(&self, order: &SigningOrder, ca: &Ca, host: &Host) -> String {
        let (now, columns) = (host.now(), host.columns());
        let profile = order.profile;
        let mut out = String::new();
        let mut line = |label: &str, value: &str| out.push_str(&format!("{label:<13}{value}\n"));
        let leaf = &self.leaf;
        if !self.source.is_empty() {
            line("Request", &self.source);
        }
        line("User", &show(&leaf.user));
        let groups = show_list(leaf.groups.iter().map(String::as_str), MAX_GROUPS, 260);
        line("Groups", if groups.is_empty() { "(none)" } else { &groups });
        if !leaf.alternative_names.is_empty() {
            let names = names(leaf);
            line("Names", &show_list(names.iter().map(String::as_str), MAX_GROUPS, 260));
        }
        let signed =
            self.request.as_ref().map(|r| format!(", signed with {}", r.signature_algorithm));
        line("Key", &format!("{}{}", leaf.key.kind, signed.unwrap_or(", made here".to_owned())));
        let purpose = match (leaf.client, leaf.server) {
            (true, true) => "client and server authentication",
            (true, false) => "client authentication",
            _ => "server authentication",
        };
        line("Profile", &format!("{}: {} ({purpose})", profile.name, profile.about));
        let cut = if leaf.cut { "; when the CA expires, earlier than requested" } else { "" };
        let left = lifetime::expiry_in_words(leaf.not_after, now);
        line("Expires", &format!("{} ({left}{cut})", leaf.not_after));
        let issuer = ca.authority.certificate();
        line("CA", &format!("{}, SHA-256 {}", issuer.subject.shown(), issuer.fingerprint()));
        if let Some(request) = &self.request {
            let code = request.code().short();
            line("Code", &format!("{code}   (compare it with the person over another channel)"));
        }
        if leaf.client && matches!(profile.holder, CertificateSubject::Host(_)) {
            let user = show(&leaf.user);
            line("Logs in", &format!("as the user {user}, where an API server trusts this CA"));
        }
        if profile.holder == CertificateSubject::Person {
            line(
                "Already has",
                "unknown: no cluster was asked; names were not compared with its bindings",
            );
        }
        if let Some(file) = order.rules.file() {
            line("Policy", file);
        }
        if let Some((_, file)) = &order.revoked {
            line("Revoked", &format!("compared with the list in {file}"));
        }
        out.push_str(&findings::lines(&self.findings, columns));
        out
    }

    /// The fields of an IssuedCertificate that are known before it is signed.
    pub(super) fn fields(&self, order: &SigningOrder) -> Value {
        let leaf = &self.leaf;
        json!({
            "source": Some(&self.source).filter(|s| !s.is_empty()),
            "profile": order.profile.name, "user": leaf.user, "groups": leaf.groups,
            "alternativeNames": names(leaf), "key": leaf.key.kind.to_string(),
            "notBefore": leaf.not_before, "notAfter": leaf.not_after,
            "code": self.request.as_ref().map(|r| r.code().short()),
            "policy": order.rules.file(), "findings": self.findings,
        })
    }
}

impl SigningOrder {
    fn review(
        &self,
        request: &CertificateRequest,
        usages: Option<Vec<String>>,
        lifetime: Lifetime,
    ) -> Vec<Finding> {
        let pem = pkcs10::to_pem(&request.der);
        let found = self.rules.review(&Reviewed {
            signer_name: CLIENT_SIGNER,
            usages: &usages.unwrap_or_else(|| vec![CLIENT_AUTH.to_owned()]),
            expiration_seconds: Some(lifetime.seconds().into()),
            signature: Some(keys::verify_request(request)),
            revoked: self
                .revoked
                .as_ref()
                .map(|(list, _)| list.against(request.subject.user(), "", None))
                .unwrap_or_default(),
            ..Reviewed::new(pem.as_bytes(), Ok(request))
        });
        let weigh = |code| self.rules.severity(code);
        authority::adapt(found, Some(request), self.profile, weigh)
    }

    fn leaf(&self, key: Key<'_>, lifetime: Lifetime, ca: &Ca, now: UnixTime) -> Result<Leaf> {
        let wanted = authority::CertificateOrder {
            profile: self.profile,
            key,
            name: self.name.as_deref(),
            alternative_names: &self.alternative_names,
            cluster: &self.cluster,
            lifetime,
        };
        authority::leaf(&wanted, &ca.authority, now).map_err(|error| {
            use authority::IssueError::{Authority, Profile, RequestedName};
            use usercert_core::ca::profile::ProfileError::{NameMissing, NoNames, OtherHolder};
            let (exit, hint) = match &error {
                Profile(NameMissing(_)) => (Exit::Usage, Some("give it with --name")),
                Profile(NoNames) => (Exit::Usage, Some("give them with --san")),
                Profile(OtherHolder { .. }) => (
                    Exit::Refused,
                    Some("choose another --profile, or have a request made for that name"),
                ),
                Profile(_) => (Exit::Usage, None),
                RequestedName(_) => (Exit::Refused, Some("have a request made without it")),
                Authority(_) => (Exit::Failed, None),
            };
            let mut error = Error { exit, ..error.into() };
            error.hints.extend(hint.map(str::to_owned));
            error
        })
    }
}

fn names(leaf: &Leaf) -> Vec<String> {
    leaf.alternative_names.iter().map(ToString::to_string).collect()
}
