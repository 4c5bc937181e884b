//! Sending a request to the cluster, under a name that is free.

use std::path::Path;

use usercert_core::api::csr::{self, Object, State};
use usercert_core::text::show;

use super::{Asked, Made, RequestArgs, take_up_or_make};
use crate::cluster::{ApiError, Cluster, Need, Target, explain};
use crate::error::{Error, Result};
use crate::ui::host::Host;
use crate::workflow::await_certificate;
use crate::workflow::pending_request::{self, Submitted};

/// Submits a request whose key is kept in the state folder.
pub(super) async fn from_store(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    target: &Target,
    cluster: &Cluster,
) -> Result<(Object, Made)> {
    let store = pending_request::store()?;
    let mut name = asked.csr_name.clone();
    let mut id = pending_request::cluster_id(&target.endpoint, &name);
    let mut earlier = pending_request::load(&store, &id)?;
    if earlier.is_none() && args.csr_name.is_none() {
        // An earlier run may have had to add a suffix to the name.
        earlier = pending_request::all(&store)?.into_iter().find(|p| {
            p.record.identity == asked.identity
                && p.record
                    .submitted
                    .as_ref()
                    .is_some_and(|s| s.is_at(&target.endpoint) && s.csr_name.starts_with(&name))
        });
        if let Some(found) = earlier.as_ref().and_then(|p| p.record.submitted.as_ref()) {
            name.clone_from(&found.csr_name);
            id = pending_request::cluster_id(&target.endpoint, &name);
        }
    }
    let known_uid = earlier
        .as_ref()
        .and_then(|p| p.record.submitted.as_ref())
        .map(|s| s.uid.clone())
        .unwrap_or_default();
    let made = match take_up_or_make(args, asked, earlier.as_ref())? {
        Some(made) => made,
        // The kept key belongs to another identity under the same name: both must live on.
        None => {
            let key = args.make_key(asked)?;
            let csr = key.certificate_request(&asked.identity)?;
            name = csr::name_with_key(&asked.csr_name, &csr.key);
            id = pending_request::cluster_id(&target.endpoint, &name);
            Made { key, csr, taken_up: false }
        }
    };
    let submitted = |name: &str, uid: &str| Submitted {
        uid: uid.to_owned(),
        ..Submitted::to(&target.endpoint, name)
    };
    if made.taken_up {
        tell_differences(host, args, asked, earlier.as_ref());
    } else {
        pending_request::save(
            &store,
            &id,
            &args.record(asked, &made.csr, Some(submitted(&name, ""))),
            &made.key,
        )?;
    }
    let object = match submit(host, args, asked, cluster, &name, &made, &known_uid).await? {
        Submission::Done(object) => *object,
        Submission::NameTaken => {
            if args.csr_name.is_some() {
                if !made.taken_up {
                    store.remove(&id)?;
                }
                return Err(name_taken(&name));
            }
            let longer = csr::name_with_key(&asked.csr_name, &made.csr.key);
            if longer == name {
                return Err(name_taken(&name));
            }
            host.say(format!(
                "the name {} is taken by another request; this one is named {}",
                show(&name),
                show(&longer)
            ));
            let new_id = pending_request::cluster_id(&target.endpoint, &longer);
            if pending_request::load(&store, &new_id)?.is_none() {
                let record = args.record(asked, &made.csr, Some(submitted(&longer, "")));
                pending_request::save(&store, &new_id, &record, &made.key)?;
            }
            store.remove(&id)?;
            id = new_id;
            match submit(host, args, asked, cluster, &longer, &made, "").await? {
                Submission::Done(object) => *object,
                Submission::NameTaken => return Err(name_taken(&longer)),
            }
        }
    };
    let mut record =
        args.record(asked, &made.csr, Some(submitted(&object.metadata.name, &object.metadata.uid)));
    // What the object asks for counts, whatever this run was told.
    record.expiration_seconds = object.spec.expiration_seconds.and_then(|s| i32::try_from(s).ok());
    store.update_request(&id, &serde_json::to_vec_pretty(&record)?)?;
    Ok((object, made))
}

