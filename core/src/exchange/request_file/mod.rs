//! Requests as somebody hands them over: a file or a paste that holds certificate requests in one of
//! the forms in which people send them.
//!
//! Whatever the form, only the certificate requests themselves and what they ask for are taken;
//! labels, annotations, owners and everything else in a foreign manifest are left behind.

mod clean;
mod together;
mod unique;

pub(crate) use self::clean::{decode, manifest_part, quoted_part};
pub use self::together::together;

use serde_json::Value;

use self::unique::Unique;

use crate::api::csr::{API_VERSION, KIND, Object, ObjectError};
use crate::encoding::base64;
use crate::encoding::pem;
use crate::encoding::yaml::{self, YamlError};
use crate::exchange::armor::{self, unquoted};
use crate::text;
use crate::x509::key;
use crate::x509::pkcs10::{self, CertificateRequest, CsrError};

/// The version before, gone since Kubernetes 1.22, in which published manifests still are.
const BETA_VERSION: &str = "certificates.k8s.io/v1beta1";

/// Longest input that is looked at, in bytes: some thousands of requests.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why nothing could be taken from the input.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("it is longer than 16 MiB")]
    TooLong,
    /// A private key, which must never be handed over.
    #[error(
        "it holds a private key; whoever has seen it can act as that person, so make a new key and send only the request"
    )]
    PrivateKey,
    /// Several requests where one is expected.
    #[error("it holds {0} requests; one is expected")]
    Several(usize),
    /// A list without anything in it.
    #[error("it is a list without requests")]
    NoItems,
    /// A PEM block of another kind.
    #[error("it holds a {} where a certificate request is expected", text::show_short(.0, 40))]
    OtherBlock(String),
    /// A PEM block that does not decode.
    #[error("its PEM block is damaged: the base64 or the END line is wrong")]
    DamagedBlock,
    /// A manifest that is not YAML.
    #[error("it looks like a manifest, but cannot be read: {0}")]
    Yaml(#[from] YamlError),
    /// A manifest of another kind, or one that cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A manifest whose object has a name that no tool makes.
    #[error("the manifest's name {} holds a control character", text::show_short(.0, 40))]
    ObjectName(String),
    /// A manifest whose request was never filled in.
    #[error("its spec.request holds the placeholder {}, not a request", text::show_short(.0, 60))]
    Placeholder(String),
    /// A manifest without a request.
    #[error("its spec.request {0}")]
    NoRequest(&'static str),
    /// The certificate request cannot be read.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// One of several requests cannot be taken.
    #[error("request {number} of {count}: {source}")]
    Within {
        /// Which, counted from 1.
        number: usize,
        /// Of how many.
        count: usize,
        /// Why.
        source: Box<HandoverError>,
    },
    /// None of the known forms.
    #[error(
        "it is neither a certificate request (PEM, DER or base64) nor a CertificateSigningRequest manifest (YAML or JSON)"
    )]
    Unknown,
}

/// What was handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedRequest {
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

impl ImportedRequest {
    fn bare(request: CertificateRequest) -> Self {
        Self { request, name: None, signer_name: None, usages: None, expiration_seconds: None }
    }
}

/// Takes the one request out of `input`.
///
/// # Errors
/// See [`HandoverError`].
pub fn read(input: &[u8]) -> Result<ImportedRequest, HandoverError> {
    let mut found = read_all(input)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (_, more) => Err(HandoverError::Several(more + 1)),
    }
}

