//! The CA to sign with: certificate and key from files.

use std::path::{Path, PathBuf};

use clap::Args;
use usercert_core::ca::authority::{Authority, AuthorityError};
use usercert_core::text::{shell_word, show_path};
use usercert_core::x509::certificate::{Certificate, CertificateError};
use usercert_core::x509::key::Verification;
use zeroize::Zeroizing;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::reading;
use crate::keys::{self, EncryptedKey, KEY_LIMIT, PrivateKey};
use crate::ui::host::Host;
use crate::workflow::own_request::warn_of_readers;

/// Longest CA file that is read, in bytes.
pub const CERTIFICATE_LIMIT: usize = 1024 * 1024;

/// Which CA to sign with.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "CA to sign with")]
pub struct AuthorityArgs {
    /// The CA's certificate, followed by the chain above it if it is an intermediate
    #[arg(long, value_name = "FILE", default_value = "ca.crt")]
    pub ca_cert: PathBuf,
    /// The CA's private key (PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", default_value = "ca.key")]
    pub ca_key: PathBuf,
    /// File whose first line is the passphrase of an encrypted key; asked for on a terminal otherwise
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

pub struct Ca {
    pub authority: Authority,
    pub key: PrivateKey,
}

impl AuthorityArgs {
    pub fn load(&self, host: &Host) -> Result<Ca> {
        let file = reading::read_limited(&self.ca_cert, CERTIFICATE_LIMIT).hint(
            "name the CA's certificate with --ca-cert; `kubectl usercert ca init` makes a CA",
        )?;
        let name = show_path(&self.ca_cert);
        let certificates = certificates(&file)
            .context(&name)
            .hint("name a file with the CA's certificate, PEM or DER, with --ca-cert")?;
        let key = self.key(host)?;
        let signed = |c: &Certificate, ca: &Certificate| {
            keys::verify(&ca.key, &c.signature_algorithm, &c.signed, &c.signature)
                != Verification::Invalid
        };
        let made = Authority::new(certificates, key.public(), host.now(), signed);
        let authority = made.map_err(|error| {
            let hint = way_out(&error);
            Error::from(error).hint(hint)
        });
        let authority =
            authority.map_err(|e| Error { message: format!("{name}: {}", e.message), ..e })?;
        let certificate = authority.certificate();
        if certificate.version == 1 {
            host.warn(format!(
                "warning: the CA {} is of X.509 version 1, which cannot say that it is a CA; newer programs may refuse it",
                certificate.subject.shown()
            ));
        }
        if authority.has_name_constraints() {
            host.warn(format!(
                "warning: the CA {}, or one above it, limits which names it may certify; whether a name is among them is not checked here",
                authority.certificate().subject.shown()
            ));
        }
        Ok(Ca { authority, key })
    }

    fn key(&self, host: &Host) -> Result<PrivateKey> {
        let data = reading::read_sensitive(&self.ca_key, KEY_LIMIT)
            .hint("name the CA's private key with --ca-key")?;
        let name = show_path(&self.ca_key);
        warn_of_readers(host, &self.ca_key);
        // Nobody is asked for a passphrase that would be of no use.
        let file = shell_word(&self.ca_key.display().to_string());
        let encrypted = EncryptedKey::find(&data)
            .context(&name)
            .hint(format!("convert it: openssl pkcs8 -topk8 -in {file} -out NEW.key"))?;
        let Some(encrypted) = encrypted else {
            return PrivateKey::read(&data).context(name);
        };
        let passphrase = match &self.passphrase_file {
            Some(file) => first_line(host, file)?,
            None => host
                .ask_secret(&format!("Passphrase of {name}:"))
                .hint("give the passphrase in a file, with --passphrase-file")?,
        };
        encrypted.open(&passphrase).context(name)
    }
}

/// What to do about a CA that cannot sign.
fn way_out(error: &AuthorityError) -> &'static str {
    match error {
        AuthorityError::OtherKey => {
            "name certificate and key of the same CA with --ca-cert and --ca-key"
        }
        AuthorityError::Unfit(_) => {
            "name another CA with --ca-cert and --ca-key; `kubectl usercert ca init` makes one"
        }
        AuthorityError::Expired(..) => {
            "renew the CA, or name another one with --ca-cert and --ca-key"
        }
        AuthorityError::NotYetValid(..) => "check the clock of this machine",
    }
}

fn first_line(host: &Host, file: &Path) -> Result<Zeroizing<String>> {
    let content = Zeroizing::new(host.input(file, KEY_LIMIT)?);
    let line = content.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Error::new("the passphrase is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

pub fn certificates(file: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    match Certificate::chain_from_pem(file) {
        Err(CertificateError::None) => Certificate::from_der(file).map(|one| vec![one]),
        other => other,
    }
}
