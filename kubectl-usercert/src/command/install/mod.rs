//! `install NAME`.

mod from_reply;
mod sources;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::certificate::{Certificate, Check, Outcome};
use usercert_core::x509::lifetime::{self, Lifetime};
use zeroize::Zeroizing;

use super::renew::Renewed;
use crate::cluster::{Kubeconfig, Target};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::keys::PrivateKey;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs, TimeoutArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::await_certificate::{self, Wanted};
use crate::workflow::kubeconfig_writer::{Entry, Written};
use crate::workflow::pending_request::{self, Pending};

/// Longest certificate file that is read, in bytes.
const CERTIFICATE_LIMIT: usize = 1024 * 1024;

/// Put the issued certificate and its key into the kubeconfig
///
/// Waits for the certificate if need be, checks it against the request and the key, tries it on the
/// server, and only then writes the kubeconfig. The pending key is let go of once it is safely there.
///
/// Examples:
///
///   kubectl usercert install alice
///
///   kubectl usercert install alice --reply alice.kubeconfig    # no access to the cluster needed
///
///   kubectl usercert install alice --standalone alice.conf     # a file of its own
#[derive(Args, Clone, Debug, Default)]
#[command(verbatim_doc_comment)]
pub struct InstallArgs {
    /// The user, as given to request
    pub name: String,
    /// Name of the context and user entry, instead of NAME@CLUSTER
    #[arg(long, value_name = "NAME")]
    pub context_name: Option<String>,
    /// Make it the current context
    #[arg(long = "use")]
    pub use_context: bool,
    /// Take certificate and cluster from this reply ("-": standard input); the cluster is not asked
    #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
    pub reply: Option<PathBuf>,
    /// Take the reply only if it has this code, short or full
    #[arg(long, value_name = "CODE", requires = "reply")]
    pub expect_reply: Option<String>,
    /// Take the certificate from this file ("-": standard input) instead of the request
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The private key, if it is not the one that request keeps
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Name of the CertificateSigningRequest, if it is not the user's
    #[arg(long, value_name = "NAME")]
    pub csr_name: Option<String>,
    /// Write a kubeconfig of its own to this file, which must not exist
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replace", "use_context"])]
    pub standalone: Option<PathBuf>,
    /// Replace the entry of the same cluster and user
    #[arg(long)]
    pub replace: bool,
    /// Do not try the certificate on the server
    #[arg(long)]
    pub no_verify: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
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

impl InstallArgs {
    /// What `request --wait` goes on with.
    #[must_use]
    pub fn after_request(
        name: String,
        csr_name: String,
        client: ClientArgs,
        timeout: TimeoutArgs,
        key: Option<PathBuf>,
        output: OutputArgs,
    ) -> Self {
        Self { name, csr_name: Some(csr_name), client, timeout, key, output, ..Self::default() }
    }

    /// Into the place of what is there.
    #[must_use]
    pub fn renewing(self, renewed: Renewed) -> Self {
        let context_name = Some(renewed.context_name.clone());
        Self { context_name, renewed: Some(renewed), ..self }
    }
}

/// Everything that goes into the kubeconfig, checked.
struct Ready {
    endpoint: Endpoint,
    cluster_name: String,
    namespace: Option<String>,
    chain: Vec<Certificate>,
    key: PrivateKey,
    checks: Vec<Check>,
    /// The pending request to let go of afterwards.
    pending: Option<String>,
    /// Whether it was submitted to a cluster, which then must have recognised the certificate before
    /// the key is let go of.
    submitted: bool,
}

/// What a certificate must answer, from the kept request or from the request in the cluster.
struct Answer {
    key: PrivateKey,
    user: String,
    groups: BTreeSet<String>,
    lifetime: Option<Lifetime>,
    pending: Option<String>,
    submitted: bool,
}

impl Answer {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { key: &self.key, user: &self.user, groups: &self.groups, lifetime: self.lifetime }
    }

