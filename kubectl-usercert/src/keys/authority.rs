//! Certificates signed with our own keys: a CA's own, and those that it signs.

use aws_lc_rs::rand;
use usercert_core::ca::authority::{self, Authority, Leaf, NewAuthority, SERIAL_BYTES};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;
use usercert_core::x509::key::{PublicKey, SignatureAlgorithm, Verification};

use super::private_key::{KeyError, PrivateKey};
use super::verification::verify;

/// The last second of the year 9999: certificates know no later one.
const LAST: UnixTime = UnixTime(253_402_300_799);

fn random() -> Result<[u8; SERIAL_BYTES], KeyError> {
    let mut random = [0; SERIAL_BYTES];
    rand::fill(&mut random).map_err(|_| KeyError::Provider("make a random number"))?;
    Ok(random)
}

impl PrivateKey {
    pub fn self_signed(&self, new: &NewAuthority<'_>) -> Result<Certificate, KeyError> {
        if new.not_after > LAST {
            return Err(KeyError::Provider("write a date so far away"));
        }
        let algorithm = self.algorithm()?;
        let written = authority::own_to_be_signed(new, self.public(), &algorithm, random()?)?;
        self.signed(&written, &algorithm, self.public())
    }

    /// Signs a certificate as the key of `authority`.
    pub fn issue(&self, leaf: &Leaf, authority: &Authority) -> Result<Certificate, KeyError> {
        let algorithm = self.algorithm()?;
        let written = authority::to_be_signed(leaf, authority, &algorithm, random()?)?;
        self.signed(&written, &algorithm, &authority.certificate().key)
    }

    /// Signs what is to be signed, and makes sure that it verifies under the CA's key.
    fn signed(
        &self,
        to_be_signed: &[u8],
        algorithm: &SignatureAlgorithm,
        ca: &PublicKey,
    ) -> Result<Certificate, KeyError> {
        let signature = self.sign(algorithm, to_be_signed)?;
        let der = authority::assemble(to_be_signed, algorithm, &signature)?;
        let made = Certificate::from_der(&der)?;
        match verify(ca, &made.signature_algorithm, &made.signed, &made.signature) {
            Verification::Valid => Ok(made),
            _ => Err(KeyError::Provider("verify what it has signed")),
        }
    }
}

#[cfg(test)]
mod tests {
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
