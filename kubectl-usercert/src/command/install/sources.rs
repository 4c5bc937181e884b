//! Where the certificate comes from: the request in the cluster, or a file; and what it must answer.

use std::path::Path;

use usercert_core::api::csr::{self, CsrObject};
use usercert_core::exchange::certificate_file::{self, ReceivedCertificate};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{show, show_path};
use usercert_core::x509::certificate::{Certificate, Expected};
use usercert_core::x509::lifetime::Lifetime;

use super::{CERTIFICATE_LIMIT, InstallArgs, kept};
use crate::cluster::Target;
use crate::error::{Error, Result, ResultExt as _};
use crate::ui::host::Host;
use crate::workflow::installation::{self, AwaitedCertificate, CheckedCertificate};
use crate::workflow::installed::{self, Holding};
use crate::workflow::own_request::read_key;
use crate::workflow::pending_request::{self, PendingRequest};
use crate::workflow::placement::ClusterEntry;
use crate::workflow::submitted_object;

/// The certificate comes from the request in the cluster.
pub(super) async fn from_cluster(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
) -> Result<CheckedCertificate> {
    let cluster = target.connect()?;
    let (object, awaited) = match &args.key {
        Some(file) => {
            let plain = || Ok(csr::name_for_user(args.name.as_deref().ok_or_else(nameless)?));
            let name = args.csr_name.clone().map_or_else(plain, Ok::<_, Error>)?;
            let object = submitted_object::read_request(&cluster, &name).await?;
            let awaited = awaited_for(args, file, &object)?;
            (object, awaited)
        }
        None => {
            let kept = kept::find(host, args, target, &cluster).await?;
            let flags = args.client.repeated();
            let object = submitted_object::read_kept(&cluster, &kept.record, &flags).await?;
            same_user(kept.record.identity.user.as_str(), args)?;
            (object, AwaitedCertificate::of_pending(&kept)?)
        }
    };
    if let Ok(request) = object.certificate_request() {
        let name = show(&object.metadata.name);
        host.say(format!("request {name} with the code {}", request.code().short()));
    }
    // From here on it is this very object that is waited for.
    let limit = args.timeout.timeout.for_waiting();
    let chain = installation::collect(host, &cluster, object, &awaited, limit, None).await?;
    installation::check(host, ClusterEntry::of(target), chain, awaited, args.trial()).await
}

/// What the certificate for a key of one's own must be: what the request in the cluster asks for, which
/// must have been made with that very key.
fn awaited_for(args: &InstallArgs, file: &Path, object: &CsrObject) -> Result<AwaitedCertificate> {
    let found = object.certificate_request()?;
    let key = read_key(file)?;
    if *key.public() != found.key {
        return Err(Error::new(format!(
            "the key {} does not belong to the request {}",
            show_path(file),
            show(&object.metadata.name)
        ))
        .hint("name the request with --csr-name, or the right key with --key"));
    }
    same_user(found.subject.user(), args)?;
    let lifetime = object.spec.expiration_seconds.and_then(Lifetime::from_seconds);
    let signer_name = Some(object.spec.signer_name.clone());
    Ok(AwaitedCertificate {
        key,
        expected: Expected::of(&found, lifetime),
        signer_name,
        kept: None,
        replaces: None,
    })
}

fn same_user(found: &str, args: &InstallArgs) -> Result<()> {
    if args.may_be(found) {
        return Ok(());
    }
    Err(Error::new(format!("this is for the user {}, not for {}", show(found), args.who()))
        .hint("nothing was written; name that user, or leave the name out"))
}

fn nameless() -> Error {
    Error::usage("no user or request is named")
        .hint("with --key, name the user or the request: NAME, or --csr-name")
}

/// The certificate comes from a file; the cluster is the context's.
pub(super) async fn from_certificate(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
    file: &Path,
) -> Result<CheckedCertificate> {
    let data = host.input(file, CERTIFICATE_LIMIT)?;
    let chain = match certificate_file::read(&data).context(show_path(file))? {
        ReceivedCertificate::Reply(_) => {
            return Err(Error::usage(format!("{} is a reply", show_path(file)))
                .hint("install it with --reply"));
        }
        ReceivedCertificate::Certificates(chain) | ReceivedCertificate::Object(_, chain) => chain,
    };
    let awaited = awaited_by(args, &chain, &target.endpoint, false)?;
    installation::check(host, ClusterEntry::of(target), chain, awaited, args.trial()).await
}

