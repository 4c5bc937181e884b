//! What is kept between `request` and `install`: the key and what was asked, in the state folder.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::x509::code::hex;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::PublicKey;
use usercert_core::x509::pkcs10::CertificateRequest;
use zeroize::Zeroizing;

use crate::error::{Result, ResultExt as _};
use crate::files::environment;
use crate::files::state::PendingStore;
use crate::keys::PrivateKey;

/// `request.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// Whom the request names.
    pub identity: Identity,
    /// PEM of the certificate request.
    pub request: String,
    /// Its short code.
    pub code: String,
    /// Who is to sign.
    pub signer_name: String,
    /// Asked lifetime in seconds.
    pub expiration_seconds: Option<i32>,
    /// Where it was submitted; `None` for an offline request.
    pub submitted: Option<SubmittedTo>,
}

/// Where a request was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedTo {
    /// The server's address.
    pub server: String,
    /// SHA-256 over the cluster's CA certificates.
    pub ca: String,
    /// The object's name.
    pub csr_name: String,
    /// The object's UID; empty until the server has answered.
    pub uid: String,
}

impl SubmittedTo {
    /// SubmittedTo to this cluster under this name; not answered yet.
    #[must_use]
    pub fn new(endpoint: &Endpoint, csr_name: &str) -> Self {
        Self {
            server: endpoint.server.clone(),
            ca: endpoint.ca_digest(),
            csr_name: csr_name.to_owned(),
            uid: String::new(),
        }
    }

    /// Whether it was submitted to this cluster.
    #[must_use]
    pub fn is_at(&self, endpoint: &Endpoint) -> bool {
        self.server == endpoint.server && self.ca == endpoint.ca_digest()
    }
}

/// A pending request with its key.
#[derive(Debug)]
pub struct PendingRequest {
    /// Its id in the store.
    pub id: String,
    /// What was asked.
    pub record: RequestRecord,
    /// The key, PEM.
    pub key_pem: Zeroizing<Vec<u8>>,
}

impl PendingRequest {
    /// The key, ready to use.
    ///
    /// # Errors
    /// When the stored key is damaged.
    pub fn key(&self) -> Result<PrivateKey> {
        PrivateKey::read(&self.key_pem).context("the pending key is damaged")
    }

    /// The stored certificate request.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn request(&self) -> Result<CertificateRequest> {
        CertificateRequest::from_pem(self.record.request.as_bytes())
            .context("the pending request is damaged")
    }
}

/// The state folder.
///
/// # Errors
/// When it is not safe or not writable.
pub fn store() -> Result<PendingStore> {
    Ok(PendingStore::open(environment::state_home(), environment::home())?)
}

/// Whether there is a state folder already; [`store`] makes one.
#[must_use]
pub fn is_there() -> bool {
    let home = || environment::home().map(|home| home.join(".local/state"));
    let base = environment::state_home().filter(|path| path.is_absolute()).or_else(home);
    base.is_some_and(|base| base.join("kubectl-usercert/pending").is_dir())
}

/// The id of a request in a cluster.
#[must_use]
pub fn cluster_id(endpoint: &Endpoint, csr_name: &str) -> String {
    let mut hash = Sha256::new();
    for part in [endpoint.server.as_str(), &endpoint.ca_digest(), csr_name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// The id of a request that was made offline.
#[must_use]
pub fn offline_id(key: &PublicKey) -> String {
    hex(&Sha256::digest(&key.spki))
}

/// Reads one pending request.
///
/// # Errors
/// When it is there but unreadable.
pub fn load(store: &PendingStore, id: &str) -> Result<Option<PendingRequest>> {
    let Some(found) = store.load(id)? else { return Ok(None) };
    let record = serde_json::from_slice(&found.request_json)
        .context(format!("{} is damaged", store.path_of(id).join("request.json").display()))?;
    Ok(Some(PendingRequest { id: id.to_owned(), record, key_pem: found.key }))
}

/// All pending requests that can be read.
///
/// # Errors
/// When the folder cannot be read.
pub fn all(store: &PendingStore) -> Result<Vec<PendingRequest>> {
    let ids = store.list()?;
    Ok(ids.iter().filter_map(|id| load(store, id).ok().flatten()).collect())
}

/// Keeps a request and its key.
///
/// # Errors
/// When there is one already or the folder cannot be written.
pub fn save(
    store: &PendingStore,
    id: &str,
    record: &RequestRecord,
    key: &PrivateKey,
) -> Result<()> {
    let json = serde_json::to_vec_pretty(record)?;
    Ok(store.save(id, key.to_pem().as_bytes(), &json)?)
}
