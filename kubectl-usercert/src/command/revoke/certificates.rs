//! The certificates that a run of `revoke` blocks.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};
use usercert_core::inspect;
use usercert_core::lifecycle::enforcement::{Enforcement, Holder};
use usercert_core::lifecycle::{
    self, Fingerprint, Revocation, RevocationKey, RevocationList, protected,
};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::identity::SYSTEM_MASTERS;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::revocation::{self, Installed};
use crate::workflow::role_bindings::{self, KnownCertificate};

/// Longest input that certificates are looked for in, in bytes.
const LIMIT: usize = 4 << 20;

/// Which certificates, and why.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Certificates")]
pub struct CertificateArgs {
    /// Block just this certificate, no role: a file (PEM, DER, kubeconfig, CertificateSigningRequest;
    /// "-": standard input) or its SHA-256; repeat for several
    #[arg(long, value_name = "FILE|SHA256")]
    pub certificate: Vec<String>,
    /// Block every certificate of the user, also those that nobody knows of; what is issued from now on
    /// with kubectl usercert is excepted
    #[arg(long, requires = "name")]
    pub all_certificates: bool,
    /// Take roles only, block no certificate
    #[arg(long, conflicts_with_all = ["certificate", "all_certificates"])]
    pub roles_only: bool,
    /// What the person is told: one line of at most 200 characters
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

impl CertificateArgs {
    /// Whether it is about certificates and nothing else.
    pub fn only(&self) -> bool {
        self.all_certificates || !self.certificate.is_empty()
    }
}

/// Something to block.
pub struct Candidate {
    key: RevocationKey,
    /// Whom it names, until when, and whether with `system:masters`; as far as it is known.
    certificate: Option<KnownCertificate>,
    /// Where it was found, as `context alice@kind`.
    place: String,
}

impl Candidate {
    fn of(known: &KnownCertificate) -> Self {
        Self {
            key: RevocationKey::Certificate(known.fingerprint),
            certificate: Some(known.clone()),
            place: known.place.clone(),
        }
    }

    fn until(&self) -> Option<UnixTime> {
        self.certificate.as_ref().map(|c| c.not_after)
    }

    /// As it is called where people read it.
    fn name(&self) -> String {
        match (&self.key, &self.certificate) {
            (RevocationKey::User(user), _) => {
                format!("every certificate of {} issued before now", show_short(user, 80))
            }
            (key, Some(certificate)) => {
                let print: String = key.to_string().chars().take(16).collect();
                let user = show_short(&certificate.user, 80);
                format!("certificate {print}… of {user} ({})", self.place)
            }
            (key, None) => format!("certificate {key} ({})", self.place),
        }
    }

    fn entry(&self, reason: &str, by: &str, now: UnixTime) -> Revocation {
        let entry = Revocation::new(self.key.clone(), reason, by, now);
        match &self.certificate {
            Some(c) => entry.of_certificate(&c.user, c.not_after),
            None => entry,
        }
    }

    fn is_master(&self) -> bool {
        self.certificate.as_ref().is_some_and(|c| c.groups.contains(SYSTEM_MASTERS))
    }
}

/// What is to be blocked, and what was found out for it.
pub struct Plan {
    candidates: Vec<Candidate>,
    /// Why others are not, a line each.
    left_out: Vec<String>,
    /// Who revokes.
    by: String,
    /// What there is already; `None` if there is no list.
    list: Option<RevocationList>,
    /// What enforces; `None` if it could not be looked at.
    installed: Option<Installed>,
}

/// What became of a certificate.
pub struct Outcome {
    candidate: Candidate,
    line: String,
    seen: Option<Enforcement>,
}

impl Plan {
    /// Works out what is meant. `known` are the certificates of the user that a revocation of everything
    /// covers.
    ///
    /// # Errors
    /// Certificates that cannot be read, are the cluster's own, or the one that is in use.
    pub async fn make(
        host: &Host,
        args: &CertificateArgs,
        target: &Target,
        cluster: &Cluster,
        user: Option<&str>,
        known: &[KnownCertificate],
    ) -> Result<Self> {
        let named = named(host, args)?;
        let in_cluster = find_fingerprints(cluster, &named).await;
        let named = resolve(named, target, &in_cluster, user)?;
        let me = cluster.who_am_i().await;
        let me = me.map_err(|e| explain(&e, &cluster.server, &Need::WhoAmI))?;
        let list = revocation::read(cluster).await?;
        let installed = Installed::look(cluster, true).await.ok();
        let mine = |key: &RevocationKey| match key {
            RevocationKey::Certificate(print) => {
                me.credential() == Some(print.credential_id().as_str())
            }
            RevocationKey::User(user) => *user == me.username,
            RevocationKey::Exception(_) => false,
        };
        let times = named.iter().filter(|c| mine(&c.key)).count();
        let mut plan = Self {
            candidates: Vec::new(),
            left_out: Vec::new(),
            by: me.username.clone(),
            list,
            installed,
        };
        for candidate in named {
            if mine(&candidate.key)
                && times < 2
                && !(args.all_certificates && user == Some(&me.username))
            {
                return Err(own(&candidate));
            }
            plan.refuse_protected(&candidate)?;
            plan.add(candidate);
        }
        if args.all_certificates {
            let user = user.unwrap_or_default();
            if let Some(why) = protected(user, []) {
                return Err(
                    Error::refused(why.to_string()).hint("its certificates are not blocked")
                );
            }
            let key = RevocationKey::of_user(user).usage()?;
            let candidate = Candidate { key, certificate: None, place: String::new() };
            if mine(&candidate.key) && times < 1 {
                return Err(own(&candidate));
            }
            plan.add(candidate);
        }
        let now = host.now();
        for one in known.iter().filter(|k| k.not_after >= now) {
            let candidate = Candidate::of(one);
            if let Some(why) = protected(&one.user, one.groups.iter().map(String::as_str)) {
                plan.left_out.push(format!("{}: not blocked, {why}", candidate.name()));
            } else if mine(&candidate.key) && times < 1 {
                plan.left_out.push(format!(
                    "{}: not blocked, it is the one that you are using; to block it, name it with --certificate",
                    candidate.name()
                ));
            } else {
                plan.add(candidate);
            }
        }
        Ok(plan)
    }

