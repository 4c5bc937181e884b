//! Whether signatures are good.

use aws_lc_rs::signature as sig;
use usercert_core::x509::certificate::{Certificate, Chain};
use usercert_core::x509::chain;
use usercert_core::x509::key::{Hash, KeyKind, PublicKey, SignatureAlgorithm, Verification};
use usercert_core::x509::pkcs10::CertificateRequest;

/// Whether `signature` over `message` is good under `key`.
pub fn verify(
    key: &PublicKey,
    algorithm: &SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Verification {
    let Some(method) = method(&key.kind, algorithm) else {
        return match algorithm.excludes(&key.kind) {
            true => Verification::Invalid,
            false => Verification::Unsupported,
        };
    };
    match sig::UnparsedPublicKey::new(method, &key.bits).verify(message, signature) {
        Ok(()) => Verification::Valid,
        Err(_) => Verification::Invalid,
    }
}

fn method(
    kind: &KeyKind,
    algorithm: &SignatureAlgorithm,
) -> Option<&'static dyn sig::VerificationAlgorithm> {
    use Hash::{Sha1, Sha256, Sha384, Sha512};
    use SignatureAlgorithm::{Ecdsa, Ed25519, Rsa, RsaPss};
    Some(match (kind, algorithm) {
        (KeyKind::P256, Ecdsa(Sha256)) => &sig::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, Ecdsa(Sha384)) => &sig::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, Ecdsa(Sha512)) => &sig::ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, Ecdsa(Sha256)) => &sig::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, Ecdsa(Sha384)) => &sig::ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, Ecdsa(Sha512)) => &sig::ECDSA_P384_SHA512_ASN1,
        (KeyKind::P521, Ecdsa(Sha256)) => &sig::ECDSA_P521_SHA256_ASN1,
        (KeyKind::P521, Ecdsa(Sha384)) => &sig::ECDSA_P521_SHA384_ASN1,
        (KeyKind::P521, Ecdsa(Sha512)) => &sig::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Ed25519, Ed25519) => &sig::ED25519,
        (KeyKind::Rsa(1024..=8192), Rsa(Sha1)) => {
            &sig::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        (KeyKind::Rsa(1024..=2047), Rsa(Sha256)) => {
            &sig::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
        }
        (KeyKind::Rsa(1024..=2047), Rsa(Sha512)) => {
            &sig::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
        }
        (KeyKind::Rsa(2048..=8192), Rsa(Sha256)) => &sig::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa(2048..=8192), Rsa(Sha384)) => &sig::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa(2048..=8192), Rsa(Sha512)) => &sig::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Rsa(2048..=8192), RsaPss(Sha256)) => &sig::RSA_PSS_2048_8192_SHA256,
        (KeyKind::Rsa(2048..=8192), RsaPss(Sha384)) => &sig::RSA_PSS_2048_8192_SHA384,
        (KeyKind::Rsa(2048..=8192), RsaPss(Sha512)) => &sig::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

pub fn verify_request(request: &CertificateRequest) -> Verification {
    verify(&request.key, &request.signature_algorithm, &request.signed, &request.signature)
}

/// Whether one of a cluster's CA certificates signed `leaf`, possibly by way of `intermediates`.
pub fn verify_chain(
    leaf: &Certificate,
    intermediates: &[Certificate],
    ca: &[Certificate],
) -> Chain {
    let links = chain::links(leaf, intermediates, ca);
    let signatures: Vec<Verification> =
        links.iter().map(|link| signed_by(link.subject, link.issuer)).collect();
    chain::outcome(leaf, ca, &links, &signatures)
}

fn signed_by(certificate: &Certificate, issuer: &Certificate) -> Verification {
    verify(
        &issuer.key,
        &certificate.signature_algorithm,
        &certificate.signed,
        &certificate.signature,
    )
}
