//! An answer as somebody receives it: a file or a paste that holds the issued certificate in one of
//! the forms in which admins send it.
//!
//! With the plugin that is a reply (a keyless kubeconfig), without it the certificate itself or the
//! whole CertificateSigningRequest object. What arrives is a stranger's data until it was checked.

use serde_json::Value;

use crate::api::csr::{self, Object, ObjectError, State};
use crate::encoding::{base64, pem, yaml};
use crate::exchange::armor;
use crate::exchange::reply::{MAX_BYTES, Reply, ReplyError};
use crate::exchange::request_file;
use crate::text;
use crate::x509::certificate::{self, Certificate, CertificateError};
use crate::x509::pkcs10;

/// Why nothing could be taken from the input.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFileError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("it is longer than 1 MiB")]
    TooLong,
    /// A private key, which an answer must not hold.
    #[error("it holds a private key, which no answer needs: that key is no longer secret")]
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
    /// A kubeconfig that is not a reply.
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
pub enum ReceivedCertificate {
    /// A reply, complete with cluster and CA.
    Reply(Reply),
    /// Certificates without a cluster, the issued one first.
    Certificates(Vec<Certificate>),
    /// A CertificateSigningRequest with its certificates, the issued one first.
    Object(Box<Object>, Vec<Certificate>),
}

impl ReceivedCertificate {
    /// The certificates, the issued one first; never empty.
    pub fn chain(&self) -> &[Certificate] {
        match self {
            Self::Reply(reply) => &reply.chain,
            Self::Certificates(chain) | Self::Object(_, chain) => chain,
        }
    }

    /// The same, for whoever needs nothing else of it.
    pub fn into_chain(self) -> Vec<Certificate> {
        match self {
            Self::Reply(Reply { chain, .. })
            | Self::Certificates(chain)
            | Self::Object(_, chain) => chain,
        }
    }

