//! `ca serve`.

mod signer;

use std::time::{Duration, Instant};

use clap::Args;
use usercert_core::ca::{authority, profile};

use self::signer::{KnownBindings, Position, ServeStep, Signer, SignerSettings};
use super::authority::AuthorityArgs;
use super::rbac;
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::workflow::findings;
use crate::workflow::records::Recording;
use crate::workflow::review_policy::PolicyArgs;
use crate::workflow::stop::Stop;

/// Waiting after a failure: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Sign approved requests in a cluster, as the signer of a name of your own
///
/// Watches for approved CertificateSigningRequests to this signer and issues people's certificates.
/// What the review refuses is not signed, whoever approved it: the request gets the condition Failed.
/// Two of it may run side by side. Ends on SIGTERM or ctrl-c. A request to the server takes at most
/// 30 seconds, or --request-timeout.
///
/// Examples:
///
///   kubectl usercert ca serve --signer example.com/people \
///     --ca-cert ca.crt --ca-key ca.key
///
///   # The rights that it needs
///   kubectl usercert ca serve --signer example.com/people --print-rbac -n ca |
///     kubectl apply -f -
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ServeArgs {
    /// Signer to act as, as example.com/people. kubernetes.io/kube-apiserver-client goes where the
    /// cluster's own signer is switched off
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub signer: String,
    /// Maximum lifetime; also used when the request names none (at most the policy's)
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub max_expires: String,
    /// Let this refusing finding pass; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Sign what waits now, and end; exit code 3 when something was refused
    #[arg(long)]
    pub once: bool,
    /// Print the manifest of a service account that may do this, and end
    #[arg(long)]
    pub print_rbac: bool,
    /// Name of the service account in that manifest; its namespace is that of --namespace
    #[arg(long, value_name = "NAME", default_value = "usercert-signer")]
    pub service_account: String,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    authority: AuthorityArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &ServeArgs) -> Result<Exit> {
    if args.signer.is_empty() {
        return Err(Error::usage("which signer is this to act as?")
            .hint("name it with --signer, as --signer example.com/people"));
    }
    authority::check_signer_name(&args.signer).context("--signer").usage()?;
    if args.print_rbac {
        let namespace = args.client.namespace.as_deref().unwrap_or("default");
        host.result(rbac::manifest(&args.signer, &args.service_account, namespace))?;
        return Ok(Exit::Done);
    }
    for code in &args.accept {
        findings::can_be_accepted(code)?;
    }
    let settings = SignerSettings {
        name: args.signer.clone(),
        longest: args.max_expires.parse().context("--max-expires").usage()?,
        rules: args.policy.load(host)?,
        accept: args.accept.clone(),
        dry_run: args.dry_run.dry_run,
        format: args.output.format,
    };
    let ca = args.authority.load(host)?;
    ca.authority.may_issue(profile::user())?;
    let stop = if args.once { Stop::never() } else { Stop::new()? };
    let cluster = connected(args, &stop)?;
    let bindings = KnownBindings::default();
    let records = Recording::default();
    let mut signer = Signer { host, settings, cluster, ca, stop, bindings, records };
    signer.introduce();
    // The first look tells whether it can work at all.
    let (version, handled) = match signer.sign_waiting().await? {
        Some((_, handled)) if args.once => return Ok(handled),
        Some(done) => done,
        None => {
            host.say("stopped");
            return Ok(Exit::Done);
        }
    };
    let mut at = Position { version: Some(version), unfinished: handled == Exit::Failed };
    let mut pause = BACKOFF.0;
    loop {
        let begun = Instant::now();
        // A service account's token lives for an hour: each step takes the one that is there by now.
        let step = match connected(args, &signer.stop) {
            Ok(cluster) => {
                signer.cluster = cluster;
                signer.step(&mut at, pause).await
            }
            Err(error) => Err(error),
        };
        let again = step.is_err() || at.unfinished;
        match step {
            Ok(ServeStep::Stopped) => break,
            Ok(ServeStep::Listed) => continue,
            // A server that ends every watch at once is not asked at once again.
            Ok(ServeStep::Watched) if begun.elapsed() >= BACKOFF.0 => {}
            Ok(ServeStep::Watched) => {
                if signer.stop.within(pause).await {
                    break;
                }
            }
            Err(error) => {
                let next = if signer.stop.is_told().await { "" } else { "; trying again" };
                host.warn(format!("warning: {}{next}", error.message));
                if signer.stop.within(pause).await {
                    break;
                }
            }
        }
        pause = if again { (pause * 2).min(BACKOFF.1) } else { BACKOFF.0 };
    }
    host.say("stopped");
    Ok(Exit::Done)
}

fn connected(args: &ServeArgs, stop: &Stop) -> Result<Cluster> {
    let cluster = Target::resolve(&args.client)?.connect()?;
    Ok(cluster.for_service(stop.receiver()))
}
