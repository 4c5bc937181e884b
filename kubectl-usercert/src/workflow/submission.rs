//! Submitting a request to the cluster, under a name that is free.

use std::path::Path;

use usercert_core::api::csr::{self, CsrObject, NameAnswer, NameHolder, Object, State, Whose};
use usercert_core::exchange::command_lines;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime::Lifetime;

use crate::cluster::{ApiError, Cluster, Need, Target, explain};
use crate::error::{Error, Result};
use crate::ui::host::Host;
use crate::workflow::await_certificate;
use crate::workflow::own_request::{KeySource, KeyedRequest, RequestSpec};
use crate::workflow::pending_request::{self, PendingRequest, SubmittedTo};

pub(super) enum Submission {
    Created(CsrObject),
    /// It is there already, of an earlier run.
    TakenUp(CsrObject),
    /// It is there already, and was denied or has failed.
    Ended(CsrObject),
    /// It is there already, but one may not look at it.
    Unseen,
    NameTaken,
    /// The server has turned it down, so there is no such object.
    Rejected(Error),
}

/// Whether the server has answered, and stored nothing.
fn is_rejection(error: &ApiError) -> bool {
    (400..500).contains(&error.code()) && error.code() != 408
}

/// The command that hands this request over as a file instead.
fn offline_line(sent: &CsrObject) -> String {
    let Ok(request) = sent.request() else {
        return "kubectl usercert request NAME --offline".to_owned();
    };
    let groups = request.subject.groups();
    let lifetime = sent.spec.expiration_seconds.and_then(Lifetime::from_seconds);
    let key_type = KeyType::of(&request.key.kind);
    let terms = command_lines::terms(lifetime, &sent.spec.signer_name, key_type);
    let flags = format!(" --offline{terms}");
    command_lines::request(request.subject.user(), groups.iter().map(String::as_str), &flags)
}

/// Submits `sent` under this name. `known_uid`: the UID that an earlier run was told, or empty.
pub(super) async fn submit_as(
    cluster: &Cluster,
    name: &str,
    sent: &CsrObject,
    whose: Whose,
    known_uid: &str,
) -> Result<Submission> {
    let mut manifest = sent.raw().clone();
    manifest["metadata"]["name"] = name.into();
    match cluster.create_csr(&manifest, false).await {
        Ok(object) => return Ok(Submission::Created(object)),
        Err(error) if error.reason() == "AlreadyExists" => {}
        Err(error) => {
            let need = if whose == Whose::Own { Need::Submit } else { Need::Create };
            let explained = explain(&error, &cluster.server, &need);
            let explained = match whose {
                Whose::Own if error.code() == 403 => explained.hint(format!(
                    "without the right to submit, hand the request over as a file:\n  {}",
                    offline_line(sent)
                )),
                _ => explained,
            };
            return match is_rejection(&error) {
                true => Ok(Submission::Rejected(explained)),
                false => Err(explained),
            };
        }
    }
    let found = cluster.get_csr(name).await;
    let answer = match (&found, whose) {
        (Ok(object), _) => NameAnswer::Found(object),
        (Err(ApiError::Status(s)), Whose::Own) if s.code == 403 => NameAnswer::Forbidden,
        (Err(ApiError::Status(s)), Whose::Own) if s.code == 404 => NameAnswer::Gone,
        (Err(error), _) => return Err(explain(error, &cluster.server, &Need::Get)),
    };
    let holder = csr::name_holder(answer, sent, whose, known_uid);
    Ok(match (holder, found) {
        (NameHolder::Ours, Ok(object)) => Submission::TakenUp(object),
        (NameHolder::Ended(_), Ok(object)) => Submission::Ended(object),
        (NameHolder::OursUnseen, _) => Submission::Unseen,
        (_, _) => Submission::NameTaken,
    })
}

pub struct SubmittedRequest {
    pub object: Object,
    pub made: KeyedRequest,
    /// Whether it was submitted just now.
    pub created: bool,
    /// Its id in the state folder, if it is kept there.
    pub kept: Option<String>,
}

