//! Taking an answer: what it holds, whether it belongs to the key and the request, and the kubeconfig.

use usercert_core::text::sorted::BTreeSet;

use serde_json::Value;
use usercert_core::api::csr::Object;
use usercert_core::encoding::base64;
use usercert_core::encoding::pem;
use usercert_core::encoding::yaml;
use usercert_core::exchange::certificate_file::{self, ReceivedCertificate};
use usercert_core::exchange::reply::{Reply, ReplyError};
use usercert_core::review::{self, Severity};
use usercert_core::text;
use usercert_core::x509::certificate::{
    self, Certificate, CertificateError, Check, Expected, Outcome,
};
use usercert_core::x509::chain;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::lifetime::{Lifetime, expiry_in_words};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::json::{Json, list, or_null};
use crate::webcrypto::{self, Names};
use crate::{Result, lines, shown, time, verification};

/// What an answer holds, and the signatures to be verified before it can be trusted.
///
/// # Errors
/// What it is instead, or why it cannot be taken.
#[wasm_bindgen(js_name = readAnswer)]
pub fn read_answer(input: &[u8], now: f64) -> Result<String> {
    let answer = certificate_file::read(input)?;
    let leaf = leaf(&answer)?;
    let (form, request) = match &answer {
        ReceivedCertificate::Reply(_) => ("reply", None),
        ReceivedCertificate::Certificates(_) => ("certificate", None),
        ReceivedCertificate::Object(object, _) => ("object", asked_in(object)),
    };
    let signatures = links(&answer).into_iter().map(|link| {
        let (subject, issuer) = (link.subject, link.issuer);
        let algorithm = &subject.signature_algorithm;
        webcrypto::task(&issuer.key, algorithm, &subject.signed, &subject.signature)
    });
    let key = Json::new()
        .text("kind", &leaf.key.kind.to_string())
        .text("spki", &base64::encode(&leaf.key.spki))
        .json("names", &or_null(Names::to_sign(&leaf.key.kind).map(Names::json)));
    let validity = expiry_in_words(leaf.not_after, time(now));
    Ok(Json::new()
        .text("form", form)
        .text("user", &text::show(leaf.subject.user()))
        .texts("groups", &shown(&leaf.subject.groups()))
        .text("validity", &format!("{} ({validity})", leaf.not_after))
        .number("notBefore", Some(leaf.not_before.0))
        .number("notAfter", Some(leaf.not_after.0))
        .text("sha256", &leaf.fingerprint())
        .json("key", &key.end())
        .json("signatures", &list(signatures))
        .json("asked", &or_null(request))
        .json("cluster", &or_null(cluster(&answer)?))
        .end())
}

fn leaf(answer: &ReceivedCertificate) -> Result<&Certificate> {
    Ok(answer.chain().first().ok_or(CertificateError::None)?)
}

fn links(answer: &ReceivedCertificate) -> Vec<chain::Link<'_>> {
    match answer.chain().split_first() {
        Some((leaf, intermediates)) => chain::links(leaf, intermediates, answer.ca()),
        None => Vec::new(),
    }
}

/// What the request inside an object asked for.
fn asked_in(object: &Object) -> Option<String> {
    let request = object.certificate_request().ok()?;
    let groups: Vec<String> = request.subject.groups().into_iter().collect();
    let asked = Json::new().text("user", request.subject.user()).texts("groups", &groups);
    Some(asked.number("seconds", object.spec.expiration_seconds).end())
}

