//! `request NAME`.

mod offline;
mod submit;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use usercert_core::api::csr::{self, CLIENT_AUTH, CLIENT_SIGNER, Manifest, Object};
use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::review::{self, Severity};
use usercert_core::text::{shell_word, show};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;
use usercert_core::x509::pkcs10::{self, CertificateRequest};

use super::install;
use super::renew::Renewed;
use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Exit, Result, ResultExt as _};
use crate::files::reading;
use crate::keys::PrivateKey;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Expires, Format, OutputArgs, TimeoutArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::await_certificate;
use crate::workflow::pending_request::{self, Record, Submitted};

/// Longest key file that is read, in bytes.
pub const KEY_LIMIT: usize = 64 * 1024;

/// Make a key and a request for access, and submit the request
///
/// The key is made on this machine and stays here. The request goes to the cluster, where an admin
/// approves it; the line to send to the admin is printed with the request's code, so that both can
/// make sure that they look at the same request. Running the same command again takes up an
/// unfinished request instead of making a second one.
///
/// Examples:
///
///   kubectl usercert request alice -g dev -g ops
///
///   kubectl usercert request alice --offline --out-dir .     # no access to the cluster needed
///
///   kubectl usercert request alice --dry-run=client -o yaml  # see the object, send nothing
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RequestArgs {
    /// User name that the certificate will carry
    pub name: String,
    /// Group that the certificate will carry; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Lifetime to ask for, as 24h, 30d or 12w; "signer" leaves it to the signer
    #[arg(long, value_name = "DURATION", default_value_t = default_expires())]
    pub expires: String,
    /// Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", default_value = "p256", conflicts_with = "key")]
    pub key_type: String,
    /// Use the key in this file (PKCS#8, PKCS#1 or SEC1) instead of making one
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Signer to ask
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    /// Name for the CertificateSigningRequest, instead of the user's
    #[arg(long, value_name = "NAME")]
    pub csr_name: Option<String>,
    /// Stay, and install the certificate once it is issued
    #[arg(long, conflicts_with = "offline")]
    pub wait: bool,
    /// Talk to no cluster: print the request, to be handed to an admin
    #[arg(long)]
    pub offline: bool,
    /// Put NAME.key, NAME.csr and NAME.yaml into this directory instead of the state folder; it is made if
    /// it is missing
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    #[arg(skip)]
    renewed: Option<Renewed>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    client: ClientArgs,
}

fn default_expires() -> String {
    lifetime::default_lifetime().to_string()
}

/// What is asked for, checked.
struct Asked {
    identity: Identity,
    expires: Expires,
    key_type: KeyType,
    csr_name: String,
    usages: Vec<String>,
}

impl RequestArgs {
    /// What `renew` asks for: for `(user, groups)`, with `(lifetime, kind of key, signer)`.
    #[must_use]
    pub fn renewing(
        (name, groups): (String, Vec<String>),
        (expires, key_type, signer): (String, String, String),
        renewed: Renewed,
        output: OutputArgs,
        dry_run: DryRunArgs,
        timeout: TimeoutArgs,
        client: ClientArgs,
    ) -> Self {
        Self {
            name,
            groups,
            expires,
            key_type,
            key: None,
            signer,
            csr_name: None,
            wait: true,
            offline: false,
            out_dir: None,
            renewed: Some(renewed),
            output,
            dry_run,
            timeout,
            client,
        }
    }

    fn asked(&self) -> Result<Asked> {
        let identity = Identity::parse(&self.name, &self.groups).usage()?;
        let csr_name =
            self.csr_name.clone().unwrap_or_else(|| csr::name_for_user(identity.user.as_str()));
        csr::check_name(&csr_name).usage().hint("choose another with --csr-name")?;
        Ok(Asked {
            expires: self.expires.parse::<Expires>().context("--expires").usage()?,
            key_type: self.key_type.parse::<KeyType>().usage()?,
            usages: vec![CLIENT_AUTH.to_owned()],
            identity,
            csr_name,
        })
    }

