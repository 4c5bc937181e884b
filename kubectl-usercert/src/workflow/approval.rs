//! What `review`, `approve`, `deny` and `create` share: finding a request, and writing a decision to
//! exactly the request that was shown.

use std::path::{Path, PathBuf};

use usercert_core::api::csr::{
    self, CLIENT_AUTH, CLIENT_SIGNER, CsrObject, Decision, Manifest, NameAnswer, NameHolder,
    Object, State, Whose,
};
use usercert_core::exchange::request_file::{self, ImportedRequest};
use usercert_core::text::{shell_word, show_list, show_path, show_short};
use usercert_core::x509::lifetime::Lifetime;

use crate::cluster::{Cluster, ListOptions, Need, explain};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::tree;
use crate::ui::args::Expires;
use crate::ui::host::{Host, input_name};
use crate::workflow::submission::{self, Submission};

/// How many requests are listed of those that name the same user.
const LISTED: usize = 20;
/// How often a decision is tried while others change the object.
const TRIES: usize = 10;

/// Reads the request with this object name, or TYPE/NAME as kubectl takes it and `-o name` prints it; else the
/// one pending request that names this user.
pub async fn find(cluster: &Cluster, name: &str) -> Result<CsrObject> {
    let name = csr::without_type(name);
    let not_found = match csr::check_name(name) {
        Ok(()) => match cluster.get_csr(name).await {
            Ok(object) => return Ok(object),
            Err(error) if error.reason() == "NotFound" => {
                explain(&error, &cluster.server, &Need::Get)
            }
            Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
        },
        Err(error) => error.into(),
    };
    let not_found = match Path::new(name).is_file() {
        true => not_found.hint(format!(
            "a file has that name; to read requests from it: -f {}",
            shell_word(name)
        )),
        false => not_found,
    };
    // Anybody can submit thousands that name this user.
    let (mut first, mut names, mut count) = (None, Vec::new(), 0_usize);
    let take = |object: CsrObject| {
        let names_user = object.request().is_ok_and(|r| r.subject.user() == name);
        if object.state() != State::Pending || !names_user {
            return;
        }
        count += 1;
        if names.len() < LISTED {
            names.push(object.metadata.name.clone());
        }
        first.get_or_insert(object);
    };
    if cluster.list_csrs(&ListOptions::default(), take).await.is_err() {
        // Whoever may not list can still name the object.
        return Err(not_found.hint("name the request as `kubectl get csr` shows it"));
    }
    match (first, count) {
        (Some(found), 1) => Ok(found),
        (None, _) => Err(not_found.hint(format!(
            "there is no pending request for a user {} either; `kubectl usercert list` lists \
             pending requests",
            show_short(name, 60)
        ))),
        (Some(_), _) => {
            let mut names = show_list(names.iter().map(String::as_str), LISTED, 80);
            if count > LISTED {
                names.push_str(&format!(" and {} more", count - LISTED));
            }
            Err(Error::new(format!(
                "{count} pending requests name the user {}",
                show_short(name, 60)
            ))
            .hint(format!("name one of the requests: {names}")))
        }
    }
}

/// Names of pending requests for a user; none where they cannot be listed.
pub async fn pending_for(cluster: &Cluster, user: &str) -> Vec<String> {
    let mut names = Vec::new();
    let take = |object: CsrObject| {
        let names_user = object.request().is_ok_and(|r| r.subject.user() == user);
        if names_user && object.state() == State::Pending && names.len() < LISTED {
            names.push(object.metadata.name.clone());
        }
    };
    match cluster.list_csrs(&ListOptions::default(), take).await {
        Ok(()) => names,
        Err(_) => Vec::new(),
    }
}

/// Reads handed-over requests from a file, from those in a directory or, for `-`, from standard input; at
/// least one.
pub fn read_requests(host: &Host, place: &Path) -> Result<Vec<ImportedRequest>> {
    let mut all = Vec::new();
    for file in files_of(place)? {
        let input = host.input(&file, request_file::MAX_BYTES)?;
        all.extend(request_file::read_all(&input).context(input_name(&file))?);
    }
    Ok(request_file::together(all))
}

