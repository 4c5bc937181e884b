//! `onboard FILE`.

mod again;
mod ledger;
mod person;
mod report;
mod roles;
mod rows;
mod wrong;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest as _, Sha256};
use usercert_core::api::csr::CLIENT_SIGNER;
use usercert_core::roster::Defaults;
use usercert_core::roster::journal::{self, Progress};
use usercert_core::text::{show, show_path};
use usercert_core::x509::code::hex;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;

use self::again::Again;
use self::ledger::Ledger;
use self::person::{Judge, Work};
use self::report::{Outcome, State};
use self::roles::Roles;
use self::rows::{Entered, Folders, Row};
use self::wrong::Wrong;
use crate::cluster::{Cluster, Need, Signed, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::environment;
use crate::files::journal::{Journal, JournalError};
use crate::keys::PrivateKey;
use crate::ui::args::{
    ClientArgs, DryRun, DryRunArgs, Expires, ReplyArgs, TimeoutArgs, WideOutputArgs,
};
use crate::ui::host::Host;
use crate::workflow::records::Recorder;
use crate::workflow::reply;
use crate::workflow::review_policy::PolicyArgs;
use crate::workflow::{findings, grant_role, revocation};

/// Give many people access: request, approve and collect for each, from one file
///
/// FILE is CSV or YAML, a row for each person:
///
///   name      the user, as the certificate names them (required)
///   groups    groups, separated by ; in CSV
///   expires   lifetime, as 30d
///   keyType   kind of key, where one is made
///   grants    roles, as clusterrole/view@dev; clusterrole/view@* is cluster-wide
///   csr       file with the person's request
///
/// People who sent a request get a reply, which holds no secret. For the others, such as robots, it
/// makes a key, and a kubeconfig that only you can read. The whole file is checked and shown before
/// anything is sent. To resume an interrupted run, run the same command again; nothing is issued twice.
///
/// Examples:
///
///   kubectl usercert onboard team.csv --reply-dir replies
///
///   kubectl usercert onboard robots.yaml --standalone-dir kubeconfigs --yes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct OnboardArgs {
    /// The people, as CSV or YAML ("-": standard input)
    pub file: PathBuf,
    /// Write replies to people who sent a request into this directory
    #[arg(long, value_name = "DIR")]
    pub reply_dir: Option<PathBuf>,
    /// Write kubeconfigs with new keys, for everybody else, into this directory
    #[arg(long, value_name = "DIR")]
    pub standalone_dir: Option<PathBuf>,
    /// Lifetime for rows that name none; "signer" leaves it to the signer
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", default_value_t = lifetime::default_lifetime().to_string())]
    pub expires: String,
    /// Kind of key for rows that name none: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub key_type: String,
    /// Signer to request the certificate from
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    /// Number of people handled at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub concurrency: u16,
    /// Forget what earlier runs on this file did, and issue to everybody again
    #[arg(long)]
    pub restart: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Continue despite this refusing finding; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Server address in the replies, if people reach the cluster by another one
    #[arg(long, value_name = "URL", requires = "reply_dir")]
    pub reply_server: Option<String>,
    /// Name of the cluster in the replies
    #[arg(long, value_name = "NAME", requires = "reply_dir")]
    pub reply_cluster_name: Option<String>,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    pub timeout: TimeoutArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

pub async fn run(host: &Host, args: &OnboardArgs) -> Result<Exit> {
    let mut wrong = Wrong::default();
    let rules = wrong.flag(args.policy.load(host));
    let defaults = defaults(args, &mut wrong);
    let (input, entered) = rows::enter(host, args, &defaults, &mut wrong)?;
    let folders = Folders::open(args, &mut wrong);
    folders.check(args, &entered, &mut wrong);
    let Some(rules) = rules.filter(|_| wrong.is_empty()) else {
        return Err(everything_wrong(args, &entered, wrong).await);
    };
    let target = Target::resolve(&args.client)?;
    let busy = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&busy);
    let cluster = target.connect()?.telling(Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let asker = entered.iter().find_map(|(person, request)| request.as_ref().map(|_| person));
    let reply = match asker {
        Some(person) => {
            let user = person.identity.user.as_str();
            Some(
                reply::cluster_data(&target, &cluster, &reply_args(args), user, &args.client)
                    .await?,
            )
        }
        None => None,
    };
    let (mut journal, mut progress) = open_journal(args, &target, &input)?;
    let (rows, bindings) =
        rows::review(host, args, &rules, &cluster, entered, &folders, &mut progress).await?;
    // Left by a run that was killed just then.
    let done = rows.iter().map(|row| &row.earlier).chain(progress.values());
    for (at, length) in done.filter(|p| p.written.is_some()).filter_map(|p| p.key_line) {
        journal.blank(at, length)?;
    }
    let noted = journal.path().display().to_string();

    let (to_do, rest): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| !row.is_done() && !row.is_left_out());
    let mut outcomes: Vec<Outcome<'_>> =
        rest.into_iter().map(|row| (row, State::of_untouched(row))).collect();
    let (mut roles, mut revoked_since) = (Roles::default(), None);
    if !to_do.is_empty() {
        let missing = to_do.iter().map(|row| (&row.person, row.missing_grants()));
        let missing = missing.flat_map(|(person, all)| all.map(move |grant| (person, grant)));
        let found = roles::look_up(&cluster, missing).await;
        roles = found.map_err(|problems| wrong::refuse(&args.file, &problems))?;
        let answered = args.yes || args.dry_run.dry_run != DryRun::None;
        report::show_plan(host, answered, &to_do, &roles, &outcomes);
        if args.dry_run.dry_run == DryRun::None {
            let question = format!(
                "Issue certificates to {} on {}?",
                report::people(to_do.len()),
                cluster.name()
            );
            host.confirm(&question, args.yes)?;
            if !args.yes {
                revoked_since = Some(revocation::Known::read(&cluster).await);
            }
            if args.restart {
                // Not before: it holds keys that are nowhere else.
                journal.clear()?;
            }
        }
    }
    let judge = Judge { rules: &rules, bindings: &bindings, accepted: &args.accept, revoked_since };
    let ledger = Ledger::new(journal);
    let reply = reply.as_ref();
    if args.dry_run.dry_run != DryRun::None {
        outcomes.extend(dry_run(args, &cluster, to_do).await?);
    } else if !to_do.is_empty() {
        let ca = target.endpoint.ca();
        let signed = Signed::new(&cluster, &args.signer);
        let work = Work {
            host,
            args,
            target: &target,
            cluster: &cluster,
            judge: &judge,
            roles: &roles,
            ca: &ca,
            reply,
            signed: &signed,
            ledger: &ledger,
            recorder: Recorder::new(host, &cluster),
            tried: Cell::new(false),
        };
        outcomes.extend(issue(&work, to_do, &busy).await);
    }
    let again = Again { args, reply, ledger: &ledger };
    for (row, state) in &mut outcomes {
        if let Some(other) = again.state(row, state).await {
            *state = other;
        }
    }
    let asked = busy.load(Ordering::Relaxed);
    if asked > 0 {
        host.say(format!(
            "The server was too busy {asked} times; the requests were repeated after the time it named."
        ));
    }
    let exit = report::print(host, args.output.format, outcomes)?;
    if args.dry_run.dry_run == DryRun::None {
        host.say(format!("Progress is recorded in {}", show(&noted)));
    }
    Ok(exit)
}

