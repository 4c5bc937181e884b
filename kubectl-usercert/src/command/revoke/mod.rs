//! `revoke NAME`.

mod candidate;
mod certificates;
mod family;
mod me;
mod named;
mod outcome;
mod remaining;
mod requests;
mod roles;

use clap::Args;
use serde_json::{Value, json};
use usercert_core::api::rbac::{self, Binding, Removal, RevokeFilter, Subject};
use usercert_core::text::show;
use usercert_core::time::UnixTime;

use self::certificates::{CertificateArgs, Plan};
use self::outcome::{Blocking, Outcome};
use self::remaining::{Block, RemainingAccess};
use self::requests::Requests;
use self::roles::{delete, planned, remove_subject};
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::ui::role_args::RoleArgs;
use crate::workflow::clock;
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::revocation::{self, Known};
use crate::workflow::role_bindings::{Reach, described};

/// Take a person's access away: roles and certificates
///
/// Removes the bindings that `kubectl usercert grant` made; with --all those of others as well, where a
/// binding that names somebody else too only loses this subject. Blocks the user's known certificates:
/// those in the cluster's requests and records, and in the kubeconfig. Denies the user's pending
/// requests, and waits a moment for approved ones that have no certificate yet. Reports afterwards what
/// the server refuses, what is still possible, and what still reaches the user.
///
/// --role, --clusterrole, --cluster-wide, -n, --group and --roles-only remove roles only; --certificate
/// and --all-certificates block certificates only. --certificate also blocks the recorded renewals of
/// the certificate. Certificates are blocked through a list in the cluster: see `kubectl usercert
/// revocations`.
///
/// Examples:
///
///   kubectl usercert revoke alice --reason "left the company"
///
///   kubectl usercert revoke alice --clusterrole edit -n dev
///
///   kubectl usercert revoke --certificate alice.crt --reason "laptop stolen"
///
///   # Also certificates that are not known here
///   kubectl usercert revoke alice --all-certificates
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RevokeArgs {
    /// User to take access from, as certificates name them
    #[arg(required_unless_present = "certificate")]
    pub name: Option<String>,
    /// Only this Role; repeat for several
    #[arg(long, value_name = "NAME")]
    pub role: Vec<String>,
    /// Only this ClusterRole; repeat for several
    #[arg(long, value_name = "NAME")]
    pub clusterrole: Vec<String>,
    /// Only cluster-wide bindings; with -n only those in that namespace
    #[arg(long)]
    pub cluster_wide: bool,
    /// NAME is a group
    #[arg(long, conflicts_with_all = ["certificate", "all_certificates"])]
    pub group: bool,
    /// Also from bindings that kubectl usercert did not make
    #[arg(long)]
    pub all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    certificates: CertificateArgs,
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
pub async fn run(host: &Host, args: &RevokeArgs) -> Result<Exit> {
    certificates::check_reason(&args.certificates)?;
    if args.certificates.only() {
        return certificates_only(host, args).await;
    }
    let holder = Subject::named(args.name.as_deref().unwrap_or_default(), args.group);
    let roles = args.roles();
    let namespace = args.client.namespace.as_deref();
    let filter =
        RevokeFilter { roles: roles.named(), scope: roles.scope(namespace)?, others: args.all };
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let mut reach = Reach::look(&target, &cluster, holder, &[], namespace, host.now()).await?;
    let holdings = &mut reach.holdings;
    // What was not asked for need not be seen.
    let unseen = match &filter.scope {
        Some(rbac::Scope::Cluster) => holdings.no_cluster.take(),
        Some(rbac::Scope::Namespace(_)) => holdings.no_namespaces.take(),
        None => match (holdings.no_cluster.take(), holdings.no_namespaces.take()) {
            (Some(error), Some(_)) => {
                return Err(error.hint("-n NAMESPACE looks at one namespace only"));
            }
            (one, other) => one.or(other),
        },
    };
    if let Some(error) = unseen {
        if filter.scope.is_some() {
            return Err(error);
        }
        host.fail(&error);
        host.warn("Only the bindings that could be seen are looked at.");
        let exit = finish(host, args, &target, &cluster, &filter, reach).await?;
        return Ok(exit.gravest(Exit::Failed));
    }
    finish(host, args, &target, &cluster, &filter, reach).await
}

impl RevokeArgs {
    fn roles(&self) -> RoleArgs {
        RoleArgs {
            role: self.role.clone(),
            clusterrole: self.clusterrole.clone(),
            cluster_wide: self.cluster_wide,
        }
    }

    /// Whether only roles are meant.
    fn roles_only(&self) -> bool {
        self.certificates.roles_only
            || self.group
            || self.roles().any()
            || self.client.namespace.is_some()
    }
}

/// Blocks certificates and leaves roles alone.
async fn certificates_only(host: &Host, args: &RevokeArgs) -> Result<Exit> {
    if args.roles().any() || args.client.namespace.is_some() || args.all {
        return Err(Error::usage("--certificate and --all-certificates do not remove roles")
            .hint("remove roles with a separate command: kubectl usercert revoke NAME"));
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let user = args.name.as_deref();
    let mut plan = Plan::make(host, &args.certificates, &target, &cluster, user, &[]).await?;
    let dry = args.dry_run.dry_run;
    let now = clock::now(host, &cluster);
    let unrecorded = plan.add_family(host, &cluster, now).await;
    let mut requests = plan.add_in_flight(host, &cluster, dry).await;
    plan.tell_left_out(host);
    let answered = args.yes || dry != DryRun::None;
    plan.offer_installation(host, &cluster, !answered).await?;
    if !plan.has_list() {
        return Err(revocation::no_list());
    }
    let mut lines = plan.lines(now);
    lines.extend(requests.lines());
    host.say_before_asking(format!("To be blocked:\n  {}", lines.join("\n  ")), answered);
    host.confirm("Block it?", answered)?;
    plan.confirm_unknown(host, answered)?;
    let reason = &args.certificates.reason;
    let mut blocking = plan.block(&target, &cluster, reason, now, dry).await?;
    let exit = requests.deny(host, &cluster, dry).await.gravest(blocking.exit());
    let exit = exit.gravest(unrecorded);
    blocking.ask_who_may_end(&cluster).await;
    let outcomes = &blocking.outcomes;
    let names: Vec<String> = outcomes.iter().map(Outcome::full_name).collect();
    let value = output::object(
        "Revocation",
        json!({
            "name": user, "group": false, "removed": [], "remaining": [],
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

async fn finish(
    host: &Host,
    args: &RevokeArgs,
    target: &Target,
    cluster: &Cluster,
    filter: &RevokeFilter,
    mut reach: Reach,
) -> Result<Exit> {
    let dry = args.dry_run.dry_run;
    let mut requests = Requests::default();
    let mut exit = Exit::Done;
    if !args.roles_only() {
        if let Some(error) = &reach.unrecorded {
            let unknown = "certificates that are known only from their records are not blocked";
            exit = requests::tell_unrecorded(host, cluster, error, unknown);
        }
        let in_flight = std::mem::replace(&mut reach.in_flight, Ok(Vec::new()));
        let (open, issued) = Requests::look(host, cluster, in_flight, dry).await;
        requests = open;
        issued.into_iter().for_each(|one| reach.add(one));
    }
    let (holder, known) = (&reach.holder, &reach.certificates);
    let plan = rbac::plan(&reach.holdings.bindings, holder, filter);
    let answered = args.yes || dry != DryRun::None;
    let now = clock::now(host, cluster);
    let mut blocking = None;
    let mut left_out = Vec::new();
    let mut why_open = "this cluster has no list of revoked certificates".to_owned();
    if !known.is_empty() && !args.roles_only() {
        let name = Some(holder.name());
        let made = Plan::make(host, &args.certificates, target, cluster, name, known).await;
        match made {
            Ok(mut made) => {
                made.offer_installation(host, cluster, !answered).await?;
                left_out = made.take_left_out();
                blocking = Some(made).filter(|plan| plan.has_list() && !plan.is_empty());
            }
            // Whoever may only take roles does that, as ever.
            Err(error) => {
                host.fail(&error);
                exit = exit.gravest(Exit::Failed);
                why_open.clone_from(&error.message);
            }
        }
    }
    let mut lines: Vec<String> = plan.iter().map(|(b, step)| planned(b, *step)).collect();
    lines.extend(
        blocking.iter().flat_map(|b| b.lines(now)).map(|line| format!("{line} (block it)")),
    );
    lines.extend(requests.lines());
    if !lines.is_empty() {
        host.say_before_asking(
            format!("To be removed from the {holder}:\n  {}", lines.join("\n  ")),
            answered,
        );
        host.confirm("Remove it?", answered)?;
    }

    // First what cuts off at once.
    let mut blocked = Blocking::default();
    if let Some(blocking) = blocking {
        let reason = &args.certificates.reason;
        match blocking.block(target, cluster, reason, now, dry).await {
            Ok(blocking) => {
                exit = exit.gravest(blocking.exit());
                blocked = blocking;
            }
            Err(error) => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
                why_open.clone_from(&error.message);
            }
        }
    }
    exit = exit.gravest(requests.deny(host, cluster, dry).await);
    let mut gone: Vec<(&Binding, Removal)> = Vec::new();
    for (binding, step) in plan {
        let done = match (dry, step) {
            (DryRun::Client, _) => Ok(()),
            (_, Removal::Delete) => delete(cluster, binding, dry == DryRun::Server).await,
            (_, Removal::RemoveSubject) => {
                remove_subject(cluster, binding, holder, dry == DryRun::Server).await
            }
        };
        match done {
            Ok(()) => gone.push((binding, step)),
            Err(error) => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
        }
    }
    let listed = match args.roles_only() && !known.is_empty() {
        true => Some(Known::read(cluster).await),
        false => None,
    };
    let block = |k: &KnownCertificate| {
        if blocked.outcomes.iter().any(|b| b.candidate.covers(k)) {
            return Block::Told;
        }
        let left = left_out.iter().find(|(candidate, _)| candidate.covers(k));
        match (&listed, left) {
            (Some(list), _) => on_list(list, k),
            (None, Some((_, why))) => Block::No(why.clone()),
            (None, None) => Block::No(why_open.clone()),
        }
    };
    let rest = RemainingAccess::of(&reach, &gone, block);
    // Once the roles are gone.
    blocked.ask_who_may_end(cluster).await;
    report(host, args, holder, &gone, (&blocked, &requests), (&rest, now))?;
    Ok(exit)
}

/// How a certificate is where only roles were asked for.
fn on_list(list: &Known, known: &KnownCertificate) -> Block {
    if let Some(why) = list.why_unknown() {
        return Block::Unknown(why.to_owned());
    }
    match list.list().and_then(|list| list.blocked(&known.fingerprint, &known.user)) {
        Some(_) => Block::Listed,
        None => Block::No("only roles were asked for".to_owned()),
    }
}

fn report(
    host: &Host,
    args: &RevokeArgs,
    holder: &Subject,
    gone: &[(&Binding, Removal)],
    (blocked, requests): (&Blocking, &Requests),
    (rest, now): (&RemainingAccess<'_>, UnixTime),
) -> Result<()> {
    if gone.is_empty() && blocked.outcomes.is_empty() && rest.is_nothing() {
        host.warn(format!(
            "warning: no role binding and no certificate of the {holder} is known here; check the name"
        ));
    }
    let mark = args.dry_run.dry_run.mark();
    let mut names: Vec<String> = gone.iter().map(|(b, _)| b.full_name()).collect();
    names.extend(blocked.outcomes.iter().map(Outcome::full_name));
    let value = output::object(
        "Revocation",
        json!({
            "name": holder.name(),
            "group": matches!(holder, Subject::Group(_)),
            "removed": gone.iter().map(|(b, step)| {
                let mut item = described(b);
                item["deleted"] = (*step == Removal::Delete).into();
                item
            }).collect::<Value>(),
            "remaining": rest.reached.iter().flat_map(|(by, all)| all.iter().map(move |b| {
                let mut item = described(b);
                item["by"] = by.to_string().into();
                item
            })).collect::<Value>(),
            "authenticatesUntil": rest.authenticates_until(),
            "certificates": blocked.outcomes.iter().map(Outcome::value).collect::<Value>(),
            "requests": requests.value(),
            "dryRun": args.dry_run.dry_run != DryRun::None,
        }),
    );
    output::print(host, args.output.format, &value, &names, |_| {
        let outcomes = &blocked.outcomes;
        let mut text: String = outcomes.iter().map(|b| format!("{}\n", b.text(mark))).collect();
        text.push_str(&blocked.notes());
        text.push_str(&requests.text(mark));
        for (binding, step) in gone {
            let what = match step {
                Removal::Delete => "deleted".to_owned(),
                Removal::RemoveSubject => format!("no longer names the {holder}"),
            };
            let name = show(&binding.full_name());
            text.push_str(&format!("{name} {what}{mark}: {}\n", binding.in_words()));
        }
        if gone.is_empty() && outcomes.is_empty() {
            let by = if args.all { "" } else { " by kubectl usercert" };
            text.push_str(&format!(
                "Nothing to remove from the {holder}: no such role was given{by}.\n"
            ));
        }
        text + &rest.text(holder, now)
    })
}