/// [`read_requests`], from several places.
pub fn read_all_requests(host: &Host, places: &[PathBuf]) -> Result<Vec<ImportedRequest>> {
    let read = places.iter().map(|place| read_requests(host, place)).collect::<Result<Vec<_>>>()?;
    Ok(request_file::together(read.into_iter().flatten()))
}

/// As `kubectl create -f` takes a directory: what is in it and has one of these endings, nothing below.
const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "csr"];

fn files_of(place: &Path) -> Result<Vec<PathBuf>> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let mut tree = tree::walk(place, 0, usize::MAX);
    if let Some(error) = tree.closed.pop() {
        return Err(error.into());
    }
    let ending = |file: &PathBuf| file.extension().and_then(|e| e.to_str()).map(str::to_owned);
    tree.files.retain(|file| ending(file).is_some_and(|e| ENDINGS.contains(&e.as_str())));
    if tree.files.is_empty() {
        return Err(Error::new(format!(
            "the directory {} holds no requests: none of its files ends in .{}",
            show_path(place),
            ENDINGS.join(", .")
        )));
    }
    Ok(tree.files)
}

/// The manifest to submit for a handed-over request.
pub fn to_submit(
    incoming: &ImportedRequest,
    signer: Option<&str>,
    expires: Option<Expires>,
) -> Result<CsrObject> {
    let default_usages = [CLIENT_AUTH.to_owned()];
    let lifetime = match (expires, incoming.expiration_seconds) {
        (Some(expires), _) => expires.lifetime(),
        (None, Some(seconds)) => Some(Lifetime::from_seconds(seconds).ok_or_else(|| {
            let bound =
                if seconds < 600 { "the minimum is 600" } else { "the maximum is 2147483647" };
            Error::new(format!("the manifest asks for {seconds} seconds; {bound}"))
                .hint("give another lifetime with --expires")
        })?),
        (None, None) => Some(usercert_core::x509::lifetime::default_lifetime()),
    };
    let user = incoming.request.subject.user();
    let name = incoming.name.clone().unwrap_or_else(|| csr::name_for_user(user));
    let name = if name.is_empty() { "request".to_owned() } else { name };
    csr::check_name(&name)?;
    let manifest = Manifest {
        name: &name,
        request_der: &incoming.request.der,
        signer_name: signer.or(incoming.signer_name.as_deref()).unwrap_or(CLIENT_SIGNER),
        usages: incoming.usages.as_deref().unwrap_or(&default_usages),
        lifetime,
    }
    .to_value();
    Ok(CsrObject::from_value(manifest)?)
}

pub struct Submitted {
    pub object: CsrObject,
    /// Whether it was there before, submitted by somebody else: then it has to be reviewed as theirs.
    pub foreign: bool,
}

/// Submits a handed-over request and makes sure that the server holds exactly what was sent. One that
/// is there already is taken up.
///
/// # Errors
/// Another request has the name even with the key's hash added, or as the server answers.
pub async fn submit(cluster: &Cluster, sent: &CsrObject) -> Result<Submitted> {
    let plain = sent.metadata.name.clone();
    let key = &sent.request()?.key;
    let longer = [csr::name_with_key(&plain, key), csr::name_with_more_key(&plain, key)];
    for name in std::iter::once(plain.clone()).chain(longer) {
        match submission::submit_as(cluster, &name, sent, Whose::HandedOver, "").await? {
            Submission::Created(object) => return Ok(Submitted { object, foreign: false }),
            Submission::TakenUp(object) | Submission::Ended(object) => {
                // Of an earlier run that was interrupted, unless somebody else is the requester.
                let me = cluster.who_am_i().await;
                let foreign = me.map_or(true, |me| me.username != object.spec.username);
                return Ok(Submitted { object, foreign });
            }
            Submission::Rejected(error) => return Err(error),
            Submission::Unseen | Submission::NameTaken => {}
        }
    }
    Err(Error::new(format!(
        "a request named {} already exists, and it is not the one that was handed over",
        show_short(&plain, 60)
    ))
    .hint(
        "nothing was approved; review it with `kubectl usercert review`, and deny or delete it if \
         nobody needs it",
    ))
}

