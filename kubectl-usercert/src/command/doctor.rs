//! `doctor`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use usercert_core::api::csr::{CLIENT_SIGNER, CsrObject};
use usercert_core::api::doctor::{self, Ability, Able, Question, Role, Signing, Signs};
use usercert_core::api::rbac::Rule;
use usercert_core::lifecycle::admission;
use usercert_core::lifecycle::verdict::{Standing, Verdict};
use usercert_core::lifecycle::{Fingerprint, Refusal};
use usercert_core::text::{show, show_short};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::{
    ApiError, Cluster, Credentials, ListOptions, Need, Target, UserInfo, explain,
};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, ObjectOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::revocation::{self, Known, Trial};

/// Questions that are under way at a time.
const AT_A_TIME: usize = 8;
/// Seconds that clocks may differ: the server's answers tell whole seconds, and take a while.
const CLOCK_TOLERANCE: i64 = 3;
/// Signers date certificates back by so much, to make up for clocks that differ.
const BACKDATED: i64 = 300;

/// Show what you may do here, and whether this cluster issues certificates
///
/// Asks the server. Changes nothing, except that it puts a test entry on the list of revoked
/// certificates for a moment, if you may change that list. Missing rights do not change the exit code.
///
/// Examples:
///
///   kubectl usercert doctor
///
///   # As somebody else would see it
///   kubectl usercert doctor --as alice
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DoctorArgs {
    /// Signer to check
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    #[command(flatten)]
    output: ObjectOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &DoctorArgs) -> Result<Exit> {
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let namespace = target.namespace().unwrap_or("default").to_owned();
    let abilities = doctor::abilities(&args.signer, &namespace);

    let asked = host.now();
    let (version, you, signing, answers, revoked) = tokio::join!(
        cluster.version(),
        cluster.who_am_i(),
        signing(&cluster, &args.signer, asked),
        answers(&cluster, &abilities),
        Known::read(&cluster),
    );
    let answered = host.now();
    let certificate = certificate(&target);
    let refused = match certificate.as_ref().and_then(|_| revoked.why_unknown()) {
        Some(_) => match revocation::tried(&cluster).await {
            Trial::Refused(Refusal { reason, .. }) => {
                Some(reason.unwrap_or_else(|| "the server does not say why".to_owned()))
            }
            Trial::Passes | Trial::Unknown => None,
        },
        None => None,
    };
    for error in [version.as_ref().err(), you.as_ref().err()].into_iter().flatten() {
        // Not allowed, or not known to an older server; everything else is not a diagnosis.
        if !matches!(error.code(), 403 | 404) {
            return Err(explain(error, &cluster.server, &Need::WhoAmI));
        }
    }
    let revocation = revocation::status(host, &target, &cluster, &revoked).await;
    let date = version.as_ref().ok().and_then(|a| a.date.as_deref());
    let found = Found {
        server: &cluster.server,
        version: version.as_ref().ok().and_then(|a| a.value["gitVersion"].as_str()),
        skew: date.and_then(UnixTime::from_http_date).map(|at| skew(at, asked, answered)),
        you,
        certificate,
        refused,
        signer: &args.signer,
        signing,
        revoked,
        revocation,
        minor: version.as_ref().ok().and_then(|a| minor(&a.value)),
        able: abilities
            .iter()
            .map(|ability| (ability, doctor::able(ability, |q| answers.get(q).copied().flatten())))
            .collect(),
    };
    output::print(host, args.output.format, &found.value(), &[], |wide| {
        found.text(host.now(), host.table_columns(wide))
    })?;
    Ok(Exit::Done)
}

/// The answers to all questions, each asked once; `None` where the server would not say.
async fn answers<'a>(
    cluster: &Cluster,
    abilities: &'a [Ability<'a>],
) -> BTreeMap<Question<'a>, Option<bool>> {
    let questions: BTreeSet<&Question<'a>> =
        abilities.iter().flat_map(|a| a.needs.iter().flatten()).collect();
    let ask = |question: &'a Question<'a>| async move {
        (question.clone(), cluster.may_i(question).await.ok())
    };
    stream::iter(questions.into_iter().map(ask)).buffer_unordered(AT_A_TIME).collect().await
}

/// What the signer's requests tell; `Err` says why they do not.
async fn signing(cluster: &Cluster, signer: &str, now: UnixTime) -> Result<Signing, String> {
    let mut signs = Signs::default();
    let take = |object: CsrObject| signs.see(&object, now);
    let options = ListOptions { signer: Some(signer), selector: None };
    match cluster.list_csrs(&options, take).await {
        Ok(()) => Ok(signs.verdict()),
        Err(ApiError::Status(s)) if s.code == 403 => Err("you may not list requests".to_owned()),
        Err(error) => Err(explain(&error, &cluster.server, &Need::List).message.replace('\n', " ")),
    }
}

