//! `create NAME`.

use std::path::PathBuf;

use clap::Args;
use usercert_core::api::csr::{self, CLIENT_SIGNER, CsrObject, Decision};
use usercert_core::api::rbac::Subject;
use usercert_core::text::{shell_word, show};
use usercert_core::x509::certificate::Expected;
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime;
use usercert_core::x509::pkcs10;

use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Expires, OutputArgs, TimeoutArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::ui::role_args::RoleArgs;
use crate::workflow::approval;
use crate::workflow::findings;
use crate::workflow::grant_role::AccompanyingGrants;
use crate::workflow::installation::{self, AwaitedCertificate, CheckedCertificate, KeptRequest};
use crate::workflow::known_certificates::Held;
use crate::workflow::kubeconfig_writer::WrittenEntry;
use crate::workflow::own_request::{KeySource, RequestSpec};
use crate::workflow::pending_request::{self, SubmittedTo};
use crate::workflow::placement::{self, ClusterEntry, Placement};
use crate::workflow::records::Recorder;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::PolicyArgs;
use crate::workflow::review_sheet::{OTHER_CERTIFICATES, Sheet};
use crate::workflow::revocation;

/// Request, approve and collect a certificate in one step, for admins and robots
///
/// Whoever runs this holds somebody's key. For people, let them make their own request instead.
///
/// Examples:
///
///   kubectl usercert create backup --expires 24h --standalone backup.conf
///
///   # With a role
///   kubectl usercert create ci -n ci --clusterrole edit --standalone ci.conf
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["standalone", "install"]))]
#[command(verbatim_doc_comment)]
pub struct CreateArgs {
    /// User name that the certificate will carry
    pub name: String,
    /// Group that the certificate will carry; repeat for several
    #[arg(short, long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Lifetime to request, such as 24h, 30d or 12w; "signer" leaves it to the signer
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", default_value_t = lifetime::default_lifetime().to_string())]
    pub expires: String,
    /// Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub key_type: String,
    /// Signer to request the certificate from
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
    /// Continue despite this refusing finding; repeat for several
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
    pub timeout: TimeoutArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

impl CreateArgs {
    /// What goes on with a run that was interrupted after the approval.
    fn install_line(&self, csr_name: &str) -> String {
        let mut line = format!("kubectl usercert install{}", self.client.repeated());
        let standalone = self.standalone.as_ref().map(|file| file.display().to_string());
        let flags = [
            ("csr-name", Some(csr_name)),
            ("standalone", standalone.as_deref()),
            ("context-name", self.context_name.as_deref()),
            ("namespace", self.client.namespace.as_deref()),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                line.push_str(&format!(" --{flag} {}", shell_word(value)));
            }
        }
        format!("{line} -- {}", shell_word(&self.name))
    }
}

