//! The objects of the admission policy: how they are here, and creating and mending them.

use serde_json::Value;
use usercert_core::api::rbac::Rule;
use usercert_core::lifecycle::admission::{self, Managed, ObjectState};

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Result};

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

    /// Policy and binding by their full names, and how they are.
    #[must_use]
    pub fn enforcing(&self) -> Vec<(String, ObjectState)> {
        let enforcing = self.objects.iter().filter(|(object, ..)| enforces(object));
        enforcing.map(|(object, state, _)| (object.full_name(), state.clone())).collect()
    }
}

fn enforces(object: &Managed) -> bool {
    object.name == admission::POLICY
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
            "{} exists, but was not created by kubectl usercert",
            object.full_name()
        ))
        .hint("nothing was changed; rename it, or delete it if nobody needs it"));
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