/// The minor version of Kubernetes 1 that a server tells, as `36+`.
fn minor(version: &Value) -> Option<u32> {
    let minor = version["minor"].as_str().filter(|_| version["major"] == "1")?;
    minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

/// By how many seconds the server's clock is ahead of ours, as far as whole seconds can tell.
fn skew(server: UnixTime, asked: UnixTime, answered: UnixTime) -> i64 {
    if server < asked {
        server.since(asked)
    } else if server > answered {
        server.since(answered)
    } else {
        0
    }
}

fn certificate(target: &Target) -> Option<Certificate> {
    match target.credentials().ok()? {
        Credentials::Certificate { chain, .. } => chain.into_iter().next(),
        _ => None,
    }
}

struct Found<'a> {
    server: &'a str,
    version: Option<&'a str>,
    skew: Option<i64>,
    you: Result<UserInfo, ApiError>,
    certificate: Option<Certificate>,
    /// Why the server refuses a write by it as revoked, where the list may not be read.
    refused: Option<String>,
    signer: &'a str,
    signing: Result<Signing, String>,
    revoked: Known,
    revocation: Verdict,
    /// The minor version of Kubernetes 1.
    minor: Option<u32>,
    able: Vec<(&'a Ability<'a>, Able<'a>)>,
}

impl Found<'_> {
    fn text(&self, now: UnixTime, columns: Option<usize>) -> String {
        let mut out = String::new();
        let mut line = |label: &str, text: &str| out.push_str(&format!("{label:<13}{text}\n"));
        let version = self.version.map_or("of unknown version".to_owned(), |v| show_short(v, 60));
        let own = self.own();
        if let Some(Some(entry)) = &own {
            let entry = show_short(entry, 300);
            line(
                "WARNING",
                &format!("this certificate was revoked: {entry}; ask your admin for a new one"),
            );
        }
        line("Server", &format!("{} ({version})", show(self.server)));
        line("Clock", &self.clock());
        line("You", &self.identity());
        if let Some(certificate) = &self.certificate {
            let age = human_duration(now.since(certificate.not_before.plus(BACKDATED)).max(0));
            let left = expiry_in_words(certificate.not_after, now);
            let own = match (&own, self.revoked.why_unknown()) {
                (None, Some(why)) => format!("; cannot tell whether it was revoked: {why}"),
                _ => String::new(),
            };
            line("Certificate", &format!("{age} old, {left} (at {}){own}", certificate.not_after));
        }
        line("Signer", &self.signer_in_words(now));
        line("Revocation", &self.revocation_in_words());
        out.push('\n');
        let mut rows = Vec::new();
        for role in Role::ALL {
            rows.extend(self.of(role).enumerate().map(|(i, (ability, able))| {
                let role = if i == 0 { role.in_words() } else { "" };
                let word = self.word(ability, able).to_owned();
                vec![word, role.to_owned(), ability.what.clone(), ability.command.to_owned()]
            }));
        }
        let room = Room { columns, ..Room::default() };
        out.push_str(&output::table_within(&["MAY I", "TO", "WHAT", "COMMAND"], &rows, room));
        let lacking: Vec<Role> =
            Role::ALL.into_iter().filter(|role| !self.missing(*role).is_empty()).collect();
        if !lacking.is_empty() {
            out.push_str(
                "\nMissing, as rules for a role that an admin can give you. Pick what you need:\n",
            );
        }
        for role in lacking {
            out.push_str(&format!("# to {}\n", role.in_words()));
            let rules = doctor::rules(&self.missing(role));
            rules.iter().for_each(|rule| out.push_str(&format!("- {rule}\n")));
        }
        out
    }

    /// In one word. Who holds a revoked certificate is refused whatever their roles allow.
    fn word(&self, ability: &Ability<'_>, able: &Able<'_>) -> &'static str {
        match able {
            Able::Yes if ability.writes() && matches!(self.own(), Some(Some(_))) => "revoked",
            able => able.word(),
        }
    }

    fn of(&self, role: Role) -> impl Iterator<Item = &(&Ability<'_>, Able<'_>)> {
        self.able.iter().filter(move |(ability, _)| ability.role() == role)
    }

    fn missing(&self, role: Role) -> Vec<Question<'_>> {
        let missing = self.of(role).filter_map(|(_, able)| match able {
            Able::No(missing) => Some(missing),
            _ => None,
        });
        missing.flatten().cloned().collect()
    }

    fn clock(&self) -> String {
        let Some(skew) = self.skew else { return "the server does not report its time".to_owned() };
        let by = human_duration(skew.abs());
        let whose = if skew > 0 { "ahead of" } else { "behind" };
        match skew.abs() {
            0..=CLOCK_TOLERANCE => "the server's and this machine's agree".to_owned(),
            BACKDATED.. => {
                format!("WARNING: the server's is {by} {whose} this machine's; the server's counts")
            }
            _ => format!("the server's is {by} {whose} this machine's"),
        }
    }

    fn identity(&self) -> String {
        let you = match &self.you {
            Ok(you) => you,
            Err(error) if error.to_string().contains("system:anonymous") => {
                return "nobody: the server saw no credentials (system:anonymous)".to_owned();
            }
            Err(_) => {
                return "unknown: the server does not let you ask (selfsubjectreviews)".to_owned();
            }
        };
        let groups: Vec<String> = you.groups.iter().map(|g| show_short(g, 60)).collect();
        format!("{} (groups {})", show(&you.username), show_short(&groups.join(", "), 300))
    }

    /// What the list says of the certificate in use, if anything; `None` if that is not known.
    fn own(&self) -> Option<Option<&str>> {
        let certificate = self.certificate.as_ref()?;
        if self.revoked.why_unknown().is_some() {
            return self.refused.as_deref().map(Some);
        }
        let print = Fingerprint::of(&certificate.der);
        let blocked =
            self.revoked.list().and_then(|l| l.blocked(&print, certificate.subject.user()));
        Some(blocked.map(|by| by.entry.line.as_str()))
    }

    /// Whether revoked certificates are refused here, and whether that can be.
    fn revocation_in_words(&self) -> String {
        let needs = admission::CREDENTIAL_SINCE_MINOR;
        if let Some(minor) = self.minor.filter(|minor| *minor < needs) {
            return format!("not possible before Kubernetes 1.{needs}; this is 1.{minor}");
        }
        let verdict = &self.revocation;
        if verdict.admission == Standing::NotSetUp {
            return "not set up: kubectl usercert revocations install".to_owned();
        }
        let mut text = format!("admission policy: {}", verdict.admission_in_words());
        match self.revoked.list().map(|l| l.entries().len()) {
            None => {}
            Some(1) => text.push_str(" (1 entry)"),
            Some(n) => text.push_str(&format!(" ({n} entries)")),
        }
        if matches!(verdict.authorization, Standing::Refuses | Standing::Behind { .. }) {
            text.push_str(&format!("; authorization: {}", verdict.authorization_in_words()));
        }
        if let Some(problem) = &verdict.list {
            text.push_str(&format!("; WARNING: {problem}"));
        }
        text
    }

    fn signer_in_words(&self, now: UnixTime) -> String {
        let signer = show(self.signer);
        let ago = |at: &UnixTime| human_duration(now.since(*at).max(0));
        match &self.signing {
            Ok(Signing::Works { request, approved }) => format!(
                "{signer} issues: request {}, approved {} ago, has its certificate",
                show_short(request, 60),
                ago(approved)
            ),
            Ok(Signing::Stalled { request, approved }) => format!(
                "WARNING: {signer} does not seem to issue: request {}, approved {} ago, has no certificate",
                show_short(request, 60),
                ago(approved)
            ),
            Ok(Signing::Unknown) => format!(
                "{signer}: unknown: no request was approved recently; to find out, approve one"
            ),
            Err(why) => format!("{signer}: unknown: {why}"),
        }
    }

    fn value(&self) -> Value {
        let checks: Vec<Value> = self
            .able
            .iter()
            .map(|(ability, able)| {
                let missing = match able {
                    Able::No(missing) => {
                        doctor::rules(missing).iter().map(Rule::to_string).collect()
                    }
                    _ => Vec::new(),
                };
                json!({ "what": ability.what, "command": ability.command,
                    "state": self.word(ability, able), "missing": missing })
            })
            .collect();
        let you = self.you.as_ref().ok();
        let certificate = self.certificate.as_ref();
        output::object(
            "Diagnosis",
            json!({
                "server": self.server,
                "version": self.version,
                "clockSkewSeconds": self.skew,
                "user": you.map(|y| &y.username),
                "groups": you.map(|y| &y.groups),
                "credentialId": you.and_then(UserInfo::credential),
                "certificate": certificate.map(|c| json!({
                    "user": c.subject.user(), "notBefore": c.not_before, "notAfter": c.not_after,
                    "sha256": c.fingerprint(), "revoked": self.own().map(|own| own.is_some()),
                })),
                "signer": self.signer,
                "signing": match &self.signing {
                    Ok(signing) => json!(signing),
                    Err(why) => json!({ "state": "unknown", "why": why }),
                },
                "revocation": {
                    "possible": self.minor.map(|m| m >= admission::CREDENTIAL_SINCE_MINOR),
                    "policyInForce": self.revocation.in_force(),
                    "admission": self.revocation.admission.as_str(),
                    "authorization": self.revocation.authorization.as_str(),
                    "entries": self.revoked.list().map(|l| l.entries().len()),
                },
                "checks": checks,
            }),
        )
    }
}
