//! Certificates signed with our own keys: a CA's own, and those that it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, SerialNumber, SigningKey,
};
use usercert_core::ca::authority::{self, Authority, Leaf};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::key::{Hash, SignatureAlgorithm, Verification};

use super::private_key::{KeyError, PrivateKey};
use super::random::random;
use super::verification::verify;

#[derive(Clone, Debug)]
pub struct NewAuthority<'a> {
    pub name: &'a str,
    /// How many CAs may be below it; `None` is no limit.
    pub path_length: Option<u8>,
    pub not_before: UnixTime,
    pub not_after: UnixTime,
}

/// A key together with the algorithm that it signs with, for rcgen.
struct Signing<'a> {
    key: &'a PrivateKey,
    algorithm: SignatureAlgorithm,
    rcgen: &'static rcgen::SignatureAlgorithm,
}

impl PublicKeyData for Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.key.public().bits
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.rcgen
    }
}

impl SigningKey for Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign(&self.algorithm, message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

impl PrivateKey {
    fn signing(&self) -> Result<Signing<'_>, KeyError> {
        let algorithm = self.algorithm()?;
        let rcgen = match &algorithm {
            SignatureAlgorithm::Ecdsa(Hash::Sha256) => &rcgen::PKCS_ECDSA_P256_SHA256,
            SignatureAlgorithm::Ecdsa(Hash::Sha384) => &rcgen::PKCS_ECDSA_P384_SHA384,
            SignatureAlgorithm::Ed25519 => &rcgen::PKCS_ED25519,
            SignatureAlgorithm::Rsa(Hash::Sha512) => &rcgen::PKCS_RSA_SHA512,
            SignatureAlgorithm::Rsa(Hash::Sha384) => &rcgen::PKCS_RSA_SHA384,
            SignatureAlgorithm::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
            _ => return Err(KeyError::Kind(self.public().kind.clone())),
        };
        Ok(Signing { key: self, algorithm, rcgen })
    }

    pub fn self_signed(&self, new: &NewAuthority<'_>) -> Result<Certificate, KeyError> {
        let signing = self.signing()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, new.name);
        params.is_ca = IsCa::Ca(match new.path_length {
            Some(length) => BasicConstraints::Constrained(length),
            None => BasicConstraints::Unconstrained,
        });
        // As kubeadm's CAs, which sign certificates and no revocation lists.
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key_id = authority::key_identifier(self.public());
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id);
        params.serial_number = Some(SerialNumber::from(authority::serial(random()?).to_vec()));
        let date = |at: UnixTime| {
            time::OffsetDateTime::from_unix_timestamp(at.0)
                .map_err(|_| KeyError::Provider("write a date so far away"))
        };
        params.not_before = date(new.not_before)?;
        params.not_after = date(new.not_after)?;
        let made = params.self_signed(&signing).map_err(|_| KeyError::Provider("sign"))?;
        Ok(Certificate::from_der(made.der())?)
    }

    /// Signs a certificate as the key of `authority`, and makes sure that it verifies.
    pub fn issue(&self, leaf: &Leaf, authority: &Authority) -> Result<Certificate, KeyError> {
        let algorithm = self.algorithm()?;
        let to_be_signed = authority::to_be_signed(leaf, authority, &algorithm, random()?)?;
        let signature = self.sign(&algorithm, &to_be_signed)?;
        let der = authority::assemble(&to_be_signed, &algorithm, &signature)?;
        let made = Certificate::from_der(&der)?;
        let ca = &authority.certificate().key;
        match verify(ca, &made.signature_algorithm, &made.signed, &made.signature) {
            Verification::Valid => Ok(made),
            _ => Err(KeyError::Provider("verify what it has signed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use usercert_core::ca::authority::SERIAL_BYTES;
    use usercert_core::ca::profile;
    use usercert_core::x509::identity::Identity;
    use usercert_core::x509::key::KeyType;

    use super::*;
    use crate::keys::verify_chain;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    #[test]
    fn every_kind_of_key_signs_as_an_authority() {
        let identity = Identity::parse("alice", &["dev", "ops"]).unwrap();
        let request =
            PrivateKey::generate(KeyType::P256).unwrap().certificate_request(&identity).unwrap();
        for key_type in KeyType::ALL {
            let key = PrivateKey::generate(key_type).unwrap();
            let new = NewAuthority {
                name: "ca",
                path_length: Some(0),
                not_before: NOW.plus(-300),
                not_after: NOW.plus(1_000_000),
            };
            let ca = key.self_signed(&new).unwrap();
            assert!(ca.is_ca && ca.is_self_issued());
            assert_eq!((ca.not_before, ca.not_after), (new.not_before, new.not_after));
            assert_eq!(ca.key, *key.public());
            assert_eq!(ca.subject_key_id, Some(authority::key_identifier(&ca.key)));
            assert_eq!(ca.serial.len(), 2 * SERIAL_BYTES);
            let authority =
                Authority::new(vec![ca.clone()], key.public(), NOW, |_, _| true).unwrap();
            let cluster =
                profile::ClusterNames { domain: String::new(), service_addresses: Vec::new() };
            let order = authority::CertificateOrder {
                profile: profile::user(),
                key: authority::Key::Requested(&request),
                name: None,
                alternative_names: &[],
                cluster: &cluster,
                lifetime: "24h".parse().unwrap(),
            };
            let leaf = authority::leaf(&order, &authority, NOW).unwrap();
            let issued = key.issue(&leaf, &authority).unwrap();
            let chain = verify_chain(&issued, &[], &[ca]);
            assert_eq!(
                chain,
                usercert_core::x509::certificate::Chain::Issuer(Verification::Valid),
                "{key_type:?}"
            );
            assert_eq!(issued.subject.groups(), identity.group_set());
        }
    }
}
