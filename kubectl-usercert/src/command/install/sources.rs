//! Where the certificate comes from: the request in the cluster, or a file; and what it must answer.

use usercert_core::api::csr::{self, CsrObject};
use usercert_core::exchange::certificate_file::{self, Answer as Received};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::lifetime::Lifetime;

use super::{Answer, CERTIFICATE_LIMIT, InstallArgs, OFFLINE_HINT, Ready, finish};
use crate::cluster::{Need, Target, explain};
use crate::command::request::read_key;
use crate::error::{Error, Result, ResultExt as _};
use crate::ui::host::Host;
use crate::workflow::await_certificate;
use crate::workflow::pending_request::{self, Pending};

/// The certificate comes from the request in the cluster.
pub(super) async fn from_cluster(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
) -> Result<Ready> {
    let cluster = target.connect()?;
    let kept = match &args.key {
        Some(_) => None,
        None => Some(find_kept(args, target)?),
    };
    let submitted = kept.as_ref().and_then(|k| k.record.submitted.as_ref());
    let csr_name = match (submitted, &args.csr_name) {
        (Some(submitted), _) => submitted.csr_name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => csr::name_for_user(&args.name),
    };
    let mut uid = submitted.map(|s| s.uid.clone()).unwrap_or_default();
    let object = match cluster.get_csr(&csr_name).await {
        Ok(object) => object,
        Err(error) if error.reason() == "NotFound" => {
            return Err(await_certificate::ended(&csr_name, csr::Progress::Vanished));
        }
        Err(error) => {
            return Err(explain(&error, &cluster.server, &Need::Get).hint(
                "without the right to read requests, ask the admin for a reply file:\n  kubectl usercert approve NAME --reply FILE",
            ));
        }
    };
    let answer = answer_for(args, kept.as_ref(), &object, &uid)?;
    if uid.is_empty() {
        // From here on it is this very object that is waited for.
        uid.clone_from(&object.metadata.uid);
    }
    let limit = args.timeout.timeout.for_waiting();
    let object = await_certificate::wait(host, &cluster, object.into_fields(), &uid, limit).await?;
    let chain = await_certificate::chain_of(&object)?;
    finish(
        host,
        args,
        target.endpoint.clone(),
        target.cluster_name(),
        target.namespace(),
        chain,
        answer,
    )
    .await
}

/// The kept request for this user and cluster.
fn find_kept(args: &InstallArgs, target: &Target) -> Result<Pending> {
    let store = pending_request::store()?;
    let name = args.csr_name.clone().unwrap_or_else(|| csr::name_for_user(&args.name));
    if let Some(found) =
        pending_request::load(&store, &pending_request::cluster_id(&target.endpoint, &name))?
    {
        return Ok(found);
    }
    let mut others = pending_request::all(&store)?;
    let here = |p: &Pending| p.record.submitted.as_ref().is_some_and(|s| s.is_at(&target.endpoint));
    let named = |p: &Pending| p.record.identity.user.as_str() == args.name;
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
            let mut error = Error::new(format!(
                "no request for {} to the server {} is kept on this machine",
                show(&args.name),
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
                shell_word(&args.name)
            )))
        }
        _ => {
            let names: Vec<String> = others
                .iter()
                .filter_map(|p| p.record.submitted.as_ref().map(|s| show(&s.csr_name)))
                .collect();
            Err(Error::new(format!("several requests for {} are kept", show(&args.name)))
                .hint(format!("choose one with --csr-name: {}", names.join(", "))))
        }
    }
}

