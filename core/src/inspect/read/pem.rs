//! PEM blocks, also those that programs pass over.

use zeroize::Zeroizing;

use super::artifacts::Artifacts;
use super::der;
use crate::encoding::pem::{self, Block};
use crate::exchange::request_file;
use crate::inspect::Artifact;
use crate::text::show_short;
use crate::x509::certificate::{self, Certificate};
use crate::x509::key::{self, PrivateKeyError, PublicKey};
use crate::x509::pkcs10::{self, CertificateRequest};

/// How a block begins.
pub(super) const BEGIN: &str = "-----BEGIN ";
/// A label of OpenSSL's early days.
const OLD_CERTIFICATE: &str = "X509 CERTIFICATE";

/// All blocks of PEM text, and that there are others where programs pass over some.
pub(super) fn add(things: &mut Artifacts, data: &[u8]) {
    let blocks = pem::all(data);
    let found = blocks.len();
    for block in blocks {
        if !things.goes_on() {
            return;
        }
        add_block(things, block);
    }
    let begins = |line: &&[u8]| {
        let quoted = line.iter().position(|b| !b"> \t".contains(b)).unwrap_or(line.len());
        line[quoted..].starts_with(BEGIN.as_bytes())
    };
    let begun = match found {
        0 => 0,
        _ => data.split(|b| *b == b'\n').filter(begins).count(),
    };
    if begun > found {
        let error = format!(
            "{} of {begun} PEM blocks are damaged, cut off, indented or quoted: programs skip them",
            begun - found
        );
        things.push_unreadable("PEM block", error);
    }
}

/// PEM that Go's reader passes over, as it stands indented or quoted in mails and in YAML.
pub(super) fn add_indented(things: &mut Artifacts, text: &str) {
    let Some(clean) = request_file::clean(text.as_bytes()) else { return };
    add(things, pem::unindented(&clean).as_bytes());
    let why = match text {
        text if text.starts_with('\u{feff}') => "a byte order mark precedes its PEM",
        text if text.contains('\r') && !text.contains('\n') => "its lines end with CR only",
        _ => "its PEM is indented or quoted",
    };
    let message = format!(
        "{why}, so kubectl and the API server do not find it: begin each line at the margin, and \
         save it as plain text"
    );
    things.mark("indented-pem", &message);
}

fn add_block(things: &mut Artifacts, block: Block) {
    let Block { label, has_headers, der: content } = block;
    let unreadable = |error: String| Artifact::Unreadable {
        name: show_short(&label, 40),
        error,
        der: content.clone(),
    };
    let other = |meaning| Artifact::Other { name: show_short(&label, 40), meaning };
    let mut odd = None;
    let thing = match label.as_str() {
        // openssl writes them before an EC key; they say nothing that the key does not say.
        "EC PARAMETERS" => return,
        certificate::LABEL | OLD_CERTIFICATE => {
            if label != certificate::LABEL {
                odd = Some((
                    "old-label",
                    "Kubernetes programs skip the label X509 CERTIFICATE: leave out X509",
                ));
            } else if has_headers {
                odd = Some((
                    "pem-headers",
                    "its PEM block has headers: Go skips it in CA files, and the API server refuses \
                     it as an issued certificate",
                ));
            }
            match Certificate::from_der(&content) {
                Ok(certificate) => Artifact::Certificate(Box::new(certificate)),
                Err(error) => unreadable(error.to_string()),
            }
        }
        pkcs10::LABEL | "NEW CERTIFICATE REQUEST" => {
            if label != pkcs10::LABEL {
                odd = Some((
                    "old-label",
                    "the API server refuses the label NEW CERTIFICATE REQUEST: leave out NEW",
                ));
            }
            match CertificateRequest::from_der(&content) {
                Ok(request) => Artifact::Request(Box::new(request)),
                Err(error) => unreadable(error.to_string()),
            }
        }
        "PUBLIC KEY" => match PublicKey::from_spki(&content) {
            Some(key) => Artifact::PublicKey(key),
            None => unreadable("it is not a SubjectPublicKeyInfo".to_owned()),
        },
        "TRUSTED CERTIFICATE" => other("a form of certificate that only OpenSSL reads"),
        "X509 CRL" => other("a revocation list, which Kubernetes ignores"),
        "PKCS7" | "CMS" => der::pkcs7(),
        "OPENSSH PRIVATE KEY" => other("a private key for SSH, of no use for TLS"),
        l if l.ends_with("PRIVATE KEY") => {
            let content = Zeroizing::new(content);
            let key = match has_headers || l.starts_with("ENCRYPTED") {
                true => Err(PrivateKeyError::Encrypted),
                false => key::to_pkcs8(Zeroizing::new(pem::encode(l, &content)).as_bytes()),
            };
            der::private_key(key)
        }
        _ => other("nothing that Kubernetes uses"),
    };
    things.push(thing);
    if let Some((code, message)) = odd {
        things.mark_last(code, message);
    }
}
