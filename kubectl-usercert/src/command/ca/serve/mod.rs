//! `ca serve`.

mod signer;

use clap::Args;
use usercert_core::ca::{authority, profile};

use self::signer::{KnownBindings, Signer, SignerSettings};
use super::authority::AuthorityArgs;
use super::rbac;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::workflow::findings;
use crate::workflow::follow::{Follower as _, Position, answer_all, follow};
use crate::workflow::records::Recording;
use crate::workflow::review_policy::PolicyArgs;
use crate::workflow::stop::Stop;

/// Sign approved requests in a cluster, as a signer with a name of your own
///
/// Watches for approved CertificateSigningRequests to this signer and issues people's certificates.
/// What the review refuses is not signed, whoever approved it: the request gets the condition Failed.
/// Two instances can run side by side. Ends on SIGTERM or ctrl-c. A request to the server takes at
/// most 30 seconds, or --request-timeout.
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
    /// Signer to act as, such as example.com/people; kubernetes.io/kube-apiserver-client only if
    /// the cluster's own signer is switched off
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub signer: String,
    /// Maximum lifetime; also used when the request names none (at most the policy's)
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub max_expires: String,
    /// Continue despite this refusing finding; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Sign what is waiting now, then end; exit code 3 when something was refused
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
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    authority: AuthorityArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &ServeArgs) -> Result<Exit> {
    if args.signer.is_empty() {
        return Err(Error::usage("the signer's name is missing")
            .hint("give it with --signer, as --signer example.com/people"));
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
    let (bindings, records) = (KnownBindings::default(), Recording::default());
    let signer = Signer { host, settings, client: &args.client, ca, stop, bindings, records };
    let cluster = signer.connect()?;
    signer.introduce(&cluster);
    // The first look tells whether it can work at all.
    match answer_all(&signer, &cluster).await? {
        Some((_, handled)) if args.once => return Ok(handled),
        Some((version, handled)) => follow(&signer, Position::after(version, handled)).await,
        None => {}
    }
    host.say("stopped");
    Ok(Exit::Done)
}
