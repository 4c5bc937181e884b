//! `approve --watch`: a service that approves the renewals which a policy lets pass.

mod approver;
mod decision;
mod reuse;

use std::net::SocketAddr;

use clap::Args;
use usercert_core::encoding::yaml;
use usercert_core::lifecycle::approver as manifests;
use usercert_core::text::show;

use self::approver::Approver;
use super::ApproveArgs;
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::review_policy::Rules;
use crate::workflow::stop::Stop;

/// The flags of the service.
#[derive(Args, Debug)]
#[command(next_help_heading = "Watching")]
pub struct WatchArgs {
    /// Approve renewals under the policy's `renewals` as they come, and leave the rest to people.
    /// Several can run; a Lease selects one
    #[arg(long, requires = "policy", conflicts_with_all = [
        "names", "from", "all_pending", "selector", "expect", "accept", "reason", "message", "signer",
        "expires", "reply", "role", "clusterrole", "yes",
    ])]
    pub watch: bool,
    /// With --watch: handle what is waiting now, then end; exit code 3 when something was denied
    #[arg(long, requires = "watch")]
    pub once: bool,
    /// With --watch: address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", requires = "watch", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// With --watch: print manifests of a Deployment that does this
    #[arg(long, requires_all = ["watch", "image"])]
    pub print_manifests: bool,
    /// With --print-manifests: image that runs kubectl-usercert
    #[arg(long, value_name = "IMAGE", requires = "print_manifests")]
    pub image: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A policy without rules, or what keeps the first look from working.
pub async fn run(host: &Host, args: &ApproveArgs) -> Result<Exit> {
    if args.policy.policy.as_deref().is_some_and(|file| file.as_os_str() == "-") {
        return Err(Error::usage("--watch rereads the policy: name a file, not standard input"));
    }
    let rules = args.policy.load(host)?;
    let name = rules.file().unwrap_or_default().to_owned();
    if rules.policy().is_none_or(|policy| policy.renewals().is_empty()) {
        return Err(Error::usage(format!("{name}: the policy has no rules in `renewals`"))
            .hint("for example:\n  renewals:\n  - {name: developers, groups: {allow: [dev]}, until: \"2027-06-30\", maxLifetime: 12h}"));
    }
    if args.watch.print_manifests {
        return print_manifests(host, args, &rules);
    }
    if args.dry_run.dry_run != DryRun::None && !args.watch.once {
        return Err(Error::usage(
            "--dry-run needs --once: otherwise nothing would ever be decided",
        ));
    }
    let stop = if args.watch.once { Stop::never() } else { Stop::new()? };
    let approver = Approver::new(host, args, rules, stop);
    if args.watch.once {
        return approver.once().await;
    }
    let bound = approver.monitor.listen(args.watch.listen).await?;
    host.say(format!("policy {name}; health and metrics at http://{bound}"));
    approver.serve().await;
    host.say("stopped");
    Ok(Exit::Done)
}

fn print_manifests(host: &Host, args: &ApproveArgs, rules: &Rules) -> Result<Exit> {
    let (Some(policy), Some(file)) = (rules.policy(), &args.policy.policy) else {
        return Err(Error::usage("--print-manifests needs --policy"));
    };
    let text = host.input(file, usercert_core::review::policy::MAX_BYTES)?;
    let text = String::from_utf8(text).map_err(|_| {
        Error::new(format!("{}: the policy is not UTF-8 text", show(&file.display().to_string())))
    })?;
    let image = args.watch.image.as_deref().unwrap_or_default();
    let objects = manifests::objects(image, &text, policy);
    let documents: Vec<String> = objects.iter().map(yaml::to_string).collect();
    host.result(documents.join("---\n"))?;
    Ok(Exit::Done)
}
