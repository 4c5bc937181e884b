//! What a kubeconfig entry embeds or, failing that, what the file or store that it names holds.

use std::borrow::Cow;
use std::path::Path;

use usercert_core::kubeconfig::UserEntry;
use usercert_core::kubeconfig::merged::{Cluster, User};
use usercert_core::kubeconfig::self_renewing::{self, StoreReference};
use usercert_core::lifecycle::credential::StoredCredential;
use zeroize::Zeroizing;

use super::credential_store::{CredentialStore, StateHome};
use super::reading::{ReadError, read_named, read_named_sensitive};
use super::state::StateError;

/// Longest file that an entry may name, in bytes.
const LIMIT: usize = 1024 * 1024;

/// PEM of a cluster's CA, if the entry has one.
pub fn authority(cluster: &Cluster) -> Result<Option<Vec<u8>>, ReadError> {
    let (data, file) = (&cluster.certificate_authority_data, &cluster.certificate_authority);
    Ok(embedded_or_named(data.as_deref(), file.as_deref())?.map(Cow::into_owned))
}

/// PEM of a user's certificate chain, if the entry has one.
pub fn certificate(user: &User) -> Result<Option<Cow<'_, [u8]>>, ReadError> {
    embedded_or_named(user.client_certificate_data.as_deref(), user.client_certificate.as_deref())
}

/// PEM of a user's private key, if the entry has one.
pub fn key(user: &User) -> Result<Option<Zeroizing<Vec<u8>>>, ReadError> {
    match (&user.client_key_data, &user.client_key) {
        (Some(data), _) => Ok(Some(data.clone())),
        (None, Some(file)) => read_named_sensitive(file, LIMIT).map(Some),
        (None, None) => Ok(None),
    }
}

/// The token in a user's token file, without its line end.
pub fn token(file: &Path) -> Result<Zeroizing<String>, ReadError> {
    let token = read_named_sensitive(file, LIMIT)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&token).trim().to_owned()))
}

/// The certificate that renews itself and its key, for an entry that names their store.
pub fn stored(reference: &StoreReference) -> Result<Option<StoredCredential>, StateError> {
    match CredentialStore::open(&StateHome::of(reference), &reference.id)? {
        Some(store) => store.load(),
        None => Ok(None),
    }
}

/// What is known of a user entry; a certificate whose file or store cannot be read counts as
/// unreadable.
pub fn user_entry(user: &User) -> UserEntry {
    let pem = match self_renewing::store_of(user) {
        Some(reference) => {
            let stored = stored(&reference).ok().flatten();
            Some(Cow::Owned(stored.map(|s| s.certificate.into_bytes()).unwrap_or_default()))
        }
        None => certificate(user).unwrap_or(Some(Cow::Borrowed(&[]))),
    };
    UserEntry::new(user, pem.as_deref())
}

fn embedded_or_named<'a>(
    data: Option<&'a [u8]>,
    file: Option<&Path>,
) -> Result<Option<Cow<'a, [u8]>>, ReadError> {
    match (data, file) {
        (Some(data), _) => Ok(Some(Cow::Borrowed(data))),
        (None, Some(file)) => Ok(Some(Cow::Owned(read_named(file, LIMIT)?))),
        (None, None) => Ok(None),
    }
}
