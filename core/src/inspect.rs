//! Any bytes: what is this, in Kubernetes terms?
//!
//! First form: certificate requests, certificates, private keys (their kind only), CertificateSigningRequest
//! objects and kubeconfigs, from PEM, DER, YAML, JSON or base64.

use serde::Serialize;
use serde_json::{Map, Value};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::{self, Certificate};
use crate::csr::{self, CertificateRequest};
use crate::identity;
use crate::key::{self, KeyKind, PrivateKeyError};
use crate::lifetime::expiry_in_words;
use crate::pem;
use crate::request::{self, Object};
use crate::text::{self, show};
use crate::time::{UnixTime, human_duration};
use crate::yaml;

/// Nothing that is known here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "nothing known in it: no certificate, request, key, CertificateSigningRequest or kubeconfig"
)]
pub struct Unknown;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What it is: `certificate request`, `certificate`, `private key`, `CertificateSigningRequest`,
    /// `kubeconfig context`, ….
    pub what: String,
    /// Properties in order, safe to show.
    pub properties: Map<String, Value>,
    /// What is odd or wrong about it.
    pub notes: Vec<String>,
    /// When it ceases to be of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixTime>,
}

impl Item {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), properties: Map::new(), notes: Vec::new(), expires: None }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Everything found in `input`.
///
/// # Errors
/// When there is nothing known.
pub fn inspect(input: &[u8], now: UnixTime) -> Result<Vec<Item>, Unknown> {
    let items = find(input, now, 2);
    if items.is_empty() { Err(Unknown) } else { Ok(items) }
}

