//! Getting a certificate that renews itself a successor.

use std::time::Duration;

use usercert_core::api::csr::{self, Progress, Whose};
use usercert_core::exchange::command_lines;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::lifecycle::credential::StoredCredential;
use usercert_core::text::{shell_word, show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{Certificate, Outcome, chain_to_pem};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::{KeyType, PublicKey};
use usercert_core::x509::lifetime::{self, expiry_in_words};
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Need, WaitEnd, explain};
use crate::error::{Error, Result};
use crate::ui::args::{Expires, Timeout};
use crate::ui::host;
use crate::workflow::await_certificate;
use crate::workflow::installation::AwaitedCertificate;
use crate::workflow::own_request::{KeySource, RequestSpec};
use crate::workflow::pending_request::{self, PendingRequest, SubmittedTo};
use crate::workflow::stored_credential::OpenStore;
use crate::workflow::submission::{self, Submission};

/// How a renewal went.
pub enum Renewal {
    /// The new certificate is in the store.
    Renewed,
    /// The request waits for somebody: what to send to an admin, and the code to read to them.
    Pending { line: String, code: String },
}

/// Renews a certificate by its own means: submits a request, or takes up the one that is pending, waits for
/// `limit` if it is new, checks and tries what was issued, and only then puts it into the store. The lock
/// of the store is the caller's to hold.
///
/// # Errors
/// No new certificate. A request that was denied or has failed is forgotten with its key.
pub async fn renew(
    open: &OpenStore,
    endpoint: &Endpoint,
    limit: Duration,
    timeout: Timeout,
) -> Result<Renewal> {
    let spec = spec(open)?;
    let pending = match pending(&spec, endpoint, &open.leaf.key)? {
        Some(pending) => pending,
        None => begin(&spec, endpoint)?,
    };
    let submitted = pending.record.submitted.as_ref();
    let (name, uid) = submitted.map(|s| (s.csr_name.clone(), s.uid.clone())).unwrap_or_default();
    let cluster = open.connect(endpoint, timeout)?;
    let manifest = spec.manifest(&name, &pending.request()?)?;
    let requests = pending_request::store()?;
    let object = match submission::submit_as(&cluster, &name, &manifest, Whose::Own, &uid).await? {
        Submission::Created(object) | Submission::TakenUp(object) => object.into_fields(),
        Submission::Ended(object) => {
            requests.remove(&pending.id)?;
            return Err(await_certificate::ended(&name, csr::progress(Some(&object), "")));
        }
        Submission::Unseen => {
            return Err(Error::new(
                "the server does not let this certificate read its own request",
            )
            .hint(
                "renewing needs the rights to create, get and watch certificatesigningrequests",
            ));
        }
        Submission::Rejected(error) => return Err(error),
        Submission::NameTaken => {
            requests.remove(&pending.id)?;
            return Err(Error::new(format!("another request has the name {}", show(&name))));
        }
    };
    // Pending requests are forgotten after a day, decided ones after an hour: then it is a new one.
    let new = object.metadata.uid != uid;
    if new {
        let mut record = pending.record.clone();
        let uid = object.metadata.uid.clone();
        record.submitted = Some(SubmittedTo { uid, ..SubmittedTo::new(endpoint, &name) });
        pending_request::update(&requests, &pending.id, &record)?;
    }
    let line = await_certificate::approve_line(&object);
    let code = pending.record.code.clone();
    let uid = object.metadata.uid.clone();
    let limit = if new { limit } else { Duration::ZERO };
    let end = cluster.wait(object, &uid, limit).await;
    let object = match end.map_err(|e| explain(&e, &cluster.server, &Need::Get))? {
        WaitEnd::TimedOut(_) => return Ok(Renewal::Pending { line, code }),
        WaitEnd::Progress(Progress::Issued, Some(object)) => *object,
        // Whoever takes its place next time submits it again.
        WaitEnd::Progress(progress @ (Progress::Vanished | Progress::Replaced), _) => {
            return Err(await_certificate::ended(&name, progress));
        }
        WaitEnd::Progress(progress, _) => {
            requests.remove(&pending.id)?;
            return Err(await_certificate::ended(&name, progress));
        }
    };
    let chain = await_certificate::chain_of(&object)?;
    let stored = checked(open, endpoint, &chain, &pending, timeout).await?;
    open.files.promote(&stored)?;
    requests.remove(&pending.id)?;
    Ok(Renewal::Renewed)
}

