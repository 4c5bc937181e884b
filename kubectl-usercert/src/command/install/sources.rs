//! Where the certificate comes from: the request in the cluster, or a file; and what it must answer.

use std::path::Path;

use usercert_core::api::csr::{self, CsrObject};
use usercert_core::exchange::certificate_file::{self, ReceivedCertificate};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{shell_word, show, show_path};
use usercert_core::x509::certificate::{Certificate, Expected};
use usercert_core::x509::lifetime::Lifetime;

use super::{CERTIFICATE_LIMIT, InstallArgs, OFFLINE_HINT};
use crate::cluster::Target;
use crate::error::{Error, Result, ResultExt as _};
use crate::ui::host::Host;
use crate::workflow::installation::{self, AwaitedCertificate, CheckedCertificate};
use crate::workflow::own_request::read_key;
use crate::workflow::pending_request::{self, PendingRequest};
use crate::workflow::placement::ClusterEntry;

/// The certificate comes from the request in the cluster.
pub(super) async fn from_cluster(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
) -> Result<CheckedCertificate> {
    let cluster = target.connect()?;
    let kept = match &args.key {
        Some(_) => None,
        None => Some(find_kept(args, target)?),
    };
    let submitted = kept.as_ref().and_then(|k| k.record.submitted.as_ref());
    let csr_name = match (submitted, &args.csr_name) {
        (Some(submitted), _) => submitted.csr_name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => csr::name_for_user(args.name.as_deref().ok_or_else(nameless)?),
    };
    let uid = submitted.map(|s| s.uid.clone()).unwrap_or_default();
    let object = installation::read_request(&cluster, &csr_name).await?;
    let awaited = awaited_for(args, kept.as_ref(), &object, &uid)?;
    if let Ok(request) = object.certificate_request() {
        host.say(format!("request {} with the code {}", show(&csr_name), request.code().short()));
    }
    // From here on it is this very object that is waited for.
    let limit = args.timeout.timeout.for_waiting();
    let chain = installation::collect(host, &cluster, object, limit).await?;
    installation::check(host, ClusterEntry::of(target), chain, awaited, args.trial()).await
}

fn find_kept(args: &InstallArgs, target: &Target) -> Result<PendingRequest> {
    let store = pending_request::store()?;
    if let Some(name) = &args.csr_name {
        let id = pending_request::cluster_id(&target.endpoint, name);
        if let Some(found) = pending_request::load(&store, &id)? {
            return Ok(found);
        }
    }
    let mut others = pending_request::all(&store)?;
    let here =
        |p: &PendingRequest| p.record.submitted.as_ref().is_some_and(|s| s.is_at(&target.endpoint));
    let named = |p: &PendingRequest| args.may_be(p.record.identity.user.as_str());
    let elsewhere: Vec<String> = others
        .iter()
        .filter(|p| named(p) && !here(p))
        .filter_map(|p| p.record.submitted.as_ref().map(|s| show(&s.server)))
        .collect();
    let offline = others.iter().any(|p| named(p) && p.record.submitted.is_none());
    others.retain(|p| here(p) && named(p) && args.csr_name.is_none());
    match others.len() {
        1 => others.pop().ok_or_else(|| Error::new("no request is kept")),
        0 => {
            // It may be the one that is looked for.
            if let Some(error) = pending_request::unreadable(&store)? {
                return Err(error.hint("a request is kept that cannot be used as it is; mend that, and run the command again"));
            }
            let mut error = Error::new(format!(
                "no request for {} to the server {} is kept on this machine",
                args.who(),
                show(&target.endpoint.server)
            ));
            if !elsewhere.is_empty() {
                error = error.hint(format!(
                    "there is one for {}: choose its context with --context",
                    elsewhere.join(", ")
                ));
            }
            if offline {
                error = error.hint(OFFLINE_HINT);
            }
            Err(error.hint(format!(
                "make one with `kubectl usercert request {}`, or name the key with --key FILE",
                args.name.as_deref().map_or("NAME".to_owned(), shell_word)
            )))
        }
        _ => {
            let lines: Vec<String> = others
                .iter()
                .filter_map(|p| Some((p.record.submitted.as_ref()?, &p.record.identity.user)))
                .map(|(s, user)| {
                    let (name, user) = (shell_word(&s.csr_name), shell_word(user.as_str()));
                    format!("\n  kubectl usercert install --csr-name {name} -- {user}")
                })
                .collect();
            Err(Error::new(format!("{} requests for {} are kept", lines.len(), args.who()))
                .hint(format!("choose one:{}", lines.concat())))
        }
    }
}

/// What the certificate must be: the kept request, or for a key of one's own the request in the
/// cluster, which must have been made with that very key.
fn awaited_for(
    args: &InstallArgs,
    kept: Option<&PendingRequest>,
    object: &CsrObject,
    uid: &str,
) -> Result<AwaitedCertificate> {
    if let Some(kept) = kept {
        installation::still_ours(object, uid, &kept.request()?.key)?;
        same_user(kept.record.identity.user.as_str(), args)?;
        return AwaitedCertificate::of_pending(kept);
    }
    let found = object.certificate_request()?;
    let file = args.key.as_deref().ok_or_else(|| Error::new("there is no key"))?;
    let key = read_key(file)?;
    if *key.public() != found.key {
        return Err(Error::new(format!(
            "the key {} is not the one that the request {} was made with",
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
    Error::usage("whose request is to be installed?")
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
    let kept = kept_for_key(chain)?.ok_or_else(|| {
        let user = show(user);
        Error::new(format!("no key for this certificate of {user} is kept on this machine"))
            .hint("it answers another request, or the key is elsewhere: name it with --key FILE")
    })?;
    same_cluster(&kept, endpoint, server_vouched)?;
    let awaited = AwaitedCertificate::of_pending(&kept)?;
    same_user(&awaited.expected.user, args)?;
    Ok(awaited)
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
    Ok(AwaitedCertificate { key, expected, signer_name: None, kept: None })
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
    } else if submitted.server != endpoint.server && !server_vouched {
        "another server"
    } else {
        return Ok(());
    };
    Err(Error::new(format!(
        "the request was submitted to {}, and this answer is for {what} ({})",
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