    fn of_pending(pending: &Pending) -> Result<Self> {
        Ok(Self {
            key: pending.key()?,
            user: pending.record.identity.user.as_str().to_owned(),
            groups: pending.record.identity.group_set(),
            lifetime: pending
                .record
                .expiration_seconds
                .and_then(|s| Lifetime::from_seconds(s.into())),
            pending: Some(pending.id.clone()),
            submitted: pending.record.submitted.is_some(),
        })
    }
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &InstallArgs) -> Result<Exit> {
    let (ready, list) = match (&args.reply, &args.certificate) {
        (Some(file), _) => {
            let ready = from_reply::from_reply(host, args, file).await?;
            (ready, Kubeconfig::list(args.client.kubeconfig.as_deref())?)
        }
        (None, Some(file)) => {
            let target = Target::resolve(&args.client)?;
            let ready = sources::from_certificate(host, args, &target, file).await?;
            (ready, target.kubeconfig.list)
        }
        (None, None) => {
            let target = Target::resolve(&args.client).map_err(|e| made_offline(args, e))?;
            let ready = sources::from_cluster(host, args, &target).await?;
            (ready, target.kubeconfig.list)
        }
    };
    if args.client.insecure_skip_tls_verify == Some(true) {
        return Err(Error::usage(
            "--insecure-skip-tls-verify would be written into the kubeconfig for good",
        )
        .hint("nothing was written; give the server's CA with --certificate-authority FILE"));
    }
    let key_pem: Zeroizing<String> = ready.key.to_pem();
    let entry = Entry {
        context_name: args
            .context_name
            .clone()
            .unwrap_or_else(|| format!("{}@{}", args.name, ready.cluster_name)),
        cluster_name: ready.cluster_name.clone(),
        endpoint: &ready.endpoint,
        chain: &ready.chain,
        key_pem: &key_pem,
        namespace: args.client.namespace.clone().or_else(|| ready.namespace.clone()),
        renewed: args.renewed.as_ref().map(|r| r.user_name.clone()),
    };
    if entry.context_name.is_empty() {
        return Err(Error::usage("the context's name is empty"));
    }
    if args.dry_run.dry_run != DryRun::None {
        if args.standalone.is_none() {
            entry.check(&list, args.replace)?;
        }
        let value = output::object(
            "Installation",
            json!({ "context": entry.context_name, "server": ready.endpoint.server,
                    "checks": ready.checks, "dryRun": true }),
        );
        let name = format!("context/{}", entry.context_name);
        output::print(host, args.output.format, &value, &[name], |_| {
            format!("context {} would be written (dry run)", show(&entry.context_name))
        })?;
        return Ok(Exit::Done);
    }
    let written = match &args.standalone {
        Some(file) => entry.write_standalone(file)?,
        None => entry.write(host, &list, args.replace, args.use_context)?,
    };
    let verified = ready.checks.iter().any(|c| c.code == "server" && c.outcome == Outcome::Pass);
    if let Some(id) = ready.pending.as_ref().filter(|_| verified || !ready.submitted) {
        pending_request::store()?
            .remove(id)
            .hint("the kubeconfig is written; only the pending copy of the key is left over")?;
    }
    report(host, args, &ready, &written)?;
    Ok(Exit::Done)
}

/// Without a cluster to ask, a request that was made offline is the likely one.
fn made_offline(args: &InstallArgs, error: Error) -> Error {
    let kept =
        pending_request::store().and_then(|store| pending_request::all(&store)).unwrap_or_default();
    let offline = kept
        .iter()
        .any(|p| p.record.submitted.is_none() && p.record.identity.user.as_str() == args.name);
    if offline { error.hint(OFFLINE_HINT) } else { error }
}

const OFFLINE_HINT: &str =
    "a request of that name was made offline: install the admin's answer with --reply FILE";

fn report(host: &Host, args: &InstallArgs, ready: &Ready, written: &Written) -> Result<()> {
    let leaf = ready.chain.first().ok_or_else(|| Error::new("no certificate"))?;
    let files: Vec<String> = written.files.iter().map(|f| f.display().to_string()).collect();
    let value = output::object(
        "Installation",
        json!({
            "context": written.context_name, "cluster": written.cluster_name,
            "server": ready.endpoint.server, "files": files,
            "user": leaf.subject.user(), "groups": leaf.subject.groups(),
            "notAfter": leaf.not_after, "sha256": leaf.fingerprint(), "checks": ready.checks,
        }),
    );
    let name = format!("context/{}", written.context_name);
    output::print(host, args.output.format, &value, &[name], |_| {
        format!(
            "context {} written to {}; {}",
            show(&written.context_name),
            files.iter().map(|f| show(f)).collect::<Vec<_>>().join(", "),
            lifetime::expiry_in_words(leaf.not_after, host.now()),
        )
    })?;
    let prefix = match &args.standalone {
        Some(file) => format!("kubectl --kubeconfig {}", shell_word(&file.display().to_string())),
        None if args.use_context => "kubectl".to_owned(),
        None => format!("kubectl --context {}", shell_word(&written.context_name)),
    };
    host.say(format!("Try it: {prefix} auth whoami"));
    Ok(())
}

/// Checks the certificate and tries it out.
async fn finish(
    host: &Host,
    args: &InstallArgs,
    endpoint: Endpoint,
    cluster_name: &str,
    namespace: Option<&str>,
    chain: Vec<Certificate>,
    answer: Answer,
) -> Result<Ready> {
    let mut checks = await_certificate::check(host, &chain, &answer.wanted(), &endpoint.ca())?;
    if args.no_verify || args.dry_run.dry_run != DryRun::None {
        host.say("not tried on the server");
    } else {
        let key_pem = answer.key.to_pem();
        let timeout = args.client.request_timeout;
        let check = await_certificate::try_out(
            &endpoint,
            &chain,
            &key_pem,
            &answer.user,
            &answer.groups,
            timeout,
        )
        .await?;
        await_certificate::tell(host, std::slice::from_ref(&check));
        checks.push(check);
    }
    Ok(Ready {
        endpoint,
        cluster_name: cluster_name.to_owned(),
        namespace: namespace.map(str::to_owned),
        chain,
        key: answer.key,
        checks,
        pending: answer.pending,
        submitted: answer.submitted,
    })
}