fn find(input: &[u8], now: UnixTime, depth: u8) -> Vec<Item> {
    if input.first() == Some(&0x30) {
        if let Ok(certificate) = Certificate::from_der(input) {
            return vec![describe_certificate(&certificate, now)];
        }
        if let Ok(request) = CertificateRequest::from_der(input) {
            return vec![describe_request(&request)];
        }
        if key::to_pkcs8(input).is_ok() {
            return vec![describe_key(input)];
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return Vec::new() };
    if let Some(items) = yaml::parse(text).ok().and_then(|v| from_value(&v, now, depth)) {
        return items;
    }
    let blocks = pem::all(input);
    if !blocks.is_empty() {
        return blocks.iter().map(|b| from_block(b, now)).collect();
    }
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match STANDARD.decode(compact) {
        Ok(inner) if depth > 0 && !inner.is_empty() => find(&inner, now, depth - 1),
        _ => Vec::new(),
    }
}

fn from_block(block: &pem::Block, now: UnixTime) -> Item {
    let unreadable = |error: String| {
        Item::new(format!("unreadable {}", text::show_short(&block.label, 40))).note(error)
    };
    match block.label.as_str() {
        certificate::LABEL => match Certificate::from_der(&block.der) {
            Ok(certificate) => describe_certificate(&certificate, now),
            Err(error) => unreadable(error.to_string()),
        },
        csr::LABEL | "NEW CERTIFICATE REQUEST" => match CertificateRequest::from_der(&block.der) {
            Ok(request) if block.label == csr::LABEL => describe_request(&request),
            Ok(request) => describe_request(&request)
                .note("the API server refuses the label NEW CERTIFICATE REQUEST"),
            Err(error) => unreadable(error.to_string()),
        },
        label if label.ends_with("PRIVATE KEY") => {
            describe_key(pem::encode(label, &block.der).as_bytes())
        }
        label => Item::new(format!("PEM block {}", text::show_short(label, 40)))
            .with("bytes", block.der.len()),
    }
}

fn describe_request(request: &CertificateRequest) -> Item {
    let mut item = identity_of(Item::new("certificate request"), &request.subject)
        .with("key", request.key.kind.to_string())
        .with("signature", request.signature_algorithm.to_string())
        .with("code", request.code().short());
    if !request.alternative_names.is_empty() {
        item = item.with("alternativeNames", request.alternative_names.clone());
    }
    if !request.strict {
        item = item.note("its DER is not strict: programs may disagree about what it says");
    }
    item
}

fn identity_of(item: Item, subject: &crate::subject::Subject) -> Item {
    let groups: Vec<String> = subject.groups().iter().map(|g| show(g)).collect();
    let mut item = item
        .with("user", show(subject.user()))
        .with("groups", groups)
        .with("subject", subject.shown());
    for name in subject.groups().iter().map(String::as_str).chain([subject.user()]) {
        if identity::reserved(name).is_some() {
            item = item.note(format!("{} is a name that is power by itself", show(name)));
        } else if identity::looks_reserved(name).is_some() {
            item = item.note(format!("{} looks like a privileged name but is another", show(name)));
        }
    }
    item
}

/// A certificate, described.
#[must_use]
pub fn describe_certificate(certificate: &Certificate, now: UnixTime) -> Item {
    let usages = match &certificate.extended_key_usages {
        Some(usages) => usages.iter().map(|u| show(u)).collect::<Vec<_>>().join(", "),
        None => "any".to_owned(),
    };
    let what = if certificate.is_ca { "CA certificate" } else { "certificate" };
    let mut item = identity_of(Item::new(what), &certificate.subject)
        .with("key", certificate.key.kind.to_string())
        .with("usages", usages)
        .with("issuer", certificate.issuer.shown())
        .with("serial", certificate.serial.clone())
        .with("notBefore", certificate.not_before.to_string())
        .with("notAfter", certificate.not_after.to_string())
        .with("validity", expiry_in_words(certificate.not_after, now))
        .with("sha256", certificate.fingerprint());
    item.expires = Some(certificate.not_after);
    if !certificate.alternative_names.is_empty() {
        item = item.with("alternativeNames", certificate.alternative_names.clone());
    }
    if now < certificate.not_before {
        item = item.note("not valid yet");
    }
    if now > certificate.not_after {
        item = item.note("expired: an API server answers 401");
    }
    if !certificate.is_ca && !certificate.allows_client_auth() {
        item = item.note("not for clients: an API server refuses it as a person's certificate");
    }
    if certificate.is_self_issued() && !certificate.is_ca {
        item = item.note("self-signed: no API server trusts it unless it is in its client CA file");
    }
    item
}

fn describe_key(data: &[u8]) -> Item {
    let item = Item::new("private key");
    match key::to_pkcs8(data) {
        Ok(pkcs8) => match key::kind_of_pkcs8(&pkcs8) {
            Some(KeyKind::Other(oid)) => item.with("key", format!("unknown ({oid})")),
            Some(kind) => item.with("key", kind.to_string()),
            None => item.with("key", "unknown"),
        },
        Err(PrivateKeyError::Encrypted) => item.with("key", "encrypted"),
        Err(error) => item.note(error.to_string()),
    }
}

fn from_value(value: &Value, now: UnixTime, depth: u8) -> Option<Vec<Item>> {
    match value.get("kind")?.as_str()? {
        request::KIND => Some(from_object(value, now)),
        "Config" => Some(from_kubeconfig(value, now)),
        "List" | "CertificateSigningRequestList" if depth > 0 => {
            let items = value.get("items")?.as_array()?;
            let found: Vec<Item> =
                items.iter().filter_map(|v| from_value(v, now, depth - 1)).flatten().collect();
            Some(found)
        }
        _ => None,
    }
}

fn from_object(value: &Value, now: UnixTime) -> Vec<Item> {
    let object = match Object::from_value(value) {
        Ok(object) => object,
        Err(error) => return vec![Item::new(request::KIND).note(error.to_string())],
    };
    let lifetime =
        object.spec.expiration_seconds.map_or("signer's choice".to_owned(), human_duration);
    let mut item = Item::new(request::KIND)
        .with("name", show(&object.metadata.name))
        .with("signer", show(&object.spec.signer_name))
        .with("usages", object.spec.usages.iter().map(|u| show(u)).collect::<Vec<_>>())
        .with("lifetime", lifetime)
        .with("state", object.state().name());
    if !object.spec.username.is_empty() {
        item = item.with("requester", show(&object.spec.username));
    }
    let mut items = vec![item];
    match object.certificate_request() {
        Ok(request) => items.push(describe_request(&request)),
        Err(error) => items[0].notes.push(error.to_string()),
    }
    if let Ok(pem) = object.certificate_pem() {
        items.extend(pem::all(&pem).iter().map(|b| from_block(b, now)));
    }
    items
}

fn from_kubeconfig(value: &Value, now: UnixTime) -> Vec<Item> {
    let entries =
        |list: &str| value.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let word =
        |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(show).unwrap_or_default();
    let mut items = vec![
        Item::new("kubeconfig")
            .with("currentContext", word(value, "current-context"))
            .with("clusters", entries("clusters").len())
            .with("contexts", entries("contexts").len())
            .with("users", entries("users").len()),
    ];
    for cluster in entries("clusters") {
        let body = cluster.get("cluster").cloned().unwrap_or_default();
        items.push(
            Item::new("kubeconfig cluster")
                .with("name", word(&cluster, "name"))
                .with("server", word(&body, "server")),
        );
    }
    for user in entries("users") {
        let body = user.get("user").cloned().unwrap_or_default();
        let mut item = Item::new("kubeconfig user").with("name", word(&user, "name"));
        let data = body.get("client-certificate-data").and_then(Value::as_str);
        let chain = data
            .and_then(|d| STANDARD.decode(d).ok())
            .and_then(|pem| Certificate::chain_from_pem(&pem).ok());
        if let Some(leaf) = chain.as_ref().and_then(|c| c.first()) {
            let described = describe_certificate(leaf, now);
            item.properties.extend(described.properties);
            item.notes.extend(described.notes);
            item.expires = described.expires;
        } else {
            let methods: Vec<String> =
                body.as_object().map(|m| m.keys().map(|k| show(k)).collect()).unwrap_or_default();
            item = item.with("credentials", methods);
        }
        items.push(item);
    }
    items
}
