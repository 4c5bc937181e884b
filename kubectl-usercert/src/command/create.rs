//! `create NAME`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::api::csr::{self, CLIENT_AUTH, CLIENT_SIGNER, CsrObject, Decision, Manifest};
use usercert_core::text::{shell_word, show};
use usercert_core::x509::certificate::{Certificate, Check};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;
use usercert_core::x509::pkcs10::{self, CertificateRequest};

use crate::cluster::{Cluster, Target};
use crate::error::{Exit, Result, ResultExt as _};
use crate::keys::PrivateKey;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Expires, OutputArgs, TimeoutArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::approval;
use crate::workflow::await_certificate::{self, Wanted};
use crate::workflow::grant_role::{Along, RoleArgs};
use crate::workflow::kubeconfig_writer::{self, Entry, Written};
use crate::workflow::pending_request;
use crate::workflow::review_policy::PolicyArgs;
use crate::workflow::review_sheet::{self, Bindings, Sheet};

/// Request, approve and collect a certificate in one go, for admins and robots
///
/// Whoever runs this holds somebody's key. For people, let them make their own request instead.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["standalone", "install"]))]
pub struct CreateArgs {
    /// User name that the certificate will carry
    pub name: String,
    /// Group that the certificate will carry; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Lifetime to ask for, as 24h, 30d or 12w; "signer" leaves it to the signer
    #[arg(long, value_name = "DURATION", default_value_t = lifetime::default_lifetime().to_string())]
    pub expires: String,
    /// Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub key_type: String,
    /// Signer to ask
    #[arg(long, value_name = "NAME", default_value = CLIENT_SIGNER)]
    pub signer: String,
    /// Write a kubeconfig of its own to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub standalone: Option<PathBuf>,
    /// Write it into this machine's kubeconfig
    #[arg(long)]
    pub install: bool,
    /// Name of the context and user entry, instead of NAME@CLUSTER
    #[arg(long, value_name = "NAME")]
    pub context_name: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Let this refusing finding pass; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    #[command(flatten)]
    roles: RoleArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &CreateArgs) -> Result<Exit> {
    let identity = Identity::parse(&args.name, &args.groups).usage()?;
    for code in &args.accept {
        review_sheet::can_be_accepted(code)?;
    }
    let rules = args.policy.load(host)?;
    let expires = args.expires.parse::<Expires>().context("--expires").usage()?;
    let key = PrivateKey::generate(args.key_type.parse::<KeyType>().usage()?)?;
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    if let Some(file) = &args.standalone {
        kubeconfig_writer::must_be_new(file)?;
    }

    let context_name = args
        .context_name
        .clone()
        .unwrap_or_else(|| format!("{}@{}", args.name, target.cluster_name()));
    if args.install {
        kubeconfig_writer::must_be_free(&target.kubeconfig.merged, &context_name)?;
    }

    let csr = key.certificate_request(&identity)?;
    // The key's hash makes the name one that nobody can have taken beforehand.
    let name = csr::name_with_key(&csr::name_for_user(&args.name), &csr.key);
    let manifest = CsrObject::from_value(
        Manifest {
            name: &name,
            request_der: &csr.der,
            signer_name: &args.signer,
            usages: &[CLIENT_AUTH.to_owned()],
            lifetime: expires.lifetime(),
        }
        .to_value(),
    )?;
    let bindings = Bindings::read(&cluster).await;
    let sheet = Sheet::new(manifest, false, &bindings, &rules);
    let answered = args.yes || args.dry_run.dry_run != DryRun::None;
    let namespace = args.client.namespace.as_deref();
    let along = Along::prepare(&cluster, &args.roles, &args.name, namespace).await?;
    let text = format!(
        "{}
{}",
        sheet.text(host.now()),
        along.text()
    );
    host.say_before_asking(text.trim_end(), answered);
    sheet.refuse(&args.accept)?;
    let full = format!("{}/{name}", csr::RESOURCE);
    if args.dry_run.dry_run != DryRun::None {
        let mark = if args.dry_run.dry_run == DryRun::Server {
            let made = cluster.create_csr(sheet.object.raw(), true).await;
            made.map_err(|e| {
                crate::cluster::explain(&e, &cluster.server, &crate::cluster::Need::Create)
            })?;
            "server dry run"
        } else {
            "dry run"
        };
        output::print(
            host,
            args.output.format,
            sheet.object.raw(),
            std::slice::from_ref(&full),
            |_| format!("{} created and approved ({mark})", show(&full)),
        )?;
        let dry_run = args.dry_run.dry_run;
        let lines = along.give(&cluster, &args.client, dry_run, "nothing was done").await?;
        lines.iter().for_each(|line| host.say(line));
        return Ok(Exit::Done);
    }
    let what = format!("Create a key and a certificate for {}", show(&args.name));
    let roles = along.roles().map(|r| format!(", and give them {r}")).unwrap_or_default();
    host.confirm(&format!("{what}{roles}?"), args.yes)?;

    // Kept like any request's, so that whatever happens from here on loses no key.
    let store = pending_request::store()?;
    let id = pending_request::cluster_id(&target.endpoint, &name);
    let record = pending_request::Record {
        identity: identity.clone(),
        request: pkcs10::to_pem(&csr.der),
        code: csr.code().short(),
        signer_name: args.signer.clone(),
        expiration_seconds: expires.lifetime().map(lifetime::Lifetime::seconds),
        submitted: Some(pending_request::Submitted::to(&target.endpoint, &name)),
    };
    pending_request::save(&store, &id, &record, &key)?;
    let done = finish(host, args, &target, &cluster, &sheet, &key, &context_name);
    let (written, chain, checks) = done.await.map_err(|error| {
        error.hint(format!(
            "the key is kept; once the cause is gone, go on with\n  kubectl usercert install{} --csr-name {} -- {}",
            args.client.repeated(),
            shell_word(&name),
            shell_word(&args.name)
        ))
    })?;
    store
        .remove(&id)
        .hint("the kubeconfig is written; only the pending copy of the key is left over")?;
    let before = "the certificate is there and the kubeconfig is written";
    let given = along.give(&cluster, &args.client, DryRun::None, before).await;
    let bindings = if given.is_ok() { along.names() } else { Vec::new() };
    report(host, args, &target, &csr, &name, &written, &chain, &checks, &bindings)?;
    given?.iter().for_each(|line| host.say(line));
    Ok(Exit::Done)
}