/// What holds for rows that do not say.
fn defaults(args: &OnboardArgs, wrong: &mut Wrong) -> Defaults {
    let expires = wrong.flag(args.expires.parse::<Expires>().context("--expires").usage());
    let key_type = wrong.flag(args.key_type.parse::<KeyType>().context("--key-type").usage());
    for code in &args.accept {
        wrong.flag(findings::can_be_accepted(code));
    }
    Defaults {
        lifetime: expires.and_then(|expires| expires.lifetime()),
        key_type: key_type.unwrap_or(KeyType::P256),
    }
}

/// What is wrong, with what the cluster says of the roles, if it can be asked.
async fn everything_wrong(args: &OnboardArgs, entered: &Entered, mut wrong: Wrong) -> Error {
    let cluster = Target::resolve(&args.client).and_then(|target| target.connect());
    if let Ok(cluster) = cluster
        && cluster.who_am_i().await.is_ok()
    {
        let grants = entered.iter().flat_map(|(p, _)| p.grants.iter().map(move |g| (p, g)));
        let missing = roles::look_up(&cluster, grants).await.err();
        wrong.rows.extend(missing.unwrap_or_default());
    }
    wrong.into_error(&args.file)
}

fn reply_args(args: &OnboardArgs) -> ReplyArgs {
    ReplyArgs {
        reply: args.reply_dir.clone(),
        reply_server: args.reply_server.clone(),
        reply_cluster_name: args.reply_cluster_name.clone(),
    }
}