pub async fn from_store(
    host: &Host,
    spec: &RequestSpec,
    target: &Target,
    cluster: &Cluster,
) -> Result<SubmittedRequest> {
    let store = pending_request::store()?;
    let plain = spec.object_name()?;
    let earlier = earlier(spec, target, &plain)?;
    let told = earlier.as_ref().and_then(|e| e.record.submitted.as_ref());
    let known_uid = told.map(|s| s.uid.clone()).unwrap_or_default();
    let context = target.resolved.context_name.as_deref().map(shell_word);
    let flags = context.map(|name| format!(" --context {name}")).unwrap_or_default();
    let (mut name, made) = match (spec.take_up(earlier.as_ref(), &flags)?, &earlier) {
        (Some(made), _) => (told.map_or_else(|| plain.clone(), |s| s.csr_name.clone()), made),
        (None, None) => (plain.clone(), spec.make()?),
        // The kept key belongs to another identity under the same name: both must live on.
        (None, Some(_)) => {
            let made = spec.make()?;
            (csr::name_with_key(&plain, &made.csr.key), made)
        }
    };
    let mut id = pending_request::cluster_id(&target.endpoint, &name);
    let keep = |id: &str, name: &str| {
        let record = spec.record(&made.csr, Some(SubmittedTo::new(&target.endpoint, name)));
        pending_request::save(&store, id, &record, &made.key)
    };
    if !made.taken_up {
        keep(&id, &name)?;
    }
    let mut submission = submit_own(spec, cluster, &name, &made, &known_uid).await?;
    let key = &made.csr.key;
    for longer in [csr::name_with_key(&plain, key), csr::name_with_more_key(&plain, key)] {
        let chosen = spec.csr_name.is_some() || longer.len() <= name.len() && name != plain;
        if chosen || !matches!(submission, Submission::NameTaken) {
            continue;
        }
        host.say(format!(
            "the name {} is taken by another request; this one is named {}",
            show(&name),
            show(&longer)
        ));
        let new_id = pending_request::cluster_id(&target.endpoint, &longer);
        if pending_request::load(&store, &new_id)?.is_none() {
            keep(&new_id, &longer)?;
        }
        store.remove(&id)?;
        (id, name) = (new_id, longer);
        submission = submit_own(spec, cluster, &name, &made, "").await?;
    }
    let over = match &submission {
        // What never was in the cluster needs no key.
        Submission::Rejected(_) | Submission::NameTaken => !made.taken_up,
        Submission::Ended(object) => known_uid.is_empty() || object.metadata.uid == known_uid,
        _ => false,
    };
    if over {
        store.remove(&id)?;
    }
    let asked = earlier.as_ref().filter(|_| made.taken_up).map(|e| e.record.expiration_seconds);
    let (object, created) = match submission {
        Submission::Created(object) => (object.into_fields(), true),
        Submission::TakenUp(object) => {
            if !known_uid.is_empty() && object.metadata.uid != known_uid {
                host.warn(
                    "note: the earlier request is gone; somebody has submitted the same one again",
                );
            }
            (object.into_fields(), false)
        }
        Submission::Unseen => {
            let mut object = spec.manifest(&name, &made.csr)?.into_fields();
            object.metadata.uid.clone_from(&known_uid);
            object.spec.expiration_seconds = asked.flatten().map(i64::from);
            (object, false)
        }
        Submission::Ended(object) => {
            let again = match &spec.key {
                KeySource::New(_) | KeySource::Chosen(_) if over => {
                    "to ask again, run the same command again: it makes a new key and a new request"
                }
                _ => "to ask again under another name, add --csr-name",
            };
            return Err(ended(&object).hint(again));
        }
        Submission::Rejected(error) => return Err(error),
        Submission::NameTaken => return Err(name_taken(&name)),
    };
    if !created {
        tell_lifetime(host, spec, &object);
    }
    let uid = object.metadata.uid.clone();
    let submitted =
        SubmittedTo { uid, ..SubmittedTo::new(&target.endpoint, &object.metadata.name) };
    let mut record = spec.record(&made.csr, Some(submitted));
    // What the object asks for counts, whatever this run was told.
    record.expiration_seconds = object.spec.expiration_seconds.and_then(|s| i32::try_from(s).ok());
    pending_request::update(&store, &id, &record)?;
    Ok(SubmittedRequest { object, made, created, kept: Some(id) })
}

