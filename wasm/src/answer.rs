//! Taking an answer: what it holds, whether it belongs to the key and the request, and the kubeconfig.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use usercert_core::answer::{self, Answer};
use usercert_core::certificate::{self, Certificate, CertificateError, Expected, chain_to_pem};
use usercert_core::chain;
use usercert_core::kubeconfig::edit::{self, Edit};
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

/// Where the cluster is, for an answer that does not say.
#[derive(Deserialize)]
struct Cluster {
    server: String,
    /// CA certificates: PEM, or base64 of it.
    ca: String,
    name: String,
    namespace: Option<String>,
}

/// The reply (a keyless kubeconfig) that an answer without a cluster and what is known of the cluster
/// amount to.
///
/// # Errors
/// What is missing or cannot be taken.
#[wasm_bindgen(js_name = completeAnswer)]
pub fn complete_answer(input: &[u8], cluster: &str) -> Result<String> {
    let answer = answer::read(input)?;
    let cluster: Cluster = serde_json::from_str(cluster)?;
    let user = leaf(&answer)?.subject.user();
    let ca = answer::read(cluster.ca.as_bytes())
        .map_err(|error| JsError::new(&format!("the CA cannot be taken: {error}")))?;
    let name = if cluster.name.is_empty() { "kubernetes".to_owned() } else { cluster.name };
    let reply = Reply {
        context_name: format!("{user}@{name}"),
        server: cluster.server,
        ca: ca.chain().to_vec(),
        tls_server_name: None,
        chain: answer.chain().to_vec(),
        cluster_name: name,
        namespace: cluster.namespace.filter(|n| !n.is_empty()),
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

/// What is known for the checks of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    /// Whether the key at hand signs what the certificate's key verifies.
    key_matches: bool,
    /// What was asked for; the certificate's own names where nothing is known of that.
    asked: Option<Asked>,
    /// How the signatures of [`read_answer`] came out, in order.
    signatures: Vec<String>,
}

#[derive(Deserialize)]
struct Asked {
    user: String,
    groups: BTreeSet<String>,
    seconds: Option<i64>,
}

/// The account of an answer, line by line.
///
/// # Errors
/// An answer that cannot be taken.
#[wasm_bindgen(js_name = checkAnswer)]
pub fn check_answer(input: &[u8], known: &str, now: f64) -> Result<String> {
    let answer = answer::read(input)?;
    let known: Known = serde_json::from_str(known)?;
    let leaf = leaf(&answer)?;
    let asked = known.asked.unwrap_or_else(|| Asked {
        user: leaf.subject.user().to_owned(),
        groups: leaf.subject.groups(),
        seconds: None,
    });
    let expected = Expected {
        spki: if known.key_matches { &leaf.key.spki } else { &[] },
        user: &asked.user,
        groups: &asked.groups,
        lifetime: asked.seconds.and_then(Lifetime::from_seconds),
    };
    let signatures: Vec<_> = known.signatures.iter().map(|s| verification(s)).collect();
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
    let name = || reply.context_name.clone();
    let mut context = json!({ "cluster": reply.cluster_name, "user": reply.context_name });
    if let Some(namespace) = &reply.namespace {
        context["namespace"] = namespace.clone().into();
    }
    let user = json!({
        "client-certificate-data": STANDARD.encode(chain_to_pem(&reply.chain)),
        "client-key-data": STANDARD.encode(&*key),
    });
    Ok(edit::new_file(&[
        Edit::SetUser { name: name(), body: user },
        Edit::SetCluster { name: reply.cluster_name.clone(), body: reply.cluster_body() },
        Edit::SetContext { name: name(), body: context },
        Edit::SetCurrentContext(name()),
    ])?)
}