    fn refuse_protected(&self, candidate: &Candidate) -> Result<()> {
        let Some(certificate) = &candidate.certificate else { return Ok(()) };
        match protected(&certificate.user, certificate.groups.iter().map(String::as_str)) {
            Some(why) => Err(Error::refused(format!("{}: {why}", candidate.name()))
                .hint("it is not blocked: without it the cluster does not run")),
            None => Ok(()),
        }
    }

    fn add(&mut self, candidate: Candidate) {
        if self.candidates.iter().all(|c| c.key != candidate.key) {
            self.candidates.push(candidate);
        }
    }

    /// Whether there is anything to block.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// What was left out, for people.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Whether entries can be written: there is a list.
    pub fn has_list(&self) -> bool {
        self.list.is_some()
    }

    /// What is going to be blocked, a line each, as a question shows it.
    pub fn lines(&self, now: UnixTime) -> Vec<String> {
        let line = |c: &Candidate| match c.until() {
            Some(until) => format!("{}, {}", c.name(), expiry_in_words(until, now)),
            None => c.name(),
        };
        self.candidates.iter().map(line).collect()
    }

    /// Where nothing refuses revoked certificates yet, says so and offers to change it; nothing is
    /// installed without a person's yes.
    ///
    /// # Errors
    /// As installing fails.
    pub async fn offer_installation(
        &mut self,
        host: &Host,
        cluster: &Cluster,
        asks: bool,
    ) -> Result<()> {
        let in_force = self.installed.as_ref().is_none_or(Installed::in_force);
        if self.is_empty() || (in_force && self.has_list()) {
            return Ok(());
        }
        let problems = self.installed.as_ref().map(Installed::problems).unwrap_or_default();
        let problems: String = problems.iter().map(|p| format!("\n  {p}")).collect();
        host.warn(format!(
            "This cluster has nothing yet by which a policy refuses revoked certificates:{problems}"
        ));
        let question = "Install it (namespace, list, policy, binding, roles)?";
        let agreed = asks
            && host.can_ask()
            && match host.confirm(question, false) {
                Ok(()) => true,
                Err(error) if error.exit == Exit::Refused => false,
                Err(error) => return Err(error),
            };
        if !agreed {
            host.warn("Not installed; `kubectl usercert revocations install` does it.");
            return Ok(());
        }
        let all = Installed::look(cluster, false).await;
        let all = all.map_err(|e| explain(&e, &cluster.server, &revocation::see()))?;
        for (name, outcome) in revocation::install(cluster, &all, false).await? {
            host.say(format!("{name} {outcome}"));
        }
        self.list.get_or_insert_default();
        Ok(())
    }

    /// Writes the entries and looks at what they achieve.
    ///
    /// # Errors
    /// There is no list, or as the server answers.
    pub async fn block(
        self,
        target: &Target,
        cluster: &Cluster,
        reason: &str,
        now: UnixTime,
        dry: DryRun,
    ) -> Result<Vec<Outcome>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        if !self.has_list() {
            return Err(revocation::no_list());
        }
        let entries: Vec<Revocation> =
            self.candidates.iter().map(|c| c.entry(reason, &self.by, now)).collect();
        if dry != DryRun::Client {
            revocation::write(cluster, &entries, dry == DryRun::Server).await?;
        }
        let mut outcomes = Vec::new();
        for (candidate, entry) in self.candidates.into_iter().zip(entries) {
            let seen = match dry {
                // What the first shows holds for the others: the list is one object.
                DryRun::None => Some(match outcomes.last() {
                    Some(Outcome { seen: Some(seen), candidate: before, .. })
                        if std::mem::discriminant(&before.key)
                            == std::mem::discriminant(&candidate.key) =>
                    {
                        Enforcement::clone(seen)
                    }
                    _ => revocation::enforcement(target, cluster, &candidate.key, true).await,
                }),
                _ => None,
            };
            outcomes.push(Outcome { candidate, line: entry.line, seen });
        }
        Ok(outcomes)
    }
}

