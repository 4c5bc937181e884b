//! `request NAME`.

mod offline;
mod withdraw;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::api::csr::{self, CLIENT_SIGNER};
use usercert_core::exchange::command_lines;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;

use crate::cluster::Target;
use crate::error::{Exit, Result, ResultExt as _};
use crate::files::named;
use crate::ui::args::{
    ClientArgs, DryRun, DryRunArgs, Expires, Format, Timeout, WideOutputArgs, parse_timeout,
};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::await_certificate;
use crate::workflow::installation;
use crate::workflow::own_request::{KeySource, RequestSpec, warn_of_readers};
use crate::workflow::pending_request;
use crate::workflow::placement::{self, Placement};
use crate::workflow::submission::{self, SubmittedRequest};

/// Make a key and a request for access, and submit the request
///
/// The key is made on this machine and stays here. An admin reviews and approves the request; both
/// compare its code. To resume an unfinished request, run the same command again.
///
/// Examples:
///
///   # Ask, wait for the approval, install, and switch to the new context
///   kubectl usercert request alice -g dev --wait --use
///
///   # Ask now, install later
///   kubectl usercert request alice -g dev -g ops
///
///   # Without access to the cluster: a file for the admin
///   kubectl usercert request alice --offline -o yaml > alice.yaml
///
///   # Withdraw a request that was a mistake
///   kubectl usercert request alice -g dve --withdraw
///
///   # See the object, send nothing
///   kubectl usercert request alice --dry-run=client -o yaml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RequestArgs {
    /// User name that the certificate will carry
    pub name: String,
    /// Group that the certificate will carry; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Lifetime to request, such as 24h, 30d or 12w; "signer" leaves it to the signer
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", default_value_t = default_expires())]
    pub expires: String,
    /// Kind of key: p256 (the default), p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", conflicts_with = "key")]
    pub key_type: Option<String>,
    /// Use the key in this file (PKCS#8, PKCS#1 or SEC1) instead of making one
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Signer to request the certificate from
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    /// Name for the CertificateSigningRequest, instead of the user's
    #[arg(long, value_name = "NAME")]
    pub csr_name: Option<String>,
    /// Wait for the approval, then install the certificate
    #[arg(long, conflicts_with = "offline")]
    pub wait: bool,
    /// With --wait: make it the current context
    #[arg(long = "use", requires = "wait")]
    pub use_context: bool,
    /// With --wait: name of the context and user entry, instead of NAME@CLUSTER
    #[arg(long, value_name = "NAME", requires = "wait")]
    pub context_name: Option<String>,
    /// With --wait: replace the entry of the same cluster and user
    #[arg(long, requires = "wait")]
    pub replace: bool,
    /// Forget a request of this name with its key, and delete it in the cluster if that is allowed; -g and
    /// --csr-name choose among several
    #[arg(long, conflicts_with_all = ["wait", "out_dir", "key"])]
    pub withdraw: bool,
    /// Talk to no cluster: print the request, to be handed to an admin
    #[arg(long)]
    pub offline: bool,
    /// Put NAME.key (secret: it stays here), NAME.csr and NAME.yaml (to send) into this directory
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// With --wait: how long; 0 checks once, a negative value waits a week
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_timeout,
          allow_hyphen_values = true)]
    pub timeout: Timeout,
    #[command(flatten)]
    pub client: ClientArgs,
}

fn default_expires() -> String {
    lifetime::default_lifetime().to_string()
}

impl RequestArgs {
    fn spec(&self) -> Result<RequestSpec> {
        let spec = RequestSpec {
            identity: Identity::parse(&self.name, &self.groups).usage()?,
            expires: self.expires.parse::<Expires>().context("--expires").usage()?,
            key: match &self.key {
                Some(file) => KeySource::File(file.clone()),
                None => KeySource::of(self.key_type.as_deref(), KeyType::P256)?,
            },
            signer: self.signer.clone(),
            csr_name: self.csr_name.clone(),
        };
        spec.object_name()?;
        Ok(spec)
    }

    /// The file of the key, if it is not kept in the state folder.
    fn key_file(&self) -> Option<String> {
        let dir = self.out_dir.as_ref()?;
        let new = || dir.join(command_lines::Files::of(&self.name).key);
        Some(self.key.clone().unwrap_or_else(new).display().to_string())
    }

    /// Makes sure that the certificate could be installed.
    fn must_fit(&self, target: &Target, replace: bool) -> Result<()> {
        let usual = || format!("{}@{}", self.name, target.cluster_name());
        let context = self.context_name.clone().unwrap_or_else(usual);
        placement::must_fit(target, &context, &self.name, replace)
    }

    fn install_line(&self, submitted: &SubmittedRequest, replace: bool) -> String {
        let mut line = format!("kubectl usercert install{}", self.client.repeated());
        if replace {
            line.push_str(" --replace");
        }
        if let Some(key) = self.key_file() {
            line.push_str(&format!(" --key {}", shell_word(&key)));
        }
        // Where another request has the plain name, the line must not wait for that one.
        let object = &submitted.object.metadata.name;
        if *object != csr::name_for_user(&self.name) {
            line.push_str(&format!(" --csr-name {}", shell_word(object)));
        }
        line.push_str(&format!(" -- {}", shell_word(&self.name)));
        line
    }
}