/// The object of a handed-over request that an earlier run has submitted and approved, if it has its plain
/// name.
pub async fn approved_before(cluster: &Cluster, sent: &CsrObject) -> Option<CsrObject> {
    let found = cluster.get_csr(&sent.metadata.name).await.ok()?;
    let holder = csr::name_holder(NameAnswer::Found(&found), sent, Whose::HandedOver, "");
    let done = holder == NameHolder::Ours && already(&found, Decision::Approve).ok()?;
    done.then_some(found)
}

/// Whether an object needs no decision any more because this very one was made.
///
/// # Errors
/// The opposite decision was made, or the request has failed. That of a denial is a refusal.
pub fn already(object: &Object, decision: Decision) -> Result<bool> {
    let name = show_short(&object.metadata.name, 60);
    match (object.state(), decision) {
        (State::Pending, _) => Ok(false),
        (State::Approved | State::Issued, Decision::Approve)
        | (State::Denied { .. }, Decision::Deny) => Ok(true),
        (State::Failed { reason, message }, _) => Err(Error::new(format!(
            "certificate signing request {name} has already failed ({}): {}",
            show_short(&reason, 60),
            show_short(&message, 200)
        ))
        .hint("the person has to make a new request")),
        (State::Denied { reason, message }, _) => Err(Error::refused(format!(
            "certificate signing request {name} is already Denied ({}): {}",
            show_short(&reason, 60),
            show_short(&message, 200)
        ))
        .hint(
            "a decision is final; the person can withdraw the request (the same `request` with --withdraw) and make a new one",
        )),
        (State::Approved | State::Issued, _) => {
            let user = object.certificate_request().map(|r| r.subject.user().to_owned());
            Err(Error::new(format!("certificate signing request {name} is already Approved")).hint(
                format!(
                    "a decision is final; to take the access away:\n  kubectl usercert revoke -- {}",
                    shell_word(&user.unwrap_or_else(|_| "NAME".to_owned()))
                ),
            ))
        }
    }
}

pub struct ApprovalCondition<'a> {
    pub decision: Decision,
    pub reason: &'a str,
    pub message: &'a str,
    pub dry_run: bool,
}

/// Writes a decision to the request that was shown, and to no other.
///
/// A conflict may only be somebody's harmless change: the object is read again, and the decision
/// stands only if everything that was shown is still the same.
pub async fn write(
    host: &Host,
    cluster: &Cluster,
    shown: &CsrObject,
    condition: &ApprovalCondition<'_>,
) -> Result<CsrObject> {
    let name = &shown.metadata.name;
    let need = || Need::Decide(shown.spec.signer_name.clone());
    let mut again: Option<CsrObject> = None;
    for _ in 0..TRIES {
        let current = again.as_ref().unwrap_or(shown);
        let body =
            current.decided(condition.decision, condition.reason, condition.message, host.now());
        let error = match cluster.put_approval(name, &body, condition.dry_run).await {
            Ok(written) => return Ok(written),
            Err(error) => error,
        };
        match error.reason() {
            "Conflict" => {}
            "NotFound" => return Err(gone(name)),
            // Somebody else decided in between: the next read says what.
            "Invalid" => {}
            _ => return Err(explain(&error, &cluster.server, &need())),
        }
        let now = match cluster.get_csr(name).await {
            Ok(object) => object,
            Err(error) if error.reason() == "NotFound" => return Err(gone(name)),
            Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
        };
        if !shown.same_request(&now) {
            return Err(replaced(name));
        }
        if already(&now, condition.decision)? {
            return Ok(now);
        }
        if error.reason() == "Invalid" {
            return Err(explain(&error, &cluster.server, &need()));
        }
        again = Some(now);
    }
    Err(Error::new(format!(
        "the request {} keeps changing; nothing was decided",
        show_short(name, 60)
    ))
    .hint("run the command again"))
}

pub fn replaced(name: &str) -> Error {
    Error::new(format!(
        "the request {} is not the one that was reviewed: it was deleted, and another was submitted under its name",
        show_short(name, 60)
    ))
    .hint("nothing was decided; review the new one, and ask who submitted it")
}

pub fn gone(name: &str) -> Error {
    Error::new(format!("the request {} was deleted while it was reviewed", show_short(name, 60)))
        .hint("nothing was decided")
}
