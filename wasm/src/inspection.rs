//! Saying what things are, and what an approver would find in requests.

use usercert_core::api::csr::{
    CLIENT_AUTH, CLIENT_SIGNER, KIND, Object, check_name, name_for_user,
};
use usercert_core::encoding::base64;
use usercert_core::encoding::yaml;
use usercert_core::exchange::received;
use usercert_core::exchange::request_file::{self, ImportedRequest};
use usercert_core::inspect::relations::{self, Answers, LocatedArtifact};
use usercert_core::inspect::{self, Description};
use usercert_core::review::{self, Finding, Reviewed, Severity};
use usercert_core::text::{self, show};
use usercert_core::x509::key::Verification;
use usercert_core::x509::lifetime::{Lifetime, default_lifetime};
use usercert_core::x509::pkcs10::{CertificateRequest, CsrError};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::json::{self, Json, list, or_null};
use crate::webcrypto::{self, Names};
use crate::{Result, lines, time, verification};

/// What something is for (`key`, `answer`, `request`, `cluster`, `kubeconfig` or `other`), and its text
/// without what mail programs and chats put around it; `null` for what is not text.
///
/// # Errors
/// None in practice.
#[wasm_bindgen]
pub fn sort(input: &[u8]) -> Result<String> {
    let received = received::read(input);
    let sorted = Json::new().text("purpose", received.purpose.as_str());
    Ok(sorted.text_or_null("text", received.text.as_deref()).end())
}

/// Several inputs in one: `sizes` and `names` have one line for each. Beside each thing is the number of
/// its input.
fn placed(input: &[u8], sizes: &str, names: &str) -> Result<(Vec<LocatedArtifact>, Vec<i64>)> {
    let mut placed = Vec::new();
    let mut inputs = Vec::new();
    let mut rest = input;
    let mut unknown = None;
    for (number, (size, name)) in (0..).zip(lines(sizes).into_iter().zip(lines(names))) {
        let size = size.parse::<usize>().unwrap_or_default().min(rest.len());
        let (one, others) = rest.split_at(size);
        rest = others;
        match inspect::read(one) {
            Ok(found) => {
                inputs.extend(found.iter().map(|_| number));
                placed.extend(found.into_iter().map(|found| LocatedArtifact {
                    source: show(name),
                    open: false,
                    pairs: Vec::new(),
                    found,
                }));
            }
            Err(error) => unknown = Some(error),
        }
    }
    match unknown {
        Some(error) if placed.is_empty() => Err(error.into()),
        _ => Ok((placed, inputs)),
    }
}

/// What WebCrypto has to find out before [`inspect_bytes`]: signatures to verify, and private keys
/// whose public halves are asked for, as `{ signatures, keys }`; a key is `null` where there is none.
///
/// # Errors
/// Nothing that is known in any of the inputs.
#[wasm_bindgen(js_name = inspectionTasks)]
pub fn inspection_tasks(input: &[u8], sizes: &str, names: &str) -> Result<String> {
    let (placed, _) = placed(input, sizes, names)?;
    let links = relations::links(&placed);
    let signatures = links.iter().map(|link| {
        or_null(
            link.signed(&placed)
                .map(|s| webcrypto::task(s.key, s.algorithm, s.message, s.signature)),
        )
    });
    let keys = placed.iter().map(|p| {
        let key = p.found.private_key();
        let names = key.and_then(|key| Names::to_sign(key.kind.as_ref().ok()?));
        let secret = key.map(|key| Zeroizing::new(base64::encode(&key.pkcs8)));
        or_null(names.zip(secret).map(|(names, secret)| {
            Json::new().text("pkcs8", &secret).json("names", &names.json()).end()
        }))
    });
    Ok(Json::new().json("signatures", &list(signatures)).json("keys", &list(keys)).end())
}