/// The new certificate in its stored form, once it answers the request and the server has accepted it.
async fn checked(
    open: &OpenStore,
    endpoint: &Endpoint,
    chain: &[Certificate],
    pending: &PendingRequest,
    timeout: Timeout,
) -> Result<StoredCredential> {
    let AwaitedCertificate { key, expected, .. } = AwaitedCertificate::of_pending(pending)?;
    let now = host::now();
    let checks = await_certificate::compare(chain, &expected, &endpoint.ca(), now)?;
    await_certificate::passed(&checks)?;
    let key_pem = key.to_pem();
    let (user, groups) = (&expected.user, &expected.groups);
    let cluster = Cluster::with_certificate(endpoint, chain, &key_pem, timeout)?;
    let tried = await_certificate::try_out(&cluster, chain, user, groups).await?;
    if tried.outcome != Outcome::Pass {
        return Err(Error::new(format!("the new certificate is {}", tried.message)));
    }
    Ok(StoredCredential {
        certificate: chain_to_pem(chain),
        key: Zeroizing::new(key_pem.to_string()),
        ..open.stored.clone()
    })
}

/// The same user and groups, lifetime and kind of key.
fn spec(open: &OpenStore) -> Result<RequestSpec> {
    let leaf = &open.leaf;
    let groups: Vec<String> = leaf.subject.groups().into_iter().collect();
    Ok(RequestSpec {
        identity: Identity::parse(leaf.subject.user(), &groups)?,
        expires: Expires::After(lifetime::asked_for(leaf.not_before, leaf.not_after)),
        key: KeySource::New(KeyType::of(&leaf.key.kind).unwrap_or(KeyType::P256)),
        signer: open.stored.signer_name.clone(),
        csr_name: None,
    })
}

/// The request of an earlier attempt, or of the person's own `renew`.
fn pending(
    spec: &RequestSpec,
    endpoint: &Endpoint,
    present: &PublicKey,
) -> Result<Option<PendingRequest>> {
    let requests = pending_request::store()?;
    for found in pending_request::all(&requests)? {
        let record = &found.record;
        if !record.is_at(endpoint)
            || record.identity != spec.identity
            || record.signer_name != spec.signer
        {
            continue;
        }
        // What a crash has left behind after the certificate was stored.
        if found.key()?.public() == present {
            requests.remove(&found.id)?;
            continue;
        }
        return Ok(Some(found));
    }
    Ok(None)
}

/// Makes a key and a request for it, and keeps both.
fn begin(spec: &RequestSpec, endpoint: &Endpoint) -> Result<PendingRequest> {
    let made = spec.make()?;
    // Several machines of one user renew side by side.
    let name = csr::name_with_more_key(&spec.object_name()?, &made.csr.key);
    let id = pending_request::cluster_id(endpoint, &name);
    let record = spec.record(&made.csr, Some(SubmittedTo::new(endpoint, &name)));
    let requests = pending_request::store()?;
    pending_request::save(&requests, &id, &record, &made.key)?;
    pending_request::load(&requests, &id)?
        .ok_or_else(|| Error::new("the new key could not be read back"))
}

/// What somebody does whose certificate has ended before it was renewed. `why`: what the last attempt met.
pub fn too_late(
    context: &str,
    leaf: &Certificate,
    renews_itself: bool,
    why: Option<&str>,
    now: UnixTime,
) -> Error {
    let why = why.map(|why| format!("; the last renewal: {}", show_short(why, 300)));
    Error::new(format!(
        "the certificate of {} {}, so it cannot request another{}",
        show(leaf.subject.user()),
        expiry_in_words(leaf.not_after, now),
        why.unwrap_or_default()
    ))
    .hint(ask_anew(Some(context), leaf, renews_itself))
}

/// How to get the same once more without the certificate that has expired. `context` has it.
pub fn ask_anew(context: Option<&str>, leaf: &Certificate, renews_itself: bool) -> String {
    let groups = leaf.subject.groups();
    let lifetime = lifetime::asked_for(leaf.not_before, leaf.not_after);
    let request = command_lines::request(
        leaf.subject.user(),
        groups.iter().map(String::as_str),
        &format!(" --offline{}", command_lines::expires(Some(lifetime))),
    );
    let name = context.map(|c| format!(" --context-name {}", shell_word(c))).unwrap_or_default();
    let auto = if renews_itself { " --auto-renew" } else { "" };
    format!(
        "use other credentials (--user or --token), or hand a request over:\n  {request}\n\
         and install the admin's answer:\n  kubectl usercert install --reply FILE{name} \
         --replace{auto} -- {}",
        shell_word(leaf.subject.user())
    )
}