pub async fn run(host: &Host, args: &RequestArgs) -> Result<Exit> {
    if args.withdraw {
        return withdraw::withdraw(host, args).await;
    }
    let spec = args.spec()?;
    let format = args.output.format;
    spec.warn_of_names(host);
    args.key.iter().for_each(|file| warn_of_readers(host, file));
    if args.dry_run.dry_run == DryRun::Client {
        if args.key.is_none() {
            host.warn(
                "note: the key of this dry run is discarded, so its request is of no use; `kubectl usercert request NAME \
                 --offline` keeps the key to submit later",
            );
        }
        spec.dry_run(host, format)?;
        return Ok(Exit::Done);
    }
    if args.offline {
        return offline::offline(host, args, &spec);
    }
    let target = Target::resolve(&args.client)?;
    if args.wait {
        installation::refuse_insecure(args.client.insecure_skip_tls_verify)?;
        args.must_fit(&target, args.replace)?;
        if !args.replace {
            placement::must_be_writable(&target.kubeconfig.list)?;
        }
    }
    warn_of_own_certificate(host, args, &spec, &target);
    let cluster = target.connect()?;
    if args.dry_run.dry_run == DryRun::Server {
        spec.dry_run_on_server(host, &cluster, format).await?;
        return Ok(Exit::Done);
    }
    let submitted = match &args.out_dir {
        Some(dir) => submission::from_files(host, &spec, &cluster, dir).await?,
        None => submission::from_store(host, &spec, &target, &cluster).await?,
    };
    if !args.wait {
        // What is in the way of a new entry, and may be replaced.
        let replace =
            args.must_fit(&target, false).is_err() && args.must_fit(&target, true).is_ok();
        report(host, args, &spec, &submitted, replace)?;
        tell_of_others(host, args, &target, &submitted)?;
        return Ok(Exit::Done);
    }
    let placement = Placement {
        context_name: args.context_name.clone(),
        replace: args.replace,
        namespace: args.client.namespace.clone(),
        use_context: args.use_context,
        ..Placement::default()
    };
    let limit = args.timeout.for_waiting();
    installation::after_submission(host, &target, &cluster, submitted, &placement, limit, format)
        .await?;
    Ok(Exit::Done)
}

/// A server takes no certificate that has expired (only it decides, since clocks differ), and an approving
/// service takes a request for what the certificate gives for its renewal.
fn warn_of_own_certificate(host: &Host, args: &RequestArgs, spec: &RequestSpec, target: &Target) {
    let other = args.client.token.is_some() || target.resolved.user.token.is_some();
    let entry = named::user_entry(&target.resolved.user);
    let Some(leaf) = entry.certificate().filter(|_| !other) else { return };
    if host.now() > leaf.not_after {
        host.warn(format!(
            "warning: this context's certificate, of {}, {}, so the server does not accept it; use others with --context, --user or --token, or --offline",
            show(leaf.subject.user()),
            lifetime::expiry_in_words(leaf.not_after, host.now())
        ));
    } else if args.client.as_user.is_none()
        && leaf.subject.user() == spec.identity.user.as_str()
        && leaf.subject.groups() == spec.identity.group_set()
    {
        host.warn(
            "note: this request uses a certificate for the same user and groups. A service that approves renewals counts it as the \
             certificate's one renewal. To renew, use `kubectl usercert renew`. For another computer, request there with --offline.",
        );
    }
}

/// Another request of the same user that is kept may be a mistake.
fn tell_of_others(
    host: &Host,
    args: &RequestArgs,
    target: &Target,
    submitted: &SubmittedRequest,
) -> Result<()> {
    let store = pending_request::store()?;
    for other in pending_request::all(&store)? {
        let record = &other.record;
        let here = record.is_at(&target.endpoint);
        let same_user = record.identity.user.as_str() == args.name;
        if here && same_user && submitted.kept.as_ref() != Some(&other.id) {
            host.say(format!(
                "\nAnother request for this user is kept ({}, code {}). To withdraw it:\n  {}",
                record.groups_shown(),
                record.code,
                record.withdrawal(&args.client.repeated())
            ));
        }
    }
    Ok(())
}

fn report(
    host: &Host,
    args: &RequestArgs,
    spec: &RequestSpec,
    submitted: &SubmittedRequest,
    replace: bool,
) -> Result<()> {
    let SubmittedRequest { object, made, .. } = submitted;
    let code = made.csr.code();
    let install = args.install_line(submitted, replace);
    let value = output::object(
        "Request",
        json!({
            "name": object.metadata.name, "uid": object.metadata.uid,
            "user": spec.identity.user, "groups": spec.identity.groups,
            "code": code.short(), "sha256": code.full(),
            "submitted": true, "takenUp": made.taken_up, "state": object.state().name(),
            "commands": {
                "approve": await_certificate::approve_line(object), "install": install,
            },
        }),
    );
    let format = args.output.format;
    let name = format!("{}/{}", csr::RESOURCE, object.metadata.name);
    output::print(host, format, &value, &[name], |wide| {
        let mut text = format!("{}\n", submitted.outcome());
        if wide {
            text.push_str(&format!("sha256 {}\n", code.full()));
        }
        text
    })?;
    if matches!(format, None | Some(Format::Wide)) {
        host.warn(submitted.for_admin());
        host.say(format!("{}\n  {install}", submitted.before_installing()));
    }
    Ok(())
}
