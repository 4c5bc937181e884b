//! `install NAME`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use usercert_core::certificate::{Certificate, Check};
use usercert_core::code::ExpectedCode;
use usercert_core::lifetime::{self, Lifetime};
use usercert_core::reply::{self, Reply};
use usercert_core::request::{self, Object};
use usercert_core::text::{shell_word, show};
use zeroize::Zeroizing;

use super::entries::{Entry, Written};
use super::issued::{self, Wanted};
use super::pending::{self, Pending};
use super::request::read_key;
use crate::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs, TimeoutArgs};
use crate::cluster::{Endpoint, Kubeconfig, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::host::Host;
use crate::keys::PrivateKey;
use crate::output;

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
    ) -> Self {
        Self { name, csr_name: Some(csr_name), client, timeout, key, ..Self::default() }
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
}

/// What a certificate must answer, from the kept request or from the request in the cluster.
struct Answer {
    key: PrivateKey,
    user: String,
    groups: BTreeSet<String>,
    lifetime: Option<Lifetime>,
    pending: Option<String>,
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
            let ready = from_reply(host, args, file).await?;
            (ready, Kubeconfig::list(args.client.kubeconfig.as_deref())?)
        }
        (None, Some(file)) => {
            let target = Target::resolve(&args.client)?;
            let ready = from_certificate(host, args, &target, file).await?;
            (ready, target.kubeconfig.list)
        }
        (None, None) => {
            let target = Target::resolve(&args.client).map_err(|e| made_offline(args, e))?;
            let ready = from_cluster(host, args, &target).await?;
            (ready, target.kubeconfig.list)
        }
    };
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
    };
    if entry.context_name.is_empty() {
        return Err(Error::usage("the context's name is empty"));
    }
    if args.dry_run.dry_run != DryRun::None {
        if args.standalone.is_none() {
            entry.check(&list, args.replace)?;
        }
        host.result(format!("context {} would be written (dry run)", show(&entry.context_name)))?;
        return Ok(Exit::Done);
    }
    let written = match &args.standalone {
        Some(file) => entry.write_standalone(file)?,
        None => entry.write(host, &list, args.replace, args.use_context)?,
    };
    if let Some(id) = &ready.pending {
        pending::store()?
            .remove(id)
            .hint("the kubeconfig is written; only the pending copy of the key is left over")?;
    }
    report(host, args, &ready, &written)?;
    Ok(Exit::Done)
}