/// What the certificate must be: the kept request, or for a key of one's own the request in the
/// cluster, which must have been made with that very key.
fn answer_for(
    args: &InstallArgs,
    kept: Option<&Pending>,
    object: &CsrObject,
    uid: &str,
) -> Result<Answer> {
    let found = object.request()?;
    if let Some(kept) = kept {
        if !uid.is_empty() && object.metadata.uid != uid || kept.request()?.key != found.key {
            return Err(await_certificate::ended(&object.metadata.name, csr::Progress::Replaced));
        }
        if kept.record.identity.user.as_str() != args.name {
            return Err(other_user(kept.record.identity.user.as_str(), &args.name));
        }
        return Answer::of_pending(kept);
    }
    let file = args.key.as_deref().ok_or_else(|| Error::new("there is no key"))?;
    let key = read_key(file)?;
    if *key.public() != found.key {
        return Err(Error::new(format!(
            "the key {} is not the one that the request {} was made with",
            show(&file.display().to_string()),
            show(&object.metadata.name)
        ))
        .hint("name the request with --csr-name, or the right key with --key"));
    }
    if found.subject.user() != args.name {
        return Err(other_user(found.subject.user(), &args.name));
    }
    Ok(Answer {
        key,
        user: found.subject.user().to_owned(),
        groups: found.subject.groups(),
        lifetime: object.spec.expiration_seconds.and_then(Lifetime::from_seconds),
        pending: None,
        submitted: false,
    })
}

/// It is somebody else's.
pub(super) fn other_user(found: &str, wanted: &str) -> Error {
    Error::new(format!("this is for the user {}, not for {}", show(found), show(wanted)))
        .hint("nothing was written")
}

/// The certificate comes from a file; the cluster is the context's.
pub(super) async fn from_certificate(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
    file: &std::path::Path,
) -> Result<Ready> {
    let data = host.input(file, CERTIFICATE_LIMIT)?;
    let chain = match certificate_file::read(&data).context(show(&file.display().to_string()))? {
        Received::Reply(_) => {
            return Err(Error::usage(format!("{} is a reply", show(&file.display().to_string())))
                .hint("install it with --reply"));
        }
        Received::Certificates(chain) | Received::Object(_, chain) => chain,
    };
    let answer = match &args.key {
        Some(key) => own_key(args, key, &chain)?,
        None => match kept_for_key(&chain)? {
            Some(kept) => {
                same_cluster(&kept, &target.endpoint, false)?;
                Answer::of_pending(&kept)?
            }
            None => return Err(no_key(args)),
        },
    };
    if answer.user != args.name {
        return Err(other_user(&answer.user, &args.name));
    }
    finish(
        host,
        args,
        target.endpoint.clone(),
        target.cluster_name(),
        target.namespace(),
        chain,
        answer,
    )
    .await
}

/// With a key of one's own and no kept request, user and groups are the certificate's.
pub(super) fn own_key(
    args: &InstallArgs,
    key: &std::path::Path,
    chain: &[Certificate],
) -> Result<Answer> {
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate"))?;
    if leaf.subject.user() != args.name {
        return Err(other_user(leaf.subject.user(), &args.name));
    }
    Ok(Answer {
        key: read_key(key)?,
        user: args.name.clone(),
        groups: leaf.subject.groups(),
        lifetime: None,
        pending: None,
        submitted: false,
    })
}

/// A request that was submitted to one cluster is not answered for another: whoever has seen it could
/// have signed it, and its key would be gone.
///
/// # Errors
/// When the CA differs, or the server does and `server_vouched` does not say that this is meant so.
pub(super) fn same_cluster(
    kept: &Pending,
    endpoint: &Endpoint,
    server_vouched: bool,
) -> Result<()> {
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
pub(super) fn kept_for_key(chain: &[Certificate]) -> Result<Option<Pending>> {
    let Some(leaf) = chain.first() else { return Ok(None) };
    let store = pending_request::store()?;
    if let Some(found) = pending_request::load(&store, &pending_request::offline_id(&leaf.key))? {
        return Ok(Some(found));
    }
    let all = pending_request::all(&store)?;
    Ok(all.into_iter().find(|p| p.request().is_ok_and(|r| r.key == leaf.key)))
}

/// Nothing here can use the certificate.
pub(super) fn no_key(args: &InstallArgs) -> Error {
    Error::new(format!(
        "no key for this certificate of {} is kept on this machine",
        show(&args.name)
    ))
    .hint("it answers another request, or the key is elsewhere: name it with --key FILE")
}
