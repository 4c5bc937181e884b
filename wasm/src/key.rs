//! Private keys as bytes, and which names WebCrypto has for them.

use usercert_core::encoding::pem;
use usercert_core::x509::key::{self, KeyType, PrivateKeyError};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::Result;
use crate::json::{Json, or_null};
use crate::webcrypto::{self, Names};

/// How WebCrypto makes a key of this type (`p256`, …) and signs with it.
///
/// # Errors
/// An unknown type.
#[wasm_bindgen(js_name = generateNames)]
pub fn generate_names(key_type: &str) -> Result<String> {
    let names = webcrypto::to_generate(key_type.parse::<KeyType>()?);
    Ok(or_null(names.map(Names::json)))
}

/// The PKCS#8 of the private key in a file: PEM or DER; PKCS#8, PKCS#1 or SEC1.
///
/// # Errors
/// No key, or an encrypted one.
#[wasm_bindgen(js_name = toPkcs8)]
pub fn to_pkcs8(file: Vec<u8>) -> Result<Vec<u8>> {
    let file = Zeroizing::new(file);
    Ok(key::to_pkcs8(&file)?.to_vec())
}

/// What a PKCS#8 key is, and how WebCrypto imports it and signs with it; no names where it cannot.
///
/// # Errors
/// Its algorithm cannot be told.
#[wasm_bindgen(js_name = keyNames)]
pub fn key_names(pkcs8: Vec<u8>) -> Result<String> {
    let pkcs8 = Zeroizing::new(pkcs8);
    let kind = key::kind_of_pkcs8(&pkcs8).ok_or(PrivateKeyError::NotAKey)?;
    let names = or_null(Names::to_sign(&kind).map(Names::json));
    Ok(Json::new().text("kind", &kind.to_string()).json("names", &names).end())
}

/// PEM of a PKCS#8 key, as kubectl and everything else reads it.
#[wasm_bindgen(js_name = keyPem)]
#[must_use]
pub fn key_pem(pkcs8: Vec<u8>) -> String {
    pem::encode("PRIVATE KEY", &Zeroizing::new(pkcs8))
}
