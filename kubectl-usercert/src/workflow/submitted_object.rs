//! The object of a request that was submitted, told from any other of its name.

use usercert_core::api::csr::{CsrObject, Progress};
use usercert_core::x509::key::PublicKey;

use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Result};
use crate::workflow::await_certificate;
use crate::workflow::pending_request::{RequestRecord, SubmittedTo};

/// The object of that name, or why there is none for this request.
///
/// # Errors
/// As the server answers otherwise.
pub async fn look(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    key: &PublicKey,
) -> Result<Result<CsrObject, Progress>> {
    match cluster.get_csr(name).await {
        Ok(object) => match is_of(&object, uid, key)? {
            true => Ok(Ok(object)),
            false => Ok(Err(Progress::Replaced)),
        },
        Err(error) if error.reason() == "NotFound" => Ok(Err(Progress::Vanished)),
        Err(error) => Err(unreadable(&error, cluster)),
    }
}

/// Whether an object is the one with this UID, if that is known, and for this key.
pub fn is_of(object: &CsrObject, uid: &str, key: &PublicKey) -> Result<bool> {
    let same = uid.is_empty() || object.metadata.uid == uid;
    Ok(same && object.certificate_request()?.key == *key)
}

fn unreadable(error: &ApiError, cluster: &Cluster) -> Error {
    explain(error, &cluster.server, &Need::Get).hint(
        "without the right to read requests, ask the admin for a reply file:\n  kubectl usercert approve NAME --reply FILE",
    )
}

pub async fn read_request(cluster: &Cluster, name: &str) -> Result<CsrObject> {
    cluster.get_csr(name).await.map_err(|error| match error.reason() {
        "NotFound" => await_certificate::ended(name, Progress::Vanished),
        _ => unreadable(&error, cluster),
    })
}

/// The object of a kept request. `flags` say which cluster is meant.
pub async fn read_kept(cluster: &Cluster, kept: &RequestRecord, flags: &str) -> Result<CsrObject> {
    let SubmittedTo { csr_name, uid, .. } =
        kept.submitted.as_ref().ok_or_else(|| Error::new("this request was made offline"))?;
    match look(cluster, csr_name, uid, &kept.key()?).await? {
        Ok(object) => Ok(object),
        Err(_) if uid.is_empty() => Err(await_certificate::not_submitted(csr_name, kept, flags)),
        Err(progress) => Err(await_certificate::ended(csr_name, progress)),
    }
}
