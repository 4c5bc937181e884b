//! What WebCrypto calls the keys and signature algorithms that core knows.

use usercert_core::encoding::base64;
use usercert_core::encoding::ecdsa;
use usercert_core::x509::key::{Hash, KeyKind, KeyType, PublicKey, SignatureAlgorithm};

use crate::json::{Json, or_null};

/// The two arguments by which WebCrypto is told what to do.
pub struct Names {
    /// For `generateKey` and `importKey`.
    pub key: Json,
    /// For `sign` and `verify`.
    pub signature: Json,
}

impl Names {
    /// The names for this kind of key and this algorithm; `None` where WebCrypto has none.
    #[must_use]
    pub fn of(kind: &KeyKind, algorithm: &SignatureAlgorithm) -> Option<Self> {
        let named = |name: &str| Json::new().text("name", name);
        let (key, signature) = match (kind, algorithm) {
            // Which no server accepts, and the plugin does not check either.
            (_, SignatureAlgorithm::Ecdsa(Hash::Sha1)) => return None,
            (KeyKind::P256 | KeyKind::P384 | KeyKind::P521, SignatureAlgorithm::Ecdsa(hash)) => (
                named("ECDSA").text("namedCurve", &kind.to_string()),
                named("ECDSA").text("hash", hash_name(*hash)),
            ),
            (KeyKind::Ed25519, SignatureAlgorithm::Ed25519) => (named("Ed25519"), named("Ed25519")),
            (KeyKind::Rsa(_), SignatureAlgorithm::Rsa(hash)) => (
                named("RSASSA-PKCS1-v1_5").text("hash", hash_name(*hash)),
                named("RSASSA-PKCS1-v1_5"),
            ),
            (KeyKind::Rsa(_), SignatureAlgorithm::RsaPss(hash)) => (
                named("RSA-PSS").text("hash", hash_name(*hash)),
                named("RSA-PSS").number("saltLength", Some(hash_length(*hash))),
            ),
            _ => return None,
        };
        Some(Self { key, signature })
    }

    /// The names for signing with a key of this kind.
    #[must_use]
    pub fn to_sign(kind: &KeyKind) -> Option<Self> {
        Self::of(kind, &SignatureAlgorithm::for_key(kind)?)
    }

    /// As JSON, for JavaScript.
    #[must_use]
    pub fn json(self) -> String {
        Json::new().json("key", &self.key.end()).json("signature", &self.signature.end()).end()
    }
}

/// The names for making a key of this type and signing with it.
#[must_use]
pub fn to_generate(key_type: KeyType) -> Option<Names> {
    let (kind, bits) = match key_type {
        KeyType::P256 => (KeyKind::P256, None),
        KeyType::P384 => (KeyKind::P384, None),
        KeyType::Ed25519 => (KeyKind::Ed25519, None),
        KeyType::Rsa2048 => (KeyKind::Rsa(2048), Some(2048)),
        KeyType::Rsa3072 => (KeyKind::Rsa(3072), Some(3072)),
        KeyType::Rsa4096 => (KeyKind::Rsa(4096), Some(4096)),
    };
    let mut names = Names::to_sign(&kind)?;
    if let Some(bits) = bits {
        names.key = names.key.number("modulusLength", Some(bits)).text("publicExponent", "AQAB");
    }
    Some(names)
}

/// A signature for WebCrypto to verify. Without `names` there is nothing that it could do, without
/// `signature` the signature is none.
#[must_use]
pub fn task(
    key: &PublicKey,
    algorithm: &SignatureAlgorithm,
    signed: &[u8],
    signature: &[u8],
) -> String {
    let form = match (coordinate_length(&key.kind), algorithm) {
        (Some(size), SignatureAlgorithm::Ecdsa(_)) => ecdsa::from_der(signature, size),
        _ => Some(signature.to_vec()),
    };
    Json::new()
        .json("names", &or_null(Names::of(&key.kind, algorithm).map(Names::json)))
        .text("spki", &base64::encode(&key.spki))
        .text("signed", &base64::encode(signed))
        .text_or_null("signature", form.map(base64::encode).as_deref())
        .end()
}

fn coordinate_length(kind: &KeyKind) -> Option<usize> {
    match kind {
        KeyKind::P256 => Some(32),
        KeyKind::P384 => Some(48),
        KeyKind::P521 => Some(66),
        _ => None,
    }
}

fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "SHA-1",
        Hash::Sha256 => "SHA-256",
        Hash::Sha384 => "SHA-384",
        Hash::Sha512 => "SHA-512",
    }
}

fn hash_length(hash: Hash) -> i64 {
    match hash {
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_type_of_key_can_be_made_and_signs() {
        for key_type in KeyType::ALL {
            let names = read(&to_generate(key_type).unwrap().json());
            let rsa = key_type.name().starts_with("rsa");
            assert_eq!(names["key"]["modulusLength"].is_number(), rsa, "{key_type:?}");
            assert!(names["signature"]["name"].is_string());
        }
    }

    #[test]
    fn an_ecdsa_signature_that_is_none_says_so() {
        let key = PublicKey { spki: vec![], bits: vec![], kind: KeyKind::P256 };
        let task = read(&task(&key, &SignatureAlgorithm::Ecdsa(Hash::Sha256), b"x", b"garbage"));
        assert!(task["signature"].is_null() && task["names"].is_object());
    }
}
