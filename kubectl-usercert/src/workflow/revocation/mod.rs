//! What is revoked and what enforces it: reading it, changing it, trying it. Shared by `revoke`,
//! `revocations` and whatever asks the list first.

mod guard;
mod installed;
mod own;
mod trial;

use std::cell::RefCell;

use serde_json::Value;
use usercert_core::api::rbac::Rule;
use usercert_core::lifecycle::admission::{REVOKER, VIEWER};
use usercert_core::lifecycle::verdict::SHORTEN;
use usercert_core::lifecycle::{
    self, CONFIG_MAP, Fingerprint, MAX_TEXT, NAMESPACE, Revocation, RevocationKey, RevocationList,
};
use usercert_core::text::{show, show_list};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Result};
use crate::ui::host::Host;

pub use guard::may_end;
pub use installed::{Installed, install};
pub use own::{Trial, is_revoked, tried};
pub use trial::{TRIED, judged, judged_anew, lifted, reads_configuration, seen_value, status};

/// How often a change is tried again because others were faster; each time one of them was done.
const TRIES: usize = 100;

/// What is needed to see the list.
#[must_use]
pub fn see() -> Need {
    on_list(&["get"], VIEWER)
}

/// What is needed to follow it.
#[must_use]
pub fn watch() -> Need {
    Need::Allowed(rule(&["get", "watch"]))
}

/// What is needed to change it.
#[must_use]
pub fn change_need() -> Need {
    on_list(&["get", "patch"], REVOKER)
}

fn on_list(verbs: &[&str], role: &'static str) -> Need {
    Need::InRole(rule(verbs), role)
}

fn rule(verbs: &[&str]) -> Rule {
    Rule::allowing(verbs, "", &["configmaps"]).of(CONFIG_MAP)
}

/// The list, as far as one may look.
pub enum Known {
    /// As it is.
    List(RevocationList),
    /// There is none: nothing is revoked here.
    None,
    /// It could not be looked at; why, safe to show.
    Hidden(String),
}

impl Known {
    /// Reads it; not being allowed to is no failure.
    pub async fn read(cluster: &Cluster) -> Self {
        Self::try_read(cluster)
            .await
            .unwrap_or_else(|error| Self::Hidden(explain(&error, &cluster.server, &see()).message))
    }

