//! `revoke NAME`.

mod blocks;
mod candidate;
mod certificates;
mod certificates_only;
mod family;
mod me;
mod named;
mod outcome;
mod remaining;
mod requests;
mod roles;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};
use usercert_core::api::rbac::{self, Binding, Removal, RevokeFilter, Subject};
use usercert_core::text::{shell_word, show};
use usercert_core::time::UnixTime;

use self::blocks::Blocks;
use self::certificates::{CertificateArgs, Run};
use self::outcome::{Blocking, Outcome};
use self::remaining::{Block, RemainingAccess};
use self::requests::Requests;
use self::roles::planned;
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::ui::role_args::RoleArgs;
use crate::workflow::clock;
use crate::workflow::known_certificates::KnownCertificate;
use crate::workflow::revocation::Known;
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
/// and --all-certificates block certificates only. --certificate also blocks the renewals of
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
    #[arg(required_unless_present = "certificate", value_parser = NonEmptyStringValueParser::new())]
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
        return certificates_only::run(host, args).await;
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
            (Some(error), Some(_)) if args.roles_only() => {
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
        host.warn("warning: only role bindings that could be seen are looked at");
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

    fn run<'a>(
        &'a self,
        host: &'a Host,
        target: &'a Target,
        cluster: &'a Cluster,
        now: UnixTime,
    ) -> Run<'a> {
        let dry = self.dry_run.dry_run;
        Run {
            host,
            args: &self.certificates,
            target,
            cluster,
            user: self.name.as_deref(),
            now,
            dry,
            answered: self.yes || dry != DryRun::None,
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

async fn finish(
    host: &Host,
    args: &RevokeArgs,
    target: &Target,
    cluster: &Cluster,
    filter: &RevokeFilter,
    mut reach: Reach,
) -> Result<Exit> {
    let holder = reach.holder.clone();
    let bindings = std::mem::take(&mut reach.holdings.bindings);
    if let Some((asked, given)) = rbac::mistaken(&bindings, &holder, filter) {
        return Err(Error::new(format!("the {holder} has no {asked}, but a {given}")).hint(
            format!(
                "to remove that one: --{} {}",
                given.kind.as_str().to_ascii_lowercase(),
                shell_word(&given.name)
            ),
        ));
    }
    let plan = rbac::plan(&bindings, &holder, filter);
    let run = args.run(host, target, cluster, clock::now(host, cluster));
    let (dry, answered, now) = (run.dry, run.answered, run.now);
    let mut exit = roles::tell_not_taken(host, &bindings, &holder, filter);
    let mut blocks = Blocks::new(&run, None);
    if !args.roles_only() {
        if let Some(unread) = &reach.unrecorded {
            let unknown = "certificates that are known only from there are not blocked";
            exit = exit.gravest(requests::tell_unrecorded(host, cluster, unread, unknown));
        }
        exit = exit.gravest(requests::tell_damaged(host, &reach.damaged));
        let in_flight = std::mem::replace(&mut reach.in_flight, Ok(Vec::new()));
        blocks.begin(&reach.certificates, in_flight).await;
        blocks.offer_installation().await?;
    }
    let mut lines: Vec<String> = plan.iter().map(|(b, step)| planned(b, *step)).collect();
    let certificates = blocks.plan().iter().flat_map(|plan| plan.lines(now)).collect::<Vec<_>>();
    lines.extend(certificates.into_iter().map(|line| format!("{line} (block it)")));
    lines.extend(blocks.requests.lines());
    if !lines.is_empty() {
        host.say_before_asking(
            format!("To be removed from the {holder}:\n  {}", lines.join("\n  ")),
            answered,
        );
        host.confirm(&format!("Remove it on {}?", cluster.name()), answered)?;
    }

    // First what cuts off at once.
    if !args.roles_only() {
        blocks.apply().await;
    }
    let mut done = blocks.finish();
    exit = exit.gravest(done.exit);
    std::mem::take(&mut done.late).into_iter().for_each(|one| reach.add(one));
    let (gone, taken) = roles::take(host, cluster, &holder, plan, dry).await;
    exit = exit.gravest(taken);
    let there = match dry {
        DryRun::None => roles::read_again(host, cluster, args.client.namespace.as_deref()).await,
        _ => Ok(None),
    };
    let there = there.unwrap_or_else(|failed| {
        exit = exit.gravest(failed);
        None
    });
    if let Some(there) = &there {
        for binding in roles::came(there, &bindings, &gone, &holder) {
            host.warn(format!(
                "warning: created or changed meanwhile, reaches the {holder}: {} ({})",
                binding.in_words(),
                show(&binding.full_name())
            ));
            exit = Exit::Failed;
        }
    }
    let taken = if there.is_none() { &gone[..] } else { &[] };
    reach.holdings.bindings = there.unwrap_or_else(|| bindings.clone());
    let listed = match args.roles_only() && !reach.certificates.is_empty() {
        true => Some(Known::read(cluster).await),
        false => None,
    };
    let block = |k: &KnownCertificate| {
        if done.blocking.outcomes.iter().any(|b| b.candidate.covers(k)) {
            return Block::Told;
        }
        let left = done.left_out.iter().find(|(candidate, _)| candidate.covers(k));
        match (&listed, left) {
            (Some(list), _) => on_list(list, k),
            (None, Some((_, why))) => Block::No(why.clone()),
            (None, None) => Block::No(done.why_open.clone()),
        }
    };
    let rest = RemainingAccess::of(&reach, taken, block);
    let open = !args.roles_only() && dry == DryRun::None && rest.authenticates_until().is_some();
    exit = exit.gravest(done.blocking.exit(open));
    // Once the roles are gone.
    done.blocking.ask_who_may_end(cluster).await;
    let known = report(host, args, &holder, &gone, (&done.blocking, &done.requests), (&rest, now))?;
    Ok(exit.gravest(known))
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
) -> Result<Exit> {
    let unknown = gone.is_empty()
        && blocked.outcomes.is_empty()
        && requests.is_empty()
        && rest.is_nothing()
        && !rest.has_ended;
    if unknown {
        let (what, rest) = match holder {
            Subject::User(_) => (
                "no role binding and no certificate",
                "Groups, and certificates that are not known here, may still give access.",
            ),
            Subject::Group(_) => {
                ("no role binding", "Certificates are blocked by user, not by group.")
            }
        };
        host.warn(format!("warning: {what} of the {holder} is known here; check the name. {rest}"));
    }
    let mark = args.dry_run.dry_run.mark();
    let mut names: Vec<String> = gone.iter().map(|(b, _)| b.full_name()).collect();
    names.extend(blocked.outcomes.iter().map(Outcome::full_name));
    let value = output::object(
        "Revocation",
        json!({
            "name": holder.name(),
            "group": matches!(holder, Subject::Group(_)),
            "namespace": args.client.namespace,
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
        text + &rest.text(holder, now, &args.client, !mark.is_empty())
    })?;
    Ok(if unknown { Exit::Failed } else { Exit::Done })
}