type Collected = (Written, Vec<Certificate>, Vec<Check>);

/// From the manifest to the written kubeconfig.
async fn finish(
    host: &Host,
    args: &CreateArgs,
    target: &Target,
    cluster: &Cluster,
    sheet: &Sheet,
    key: &PrivateKey,
    context_name: &str,
) -> Result<Collected> {
    let approval::Submitted { object, foreign } = approval::submit(cluster, &sheet.object).await?;
    if foreign {
        // Nobody knows the key's hash beforehand.
        return Err(approval::replaced(&object.metadata.name));
    }
    let verdict = approval::Verdict {
        decision: Decision::Approve,
        reason: "UsercertCreate",
        message: "Created and approved with kubectl usercert create.",
        dry_run: false,
    };
    let approved = approval::write(host, cluster, &object, &verdict).await?;
    let uid = approved.metadata.uid.clone();
    let limit = args.timeout.timeout.for_waiting();
    let object =
        await_certificate::wait(host, cluster, approved.into_fields(), &uid, limit).await?;
    let chain = await_certificate::chain_of(&object)?;
    let groups = object.certificate_request()?.subject.groups();
    let lifetime = object.spec.expiration_seconds.and_then(lifetime::Lifetime::from_seconds);
    let wanted = Wanted { key, user: &args.name, groups: &groups, lifetime };
    let mut checks = await_certificate::check(host, &chain, &wanted, &target.endpoint.ca())?;
    let key_pem = key.to_pem();
    let timeout = args.client.request_timeout;
    let tried = await_certificate::try_out(
        &target.endpoint,
        &chain,
        &key_pem,
        &args.name,
        &groups,
        timeout,
    )
    .await?;
    await_certificate::tell(host, std::slice::from_ref(&tried));
    checks.push(tried);

    let entry = Entry {
        context_name: context_name.to_owned(),
        cluster_name: target.cluster_name().to_owned(),
        endpoint: &target.endpoint,
        chain: &chain,
        key_pem: &key_pem,
        namespace: args.client.namespace.clone(),
        renewed: None,
    };
    let written = match &args.standalone {
        Some(file) => entry.write_standalone(file)?,
        None => entry.write(host, &target.kubeconfig.list, false, false)?,
    };
    Ok((written, chain, checks))
}

#[expect(clippy::too_many_arguments, reason = "everything that is told")]
fn report(
    host: &Host,
    args: &CreateArgs,
    target: &Target,
    csr: &CertificateRequest,
    name: &str,
    written: &Written,
    chain: &[Certificate],
    checks: &[Check],
    bindings: &[String],
) -> Result<()> {
    let groups = csr.subject.groups();
    let files: Vec<String> = written.files.iter().map(|f| f.display().to_string()).collect();
    let value = output::object(
        "Installation",
        json!({
            "context": written.context_name, "cluster": written.cluster_name,
            "server": target.endpoint.server, "files": files, "user": args.name, "groups": groups,
            "notAfter": chain.first().map(|c| c.not_after), "sha256": chain.first().map(|c| c.fingerprint()),
            "request": name, "csr": pkcs10::to_pem(&csr.der), "checks": checks,
            "bindings": bindings,
        }),
    );
    let context = format!("context/{}", written.context_name);
    output::print(host, args.output.format, &value, &[context], |_| {
        format!("context {} written to {}", show(&written.context_name), files.join(", "))
    })?;
    if let Some(file) = &args.standalone {
        host.say(format!(
            "Try it: kubectl --kubeconfig {} auth whoami",
            shell_word(&file.display().to_string())
        ));
    }
    Ok(())
}