    /// Reads it; for those who must know why it could not be done.
    ///
    /// # Errors
    /// As the server answers, unless it is that one may not look.
    pub async fn try_read(cluster: &Cluster) -> Result<Self, ApiError> {
        match cluster.revoked().await {
            Ok(value) => Ok(value.map_or(Self::None, |v| Self::List(RevocationList::read(&v)))),
            Err(error) if error.code() == 403 => {
                Ok(Self::Hidden("you may not read the list of revoked certificates".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// The list, if it is known.
    #[must_use]
    pub fn list(&self) -> Option<&RevocationList> {
        match self {
            Self::List(list) => Some(list),
            Self::None | Self::Hidden(_) => None,
        }
    }

    /// Why it is not known, if it is not.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Hidden(why) => Some(why),
            Self::List(_) | Self::None => None,
        }
    }
}

/// The list for those who cannot go on without it; empty where there is none.
///
/// # Errors
/// As the server answers.
pub async fn read(cluster: &Cluster) -> Result<Option<RevocationList>> {
    let found = cluster.revoked().await.map_err(|e| explain(&e, &cluster.server, &see()))?;
    Ok(found.map(|value| RevocationList::read(&value)))
}

/// Writes entries into the list, and no others.
///
/// # Errors
/// There is no list, it is full, or as the server answers.
pub async fn write(cluster: &Cluster, entries: &[Revocation], dry_run: bool) -> Result<()> {
    change(cluster, entries, &[], dry_run).await
}

/// Takes out what was shown as ended, unless it was changed since; gives what was taken out.
///
/// # Errors
/// As [`write`].
pub async fn remove_ended(
    cluster: &Cluster,
    shown: &[&Revocation],
    now: UnixTime,
    dry_run: bool,
) -> Result<Vec<RevocationKey>> {
    let taken = RefCell::default();
    let patch = |list: &Value| {
        let ended = RevocationList::read(list).still_ended(shown, now);
        let patch = lifecycle::changes(list, &[], &ended);
        taken.replace(ended);
        patch
    };
    rewrite(cluster, dry_run, patch).await?;
    Ok(taken.into_inner())
}

/// Writes entries into the list, and takes others out.
///
/// # Errors
/// As [`write`].
pub async fn change(
    cluster: &Cluster,
    put: &[Revocation],
    take: &[RevocationKey],
    dry_run: bool,
) -> Result<()> {
    kept(&rewrite(cluster, dry_run, |list| lifecycle::changes(list, put, take)).await?)
}

/// Changes the list by a merge patch that is made from it, anew whenever somebody else was faster. Gives the
/// keys under which the server stored something else.
async fn rewrite(
    cluster: &Cluster,
    dry_run: bool,
    patch: impl Fn(&Value) -> Option<Value>,
) -> Result<Vec<String>> {
    for _ in 0..TRIES {
        let found = cluster.revoked().await.map_err(|e| explain(&e, &cluster.server, &see()))?;
        let found = found.ok_or_else(no_list)?;
        let Some(patch) = patch(&found) else { return Ok(Vec::new()) };
        if let Some((key, length)) = lifecycle::too_long(&found, &patch) {
            return Err(too_long(key, length));
        }
        match cluster.patch_revoked(&patch, dry_run).await {
            Ok(stored) => return Ok(lifecycle::altered(&found, &patch, &stored)),
            Err(error) if error.reason() == "Conflict" => {}
            Err(error) => return Err(unwritten(&error, cluster)),
        }
    }
    Err(Error::new("the list of revoked certificates keeps changing")
        .hint("run the same command again"))
}

/// What is wrong if the server stored something else than was sent.
fn altered_in_words(keys: &[String]) -> Option<String> {
    let names = show_list(keys.iter().map(String::as_str), 10, 80);
    (!keys.is_empty()).then(|| {
        format!("the API server does not store the list as it was sent; these keys differ: {names}")
    })
}

fn kept(altered: &[String]) -> Result<()> {
    match altered_in_words(altered) {
        None => Ok(()),
        Some(problem) => Err(Error::new(problem).hint(
            "a policy or webhook changes it, and what should be blocked may not be: `kubectl get mutatingadmissionpolicies,mutatingwebhookconfigurations`",
        )),
    }
}

fn too_long(key: &str, length: usize) -> Error {
    let most = MAX_TEXT / 1000;
    Error::new(format!(
        "the list of revoked certificates is full: its text {} would be {} kB long; at most {most} kB are written, \
         as the policy fails with more",
        show(key),
        length.div_ceil(1000)
    ))
    .hint(SHORTEN)
}

fn unwritten(error: &ApiError, cluster: &Cluster) -> Error {
    let text = error.to_string();
    if error.code() == 404 {
        return no_list();
    }
    // The API server's limit for a ConfigMap, and etcd's for an object.
    if text.contains("Too long") || text.contains("request is too large") {
        return Error::new(format!("the list of revoked certificates is full: {}", show(&text)))
            .hint(
                "`kubectl usercert revoke --all-certificates -- NAME` blocks all certificates of a \
                 user with one entry; `revocations prune` removes what has expired; `revocations \
                 list` names keys that are not entries",
            );
    }
    if text.contains("immutable") {
        let what = format!("configmap {CONFIG_MAP} in namespace {NAMESPACE}");
        return Error::new(format!("somebody has made the list immutable: {what}")).hint(
            "save it, delete it and create it again without `immutable`; the audit log says who did it",
        );
    }
    explain(error, &cluster.server, &change_need())
}

/// The id by which an entry is lifted.
#[must_use]
pub fn id(key: &RevocationKey) -> String {
    match key {
        RevocationKey::User(name) => format!("user/{name}"),
        RevocationKey::Certificate(print) => print.to_string(),
        RevocationKey::Exception(print) => format!("except/{print}"),
    }
}

/// The cluster has no list to write to.
pub fn no_list() -> Error {
    Error::new(format!(
        "this cluster has no list of revoked certificates (configmap {CONFIG_MAP} in namespace \
         {NAMESPACE})"
    ))
    .hint("`kubectl usercert revocations install` creates it, and the policy that enforces it")
}

/// Excepts a certificate that was issued for a blocked user, and waits until the API server lets it in,
/// as far as that can be seen.
///
/// # Errors
/// As writing the list fails.
pub async fn except(host: &Host, cluster: &Cluster, leaf: &Certificate) -> Result<()> {
    let me = cluster.who_am_i().await;
    let by = me.map_err(|e| explain(&e, &cluster.server, &Need::WhoAmI))?.username;
    let print = Fingerprint::of(&leaf.der);
    let user = leaf.subject.user();
    let entry = Revocation::new(RevocationKey::Exception(print), "issued anew", &by, host.now());
    write(cluster, &[entry.of_certificate(user, leaf.not_after)], false).await?;
    host.say(format!("certificate {print} excepted from the block of {}", show(user)));
    trial::until_let_in(cluster, user, &print).await;
    Ok(())
}