/// Takes all requests out of `input`, in their order; one that appears twice is taken once. If one
/// cannot be taken, none is.
///
/// # Errors
/// See [`HandoverError`].
pub fn read_all(input: &[u8]) -> Result<Vec<ImportedRequest>, HandoverError> {
    if input.len() > MAX_BYTES {
        return Err(HandoverError::TooLong);
    }
    if input.first() == Some(&0x30) {
        if let Ok(request) = CertificateRequest::from_der(input) {
            return Ok(vec![ImportedRequest::bare(request)]);
        }
        if key::to_pkcs8(input).is_ok() {
            return Err(HandoverError::PrivateKey);
        }
    }
    let text = clean::decode(input).ok_or(HandoverError::Unknown)?;
    if text.trim().is_empty() {
        return Err(HandoverError::Empty);
    }
    let armored = armor::opened(&text, armor::REQUEST);
    if !armored.is_empty() {
        return from_armor(&armored);
    }
    let shown = if cfg!(feature = "rare-forms") { clean::without_html(&text) } else { None };
    let quoted = clean::quoted_part(&text);
    let shown_quoted = shown.as_deref().and_then(clean::quoted_part);
    let part = |form: &Option<String>| form.as_deref().and_then(clean::manifest_part);
    let parts = [clean::manifest_part(&text), part(&quoted), part(&shown), part(&shown_quoted)];
    let forms: Vec<String> =
        [quoted, shown_quoted, shown].into_iter().chain(parts).flatten().collect();
    let forms = || std::iter::once(&text).chain(&forms);
    if forms().any(|form| holds_private_key(form)) {
        return Err(HandoverError::PrivateKey);
    }
    let mut first = None;
    for form in forms() {
        match from_text(form) {
            Ok(found) => return Ok(found),
            // Perhaps it is readable without the marks that mail programs leave.
            Err(
                error @ (HandoverError::Unknown
                | HandoverError::DamagedBlock
                | HandoverError::Yaml(_)),
            ) => {
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(first.unwrap_or(HandoverError::Unknown))
}

/// The requests in the manifests that armored blocks hold.
fn from_armor(manifests: &[String]) -> Result<Vec<ImportedRequest>, HandoverError> {
    let mut found = Vec::new();
    for manifest in manifests {
        if holds_private_key(manifest) {
            return Err(HandoverError::PrivateKey);
        }
        from_text(manifest)?.into_iter().for_each(|incoming| take(&mut found, incoming));
    }
    Ok(found)
}

fn holds_private_key(text: &str) -> bool {
    text.lines().any(|line| line.contains("PRIVATE KEY") && line.contains("-----"))
}

fn from_text(text: &str) -> Result<Vec<ImportedRequest>, HandoverError> {
    let begins = text.contains("-----BEGIN ");
    match documents(text) {
        Ok(documents) if documents.iter().any(is_manifest) => return from_objects(documents),
        Err(error) if has_manifest(text) => return Err(error.into()),
        _ => {}
    }
    if begins {
        return from_pem(text);
    }
    let decoded = base64::decode_spaced(text).ok_or(HandoverError::Unknown)?;
    let inner = std::str::from_utf8(&decoded).ok();
    if inner.is_some_and(holds_private_key) {
        return Err(HandoverError::PrivateKey);
    }
    if let Some(inner) = inner.filter(|inner| inner.contains("-----BEGIN ")) {
        return from_pem(inner);
    }
    match CertificateRequest::from_der(&decoded) {
        Ok(request) => Ok(vec![ImportedRequest::bare(request)]),
        Err(_) if key::to_pkcs8(&decoded).is_ok() => Err(HandoverError::PrivateKey),
        Err(_) => Err(HandoverError::Unknown),
    }
}

/// The YAML documents or JSON values in a text.
fn documents(text: &str) -> Result<Vec<Value>, YamlError> {
    yaml::parse_all(text).or_else(|error| {
        if cfg!(not(feature = "rare-forms")) {
            return Err(error);
        }
        // YAML knows neither several values without a mark between nor surrogate pairs.
        let values = serde_json::Deserializer::from_str(text).into_iter::<Unique>();
        values
            .map(|value| value.map(|Unique(value)| value))
            .collect::<Result<_, _>>()
            .map_err(|_| error)
    })
}

/// Whether a line of the text belongs to a manifest of ours: then it must not be passed over in
/// favor of a PEM block beside it.
fn has_manifest(text: &str) -> bool {
    let is_kind = |rest: &str| {
        let value = rest.trim_start_matches(['"', ' ']).strip_prefix(':').unwrap_or_default();
        value.trim_start_matches(['"', '\'', ' ']).starts_with(KIND)
    };
    text.lines().any(|line| line.split("kind").skip(1).any(is_kind))
}

fn is_manifest(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("kind"),
        Value::Array(items) => items.iter().any(is_manifest),
        _ => false,
    }
}

fn from_objects(documents: Vec<Value>) -> Result<Vec<ImportedRequest>, HandoverError> {
    let mut objects = Vec::new();
    documents.into_iter().for_each(|document| flatten(document, &mut objects));
    if objects.is_empty() {
        return Err(HandoverError::NoItems);
    }
    let count = objects.len();
    let mut found = Vec::with_capacity(count);
    for (index, object) in objects.iter().enumerate() {
        let incoming = from_object(object).map_err(|error| within(error, index, count))?;
        take(&mut found, incoming);
    }
    Ok(found)
}

/// The objects of lists, and of lists of lists.
fn flatten(mut value: Value, objects: &mut Vec<Value>) {
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (word("apiVersion"), word("kind"));
    let own = [API_VERSION, BETA_VERSION].contains(&version.as_str())
        && kind.strip_suffix("List") == Some(KIND);
    if let Value::Array(items) = value {
        items.into_iter().for_each(|item| flatten(item, objects));
        return;
    }
    if !own && (version.as_str(), kind.as_str()) != ("v1", "List") {
        if !value.is_null() {
            objects.push(value);
        }
        return;
    }
    let items = value.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
    for mut item in items.unwrap_or_default() {
        if let Value::Object(item) = &mut item
            && own
        {
            // Items of a list that the API server made carry no kind of their own.
            item.entry("apiVersion").or_insert_with(|| version.as_str().into());
            item.entry("kind").or_insert_with(|| KIND.into());
        }
        flatten(item, objects);
    }
}

const NO_PEM: &str = "holds no certificate request: the base64 of its PEM is expected";

/// Whether this stands where a request was to be put in, as in published manifests: none of it is base64.
fn is_placeholder(field: &str) -> bool {
    field.contains(['$', '<', '{', '[', '`', '…']) || field.contains("...")
}

fn from_object(value: &Value) -> Result<ImportedRequest, HandoverError> {
    let object = match value.get("apiVersion").and_then(Value::as_str) {
        Some(BETA_VERSION) if value.get("kind").and_then(Value::as_str) == Some(KIND) => {
            Object::from_item(value)?
        }
        _ => Object::from_value(value)?,
    };
    if object.metadata.name.contains(char::is_control) {
        return Err(HandoverError::ObjectName(object.metadata.name));
    }
    let field = object.spec.request.trim();
    if field.is_empty() {
        return Err(HandoverError::NoRequest("is absent or empty"));
    }
    if is_placeholder(field) {
        return Err(HandoverError::Placeholder(field.to_owned()));
    }
    let pem = object.request_pem()?;
    let text = String::from_utf8(pem).map_err(|_| HandoverError::NoRequest(NO_PEM))?;
    if holds_private_key(&text) {
        return Err(HandoverError::PrivateKey);
    }
    let mut inside = from_pem(&text)?;
    let request = match (inside.pop(), inside.len()) {
        (Some(one), 0) => one.request,
        (None, _) => return Err(HandoverError::NoRequest(NO_PEM)),
        (_, more) => return Err(HandoverError::Several(more + 1)),
    };
    let filled = |s: &String| !s.is_empty();
    Ok(ImportedRequest {
        request,
        name: Some(object.metadata.name).filter(filled),
        signer_name: Some(object.spec.signer_name).filter(filled),
        usages: Some(object.spec.usages).filter(|u| !u.is_empty()),
        expiration_seconds: object.spec.expiration_seconds,
    })
}

/// The certificate requests in PEM text. Text around them, indentation, marks of quoting, lost line
/// ends and the old label `NEW CERTIFICATE REQUEST` are tolerated, since what we pass on is our own
/// encoding of each.
fn from_pem(text: &str) -> Result<Vec<ImportedRequest>, HandoverError> {
    let text = text
        .replace("-----BEGIN ", "\n-----BEGIN ")
        .replace("-----END ", "\n-----END ")
        .replace("CERTIFICATE REQUEST-----", "CERTIFICATE REQUEST-----\n");
    let plain: String = text.lines().map(|l| format!("{}\n", unquoted(l).trim())).collect();
    let blocks = pem::all(plain.as_bytes());
    let other = |label: &str| label.strip_prefix("NEW ").unwrap_or(label) != pkcs10::LABEL;
    if let Some(block) = blocks.iter().find(|block| other(&block.label)) {
        return Err(HandoverError::OtherBlock(block.label.clone()));
    }
    let count = plain.matches("-----BEGIN ").count();
    if blocks.len() != count {
        return Err(HandoverError::DamagedBlock);
    }
    let mut found = Vec::with_capacity(count);
    for (index, block) in blocks.iter().enumerate() {
        let request = CertificateRequest::from_der(&block.der)
            .map_err(|error| within(error.into(), index, count))?;
        take(&mut found, ImportedRequest::bare(request));
    }
    Ok(found)
}

fn within(source: HandoverError, index: usize, count: usize) -> HandoverError {
    match count {
        1 => source,
        _ => HandoverError::Within { number: index + 1, count, source: Box::new(source) },
    }
}

/// Quoted mail repeats the request; keep one.
fn take(found: &mut Vec<ImportedRequest>, incoming: ImportedRequest) {
    if !found.contains(&incoming) {
        found.push(incoming);
    }
}

/// Text as it was before mail programs and editors had it: no byte order mark, no `> ` quoting, no
/// non-breaking spaces, LF line ends.
pub(crate) fn clean(input: &[u8]) -> Option<String> {
    let text = clean::decode(input)?;
    let quoted = |l: &str| l.is_empty() || l.starts_with('>');
    if text.contains("\n>") && text.lines().filter(|l| l.contains("-----")).all(quoted) {
        return clean::quoted_part(&text);
    }
    Some(text)
}

#[cfg(test)]
mod tests;