/// A request that is taken up stays what it was.
fn tell_differences(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    earlier: Option<&pending_request::Pending>,
) {
    let Some(earlier) = earlier else { return };
    let lifetime = asked.expires.lifetime().map(usercert_core::x509::lifetime::Lifetime::seconds);
    if earlier.record.expiration_seconds != lifetime {
        host.warn(format!(
            "note: the unfinished request of an earlier run is taken up; its lifetime stays, --expires {} does not apply",
            show(&args.expires)
        ));
    }
}

fn name_taken(name: &str) -> Error {
    Error::new(format!(
        "certificatesigningrequests.certificates.k8s.io {} already exists, and it is another request",
        show(name)
    ))
    .hint("choose another name with --csr-name; nobody else's request was touched")
}

/// Submits a request whose key, request and manifest are put into a directory.
pub(super) async fn from_files(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    cluster: &Cluster,
    dir: &Path,
) -> Result<(Object, Made)> {
    let key = args.make_key(asked)?;
    let csr = key.certificate_request(&asked.identity)?;
    let made = Made { key, csr, taken_up: false };
    super::offline::write_files(host, args, asked, dir, &made)?;
    match submit(host, args, asked, cluster, &asked.csr_name, &made, "").await? {
        Submission::Done(object) => Ok((*object, made)),
        Submission::NameTaken => Err(name_taken(&asked.csr_name)
            .hint("key and request are in the directory; give that key with --key")),
    }
}

enum Submission {
    Done(Box<Object>),
    NameTaken,
}

async fn submit(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    cluster: &Cluster,
    name: &str,
    made: &Made,
    known_uid: &str,
) -> Result<Submission> {
    let manifest = args.manifest(asked, name, &made.csr);
    match cluster.create_csr(&manifest, false).await {
        Ok(object) => Ok(Submission::Done(Box::new(object.into_fields()))),
        Err(error) if error.reason() == "AlreadyExists" => {
            let object = match cluster.get_csr(name).await {
                Ok(object) => object,
                // Not allowed to look: it is ours if an earlier run was told its UID.
                Err(ApiError::Status(s)) if s.code == 403 && !known_uid.is_empty() => {
                    let mut object = Object::from_value(&manifest)?;
                    known_uid.clone_into(&mut object.metadata.uid);
                    return Ok(Submission::Done(Box::new(object)));
                }
                Err(ApiError::Status(s)) if s.code == 403 || s.code == 404 => {
                    return Ok(Submission::NameTaken);
                }
                Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
            };
            let ours = object.request().is_ok_and(|r| {
                r.key == made.csr.key
                    && r.subject.user() == asked.identity.user.as_str()
                    && r.subject.groups() == asked.identity.group_set()
            }) && object.spec.signer_name == args.signer
                && object.spec.usages == asked.usages;
            match object.state() {
                _ if !ours => Ok(Submission::NameTaken),
                State::Denied { .. } | State::Failed { .. } => {
                    let progress = csr::progress(Some(&object), "");
                    Err(await_certificate::ended(name, progress)
                        .hint("to ask again with a new key under another name, add --csr-name"))
                }
                _ => {
                    if !known_uid.is_empty() && object.metadata.uid != known_uid {
                        host.warn("note: the earlier request is gone; somebody has submitted the same one again");
                    }
                    Ok(Submission::Done(Box::new(object.into_fields())))
                }
            }
        }
        Err(error) if error.code() == 403 => {
            Err(explain(&error, &cluster.server, &Need::Create).hint(
                "without the right to submit, hand the request over as a file:\n  kubectl usercert request NAME --offline",
            ))
        }
        Err(error) => Err(explain(&error, &cluster.server, &Need::Create)),
    }
}
