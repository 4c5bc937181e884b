//! `revoke --certificate` and `--all-certificates`: no role is touched.

use serde_json::{Value, json};
use usercert_core::api::rbac::Subject;
use usercert_core::text::show_short;
use usercert_core::time::UnixTime;

use super::RevokeArgs;
use super::blocks::{Blocked, Blocks};
use super::certificates::Plan;
use super::outcome::Outcome;
use super::remaining::{Block, RemainingAccess};
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::clock;
use crate::workflow::revocation;
use crate::workflow::role_bindings::Reach;

/// Blocks certificates and leaves roles alone.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &RevokeArgs) -> Result<Exit> {
    if args.roles().any() || args.client.namespace.is_some() || args.all {
        return Err(Error::usage("--certificate and --all-certificates do not remove roles")
            .hint("remove roles with a separate command: kubectl usercert revoke NAME"));
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let mut run = args.run(host, &target, &cluster, host.now());
    let plan = Plan::make(&run, &[]).await?;
    let (dry, answered) = (run.dry, run.answered);
    run.now = clock::now(host, &cluster);
    let mut blocks = Blocks::new(&run, Some(plan));
    blocks.begin_family().await;
    blocks.offer_installation().await?;
    let Some(plan) = blocks.plan() else { return Err(revocation::no_list()) };
    plan.tell_left_out(host);
    let mut lines = plan.lines(run.now);
    lines.extend(blocks.requests.lines());
    host.say_before_asking(format!("To be blocked:\n  {}", lines.join("\n  ")), answered);
    host.confirm(&format!("Block it on {}?", cluster.name()), answered)?;
    plan.confirm_unknown(host, answered)?;
    let mut known = Exit::Done;
    let named = !args.certificates.certificate.is_empty();
    if let Some(name) =
        args.name.as_deref().filter(|_| args.certificates.all_certificates && !named)
        && let Some(why) = why_nobody(&target, &cluster, name, run.now).await
    {
        host.warn(format!("warning: {why}"));
        host.confirm("Block the name anyway?", answered)?;
        known = Exit::Failed;
    }
    blocks.apply().await;
    let Blocked { mut blocking, requests, left_out, exit, .. } = blocks.finish();
    let exit = exit.gravest(known).gravest(blocking.exit(!left_out.is_empty()));
    blocking.ask_who_may_end(&cluster).await;
    let outcomes = &blocking.outcomes;
    let names: Vec<String> = outcomes.iter().map(Outcome::full_name).collect();
    let value = output::object(
        "Revocation",
        json!({
            "name": args.name, "group": false, "removed": [], "remaining": [],
            "certificates": outcomes.iter().map(Outcome::value).collect::<Value>(),
            "requests": requests.value(),
            "dryRun": dry != DryRun::None,
        }),
    );
    output::print(host, args.output.format, &value, &names, |_| {
        let lines = outcomes.iter().map(|o| format!("{}\n", o.text(dry.mark())));
        lines.collect::<String>() + &blocking.notes() + &requests.text(dry.mark())
    })?;
    Ok(exit)
}

/// Why it looks as if there were nobody of this name, if it does.
async fn why_nobody(
    target: &Target,
    cluster: &Cluster,
    user: &str,
    now: UnixTime,
) -> Option<String> {
    let holder = Subject::User(user.to_owned());
    let shown = show_short(user, 80);
    let unknown = |why: &str| Some(format!("cannot tell whether there is a user {shown}: {why}"));
    let reach = match Reach::look(target, cluster, holder, &[], None, now).await {
        Ok(reach) => reach,
        Err(error) => return unknown(&error.message),
    };
    let in_flight = reach.in_flight.as_ref().is_ok_and(|requests| !requests.is_empty());
    let rest = RemainingAccess::of(&reach, &[], |_| Block::Told);
    if in_flight || reach.has_ended || !rest.is_nothing() {
        return None;
    }
    let unseen = [&reach.holdings.no_cluster, &reach.holdings.no_namespaces];
    if reach.in_flight.is_err() || reach.unrecorded.is_some() || unseen.iter().any(|e| e.is_some())
    {
        return unknown("you may not list all role bindings, requests and records");
    }
    Some(format!(
        "no role binding, certificate or request of the user {shown} is known here; check the name"
    ))
}