fn open_journal(
    args: &OnboardArgs,
    target: &Target,
    input: &[u8],
) -> Result<(Journal, BTreeMap<String, Progress>)> {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(target.endpoint.server.as_bytes());
    part(target.endpoint.ca_digest().as_bytes());
    if args.file.as_os_str() == "-" {
        part(input);
    } else {
        part(args.file.canonicalize()?.as_os_str().as_encoded_bytes());
    }
    let id = hex(&hash.finalize());
    let opened = Journal::open(environment::state_home(), environment::home(), &id);
    let (journal, text) = opened.map_err(|error| match error {
        JournalError::Busy { .. } => Error::from(error)
            .hint("nothing was sent; wait until the other run on this file has ended, and run the command again"),
        other => other.into(),
    })?;
    if args.restart {
        return Ok((journal, BTreeMap::new()));
    }
    let progress = journal::replay(&text)
        .context(show_path(journal.path()))
        .hint("nothing was sent; --restart starts a new journal, and issues to everybody again")?;
    Ok((journal, progress))
}

/// Shows what would be done; on the server, lets it check each request.
async fn dry_run<'r>(
    args: &OnboardArgs,
    cluster: &Cluster,
    to_do: Vec<&'r Row>,
) -> Result<Vec<Outcome<'r>>> {
    let mut outcomes = Vec::new();
    for row in to_do {
        let mut state = State::DryRun;
        if args.dry_run.dry_run == DryRun::Server && row.earlier.submitted.is_none() {
            let request = match &row.request {
                Some(request) => request.clone(),
                None => PrivateKey::generate(row.person.key_type)?
                    .certificate_request(&row.person.identity)?,
            };
            let manifest = row.manifest(&args.signer, &request)?;
            if let Err(error) = cluster.create_csr(manifest.raw(), true).await {
                state = State::Failed(explain(&error, &cluster.server, &Need::Create));
            }
        }
        if args.dry_run.dry_run == DryRun::Server && matches!(state, State::DryRun) {
            for grant in row.missing_grants() {
                if let Err(error) = grant_role::bind(cluster, &grant.to(row.user()), true).await {
                    state = State::Failed(error);
                }
            }
        }
        outcomes.push((row, state));
    }
    Ok(outcomes)
}

/// Failures in a row after which the run stops: something is wrong that does not lie with the people.
/// Until somebody has been served, one is worked on at a time and fewer are tried.
const HOPELESS: usize = 10;
const HOPELESS_AT_FIRST: usize = 3;

async fn issue<'r>(work: &Work<'_>, to_do: Vec<&'r Row>, busy: &AtomicU64) -> Vec<Outcome<'r>> {
    let (total, mut served, mut in_a_row) = (to_do.len(), 0, 0);
    let mut waiting = to_do.into_iter();
    let mut running = FuturesUnordered::new();
    let mut outcomes: Vec<Outcome<'r>> = Vec::new();
    loop {
        let begun = served > 0;
        let most = if begun { usize::from(work.args.concurrency) } else { 1 };
        let hopeless = in_a_row >= if begun { HOPELESS } else { HOPELESS_AT_FIRST };
        while !hopeless && running.len() < most {
            let Some(row) = waiting.next() else { break };
            running.push(async move { (row, work.one(row).await) });
        }
        let Some((row, result)) = running.next().await else { break };
        match &result {
            Ok(_) => (served, in_a_row) = (served + 1, 0),
            // Of this one person.
            Err(error) if error.exit == Exit::Refused => {}
            Err(_) => in_a_row += 1,
        }
        outcomes.push((row, result.map_or_else(State::Failed, State::Issued)));
        let waits = match busy.load(Ordering::Relaxed) {
            0 => String::new(),
            times => format!(", the server was busy {times} times"),
        };
        let failed = outcomes.len() - served;
        let problems = if failed > 0 { format!(", {failed} with problems") } else { String::new() };
        work.host.progress(&format!("{} of {total}{problems}{waits}", outcomes.len()));
    }
    work.host.progress("");
    if waiting.len() > 0 {
        work.host.warn(format!("stopped after {in_a_row} failures in a row"));
    }
    outcomes.extend(waiting.map(|row| (row, State::NotStarted)));
    outcomes
}