impl Outcome {
    /// What is said of it.
    pub fn text(&self, mark: &str) -> String {
        let name = self.candidate.name();
        match &self.seen {
            Some(seen) => seen.line(&Holder {
                is_master: self.candidate.is_master(),
                until: self.candidate.until(),
                name: &format!("{name} blocked"),
            }),
            None => format!("{name} blocked{mark}"),
        }
    }

    /// For `-o name`.
    pub fn full_name(&self) -> String {
        match &self.candidate.key {
            RevocationKey::User(user) => format!("user/{user}"),
            key => format!("certificate/{key}"),
        }
    }

    /// For `-o json`.
    pub fn value(&self) -> Value {
        let certificate = self.candidate.certificate.as_ref();
        let user = match &self.candidate.key {
            RevocationKey::User(user) => Some(user.as_str()),
            _ => certificate.map(|c| c.user.as_str()),
        };
        json!({
            "id": self.full_name(),
            "user": user,
            "notAfter": self.candidate.until(),
            "reason": self.line,
            "enforcement": self.seen.as_ref().map(revocation::seen_value),
        })
    }

    /// The certificate, if it is one that is known.
    pub fn covers(&self, known: &KnownCertificate) -> bool {
        match &self.candidate.key {
            RevocationKey::Certificate(print) => *print == known.fingerprint,
            RevocationKey::User(user) => known.user == *user,
            RevocationKey::Exception(_) => false,
        }
    }
}

fn own(candidate: &Candidate) -> Error {
    let what = match candidate.key {
        RevocationKey::User(_) => {
            "this is your own user: you would block the certificate that you are using"
        }
        _ => "this is the certificate that you are using",
    };
    Error::refused(format!("{}: {what}", candidate.name()))
        .hint("if you mean it, name your certificate once more with --certificate")
}

/// What `--certificate` names, before it was looked for.
enum Named {
    Found(Box<Certificate>, String),
    Print(Fingerprint),
}

fn named(host: &Host, args: &CertificateArgs) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for value in &args.certificate {
        if let Ok(print) = value.parse::<Fingerprint>() {
            all.push(Named::Print(print));
            continue;
        }
        let what = if value == "-" { "standard input".to_owned() } else { show(value) };
        let input = host.input(Path::new(value), LIMIT)?;
        let text = std::str::from_utf8(&input).ok();
        if let Some(print) = text.and_then(|t| t.parse::<Fingerprint>().ok()) {
            all.push(Named::Print(print));
            continue;
        }
        let found = inspect::read(&input).context(&what)?;
        let certificates = found.iter().filter_map(|f| f.certificate());
        let before = all.len();
        for certificate in certificates.filter(|c| !c.is_ca) {
            all.push(Named::Found(Box::new(certificate.clone()), what.clone()));
        }
        if all.len() == before {
            return Err(Error::new(format!("{what}: there is no client certificate in it")));
        }
    }
    Ok(all)
}

/// The certificates of requests in the cluster, where a fingerprint has to be looked for.
async fn find_fingerprints(cluster: &Cluster, named: &[Named]) -> Vec<KnownCertificate> {
    if !named.iter().any(|n| matches!(n, Named::Print(_))) {
        return Vec::new();
    }
    role_bindings::in_requests(cluster, |certificate| {
        let found = Fingerprint::of(&certificate.der);
        named.iter().any(|n| matches!(n, Named::Print(print) if *print == found))
    })
    .await
}

fn resolve(
    named: Vec<Named>,
    target: &Target,
    in_cluster: &[KnownCertificate],
    user: Option<&str>,
) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for one in named {
        let candidate = match one {
            Named::Found(certificate, place) => {
                Candidate::of(&KnownCertificate::of(&certificate, place))
            }
            Named::Print(print) => {
                let known = in_cluster.iter().find(|k| k.fingerprint == print);
                let own = own_certificate(target).filter(|c| Fingerprint::of(&c.der) == print);
                match (known, own) {
                    (Some(known), _) => Candidate::of(known),
                    (None, Some(own)) => {
                        Candidate::of(&KnownCertificate::of(&own, "your own".to_owned()))
                    }
                    (None, None) => Candidate {
                        key: RevocationKey::Certificate(print),
                        certificate: None,
                        place: "not known here".to_owned(),
                    },
                }
            }
        };
        if let (Some(user), Some(certificate)) = (user, &candidate.certificate)
            && certificate.user != user
        {
            return Err(Error::usage(format!(
                "{} is not of the user {}",
                candidate.name(),
                show(user)
            ))
            .hint("without NAME, --certificate blocks it whomever it names"));
        }
        candidates.push(candidate);
    }
    Ok(candidates)
}

fn own_certificate(target: &Target) -> Option<Certificate> {
    match target.credentials().ok()? {
        crate::cluster::Credentials::Certificate { chain, .. } => chain.into_iter().next(),
        _ => None,
    }
}

/// Refuses a reason that cannot be told.
///
/// # Errors
/// A usage error.
pub fn check_reason(args: &CertificateArgs) -> Result<()> {
    lifecycle::check_reason(&args.reason).context("--reason").usage()
}
