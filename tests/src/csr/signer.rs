//! The built-in signers, after `pkg/controller/certificates/signer/signer.go`, `…/authority/policies.go` and
//! `pkg/apis/certificates/helpers.go`.

use std::sync::Arc;

use super::{
    APPROVED, CLIENT_SIGNER, DENIED, FAILED, KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER,
};
use crate::api::{CertificateSigningRequest, Condition, Kind, Object, Resource, Time};
use crate::cluster::Cluster;
use crate::store::Store;
use crate::x509::{AltNames, Name, Profile, Request, Usages, encode_pem};

const BACKDATE: i64 = 5 * 60;
/// Below this the end is not backdated.
const SHORT: i64 = 8 * 3600;
const MINIMUM: i64 = 10 * 60;

/// Signs what is approved, whenever something changes and the signer is switched on; never returns.
pub(crate) async fn run(cluster: Arc<Cluster>) {
    let mut changes = cluster.store().subscribe();
    let mut switch = cluster.signer.subscribe();
    let mut seen = None;
    loop {
        if *switch.borrow_and_update() {
            changes.mark_unchanged();
            seen = Some(handle_changes(&cluster, seen));
        } else {
            seen = None;
        }
        let alive = tokio::select! {
            changed = changes.changed() => changed,
            switched = switch.changed() => switched,
        };
        if alive.is_err() {
            return;
        }
    }
}

/// Handles what changed after the version `seen`, or all there is, and returns the version up to which that is done.
fn handle_changes(cluster: &Cluster, seen: Option<u64>) -> u64 {
    let mut store = cluster.store();
    let version = store.version();
    let Some(resource) = Resource::of(Kind::CertificateSigningRequest) else { return version };
    let changes = seen.and_then(|seen| store.changes_after(seen, resource));
    let candidates: Vec<Arc<Object>> = match changes {
        // Of an object only the latest state counts.
        Some(events) => events
            .iter()
            .filter_map(|event| store.get(resource, "", &event.object.meta().name))
            .collect(),
        None => store.list(resource, "").cloned().collect(),
    };
    for object in candidates {
        if let Object::Request(request) = object.as_ref()
            && is_ready(request)
            && is_latest(&store, resource, &object)
        {
            let mut request = request.clone();
            if handle(&mut request, cluster) {
                store.put(resource, Object::Request(request));
            }
        }
    }
    version
}

/// Whether an object is still as it is in the store; it may have come up twice.
fn is_latest(store: &Store, resource: &Resource, object: &Arc<Object>) -> bool {
    let latest = store.get(resource, "", &object.meta().name);
    latest.is_some_and(|latest| Arc::ptr_eq(&latest, object))
}

fn is_ready(request: &CertificateSigningRequest) -> bool {
    let status = &request.status;
    status.has(APPROVED)
        && !status.has(DENIED)
        && !status.has(FAILED)
        && status.certificate.is_empty()
}

/// Signs or fails a request; `false` if it is none of the signers' business.
fn handle(request: &mut CertificateSigningRequest, cluster: &Cluster) -> bool {
    let Ok(parsed) = Request::parse(&request.spec.request) else { return false };
    let usages: Vec<&str> = request.spec.usages.iter().map(String::as_str).collect();
    let verdict = match request.spec.signer_name.as_str() {
        CLIENT_SIGNER => check_client(&usages),
        KUBELET_CLIENT_SIGNER => check_kubelet_client(&parsed, &usages),
        KUBELET_SERVING_SIGNER => check_kubelet_serving(&parsed, &usages),
        _ => return false,
    };
    if let Err(message) = verdict {
        let now = Some(Time::now());
        request.status.conditions.push(Condition {
            kind: FAILED.into(),
            status: "True".into(),
            reason: "SignerValidationFailure".into(),
            message,
            last_update_time: now,
            last_transition_time: now,
        });
        return true;
    }
    match sign(&parsed, &usages, request.spec.expiration_seconds, cluster) {
        Some(pem) => {
            request.status.certificate = pem.into_bytes();
            true
        }
        None => false,
    }
}

fn sign(
    request: &Request,
    usages: &[&str],
    expiration_seconds: Option<i32>,
    cluster: &Cluster,
) -> Option<String> {
    let now = jiff::Timestamp::now().as_second();
    let longest = cluster.max_certificate_seconds;
    let lifetime = match expiration_seconds.map(i64::from) {
        Some(asked) if asked <= longest => asked.max(MINIMUM),
        _ => longest,
    };
    let end = if lifetime < SHORT { now + lifetime } else { now + lifetime - BACKDATE };
    let der = cluster.client_ca().issue(&Profile {
        subject: &request.subject,
        public_key_info: &request.public_key_info,
        usages: Usages::from_names(usages),
        alt_names: request.alt_names.clone(),
        not_before: now - BACKDATE,
        not_after: end.min(cluster.client_ca().not_after()),
    });
    der.ok().map(|der| encode_pem("CERTIFICATE", &der))
}

fn check_client(usages: &[&str]) -> Result<(), String> {
    for usage in usages {
        if !["digital signature", "key encipherment", "client auth"].contains(usage) {
            return Err(format!("invalid usage for client certificate: {usage}"));
        }
    }
    if usages.contains(&"client auth") {
        Ok(())
    } else {
        Err("missing required usage for client certificate: client auth".into())
    }
}

fn check_kubelet_client(request: &Request, usages: &[&str]) -> Result<(), String> {
    check_node_group(&request.subject)?;
    let AltNames { dns, emails, ips, uris } = &request.alt_names;
    let asked = [
        (dns.is_empty(), "DNS"),
        (emails.is_empty(), "Email"),
        (ips.is_empty(), "IP"),
        (uris.is_empty(), "URI"),
    ];
    for (none, kind) in asked {
        if !none {
            return Err(format!("{kind} subjectAltNames are not allowed"));
        }
    }
    check_node_name(&request.subject)?;
    check_usages(usages, "client auth")
}

fn check_kubelet_serving(request: &Request, usages: &[&str]) -> Result<(), String> {
    check_node_group(&request.subject)?;
    let AltNames { dns, emails, ips, uris } = &request.alt_names;
    if dns.is_empty() && ips.is_empty() {
        return Err("DNS or IP subjectAltName is required".into());
    }
    for (names, kind) in [(emails, "Email"), (uris, "URI")] {
        if !names.is_empty() {
            return Err(format!("{kind} subjectAltNames are not allowed"));
        }
    }
    check_usages(usages, "server auth")?;
    check_node_name(&request.subject)
}

fn check_node_group(subject: &Name) -> Result<(), String> {
    if subject.organizations() == ["system:nodes"] {
        Ok(())
    } else {
        Err("subject organization is not system:nodes".into())
    }
}

fn check_node_name(subject: &Name) -> Result<(), String> {
    if subject.common_name().starts_with("system:node:") {
        Ok(())
    } else {
        Err("subject common name does not begin with system:node:".into())
    }
}

/// Exactly the digital signature and the purpose, with or without key encipherment.
fn check_usages(usages: &[&str], purpose: &str) -> Result<(), String> {
    let mut known = ["digital signature", "key encipherment", purpose];
    known.sort_unstable();
    let exact = usages.iter().all(|usage| known.contains(usage))
        && usages.contains(&"digital signature")
        && usages.contains(&purpose);
    if exact { Ok(()) } else { Err(format!("usages did not match [{}]", known.join(" "))) }
}
