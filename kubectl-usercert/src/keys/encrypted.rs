//! Private keys under a passphrase (PKCS#8 with PBES2, RFC 5958 and RFC 8018).

use pkcs8::EncryptedPrivateKeyInfoRef;
use usercert_core::key::PrivateKeyError;
use usercert_core::pem;
use zeroize::Zeroizing;

use super::{KeyError, PrivateKey};

/// Whether the first private key in `data` is encrypted.
#[must_use]
pub fn is_encrypted(data: &[u8]) -> bool {
    matches!(usercert_core::key::to_pkcs8(data), Err(PrivateKeyError::Encrypted))
        || EncryptedPrivateKeyInfoRef::try_from(data).is_ok()
}

impl PrivateKey {
    /// Reads an encrypted key from a file's content: an `ENCRYPTED PRIVATE KEY` in PEM, or its DER.
    ///
    /// # Errors
    /// Another form of encryption, a wrong passphrase, or a kind of key that cannot be used.
    pub fn read_encrypted(data: &[u8], passphrase: &str) -> Result<Self, KeyError> {
        let blocks = pem::all(data);
        let block = blocks.iter().find(|b| b.label.ends_with("PRIVATE KEY"));
        let der = match block {
            None => data,
            Some(b) if b.label == "ENCRYPTED PRIVATE KEY" => b.der.as_slice(),
            Some(_) => return Err(KeyError::OldEncryption),
        };
        // Not read are, beside damaged ones, those of PBES1.
        let info =
            EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::OldEncryption)?;
        let opened = info.decrypt(passphrase).map_err(|_| KeyError::Passphrase)?;
        Self::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `openssl genpkey … | openssl pkcs8 -topk8 -v2 aes-256-cbc` and `… -scrypt`.
    const PBKDF2: &[u8] = include_bytes!("../../tests/data/encrypted-pbkdf2.pem");
    const SCRYPT: &[u8] = include_bytes!("../../tests/data/encrypted-scrypt.pem");

    #[test]
    fn keys_of_openssl_are_opened_with_their_passphrase_only() {
        for file in [PBKDF2, SCRYPT] {
            assert!(is_encrypted(file));
            assert!(PrivateKey::read_encrypted(file, "correct horse").is_ok());
            let wrong = PrivateKey::read_encrypted(file, "wrong");
            assert!(matches!(wrong, Err(KeyError::Passphrase)));
            let der = pem::all(file).remove(0).der;
            assert!(is_encrypted(&der));
            assert!(PrivateKey::read_encrypted(&der, "correct horse").is_ok());
        }
        // As `openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES` begins it: PBES1.
        let old = b"\x30\x1c\x30\x1a\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03\x30\x0c\x04\x08\0\0\0\0\0\0\0\0\x04\0";
        let old = pem::encode("ENCRYPTED PRIVATE KEY", old);
        let refused = PrivateKey::read_encrypted(old.as_bytes(), "x");
        assert!(matches!(refused, Err(KeyError::OldEncryption)));
    }
}
