//! `revocations list`.

use clap::Args;
use serde_json::{Value, json};
use usercert_core::lifecycle::verdict::Verdict;
use usercert_core::lifecycle::{Revocation, RevocationKey};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::{Cluster, Target};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::revocation::{self, Known, id};

/// List revoked certificates, and whether the cluster refuses them
///
/// Tests the newest entries, at most 10, with requests that change nothing and impersonate the holder
/// of a revoked certificate; and a new entry, which is on the list for a moment. Exit code 1 when
/// something that should refuse does not, or was changed, or the list is missing or damaged.
///
/// Examples:
///
///   kubectl usercert revocations list
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ListArgs {
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// As the server answers.
pub async fn run(host: &Host, args: &ListArgs) -> Result<Exit> {
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let list = revocation::read(&cluster).await?.map_or(Known::None, Known::List);
    let verdict = revocation::status(host, &target, &cluster, &list).await;
    print(host, args, &cluster, &list, &verdict)?;
    let damaged = list.list().is_some_and(|list| !list.damaged.is_empty());
    Ok(if verdict.is_alarming() || damaged { Exit::Failed } else { Exit::Done })
}

fn print(
    host: &Host,
    args: &ListArgs,
    cluster: &Cluster,
    list: &Known,
    verdict: &Verdict,
) -> Result<()> {
    let entries: Vec<&Revocation> = list.list().into_iter().flat_map(|l| l.entries()).collect();
    let damaged = list.list().map(|l| l.damaged.as_slice()).unwrap_or_default();
    let items = entries.iter().map(|entry| {
        json!({ "id": id(&entry.key), "user": entry.user, "notAfter": entry.until, "reason": entry.line })
    });
    let problems: Vec<String> = verdict.problem().into_iter().chain(verdict.list.clone()).collect();
    let value = output::object(
        "RevocationList",
        json!({
            "items": items.collect::<Value>(),
            "damaged": damaged.iter().map(|d| json!({ "key": d.key, "problem": d.problem })).collect::<Value>(),
            "list": list.list().is_some(),
            "policy": { "inForce": verdict.in_force(), "problems": problems },
            "enforcement": {
                "admission": verdict.admission.as_str(),
                "authorization": verdict.authorization.as_str(),
            },
        }),
    );
    let names: Vec<String> = entries.iter().map(|e| id(&e.key)).collect();
    output::print(host, args.output.format, &value, &names, |wide| {
        let columns = host.table_columns(wide);
        let room = Room { columns, last_folds: Some(usize::MAX), ..Room::default() };
        let now = cluster.time().unwrap_or_else(|| host.now());
        text(&cluster.server, list, &entries, verdict, wide, now, room)
    })
}

fn text(
    server: &str,
    list: &Known,
    entries: &[&Revocation],
    verdict: &Verdict,
    wide: bool,
    now: UnixTime,
    room: Room,
) -> String {
    let row = |entry: &&Revocation| {
        let id = match &entry.key {
            RevocationKey::Certificate(print) if !wide => print.short(),
            RevocationKey::Exception(print) if !wide => format!("except/{}", print.short()),
            key => show_short(&id(key), if wide { 200 } else { 24 }),
        };
        let until = match (&entry.key, entry.until) {
            (RevocationKey::User(_), _) => "-".to_owned(),
            (_, Some(until)) => expiry_in_words(until, now),
            (_, None) => "no known expiry".to_owned(),
        };
        let user = entry.user.as_deref().map_or_else(|| "-".to_owned(), |u| show_short(u, 40));
        vec![id, user, until, show_short(&entry.line, 240)]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let mut text = match (rows.is_empty(), &verdict.list) {
        (true, None) => "Nothing is revoked.\n".to_owned(),
        (true, Some(_)) => "The list is empty.\n".to_owned(),
        (false, _) => output::table_within(&["ID", "USER", "UNTIL", "REASON"], &rows, room),
    };
    text.push('\n');
    for damaged in list.list().into_iter().flat_map(|l| &l.damaged) {
        let key = show_short(&damaged.key, 100);
        text.push_str(&format!("WARNING: key {key}: {}\n", damaged.problem));
    }
    if let Some(problem) = &verdict.list {
        text.push_str(&format!("WARNING: {problem}\n"));
    }
    text.push_str(&format!("Admission policy   {}\n", verdict.admission_in_words()));
    text.push_str(&format!("Authorization      {}\n", verdict.authorization_in_words()));
    if list.list().is_none() && verdict.list.is_none() {
        let server = show(server);
        text.push_str(&format!(
            "{server} has no list of revoked certificates yet: kubectl usercert revocations install\n"
        ));
    }
    text
}
