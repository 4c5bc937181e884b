//! `review NAME…`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::api::csr::State;
use usercert_core::review::{self, Finding, Severity};
use usercert_core::time::UnixTime;

use crate::cluster::{Cluster, Target};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::known_certificates::Held;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::{PolicyArgs, Rules};
use crate::workflow::review_sheet::Sheet;
use crate::workflow::{approval, findings};

/// Show everything that an approver must know about a request
///
/// Exit code 3 when a finding refuses the request.
///
/// Examples:
///
///   kubectl usercert review alice
///
///   # Without a cluster
///   kubectl usercert review -f alice.yaml
///
///   # What is checked
///   kubectl usercert review --explain
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ReviewArgs {
    /// Names of requests, or of users with exactly one pending request
    #[arg(required_unless_present_any = ["from", "explain"])]
    pub names: Vec<String>,
    /// Review the requests in this file ("-": standard input) or directory; no cluster is needed; repeat
    /// for several
    #[arg(
        short = 'f',
        long,
        visible_alias = "filename",
        value_name = "FILE",
        conflicts_with = "names"
    )]
    pub from: Vec<PathBuf>,
    /// List all findings and their meaning
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &ReviewArgs) -> Result<Exit> {
    if args.explain {
        return explain_findings(host);
    }
    let rules = args.policy.load(host)?;
    let found = match args.from.as_slice() {
        from @ [_, ..] => handed_over(host, from, &rules)?,
        [] => {
            let cluster = Target::resolve(&args.client)?.connect()?;
            let bindings = Bindings::read(&cluster).await;
            let mut found = Vec::new();
            for name in &args.names {
                found.push(reviewed(&cluster, name, &bindings, &rules, host.now()).await);
            }
            found
        }
    };
    let several = found.len() > 1;
    let (mut sheets, mut exit) = (Vec::new(), Exit::Done);
    for sheet in found {
        match sheet {
            Ok(sheet) => sheets.push(sheet),
            Err(error) if several => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
            Err(error) => return Err(error),
        }
    }
    let refused: Vec<&Sheet> =
        sheets.iter().filter(|s| review::refuses(&s.findings, &[])).collect();
    if !refused.is_empty() {
        exit = exit.gravest(Exit::Refused);
    }
    print(host, args, &sheets, several)?;
    let open: Vec<&Sheet> =
        refused.into_iter().filter(|s| s.object.state() == State::Pending).collect();
    if !open.is_empty() && !matches!(args.output.format, Some(Format::Json | Format::Yaml)) {
        host.say(format!("\n{}", refusal_in_words(&open)));
    }
    Ok(exit)
}

/// Prints the sheets; a list where several were asked for, however many there are, as `kubectl get` does.
fn print(host: &Host, args: &ReviewArgs, sheets: &[Sheet], several: bool) -> Result<()> {
    if sheets.is_empty() && !matches!(args.output.format, Some(Format::Json | Format::Yaml)) {
        return Ok(());
    }
    let value = match sheets {
        [one] if !several => one.value(),
        many => output::object(
            "ReviewList",
            json!({ "items": many.iter().map(Sheet::value).collect::<Vec<_>>() }),
        ),
    };
    let names: Vec<String> = sheets
        .iter()
        .map(|s| format!("{}/{}", usercert_core::api::csr::RESOURCE, s.name))
        .collect();
    output::print(host, args.output.format, &value, &names, |wide| {
        let now = host.now();
        let text = |s: &Sheet| if wide { s.wide_text(now) } else { s.text(now, host.columns()) };
        sheets.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

/// What is handed over in files, reviewed.
fn handed_over(host: &Host, from: &[PathBuf], rules: &Rules) -> Result<Vec<Result<Sheet>>> {
    let bindings = Bindings::none();
    let sheet = |incoming| {
        let object = approval::to_submit(incoming, None, None)?;
        let mut sheet = Sheet::new(object, false, &bindings, rules);
        sheet
            .not_checked
            .push("role bindings, issued certificates, revoked certificates".to_owned());
        Ok(sheet)
    };
    Ok(approval::read_all_requests(host, from)?.iter().map(sheet).collect())
}

async fn reviewed(
    cluster: &Cluster,
    name: &str,
    bindings: &Bindings,
    rules: &Rules,
    now: UnixTime,
) -> Result<Sheet> {
    let object = approval::find(cluster, name).await?;
    let mut held = match object.request() {
        Ok(request) => Held::read(cluster, Some(request.subject.user()), now).await,
        Err(_) => Held::default(),
    };
    if let Some(print) = bindings.doubted(&object) {
        held.look_up(cluster, &print, now).await;
    }
    Ok(Sheet::compared(object, true, bindings, &held, rules))
}

/// Says that a request would be refused, and what would let it pass.
fn refusal_in_words(sheets: &[&Sheet]) -> String {
    let refuses = |f: &&Finding| review::refuses(std::slice::from_ref(*f), &[]);
    let refusing: Vec<&Finding> = sheets.iter().flat_map(|s| &s.findings).filter(refuses).collect();
    match findings::accepting(&refusing) {
        Some(flags) => {
            format!("This would be refused. If this is intended, approve with {flags}")
        }
        None => "This would be refused, and cannot be accepted.".to_owned(),
    }
}

fn explain_findings(host: &Host) -> Result<Exit> {
    let rows: Vec<Vec<String>> = review::FindingCode::ALL
        .iter()
        .map(|code| {
            let severity = match code.severity() {
                Severity::Info => "info",
                Severity::Warn => "warn",
                Severity::Refuse => "refuse",
                Severity::Hard => "hard",
            };
            vec![code.as_str().to_owned(), severity.to_owned(), code.explanation().to_owned()]
        })
        .collect();
    let columns = host.table_columns(false);
    let room = Room { columns, last_folds: Some(usize::MAX), ..Room::default() };
    host.text(&output::table_within(&["CODE", "SEVERITY", "MEANING"], &rows, room))?;
    Ok(Exit::Done)
}
