//! X.509 certificates (RFC 5280) as answers to requests: read, describe, and check against what was
//! asked.
//!
//! The API server checks only that `status.certificate` parses; whether it belongs to the request is
//! for the client to find out (`pkg/apis/certificates/validation/validation.go`).

mod check;
mod read;

use crate::encoding::pem;
use crate::time::UnixTime;
use crate::x509::key::{PublicKey, SignatureAlgorithm};
use crate::x509::name::Subject;

pub use check::{Chain, Check, Expected, Outcome, any_failed, check};

/// The PEM label of a certificate.
pub const LABEL: &str = "CERTIFICATE";

/// Why bytes are no certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no `CERTIFICATE` block.
    #[error("there is no certificate in it")]
    None,
    /// The DER is no certificate.
    #[error("the certificate cannot be read: {0}")]
    Malformed(&'static str),
}

/// A certificate as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// Whom it names.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// DER of the subject's name, to match it with an issuer's.
    pub subject_der: Vec<u8>,
    /// DER of the issuer's name.
    pub issuer_der: Vec<u8>,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity, inclusive.
    pub not_after: UnixTime,
    /// The certified key.
    pub key: PublicKey,
    /// What it was signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Extended key usages by name; `None` where the extension is absent, which allows all.
    pub extended_key_usages: Option<Vec<String>>,
    /// Key usages by name; `None` where the extension is absent, which allows all.
    pub key_usages: Option<Vec<&'static str>>,
    /// Whether basicConstraints make it an authority.
    pub is_ca: bool,
    /// X.509 version, 1 to 3; only in version 3 a certificate can say that it is an authority.
    pub version: u32,
    /// Subject alternative names, as `DNS:example.com`.
    pub alternative_names: Vec<String>,
    /// Authority key identifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// Subject key identifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// How many CAs may stand below it; `None` is no limit.
    pub path_length: Option<u32>,
    /// Whether it says which names may stand below it.
    pub has_name_constraints: bool,
    /// Critical extensions that Go does not know, so that it accepts no chain with this certificate.
    pub unknown_critical: Vec<String>,
    /// Why Go refuses to read it, if it does.
    pub unreadable_to_go: Option<&'static str>,
}

impl Certificate {
    /// Reads a chain: every `CERTIFICATE` block of PEM text, the leaf first. Text and other blocks
    /// between are passed over.
    ///
    /// # Errors
    /// No certificate, or one that does not parse.
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let chain: Vec<Self> = pem::all(text)
            .iter()
            .filter(|block| block.label == LABEL)
            .map(|block| Self::from_der(&block.der))
            .collect::<Result<_, _>>()?;
        if chain.is_empty() { Err(CertificateError::None) } else { Ok(chain) }
    }

    /// Whether it can be what others are checked with. Certificates of version 1, as older openssl
    /// signs them, are taken at their word; so does Go.
    #[must_use]
    pub fn may_be_authority(&self) -> bool {
        self.is_ca || self.version == 1
    }

    /// Canonical PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// SHA-256 of the DER, lower-case hexadecimal, as in a credential-id.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::x509::code::sha256_hex(&self.der)
    }

    /// Whether an API server takes it as a client certificate: the extension absent, or with client
    /// auth or any (`Go: crypto/x509` verification with `ExtKeyUsageClientAuth`).
    #[must_use]
    pub fn allows_client_auth(&self) -> bool {
        self.extended_key_usages
            .as_ref()
            .is_none_or(|usages| usages.iter().any(|u| u == "client auth" || u == "any"))
    }

    /// Whether it names hosts, by which clients tell a server.
    #[must_use]
    pub fn names_hosts(&self) -> bool {
        self.alternative_names.iter().any(|n| n.starts_with("DNS:") || n.starts_with("IP:"))
    }

    /// Whether `ca` can be the one that signed this, by names and key identifiers; the signature is
    /// another question.
    #[must_use]
    pub fn names_as_issuer(&self, ca: &Self) -> bool {
        let ids_differ =
            matches!((&self.authority_key_id, &ca.subject_key_id), (Some(a), Some(b)) if a != b);
        self.issuer_der == ca.subject_der && !ids_differ
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }
}

/// PEM of a chain, the leaf first.
#[must_use]
pub fn chain_to_pem(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::to_pem).collect()
}
