//! `deny NAME…`.

use clap::Args;
use serde_json::json;
use usercert_core::api::csr::{Decision, RESOURCE, State};
use usercert_core::text::show_short;

use crate::cluster::{Cluster, Target};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::approval;

/// Deny requests; a decision is final
///
/// Examples:
///
///   kubectl usercert deny alice --message "ask for the group dev, not ops"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DenyArgs {
    /// Names of requests, or of users with exactly one pending request
    #[arg(required = true)]
    pub names: Vec<String>,
    /// Reason, as one word
    #[arg(long, value_name = "WORD", default_value = "UsercertDeny")]
    pub reason: String,
    /// Reason, as a sentence; the requester sees it
    #[arg(long, value_name = "TEXT", default_value = "Denied with kubectl usercert deny.")]
    pub message: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &DenyArgs) -> Result<Exit> {
    let cluster = Target::resolve(&args.client)?.connect()?;
    let mut exit = Exit::Done;
    let mut decisions = output::Collected::new(args.output.format, args.names.len());
    for name in &args.names {
        match deny(host, args, &cluster, name).await {
            Ok(decision) => decisions.add(host, Some(decision))?,
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

async fn deny(host: &Host, args: &DenyArgs, cluster: &Cluster, name: &str) -> Result<output::Item> {
    let object = approval::find(cluster, name).await?;
    let dry = args.dry_run.dry_run;
    let before = approval::already(&object, Decision::Deny)?;
    if let State::Denied { reason, message } = object.state() {
        host.warn(format!(
            "note: {} is already denied, which is final ({}): {}",
            show_short(&object.metadata.name, 60),
            show_short(&reason, 60),
            show_short(&message, 200)
        ));
    }
    if !before && dry != DryRun::Client {
        let condition = approval::ApprovalCondition {
            decision: Decision::Deny,
            reason: &args.reason,
            message: &args.message,
            dry_run: dry == DryRun::Server,
        };
        approval::write(host, cluster, &object, &condition).await?;
    }
    let mark = dry.mark();
    let name = format!("{RESOURCE}/{}", object.metadata.name);
    let value = output::object(
        "Decision",
        json!({ "name": object.metadata.name, "uid": object.metadata.uid, "decision": "Denied",
                "dryRun": dry != DryRun::None }),
    );
    let what = if before { "unchanged (already denied)" } else { "denied" };
    Ok(output::Item { text: format!("{} {what}{mark}", show_short(&name, 300)), value, name })
}
