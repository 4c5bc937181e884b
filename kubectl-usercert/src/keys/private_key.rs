//! Private keys: made, read, and signing.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use usercert_core::ca::authority::EncodeError;
use usercert_core::encoding::pem;
use usercert_core::x509::certificate::CertificateError;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::{
    self, Hash, KeyKind, KeyType, PrivateKeyError, PublicKey, SignatureAlgorithm,
};
use usercert_core::x509::pkcs10::{self, CertificateRequest};
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the cryptography provider could not {0}")]
    Provider(&'static str),
    #[error(transparent)]
    Unusable(#[from] PrivateKeyError),
    /// A kind of key that requests are not made with.
    #[error(
        "a key of the kind {0} cannot be used: use p256, p384, ed25519, or RSA of at least 2048 bits"
    )]
    Kind(KeyKind),
    #[error(transparent)]
    Csr(#[from] pkcs10::CsrError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the private key is encrypted in an old format that is not supported")]
    OldEncryption,
    #[error("the passphrase does not decrypt the private key")]
    Passphrase,
}

enum Signer {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// A private key. Its bytes are wiped when it is dropped.
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    signer: Signer,
    public: PublicKey,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.public.kind)
    }
}

impl PrivateKey {
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Provider("make a key");
        let random = SystemRandom::new();
        let pkcs8 = match key_type {
            KeyType::P256 => {
                let der =
                    EcdsaKeyPair::generate_pkcs8(&sig::ECDSA_P256_SHA256_ASN1_SIGNING, &random);
                Zeroizing::new(der.map_err(failed)?.as_ref().to_vec())
            }
            KeyType::P384 => {
                let der =
                    EcdsaKeyPair::generate_pkcs8(&sig::ECDSA_P384_SHA384_ASN1_SIGNING, &random);
                Zeroizing::new(der.map_err(failed)?.as_ref().to_vec())
            }
            // Version 1, without the public key: OpenSSL 3.0 cannot read version 2.
            KeyType::Ed25519 => {
                let der = Ed25519KeyPair::generate_pkcs8v1(&random).map_err(failed)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
            KeyType::Rsa2048 => generate_rsa(KeySize::Rsa2048)?,
            KeyType::Rsa3072 => generate_rsa(KeySize::Rsa3072)?,
            KeyType::Rsa4096 => generate_rsa(KeySize::Rsa4096)?,
        };
        Self::from_pkcs8(pkcs8)
    }

    /// Reads a key from a file's content: PEM or DER; PKCS#8, PKCS#1 or SEC1.
    pub fn read(data: &[u8]) -> Result<Self, KeyError> {
        Self::from_pkcs8(key::to_pkcs8(data)?)
    }

    pub(super) fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let kind = key::kind_of_pkcs8(&pkcs8)
            .ok_or(PrivateKeyError::Malformed("its algorithm is unknown"))?;
        let ecdsa = |algorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8)
                .map(Signer::Ecdsa)
                .map_err(|_| PrivateKeyError::Malformed("it is damaged"))
        };
        let signer = match kind {
            KeyKind::P256 => ecdsa(&sig::ECDSA_P256_SHA256_ASN1_SIGNING)?,
            KeyKind::P384 => ecdsa(&sig::ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyKind::P521 => ecdsa(&sig::ECDSA_P521_SHA512_ASN1_SIGNING)?,
            KeyKind::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8)
                .map(Signer::Ed25519)
                .map_err(|_| PrivateKeyError::Malformed("it is damaged"))?,
            KeyKind::Rsa(bits) if (2048..=8192).contains(&bits) => RsaKeyPair::from_pkcs8(&pkcs8)
                .map(|pair| Signer::Rsa(Box::new(pair)))
                .map_err(|_| PrivateKeyError::Malformed("it is damaged"))?,
            kind => return Err(KeyError::Kind(kind)),
        };
        let failed = |_| KeyError::Provider("encode the public key");
        let spki = match &signer {
            Signer::Ecdsa(pair) => pair.public_key().as_der().map_err(failed)?.as_ref().to_vec(),
            Signer::Ed25519(pair) => pair.public_key().as_der().map_err(failed)?.as_ref().to_vec(),
            Signer::Rsa(pair) => pair.public_key().as_der().map_err(failed)?.as_ref().to_vec(),
        };
        let public =
            PublicKey::from_spki(&spki).ok_or(KeyError::Provider("encode the public key"))?;
        Ok(Self { pkcs8, signer, public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// PKCS#8 in PEM, as kubectl and everything else reads it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    pub(super) fn algorithm(&self) -> Result<SignatureAlgorithm, KeyError> {
        SignatureAlgorithm::for_key(&self.public.kind)
            .ok_or_else(|| KeyError::Kind(self.public.kind.clone()))
    }

    pub(super) fn sign(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Provider("sign");
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Ecdsa(pair) => {
                Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec())
            }
            Signer::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Signer::Rsa(pair) => {
                let padding = match algorithm {
                    SignatureAlgorithm::Rsa(Hash::Sha512) => &sig::RSA_PKCS1_SHA512,
                    SignatureAlgorithm::Rsa(Hash::Sha384) => &sig::RSA_PKCS1_SHA384,
                    _ => &sig::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }

    pub fn certificate_request(&self, identity: &Identity) -> Result<CertificateRequest, KeyError> {
        let algorithm = self.algorithm()?;
        let to_be_signed = pkcs10::to_be_signed(identity, &self.public.spki)?;
        let signature = self.sign(&algorithm, &to_be_signed)?;
        let der = pkcs10::assemble(&to_be_signed, &algorithm, &signature)?;
        Ok(CertificateRequest::from_der(&der)?)
    }
}

fn generate_rsa(size: KeySize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |_| KeyError::Provider("make a key");
    let pair = RsaKeyPair::generate(size).map_err(failed)?;
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use usercert_core::x509::key::Verification;

    use super::*;
    use crate::keys::verify_request;

    #[test]
    fn every_kind_of_key_signs_a_request_that_verifies() {
        let identity = Identity::parse("alice", &["dev", "ops"]).unwrap();
        for key_type in KeyType::ALL {
            let key = PrivateKey::generate(key_type).unwrap();
            let request = key.certificate_request(&identity).unwrap();
            assert_eq!(verify_request(&request), Verification::Valid, "{key_type:?}");
            assert_eq!(request.subject.user(), "alice");
            assert_eq!(request.subject.groups(), identity.group_set());
            assert!(request.strict);
            assert_eq!(request.key, *key.public());
            let again = PrivateKey::read(key.to_pem().as_bytes()).unwrap();
            assert_eq!(again.public(), key.public());
        }
    }

    #[test]
    fn a_changed_request_does_not_verify() {
        let key = PrivateKey::generate(KeyType::P256).unwrap();
        let mut request =
            key.certificate_request(&Identity::parse("alice", &["dev"]).unwrap()).unwrap();
        request.signed[20] ^= 1;
        assert_eq!(verify_request(&request), Verification::Invalid);
        request.signature_algorithm = SignatureAlgorithm::Rsa(Hash::Sha256);
        assert_eq!(verify_request(&request), Verification::Invalid, "by no key of this kind");
        request.signature_algorithm = SignatureAlgorithm::Other("1.2.3".to_owned());
        assert_eq!(verify_request(&request), Verification::Unsupported);
    }
}