/// Everything that is found in the inputs, as a list of items, with what they have to do with each
/// other. `signatures` and `public_keys` (base64 of SubjectPublicKeyInfo, nothing, or `!` for a damaged
/// key) answer [`inspection_tasks`], one on each line.
///
/// # Errors
/// Nothing that is known in any of the inputs.
#[wasm_bindgen(js_name = inspect)]
pub fn inspect_bytes(
    input: &[u8],
    sizes: &str,
    names: &str,
    signatures: &str,
    public_keys: &str,
    now: f64,
) -> Result<String> {
    let (placed, inputs) = placed(input, sizes, names)?;
    let mut items: Vec<Description> =
        placed.iter().map(|p| inspect::describe(&p.found, time(now))).collect();
    let links = relations::links(&placed);
    let signatures: Vec<Verification> = lines(signatures).into_iter().map(verification).collect();
    let public_keys = lines(public_keys);
    for (key, item) in public_keys.iter().zip(&mut items) {
        if *key == "!" {
            item.problem("unreadable", "the private key is damaged: nothing can use it");
        }
    }
    let public_keys: Vec<Option<Vec<u8>>> = public_keys
        .into_iter()
        .map(|key| base64::decode(key).filter(|key| !key.is_empty()))
        .collect();
    if signatures.len() == links.len() && public_keys.len() == placed.len() {
        let answers = Answers { signatures: &signatures, public_keys: &public_keys };
        relations::relate(&placed, &mut items, &links, &answers);
    }
    let items = placed.iter().zip(&items).zip(inputs);
    Ok(list(items.map(|((p, one), input)| item(&p.source, input, one))))
}

fn item(source: &str, input: i64, item: &Description) -> String {
    let object = Json::new()
        .text("what", &item.what)
        .text("source", source)
        .number("input", Some(input))
        .json("properties", &json::object(&item.shown()))
        .json(
            "findings",
            &list(item.findings.iter().map(|f| finding(f.code, f.severity, &f.message))),
        );
    match item.expires {
        Some(expires) => object.text("expires", &expires.to_string()).end(),
        None => object.end(),
    }
}

/// Findings as JSON.
pub(crate) fn findings(findings: &[Finding]) -> String {
    list(findings.iter().map(|f| finding(f.code.as_str(), f.severity, &f.message)))
}

fn finding(code: &str, severity: Severity, message: &str) -> String {
    let severity = match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Refuse => "refuse",
        Severity::Hard => "hard",
    };
    Json::new().text("code", code).text("severity", severity).text("message", message).end()
}

/// A request that is to be reviewed, from a cluster's object or handed over as a file.
struct FoundRequest {
    name: String,
    request_pem: Vec<u8>,
    request: std::result::Result<CertificateRequest, CsrError>,
    signer_name: String,
    usages: Vec<String>,
    expiration_seconds: Option<i64>,
    requester: Option<String>,
    /// What has been decided already, as `Denied`.
    state: Option<&'static str>,
    /// Why it would not even be submitted.
    problem: Option<String>,
}

/// What is far larger than any request that passes is not reviewed name by name: that would take long,
/// and `inspect` says what it is.
const MOST_REVIEWED: usize = 2 * review::MAX_REQUEST_BYTES;

fn find(input: &[u8]) -> Vec<FoundRequest> {
    if input.len() > MOST_REVIEWED {
        return Vec::new();
    }
    match from_cluster(input) {
        found if found.is_empty() => handed_over(input),
        found => found,
    }
}

/// Objects as the API server holds them: they say who submitted them, and are judged as they are.
fn from_cluster(input: &[u8]) -> Vec<FoundRequest> {
    let text = std::str::from_utf8(input).ok().filter(|text| text.contains(KIND));
    let Some(value) = text.and_then(|text| yaml::parse(text).ok()) else { return Vec::new() };
    let objects = match value.get("items").and_then(serde_json::Value::as_array) {
        Some(items) => items.iter().map(Object::from_item).collect(),
        None => vec![Object::from_value(&value)],
    };
    let submitted = |object: &Object| !object.spec.username.is_empty();
    objects.into_iter().flatten().filter(submitted).map(FoundRequest::submitted).collect()
}

/// Requests as `approve --from` would submit them.
fn handed_over(input: &[u8]) -> Vec<FoundRequest> {
    // What can be no request is not read as YAML once more.
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=\r\n\t ".contains(b);
    let text = std::str::from_utf8(input).unwrap_or_default();
    let der = input.first() == Some(&0x30);
    if !(der || text.contains("-----BEGIN ") || text.contains(KIND) || input.iter().all(base64)) {
        return Vec::new();
    }
    request_file::read_all(input)
        .unwrap_or_default()
        .into_iter()
        .map(FoundRequest::handed_over)
        .collect()
}

