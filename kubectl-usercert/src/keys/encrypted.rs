//! Private keys under a passphrase (PKCS#8 with PBES2, RFC 5958 and RFC 8018).

use pkcs8::EncryptedPrivateKeyInfoRef;
use usercert_core::x509::key::{self, PrivateKeyError};
use zeroize::Zeroizing;

use super::private_key::{KeyError, PrivateKey};

pub struct EncryptedKey {
    der: Vec<u8>,
}

impl EncryptedKey {
    /// The first private key in a file's content, if it is encrypted: an `ENCRYPTED PRIVATE KEY` in PEM,
    /// or its DER.
    ///
    /// # Errors
    /// It is encrypted in another way.
    pub fn find(data: &[u8]) -> Result<Option<Self>, KeyError> {
        // Not among them are, beside damaged ones, those of PBES1.
        let is_known = |der: &[u8]| EncryptedPrivateKeyInfoRef::try_from(der).is_ok();
        if is_known(data) {
            return Ok(Some(Self { der: data.to_vec() }));
        }
        if !matches!(key::to_pkcs8(data), Err(PrivateKeyError::Encrypted)) {
            return Ok(None);
        }
        match key::pem_block(data) {
            Some(b) if b.label == "ENCRYPTED PRIVATE KEY" && is_known(&b.der) => {
                Ok(Some(Self { der: b.der }))
            }
            _ => Err(KeyError::OldEncryption),
        }
    }

    pub fn open(&self, passphrase: &str) -> Result<PrivateKey, KeyError> {
        let info = EncryptedPrivateKeyInfoRef::try_from(self.der.as_slice())
            .map_err(|_| KeyError::OldEncryption)?;
        let opened = info.decrypt(passphrase).map_err(|_| KeyError::Passphrase)?;
        PrivateKey::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use usercert_core::encoding::pem;

    use super::*;

    // Made by `openssl genpkey … | openssl pkcs8 -topk8 -v2 aes-256-cbc` and `… -scrypt`.
    const PBKDF2: &[u8] = include_bytes!("../../tests/data/encrypted-pbkdf2.pem");
    const SCRYPT: &[u8] = include_bytes!("../../tests/data/encrypted-scrypt.pem");

    #[test]
    fn keys_of_openssl_are_opened_with_their_passphrase_only() {
        for file in [PBKDF2, SCRYPT] {
            let der = pem::all(file).remove(0).der;
            let quoted = String::from_utf8_lossy(file).replace("\n", "\n> ");
            let quoted = format!("> {quoted}");
            for form in [file, &der, quoted.as_bytes()] {
                let key = EncryptedKey::find(form).unwrap().unwrap();
                assert!(key.open("correct horse").is_ok());
                assert!(matches!(key.open("wrong"), Err(KeyError::Passphrase)));
            }
        }
        // As `openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES` begins it: PBES1.
        let old = b"\x30\x1c\x30\x1a\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03\x30\x0c\x04\x08\0\0\0\0\0\0\0\0\x04\0";
        let old = pem::encode("ENCRYPTED PRIVATE KEY", old);
        let refused = EncryptedKey::find(old.as_bytes());
        assert!(matches!(refused, Err(KeyError::OldEncryption)));
    }
}
