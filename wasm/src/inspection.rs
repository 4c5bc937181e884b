//! Saying what something is, and what an approver would find in a request.

use usercert_core::api::csr::{CLIENT_AUTH, CLIENT_SIGNER, KIND, Object};
use usercert_core::encoding::yaml;
use usercert_core::exchange::request_file;
use usercert_core::inspect::{self, Item};
use usercert_core::review::{self, Finding, Reviewed, Severity};
use usercert_core::text::{self, show};
use usercert_core::x509::lifetime::default_lifetime;
use usercert_core::x509::pkcs10::{CertificateRequest, CsrError};
use wasm_bindgen::prelude::*;

use crate::json::{self, Json, list};
use crate::webcrypto;
use crate::{Result, time, verification};

/// Everything that is found in the input, as a list of items.
///
/// # Errors
/// Nothing that is known.
#[wasm_bindgen(js_name = inspect)]
pub fn inspect_bytes(input: &[u8], now: f64) -> Result<String> {
    Ok(list(inspect::inspect(input, time(now))?.iter().map(item)))
}

fn item(item: &Item) -> String {
    let object = Json::new()
        .text("what", &item.what)
        .json("properties", &json::object(&item.properties))
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
struct Found {
    request_pem: Vec<u8>,
    request: std::result::Result<CertificateRequest, CsrError>,
    signer_name: String,
    usages: Vec<String>,
    expiration_seconds: Option<i64>,
    requester: Option<String>,
}

/// What is far larger than any request that passes is not reviewed name by name: that would take long,
/// and `inspect` says what it is.
const MOST_REVIEWED: usize = 2 * review::MAX_REQUEST_BYTES;

fn find(input: &[u8]) -> Option<Found> {
    if input.len() > MOST_REVIEWED {
        return None;
    }
    from_cluster(input).or_else(|| handed_over(input))
}

/// An object as the API server holds it: it says who submitted it, and is judged as it is.
fn from_cluster(input: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(input).ok().filter(|text| text.contains(KIND))?;
    let value = yaml::parse(text).ok()?;
    let object = Object::from_value(&value).ok().filter(|o| !o.spec.username.is_empty())?;
    Some(Found {
        request_pem: object.request_pem().unwrap_or_default(),
        request: object.certificate_request(),
        signer_name: object.spec.signer_name,
        usages: object.spec.usages,
        expiration_seconds: object.spec.expiration_seconds,
        requester: Some(object.spec.username),
    })
}

/// A request as `approve --from` would submit it.
fn handed_over(input: &[u8]) -> Option<Found> {
    // What can be no request is not read as YAML once more.
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=\r\n\t ".contains(b);
    let text = std::str::from_utf8(input).unwrap_or_default();
    let der = input.first() == Some(&0x30);
    if !(der || text.contains("-----BEGIN ") || text.contains(KIND) || input.iter().all(base64)) {
        return None;
    }
    let incoming = request_file::read(input).ok()?;
    let default = || default_lifetime().seconds().into();
    Some(Found {
        request_pem: usercert_core::x509::pkcs10::to_pem(&incoming.request.der).into_bytes(),
        request: Ok(incoming.request),
        signer_name: incoming.signer_name.unwrap_or_else(|| CLIENT_SIGNER.to_owned()),
        usages: incoming.usages.unwrap_or_else(|| vec![CLIENT_AUTH.to_owned()]),
        expiration_seconds: Some(incoming.expiration_seconds.unwrap_or_else(default)),
        requester: None,
    })
}

/// The signature of the request in the input, to be verified: `null` when there is no request, else
/// `{ task }`, which is `null` when the request cannot be read.
///
/// # Errors
/// None in practice.
#[wasm_bindgen(js_name = requestSignature)]
pub fn request_signature(input: &[u8]) -> Result<String> {
    let task = |r: CertificateRequest| {
        webcrypto::task(&r.key, &r.signature_algorithm, &r.signed, &r.signature)
    };
    let task = find(input).map(|found| json::or_null(found.request.ok().map(task)));
    Ok(json::or_null(task.map(|task| Json::new().json("task", &task).end())))
}

/// The review of the request in the input, given how its signature came out (`valid`, `invalid` or
/// `unsupported`); `null` when there is no request.
///
/// # Errors
/// None in practice.
#[wasm_bindgen]
pub fn review(input: &[u8], signature: &str) -> Result<String> {
    let Some(found) = find(input) else { return Ok("null".to_owned()) };
    let request = found.request.as_ref();
    let found_out = review::review(&Reviewed {
        signer_name: &found.signer_name,
        usages: &found.usages,
        expiration_seconds: found.expiration_seconds,
        requester: found.requester.as_deref(),
        signature: request.ok().map(|_| verification(signature)),
        ..Reviewed::new(&found.request_pem, request.map_err(Clone::clone))
    });
    let code = request.ok().map(CertificateRequest::code);
    let user = request.ok().map(|r| show(r.subject.user()));
    let requester = found.requester.as_deref().map(|r| text::show_short(r, 200));
    Ok(Json::new()
        .text_or_null("user", user.as_deref())
        .text_or_null("requester", requester.as_deref())
        .text_or_null("code", code.map(|c| c.short()).as_deref())
        .text_or_null("sha256", code.map(|c| c.full()).as_deref())
        .flag("refused", review::refuses(&found_out, &[]))
        .json("findings", &findings(&found_out))
        .end())
}
