//! Certificates that renew themselves: the user entry names only their store.

use usercert_core::inspect::{Artifact, Finding, FoundArtifact, stored};
use usercert_core::kubeconfig::self_renewing::StoreReference;
use usercert_core::lifecycle::credential::StoredCredential;
use usercert_core::text::{show, show_path};

use crate::error::chain;
use crate::files::credential_store::{CredentialStore, StateHome};
use crate::files::program;
use crate::files::state::StateError;

/// The same with what this machine's stores hold in the place of the entries that name them.
pub(super) fn opened(found: Vec<FoundArtifact>) -> Vec<FoundArtifact> {
    found.into_iter().flat_map(open).collect()
}

fn open(mut entry: FoundArtifact) -> Vec<FoundArtifact> {
    let Artifact::SelfRenewing { store, command } = &entry.thing else { return vec![entry] };
    let store = store.clone();
    if program::find(command).is_none() {
        let message = format!(
            "kubectl cannot run {}, which the entry names; to write the path of this program: \
             kubectl usercert renew --auto CONTEXT",
            show(command)
        );
        entry.findings.push(Finding::warn("program-missing", message));
    }
    let problem = match read(&store) {
        Ok(Some((files, credential))) => {
            let attempts = files.attempts();
            return stored(entry, &credential, attempts.as_ref(), &show_path(files.path()));
        }
        Ok(None) => Finding::warn(
            "store-missing",
            "its certificate is not in the store of this machine: clients get none",
        ),
        Err(error) => {
            let why = show(&chain(&error));
            Finding::warn("store-unreadable", format!("clients get no certificate: {why}"))
        }
    };
    entry.findings.push(problem);
    vec![entry]
}

fn read(
    reference: &StoreReference,
) -> Result<Option<(CredentialStore, StoredCredential)>, StateError> {
    let Some(files) = CredentialStore::open(&StateHome::of(reference), &reference.id)? else {
        return Ok(None);
    };
    Ok(files.load()?.map(|credential| (files, credential)))
}
