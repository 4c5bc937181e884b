//! `revocations prune`.

use clap::Args;
use serde_json::json;
use usercert_core::lifecycle::{Revocation, RevocationKey};
use usercert_core::text::show_short;

use crate::cluster::Target;
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::revocation;

/// Remove entries from the list that are no longer needed
///
/// These are certificates that expired more than a day ago, and exceptions for users who are no longer
/// blocked. Blocked users, and certificates of which only the SHA-256 was known, stay until they are
/// lifted.
///
/// Examples:
///
///   kubectl usercert revocations prune --dry-run
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct PruneArgs {
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
    let ended: Vec<&Revocation> = list.ended(host.now());
    let dry = args.dry_run.dry_run;
    if !ended.is_empty() && dry != DryRun::Client {
        let keys: Vec<RevocationKey> = ended.iter().map(|e| e.key.clone()).collect();
        revocation::remove(&cluster, &keys, dry == DryRun::Server).await?;
    }
    let names: Vec<String> = ended.iter().map(|e| revocation::id(&e.key)).collect();
    let endless: Vec<String> = list.endless().map(|e| revocation::id(&e.key)).collect();
    let value = output::object(
        "Pruning",
        json!({ "removed": names, "left": list.entries().len() - ended.len(), "endless": endless, "dryRun": dry != DryRun::None }),
    );
    output::print(host, args.output.format, &value, &names, |_| {
        let line = |e: &&Revocation| {
            let user = e.user.as_deref().map_or_else(|| "-".to_owned(), |u| show_short(u, 60));
            let what = match e.key {
                RevocationKey::Exception(print) => format!("exception for certificate {print}"),
                _ => format!("certificate {}", e.key),
            };
            format!("{what} of {user} taken out{}\n", dry.mark())
        };
        let mut text: String = ended.iter().map(line).collect();
        if ended.is_empty() {
            text.push_str("Nothing has ended.\n");
        }
        if !endless.is_empty() {
            text.push_str(&format!(
                "No end is known of {}; until they are lifted they stay:\n  {}\n",
                if endless.len() == 1 {
                    "one certificate".to_owned()
                } else {
                    format!("{} certificates", endless.len())
                },
                endless.join("\n  ")
            ));
        }
        text
    })?;
    Ok(Exit::Done)
}
