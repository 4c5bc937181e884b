//! What WebCrypto calls the keys and signature algorithms that core knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use usercert_core::ecdsa;
use usercert_core::key::{Hash, KeyKind, KeyType, PublicKey, SignatureAlgorithm};

/// The two arguments by which WebCrypto is told what to do.
pub struct Names {
    /// For `generateKey` and `importKey`.
    pub key: Value,
    /// For `sign` and `verify`.
    pub signature: Value,
}

impl Names {
    /// The names for this kind of key and this algorithm; `None` where WebCrypto has none.
    #[must_use]
    pub fn of(kind: &KeyKind, algorithm: &SignatureAlgorithm) -> Option<Self> {
        let (key, signature) = match (kind, algorithm) {
            (KeyKind::P256 | KeyKind::P384 | KeyKind::P521, SignatureAlgorithm::Ecdsa(hash)) => (
                json!({ "name": "ECDSA", "namedCurve": kind.to_string() }),
                json!({ "name": "ECDSA", "hash": hash_name(*hash) }),
            ),
            (KeyKind::Ed25519, SignatureAlgorithm::Ed25519) => {
                (json!({ "name": "Ed25519" }), json!({ "name": "Ed25519" }))
            }
            (KeyKind::Rsa(_), SignatureAlgorithm::Rsa(hash)) => (
                json!({ "name": "RSASSA-PKCS1-v1_5", "hash": hash_name(*hash) }),
                json!({ "name": "RSASSA-PKCS1-v1_5" }),
            ),
            (KeyKind::Rsa(_), SignatureAlgorithm::RsaPss(hash)) => (
                json!({ "name": "RSA-PSS", "hash": hash_name(*hash) }),
                json!({ "name": "RSA-PSS", "saltLength": hash_length(*hash) }),
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
    pub fn into_value(self) -> Value {
        json!({ "key": self.key, "signature": self.signature })
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
        names.key["modulusLength"] = bits.into();
        names.key["publicExponent"] = "AQAB".into();
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
) -> Value {
    let form = match (coordinate_length(&key.kind), algorithm) {
        (Some(size), SignatureAlgorithm::Ecdsa(_)) => ecdsa::from_der(signature, size),
        _ => Some(signature.to_vec()),
    };
    json!({
        "names": Names::of(&key.kind, algorithm).map(Names::into_value),
        "spki": STANDARD.encode(&key.spki),
        "signed": STANDARD.encode(signed),
        "signature": form.map(|bytes| STANDARD.encode(bytes)),
    })
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

fn hash_length(hash: Hash) -> u8 {
    match hash {
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_key_can_be_made_and_signs() {
        for key_type in KeyType::ALL {
            let names = to_generate(key_type).unwrap();
            let rsa = key_type.name().starts_with("rsa");
            assert_eq!(names.key["modulusLength"].is_number(), rsa, "{key_type:?}");
            assert!(names.signature["name"].is_string());
        }
    }

    #[test]
    fn an_ecdsa_signature_that_is_none_says_so() {
        let key = PublicKey { spki: vec![], bits: vec![], kind: KeyKind::P256 };
        let task = task(&key, &SignatureAlgorithm::Ecdsa(Hash::Sha256), b"x", b"garbage");
        assert!(task["signature"].is_null() && task["names"].is_object());
    }
}
