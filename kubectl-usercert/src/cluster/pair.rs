//! Whether the private key of a user entry belongs to its certificate.

use std::path::Path;

use usercert_core::kubeconfig::merged::User;
use usercert_core::text::{show, show_path};
use usercert_core::x509::certificate::Certificate;

use crate::error::{Error, Result};
use crate::keys::PrivateKey;

/// Compares certificate and key of the user entry `name`; what cannot be read is left to the TLS library.
///
/// # Errors
/// They do not belong together. A server would be asked in vain.
pub(super) fn check(user: &User, name: &str, certificate: &[u8], key: &[u8]) -> Result<()> {
    let chain = Certificate::chain_from_pem(certificate).unwrap_or_default();
    let (Some(leaf), Ok(key)) = (chain.first(), PrivateKey::read(key)) else { return Ok(()) };
    if *key.public() == leaf.key {
        return Ok(());
    }
    let place = |embedded: bool, field: &str, file: Option<&Path>| match (embedded, file) {
        (false, Some(file)) => show_path(file),
        _ => field.to_owned(),
    };
    let embedded = (user.client_key_data.is_some(), user.client_certificate_data.is_some());
    let entry =
        if name.is_empty() { String::new() } else { format!(" (user entry {})", show(name)) };
    Err(Error::new(format!(
        "the private key in {} does not belong to the certificate in {}{entry}",
        place(embedded.0, "client-key-data", user.client_key.as_deref()),
        place(embedded.1, "client-certificate-data", user.client_certificate.as_deref()),
    ))
    .hint(format!(
        "use the key that the certificate was requested with, or make a new request:\n  \
         kubectl usercert request -- {}",
        usercert_core::text::shell_word(leaf.subject.user())
    )))
}
