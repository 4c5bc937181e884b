//! `revocations prune`.

use clap::Args;
use serde_json::json;
use usercert_core::lifecycle::{Revocation, RevocationKey};
use usercert_core::text::show_short;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::Target;
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::{clock, revocation};

/// Remove entries from the list that are no longer needed
///
/// These are certificates that expired more than a day ago by the server's clock, and exceptions for
/// users who are no longer blocked. Blocked users, and certificates of which only the SHA-256 was
/// known, stay until they are lifted.
///
/// Examples:
///
///   kubectl usercert revocations prune --dry-run
///
///   kubectl usercert revocations prune --yes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// As the server answers.
pub async fn run(host: &Host, args: &PruneArgs) -> Result<Exit> {
    let cluster = Target::resolve(&args.client)?.connect()?;
    let list = revocation::read(&cluster).await?.unwrap_or_default();
    let now = clock::now(host, &cluster);
    let ended: Vec<&Revocation> = list.ended(now);
    let dry = args.dry_run.dry_run;
    if !ended.is_empty() {
        let answered = args.yes || dry != DryRun::None;
        let lines: Vec<String> = ended
            .iter()
            .map(|e| match e.until {
                Some(until) => format!("{}, {}", what(e), expiry_in_words(until, now)),
                None => format!("{}, whose user is no longer blocked", what(e)),
            })
            .collect();
        host.say_before_asking(format!("To be removed:\n  {}", lines.join("\n  ")), answered);
        host.confirm(&format!("Remove it on {}?", cluster.name()), answered)?;
    }
    let mut ended = ended;
    if !ended.is_empty() && dry != DryRun::Client {
        let server = dry == DryRun::Server;
        let taken = revocation::remove_ended(&cluster, &ended, now, server).await?;
        for stays in ended.extract_if(.., |e| !taken.contains(&e.key)) {
            host.warn(format!("{} was changed meanwhile and stays", what(stays)));
        }
    }
    let names: Vec<String> = ended.iter().map(|e| revocation::id(&e.key)).collect();
    let endless: Vec<String> = list.endless().map(|e| revocation::id(&e.key)).collect();
    let value = output::object(
        "Pruning",
        json!({ "removed": names, "left": list.entries().len() - ended.len(), "endless": endless, "dryRun": dry != DryRun::None }),
    );
    output::print(host, args.output.format, &value, &names, |_| {
        let line = |e: &&Revocation| format!("{} removed{}\n", what(e), dry.mark());
        let mut text: String = ended.iter().map(line).collect();
        if ended.is_empty() {
            text.push_str("Nothing to remove.\n");
        }
        if !endless.is_empty() {
            let what = match endless.len() {
                1 => "The expiry of one certificate is unknown; until lifted, it stays".to_owned(),
                n => format!("The expiry of {n} certificates is unknown; until lifted, they stay"),
            };
            text.push_str(&format!("{what}:\n  {}\n", endless.join("\n  ")));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// An entry in words.
fn what(entry: &Revocation) -> String {
    let user = entry.user.as_deref().map_or_else(|| "-".to_owned(), |u| show_short(u, 60));
    match entry.key {
        RevocationKey::Exception(print) => {
            format!("exception for certificate {print} of {user}")
        }
        _ => format!("certificate {} of {user}", entry.key),
    }
}
