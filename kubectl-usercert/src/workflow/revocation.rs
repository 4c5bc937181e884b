//! What is revoked and what enforces it: reading it, changing it, trying it. Shared by `revoke`,
//! `revocations` and whatever asks the list first.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usercert_core::api::rbac::Rule;
use usercert_core::lifecycle::admission::{self, Managed, ObjectState};
use usercert_core::lifecycle::enforcement::{Enforcement, Probe, Seen};
use usercert_core::lifecycle::{
    self, CONFIG_MAP, Fingerprint, Layer, NAMESPACE, Revocation, RevocationKey, RevocationList,
};
use usercert_core::text::show;
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{ApiError, Cluster, Need, Target, explain};
use crate::error::{Error, Result};
use crate::ui::host::Host;

/// How long a change takes at most to be noticed by the API server.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(150);

/// What is needed to see the list.
#[must_use]
pub fn see() -> Need {
    on_list(&["get"])
}

/// What is needed to follow it.
#[must_use]
pub fn watch() -> Need {
    on_list(&["get", "watch"])
}

/// What is needed to change it.
#[must_use]
pub fn change() -> Need {
    on_list(&["get", "patch"])
}

fn on_list(verbs: &[&str]) -> Need {
    Need::Allowed(Rule::allowing(verbs, "", &["configmaps"]))
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
                Ok(Self::Hidden("you may not see what is revoked".to_owned()))
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

/// The objects of the admission policy, and how each of them is here.
pub struct Installed {
    /// In the order in which they are created.
    pub objects: Vec<(Managed, ObjectState, Option<Value>)>,
}

impl Installed {
    /// Looks at all of them; at those that enforce only, if `enforcing`.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn look(cluster: &Cluster, enforcing: bool) -> Result<Self, ApiError> {
        let wanted = admission::objects().into_iter().filter(|o| !enforcing || enforces(o));
        let look = |object: Managed| async move {
            let found = cluster.object(&object.collection, object.name).await?;
            let state = admission::state(&object, found.as_ref());
            Ok::<_, ApiError>((object, state, found))
        };
        let objects = futures_util::future::try_join_all(wanted.map(look)).await?;
        Ok(Self { objects })
    }

    /// Whether policy and binding are as they are to be.
    #[must_use]
    pub fn in_force(&self) -> bool {
        let enforcing = self.objects.iter().filter(|(object, ..)| enforces(object));
        enforcing.clone().count() > 0
            && enforcing.clone().all(|(_, state, _)| *state == ObjectState::AsIntended)
    }

    /// What keeps it from being in force, a line for each object; empty if nothing does.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let enforcing = self.objects.iter().filter(|(object, ..)| enforces(object));
        let told = enforcing.filter_map(|(object, state, _)| {
            Some(format!("{} {}", object.full_name(), state_in_words(state)?))
        });
        told.collect()
    }
}

fn enforces(object: &Managed) -> bool {
    object.name == admission::POLICY
}

fn state_in_words(state: &ObjectState) -> Option<String> {
    Some(match state {
        ObjectState::AsIntended => return None,
        ObjectState::Absent => "is not there".to_owned(),
        ObjectState::Foreign => "is there, but was not made by kubectl usercert".to_owned(),
        ObjectState::Changed(places) => format!("was changed: {}", show(&places.join(", "))),
    })
}

/// Creates what is missing of the mechanism and mends what is ours; a line for each object.
///
/// # Errors
/// An object of somebody else that is in the way, or as the server answers.
pub async fn install(
    cluster: &Cluster,
    installed: &Installed,
    dry_run: bool,
) -> Result<Vec<(String, &'static str)>> {
    let foreign = installed.objects.iter().find(|(_, state, _)| *state == ObjectState::Foreign);
    if let Some((object, ..)) = foreign {
        return Err(Error::new(format!(
            "{} is there, but was not made by kubectl usercert",
            object.full_name()
        ))
        .hint("nothing was changed; rename or delete it if it is nobody's"));
    }
    let mut done = Vec::new();
    for (object, state, found) in &installed.objects {
        let outcome = match (state, found) {
            (ObjectState::Absent, _) | (_, None) => {
                match cluster.create_object(&object.collection, &object.value, dry_run).await {
                    // In a dry run the namespace was not made.
                    Err(error) if dry_run && error.code() == 404 => Ok("created"),
                    // Somebody else is installing it too.
                    Err(error) if error.reason() == "AlreadyExists" => Ok("unchanged"),
                    other => other.map(|_| "created"),
                }
            }
            (ObjectState::Changed(_), Some(found)) => {
                let body = admission::upgraded(object, found);
                let written =
                    cluster.put_object(&object.collection, object.name, &body, dry_run).await;
                written.map(|_| "configured")
            }
            (ObjectState::AsIntended | ObjectState::Foreign, Some(_)) => Ok("unchanged"),
        };
        let outcome = outcome.map_err(|error| uninstalled(&error, cluster, object))?;
        done.push((object.full_name(), outcome));
    }
    Ok(done)
}