/// Without a cluster to ask, a request that was made offline is the likely one.
fn made_offline(args: &InstallArgs, error: Error) -> Error {
    let kept = pending::store().and_then(|store| pending::all(&store)).unwrap_or_default();
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

/// The certificate comes from the request in the cluster.
async fn from_cluster(host: &Host, args: &InstallArgs, target: &Target) -> Result<Ready> {
    let cluster = target.connect()?;
    let kept = match &args.key {
        Some(_) => None,
        None => Some(find_kept(args, target)?),
    };
    let submitted = kept.as_ref().and_then(|k| k.record.submitted.as_ref());
    let csr_name = match (submitted, &args.csr_name) {
        (Some(submitted), _) => submitted.csr_name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => request::name_for_user(&args.name),
    };
    let uid = submitted.map(|s| s.uid.clone()).unwrap_or_default();
    let object = match cluster.get_csr(&csr_name).await {
        Ok(value) => Object::from_item(&value)?,
        Err(error) if error.reason() == "NotFound" => {
            return Err(issued::ended(&csr_name, request::Progress::Vanished));
        }
        Err(error) => {
            return Err(explain(&error, &cluster.server, &Need::Get).hint(
                "without the right to read requests, ask the admin for a reply file:\n  kubectl usercert approve NAME --reply FILE",
            ));
        }
    };
    let answer = answer_for(args, kept.as_ref(), &object, &uid)?;
    let limit = args.timeout.timeout.for_waiting();
    let object = issued::wait(host, &cluster, object, &uid, limit).await?;
    let chain = issued::chain_of(&object)?;
    finish(
        host,
        args,
        target.endpoint.clone(),
        target.cluster_name(),
        target.namespace(),
        chain,
        answer,
    )
    .await
}

/// The kept request for this user and cluster.
fn find_kept(args: &InstallArgs, target: &Target) -> Result<Pending> {
    let store = pending::store()?;
    let name = args.csr_name.clone().unwrap_or_else(|| request::name_for_user(&args.name));
    if let Some(found) = pending::load(&store, &pending::cluster_id(&target.endpoint, &name))? {
        return Ok(found);
    }
    let ca = pending::ca_digest(&target.endpoint);
    let mut others = pending::all(&store)?;
    let here = |p: &Pending| {
        p.record
            .submitted
            .as_ref()
            .is_some_and(|s| s.server == target.endpoint.server && s.ca == ca)
    };
    let named = |p: &Pending| p.record.identity.user.as_str() == args.name;
    let elsewhere: Vec<String> = others
        .iter()
        .filter(|p| named(p) && !here(p))
        .filter_map(|p| p.record.submitted.as_ref().map(|s| show(&s.server)))
        .collect();
    let offline = others.iter().any(|p| named(p) && p.record.submitted.is_none());
    others.retain(|p| here(p) && named(p) && args.csr_name.is_none());
    match others.len() {
        1 => others.pop().ok_or_else(|| Error::new("no request is kept")),
        0 => {
            let mut error = Error::new(format!(
                "no request for {} to the server {} is kept on this machine",
                show(&args.name),
                show(&target.endpoint.server)
            ));
            if !elsewhere.is_empty() {
                error = error.hint(format!(
                    "there is one for {}: choose its context with --context",
                    elsewhere.join(", ")
                ));
            }
            if offline {
                error = error.hint(OFFLINE_HINT);
            }
            Err(error.hint(format!(
                "make one with `kubectl usercert request {}`, or name the key with --key FILE",
                shell_word(&args.name)
            )))
        }
        _ => {
            let names: Vec<String> = others
                .iter()
                .filter_map(|p| p.record.submitted.as_ref().map(|s| show(&s.csr_name)))
                .collect();
            Err(Error::new(format!("several requests for {} are kept", show(&args.name)))
                .hint(format!("choose one with --csr-name: {}", names.join(", "))))
        }
    }
}

/// What the certificate must be: the kept request, or for a key of one's own the request in the
/// cluster, which must have been made with that very key.
fn answer_for(
    args: &InstallArgs,
    kept: Option<&Pending>,
    object: &Object,
    uid: &str,
) -> Result<Answer> {
    let found = object.certificate_request()?;
    if let Some(kept) = kept {
        if !uid.is_empty() && object.metadata.uid != uid || kept.request()?.key != found.key {
            return Err(issued::ended(&object.metadata.name, request::Progress::Replaced));
        }
        return Answer::of_pending(kept);
    }
    let file = args.key.as_deref().ok_or_else(|| Error::new("there is no key"))?;
    let key = read_key(file)?;
    if *key.public() != found.key {
        return Err(Error::new(format!(
            "the key {} is not the one that the request {} was made with",
            show(&file.display().to_string()),
            show(&object.metadata.name)
        ))
        .hint("name the request with --csr-name, or the right key with --key"));
    }
    if found.subject.user() != args.name {
        return Err(other_user(found.subject.user(), &args.name));
    }
    Ok(Answer {
        key,
        user: found.subject.user().to_owned(),
        groups: found.subject.groups(),
        lifetime: object.spec.expiration_seconds.and_then(Lifetime::from_seconds),
        pending: None,
    })
}

fn other_user(found: &str, wanted: &str) -> Error {
    Error::new(format!("this is for the user {}, not for {}", show(found), show(wanted)))
        .hint("nothing was written")
}

/// The certificate comes from a file; the cluster is the context's.
async fn from_certificate(
    host: &Host,
    args: &InstallArgs,
    target: &Target,
    file: &std::path::Path,
) -> Result<Ready> {
    let data = host.input(file, CERTIFICATE_LIMIT)?;
    let what = || show(&file.display().to_string());
    let chain = match Certificate::from_der(&data) {
        Ok(one) => vec![one],
        Err(_) => Certificate::chain_from_pem(&data).context(what())?,
    };
    let answer = match &args.key {
        Some(key) => own_key(args, key, &chain)?,
        None => match kept_for_key(&chain)? {
            Some(kept) => Answer::of_pending(&kept)?,
            None => return Err(no_key(args)),
        },
    };
    if answer.user != args.name {
        return Err(other_user(&answer.user, &args.name));
    }
    finish(
        host,
        args,
        target.endpoint.clone(),
        target.cluster_name(),
        target.namespace(),
        chain,
        answer,
    )
    .await
}

/// With a key of one's own and no kept request, user and groups are the certificate's.
fn own_key(args: &InstallArgs, key: &std::path::Path, chain: &[Certificate]) -> Result<Answer> {
    let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate"))?;
    if leaf.subject.user() != args.name {
        return Err(other_user(leaf.subject.user(), &args.name));
    }
    Ok(Answer {
        key: read_key(key)?,
        user: args.name.clone(),
        groups: leaf.subject.groups(),
        lifetime: None,
        pending: None,
    })
}

/// The kept request whose key the certificate is for.
fn kept_for_key(chain: &[Certificate]) -> Result<Option<Pending>> {
    let Some(leaf) = chain.first() else { return Ok(None) };
    let store = pending::store()?;
    if let Some(found) = pending::load(&store, &pending::offline_id(&leaf.key))? {
        return Ok(Some(found));
    }
    let all = pending::all(&store)?;
    Ok(all.into_iter().find(|p| p.request().is_ok_and(|r| r.key == leaf.key)))
}

fn no_key(args: &InstallArgs) -> Error {
    Error::new(format!(
        "no key for this certificate of {} is kept on this machine",
        show(&args.name)
    ))
    .hint("it answers another request, or the key is elsewhere: name it with --key FILE")
}

/// The certificate and the cluster come from a reply, which may be anybody's.
async fn from_reply(host: &Host, args: &InstallArgs, file: &std::path::Path) -> Result<Ready> {
    let expected = match &args.expect_reply {
        Some(code) => Some(code.parse::<ExpectedCode>().context("--expect-reply").usage()?),
        None => None,
    };
    let input = host.input(file, reply::MAX_BYTES)?;
    let reply = Reply::parse(&input)
        .context(show(&file.display().to_string()))
        .hint("nothing was written; ask the sender for a reply made with `kubectl usercert approve --reply`")?;
    let answer = match &args.key {
        Some(key) => own_key(args, key, &reply.chain)?,
        None => match kept_for_key(&reply.chain)? {
            Some(kept) => Answer::of_pending(&kept)?,
            None => return Err(no_key(args)),
        },
    };
    if answer.user != args.name {
        return Err(other_user(&answer.user, &args.name));
    }
    let endpoint = Endpoint {
        server: reply.server.clone(),
        ca_pem: Some(usercert_core::certificate::chain_to_pem(&reply.ca).into_bytes()),
        tls_server_name: reply.tls_server_name.clone(),
        insecure: false,
        proxy_url: None,
    };
    // Nothing is connected to before the person has agreed to the server.
    confirm_reply(host, args, &reply, expected.as_ref())?;
    let namespace = reply.namespace.clone();
    finish(host, args, endpoint, &reply.cluster_name, namespace.as_deref(), reply.chain, answer)
        .await
}

fn confirm_reply(
    host: &Host,
    args: &InstallArgs,
    reply: &Reply,
    expected: Option<&ExpectedCode>,
) -> Result<()> {
    let code = reply.code()?;
    let leaf = reply.leaf()?;
    let groups: Vec<String> = leaf.subject.groups().iter().map(|g| show(g)).collect();
    let mut text = format!("{:<12}{}\n", "Server", show(&reply.server));
    if let Some(name) = &reply.tls_server_name {
        text.push_str(&format!("{:<12}{}\n", "  checked as", show(name)));
    }
    for ca in &reply.ca {
        text.push_str(&format!(
            "{:<12}{} (sha256 {})\n",
            "CA",
            ca.subject.shown(),
            ca.fingerprint()
        ));
    }
    text.push_str(&format!("{:<12}{}\n", "User", show(leaf.subject.user())));
    text.push_str(&format!(
        "{:<12}{}\n",
        "Groups",
        if groups.is_empty() { "(none)".to_owned() } else { groups.join(", ") }
    ));
    text.push_str(&format!("{:<12}{}\n", "Code", code.short()));
    text.push_str(
        "kubectl will trust this server from then on. That it answers proves nothing about whose it is:\n\
         compare the code with the admin over another channel.",
    );
    host.say(text);
    if let Some(expected) = expected {
        if expected.matches(&code) {
            return Ok(());
        }
        return Err(Error::refused(format!(
            "this is not the reply that was expected: its code is {}",
            code.short()
        ))
        .hint("nothing was written; ask the admin for the reply and its code again"));
    }
    if args.dry_run.dry_run != DryRun::None {
        return Ok(());
    }
    host.confirm("Is this your cluster?", args.yes)
        .hint("the code by which the admin vouches for it is given with --expect-reply CODE")
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
    let mut checks = issued::check(host, &chain, &answer.wanted(), &endpoint.ca())?;
    if args.no_verify || args.dry_run.dry_run != DryRun::None {
        host.say("not tried on the server");
    } else {
        let key_pem = answer.key.to_pem();
        let timeout = args.client.request_timeout;
        let check =
            issued::try_out(&endpoint, &chain, &key_pem, &answer.user, &answer.groups, timeout)
                .await?;
        issued::tell(host, std::slice::from_ref(&check));
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
    })
}
