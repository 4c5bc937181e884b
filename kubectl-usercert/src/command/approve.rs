//! `approve NAME…`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use usercert_core::code::ExpectedCode;
use usercert_core::request::{Decision, RESOURCE};
use usercert_core::review::{self, Finding, FindingCode, Severity};
use usercert_core::text::show;

use super::answer::{self, ClusterData, ReplyArgs};
use super::rules::PolicyArgs;
use super::sheet::{Bindings, Sheet};
use super::{decide, issued};
use crate::args::{ClientArgs, DryRun, DryRunArgs, Expires, OutputArgs, TimeoutArgs};
use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::host::Host;
use crate::output;

/// Review requests, ask, and approve exactly what was shown
///
/// What is approved is the very object that was shown: if somebody deletes it and submits another
/// under its name, nothing is approved. With --expect, a request whose code is another is refused.
///
/// Examples:
///
///   kubectl usercert approve alice
///
///   kubectl usercert approve alice --expect K7QF-2M9X-0ATB-55WZ --yes
///
///   kubectl usercert approve --from alice.yaml --reply alice.kubeconfig   # for somebody without access
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ApproveArgs {
    /// Names of requests; a user's name does where one pending request names that user
    #[arg(required_unless_present = "from")]
    pub names: Vec<String>,
    /// Submit the request in this file ("-": standard input) for somebody, then approve it
    #[arg(long, value_name = "FILE", conflicts_with = "names")]
    pub from: Option<PathBuf>,
    /// Approve only the request with this code, short or full
    #[arg(long, value_name = "CODE")]
    pub expect: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Let this refusing finding pass; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// One word that says why
    #[arg(long, value_name = "WORD", default_value = "UsercertApprove")]
    pub reason: String,
    /// A sentence that says why
    #[arg(long, value_name = "TEXT", default_value = "Approved with kubectl usercert approve.")]
    pub message: String,
    /// With --from: signer to ask, instead of the manifest's
    #[arg(long, value_name = "NAME", requires = "from")]
    pub signer: Option<String>,
    /// With --from: lifetime to ask for, instead of the manifest's; "signer" leaves it to the signer
    #[arg(long, value_name = "DURATION", requires = "from")]
    pub expires: Option<String>,
    #[command(flatten)]
    reply: ReplyArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// A request on its way to approval.
struct Candidate {
    /// The object as read, or the manifest to submit.
    value: Value,
    sheet: Sheet,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &ApproveArgs) -> Result<Exit> {
    let expected = match &args.expect {
        Some(code) if args.names.len() > 1 => {
            return Err(Error::usage(format!("--expect {} goes with one request", show(code))));
        }
        Some(code) => Some(code.parse::<ExpectedCode>().context("--expect").usage()?),
        None => None,
    };
    let to_directory = args.reply.reply.as_deref().is_none_or(std::path::Path::is_dir);
    if args.names.len() > 1 && !to_directory {
        return Err(Error::usage("--reply must be a directory when several requests are approved"));
    }
    for code in &args.accept {
        known_finding(code)?;
    }
    let rules = args.policy.load(host)?;
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    if let Some(file) = &args.from {
        let incoming = decide::read_handover(host, file)?;
        let expires = match &args.expires {
            Some(text) => Some(text.parse::<Expires>().context("--expires").usage()?),
            None => None,
        };
        let (value, object) = decide::to_submit(&incoming, args.signer.as_deref(), expires)?;
        let bindings = bindings_for(host, args, &cluster, &all_names(&incoming.request)).await;
        let sheet = Sheet::new(object, false, &bindings, &rules);
        let candidate = Candidate { value, sheet };
        let decision = approve(host, args, &target, &cluster, candidate, expected.as_ref()).await?;
        output::Collected::new(args.output.format, 1).add(host, decision)?;
        return Ok(Exit::Done);
    }
    let mut exit = Exit::Done;
    let mut decisions = output::Collected::new(args.output.format, args.names.len());
    for name in &args.names {
        let result = async {
            let (value, object) = decide::find(&cluster, name).await?;
            let user = object.certificate_request().map(|r| all_names(&r)).unwrap_or_default();
            let bindings = bindings_for(host, args, &cluster, &user).await;
            let sheet = Sheet::new(object, true, &bindings, &rules);
            approve(host, args, &target, &cluster, Candidate { value, sheet }, expected.as_ref())
                .await
        };
        match result.await {
            Ok(decision) => decisions.add(host, decision)?,
            Err(error) if args.names.len() > 1 => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
            Err(error) => return Err(error),
        }
    }
    decisions.finish(host, "DecisionList")?;
    Ok(exit)
}

fn all_names(request: &usercert_core::csr::CertificateRequest) -> String {
    let groups = request.subject.groups();
    let names = groups.iter().map(String::as_str).chain([request.subject.user()]);
    names.collect()
}

/// The cluster's bindings are looked at where a person is asked, and where a name holds characters
/// that imitate others (а, I, 1, 0, rn, …); else approving takes two API requests.
async fn bindings_for(host: &Host, args: &ApproveArgs, cluster: &Cluster, names: &str) -> Bindings {
    let asked = !args.yes && host.can_ask();
    let may_imitate = |c: char| !c.is_ascii() || c.is_ascii_uppercase() || "01|".contains(c);
    if asked || names.chars().any(may_imitate) || names.contains("rn") {
        Bindings::read(cluster).await
    } else {
        Bindings::unknown("not looked at; `kubectl usercert review` shows it")
    }
}

fn known_finding(code: &str) -> Result<()> {
    let found = FindingCode::ALL.iter().find(|c| c.as_str() == code).ok_or_else(|| {
        Error::usage(format!("--accept {}: there is no such finding", show(code)))
            .hint("`kubectl usercert review --explain` lists them")
    })?;
    if found.severity() == Severity::Hard {
        return Err(Error::usage(format!("--accept {code}: this finding cannot be accepted"))
            .hint("the person has to make a new request"));
    }
    Ok(())
}

async fn approve(
    host: &Host,
    args: &ApproveArgs,
    target: &Target,
    cluster: &Cluster,
    mut candidate: Candidate,
    expected: Option<&ExpectedCode>,
) -> Result<Option<output::Item>> {
    expect(&mut candidate.sheet, expected);
    let sheet = &candidate.sheet;
    let done = sheet.in_cluster && decide::already(&sheet.object, Decision::Approve)?;
    if done {
        host.say(format!("{} has been approved before", show(&sheet.name)));
    } else {
        let answered = args.yes || args.dry_run.dry_run != DryRun::None;
        host.say_before_asking(sheet.text(host.now()).trim_end(), answered);
    }
    refuse(sheet, &args.accept)?;
    let reply = match &args.reply.reply {
        Some(reply) if args.dry_run.dry_run == DryRun::None => {
            let file = answer::destination(reply, sheet.user())?;
            let data =
                answer::cluster_data(target, cluster, &args.reply, sheet.user(), &args.client)
                    .await?;
            Some((file, data))
        }
        _ => None,
    };
    let dry = args.dry_run.dry_run;
    if !done && dry == DryRun::None {
        host.confirm(
            &format!("Approve {} for the user {}?", show(&sheet.name), show(sheet.user())),
            args.yes,
        )?;
    }
    let approved = act(host, args, cluster, &candidate, done).await?;
    let item = item(args, sheet, approved.as_ref());
    let Some((file, data)) = reply else { return Ok(Some(item)) };
    // Said before the wait begins: from here on the approval stands.
    let to_stdout = file.is_none();
    host.say(&item.text);
    if let Some(object) = approved {
        hand_back(host, args, cluster, object, file, data).await?;
    }
    Ok(Some(item).filter(|_| !to_stdout))
}

/// Adds the hard finding when the request is not the expected one.
fn expect(sheet: &mut Sheet, expected: Option<&ExpectedCode>) {
    let Some(expected) = expected else { return };
    if sheet.code().is_some_and(|code| expected.matches(&code)) {
        return;
    }
    let found = sheet.code().map_or("unreadable".to_owned(), |c| c.short());
    sheet.findings.insert(
        0,
        Finding {
            code: FindingCode::NotExpected,
            severity: Severity::Hard,
            message: format!("this is not the request that was expected: its code is {found}"),
        },
    );
}

fn refuse(sheet: &Sheet, accepted: &[String]) -> Result<()> {
    if !review::refuses(&sheet.findings, accepted) {
        return Ok(());
    }
    let against: Vec<&Finding> = sheet
        .findings
        .iter()
        .filter(|f| review::refuses(std::slice::from_ref(*f), accepted))
        .collect();
    let words: Vec<String> =
        against.iter().map(|f| format!("{} [{}]", f.message, f.code.as_str())).collect();
    let error =
        Error::refused(format!("{} is not approved: {}", show(&sheet.name), words.join("; ")));
    if against.iter().any(|f| f.severity == Severity::Hard) {
        return Err(error.hint("this cannot be accepted; the person has to make a new request, or the line was meant for another one"));
    }
    let flags: Vec<String> =
        against.iter().map(|f| format!("--accept {}", f.code.as_str())).collect();
    Err(error.hint(format!("if this is meant to be so: {}", flags.join(" "))))
}

/// Submits where needed, and writes the decision. `None` for a dry run on this side.
async fn act(
    host: &Host,
    args: &ApproveArgs,
    cluster: &Cluster,
    candidate: &Candidate,
    done: bool,
) -> Result<Option<usercert_core::request::Object>> {
    let sheet = &candidate.sheet;
    let dry = args.dry_run.dry_run;
    if done {
        return Ok(Some(sheet.object.clone()));
    }
    if dry == DryRun::Client {
        return Ok(None);
    }
    if !sheet.in_cluster && dry == DryRun::Server {
        let made = cluster.create_csr(&candidate.value, true).await;
        made.map_err(|e| explain(&e, &cluster.server, &Need::Create))?;
        return Ok(None);
    }
    let (read, object) = if sheet.in_cluster {
        (candidate.value.clone(), sheet.object.clone())
    } else {
        let (read, object) = decide::submit(cluster, &candidate.value, &sheet.object).await?;
        if decide::already(&object, Decision::Approve)? {
            return Ok(Some(object));
        }
        (read, object)
    };
    let verdict = decide::Verdict {
        decision: Decision::Approve,
        reason: &args.reason,
        message: &args.message,
        dry_run: dry == DryRun::Server,
    };
    let written = decide::write(host, cluster, read, &object, &verdict).await?;
    Ok(Some(written))
}

fn item(
    args: &ApproveArgs,
    sheet: &Sheet,
    approved: Option<&usercert_core::request::Object>,
) -> output::Item {
    let mark = match args.dry_run.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    let object = approved.unwrap_or(&sheet.object);
    let name = format!("{RESOURCE}/{}", object.metadata.name);
    let value = output::object(
        "Decision",
        json!({
            "name": object.metadata.name, "uid": object.metadata.uid, "decision": "Approved",
            "user": sheet.user(), "code": sheet.code().map(|c| c.short()),
            "sha256": sheet.code().map(|c| c.full()), "findings": sheet.findings,
            "dryRun": args.dry_run.dry_run != DryRun::None,
        }),
    );
    output::Item { text: format!("{} approved{mark}", show(&name)), value, name }
}

/// Waits for the certificate, makes sure that it answers this request, and writes the reply.
async fn hand_back(
    host: &Host,
    args: &ApproveArgs,
    cluster: &Cluster,
    object: usercert_core::request::Object,
    file: Option<PathBuf>,
    data: ClusterData,
) -> Result<()> {
    let uid = object.metadata.uid.clone();
    let request = object.certificate_request()?;
    let object =
        issued::wait(host, cluster, object, &uid, args.timeout.timeout.for_waiting()).await?;
    let chain = issued::chain_of(&object)?;
    let same_key = chain.first().is_some_and(|leaf| leaf.key.spki == request.key.spki);
    let same_user = chain.first().is_some_and(|leaf| {
        leaf.subject.user() == request.subject.user()
            && leaf.subject.groups() == request.subject.groups()
    });
    if !same_key || !same_user {
        return Err(Error::new("the certificate that was issued is not the answer to this request: key, user or groups differ")
            .hint("no reply was written; look at the signer"));
    }
    answer::write(host, &data, chain, args.client.namespace.clone(), file.as_deref())
}
