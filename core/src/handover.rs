//! A request as somebody hands it over: a file or a paste that holds a certificate request in one of
//! the forms in which people send them.
//!
//! Whatever the form, only the certificate request itself and what it asks for are taken; labels,
//! annotations, owners and everything else in a foreign manifest are left behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::csr::{self, CertificateRequest, CsrError};
use crate::pem;
use crate::request::{Object, ObjectError};
use crate::text;
use crate::yaml;

/// Longest input that is looked at, in bytes; the API server's own limit for a request body.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// Why nothing could be taken from the input.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("it is longer than 3 MiB")]
    TooLong,
    /// A private key, which must never be handed over.
    #[error(
        "it holds a private key; whoever has seen it can act as that person, so make a new key and send only the request"
    )]
    PrivateKey,
    /// More than one PEM block: programs disagree about which counts.
    #[error("it holds {0} PEM blocks; exactly one, the certificate request, is expected")]
    SeveralBlocks(usize),
    /// A PEM block of another kind.
    #[error("it holds a {} where a certificate request is expected", text::show_short(.0, 40))]
    OtherBlock(String),
    /// A PEM block that does not decode.
    #[error("its PEM block is damaged: the base64 or the END line is wrong")]
    DamagedBlock,
    /// A manifest of another kind, or one that cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The certificate request cannot be read.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// None of the known forms.
    #[error(
        "it is neither a certificate request (PEM, DER or base64) nor a CertificateSigningRequest manifest (YAML or JSON)"
    )]
    Unknown,
}

/// What was handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The certificate request.
    pub request: CertificateRequest,
    /// The name in the manifest, if it was one.
    pub name: Option<String>,
    /// The signer in the manifest.
    pub signer_name: Option<String>,
    /// The usages in the manifest.
    pub usages: Option<Vec<String>>,
    /// The lifetime in the manifest, in seconds.
    pub expiration_seconds: Option<i64>,
}

impl Incoming {
    fn bare(request: CertificateRequest) -> Self {
        Self { request, name: None, signer_name: None, usages: None, expiration_seconds: None }
    }
}

/// Takes the one request out of `input`.
///
/// # Errors
/// See [`HandoverError`].
pub fn read(input: &[u8]) -> Result<Incoming, HandoverError> {
    if input.len() > MAX_BYTES {
        return Err(HandoverError::TooLong);
    }
    if input.first() == Some(&0x30)
        && std::str::from_utf8(input).map_or(true, |s| !s.starts_with("0\n"))
        && let Ok(request) = CertificateRequest::from_der(input)
    {
        return Ok(Incoming::bare(request));
    }
    let text = clean(input).ok_or(HandoverError::Unknown)?;
    if text.trim().is_empty() {
        return Err(HandoverError::Empty);
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(HandoverError::PrivateKey);
    }
    let value = yaml::parse(&text).ok().filter(Value::is_object);
    if let Some(value) = value.filter(|v| v.get("kind").is_some()) {
        return from_object(&value);
    }
    if text.contains("-----BEGIN ") {
        return from_pem(&text).map(Incoming::bare);
    }
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let decoded = STANDARD.decode(compact).map_err(|_| HandoverError::Unknown)?;
    if decoded.windows(11).any(|w| w == b"PRIVATE KEY") {
        return Err(HandoverError::PrivateKey);
    }
    match std::str::from_utf8(&decoded) {
        Ok(inner) if inner.contains("-----BEGIN ") => from_pem(inner).map(Incoming::bare),
        _ => CertificateRequest::from_der(&decoded)
            .map(Incoming::bare)
            .map_err(|_| HandoverError::Unknown),
    }
}

fn from_object(value: &Value) -> Result<Incoming, HandoverError> {
    let object = Object::from_value(value)?;
    let pem = object.request_pem()?;
    let text = String::from_utf8(pem).map_err(|_| HandoverError::DamagedBlock)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(HandoverError::PrivateKey);
    }
    let filled = |s: &String| !s.is_empty();
    Ok(Incoming {
        request: from_pem(&text)?,
        name: Some(object.metadata.name).filter(filled),
        signer_name: Some(object.spec.signer_name).filter(filled),
        usages: Some(object.spec.usages).filter(|u| !u.is_empty()),
        expiration_seconds: object.spec.expiration_seconds,
    })
}

