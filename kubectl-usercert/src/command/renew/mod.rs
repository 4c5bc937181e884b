//! `renew [CONTEXT]`.

mod switch;

use clap::Args;
use usercert_core::api::csr::CLIENT_SIGNER;
use usercert_core::kubeconfig::UserEntry;
use usercert_core::kubeconfig::self_renewing::StoreReference;
use usercert_core::lifecycle::credential::check_cluster;
use usercert_core::text::{shell_word, show, show_short};
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::identity::{Identity, SYSTEM_MASTERS};
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;

use crate::cluster::Target;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::named;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Expires, OutputArgs, TimeoutArgs};
use crate::ui::host::Host;
use crate::workflow::own_request::{KeySource, RequestSpec};
use crate::workflow::placement::{AutoRenew, Placement};
use crate::workflow::self_renewal::too_late;
use crate::workflow::stored_credential::OpenStore;
use crate::workflow::{installation, installed};
use crate::workflow::{kubeconfig_writer, submission};

/// Replace a context's certificate before it expires, with a new key
///
/// Requests a certificate with the current one, waits for an admin's approval, checks and tries the new
/// certificate, and only then replaces the old one. Contexts, clusters and all other entries stay as
/// they are. The old certificate stays valid until it expires. If the approval takes longer, run the
/// same command again to resume.
///
/// Examples:
///
///   kubectl usercert renew
///
///   kubectl usercert renew alice@prod --expires 90d --timeout 1h
///
///   kubectl usercert renew --auto      # from now on it renews itself
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RenewArgs {
    /// Context to renew, instead of the current one
    #[arg(value_name = "CONTEXT", conflicts_with = "context")]
    pub name: Option<String>,
    /// Lifetime to request, such as 24h, 30d or 12w, instead of the current certificate's; "signer"
    /// leaves it
    /// to the signer
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub expires: Option<String>,
    /// Kind of key, instead of the current one's: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE")]
    pub key_type: Option<String>,
    /// Renew nothing now, but let the certificate renew itself from now on: kubectl asks this program for
    /// it (`credential`), which keeps it in a private store
    #[arg(long, conflicts_with_all = ["expires", "key_type"])]
    pub auto: bool,
    /// Renew nothing, but move a certificate that renews itself back into the kubeconfig
    #[arg(long = "static", conflicts_with_all = ["auto", "expires", "key_type"])]
    pub make_static: bool,
    /// Signer to request the certificate from
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    pub timeout: TimeoutArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

struct Renewed {
    context_name: String,
    user_name: String,
    leaf: Certificate,
    /// Where the certificate is kept, if it renews itself.
    store: Option<StoreReference>,
}

pub async fn run(host: &Host, args: &RenewArgs) -> Result<Exit> {
    let mut client = args.client.clone();
    if args.name.is_some() {
        client.context.clone_from(&args.name);
    }
    let target = Target::resolve(&client).map_err(|error| match user_instead(args) {
        Some(instead) => error.hint(instead),
        None => error,
    })?;
    let renewed = present(&target)?;
    if args.make_static {
        return switch::to_static(host, args, &target, &renewed);
    }
    if renewed.leaf.subject.groups().contains(SYSTEM_MASTERS) {
        return Err(for_masters(&renewed.leaf));
    }
    let itself = client.user.is_none() && client.token.is_none();
    let itself = itself && client.client_certificate.is_none();
    let leaf = &renewed.leaf;
    if itself && host.now() > leaf.not_after {
        let auto = args.auto || renewed.store.is_some();
        return Err(too_late(&renewed.context_name, leaf, auto, None, host.now()));
    }
    if args.auto {
        return switch::to_auto(host, args, &target, &renewed).await;
    }
    let dropped: Vec<&str> = leaf.subject.dropped().map(|a| a.name()).collect();
    if !dropped.is_empty() {
        host.warn(format!(
            "warning: the new certificate will name user and groups only, without {}",
            show(&dropped.join(", "))
        ));
    }
    let spec = spec(args, leaf)?;
    spec.warn_of_names(host);
    let format = args.output.format;
    if args.dry_run.dry_run == DryRun::Client {
        spec.dry_run(host, format)?;
        return Ok(Exit::Done);
    }
    let store = renewed.store.as_ref().filter(|_| itself).map(OpenStore::of).transpose()?;
    // By the stored certificate itself: asking for it as clients do might renew it.
    let cluster = match &store {
        Some(open) => {
            check_cluster(&open.stored.endpoint(), &target.endpoint)?;
            open.connect(&target.endpoint, client.request_timeout)?
        }
        None => target.connect()?,
    };
    if args.dry_run.dry_run == DryRun::Server {
        spec.dry_run_on_server(host, &cluster, format).await?;
        return Ok(Exit::Done);
    }
    installation::refuse_insecure(client.insecure_skip_tls_verify)?;
    // Once it is submitted, whoever renews it meanwhile takes up the same request.
    let lock = store.as_ref().map(OpenStore::lock).transpose()?;
    let submitted = submission::from_store(host, &spec, &target, &cluster).await?;
    drop(lock);
    let placement = Placement {
        context_name: Some(renewed.context_name),
        renewed: Some(renewed.user_name),
        auto_renew: renewed.store.map(AutoRenew::In),
        ..Placement::default()
    };
    let limit = args.timeout.timeout.for_waiting();
    installation::after_submission(host, &target, &cluster, submitted, &placement, limit, format)
        .await?;
    Ok(Exit::Done)
}

/// The same user and groups, with a new key; everything else as before unless given otherwise.
fn spec(args: &RenewArgs, leaf: &Certificate) -> Result<RequestSpec> {
    let groups: Vec<String> = leaf.subject.groups().into_iter().collect();
    let spec = RequestSpec {
        identity: Identity::parse(leaf.subject.user(), &groups).usage()?,
        expires: match &args.expires {
            Some(text) => text.parse::<Expires>().context("--expires").usage()?,
            None => Expires::After(lifetime::asked_for(leaf.not_before, leaf.not_after)),
        },
        key: KeySource::of(
            args.key_type.as_deref(),
            KeyType::of(&leaf.key.kind).unwrap_or(KeyType::P256),
        )?,
        signer: args.signer.clone(),
        csr_name: None,
    };
    spec.object_name()?;
    Ok(spec)
}

fn present(target: &Target) -> Result<Renewed> {
    let merged = &target.kubeconfig.merged;
    let name = target
        .resolved
        .context_name
        .clone()
        .ok_or_else(|| Error::usage("there is no context to renew").hint(SHOW))?;
    let context = merged
        .context(&name)
        .ok_or_else(|| Error::usage(format!("there is no context {}", show(&name))).hint(SHOW))?;
    let shown = show(&name);
    let user = merged.user(&context.user).unwrap_or_default();
    let entry = match named::certificate(&user)? {
        Some(pem) => UserEntry::new(&user, Some(&pem)),
        None => named::user_entry(&user),
    };
    if let (Err(_), Some(reference)) = (&entry.leaf, &entry.store) {
        // Why it cannot be read.
        OpenStore::of(reference)?;
    }
    let leaf = entry.leaf.context(format!("the certificate of {}", show(&context.user)))?;
    let leaf = leaf.ok_or_else(|| {
        Error::new(format!("the context {shown} has no certificate to renew"))
            .hint("request one: kubectl usercert request NAME")
    })?;
    let renewed = Renewed { context_name: name, user_name: context.user, leaf, store: entry.store };
    check_clusters(target, &renewed)?;
    Ok(renewed)
}

/// What to renew where the name is that of a user, not of a context.
fn user_instead(args: &RenewArgs) -> Option<String> {
    let user = args.name.as_deref()?;
    let contexts = installed::contexts_of(args.client.kubeconfig.as_deref(), user);
    let flags = ClientArgs { context: None, ..args.client.clone() }.repeated();
    let lines = contexts.iter().map(|context| {
        let dashes = if context.starts_with('-') { "-- " } else { "" };
        format!("  kubectl usercert renew{flags} {dashes}{}", shell_word(context))
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| {
        format!(
            "renew takes a context; those of the user {}:\n{}",
            show_short(user, 80),
            lines.join("\n")
        )
    })
}

const SHOW: &str = "`kubectl usercert contexts` lists the contexts";

/// Whoever shares the entry would be left with a certificate of another cluster.
fn check_clusters(target: &Target, renewed: &Renewed) -> Result<()> {
    let (merged, user) = (&target.kubeconfig.merged, renewed.user_name.as_str());
    let Some(other) = kubeconfig_writer::used_elsewhere(merged, &target.endpoint, user) else {
        return Ok(());
    };
    Err(Error::new(format!(
        "the user entry {} is also used for another cluster, by the context {}",
        show(user),
        show(&other)
    ))
    .hint("nothing was requested; get an entry for each cluster: kubectl usercert request, then install --context-name"))
}

/// No API server takes a request for that group.
fn for_masters(leaf: &Certificate) -> Error {
    Error::new(format!(
        "the certificate of {} is for the group {SYSTEM_MASTERS}, which no API server accepts in a request",
        show(leaf.subject.user())
    ))
    .hint("on a control plane of kubeadm: kubeadm certs renew admin.conf")
    .hint(
        "for access of your own, without that group: kubectl usercert request NAME -g GROUP --wait",
    )
}
