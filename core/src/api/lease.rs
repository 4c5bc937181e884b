//! A Lease (`coordination.k8s.io/v1`): of several replicas, the one that works.
//!
//! Source: `client-go/tools/leaderelection/leaderelection.go`. A lease counts as abandoned when it has
//! not changed for its duration by the clock of whoever looks; times in it, which other clocks wrote,
//! decide nothing.

use serde_json::{Value, json};

use crate::time::UnixTime;

/// The API group.
pub const API_GROUP: &str = "coordination.k8s.io";

/// How long a lease holds that is not renewed, in seconds.
pub const SECONDS: i64 = 15;

/// What is to be done to hold a lease.
#[derive(Clone, Debug, PartialEq)]
pub enum LeaseStep {
    /// Create this.
    Create(Value),
    /// Write this in place of what was read.
    Update(Value),
    /// Somebody else holds it.
    Wait,
}

/// The collection of leases in a namespace.
#[must_use]
pub fn collection(namespace: &str) -> String {
    format!("/apis/{API_GROUP}/v1/namespaces/{namespace}/leases")
}

/// How `me` gets or keeps the lease of this name. `abandoned` says that the lease, as it was found, has
/// been the same for its whole duration.
#[must_use]
pub fn hold(
    found: Option<&Value>,
    (namespace, name): (&str, &str),
    me: &str,
    abandoned: bool,
    now: UnixTime,
) -> LeaseStep {
    let time = micro(now);
    let Some(found) = found else {
        return LeaseStep::Create(json!({
            "apiVersion": format!("{API_GROUP}/v1"),
            "kind": "Lease",
            "metadata": { "name": name, "namespace": namespace },
            "spec": {
                "holderIdentity": me, "leaseDurationSeconds": SECONDS,
                "acquireTime": time, "renewTime": time, "leaseTransitions": 0,
            },
        }));
    };
    let holder = found["spec"]["holderIdentity"].as_str().unwrap_or_default();
    if holder != me && !holder.is_empty() && !abandoned {
        return LeaseStep::Wait;
    }
    let mut body = found.clone();
    body["spec"]["leaseDurationSeconds"] = SECONDS.into();
    body["spec"]["renewTime"] = time.clone().into();
    if holder != me {
        let transitions = found["spec"]["leaseTransitions"].as_i64().unwrap_or_default();
        body["spec"]["holderIdentity"] = me.into();
        body["spec"]["acquireTime"] = time.into();
        body["spec"]["leaseTransitions"] = transitions.saturating_add(1).into();
    }
    LeaseStep::Update(body)
}

/// The lease given up by `me`, so that another need not wait; `None` if somebody else holds it.
#[must_use]
pub fn release(found: &Value, me: &str, now: UnixTime) -> Option<Value> {
    if found["spec"]["holderIdentity"] != me {
        return None;
    }
    let mut body = found.clone();
    body["spec"]["holderIdentity"] = "".into();
    // What the API server accepts as the shortest.
    body["spec"]["leaseDurationSeconds"] = 1.into();
    body["spec"]["renewTime"] = micro(now).into();
    Some(body)
}

/// As metav1.MicroTime writes it.
fn micro(time: UnixTime) -> String {
    time.to_string().replace('Z', ".000000Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_796_000_000);

    fn next(found: Option<&Value>, me: &str, abandoned: bool) -> LeaseStep {
        hold(found, ("system", "approver"), me, abandoned, NOW)
    }

    #[test]
    fn a_lease_is_created_renewed_and_left_to_its_holder() {
        let LeaseStep::Create(lease) = next(None, "a", false) else { panic!("not created") };
        assert_eq!(lease["spec"]["renewTime"], "2026-11-30T00:53:20.000000Z");
        let LeaseStep::Update(renewed) = next(Some(&lease), "a", false) else {
            panic!("not renewed")
        };
        assert_eq!(renewed["spec"]["leaseTransitions"], 0);
        assert_eq!(next(Some(&lease), "b", false), LeaseStep::Wait);
    }

    #[test]
    fn an_abandoned_or_released_lease_is_taken() {
        let LeaseStep::Create(lease) = next(None, "a", false) else { panic!("not created") };
        let LeaseStep::Update(taken) = next(Some(&lease), "b", true) else { panic!("not taken") };
        assert_eq!(taken["spec"]["holderIdentity"], "b");
        assert_eq!(taken["spec"]["leaseTransitions"], 1);
        let released = release(&lease, "a", NOW).unwrap();
        assert!(matches!(next(Some(&released), "b", false), LeaseStep::Update(_)));
        assert_eq!(release(&taken, "a", NOW), None);
    }

    #[test]
    fn what_others_wrote_into_it_stays() {
        let found = json!({
            "metadata": { "uid": "u", "resourceVersion": "7", "labels": { "x": "y" } },
            "spec": { "holderIdentity": "a", "strategy": "z" },
        });
        let LeaseStep::Update(body) = next(Some(&found), "a", false) else { panic!("not renewed") };
        assert_eq!(body["metadata"], found["metadata"]);
        assert_eq!(body["spec"]["strategy"], "z");
    }
}
