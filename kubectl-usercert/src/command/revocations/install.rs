//! `revocations install`.

use clap::Args;
use serde_json::{Value, json};
use usercert_core::encoding::yaml;
use usercert_core::lifecycle::admission::{self, ObjectState};
use usercert_core::text::show;

use crate::cluster::{Need, Target, explain};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Format, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::revocation::{self, Installed};

/// Make this cluster refuse revoked certificates, by an admission policy
///
/// Creates the namespace and the list, a ValidatingAdmissionPolicy with its binding, and roles for
/// people who are not cluster admins: the ClusterRoles usercert-revoker (may revoke, and test it) and
/// usercert-revocations-viewer (may see what is revoked), and in the namespace the Roles
/// usercert-recorder and usercert-records-viewer (write and see the records that `certificates` lists).
/// Existing objects of kubectl usercert are updated; those of others are not touched. Afterwards a test
/// entry shows whether the cluster refuses what is added to the list.
///
/// The policy refuses writes (create, update, patch, delete), exec, attach and proxy, whatever rights
/// the certificate has. It does not see get, list and watch. Whoever may delete the binding can end the
/// enforcement.
///
/// Examples:
///
///   kubectl usercert revocations install
///
///   kubectl usercert revocations install --dry-run=client -o yaml   # for GitOps
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct InstallArgs {
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
/// See the exit codes.
pub async fn run(host: &Host, args: &InstallArgs) -> Result<Exit> {
    let dry = args.dry_run.dry_run;
    if dry == DryRun::Client {
        // What is printed does not depend on a cluster.
        return print_manifests(host, args);
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let found = Installed::look(&cluster, false).await;
    let found = found.map_err(|e| explain(&e, &cluster.server, &Need::Install))?;
    let open = found.objects.iter().filter(|(_, state, _)| *state != ObjectState::AsIntended);
    let lines: Vec<String> = open
        .map(|(object, state, _)| match state {
            ObjectState::Changed(places) => format!(
                "{}: bring it up to date ({})",
                object.full_name(),
                show(&places.join(", "))
            ),
            _ => format!("{}: create it", object.full_name()),
        })
        .collect();
    if !lines.is_empty() {
        let answered = args.yes || dry != DryRun::None;
        host.say_before_asking(format!("To be done:\n  {}", lines.join("\n  ")), answered);
        host.confirm(&format!("Install it on {}?", cluster.name()), answered)?;
    }
    let done = revocation::install(&cluster, &found, dry == DryRun::Server).await?;
    let names: Vec<String> = done.iter().map(|(name, _)| name.clone()).collect();
    let items = done.iter().map(|(name, outcome)| json!({ "name": name, "outcome": outcome }));
    let value = output::object("Installation", json!({ "items": items.collect::<Value>() }));
    output::print(host, args.output.format, &value, &names, |_| {
        let line = |(name, outcome): &(String, &str)| format!("{name} {outcome}{}\n", dry.mark());
        done.iter().map(line).collect()
    })?;
    if dry == DryRun::Server {
        return Ok(Exit::Done);
    }
    // A policy that was made anew may go by an old copy of the list.
    let verdict = revocation::judged_anew(host, &target, &cluster).await?;
    host.say(format!("Admission policy: {}", verdict.admission_in_words()));
    Ok(if verdict.in_force() == Some(false) { Exit::Failed } else { Exit::Done })
}

fn print_manifests(host: &Host, args: &InstallArgs) -> Result<Exit> {
    let objects = admission::objects();
    let names: Vec<String> = objects.iter().map(admission::Managed::full_name).collect();
    if args.output.format == Some(Format::Yaml) {
        let documents: Vec<String> =
            objects.iter().map(|object| yaml::to_string(&object.value)).collect();
        host.result(documents.join("---\n"))?;
        return Ok(Exit::Done);
    }
    let items: Vec<Value> = objects.into_iter().map(|object| object.value).collect();
    let value = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    output::print(host, args.output.format, &value, &names, |_| {
        names.iter().map(|name| format!("{name} created (dry run)\n")).collect()
    })?;
    Ok(Exit::Done)
}
