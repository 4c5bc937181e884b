//! What can be found, as it was read.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::api::csr::Object;
use crate::inspect::Finding;
use crate::kubeconfig::self_renewing::StoreReference;
use crate::x509::certificate::Certificate;
use crate::x509::key::{KeyKind, PrivateKeyError, PublicKey};
use crate::x509::pkcs10::CertificateRequest;

/// A private key. Of its content nothing is ever shown.
pub struct PrivateKey {
    /// PKCS#8, for whoever can tell its public half; empty when it cannot be read.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// Its kind.
    pub kind: Result<KeyKind, PrivateKeyError>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.kind)
    }
}

/// A thing by itself.
#[derive(Debug)]
pub enum Artifact {
    /// A certificate.
    Certificate(Box<Certificate>),
    /// A certificate request.
    Request(Box<CertificateRequest>),
    /// A private key.
    PrivateKey(PrivateKey),
    /// A public key alone.
    PublicKey(PublicKey),
    /// A CertificateSigningRequest; the request and the certificates in it are found beside it.
    Object(Box<Object>),
    /// Nothing but what stands in [`FoundArtifact::about`].
    Entry,
    /// A certificate that renews itself, in a store of the machine that it was installed on.
    SelfRenewing {
        /// The store.
        store: StoreReference,
        /// The program that clients run for it.
        command: String,
    },
    /// A PEM block or file that is known, but not looked into.
    Other {
        /// What it is called.
        name: String,
        /// What it means here.
        meaning: &'static str,
    },
    /// Something that claims to be a thing of this kind and is not.
    Unreadable {
        /// The kind.
        name: String,
        /// What is wrong with it.
        error: String,
        /// Its DER, unless it is secret or there is none.
        der: Vec<u8>,
    },
}

/// A thing and its surroundings.
#[derive(Debug)]
pub struct FoundArtifact {
    /// The thing.
    pub thing: Artifact,
    /// What it is as a part of something larger, as `kubeconfig user`.
    pub role: Option<&'static str>,
    /// What its surroundings say about it, safe to show.
    pub about: Map<String, Value>,
    /// Artifacts of one group belong together: a PEM file, the entry of a user, the data of a Secret.
    pub group: usize,
    /// What was odd about the way it was written.
    pub findings: Vec<Finding>,
}

impl FoundArtifact {
    /// The certificate, if it is one.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.thing {
            Artifact::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// The private key, if it is one.
    pub fn private_key(&self) -> Option<&PrivateKey> {
        match &self.thing {
            Artifact::PrivateKey(key) => Some(key),
            _ => None,
        }
    }

    /// DER of the public key in it.
    pub fn spki(&self) -> Option<&[u8]> {
        match &self.thing {
            Artifact::Certificate(certificate) => Some(&certificate.key.spki),
            Artifact::Request(request) => Some(&request.key.spki),
            Artifact::PublicKey(key) => Some(&key.spki),
            _ => None,
        }
    }
}
