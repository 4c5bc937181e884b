//! What DER without any label is.

use zeroize::Zeroizing;

use crate::encoding::der::Reader;
use crate::inspect::{Artifact, PrivateKey};
use crate::x509::certificate::Certificate;
use crate::x509::key::{self, PrivateKeyError, PublicKey};
use crate::x509::pkcs10::CertificateRequest;

/// How DER of the object identifiers of encrypted PKCS#8 keys begins (PBES1, PBES2, and that of
/// PKCS#12), and that of PKCS#7 signed data.
const ENCRYPTED: [&[u8]; 2] =
    [b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"];
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// What DER by itself is.
pub(super) fn thing(der: &[u8]) -> Option<Artifact> {
    if let Ok(certificate) = Certificate::from_der(der) {
        return Some(Artifact::Certificate(Box::new(certificate)));
    }
    if let Ok(request) = CertificateRequest::from_der(der) {
        return Some(Artifact::Request(Box::new(request)));
    }
    if let Some(key) = PublicKey::from_spki(der) {
        return Some(Artifact::PublicKey(key));
    }
    match key::to_pkcs8(der) {
        Err(PrivateKeyError::NotAKey) => {}
        key => return Some(private_key(key)),
    }
    // What follows is told by the object identifier behind a few bytes of lengths and versions.
    let begins_with = |oid: &[u8]| {
        let start = der.get(..der.len().min(oid.len() + 16)).unwrap_or_default();
        start.windows(oid.len()).any(|w| w == oid)
    };
    if ENCRYPTED.into_iter().any(begins_with) {
        return Some(private_key(Err(PrivateKeyError::Encrypted)));
    }
    if begins_with(SIGNED_DATA) {
        return Some(pkcs7());
    }
    begins_with(DATA).then(|| Artifact::Other {
        name: "PKCS#12 store".to_owned(),
        meaning: "keys and certificates under a password; extract them with: openssl pkcs12 -in \
                  FILE -nodes",
    })
}

/// Certificates one after the other, and what a newline follows.
pub(super) fn several(der: &[u8]) -> Vec<Artifact> {
    if let Some(thing) = der.strip_suffix(b"\n").and_then(thing) {
        return vec![thing];
    }
    let mut reader = Reader::new(der);
    let parts: Vec<_> = reader.by_ref().collect();
    let read = parts.iter().map(|part| Certificate::from_der(part.whole).ok());
    let certificates: Option<Vec<_>> = read.collect();
    let certificates = certificates.filter(|_| reader.is_empty()).unwrap_or_default();
    certificates.into_iter().map(|c| Artifact::Certificate(Box::new(c))).collect()
}

pub(super) fn pkcs7() -> Artifact {
    Artifact::Other {
        name: "PKCS#7 bundle".to_owned(),
        meaning: "Kubernetes does not read it; extract the certificates with: openssl pkcs7 -in \
                  FILE -print_certs",
    }
}

pub(super) fn private_key(key: Result<Zeroizing<Vec<u8>>, PrivateKeyError>) -> Artifact {
    let kind = match &key {
        Ok(pkcs8) => {
            key::kind_of_pkcs8(pkcs8).ok_or(PrivateKeyError::Malformed("its kind is unknown"))
        }
        Err(error) => Err(error.clone()),
    };
    Artifact::PrivateKey(PrivateKey { pkcs8: key.unwrap_or_default(), kind })
}
