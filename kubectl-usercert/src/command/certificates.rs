//! `certificates [NAME]`.

use clap::Args;
use serde_json::{Value, json};
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::{Ledger, Recorded, StoredMap, damage};
use usercert_core::lifecycle::{Fingerprint, NAMESPACE};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime::{self, expiry_in_words};

use crate::cluster::{ApiError, Cluster, Target, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::records;
use crate::workflow::review_sheet::cell_of_groups;
use crate::workflow::revocation::Known;

/// List issued certificates: for whom, until when, and approved by whom
///
/// Kubernetes keeps no list of issued certificates; these are the records that `approve`,
/// `approve --watch`, `create`, `onboard` and `ca serve` write in the namespace usercert-system, sorted
/// by expiry.
///
/// Examples:
///
///   kubectl usercert certificates
///
///   kubectl usercert certificates alice -o wide
///
///   # Exit code 4 if there are any
///   kubectl usercert certificates --expires-within 7d
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct CertificatesArgs {
    /// Only certificates of this user
    pub name: Option<String>,
    /// Only certificates that expire within this time, such as 7d or 24h, and were neither renewed
    /// nor revoked; exit with 4 if there are any
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub expires_within: Option<String>,
    /// Delete the records of certificates that expired more than a day ago
    #[arg(long, conflicts_with_all = ["name", "expires_within"])]
    pub prune: bool,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// As the server answers.
pub async fn run(host: &Host, args: &CertificatesArgs) -> Result<Exit> {
    let within = args.expires_within.as_deref().map(|text| {
        let nanos = lifetime::parse_duration(text).ok_or_else(|| {
            Error::usage(format!("--expires-within {}: write it as 7d or 24h", show(text)))
        });
        nanos.map(|nanos| nanos / 1_000_000_000)
    });
    let within = within.transpose()?;
    if args.dry_run.dry_run != DryRun::None && !args.prune {
        return Err(Error::usage("--dry-run needs --prune; listing changes nothing"));
    }
    let cluster = Target::resolve(&args.client)?.connect()?;
    if args.prune {
        return prune(host, args, &cluster).await;
    }
    let (ledger, revoked) =
        tokio::join!(records::read(&cluster, args.name.as_deref()), Known::read(&cluster));
    let ledger = ledger.map_err(|e| explain(&e, &cluster.server, &records::see()))?;
    let nothing_kept = matches!(revoked, Known::None)
        && ledger.by_end(None).is_empty()
        && ledger.damaged.is_empty();
    if nothing_kept && within.is_some() {
        return Err(Error::new(
            "this cluster keeps no records of certificates, so none can be checked",
        )
        .hint(SET_UP));
    }
    let now = host.now();
    let mut rows = ledger.by_end(revoked.list());
    if let Some(seconds) = within {
        rows.retain(|row| row.expires_within(seconds, now));
    }
    if let Some(why) = revoked.why_unknown() {
        host.warn(format!("warning: cannot tell what is revoked: {why}"));
    }
    for (name, problem) in &ledger.damaged {
        host.warn(format!("warning: damaged record: {}", damage(name, problem)));
    }
    print(host, args, &ledger, &rows, now)?;
    if nothing_kept {
        host.warn(format!("note: this cluster keeps no records of certificates; {SET_UP}"));
    }
    Ok(if within.is_some() && !rows.is_empty() { Exit::Matched } else { Exit::Done })
}

/// How a cluster comes to keep records.
const SET_UP: &str =
    "`kubectl usercert revocations install` enables it for certificates issued from then on";

fn print(
    host: &Host,
    args: &CertificatesArgs,
    ledger: &Ledger,
    rows: &[Recorded<'_>],
    now: UnixTime,
) -> Result<()> {
    if rows.is_empty() && !matches!(args.output.format, Some(Format::Json | Format::Yaml)) {
        let soon = args.expires_within.is_some();
        host.say(match &args.name {
            Some(name) => format!("No such certificate of {} is recorded.", show_short(name, 80)),
            None if soon => "No recorded certificate expires within that time.".to_owned(),
            None => "No certificates are recorded.".to_owned(),
        });
        return Ok(());
    }
    let names: Vec<String> =
        rows.iter().map(|row| format!("configmap/{}", row.record.name())).collect();
    let damaged = ledger.damaged.iter();
    let value = output::object(
        "CertificateList",
        json!({
            "items": rows.iter().map(|row| item(row, now)).collect::<Value>(),
            "damaged": damaged.map(|(name, problem)| json!({ "name": name, "problem": problem })).collect::<Value>(),
        }),
    );
    output::print(host, args.output.format, &value, &names, |wide| table(host, rows, wide, now))
}

fn item(row: &Recorded<'_>, now: UnixTime) -> Value {
    let record = row.record;
    json!({
        "sha256": record.fingerprint.to_string(),
        "user": record.user,
        "groups": record.groups,
        "notBefore": record.not_before,
        "notAfter": record.not_after,
        "expired": row.has_ended(now),
        "serial": record.serial,
        "signerName": record.signer,
        "request": record.request.0,
        "requestUid": record.request.1,
        "approvedBy": record.approval.by,
        "approvalReason": record.approval.reason,
        "approvalMessage": record.approval.message,
        "renews": record.renews.as_ref().map(Fingerprint::to_string),
        "renewed": row.renewed,
        "blocked": row.blocked,
    })
}

/// The column that says until when.
const UNTIL: usize = 3;

fn table(host: &Host, rows: &[Recorded<'_>], wide: bool, now: UnixTime) -> String {
    let mut header =
        vec!["USER", "GROUPS", "FROM", "UNTIL", "APPROVED BY", "WHY", "RENEWS", "BLOCKED"];
    if wide {
        header.extend(["SHA256", "REQUEST", "SIGNER"]);
    }
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let cells = |row: &Recorded<'_>| {
        let record = row.record;
        let until = match wide {
            true => record.not_after.to_string().trim_end_matches('Z').replace('T', " "),
            false => day(record.not_after),
        };
        let renews = record.renews.as_ref().map(|parent| short(parent, wide));
        let mut cells = vec![
            show_short(&record.user, 40),
            cell_of_groups(&record.groups),
            day(record.not_before),
            format!("{until} ({})", expiry_in_words(record.not_after, now)),
            record.approval.by.as_deref().map_or("<unknown>".to_owned(), |by| show_short(by, 40)),
            or_none(show_short(&record.approval.reason, 40)),
            renews.unwrap_or_else(|| "<none>".to_owned()),
            row.blocked
                .map_or("<none>".to_owned(), |line| show_short(line, if wide { 240 } else { 40 })),
        ];
        if wide {
            cells.push(record.fingerprint.to_string());
            cells.push(show_short(&record.request.0, 60));
            cells.push(show_short(&record.signer, 60));
        }
        cells
    };
    let rows = collapsed(rows.iter().map(cells));
    let first_to_go = &["RENEWS", "WHY", "FROM", "APPROVED BY"];
    let room = Room { columns: host.table_columns(wide), first_to_go, ..Room::default() };
    output::table_within(&header, &rows, room)
}

/// Of rows that say the same the first, which then says how many there are.
fn collapsed(rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let mut all: Vec<(Vec<String>, usize)> = Vec::new();
    for row in rows {
        match all.last_mut().filter(|(last, _)| *last == row) {
            Some((_, times)) => *times += 1,
            None => all.push((row, 1)),
        }
    }
    let counted = all.into_iter().map(|(mut row, times)| {
        if let Some(until) = row.get_mut(UNTIL).filter(|_| times > 1) {
            until.push_str(&format!(", {times} of them"));
        }
        row
    });
    counted.collect()
}

fn day(time: UnixTime) -> String {
    time.to_string().chars().take(10).collect()
}

fn short(print: &Fingerprint, wide: bool) -> String {
    if wide { print.to_string() } else { print.short() }
}

/// Deletes what is of no use any more, each only as it was read.
async fn prune(host: &Host, args: &CertificatesArgs, cluster: &Cluster) -> Result<Exit> {
    let failed = |error: &ApiError| explain(error, &cluster.server, &records::prune());
    let ended = records::ended(cluster, host.now()).await.map_err(|e| failed(&e))?;
    let dry = args.dry_run.dry_run;
    if dry != DryRun::Client {
        records::delete(cluster, &config_maps(), &ended, dry == DryRun::Server)
            .await
            .map_err(|e| failed(&e))?;
    }
    let names: Vec<String> = ended.iter().map(|map| format!("configmap/{}", map.name())).collect();
    let value = output::object(
        "Pruning",
        json!({
            "removed": ended.iter().map(StoredMap::name).collect::<Vec<_>>(),
            "namespace": NAMESPACE, "dryRun": dry != DryRun::None,
        }),
    );
    output::print(host, args.output.format, &value, &names, |_| {
        if names.is_empty() {
            return "No recorded certificate expired more than a day ago.\n".to_owned();
        }
        names.iter().map(|name| format!("{} deleted{}\n", show(name), dry.mark())).collect()
    })?;
    Ok(Exit::Done)
}
