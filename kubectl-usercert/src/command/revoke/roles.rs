//! Taking roles: bindings that are deleted, or lose a subject.

use usercert_core::api::rbac::{self, Binding, Removal, RevokeFilter, Scope, Subject};
use usercert_core::text::show;

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::ui::host::Host;
use crate::workflow::grant_role::refused;
use crate::workflow::role_bindings;

/// A binding and what becomes of it, as a question shows it.
pub fn planned(binding: &Binding, step: Removal) -> String {
    let what = match step {
        Removal::Delete => "delete it".to_owned(),
        Removal::RemoveSubject => {
            format!("it also names {} more, which keep it", binding.subjects.len() - 1)
        }
    };
    let note = if binding.built_in { "; the API server restores it when it starts" } else { "" };
    format!("{}: {} ({what}{note})", binding.in_words(), show(&binding.full_name()))
}

/// Tells of roles that were named and that there is nothing to take of: a wrong name would look like success.
pub fn tell_not_taken(
    host: &Host,
    bindings: &[Binding],
    holder: &Subject,
    filter: &RevokeFilter,
) -> Exit {
    let not_taken = rbac::not_taken(bindings, holder, filter);
    for (role, from_others) in &not_taken {
        let place = match &filter.scope {
            Some(Scope::Namespace(name)) => format!(" in namespace {}", show(name)),
            Some(Scope::Cluster) => " cluster-wide".to_owned(),
            None => String::new(),
        };
        let next = match from_others {
            true => "kubectl usercert did not make the binding; --all includes it",
            false => "check the name",
        };
        host.warn(format!("warning: the {holder} was not seen to have {role}{place}: {next}"));
    }
    if not_taken.is_empty() { Exit::Done } else { Exit::Failed }
}

/// Takes these steps: the ones that were taken. Why one could not be is told, with the exit code of the gravest.
pub async fn take<'b>(
    host: &Host,
    cluster: &Cluster,
    holder: &Subject,
    plan: Vec<(&'b Binding, Removal)>,
    dry: DryRun,
) -> (Vec<(&'b Binding, Removal)>, Exit) {
    let (mut gone, mut exit) = (Vec::new(), Exit::Done);
    for (binding, step) in plan {
        let removed = match (dry, step) {
            (DryRun::Client, _) => Ok(()),
            (_, Removal::Delete) => delete(cluster, binding, dry == DryRun::Server).await,
            (_, Removal::RemoveSubject) => {
                remove_subject(cluster, binding, holder, dry == DryRun::Server).await
            }
        };
        match removed {
            Ok(()) => gone.push((binding, step)),
            Err(error) => {
                host.fail(&error);
                exit = exit.gravest(error.exit);
            }
        }
    }
    (gone, exit)
}

/// Deletes a binding, if it is still the one that was looked at.
///
/// # Errors
/// It has changed, or as the server answers.
async fn delete(cluster: &Cluster, binding: &Binding, dry_run: bool) -> Result<()> {
    let resources = binding.scope.binding_resource();
    match cluster.delete_binding(binding, dry_run).await {
        Ok(()) => Ok(()),
        Err(error) if error.reason() == "NotFound" => Ok(()),
        Err(error) if error.reason() == "Conflict" => Err(changed(binding)),
        Err(error) => {
            let need = Need::rbac(&["delete"], resources);
            Err(explain(&error, &cluster.server, &need))
        }
    }
}

/// Takes one subject out of a binding, if it is still the one that was looked at.
///
/// # Errors
/// As [`delete`].
async fn remove_subject(
    cluster: &Cluster,
    binding: &Binding,
    holder: &Subject,
    dry_run: bool,
) -> Result<()> {
    let scope = &binding.scope;
    let failed = |error: &ApiError| match error.reason() {
        "Conflict" | "NotFound" => changed(binding),
        _ => refused(error, cluster, &binding.role, scope, &["get", "update"]),
    };
    let read = cluster.get_binding(scope, &binding.name).await.map_err(|e| failed(&e))?;
    if Binding::read(&read).as_ref() != Some(binding) {
        return Err(changed(binding));
    }
    let body = rbac::without(&read, holder);
    cluster.put_binding(scope, &binding.name, &body, dry_run).await.map_err(|e| failed(&e))?;
    Ok(())
}

/// Reads the bindings again.
///
/// # Errors
/// The exit code, if that failed; why is told.
pub async fn read_again(
    host: &Host,
    cluster: &Cluster,
    namespace: Option<&str>,
) -> Result<Option<Vec<Binding>>, Exit> {
    match role_bindings::bindings(cluster, namespace).await {
        Ok(found) => Ok(Some(found.bindings)),
        Err(error) => {
            host.fail(&error);
            host.warn(
                "The bindings could not be read again: what follows is what there was before.",
            );
            Err(error.exit)
        }
    }
}

/// The bindings that name the holder and did not before, or do so again.
pub fn came<'a>(
    there: &'a [Binding],
    before: &[Binding],
    gone: &[(&Binding, Removal)],
    holder: &Subject,
) -> Vec<&'a Binding> {
    let was = |b: &Binding| before.iter().any(|old| old.uid == b.uid && old.reaches(holder));
    let is_back = |b: &Binding| gone.iter().any(|(old, _)| old.uid == b.uid);
    there.iter().filter(|b| b.reaches(holder) && (!was(b) || is_back(b))).collect()
}

fn changed(binding: &Binding) -> Error {
    Error::new(format!("{} has changed since it was read", show(&binding.full_name())))
        .hint("it was left as it is; run the command again")
}