fn uninstalled(error: &ApiError, cluster: &Cluster, object: &Managed) -> Error {
    let old = error.code() == 404 && object.collection.contains("validatingadmission");
    let rule = Rule::allowing(
        &["get", "create", "update"],
        "admissionregistration.k8s.io",
        &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
    );
    let explained = explain(error, &cluster.server, &Need::Allowed(rule));
    if old {
        return Error::new("this API server has no ValidatingAdmissionPolicies")
            .hint(format!("they come with Kubernetes 1.{}", admission::SINCE_MINOR));
    }
    Error { message: format!("{}: {}", object.full_name(), explained.message), ..explained }
}

/// Writes entries into the list, and no others.
///
/// # Errors
/// There is no list, it is full, or as the server answers.
pub async fn write(cluster: &Cluster, entries: &[Revocation], dry_run: bool) -> Result<()> {
    patch(cluster, &lifecycle::revoked_patch(entries), dry_run).await
}

/// Takes entries out of the list.
///
/// # Errors
/// As [`write`].
pub async fn remove(cluster: &Cluster, keys: &[RevocationKey], dry_run: bool) -> Result<()> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    patch(cluster, &lifecycle::removal(keys.iter().map(String::as_str)), dry_run).await
}

/// Changes the list by a merge patch.
///
/// # Errors
/// As [`write`].
pub async fn patch(cluster: &Cluster, patch: &Value, dry_run: bool) -> Result<()> {
    let error = match cluster.patch_revoked(patch, dry_run).await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let text = error.to_string();
    if error.code() == 404 {
        return Err(no_list());
    }
    // The API server's limit for a ConfigMap, and etcd's for an object.
    if text.contains("Too long") || text.contains("request is too large") {
        return Err(Error::new(format!("the list of what is revoked is full: {}", show(&text)))
            .hint("`kubectl usercert revocations prune` takes out what has expired"));
    }
    Err(explain(&error, &cluster.server, &change()))
}

/// There is nothing to write into.
pub fn no_list() -> Error {
    Error::new(format!(
        "this cluster has no list of what is revoked (configmap {CONFIG_MAP} in namespace {NAMESPACE})"
    ))
    .hint("`kubectl usercert revocations install` makes it, with what refuses by it")
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
    let probe = Probe::excepted(Layer::Authorization, user, &print);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && cluster.probe(&probe).await == Seen::Refuses {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Tries what refuses the holder of a revoked certificate. Where `fresh`, the server is given the time
/// that it takes to notice the entry.
pub async fn enforcement(
    target: &Target,
    cluster: &Cluster,
    key: &RevocationKey,
    fresh: bool,
) -> Enforcement {
    let probe = |layer| Probe::new(layer, key);
    let (Some(admission), Some(authorization)) =
        (probe(Layer::Admission), probe(Layer::Authorization))
    else {
        return not_tried("an exception refuses nothing");
    };
    if target.resolved.user.impersonate.is_some() {
        return not_tried("you act as somebody else (--as)");
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let (admission, authorization) =
            tokio::join!(cluster.probe(&admission), cluster.probe(&authorization));
        let seen = Enforcement { admission, authorization };
        let waits = fresh && seen.admission == Seen::Passes && Instant::now() < until;
        if !waits {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_tried(why: &str) -> Enforcement {
    let seen = || Seen::NotTried(why.to_owned());
    Enforcement { admission: seen(), authorization: seen() }
}

/// What was seen, for `-o json`.
#[must_use]
pub fn seen_value(seen: &Enforcement) -> Value {
    json!({ "admission": seen.admission.as_str(), "authorization": seen.authorization.as_str() })
}