    fn record(
        &self,
        asked: &Asked,
        csr: &CertificateRequest,
        submitted: Option<Submitted>,
    ) -> Record {
        Record {
            identity: asked.identity.clone(),
            request: pkcs10::to_pem(&csr.der),
            code: csr.code().short(),
            signer_name: self.signer.clone(),
            expiration_seconds: asked.expires.lifetime().map(lifetime::Lifetime::seconds),
            submitted,
        }
    }

    fn manifest(&self, asked: &Asked, name: &str, csr: &CertificateRequest) -> Value {
        Manifest {
            name,
            request_der: &csr.der,
            signer_name: &self.signer,
            usages: &asked.usages,
            lifetime: asked.expires.lifetime(),
        }
        .to_value()
    }

    /// The key to use: the given file's or a new one.
    fn make_key(&self, asked: &Asked) -> Result<PrivateKey> {
        match &self.key {
            Some(file) => read_key(file),
            None => Ok(PrivateKey::generate(asked.key_type)?),
        }
    }
}

/// Reads a private key file.
///
/// # Errors
/// Unreadable, no key, encrypted, or of a kind that cannot be used; the file is named.
pub fn read_key(file: &Path) -> Result<PrivateKey> {
    let data = reading::read_sensitive(file, KEY_LIMIT)?;
    PrivateKey::read(&data).context(show(&file.display().to_string())).hint(
        "an encrypted key is decrypted with `openssl pkey -in FILE -out NEW`; a new key is made by leaving --key out",
    )
}

