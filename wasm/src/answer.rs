//! Taking an answer: what it holds, whether it belongs to the key and the request, and the kubeconfig.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use usercert_core::answer::{self, Answer};
use usercert_core::certificate::{self, Certificate, CertificateError, Expected};
use usercert_core::chain;
use usercert_core::lifetime::{Lifetime, expiry_in_words};
use usercert_core::reply::{Reply, ReplyError};
use usercert_core::request::Object;
use usercert_core::steps::Files;
use usercert_core::{pem, text, yaml};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::webcrypto::{self, Names};
use crate::{Result, json, time, verification};

/// What an answer holds, and the signatures to be verified before it can be trusted.
///
/// # Errors
/// What it is instead, or why it cannot be taken.
#[wasm_bindgen(js_name = readAnswer)]
pub fn read_answer(input: &[u8], now: f64) -> Result<String> {
    let answer = answer::read(input)?;
    let leaf = leaf(&answer)?;
    let (form, request) = match &answer {
        Answer::Reply(_) => ("reply", None),
        Answer::Certificates(_) => ("certificate", None),
        Answer::Object(object, _) => ("object", asked_in(object)),
    };
    let signatures: Vec<Value> = links(&answer)
        .iter()
        .map(|link| {
            let (subject, issuer) = (link.subject, link.issuer);
            let algorithm = &subject.signature_algorithm;
            webcrypto::task(&issuer.key, algorithm, &subject.signed, &subject.signature)
        })
        .collect();
    let algorithm = usercert_core::key::SignatureAlgorithm::for_key(&leaf.key.kind);
    let names = algorithm.and_then(|a| Names::of(&leaf.key.kind, &a)).map(Names::into_value);
    json(&json!({
        "form": form,
        "user": text::show(leaf.subject.user()),
        "groups": leaf.subject.groups().iter().map(|g| text::show(g)).collect::<Vec<_>>(),
        "validity": format!("{} ({})", leaf.not_after, expiry_in_words(leaf.not_after, time(now))),
        "sha256": leaf.fingerprint(),
        "key": { "kind": leaf.key.kind.to_string(), "spki": STANDARD.encode(&leaf.key.spki), "names": names },
        "signatures": signatures,
        "asked": request,
        "cluster": cluster(&answer)?,
        "files": { "kubeconfig": Files::of(leaf.subject.user()).kubeconfig },
    }))
}

fn leaf(answer: &Answer) -> Result<&Certificate> {
    Ok(answer.chain().first().ok_or(CertificateError::None)?)
}

fn links(answer: &Answer) -> Vec<chain::Link<'_>> {
    match answer.chain().split_first() {
        Some((leaf, intermediates)) => chain::links(leaf, intermediates, answer.ca()),
        None => Vec::new(),
    }
}

/// What the request inside an object asked for.
fn asked_in(object: &Object) -> Option<Value> {
    let request = object.certificate_request().ok()?;
    Some(json!({
        "user": request.subject.user(),
        "groups": request.subject.groups(),
        "seconds": object.spec.expiration_seconds,
    }))
}

fn cluster(answer: &Answer) -> Result<Option<Value>> {
    let Answer::Reply(reply) = answer else { return Ok(None) };
    let ca: Vec<Value> = reply
        .ca
        .iter()
        .map(|c| json!({ "subject": c.subject.shown(), "sha256": c.fingerprint() }))
        .collect();
    Ok(Some(json!({
        "server": text::show(&reply.server),
        "tlsServerName": reply.tls_server_name,
        "ca": ca,
        "name": text::show(&reply.cluster_name),
        "context": text::show(&reply.context_name),
        "namespace": reply.namespace,
        "code": reply.code()?.short(),
    })))
}

/// The reply (a keyless kubeconfig) that an answer without a cluster and what is known of the cluster
/// amount to.
///
/// # Errors
/// What is missing or cannot be taken.
#[wasm_bindgen(js_name = completeAnswer)]
pub fn complete_answer(
    input: &[u8],
    server: String,
    ca: &str,
    cluster_name: String,
    namespace: Option<String>,
) -> Result<String> {
    let answer = answer::read(input)?;
    let user = leaf(&answer)?.subject.user();
    let ca = answer::read(ca.as_bytes())
        .map_err(|error| JsError::new(&format!("the CA cannot be taken: {error}")))?;
    let reply = Reply {
        context_name: format!("{user}@{cluster_name}"),
        server,
        ca: ca.chain().to_vec(),
        tls_server_name: None,
        chain: answer.chain().to_vec(),
        cluster_name,
        namespace,
    };
    let text = reply.to_text()?;
    Reply::parse(text.as_bytes())?;
    Ok(text)
}

/// Server and CA out of a kubeconfig's cluster entry as `kubectl config view` prints it; `null` when
/// the text is something else.
///
/// # Errors
/// None in practice.
#[wasm_bindgen(js_name = readCluster)]
pub fn read_cluster(input: &str) -> Result<String> {
    let value = yaml::parse(input).unwrap_or_default();
    let body = value.pointer("/clusters/0/cluster").unwrap_or(&value);
    let word = |key: &str| body.get(key).and_then(Value::as_str);
    json(&word("server").map(|server| {
        json!({ "server": server, "ca": word("certificate-authority-data").unwrap_or_default() })
    }))
}

/// The account of an answer, line by line.
///
/// `key_matches`: whether the key at hand signs what the certificate's key verifies. `user`, `groups`
/// and `seconds` are what was asked for; without `user` nothing is known of that, and the
/// certificate's own names count. `signatures`: how those of [`read_answer`] came out, in order.
///
/// # Errors
/// An answer that cannot be taken.
#[wasm_bindgen(js_name = checkAnswer)]
pub fn check_answer(
    input: &[u8],
    key_matches: bool,
    user: Option<String>,
    groups: Vec<String>,
    seconds: Option<i32>,
    signatures: Vec<String>,
    now: f64,
) -> Result<String> {
    let answer = answer::read(input)?;
    let leaf = leaf(&answer)?;
    let (user, groups) = match user {
        Some(user) => (user, groups.into_iter().collect()),
        None => (leaf.subject.user().to_owned(), leaf.subject.groups()),
    };
    let expected = Expected {
        spki: if key_matches { &leaf.key.spki } else { &[] },
        user: &user,
        groups: &groups,
        lifetime: seconds.and_then(|s| Lifetime::from_seconds(s.into())),
    };
    let signatures: Vec<_> = signatures.iter().map(|s| verification(s)).collect();
    let chain = chain::outcome(!answer.ca().is_empty(), &signatures);
    let checks = certificate::check(leaf, &expected, chain, time(now));
    json(&json!({ "checks": checks, "good": !certificate::any_failed(&checks) }))
}

/// The kubeconfig: a reply with its private key (PKCS#8).
///
/// # Errors
/// When the text is no reply.
#[wasm_bindgen]
pub fn kubeconfig(reply: &[u8], pkcs8: Vec<u8>) -> Result<String> {
    let pkcs8 = Zeroizing::new(pkcs8);
    let reply = match answer::read(reply)? {
        Answer::Reply(reply) => reply,
        Answer::Certificates(_) | Answer::Object(..) => {
            return Err(ReplyError::Missing("the cluster").into());
        }
    };
    let key = Zeroizing::new(pem::encode("PRIVATE KEY", &pkcs8));
    Ok(reply.to_kubeconfig(&key))
}