impl FoundRequest {
    fn submitted(object: Object) -> Self {
        let state = object.state().name();
        Self {
            name: object.metadata.name.clone(),
            request_pem: object.request_pem().unwrap_or_default(),
            request: object.certificate_request(),
            signer_name: object.spec.signer_name,
            usages: object.spec.usages,
            expiration_seconds: object.spec.expiration_seconds,
            requester: Some(object.spec.username),
            state: Some(state),
            problem: None,
        }
    }

    fn handed_over(incoming: ImportedRequest) -> Self {
        let default = || default_lifetime().seconds().into();
        let seconds = incoming.expiration_seconds.unwrap_or_else(default);
        let name = incoming.name.unwrap_or_else(|| name_for_user(incoming.request.subject.user()));
        let problem = match Lifetime::from_seconds(seconds) {
            Some(_) => check_name(&name).err().map(|error| error.to_string()),
            None => Some(format!("it asks for {seconds} seconds, which no signer grants")),
        };
        Self {
            name,
            request_pem: usercert_core::x509::pkcs10::to_pem(&incoming.request.der).into_bytes(),
            request: Ok(incoming.request),
            signer_name: incoming.signer_name.unwrap_or_else(|| CLIENT_SIGNER.to_owned()),
            usages: incoming.usages.unwrap_or_else(|| vec![CLIENT_AUTH.to_owned()]),
            expiration_seconds: Some(seconds),
            requester: None,
            state: None,
            problem,
        }
    }

    fn review(&self, signature: &str) -> String {
        let request = self.request.as_ref();
        let found = review::review(&Reviewed {
            object_name: Some(&self.name),
            signer_name: &self.signer_name,
            usages: &self.usages,
            expiration_seconds: self.expiration_seconds,
            requester: self.requester.as_deref(),
            signature: request.ok().map(|_| verification(signature)),
            ..Reviewed::new(&self.request_pem, request.map_err(Clone::clone))
        });
        let code = request.ok().map(CertificateRequest::code);
        let user = request.ok().map(|r| show(r.subject.user()));
        let groups = request.ok().map(|r| crate::shown(&r.subject.groups())).unwrap_or_default();
        let requester = self.requester.as_deref().map(|r| text::show_short(r, 200));
        Json::new()
            .text_or_null("user", user.as_deref())
            .texts("groups", &groups)
            .text_or_null("requester", requester.as_deref())
            .text_or_null("code", code.map(|c| c.short()).as_deref())
            .text_or_null("sha256", code.map(|c| c.full()).as_deref())
            .text_or_null("state", self.state)
            .text_or_null("problem", self.problem.as_deref())
            .flag("refused", self.problem.is_some() || review::refuses(&found, &[]))
            .json("findings", &findings(&found))
            .end()
    }
}

/// The signatures of the requests in the input, to be verified, one for each; `null` for one that
/// cannot be read.
///
/// # Errors
/// None in practice.
#[wasm_bindgen(js_name = requestSignatures)]
pub fn request_signatures(input: &[u8]) -> Result<String> {
    let task = |r: CertificateRequest| {
        webcrypto::task(&r.key, &r.signature_algorithm, &r.signed, &r.signature)
    };
    Ok(list(find(input).into_iter().map(|found| or_null(found.request.ok().map(task)))))
}

/// The reviews of the requests in the input, given how their signatures came out (`valid`, `invalid`
/// or `unsupported`), one on each line.
///
/// # Errors
/// None in practice.
#[wasm_bindgen]
pub fn review(input: &[u8], signatures: &str) -> Result<String> {
    let found = find(input);
    let signatures = lines(signatures).into_iter().chain(std::iter::repeat("unsupported"));
    Ok(list(found.iter().zip(signatures).map(|(found, signature)| found.review(signature))))
}

/// What a request asked for, to compare an answer with it: user, groups, seconds, its code and its key
/// (base64 of SubjectPublicKeyInfo). `null` unless there is exactly one request.
///
/// # Errors
/// None in practice.
#[wasm_bindgen(js_name = readRequest)]
pub fn read_request(input: &[u8]) -> Result<String> {
    let Some(incoming) = request_file::read(input).ok() else { return Ok("null".to_owned()) };
    let request = &incoming.request;
    let groups: Vec<String> = request.subject.groups().into_iter().collect();
    Ok(Json::new()
        .text("user", request.subject.user())
        .texts("groups", &groups)
        .number("seconds", incoming.expiration_seconds)
        .text("code", &request.code().short())
        .text("spki", &base64::encode(&request.key.spki))
        .end())
}
