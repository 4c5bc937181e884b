//! `ca init`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::text::{shell_word, show, show_path};
use usercert_core::x509::identity::UserName;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime::{self, Lifetime, LifetimeError};

use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::Access;
use crate::files::set::{self, NewFile};
use crate::keys::{NewAuthority, PrivateKey};
use crate::ui::args::{DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;

/// Make a certificate authority: a key and a self-signed certificate
///
/// Neither file may exist yet. Whoever has the key can make certificates for anybody.
///
/// Example:
///
///   kubectl usercert ca init --name example-ca --ca-cert ca.crt --ca-key ca.key
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct InitArgs {
    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "ca.crt")]
    pub ca_cert: PathBuf,
    /// Where the private key goes: a new file that only you can read
    #[arg(long, value_name = "FILE", default_value = "ca.key")]
    pub ca_key: PathBuf,
    /// The CA's common name
    #[arg(long, value_name = "NAME", default_value = "kubernetes-ca")]
    pub name: String,
    /// Lifetime, such as 3650d or 520w
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", default_value = "3650d")]
    pub expires: String,
    /// Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub key_type: String,
    /// Maximum number of CAs below it in a chain, or none for no limit
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = parse_path_length)]
    pub path_length: PathLength,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLength(Option<u8>);

fn parse_path_length(text: &str) -> Result<PathLength, String> {
    match text {
        "none" => Ok(PathLength(None)),
        _ => text
            .parse()
            .map(|length| PathLength(Some(length)))
            .map_err(|_| "write a number from 0 to 255, or none".to_owned()),
    }
}

/// A CA may live longer than anything that can be asked of an API server.
fn seconds(text: &str) -> Result<i64, LifetimeError> {
    match text.parse::<Lifetime>() {
        Ok(lifetime) => Ok(lifetime.seconds().into()),
        Err(LifetimeError::TooLong(_)) => {
            Ok(lifetime::parse_duration(text).unwrap_or_default() / 1_000_000_000)
        }
        Err(error) => Err(error),
    }
}

pub fn run(host: &Host, args: &InitArgs) -> Result<Exit> {
    let name: UserName = args.name.parse().context("--name").usage()?;
    let lifetime = seconds(&args.expires).context("--expires").usage()?;
    let key_type: KeyType = args.key_type.parse().usage()?;
    for file in [&args.ca_cert, &args.ca_key] {
        if file.symlink_metadata().is_ok() {
            return Err(Error::new(format!("{} already exists", show_path(file)))
                .hint("nothing was written; name other files with --ca-cert and --ca-key"));
        }
    }
    let not_before = host.now().plus(-lifetime::BACKDATING);
    let not_after = not_before.plus(lifetime);
    if args.ca_cert == args.ca_key {
        return Err(Error::usage("--ca-cert and --ca-key name the same file"));
    }
    let key = PrivateKey::generate(key_type)?;
    let certificate = key.self_signed(&NewAuthority {
        name: name.as_str(),
        path_length: args.path_length.0,
        not_before,
        not_after,
    })?;
    let dry = args.dry_run.dry_run != DryRun::None;
    if !dry {
        let (key_pem, pem) = (key.to_pem(), certificate.to_pem());
        set::create(&[
            NewFile { path: &args.ca_key, content: key_pem.as_bytes(), access: Access::Private },
            NewFile { path: &args.ca_cert, content: pem.as_bytes(), access: Access::Public },
        ])
        .hint("name other files with --ca-cert and --ca-key")?;
    }
    let file = |path: &PathBuf| path.display().to_string();
    let (cert_file, key_file) = (file(&args.ca_cert), file(&args.ca_key));
    let value = output::object(
        "Authority",
        json!({
            "name": name, "certificateFile": cert_file, "keyFile": key_file,
            "key": key.public().kind.to_string(), "pathLength": args.path_length.0,
            "notBefore": not_before, "notAfter": not_after, "sha256": certificate.fingerprint(),
            "certificate": certificate.to_pem(), "dryRun": dry,
        }),
    );
    let mark = if dry { " (dry run)" } else { "" };
    output::print(host, args.output.format, &value, std::slice::from_ref(&cert_file), |_| {
        format!(
            "CA {name} ({}, {}) written to {}, its key to {}{mark}",
            key.public().kind,
            lifetime::expiry_in_words(not_after, host.now()),
            show(&cert_file),
            show(&key_file)
        )
    })?;
    if !dry {
        host.say(format!(
            "The key can sign for anybody: keep it where only you can read it, and keep a copy.\nSign with it:\n  kubectl usercert ca sign --ca-cert {} --ca-key {} -- REQUEST",
            shell_word(&cert_file),
            shell_word(&key_file)
        ));
    }
    Ok(Exit::Done)
}
