//! Artifacts with where they were found, and signatures between them.

use crate::text::sorted::BTreeMap;

use crate::inspect::{Artifact, FoundArtifact};
use crate::x509::certificate::Certificate;
use crate::x509::key::{PublicKey, SignatureAlgorithm};

/// A thing and where it was found.
#[derive(Debug)]
pub struct LocatedArtifact {
    /// The file, `-` or `csr/NAME`, as it can be shown.
    pub source: String,
    /// Whether people other than its owner can read the file.
    pub open: bool,
    /// What is named together, as a certificate and its key are by two flags: the same for both.
    pub pairs: Vec<String>,
    /// The thing.
    pub found: FoundArtifact,
}

/// A signature to be verified: `issuer`'s key is to have signed `subject`. The two are the same for
/// what signed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What was signed, by its place in the list.
    pub subject: usize,
    /// Whose key is to have signed it.
    pub issuer: usize,
}

/// A signature with all that verifying it takes.
#[derive(Debug)]
pub struct Signed<'a> {
    /// The key that is to have signed.
    pub key: &'a PublicKey,
    /// How.
    pub algorithm: &'a SignatureAlgorithm,
    /// What.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

impl Link {
    /// What is to be verified.
    pub fn signed<'a>(&self, placed: &'a [LocatedArtifact]) -> Option<Signed<'a>> {
        let key = match &placed.get(self.issuer)?.found.thing {
            Artifact::Certificate(issuer) => &issuer.key,
            Artifact::Request(request) => &request.key,
            _ => return None,
        };
        let (algorithm, message, signature) = match &placed.get(self.subject)?.found.thing {
            Artifact::Certificate(c) => (&c.signature_algorithm, &c.signed, &c.signature),
            Artifact::Request(r) => (&r.signature_algorithm, &r.signed, &r.signature),
            _ => return None,
        };
        Some(Signed { key, algorithm, message, signature })
    }
}

/// The certificate at this place of the list.
pub(super) fn certificate(placed: &[LocatedArtifact], index: usize) -> Option<&Certificate> {
    placed.get(index).and_then(|p| p.found.certificate())
}

/// Places of things by a text. One type for all that is looked up here, bytes in hexadecimal: each
/// further one would cost the page more than what it holds.
pub(super) type Places = BTreeMap<String, Vec<usize>>;
