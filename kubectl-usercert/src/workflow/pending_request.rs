//! What is kept between `request` and `install`: the key and what was asked, in the state folder.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use usercert_core::api::csr;
use usercert_core::exchange::command_lines;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::code::hex;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::PublicKey;
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::pkcs10::CertificateRequest;
use zeroize::Zeroizing;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::environment;
use crate::files::state::PendingStore;
use crate::keys::PrivateKey;

/// `request.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    pub identity: Identity,
    pub request: String,
    pub code: String,
    pub signer_name: String,
    /// Requested lifetime in seconds.
    pub expiration_seconds: Option<i32>,
    /// Where it was submitted; `None` for an offline request.
    pub submitted: Option<SubmittedTo>,
}

impl RequestRecord {
    /// `request` for the same user and groups. `flags` are quoted, each after a space.
    pub fn named(&self, flags: &str) -> String {
        let groups = self.identity.groups.iter().map(|group| group.as_str());
        command_lines::request(self.identity.user.as_str(), groups, flags)
    }

    /// The command that withdraws this one. `flags`: of the cluster that it is at. Of several that were made offline
    /// for one user, it does not tell the one without groups from the others, and then withdraws none.
    pub fn withdrawal(&self, flags: &str) -> String {
        let this = match &self.submitted {
            Some(submitted) => format!("{flags} --csr-name {}", shell_word(&submitted.csr_name)),
            None => " --offline".to_owned(),
        };
        self.named(&format!("{this} --withdraw"))
    }

    /// Whether it was submitted to this cluster.
    pub fn is_at(&self, endpoint: &Endpoint) -> bool {
        self.submitted.as_ref().is_some_and(|s| s.is_at(endpoint))
    }

    /// The command that makes this request, or goes on with it.
    pub fn command(&self, flags: &str) -> String {
        let user = self.identity.user.as_str();
        let lifetime = self.expiration_seconds.map(i64::from).and_then(Lifetime::from_seconds);
        let mut more = command_lines::terms(lifetime, &self.signer_name, None);
        let plain = csr::name_for_user(user);
        if let Some(name) = self.submitted.as_ref().map(|s| &s.csr_name)
            && !name.starts_with(&plain)
        {
            more.push_str(&format!(" --csr-name {}", shell_word(name)));
        }
        self.named(&format!("{flags}{more}"))
    }

    pub fn key(&self) -> Result<PublicKey> {
        let request = CertificateRequest::from_pem(self.request.as_bytes());
        Ok(request.context("the pending request is damaged")?.key)
    }

    /// Its groups in words, safe to show.
    pub fn groups_shown(&self) -> String {
        let groups = self.identity.groups.iter().map(|group| show(group.as_str()));
        match groups.collect::<Vec<_>>().as_slice() {
            [] => "no groups".to_owned(),
            groups => format!("groups {}", groups.join(", ")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedTo {
    pub server: String,
    /// SHA-256 over the cluster's CA certificates.
    pub ca: String,
    pub csr_name: String,
    /// The object's UID. Empty until the server has answered, so it may never have been submitted.
    pub uid: String,
}

impl SubmittedTo {
    /// Submitted to this cluster under this name; not yet confirmed.
    pub fn new(endpoint: &Endpoint, csr_name: &str) -> Self {
        Self {
            server: endpoint.address().to_owned(),
            ca: endpoint.ca_digest(),
            csr_name: csr_name.to_owned(),
            uid: String::new(),
        }
    }

    /// Whether a server has said that it has the request.
    pub fn is_confirmed(&self) -> bool {
        !self.uid.is_empty()
    }

    /// Whether it went to this address, whatever the CA is.
    pub fn is_at_address(&self, endpoint: &Endpoint) -> bool {
        self.server.trim_end_matches('/') == endpoint.address()
    }

    pub fn is_at(&self, endpoint: &Endpoint) -> bool {
        self.is_at_address(endpoint) && self.ca == endpoint.ca_digest()
    }
}

#[derive(Debug)]
pub struct PendingRequest {
    pub id: String,
    pub record: RequestRecord,
    pub key_pem: Zeroizing<Vec<u8>>,
}

impl PendingRequest {
    pub fn key(&self) -> Result<PrivateKey> {
        PrivateKey::read(&self.key_pem).context("the pending key is damaged")
    }

    pub fn request(&self) -> Result<CertificateRequest> {
        CertificateRequest::from_pem(self.record.request.as_bytes())
            .context("the pending request is damaged")
    }
}

pub fn store() -> Result<PendingStore> {
    Ok(PendingStore::open(environment::state_home(), environment::home())?)
}

/// Whether there is a state folder already; [`store`] makes one.
pub fn is_there() -> bool {
    let home = || environment::home().map(|home| home.join(".local/state"));
    let base = environment::state_home().filter(|path| path.is_absolute()).or_else(home);
    base.is_some_and(|base| base.join("kubectl-usercert/pending").is_dir())
}

pub fn cluster_id(endpoint: &Endpoint, csr_name: &str) -> String {
    let mut hash = Sha256::new();
    for part in [endpoint.address(), &endpoint.ca_digest(), csr_name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

pub fn offline_id(key: &PublicKey) -> String {
    hex(&Sha256::digest(&key.spki))
}

pub fn load(store: &PendingStore, id: &str) -> Result<Option<PendingRequest>> {
    let Some(found) = store.load(id)? else { return Ok(None) };
    let record = serde_json::from_slice(&found.request_json)
        .context(format!("{} is damaged", store.path_of(id).join("request.json").display()))?;
    Ok(Some(PendingRequest { id: id.to_owned(), record, key_pem: found.key }))
}

pub fn all(store: &PendingStore) -> Result<Vec<PendingRequest>> {
    let ids = store.list()?;
    Ok(ids.iter().filter_map(|id| load(store, id).ok().flatten()).collect())
}

/// Why some of the pending requests cannot be read, if any cannot.
pub fn unreadable(store: &PendingStore) -> Result<Option<Error>> {
    Ok(store.list()?.iter().find_map(|id| load(store, id).err()))
}

pub fn update(store: &PendingStore, id: &str, record: &RequestRecord) -> Result<()> {
    Ok(store.update_request(id, &serde_json::to_vec_pretty(record)?)?)
}

pub fn save(
    store: &PendingStore,
    id: &str,
    record: &RequestRecord,
    key: &PrivateKey,
) -> Result<()> {
    let json = serde_json::to_vec_pretty(record)?;
    Ok(store.save(id, key.to_pem().as_bytes(), &json)?)
}
