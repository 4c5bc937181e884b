//! The store of a certificate that renews itself, and the user entry that leads to it.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::plugin_policy::PluginPolicy;
use usercert_core::kubeconfig::self_renewing::{self, StoreReference};
use usercert_core::lifecycle::credential::{Attempts, Step, StoredCredential, step};
use usercert_core::text::{show, show_path};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{Certificate, chain_to_pem};
use usercert_core::x509::code::hex;
use zeroize::Zeroizing;

use crate::cluster::Cluster;
use crate::error::{Error, Result, ResultExt as _};
use crate::files::credential_store::{CredentialStore, RenewalLock, StateHome};
use crate::files::{environment, kuberc, program};
use crate::ui::args::Timeout;
use crate::ui::host::Host;

/// The store of whom a certificate names, for the cluster that it is for.
pub fn reference(endpoint: &Endpoint, leaf: &Certificate) -> StoreReference {
    let mut hash = Sha256::new();
    let groups = leaf.subject.groups();
    let ca = endpoint.ca_digest();
    let parts = [endpoint.server.as_str(), &ca, leaf.subject.user()];
    for part in parts.into_iter().chain(groups.iter().map(String::as_str)) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let id = hex(&hash.finalize()).chars().take(32).collect();
    // Programs that are not started from a shell do not see what a shell's profile sets.
    let state_home = environment::state_home().filter(|path| path.is_absolute());
    let usual = environment::home().map(|home| home.join(".local").join("state"));
    let state_home = state_home.filter(|path| Some(path) != usual.as_ref());
    StoreReference { id, state_home: state_home.map(|path| path.display().to_string()) }
}

/// The `exec` field by which clients get the stored certificate.
///
/// # Errors
/// When this program cannot be found.
pub fn exec(reference: &StoreReference) -> Result<Value> {
    let command = program::own_path().context("this program's own path")?;
    Ok(self_renewing::exec(&command.display().to_string(), reference))
}

/// An opened store with what is in it.
pub struct OpenStore {
    pub files: CredentialStore,
    pub stored: StoredCredential,
    /// The chain, the leaf first.
    pub chain: Vec<Certificate>,
    pub leaf: Certificate,
}

impl OpenStore {
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn open(home: &StateHome, id: &str) -> Result<Self> {
        let missing = || {
            Error::new(format!("there is no stored certificate {}", show(id)))
                .hint("get a new one: kubectl usercert request, then install --auto-renew")
        };
        let files = CredentialStore::open(home, id)?.ok_or_else(missing)?;
        Self::read(files)?.ok_or_else(missing)
    }

    pub fn of(reference: &StoreReference) -> Result<Self> {
        Self::open(&StateHome::of(reference), &reference.id)
    }

    fn read(files: CredentialStore) -> Result<Option<Self>> {
        let Some(stored) = files.load()? else { return Ok(None) };
        let chain = stored.chain().context(files.path().display())?;
        let leaf = chain.first().cloned().ok_or_else(|| Error::new("there is no certificate"))?;
        Ok(Some(Self { files, stored, chain, leaf }))
    }

    /// The same with what is in it now.
    ///
    /// # Errors
    /// When it is gone.
    pub fn again(self) -> Result<Self> {
        let path = self.files.path().display().to_string();
        let gone = || Error::new(format!("{path} is gone"));
        Self::read(self.files)?.ok_or_else(gone)
    }

    /// The right to renew.
    ///
    /// # Errors
    /// While another process has it.
    pub fn lock(&self) -> Result<RenewalLock> {
        locked(&self.files, &self.leaf)
    }

    /// What has become of attempts to renew the certificate that is in it now.
    pub fn attempts(&self) -> Option<Attempts> {
        self.files.attempts().filter(|attempts| attempts.certificate == self.leaf.fingerprint())
    }

    pub fn step(&self, now: UnixTime) -> Step {
        step(&self.leaf, self.files.attempts().as_ref(), now)
    }

    /// A connection by the stored certificate; `endpoint` is the stored one, by whatever way.
    pub fn connect(&self, endpoint: &Endpoint, timeout: Timeout) -> Result<Cluster> {
        Cluster::with_certificate(endpoint, &self.chain, &self.stored.key, timeout)
    }
}

fn locked(files: &CredentialStore, leaf: &Certificate) -> Result<RenewalLock> {
    files.try_lock()?.ok_or_else(|| {
        let user = show(leaf.subject.user());
        Error::new(format!("another process is renewing the certificate of {user} just now"))
            .hint("run the same command again in a few seconds")
    })
}

/// Puts a certificate that is to renew itself into its store. `accepted`: a server has accepted it, or a
/// person has said that none is to be asked.
///
/// # Errors
/// When the store holds one that works and the new one is not known to.
pub fn store(
    reference: &StoreReference,
    credential: &StoredCredential,
    accepted: bool,
    now: UnixTime,
) -> Result<()> {
    let files = CredentialStore::create(&StateHome::of(reference), &reference.id)?;
    let chain = credential.chain()?;
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate to store"))?;
    let _lock = locked(&files, leaf)?;
    let old = files.load().ok().flatten().and_then(|old| old.chain().ok());
    let old = old.as_ref().and_then(|chain| chain.first());
    if !accepted && old.is_some_and(|old| old.der != leaf.der && now <= old.not_after) {
        return Err(Error::new(
            "no server has accepted the new certificate yet, so the stored one, which is still valid, stays",
        )
        .hint("nothing was written and the key is kept: once the server answers, run the same command again"));
    }
    Ok(files.promote(credential)?)
}

/// What the stored form of a certificate says.
pub fn credential(
    context: &str,
    endpoint: &Endpoint,
    signer_name: &str,
    chain: &[Certificate],
    key_pem: &str,
) -> Result<StoredCredential> {
    if endpoint.insecure {
        return Err(Error::usage(
            "a certificate renews itself only where the server's certificate is checked",
        )
        .hint("give the server's CA in the cluster entry: certificate-authority-data"));
    }
    let ca = endpoint.ca_pem.clone().map(String::from_utf8).transpose();
    Ok(StoredCredential {
        context: context.to_owned(),
        server: endpoint.server.clone(),
        certificate_authority: ca.context("the cluster's CA is not text")?,
        tls_server_name: endpoint.tls_server_name.clone(),
        proxy_url: endpoint.proxy_url.clone(),
        signer_name: signer_name.to_owned(),
        certificate: chain_to_pem(chain),
        key: Zeroizing::new(key_pem.to_owned()),
    })
}

/// Says what the person's kuberc file needs, so that kubectl runs the program of an `exec` field.
pub fn tell_kuberc(host: &Host, exec: &Value, flag: Option<&Path>) {
    let command = exec["command"].as_str().unwrap_or_default();
    let loaded = match kuberc::load(flag) {
        Ok(loaded) => loaded,
        Err(error) => return host.warn(format!("warning: {error}")),
    };
    let find = |name: &str| program::find(name).map(|path| path.display().to_string());
    let Err(refusal) = loaded.policy.check(command, find) else { return };
    let file = loaded.path.as_deref().map(show_path).unwrap_or_default();
    let command = Value::from(show(command));
    let lines = match loaded.policy {
        PluginPolicy::Allowlist(_) => format!("- command: {command}"),
        _ => format!(
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: {command}"
        ),
    };
    host.warn(format!(
        "warning: kubectl 1.35 and later will not run it ({refusal}); allow it in {file} (kubectl \
         1.35 needs name: instead of command:):\n\
         {lines}"
    ));
}
