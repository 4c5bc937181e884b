//! `request NAME --withdraw`.

use std::collections::BTreeSet;

use serde_json::json;
use usercert_core::api::csr::RESOURCE;
use usercert_core::text::{shell_word, show};

use super::RequestArgs;
use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::pending_request::{self, PendingRequest, RequestRecord, SubmittedTo};
use crate::workflow::submitted_object;

/// Forgets one kept request, and deletes its object where that is allowed.
pub(super) async fn withdraw(host: &Host, args: &RequestArgs) -> Result<Exit> {
    let store = pending_request::store()?;
    let target = match args.offline {
        true => None,
        false => Some(Target::resolve(&args.client)?),
    };
    let kept = pending_request::all(&store)?;
    let one = the_one(args, kept.into_iter().filter(|p| is_meant(args, target.as_ref(), p)))?;
    let record = &one.record;
    let dry = args.dry_run.dry_run;
    let deleted = match (&target, &record.submitted) {
        (Some(target), Some(submitted)) => {
            let cluster = target.connect()?;
            delete(host, &cluster, record, submitted, dry != DryRun::None).await?
        }
        _ => false,
    };
    if dry == DryRun::None {
        store.remove(&one.id)?;
    }
    let user = record.identity.user.as_str();
    let object = record.submitted.as_ref().map_or(user, |s| s.csr_name.as_str());
    let value = output::object(
        "Withdrawal",
        json!({
            "name": object, "user": user, "groups": record.identity.groups, "code": record.code,
            "deleted": deleted, "dryRun": dry != DryRun::None,
        }),
    );
    let name = format!("{RESOURCE}/{object}");
    output::print(host, args.output.format, &value, std::slice::from_ref(&name), |_| {
        let what = match deleted {
            true => format!("{} withdrawn", show(&name)),
            false => format!("request for {} withdrawn: its key is deleted", show(user)),
        };
        format!("{what}{}", dry.mark())
    })?;
    Ok(Exit::Done)
}

fn is_meant(args: &RequestArgs, target: Option<&Target>, kept: &PendingRequest) -> bool {
    let RequestRecord { identity, submitted, .. } = &kept.record;
    let groups: BTreeSet<String> = args.groups.iter().cloned().collect();
    let here = match (target, submitted) {
        (Some(target), Some(submitted)) => submitted.is_at(&target.endpoint),
        (None, None) => true,
        _ => false,
    };
    let name = submitted.as_ref().map(|s| &s.csr_name);
    here && identity.user.as_str() == args.name
        && (groups.is_empty() || groups == identity.group_set())
        && (args.csr_name.is_none() || args.csr_name.as_ref() == name)
}

fn the_one(
    args: &RequestArgs,
    mut found: impl Iterator<Item = PendingRequest>,
) -> Result<PendingRequest> {
    let shown = show(&args.name);
    let first = found.next().ok_or_else(|| {
        Error::new(format!("no such request for {shown} is kept on this machine")).hint(
            "for one at another cluster add --context, for one that was made offline --offline",
        )
    })?;
    let others: Vec<PendingRequest> = found.collect();
    if others.is_empty() {
        return Ok(first);
    }
    let flags = args.client.repeated();
    let mut lines = String::new();
    for PendingRequest { record, .. } in std::iter::once(&first).chain(&others) {
        lines.push_str(&format!(
            "\n  # {}, code {}\n  {}",
            record.groups_shown(),
            record.code,
            record.withdrawal(&flags)
        ));
    }
    Err(Error::new(format!("{} requests for {shown} are kept", others.len() + 1))
        .hint(format!("choose one:{lines}")))
}

/// Whether the object was deleted.
///
/// # Errors
/// As the server answers, unless it does not allow it: then the object stays, and that is said.
async fn delete(
    host: &Host,
    cluster: &Cluster,
    record: &RequestRecord,
    SubmittedTo { csr_name, uid, .. }: &SubmittedTo,
    dry_run: bool,
) -> Result<bool> {
    let stays = || {
        host.say(format!(
            "{} stays in the cluster, because you may not delete it; without its key it is useless.\n\
             An admin can deny it with:\n  kubectl usercert deny -- {}",
            show(csr_name),
            shell_word(csr_name)
        ));
        Ok(false)
    };
    let found = match cluster.get_csr(csr_name).await {
        Ok(object) if submitted_object::is_of(&object, uid, &record.key()?)? => object,
        // Gone, or never submitted.
        Ok(_) => return Ok(false),
        Err(error) if error.code() == 404 => return Ok(false),
        Err(error) if error.code() == 403 && uid.is_empty() => return Ok(false),
        Err(error) if error.code() == 403 => return stays(),
        Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
    };
    match cluster.delete_csr(csr_name, &found.metadata.uid, dry_run).await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == 403 => stays(),
        Err(error) if [404, 409].contains(&error.code()) => Ok(false),
        Err(error) => Err(explain(&error, &cluster.server, &Need::Get)),
    }
}