    /// The CA certificates of the cluster, as far as they came with it.
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
/// When it holds no certificate, or things that must not be there.
pub fn read(input: &[u8]) -> Result<ReceivedCertificate, CertificateFileError> {
    if input.len() > MAX_BYTES {
        return Err(CertificateFileError::TooLong);
    }
    if input.first() == Some(&0x30)
        && let Ok(certificate) = Certificate::from_der(input)
    {
        return Ok(ReceivedCertificate::Certificates(vec![certificate]));
    }
    let text = request_file::clean(input).ok_or(CertificateFileError::Unknown)?;
    if text.trim().is_empty() {
        return Err(CertificateFileError::Empty);
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(CertificateFileError::PrivateKey);
    }
    if !armor::opened(&text, armor::REPLY).is_empty() {
        return Ok(ReceivedCertificate::Reply(Reply::parse(text.as_bytes())?));
    }
    if text.contains("-----BEGIN ") && !text.contains("apiVersion") {
        return from_pem(text.as_bytes());
    }
    let value = yaml::parse(&text).unwrap_or(Value::Null);
    match value.get("kind").and_then(Value::as_str) {
        Some("Config") => return Ok(ReceivedCertificate::Reply(Reply::from_value(&text, &value)?)),
        Some(_) => return from_object(&value),
        None => {}
    }
    let decoded = base64::decode_spaced(&text).ok_or(CertificateFileError::Unknown)?;
    if pem::mentions_private_key(&decoded) {
        return Err(CertificateFileError::PrivateKey);
    }
    match Certificate::from_der(&decoded) {
        Ok(certificate) => Ok(ReceivedCertificate::Certificates(vec![certificate])),
        Err(_) => from_pem(&decoded),
    }
}

fn from_object(value: &Value) -> Result<ReceivedCertificate, CertificateFileError> {
    let object = Object::from_value(value)?;
    let state = object.state();
    if state != State::Issued {
        return Err(CertificateFileError::NotIssued { name: object.metadata.name, state });
    }
    let chain = Certificate::chain_from_pem(&object.certificate_pem()?)?;
    Ok(ReceivedCertificate::Object(Box::new(object), chain))
}

/// The chain in PEM text; indentation is tolerated.
fn from_pem(data: &[u8]) -> Result<ReceivedCertificate, CertificateFileError> {
    let text = std::str::from_utf8(data).map_err(|_| CertificateFileError::Unknown)?;
    let unindented = pem::unindented(text);
    let blocks = pem::all(unindented.as_bytes());
    if blocks.iter().any(|b| b.label == certificate::LABEL) {
        return Ok(ReceivedCertificate::Certificates(Certificate::chain_from_pem(
            unindented.as_bytes(),
        )?));
    }
    match blocks.first() {
        Some(block) if block.label.ends_with(pkcs10::LABEL) => Err(CertificateFileError::Request),
        Some(_) => Err(CertificateError::None.into()),
        None => Err(CertificateFileError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::x509::testing::{expired, request};

    fn chain(input: &[u8]) -> Vec<Certificate> {
        match read(input) {
            Ok(ReceivedCertificate::Certificates(chain)) => chain,
            other => panic!("{other:?}"),
        }
    }

    fn message(input: &[u8]) -> String {
        read(input).unwrap_err().to_string()
    }

    fn object(status: Value) -> Vec<u8> {
        let spec = json!({ "request": "" });
        let metadata = json!({ "name": "alice" });
        let (version, kind) = (csr::API_VERSION, csr::KIND);
        json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status })
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_certificate_in_every_form_that_people_send() {
        let (one, pem) = (expired(), expired().to_pem());
        let indented = pem.replace("\n", "\r\n    ");
        let mail = format!("Hello,\n\nhere it is:\n{pem}\nRegards\n");
        let der = STANDARD.encode(&one.der);
        let wrapped = format!("{}\n{}\n", &der[..60], &der[60..]);
        for text in [&pem, &indented, &mail, &der, &wrapped, &STANDARD.encode(&pem)] {
            assert_eq!(chain(text.as_bytes()), std::slice::from_ref(&one), "{text}");
        }
        assert_eq!(chain(&one.der), std::slice::from_ref(&one));
        assert_eq!(chain(format!("{pem}{pem}").as_bytes()).len(), 2);
        let received = read(pem.as_bytes()).unwrap();
        assert_eq!((received.chain().len(), received.ca().len()), (1, 0));
    }

    #[test]
    fn an_object_gives_its_certificate_or_says_why_it_has_none() {
        let condition = |kind: &str| {
            let condition =
                json!({ "type": kind, "status": "True", "reason": "R", "message": "M" });
            json!({ "conditions": [condition] })
        };
        let mut issued = condition("Approved");
        issued["certificate"] = STANDARD.encode(expired().to_pem()).into();
        let received = read(&object(issued)).unwrap();
        assert_eq!(received.chain(), [expired()]);
        assert!(matches!(received, ReceivedCertificate::Object(..)));
        for (status, why) in [
            (json!({}), "nobody has approved it yet"),
            (condition("Denied"), "it was denied (R: M)"),
            (condition("Failed"), "the signer refused it (R: M)"),
            (condition("Approved"), "it is approved, but not signed yet"),
        ] {
            let said = message(&object(status));
            assert!(said.contains(&format!("alice has no certificate: {why}")), "{said}");
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let pem = request("alice", &[]);
        let pem = pkcs10::to_pem(&pem.der);
        assert_eq!(message(pem.as_bytes()), CertificateFileError::Request.to_string());
        for empty in ["", " \n\t\n"] {
            assert_eq!(message(empty.as_bytes()), "it is empty");
        }
        assert_eq!(message(&vec![b'a'; MAX_BYTES + 1]), "it is longer than 1 MiB");
        for unknown in [&b"hello"[..], b"\xff\xfe\xff", b"0\x82\x01", b"a: b\n"] {
            assert_eq!(message(unknown), CertificateFileError::Unknown.to_string());
        }
        let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert_eq!(message(public.as_bytes()), "it holds no certificate");
        let other = b"apiVersion: v1\nkind: Secret\n";
        assert!(message(other).contains("Secret"), "{}", message(other));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(message(broken.as_bytes()).contains("cannot be read"));
        let config = b"apiVersion: v1\nkind: Config\n";
        assert!(matches!(read(config), Err(CertificateFileError::Reply(_))));
    }

    #[test]
    fn a_private_key_is_refused_in_every_form() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let with_certificate = format!("{}{key}", expired().to_pem());
        for text in [key, &with_certificate, &STANDARD.encode(key)] {
            assert_eq!(message(text.as_bytes()), CertificateFileError::PrivateKey.to_string());
        }
    }
}
