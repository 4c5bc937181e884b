//! `grant NAME`.

use clap::Args;
use usercert_core::api::rbac::Subject;
use usercert_core::text::show;

use crate::cluster::Target;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::ui::role_args::RoleArgs;
use crate::workflow::grant_role::{self, Granted, Prepared};

/// Give a role to a user or a group, after showing in words what it allows
///
/// The role must exist. Giving it twice changes nothing. The bindings carry the label
/// app.kubernetes.io/managed-by=kubectl-usercert; no other object is changed.
///
/// Examples:
///
///   kubectl usercert grant alice --clusterrole view -n dev
///
///   kubectl usercert grant ops --group --clusterrole admin --cluster-wide
///
///   kubectl usercert grant alice --role deployer -n dev --dry-run -o yaml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct GrantArgs {
    /// User to give the role to, as certificates name them
    pub name: String,
    #[command(flatten)]
    roles: RoleArgs,
    /// NAME is a group
    #[arg(long)]
    pub group: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &GrantArgs) -> Result<Exit> {
    let holder = Subject::named(&args.name, args.group);
    let wanted = args.roles.grants(&holder, args.client.namespace.as_deref())?;
    if wanted.is_empty() {
        let (what, hint) = match args.client.namespace {
            Some(_) => ("the role is missing", "name it with --clusterrole or --role"),
            None => (
                "the role and its scope are missing",
                "as --clusterrole view -n NAMESPACE, --role NAME -n NAMESPACE, or --clusterrole NAME --cluster-wide",
            ),
        };
        return Err(Error::usage(what).hint(hint));
    }
    let cluster = Target::resolve(&args.client)?.connect()?;
    let prepared = grant_role::prepare(&cluster, wanted).await?;

    let dry = args.dry_run.dry_run;
    let new: Vec<&Prepared> = prepared.iter().filter(|p| p.existing.is_none()).collect();
    if !new.is_empty() {
        let answered = args.yes || dry != DryRun::None;
        let sheets: Vec<String> = new.iter().map(|p| p.text()).collect();
        host.say_before_asking(sheets.join("\n").trim_end(), answered);
        let roles: Vec<String> = new.iter().map(|p| p.grant.role.to_string()).collect();
        let scope = new.first().map(|p| p.grant.scope.to_string()).unwrap_or_default();
        let question =
            format!("Give {} {scope} to the {holder} on {}?", roles.join(", "), cluster.name());
        host.confirm(&question, answered)?;
        if !answered {
            grant_role::still_allow(&cluster, &prepared)
                .await
                .hint("nothing was granted; run the command again to see what it allows now")?;
        }
    }

    let mut exit = Exit::Done;
    let mut done = Vec::new();
    for one in &prepared {
        let granted = match (dry, &one.existing) {
            (DryRun::Client, None) => Ok(Granted { value: one.grant.manifest(), made: true }),
            _ => one.carry_out(&cluster, dry == DryRun::Server).await,
        };
        match granted {
            Ok(granted) => done.push((one, granted)),
            Err(error) if prepared.len() > 1 => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
            Err(error) => return Err(error),
        }
    }
    report(host, args, done)?;
    Ok(exit)
}

fn report(host: &Host, args: &GrantArgs, done: Vec<(&Prepared, Granted)>) -> Result<()> {
    let mark = args.dry_run.dry_run.mark();
    let names: Vec<String> = done.iter().map(|(one, _)| one.grant.full_name()).collect();
    let text: Vec<String> = done
        .iter()
        .zip(&names)
        .map(|((_, granted), name)| {
            let what = if granted.made { "created" } else { "unchanged" };
            format!("{} {what}{mark}", show(name))
        })
        .collect();
    if done.is_empty() {
        return Ok(());
    }
    let value =
        grant_role::as_objects(done.into_iter().map(|(_, granted)| granted.value).collect());
    output::print(host, args.output.format, &value, &names, |_| text.join("\n"))
}