/// The request of an earlier run under this name or, unless the person chose it, a longer one.
fn earlier(spec: &RequestSpec, target: &Target, plain: &str) -> Result<Option<PendingRequest>> {
    let store = pending_request::store()?;
    let id = pending_request::cluster_id(&target.endpoint, plain);
    let found = pending_request::load(&store, &id)?;
    let same = |p: &PendingRequest| {
        p.record.identity == spec.identity && p.record.signer_name == spec.signer
    };
    if found.as_ref().is_some_and(same) || spec.csr_name.is_some() {
        return Ok(found);
    }
    // The plain name may hold another request of the same person: this one's has a longer name.
    let here = |s: &SubmittedTo| s.is_at(&target.endpoint) && s.csr_name.starts_with(plain);
    let longer = pending_request::all(&store)?
        .into_iter()
        .find(|p| same(p) && p.record.submitted.as_ref().is_some_and(here));
    Ok(longer.or(found))
}

/// A request that is in the cluster already stays what it was.
fn tell_lifetime(host: &Host, spec: &RequestSpec, object: &Object) {
    let lifetime = object.spec.expiration_seconds.and_then(Lifetime::from_seconds);
    if lifetime == spec.expires.lifetime() {
        return;
    }
    let kept = lifetime.map_or("the signer's choice".to_owned(), |lifetime| lifetime.to_string());
    host.warn(format!(
        "note: the request was submitted before; its lifetime stays {kept}, not {}",
        spec.expires
    ));
}

fn ended(object: &CsrObject) -> Error {
    await_certificate::ended(&object.metadata.name, csr::progress(Some(object), ""))
}

fn name_taken(name: &str) -> Error {
    Error::new(format!(
        "certificatesigningrequests.certificates.k8s.io {} already exists, and it is another request",
        show(name)
    ))
    .hint("choose another name with --csr-name; nobody else's request was touched")
}

pub async fn from_files(
    host: &Host,
    spec: &RequestSpec,
    cluster: &Cluster,
    dir: &Path,
) -> Result<SubmittedRequest> {
    let made = spec.make_in(host, dir)?;
    let name = spec.object_name()?;
    let (object, created) = match submit_own(spec, cluster, &name, &made, "").await? {
        Submission::Created(object) => (object, true),
        Submission::TakenUp(object) => (object, false),
        Submission::Ended(object) => {
            return Err(ended(&object)
                .hint("to ask again, name another directory with --out-dir, and another name with --csr-name"));
        }
        Submission::Rejected(error) => return Err(error),
        Submission::NameTaken | Submission::Unseen => {
            return Err(name_taken(&name)
                .hint("key and request are in the directory; give that key with --key"));
        }
    };
    Ok(SubmittedRequest { object: object.into_fields(), made, created, kept: None })
}

async fn submit_own(
    spec: &RequestSpec,
    cluster: &Cluster,
    name: &str,
    made: &KeyedRequest,
    known_uid: &str,
) -> Result<Submission> {
    submit_as(cluster, name, &spec.manifest(name, &made.csr)?, Whose::Own, known_uid).await
}

impl SubmittedRequest {
    pub fn outcome(&self) -> String {
        let name = show(&format!("{}/{}", csr::RESOURCE, self.object.metadata.name));
        match (self.created, self.object.state()) {
            (true, _) => format!("{name} created"),
            (false, State::Pending) => format!("{name} unchanged: it is still pending"),
            (false, State::Approved) => format!("{name} unchanged: it is approved, not yet issued"),
            (false, state) => format!("{name} unchanged: its state is {}", state.name()),
        }
    }

    /// What an admin has to do about it; nothing once the request is decided.
    pub fn for_admin(&self) -> String {
        let code = format!("Code {}", self.made.csr.code());
        if self.object.state() != State::Pending {
            return code;
        }
        let approve = await_certificate::approve_line(&self.object);
        format!(
            "{code}\n\nSend this line to an admin, and read the code to them over another channel, such as a call:\n  {approve}"
        )
    }

    /// What comes before the line that installs.
    pub fn before_installing(&self) -> &'static str {
        match self.object.state() {
            State::Pending => "Once it is approved:",
            _ => "To install the certificate:",
        }
    }
}
