//! Making a request: names, lifetime, the bytes to sign, and what to hand to the admin.

use usercert_core::api::csr::{CLIENT_AUTH, CLIENT_SIGNER, Manifest};
use usercert_core::encoding::ecdsa;
use usercert_core::encoding::yaml;
use usercert_core::exchange::command_lines;
use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::review;
use usercert_core::text;
use usercert_core::x509::identity::{Group, Identity, UserName};
use usercert_core::x509::key::{PublicKey, SignatureAlgorithm};
use usercert_core::x509::lifetime::{self, Lifetime};
use usercert_core::x509::pkcs10::{self, CertificateRequest, CsrError};
use wasm_bindgen::prelude::*;

use crate::json::{Json, list};
use crate::{Result, inspection, lines, shown};

/// Makes sure that this can be a user's name.
///
/// # Errors
/// Why it cannot.
#[wasm_bindgen(js_name = checkUser)]
pub fn check_user(name: &str) -> Result<()> {
    name.parse::<UserName>()?;
    Ok(())
}

/// Makes sure that this can be a group's name.
///
/// # Errors
/// Why it cannot.
#[wasm_bindgen(js_name = checkGroup)]
pub fn check_group(name: &str) -> Result<()> {
    name.parse::<Group>()?;
    Ok(())
}

/// What an approver will find about these names, as a list of findings; `groups` one on each line.
///
/// # Errors
/// Names that cannot be asked for.
#[wasm_bindgen(js_name = reviewNames)]
pub fn review_names(user: &str, groups: &str) -> Result<String> {
    Ok(inspection::findings(&review::review_names(&Identity::parse(user, &lines(groups))?)))
}

/// Seconds of a lifetime such as `30d`.
///
/// # Errors
/// Why it is none.
#[wasm_bindgen(js_name = lifetimeSeconds)]
pub fn lifetime_seconds(text: &str) -> Result<i32> {
    Ok(text.parse::<Lifetime>()?.seconds())
}

/// The lifetime that is asked for unless told otherwise.
#[wasm_bindgen(js_name = defaultLifetime)]
#[must_use]
pub fn default_lifetime() -> String {
    lifetime::default_lifetime().to_string()
}

/// The signer that is asked unless told otherwise.
#[wasm_bindgen(js_name = defaultSigner)]
#[must_use]
pub fn default_signer() -> String {
    CLIENT_SIGNER.to_owned()
}

/// The bytes that the key with this SubjectPublicKeyInfo has to sign; `groups` one on each line.
///
/// # Errors
/// Names that cannot be asked for, or no public key.
#[wasm_bindgen(js_name = toBeSigned)]
pub fn to_be_signed(user: &str, groups: &str, spki: &[u8]) -> Result<Vec<u8>> {
    Ok(pkcs10::to_be_signed(&Identity::parse(user, &lines(groups))?, spki)?)
}

/// The certificate request (DER) from the signed bytes and the signature as WebCrypto gives it.
///
/// # Errors
/// Parts that do not fit together.
#[wasm_bindgen(js_name = assembleRequest)]
pub fn assemble_request(to_be_signed: &[u8], spki: &[u8], signature: &[u8]) -> Result<Vec<u8>> {
    let key = PublicKey::from_spki(spki).ok_or(CsrError::Malformed("no public key"))?;
    let algorithm = SignatureAlgorithm::for_key(&key.kind)
        .ok_or(CsrError::Malformed("requests are not signed with such a key"))?;
    let signature = match algorithm {
        SignatureAlgorithm::Ecdsa(_) => {
            ecdsa::to_der(signature).ok_or(CsrError::Malformed("no ECDSA signature"))?
        }
        _ => signature.to_vec(),
    };
    Ok(pkcs10::assemble(to_be_signed, &algorithm, &signature)?)
}

/// A certificate request as it is handed over: its texts, its code and the lines to run. `seconds` is
/// the lifetime to ask for, if any; the files are named after `stem`, or after the user without.
///
/// No line holds the code: what travels with the file could be swapped together with it.
///
/// # Errors
/// No request, or a lifetime out of bounds.
#[wasm_bindgen(js_name = handOver)]
pub fn hand_over(der: &[u8], seconds: Option<i32>, signer: &str, stem: &str) -> Result<String> {
    let request = CertificateRequest::from_der(der)?;
    let user = request.subject.user();
    let code = request.code();
    let name = command_lines::object_name(user, &request.key);
    let manifest = Manifest {
        name: &name,
        request_der: der,
        signer_name: signer,
        usages: &[CLIENT_AUTH.to_owned()],
        lifetime: seconds.and_then(|s| Lifetime::from_seconds(s.into())),
    };
    let named = |extension: &str| match stem {
        "" => safe_file_name(user, extension),
        stem => safe_file_name(stem, extension),
    };
    let (file, reply, key) = (named("yaml"), named("reply.yaml"), named("key"));
    let steps = command_lines::with_kubectl(&file, &name, &named("answer.yaml")).into_iter();
    let plain =
        steps.map(|step| Json::new().text("purpose", &step.purpose).text("line", &step.line).end());
    let names = Json::new()
        .text("key", &key)
        .text("csr", &named("csr"))
        .text("manifest", &file)
        .text("reply", &reply)
        .text("kubeconfig", &named("kubeconfig"));
    Ok(Json::new()
        .text("user", &text::show(user))
        .texts("groups", &shown(&request.subject.groups()))
        .text("key", &request.key.kind.to_string())
        .text("signature", &request.signature_algorithm.to_string())
        .text("code", &code.short())
        .text("sha256", &code.full())
        .text("name", &name)
        .text("csr", &pkcs10::to_pem(der))
        .text("manifest", &yaml::to_string(&manifest.to_value()))
        .json("files", &names.end())
        .text("approve", &command_lines::approve(&file, &reply))
        .text("install", &command_lines::install(&reply, Some(&key)))
        .json("withKubectl", &list(plain))
        .end())
}
