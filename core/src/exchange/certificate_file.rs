//! An answer as somebody receives it: a file or a paste that holds the issued certificate in one of
//! the forms in which admins send it.
//!
//! With the plugin that is a reply (a keyless kubeconfig), without it the certificate itself or the
//! whole CertificateSigningRequest object. What arrives is a stranger's data until it was checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::csr::{self, Object, ObjectError, State};
use crate::encoding::pem;
use crate::encoding::yaml;
use crate::exchange::reply::{MAX_BYTES, Reply, ReplyError};
use crate::exchange::request_file;
use crate::text;
use crate::x509::certificate::{self, Certificate, CertificateError};
use crate::x509::pkcs10;

/// Why nothing could be taken from the input.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("it is longer than 1 MiB")]
    TooLong,
    /// A private key, which an answer must not hold.
    #[error("it holds a private key, which no answer needs: that key is no secret any more")]
    PrivateKey,
    /// The request came back instead of the certificate.
    #[error("it holds the request, not the certificate that answers it")]
    Request,
    /// A CertificateSigningRequest that has no certificate.
    #[error("the {} {} has no certificate: {}", csr::KIND, text::show(.name), unissued(.state))]
    NotIssued {
        /// The object's name.
        name: String,
        /// What it has come to.
        state: State,
    },
    /// A kubeconfig that is no reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// A certificate that cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A manifest of another kind, or one that cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// None of the known forms.
    #[error(
        "it is neither a reply (a kubeconfig), nor a certificate (PEM, DER or base64), nor a CertificateSigningRequest (YAML or JSON)"
    )]
    Unknown,
}

fn unissued(state: &State) -> String {
    let why = |reason: &str, message: &str| {
        format!("{}: {}", text::show_short(reason, 60), text::show_short(message, 200))
    };
    match state {
        State::Pending => "nobody has approved it yet".to_owned(),
        State::Denied { reason, message } => format!("it was denied ({})", why(reason, message)),
        State::Failed { reason, message } => {
            format!("the signer refused it ({})", why(reason, message))
        }
        State::Approved | State::Issued => {
            "it is approved, but not signed yet; it takes a moment, or the cluster has no signer for it"
                .to_owned()
        }
    }
}

/// What was received.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A reply, complete with cluster and CA.
    Reply(Reply),
    /// Certificates without a cluster, the issued one first.
    Certificates(Vec<Certificate>),
    /// A CertificateSigningRequest with its certificates, the issued one first.
    Object(Box<Object>, Vec<Certificate>),
}

impl Answer {
    /// The certificates, the issued one first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        match self {
            Self::Reply(reply) => &reply.chain,
            Self::Certificates(chain) | Self::Object(_, chain) => chain,
        }
    }

    /// The CA certificates of the cluster, as far as they came with it.
    #[must_use]
    pub fn ca(&self) -> &[Certificate] {
        match self {
            Self::Reply(reply) => &reply.ca,
            Self::Certificates(_) | Self::Object(..) => &[],
        }
    }
}

/// Takes an answer from whatever somebody received.
///
/// # Errors
/// When there is no certificate in it, or things that must not be there.
pub fn read(input: &[u8]) -> Result<Answer, AnswerError> {
    if input.len() > MAX_BYTES {
        return Err(AnswerError::TooLong);
    }
    if input.first() == Some(&0x30)
        && let Ok(certificate) = Certificate::from_der(input)
    {
        return Ok(Answer::Certificates(vec![certificate]));
    }
    let text = request_file::clean(input).ok_or(AnswerError::Unknown)?;
    if text.trim().is_empty() {
        return Err(AnswerError::Empty);
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(AnswerError::PrivateKey);
    }
    if text.contains("-----BEGIN ") && !text.contains("apiVersion") {
        return from_pem(text.as_bytes());
    }
    let value = yaml::parse(&text).unwrap_or(Value::Null);
    match value.get("kind").and_then(Value::as_str) {
        Some("Config") => return Ok(Answer::Reply(Reply::from_value(&text, &value)?)),
        Some(_) => return from_object(&value),
        None => {}
    }
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let decoded = STANDARD.decode(compact).map_err(|_| AnswerError::Unknown)?;
    if decoded.windows(11).any(|w| w == b"PRIVATE KEY") {
        return Err(AnswerError::PrivateKey);
    }
    match Certificate::from_der(&decoded) {
        Ok(certificate) => Ok(Answer::Certificates(vec![certificate])),
        Err(_) => from_pem(&decoded),
    }
}

fn from_object(value: &Value) -> Result<Answer, AnswerError> {
    let object = Object::from_value(value)?;
    let state = object.state();
    if state != State::Issued {
        return Err(AnswerError::NotIssued { name: object.metadata.name, state });
    }
    let chain = Certificate::chain_from_pem(&object.certificate_pem()?)?;
    Ok(Answer::Object(Box::new(object), chain))
}

/// The chain in PEM text; indentation is put up with.
fn from_pem(data: &[u8]) -> Result<Answer, AnswerError> {
    let text = std::str::from_utf8(data).map_err(|_| AnswerError::Unknown)?;
    let unindented: String = text.lines().map(|l| format!("{}\n", l.trim())).collect();
    let blocks = pem::all(unindented.as_bytes());
    if blocks.iter().any(|b| b.label == certificate::LABEL) {
        return Ok(Answer::Certificates(Certificate::chain_from_pem(unindented.as_bytes())?));
    }
    match blocks.first() {
        Some(block) if block.label.ends_with(pkcs10::LABEL) => Err(AnswerError::Request),
        Some(_) => Err(CertificateError::None.into()),
        None => Err(AnswerError::Unknown),
    }
}