/// A key with its request, and whether it was taken up from an earlier run.
struct Made {
    key: PrivateKey,
    csr: CertificateRequest,
    taken_up: bool,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &RequestArgs) -> Result<Exit> {
    let asked = args.asked()?;
    for finding in review::review_names(&asked.identity) {
        let refused = match finding.severity {
            Severity::Refuse | Severity::Hard => "; an approver has to accept that by name",
            _ => "",
        };
        host.warn(format!("warning: {} [{}]{refused}", finding.message, finding.code.as_str()));
    }
    if args.dry_run.dry_run == DryRun::Client {
        return dry_run(host, args, &asked);
    }
    if args.offline {
        return offline::offline(host, args, &asked);
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    if args.dry_run.dry_run == DryRun::Server {
        return dry_run_server(host, args, &asked, &cluster).await;
    }
    let (object, made) = match &args.out_dir {
        Some(dir) => submit::from_files(host, args, &asked, &cluster, dir).await?,
        None => submit::from_store(host, args, &asked, &target, &cluster).await?,
    };
    // With --wait the result is the installation's.
    report(host, args, &asked, &object, &made)?;
    if args.wait {
        let install = install::InstallArgs::after_request(
            args.name.clone(),
            object.metadata.name.clone(),
            args.client.clone(),
            args.timeout.clone(),
            args.out_dir.as_deref().map(|d| d.join(safe_file_name(&args.name, "key"))),
            args.output.clone(),
        );
        let install = match &args.renewed {
            Some(renewed) => install.renewing(renewed.clone()),
            None => install,
        };
        return install::run(host, &install).await;
    }
    Ok(Exit::Done)
}

fn dry_run(host: &Host, args: &RequestArgs, asked: &Asked) -> Result<Exit> {
    let key = args.make_key(asked)?;
    let csr = key.certificate_request(&asked.identity)?;
    if args.key.is_none() && args.renewed.is_none() {
        host.warn(
            "note: the key of this dry run is thrown away, so the request below is of no use;\n      \
             to keep the key and submit later: kubectl usercert request NAME --offline",
        );
    }
    print_manifest(host, args, &args.manifest(asked, &asked.csr_name, &csr), "(dry run)")
}

async fn dry_run_server(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    cluster: &Cluster,
) -> Result<Exit> {
    let key = args.make_key(asked)?;
    let csr = key.certificate_request(&asked.identity)?;
    let attempt = |name: String| {
        let manifest = args.manifest(asked, &name, &csr);
        async move { cluster.create_csr(&manifest, true).await }
    };
    let mut made = attempt(asked.csr_name.clone()).await;
    if args.csr_name.is_none() && made.as_ref().is_err_and(|e| e.reason() == "AlreadyExists") {
        // As the real run does, under a name that is free.
        made = attempt(csr::name_with_key(&asked.csr_name, &csr.key)).await;
    }
    let made = made.map_err(|e| explain(&e, &cluster.server, &Need::Create))?;
    print_manifest(host, args, made.raw(), "(server dry run)")
}

fn print_manifest(host: &Host, args: &RequestArgs, manifest: &Value, what: &str) -> Result<Exit> {
    let name = manifest.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let name = format!("{}/{name}", csr::RESOURCE);
    let text = format!("{} created {what}", show(&name));
    output::print(host, args.output.format, manifest, &[name], |_| text)?;
    Ok(Exit::Done)
}

/// Key and request from the state folder if an earlier run left them there, else new ones.
fn take_up_or_make(
    args: &RequestArgs,
    asked: &Asked,
    earlier: Option<&pending_request::Pending>,
) -> Result<Option<Made>> {
    let Some(earlier) = earlier else {
        let key = args.make_key(asked)?;
        let csr = key.certificate_request(&asked.identity)?;
        return Ok(Some(Made { key, csr, taken_up: false }));
    };
    let same =
        earlier.record.identity == asked.identity && earlier.record.signer_name == args.signer;
    if !same {
        return Ok(None);
    }
    let key = earlier.key()?;
    if let Some(file) = &args.key
        && read_key(file)?.public() != key.public()
    {
        return Ok(None);
    }
    Ok(Some(Made { key, csr: earlier.request()?, taken_up: true }))
}

fn report(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    object: &Object,
    made: &Made,
) -> Result<()> {
    let user = asked.identity.user.as_str();
    let code = made.csr.code();
    let approve = await_certificate::approve_line(object);
    let mut install = "kubectl usercert install".to_owned();
    install.push_str(&args.client.repeated());
    match (&args.out_dir, &args.key) {
        (Some(_), Some(key)) => {
            install.push_str(&format!(" --key {}", shell_word(&key.display().to_string())))
        }
        (Some(dir), None) => {
            let key = dir.join(safe_file_name(user, "key"));
            install.push_str(&format!(" --key {}", shell_word(&key.display().to_string())));
        }
        (None, _) => {}
    }
    if args.csr_name.is_some() {
        install.push_str(&format!(" --csr-name {}", shell_word(&object.metadata.name)));
    }
    install.push_str(&format!(" -- {}", shell_word(user)));
    let value = output::object(
        "Request",
        json!({
            "name": object.metadata.name, "uid": object.metadata.uid,
            "user": user, "groups": asked.identity.groups,
            "code": code.short(), "sha256": code.full(),
            "submitted": true, "takenUp": made.taken_up, "state": object.state().name(),
            "commands": { "approve": approve, "install": install },
        }),
    );
    let name = format!("{}/{}", csr::RESOURCE, object.metadata.name);
    let verb = if made.taken_up { "unchanged (taken up again)" } else { "created" };
    if args.wait {
        host.say(format!(
            "{} {verb}\nCode {code}\n\nSend this line to an admin:\n  {approve}",
            show(&name)
        ));
        return Ok(());
    }
    output::print(host, args.output.format, &value, std::slice::from_ref(&name), |wide| {
        let mut text = format!("{} {verb}\n", show(&name));
        if wide {
            text.push_str(&format!("sha256 {}\n", code.full()));
        }
        text
    })?;
    if args.output.format.is_none() || args.output.format == Some(Format::Wide) {
        host.say(format!("Code {code}\n\nSend this line to an admin:\n  {approve}"));
        host.say(format!("Once it is approved:\n  {install}"));
    }
    Ok(())
}