/// The one certificate request in PEM text; text around it, indentation and the old label
/// `NEW CERTIFICATE REQUEST` are put up with, since what we pass on is our own encoding of it.
fn from_pem(text: &str) -> Result<CertificateRequest, HandoverError> {
    let unindented: String = text.lines().map(|l| format!("{}\n", l.trim())).collect();
    let begun = unindented.matches("-----BEGIN ").count();
    if begun != 1 {
        return Err(HandoverError::SeveralBlocks(begun));
    }
    let (block, _) = pem::first(unindented.as_bytes()).ok_or(HandoverError::DamagedBlock)?;
    if block.label.strip_prefix("NEW ").unwrap_or(&block.label) != csr::LABEL {
        return Err(HandoverError::OtherBlock(block.label));
    }
    Ok(CertificateRequest::from_der(&block.der)?)
}

/// Text as it was before mail programs and editors had it: no byte order mark, no `> ` quoting, no
/// non-breaking spaces, LF line ends.
pub(crate) fn clean(input: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(input).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\u{a0}', " ");
    let quoted = |l: &str| l.is_empty() || l.starts_with('>');
    if text.contains("\n>") && text.lines().filter(|l| l.contains("-----")).all(quoted) {
        let unquote = |l: &str| l.trim_start_matches(['>', ' ']).to_owned() + "\n";
        return Some(text.lines().filter(|l| l.starts_with('>')).map(unquote).collect());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    fn user(input: &[u8]) -> Result<String, HandoverError> {
        read(input).map(|i| i.request.subject.user().to_owned())
    }

    #[test]
    fn requests_as_people_send_them() {
        let request = request("alice", &["dev"]);
        let pem = csr::to_pem(&request.der);
        let quoted: String = pem.lines().map(|l| format!("> {l}\r\n")).collect();
        let inputs = [
            request.der.clone(),
            pem.clone().into(),
            pem.replace('\n', "\r\n").into(),
            format!("\u{feff}{pem}").into(),
            format!("Hello,\n\n{pem}\nBye: alice").into(),
            format!("On Monday she wrote:\r\n{quoted}").into(),
            pem.lines().map(|l| format!("\u{a0}\u{a0}{l}\n")).collect::<String>().into(),
            pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").into(),
            STANDARD.encode(&pem).into(),
            STANDARD.encode(&request.der).into(),
        ];
        for input in inputs {
            let shown = String::from_utf8_lossy(&input).into_owned();
            assert_eq!(user(&input).unwrap_or_else(|e| panic!("{e}: {shown}")), "alice");
        }
    }

    #[test]
    fn a_manifest_brings_what_it_asks_for_and_nothing_else() {
        let request = request("alice", &[]);
        let text = format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\n\
             metadata: {{name: x, labels: {{a: b}}, uid: u}}\n\
             spec:\n  request: {}\n  signerName: example.com/s\n  usages: [client auth]\n  expirationSeconds: 3600\n",
            STANDARD.encode(csr::to_pem(&request.der))
        );
        let incoming = read(text.as_bytes()).unwrap();
        assert_eq!(incoming.name.as_deref(), Some("x"));
        assert_eq!(incoming.signer_name.as_deref(), Some("example.com/s"));
        assert_eq!(incoming.expiration_seconds, Some(3600));
        assert_eq!(incoming.request, request);
    }

    #[test]
    fn everything_else_says_what_it_is() {
        let pem = csr::to_pem(&request("alice", &[]).der);
        let key = pem::encode("PRIVATE KEY", b"secret");
        assert!(matches!(user(b" \n"), Err(HandoverError::Empty)));
        assert!(matches!(user(&vec![b'a'; MAX_BYTES + 1]), Err(HandoverError::TooLong)));
        assert!(matches!(user(key.as_bytes()), Err(HandoverError::PrivateKey)));
        assert!(matches!(user(STANDARD.encode(&key).as_bytes()), Err(HandoverError::PrivateKey)));
        assert!(matches!(
            user(format!("{pem}{pem}").as_bytes()),
            Err(HandoverError::SeveralBlocks(2))
        ));
        let certificate = pem::encode("CERTIFICATE", b"x");
        assert!(matches!(user(certificate.as_bytes()), Err(HandoverError::OtherBlock(_))));
        assert!(matches!(user(b"kind: Secret"), Err(HandoverError::Object(_))));
        assert!(matches!(user(b"hello"), Err(HandoverError::Unknown)));
        assert!(matches!(user(&[0xff, 0xfe]), Err(HandoverError::Unknown)));
    }
}
