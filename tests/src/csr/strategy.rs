//! What the server fills in and silently restores, after `pkg/registry/certificates/certificates/strategy.go`.

use super::{APPROVED, DENIED};
use crate::api::{CertificateSigningRequest, CertificateSigningRequestStatus, Condition, Time};
use crate::user::User;

/// Writes the requester into the spec and empties the status, whatever the client sent there.
pub(crate) fn prepare_create(request: &mut CertificateSigningRequest, user: &User) {
    request.spec.username = user.name.clone();
    request.spec.uid = user.uid.clone();
    request.spec.groups = user.groups.clone();
    request.spec.extra = user.extra.clone();
    request.status = CertificateSigningRequestStatus::default();
}

/// Puts back what an update through this path cannot change.
pub(crate) fn prepare_update(
    request: &mut CertificateSigningRequest,
    old: &CertificateSigningRequest,
    subresource: &str,
) {
    request.spec = old.spec.clone();
    match subresource {
        "approval" => {
            fill_times(&mut request.status.conditions, &old.status.conditions);
            request.status.certificate = old.status.certificate.clone();
        }
        "status" => {
            for kind in [APPROVED, DENIED] {
                preserve(&mut request.status.conditions, &old.status.conditions, kind);
            }
            fill_times(&mut request.status.conditions, &old.status.conditions);
        }
        _ => request.status = old.status.clone(),
    }
}

/// Copies the old conditions of a type over the new ones, if there are as many.
fn preserve(new: &mut [Condition], old: &[Condition], kind: &str) {
    let old: Vec<&Condition> = old.iter().filter(|it| it.kind == kind).collect();
    let new: Vec<&mut Condition> = new.iter_mut().filter(|it| it.kind == kind).collect();
    if new.len() == old.len() {
        for (new, old) in new.into_iter().zip(old) {
            *new = old.clone();
        }
    }
}

/// Sets missing times: the update to now, the transition to the old one of the same type and status or to now.
fn fill_times(new: &mut [Condition], old: &[Condition]) {
    let now = Time::now();
    for condition in new {
        if Time::is_zero(&condition.last_update_time) {
            condition.last_update_time = Some(now);
        }
        if Time::is_zero(&condition.last_transition_time) {
            let same = old.iter().find(|it| {
                it.kind == condition.kind
                    && it.status == condition.status
                    && !Time::is_zero(&it.last_transition_time)
            });
            condition.last_transition_time = same.map_or(Some(now), |it| it.last_transition_time);
        }
    }
}
