//! Which of the kept requests is meant, and what is said where none is.

use std::path::Path;

use usercert_core::api::csr::State;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::certificate::Certificate;

use super::{InstallArgs, OFFLINE_HINT};
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Result};
use crate::ui::host::{self, Host};
use crate::workflow::installed;
use crate::workflow::pending_request::{self, PendingRequest, SubmittedTo};
use crate::workflow::submitted_object;

/// The kept request that was named, or the only one, or the only one that is alive.
pub(super) async fn find(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
    cluster: &Cluster,
) -> Result<PendingRequest> {
    let store = pending_request::store()?;
    if let Some(name) = &args.csr_name {
        let id = pending_request::cluster_id(&target.endpoint, name);
        if let Some(found) = pending_request::load(&store, &id)? {
            return Ok(found);
        }
    }
    let named = |p: &PendingRequest| args.may_be(p.record.identity.user.as_str());
    let (mut here, elsewhere): (Vec<_>, Vec<_>) = pending_request::all(&store)?
        .into_iter()
        .filter(named)
        .partition(|p| p.record.is_at(&target.endpoint));
    if let Some(name) = &args.csr_name {
        here.retain(|p| p.record.submitted.as_ref().is_some_and(|s| s.csr_name == *name));
    }
    match here.len() {
        1 => here.pop().ok_or_else(|| Error::new("no request is kept")),
        0 => {
            match pending_request::unreadable(&store)? {
                // It may be the one that is looked for.
                Some(error) => Err(error
                    .hint("a kept request cannot be read; fix that, and run the command again")),
                None => Err(none_here(args, target, &elsewhere)),
            }
        }
        _ => choose(host, args, cluster, here).await,
    }
}

/// The only one of several that is alive.
async fn choose(
    host: &Host,
    args: &InstallArgs,
    cluster: &Cluster,
    mut kept: Vec<PendingRequest>,
) -> Result<PendingRequest> {
    let mut states = Vec::new();
    for one in &kept {
        let Some(SubmittedTo { csr_name, uid, .. }) = &one.record.submitted else { continue };
        let object = submitted_object::look(cluster, csr_name, uid, &one.record.key()?).await?;
        states.push(object.ok().map(|object| object.state()));
    }
    let count = kept.len();
    if let Some(at) = State::only_live(&states) {
        let chosen = kept.swap_remove(at);
        host.say(format!(
            "{count} requests are kept; this one is {}, the others are not ({})",
            states[at].as_ref().map(in_words).unwrap_or_default(),
            chosen.record.groups_shown()
        ));
        return Ok(chosen);
    }
    let flags = args.client.repeated();
    let mut lines = String::new();
    for (one, state) in kept.iter().zip(&states) {
        let Some(submitted) = &one.record.submitted else { continue };
        let user = shell_word(one.record.identity.user.as_str());
        lines.push_str(&format!(
            "\n  # {}, code {}: {}\n  kubectl usercert install{flags} --csr-name {} -- {user}",
            one.record.groups_shown(),
            one.record.code,
            match state {
                Some(state) => in_words(state),
                None if submitted.is_confirmed() => "gone".to_owned(),
                None => "not submitted".to_owned(),
            },
            shell_word(&submitted.csr_name),
        ));
    }
    let whose = args.name.as_deref().map(|name| format!(" for {}", show(name))).unwrap_or_default();
    let withdraw = kept.first().map(|one| one.record.withdrawal(&flags));
    Err(Error::new(format!("{count} requests{whose} are kept"))
        .hint(format!("choose one:{lines}"))
        .hint(format!("to withdraw one, such as the first:\n  {}", withdraw.unwrap_or_default())))
}

fn in_words(state: &State) -> String {
    state.name().to_lowercase()
}

fn none_here(args: &InstallArgs, target: &Target, elsewhere: &[PendingRequest]) -> Error {
    let whose = args.name.as_deref().map(|name| format!(" for {}", show(name))).unwrap_or_default();
    let server = show(&target.endpoint.server);
    let mut error =
        Error::new(format!("no request{whose} to the server {server} is kept on this machine"));
    let name = args.name.as_deref().unwrap_or("NAME");
    if Path::new(name).is_file() {
        let file = shell_word(name);
        return error.hint(format!(
            "a file has that name; to install an answer from it:\n  kubectl usercert install \
             --reply {file}"
        ));
    }
    let merged = &target.kubeconfig.merged;
    if let Some((context, leaf)) = installed::valid_for(merged, &target.endpoint, name, host::now())
    {
        let file = args.client.kubeconfig.as_deref();
        let file = file.map(|file| format!(" --kubeconfig {}", shell_word(file)));
        return error.hint(format!(
            "{} already has a certificate here, until {}: kubectl{} --context {}",
            show(name),
            leaf.not_after,
            file.unwrap_or_default(),
            shell_word(&context)
        ));
    }
    if !elsewhere.is_empty() && elsewhere.iter().all(|p| p.record.submitted.is_none()) {
        let what = if elsewhere.len() == 1 { "request" } else { "requests" };
        return Error::new(format!(
            "the {what}{whose} that this machine keeps: made offline, not submitted to {server}"
        ))
        .hint(OFFLINE_HINT);
    }
    let servers: Vec<String> = elsewhere
        .iter()
        .filter_map(|p| p.record.submitted.as_ref().map(|s| show(&s.server)))
        .collect();
    if !servers.is_empty() {
        error = error.hint(format!(
            "there is one for {}: choose its context with --context",
            servers.join(", ")
        ));
    }
    if elsewhere.iter().any(|p| p.record.submitted.is_none()) {
        error = error.hint(OFFLINE_HINT);
    }
    error.hint(format!(
        "a key is kept from `request` until it is installed; after that it is in the kubeconfig only.\n\
         Make a new one with `kubectl usercert request {}`, or name the key with --key FILE",
        if args.name.is_some() { shell_word(name) } else { name.to_owned() }
    ))
}

/// Why there is no key for a certificate that was handed over.
pub(super) fn none_for_key(leaf: &Certificate, elsewhere: Option<&str>) -> Error {
    let user = show(leaf.subject.user());
    if let Some(context) = elsewhere {
        return Error::new(format!(
            "the key for this certificate of {user} is in the context {}, which leads to another cluster",
            show(context)
        ))
        .hint("ask the admin which cluster is meant; to use the key for both, name a file with it with --key FILE");
    }
    Error::new(format!("no key for this certificate of {user} is kept on this machine")).hint(
        "it answers another request, or the key is elsewhere: name it with --key FILE.\n\
         After `install` the key is in the kubeconfig only: if that is lost, make a new request",
    )
}

/// Says that a certificate is installed.
pub(super) fn already_installed(leaf: &Certificate, context: &str) -> Error {
    Error::new(format!(
        "this certificate of {} is already installed, in the context {}",
        show(leaf.subject.user()),
        show(context)
    ))
    .hint(format!("to use it: kubectl --context {}", shell_word(context)))
}