fn cluster(answer: &ReceivedCertificate) -> Result<Option<String>> {
    let ReceivedCertificate::Reply(reply) = answer else { return Ok(None) };
    let ca = reply.ca.iter().map(|c| {
        Json::new().text("subject", &c.subject.shown()).text("sha256", &c.fingerprint()).end()
    });
    let cluster = Json::new()
        .text("server", &text::show(&reply.server))
        .text_or_null("tlsServerName", reply.tls_server_name.as_deref())
        .json("ca", &list(ca))
        .text("name", &text::show(&reply.cluster_name))
        .text("context", &text::show(&reply.context_name))
        .text_or_null("namespace", reply.namespace.as_deref())
        .text("code", &reply.code().short());
    Ok(Some(cluster.end()))
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
    let answer = certificate_file::read(input)?;
    let context_name = format!("{}@{cluster_name}", leaf(&answer)?.subject.user());
    let ca = certificate_file::read(ca.as_bytes())
        .map_err(|error| JsError::new(&format!("the CA cannot be taken: {error}")))?;
    let reply = Reply {
        context_name,
        server,
        ca: ca.into_chain(),
        tls_server_name: None,
        chain: answer.into_chain(),
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
    let body = current_cluster(&value).unwrap_or(&value);
    let word = |key: &str| body.get(key).and_then(Value::as_str);
    let ca = word("certificate-authority-data").unwrap_or_default();
    let cluster =
        word("server").map(|server| Json::new().text("server", server).text("ca", ca).end());
    Ok(or_null(cluster))
}

/// The cluster entry that kubectl would take: that of the current context, or the only one.
fn current_cluster(value: &Value) -> Option<&Value> {
    let entry = |list: &str, name: &str| {
        let entries = value.get(list)?.as_array()?;
        entries.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
    };
    let context = value.get("current-context").and_then(Value::as_str).unwrap_or_default();
    let name = entry("contexts", context).and_then(|c| c.pointer("/context/cluster")?.as_str());
    let only = || match value.get("clusters")?.as_array()?.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    name.and_then(|name| entry("clusters", name)).or_else(only)?.get("cluster")
}

/// The account of an answer, line by line.
///
/// `key_matches`: whether the key at hand signs what the certificate's key verifies. `user`, `groups`
/// (one on each line) and `seconds` are what was asked for; without `user` nothing is known of that,
/// and the certificate's own names count. `signatures`: how those of [`read_answer`] came out, in
/// order, one on each line.
///
/// # Errors
/// An answer that cannot be taken.
#[wasm_bindgen(js_name = checkAnswer)]
pub fn check_answer(
    input: &[u8],
    key_matches: bool,
    user: Option<String>,
    groups: &str,
    seconds: Option<i32>,
    signatures: &str,
    now: f64,
) -> Result<String> {
    let answer = certificate_file::read(input)?;
    let leaf = leaf(&answer)?;
    let known = user.is_some();
    let (user, groups) = match user {
        Some(user) => {
            let mut asked = BTreeSet::new();
            asked.extend(lines(groups).into_iter().map(str::to_owned));
            (user, asked)
        }
        None => (leaf.subject.user().to_owned(), leaf.subject.groups()),
    };
    let expected = Expected {
        spki: if key_matches { leaf.key.spki.clone() } else { Vec::new() },
        user,
        groups,
        lifetime: seconds.and_then(|s| Lifetime::from_seconds(s.into())),
    };
    let signatures: Vec<_> = lines(signatures).into_iter().map(verification).collect();
    let chain = chain::outcome(leaf, answer.ca(), &links(&answer), &signatures);
    let mut checks = certificate::check(leaf, &expected, chain, time(now));
    if !known {
        checks.iter_mut().filter(|c| ["user", "groups"].contains(&c.code)).for_each(not_compared);
    }
    checks.extend(names(leaf));
    checks.extend(certificate::refusals(answer.chain(), answer.ca(), time(now)));
    let lines = checks.iter().map(|check| {
        let outcome = match check.outcome {
            Outcome::Pass => "pass",
            Outcome::Note => "note",
            Outcome::Fail => "fail",
        };
        let line = Json::new().text("code", check.code).text("outcome", outcome);
        line.text("message", &check.message).end()
    });
    let good = !certificate::any_failed(&checks);
    Ok(Json::new().json("checks", &list(lines)).flag("good", good).end())
}

/// Names are not compared with themselves.
fn not_compared(check: &mut Check) {
    check.outcome = Outcome::Note;
    check.message.push_str("; not compared, since nothing here says what was asked for");
}

/// What review says of the certificate's names. Such as cannot even be asked for fail.
fn names(leaf: &Certificate) -> Vec<Check> {
    let groups = leaf.subject.groups();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let check = |outcome, message| Check { code: "names", outcome, message };
    match Identity::parse(leaf.subject.user(), &groups) {
        Err(error) => vec![check(Outcome::Fail, error.to_string())],
        Ok(identity) => review::review_names(&identity)
            .into_iter()
            .map(|finding| match finding.severity {
                Severity::Hard => check(Outcome::Fail, finding.message),
                _ => check(Outcome::Note, finding.message),
            })
            .collect(),
    }
}

/// The kubeconfig: a reply with its private key (PKCS#8).
///
/// # Errors
/// When the text is not a reply.
#[wasm_bindgen]
pub fn kubeconfig(reply: &[u8], pkcs8: Vec<u8>) -> Result<String> {
    let pkcs8 = Zeroizing::new(pkcs8);
    let reply = match certificate_file::read(reply)? {
        ReceivedCertificate::Reply(reply) => reply,
        ReceivedCertificate::Certificates(_) | ReceivedCertificate::Object(..) => {
            return Err(ReplyError::Missing("the cluster").into());
        }
    };
    let key = Zeroizing::new(pem::encode("PRIVATE KEY", &pkcs8));
    Ok(reply.to_kubeconfig(&key))
}
