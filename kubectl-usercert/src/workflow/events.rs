//! Events about requests, for `kubectl events` and `kubectl describe csr`.

use usercert_core::api::csr::Object;
use usercert_core::lifecycle::approver::{EVENTS, event};

use crate::cluster::{Cluster, Need, explain};
use crate::ui::host::Host;

/// Writes an event of a service, unless there is one of an earlier try.
pub async fn write(
    host: &Host,
    cluster: &Cluster,
    service: &str,
    object: &Object,
    (reason, why): (&str, &str),
) {
    let event = event(service, object, reason, why, host.now());
    let events = format!("/api/v1/namespaces/{EVENTS}/events");
    match cluster.create_object(&events, &event, false).await {
        Err(error) if error.reason() != "AlreadyExists" => {
            let error = explain(&error, &cluster.server, &Need::Get);
            host.warn(format!("warning: no event was written: {}", error.message));
        }
        _ => {}
    }
}
