//! `install NAME`.

mod from_reply;
mod kept;
mod sources;

use std::path::{Path, PathBuf};

use clap::Args;

use usercert_core::text::{shell_word, show};

use crate::cluster::{Kubeconfig, Target};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs, Timeout, TimeoutArgs};
use crate::ui::host::Host;
use crate::workflow::installation;
use crate::workflow::own_request::warn_of_readers;
use crate::workflow::pending_request;
use crate::workflow::placement::{self, AutoRenew, Placement};

/// Longest certificate file that is read, in bytes.
const CERTIFICATE_LIMIT: usize = 1024 * 1024;

/// Put the issued certificate and its key into the kubeconfig
///
/// Waits for the certificate if necessary, checks it against the request and the key, tries it on the
/// server, and only then writes the kubeconfig. The kept key is deleted once the kubeconfig is written.
///
/// Examples:
///
///   # The only request that waits here; the new context becomes the current one
///   kubectl usercert install --use
///
///   # From the admin's answer, without access to the cluster
///   kubectl usercert install --reply alice.kubeconfig
///
///   # Into a file of its own
///   kubectl usercert install alice --standalone alice.conf
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct InstallArgs {
    /// The user, as given to request; optional if only one request waits, or with --reply
    pub name: Option<String>,
    /// Name of the context and user entry, instead of NAME@CLUSTER
    #[arg(long, value_name = "NAME")]
    pub context_name: Option<String>,
    /// Make it the current context
    #[arg(long = "use")]
    pub use_context: bool,
    /// Take certificate and cluster from this reply ("-": standard input); the cluster is not
    /// contacted
    #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
    pub reply: Option<PathBuf>,
    /// Accept the reply only if it has this code, short or full
    #[arg(long, value_name = "CODE", requires = "reply")]
    pub expect_reply: Option<String>,
    /// Take the certificate from this file ("-": standard input) instead of the request
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The private key, if it is not the one that request keeps
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Name of the CertificateSigningRequest, if it is not the user's
    #[arg(long, value_name = "NAME")]
    pub csr_name: Option<String>,
    /// Write a kubeconfig of its own to this file, which must not exist
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replace", "use_context"])]
    pub standalone: Option<PathBuf>,
    /// Replace the entry of the same cluster and user
    #[arg(long)]
    pub replace: bool,
    /// Let the certificate renew itself: kubectl asks this program for it (`credential`), which keeps it in
    /// a private store and requests its successor in time
    #[arg(long)]
    pub auto_renew: bool,
    /// Do not try the certificate on the server
    #[arg(long)]
    pub no_verify: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    pub timeout: TimeoutArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

impl InstallArgs {
    /// Whether this user is meant, as far as a name is given.
    fn may_be(&self, user: &str) -> bool {
        self.name.as_deref().is_none_or(|name| name == user)
    }

    /// The name that was given, as it can be shown.
    fn who(&self) -> String {
        self.name.as_deref().map_or("anybody".to_owned(), show)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run.dry_run != DryRun::None
    }

    /// How long trying the certificate out may take; `None` where that is not done.
    fn trial(&self) -> Option<Timeout> {
        Some(self.client.request_timeout).filter(|_| !self.no_verify && !self.is_dry_run())
    }

    fn placement(&self) -> Placement {
        Placement {
            context_name: self.context_name.clone(),
            namespace: self.client.namespace.clone(),
            renewed: None,
            standalone: self.standalone.clone(),
            replace: self.replace,
            use_context: self.use_context,
            auto_renew: self
                .auto_renew
                .then(|| AutoRenew::New { kuberc: self.client.kuberc.clone() }),
        }
    }
}

pub async fn run(host: &Host, args: &InstallArgs) -> Result<Exit> {
    installation::refuse_insecure(args.client.insecure_skip_tls_verify)?;
    if args.standalone.is_none() && !args.replace && !args.is_dry_run() {
        placement::must_be_writable(&Kubeconfig::list(args.client.kubeconfig.as_deref())?)?;
    }
    args.key.iter().for_each(|file| warn_of_readers(host, file));
    let (checked, list) = match (&args.reply, &args.certificate) {
        (Some(file), _) => {
            let checked = from_reply::from_reply(host, args, file).await?;
            (checked, Kubeconfig::list(args.client.kubeconfig.as_deref())?)
        }
        (None, Some(file)) => {
            let target = Target::resolve(&args.client)?;
            let checked = sources::from_certificate(host, args, &target, file).await?;
            (checked, target.kubeconfig.list)
        }
        (None, None) => {
            let target = Target::resolve(&args.client).map_err(|e| made_offline(args, e))?;
            let checked = sources::from_cluster(host, args, &target).await?;
            (checked, target.kubeconfig.list)
        }
    };
    let (placement, format) = (args.placement(), args.output.format);
    if args.is_dry_run() {
        checked.dry_run(host, &list, &placement, format)?;
    } else {
        checked.install(host, &list, &placement, format).await?;
    }
    Ok(Exit::Done)
}

/// Without a cluster to ask, a request that was made offline is the likely one.
fn made_offline(args: &InstallArgs, error: Error) -> Error {
    let kept =
        pending_request::store().and_then(|store| pending_request::all(&store)).unwrap_or_default();
    let offline = kept
        .iter()
        .any(|p| p.record.submitted.is_none() && args.may_be(p.record.identity.user.as_str()));
    match &args.name {
        Some(name) if Path::new(name).is_file() => error.hint(format!(
            "a file has that name; to install an answer from it:\n  kubectl usercert install --reply {}",
            shell_word(name)
        )),
        _ if offline => error.hint(OFFLINE_HINT),
        _ => error,
    }
}

const OFFLINE_HINT: &str =
    "a request was made offline: install the admin's answer with --reply FILE";