/// What a certificate must be that was handed over: the kept request that has its key, or what one's own
/// key allows.
pub(super) fn awaited_by(
    args: &InstallArgs,
    chain: &[Certificate],
    endpoint: &Endpoint,
    server_vouched: bool,
) -> Result<AwaitedCertificate> {
    if let Some(key) = &args.key {
        return own_key(args, key, chain);
    }
    let user = chain.first().map(|leaf| leaf.subject.user()).unwrap_or_default();
    same_user(user, args)?;
    let Some(kept) = kept_for_key(chain)? else { return installed_key(args, chain, endpoint) };
    same_cluster(&kept, endpoint, server_vouched)?;
    let awaited = AwaitedCertificate::of_pending(&kept)?;
    same_user(&awaited.expected.user, args)?;
    Ok(awaited)
}

/// The key is in the kubeconfig already, with another certificate for the same user and groups.
fn installed_key(
    args: &InstallArgs,
    chain: &[Certificate],
    endpoint: &Endpoint,
) -> Result<AwaitedCertificate> {
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate"))?;
    let kubeconfig = args.client.kubeconfig.as_deref();
    let (replaces, old, key) = match installed::holding(kubeconfig, endpoint, leaf)? {
        Some(Holding::Other { replaceable, leaf, key }) => (replaceable, leaf, key),
        Some(Holding::This { context }) => return Err(kept::already_installed(leaf, &context)),
        Some(Holding::Elsewhere { context }) => {
            return Err(kept::none_for_key(leaf, Some(&context)));
        }
        None => return Err(kept::none_for_key(leaf, None)),
    };
    if let Some(context) = &replaces
        && !args.replace
        && args.standalone.is_none()
        && args.context_name.is_none()
    {
        return Err(Error::new(format!(
            "the context {} holds another certificate for the same key, until {}; this one is until {}",
            show(context),
            old.not_after,
            leaf.not_after
        ))
        .hint("nothing was written; to put this certificate in its place, add --replace"));
    }
    let expected = Expected {
        spki: key.public().spki.clone(),
        user: old.subject.user().to_owned(),
        groups: old.subject.groups(),
        lifetime: None,
    };
    Ok(AwaitedCertificate { key: *key, expected, signer_name: None, kept: None, replaces })
}

/// With a key of one's own and no kept request, user and groups are the certificate's.
fn own_key(args: &InstallArgs, key: &Path, chain: &[Certificate]) -> Result<AwaitedCertificate> {
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate"))?;
    same_user(leaf.subject.user(), args)?;
    let key = read_key(key)?;
    let expected = Expected {
        spki: key.public().spki.clone(),
        user: leaf.subject.user().to_owned(),
        groups: leaf.subject.groups(),
        lifetime: None,
    };
    Ok(AwaitedCertificate { key, expected, signer_name: None, kept: None, replaces: None })
}

/// A request that was submitted to one cluster is not answered for another: whoever has seen it could
/// have signed it, and its key would be gone.
///
/// # Errors
/// When the CA differs, or the server does and `server_vouched` does not say that this is meant so.
fn same_cluster(kept: &PendingRequest, endpoint: &Endpoint, server_vouched: bool) -> Result<()> {
    let Some(submitted) = &kept.record.submitted else { return Ok(()) };
    let what = if submitted.ca != endpoint.ca_digest() {
        "another CA"
    } else if !submitted.is_at_address(endpoint) && !server_vouched {
        "another server"
    } else {
        return Ok(());
    };
    Err(Error::new(format!(
        "the request was submitted to {}, but this answer is for {what} ({})",
        show(&submitted.server),
        show(&endpoint.server)
    ))
    .hint("nothing was written and the key is kept; ask the admin which cluster is meant\n(a reply under another address of the same cluster: give its code with --expect-reply)"))
}

/// The kept request whose key the certificate is for.
fn kept_for_key(chain: &[Certificate]) -> Result<Option<PendingRequest>> {
    let Some(leaf) = chain.first() else { return Ok(None) };
    let store = pending_request::store()?;
    if let Some(found) = pending_request::load(&store, &pending_request::offline_id(&leaf.key))? {
        return Ok(Some(found));
    }
    let all = pending_request::all(&store)?;
    Ok(all.into_iter().find(|p| p.request().is_ok_and(|r| r.key == leaf.key)))
}