pub async fn run(host: &Host, args: &CreateArgs) -> Result<Exit> {
    for code in &args.accept {
        findings::can_be_accepted(code)?;
    }
    let rules = args.policy.load(host)?;
    let spec = RequestSpec {
        identity: Identity::parse(&args.name, &args.groups).usage()?,
        expires: args.expires.parse::<Expires>().context("--expires").usage()?,
        key: KeySource::New(args.key_type.parse::<KeyType>().usage()?),
        signer: args.signer.clone(),
        csr_name: None,
    };
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    if let Some(file) = &args.standalone {
        placement::must_be_new(file)?;
    }

    let context_name = args
        .context_name
        .clone()
        .unwrap_or_else(|| format!("{}@{}", args.name, target.cluster_name()));
    if args.install {
        placement::must_be_free(&target.kubeconfig.merged, &context_name)?;
    }

    let made = spec.make()?;
    // The key's hash makes the name one that nobody can have taken beforehand.
    let name = csr::name_with_key(&csr::name_for_user(&args.name), &made.csr.key);
    let manifest = spec.manifest(&name, &made.csr)?;
    let answered = args.yes || args.dry_run.dry_run != DryRun::None;
    let looks_at_held = !answered || rules.ask_for_held();
    let held = async {
        match looks_at_held {
            true => Held::read(&cluster, Some(&args.name), host.now()).await,
            false => Held::default(),
        }
    };
    let (bindings, held) = tokio::join!(Bindings::read(&cluster), held);
    let mut sheet = Sheet::compared(manifest, false, &bindings, &held, &rules);
    sheet.accepted.clone_from(&args.accept);
    if !looks_at_held {
        sheet.not_checked.push(OTHER_CERTIFICATES.to_owned());
    }
    let namespace = args.client.namespace.as_deref();
    let grants = args.roles.grants(&Subject::User(args.name.clone()), namespace)?;
    let along = AccompanyingGrants::prepare(&cluster, grants).await?;
    let text = format!(
        "{}
{}",
        sheet.text(host.now(), host.columns()),
        along.text()
    );
    host.say_before_asking(text.trim_end(), answered);
    sheet.refuse(&args.accept)?;
    let full = format!("{}/{name}", csr::RESOURCE);
    if args.dry_run.dry_run != DryRun::None {
        let mark = if args.dry_run.dry_run == DryRun::Server {
            let made = cluster.create_csr(sheet.object.raw(), true).await;
            made.map_err(|e| explain(&e, &cluster.server, &Need::Create))?;
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
    let what =
        format!("Create a key and a certificate for {} on {}", show(&args.name), cluster.name());
    let roles = along.roles().map(|r| format!(", and give them {r}")).unwrap_or_default();
    host.confirm(&format!("{what}{roles}?"), args.yes)?;
    if !args.yes {
        bindings.still_hold(&cluster, &sheet.object, sheet.user()).await?;
    }

    // Kept like any request's, so that whatever happens once it is approved loses no key.
    let store = pending_request::store()?;
    let id = pending_request::cluster_id(&target.endpoint, &name);
    let submitted = SubmittedTo::new(&target.endpoint, &name);
    let mut record = spec.record(&made.csr, Some(submitted));
    pending_request::save(&store, &id, &record, &made.key)?;
    let object = match submit(&cluster, &sheet).await {
        Ok(object) => object,
        Err(error) => {
            store.remove(&id)?;
            return Err(error.hint("nothing was approved, and no key is kept"));
        }
    };
    if let Some(submitted) = &mut record.submitted {
        submitted.uid.clone_from(&object.metadata.uid);
        submitted.csr_name.clone_from(&object.metadata.name);
    }
    pending_request::update(&store, &id, &record)?;
    let awaited = AwaitedCertificate {
        signer_name: Some(spec.signer.clone()),
        expected: Expected::of(&made.csr, spec.expires.lifetime()),
        key: made.key,
        kept: Some(KeptRequest { id, until_recognized: false }),
        replaces: None,
    };
    let placement = Placement {
        context_name: Some(context_name),
        namespace: args.client.namespace.clone(),
        standalone: args.standalone.clone(),
        ..Placement::default()
    };
    let mut resume = args.install_line(&object.metadata.name);
    if let Some(missing) = along.still_missing(&args.client) {
        resume.push_str(&format!("\n{missing}"));
    }
    let creation = Creation { host, args, target: &target, cluster: &cluster, sheet: &sheet };
    let done = creation.finish(object, awaited, &placement, &resume);
    let (checked, written) = done.await.map_err(|error| match error.exit {
        // It says so itself.
        Exit::TimedOut | Exit::Refused => error,
        _ => {
            error.hint(format!("the key is kept; once the cause is fixed, resume with\n  {resume}"))
        }
    })?;
    checked.remove_pending()?;
    let before = "the certificate is there and the kubeconfig is written";
    let given = along.give(&cluster, &args.client, DryRun::None, before).await;
    let bindings = if given.is_ok() { along.names() } else { Vec::new() };
    let mut value = checked.value(&written)?;
    value["request"] = name.into();
    value["csr"] = pkcs10::to_pem(&made.csr.der).into();
    value["bindings"] = bindings.into();
    let context = format!("context/{}", written.context_name);
    output::print(host, args.output.format, &value, &[context], |_| written.outcome())?;
    installation::try_standalone(host, &placement);
    given?.iter().for_each(|line| host.say(line));
    Ok(Exit::Done)
}

/// Submits the request that was shown.
async fn submit(cluster: &Cluster, sheet: &Sheet) -> Result<CsrObject> {
    let approval::Submitted { object, foreign } = approval::submit(cluster, &sheet.object).await?;
    if foreign {
        // Nobody knows the key's hash beforehand.
        return Err(approval::replaced(&object.metadata.name));
    }
    Ok(object)
}

/// From the submitted request to the written kubeconfig.
struct Creation<'a> {
    host: &'a Host,
    args: &'a CreateArgs,
    target: &'a Target,
    cluster: &'a Cluster,
    sheet: &'a Sheet,
}

impl Creation<'_> {
    async fn finish(
        &self,
        object: CsrObject,
        awaited: AwaitedCertificate,
        placement: &Placement,
        resume: &str,
    ) -> Result<(CheckedCertificate, WrittenEntry)> {
        let Self { host, args, target, cluster, sheet } = *self;
        let condition = approval::ApprovalCondition {
            decision: Decision::Approve,
            reason: "UsercertCreate",
            message: "Created and approved with kubectl usercert create.",
            dry_run: false,
        };
        let approved = approval::write(host, cluster, &object, &condition).await?;
        let request = approved.clone().into_fields();
        let (limit, resume) = (args.timeout.timeout.for_waiting(), Some(resume));
        let chain = installation::collect(host, cluster, approved, &awaited, limit, resume).await?;
        if let Some(leaf) = chain.first() {
            Recorder::new(host, cluster).note(leaf, &request).await;
        }
        if let Some(leaf) = chain.first().filter(|_| sheet.is_of_revoked_user()) {
            revocation::except(host, cluster, leaf).await?;
        }
        let entry = ClusterEntry { namespace: None, ..ClusterEntry::of(target) };
        let trial = Some(args.client.request_timeout);
        let checked = installation::check(host, entry, chain, awaited, trial).await?;
        let written = checked.write(host, &target.kubeconfig.list, placement)?;
        Ok((checked, written))
    }
}
