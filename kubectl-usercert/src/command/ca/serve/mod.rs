//! `ca serve`.

mod stop;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use usercert_core::api::csr::{CLIENT_SIGNER, CsrObject, RESOURCE};
use usercert_core::ca::authority::{self, Asked, Key, REASON};
use usercert_core::ca::profile::{self, ClusterNames};
use usercert_core::review::Reviewed;
use usercert_core::text::show;
use usercert_core::x509::certificate::{Certificate, chain_to_pem};
use usercert_core::x509::lifetime::{self, Lifetime};

use self::stop::Stop;
use super::authority::{AuthorityArgs, Ca};
use super::rbac;
use crate::cluster::{ApiError, Change, Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::keys;
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, Format, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::review_policy::{PolicyArgs, Rules};
use crate::workflow::review_sheet::{self, Bindings};

/// How often an answer is tried while others change the object.
const TRIES: usize = 10;
/// Told once where role bindings may not be listed.
const NOT_LISTED: &str = "warning: role bindings may not be listed here, so names that look like those in them are signed; --print-rbac prints the rules";
/// Waiting after a failure: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Longest time for one request where `--request-timeout` sets none: as long as a pod has to end.
const LIMIT: Duration = Duration::from_secs(30);
/// How long the names in role bindings are taken for current.
const FRESH: Duration = Duration::from_secs(10);

/// Sign approved requests in a cluster, as the signer of a name of your own
///
/// Watches for approved CertificateSigningRequests to this signer and issues people's certificates.
/// What the review refuses is not signed, whoever approved it: the request gets the condition Failed.
/// Two of it may run side by side. Ends on SIGTERM or ctrl-c. A request to the server takes at most
/// 30 seconds, or --request-timeout.
///
/// Examples:
///
///   kubectl usercert ca serve --signer example.com/people --ca-cert ca.crt --ca-key ca.key
///
///   kubectl usercert ca serve --signer example.com/people --print-rbac -n usercert | kubectl apply -f -
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ServeArgs {
    /// Signer to act as, as example.com/people. kubernetes.io/kube-apiserver-client goes where the
    /// cluster's own signer is switched off
    #[arg(long, value_name = "NAME")]
    pub signer: String,
    /// Longest lifetime that is granted, and what is granted who asks for none (at most the policy's)
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub max_expires: String,
    /// Let this refusing finding pass; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Sign what waits now, and end; exit code 3 when something was refused
    #[arg(long)]
    pub once: bool,
    /// Print the manifest of a service account that may do this, and end
    #[arg(long)]
    pub print_rbac: bool,
    /// Name of the service account in that manifest; its namespace is that of --namespace
    #[arg(long, value_name = "NAME", default_value = "usercert-signer")]
    pub service_account: String,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    authority: AuthorityArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &ServeArgs) -> Result<Exit> {
    authority::check_signer_name(&args.signer).context("--signer").usage()?;
    if args.print_rbac {
        let namespace = args.client.namespace.as_deref().unwrap_or("default");
        host.result(rbac::manifest(&args.signer, &args.service_account, namespace))?;
        return Ok(Exit::Done);
    }
    for code in &args.accept {
        review_sheet::can_be_accepted(code)?;
    }
    let longest = args.max_expires.parse().context("--max-expires").usage()?;
    let rules = args.policy.load(host)?;
    let ca = args.authority.load(host)?;
    ca.authority.may_issue(profile::user())?;
    let stop = if args.once { Stop::never() } else { Stop::new()? };
    let cluster = connected(args, &stop)?;
    let known = Known::default();
    let mut signer = Signer { host, args, cluster, ca, rules, longest, stop, known };
    signer.introduce();
    // The first look tells whether it can work at all.
    let (version, handled) = match signer.sign_waiting().await? {
        Some((_, handled)) if args.once => return Ok(handled),
        Some(done) => done,
        None => {
            host.say("stopped");
            return Ok(Exit::Done);
        }
    };
    let mut at = Position { version: Some(version), unfinished: handled == Exit::Failed };
    let mut pause = BACKOFF.0;
    loop {
        let begun = Instant::now();
        // A service account's token lives for an hour: each step takes the one that is there by now.
        let step = match connected(args, &signer.stop) {
            Ok(cluster) => {
                signer.cluster = cluster;
                signer.step(&mut at, pause).await
            }
            Err(error) => Err(error),
        };
        let again = step.is_err() || at.unfinished;
        match step {
            Ok(Step::Stopped) => break,
            Ok(Step::Listed) => continue,
            // A server that ends every watch at once is not asked at once again.
            Ok(Step::Watched) if begun.elapsed() >= BACKOFF.0 => {}
            Ok(Step::Watched) => {
                if signer.stop.within(pause).await {
                    break;
                }
            }
            Err(error) => {
                let next = if signer.stop.is_told().await { "" } else { "; trying again" };
                host.warn(format!("warning: {}{next}", error.message));
                if signer.stop.within(pause).await {
                    break;
                }
            }
        }
        pause = if again { (pause * 2).min(BACKOFF.1) } else { BACKOFF.0 };
    }
    host.say("stopped");
    Ok(Exit::Done)
}

fn connected(args: &ServeArgs, stop: &Stop) -> Result<Cluster> {
    let cluster = Target::resolve(&args.client)?.connect()?;
    Ok(cluster.for_service(LIMIT, stop.receiver()))
}

/// How far the work has come.
struct Position {
    /// The version up to which everything is answered; without one it begins with the list.
    version: Option<String>,
    /// Whether something in the list could not be answered.
    unfinished: bool,
}

/// What a step was.
enum Step {
    /// What waits has been listed and answered.
    Listed,
    /// Changes have been followed, until the watch ended.
    Watched,
    /// Told to stop.
    Stopped,
}

struct Signer<'a> {
    host: &'a Host,
    args: &'a ServeArgs,
    cluster: Cluster,
    ca: Ca,
    rules: Rules,
    longest: Lifetime,
    stop: Stop,
    known: Known,
}

/// What is known of the cluster's role bindings.
#[derive(Default)]
struct Known {
    /// They, and since when.
    bindings: RefCell<Option<(Instant, Rc<Bindings>)>>,
    /// Whether it was told that they may not be read.
    told: Cell<bool>,
}

/// What was answered to a request.
enum Answer {
    Signed(Vec<Certificate>),
    Failed(String),
}

impl Signer<'_> {
    fn introduce(&self) {
        let ca = self.ca.authority.certificate();
        let name = &self.args.signer;
        self.host.say(format!(
            "signing for {} at {} with {}, SHA-256 {}",
            show(name),
            show(&self.cluster.server),
            ca.subject.shown(),
            ca.fingerprint()
        ));
        if let Some(file) = self.rules.file() {
            self.host.say(format!("policy {file}"));
        }
        if name == CLIENT_SIGNER {
            self.host.warn(format!(
                "warning: {name} is the cluster's own signer's; where that one is not switched off, whoever is first signs"
            ));
        }
    }

    fn need(&self, error: &ApiError) -> Error {
        explain(error, &self.cluster.server, &Need::Sign(self.args.signer.clone()))
    }

    /// Answers everything that waits now; the version of the list, and how it went. `None` when told to
    /// stop.
    async fn sign_waiting(&self) -> Result<Option<(String, Exit)>> {
        let waits = |object: &CsrObject| authority::is_waiting(object, &self.args.signer);
        let listed = self.stop.or(self.cluster.requests_to(&self.args.signer, waits)).await;
        let Some(listed) = listed else { return Ok(None) };
        let (waiting, version) = listed.map_err(|e| self.need(&e))?;
        let mut exit = Exit::Done;
        for object in waiting {
            if self.stop.is_told().await {
                return Ok(None);
            }
            exit = exit.gravest(self.answer(object).await.unwrap_or_else(|error| {
                // One that cannot be answered does not keep others waiting.
                self.host.fail(&error);
                error.exit
            }));
        }
        Ok(Some((version, exit)))
    }

    /// Follows the changes where the version is known, else answers what is in the list. After a
    /// failure the list tells what was missed.
    async fn step(&self, at: &mut Position, limit: Duration) -> Result<Step> {
        let Some(version) = at.version.take() else {
            let Some((version, handled)) = self.sign_waiting().await? else {
                return Ok(Step::Stopped);
            };
            *at = Position { version: Some(version), unfinished: handled == Exit::Failed };
            return Ok(Step::Listed);
        };
        let limit = at.unfinished.then_some(limit);
        let up = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(up);
        let watch = self.cluster.watch_requests_to(&self.args.signer, &version);
        let mut changes = match self.stop.or(watch).await {
            Some(Ok(changes)) => changes,
            Some(Err(error)) => return self.lost(&error),
            None => return Ok(Step::Stopped),
        };
        loop {
            let change = tokio::select! {
                biased;
                () = self.stop.told() => return Ok(Step::Stopped),
                () = &mut up => return Ok(Step::Watched),
                change = changes.next() => change,
            };
            match change {
                Ok(Some(Change::Object(object))) => {
                    self.answer(*object).await?;
                }
                Ok(Some(Change::Progress)) => {}
                Ok(None) => {
                    at.version = Some(changes.version).filter(|_| !at.unfinished);
                    return Ok(Step::Watched);
                }
                Err(error) => return self.lost(&error),
            }
        }
    }

    /// What a watch that failed comes to: a version that the server has forgotten is no failure.
    fn lost(&self, error: &ApiError) -> Result<Step> {
        if error.code() == 410 { Ok(Step::Watched) } else { Err(self.need(error)) }
    }

    /// Signs or fails one request, unless it does not wait (any more). Told to stop, it finishes nothing
    /// but an answer that is on its way, within the time for one request.
    async fn answer(&self, mut object: CsrObject) -> Result<Exit> {
        for _ in 0..TRIES {
            if !authority::is_waiting(&object, &self.args.signer) {
                return Ok(Exit::Done);
            }
            let bindings = match self.stop.or(self.bindings()).await {
                Some(bindings) => bindings?,
                None => return Ok(Exit::Done),
            };
            let answer = self.decide(&object, &bindings)?;
            let body = match &answer {
                Answer::Signed(chain) => authority::with_certificate(&object, &chain_to_pem(chain)),
                Answer::Failed(why) => authority::with_failure(&object, why, self.host.now()),
            };
            let name = &object.metadata.name;
            let error = match self.args.dry_run.dry_run {
                DryRun::Client => return self.report(&object, &answer),
                dry => match self.cluster.put_status(name, &body, dry == DryRun::Server).await {
                    Ok(_) => return self.report(&object, &answer),
                    Err(error) => error,
                },
            };
            match error.reason() {
                "NotFound" => return Ok(Exit::Done),
                // Somebody has changed it, maybe another one of us: look again.
                "Conflict" => {}
                _ => return Err(self.need(&error)),
            }
            object = match self.stop.or(self.cluster.get_csr(name)).await {
                Some(Ok(object)) => object,
                Some(Err(error)) if error.reason() == "NotFound" => return Ok(Exit::Done),
                Some(Err(error)) => return Err(self.need(&error)),
                None => return Ok(Exit::Done),
            };
        }
        let name = show(&object.metadata.name);
        Err(Error::new(format!("the request {name} changes all the time; it is not signed yet")))
    }

    /// The cluster's role bindings: what looks like a name in them is refused. Always read, whatever the
    /// names hold: an l stands for a 1 as well as the other way round.
    async fn bindings(&self) -> Result<Rc<Bindings>> {
        let known = self.known.bindings.borrow().clone();
        if let Some((_, bindings)) = known.filter(|(since, _)| since.elapsed() < FRESH) {
            return Ok(bindings);
        }
        let begun = Instant::now();
        let read = match Bindings::try_read(&self.cluster).await {
            Err(error) if error.code() == 403 => {
                if !self.known.told.replace(true) {
                    self.host.warn(NOT_LISTED);
                }
                Bindings::unknown("")
            }
            // Signed unseen only where that is the cluster's will, not where it is a moment's failure.
            read => read.map_err(|error| self.need(&error))?,
        };
        let read = Rc::new(read);
        *self.known.bindings.borrow_mut() = Some((begun, Rc::clone(&read)));
        Ok(read)
    }

    fn decide(&self, object: &CsrObject, bindings: &Bindings) -> Result<Answer> {
        let request = object.request().ok();
        let lifetime = authority::granted(object, self.longest, self.rules.longest());
        let asked = object.spec.expiration_seconds;
        let found = self.rules.review(&Reviewed {
            // One that was not asked for stays so: a policy may insist on one.
            expiration_seconds: asked.map(|_| lifetime.seconds().into()),
            requester: Some(&object.spec.username),
            signature: request.map(keys::verify_request),
            bound_names: bindings.names(),
            ..Reviewed::of(object)
        });
        let weigh = |code| self.rules.severity(code);
        let refusal = authority::refusal(found, request, &self.args.accept, weigh);
        if let Some(why) = refusal {
            return Ok(Answer::Failed(why));
        }
        let Some(request) = request else { return Err(Error::new("the request is unreadable")) };
        let asked = Asked {
            profile: profile::user(),
            key: Key::Requested(request),
            name: None,
            alternative_names: &[],
            cluster: &ClusterNames { domain: String::new(), service_addresses: Vec::new() },
            lifetime,
        };
        let leaf = authority::leaf(&asked, &self.ca.authority, self.host.now())?;
        let issued = self.ca.key.issue(&leaf, &self.ca.authority)?;
        Ok(Answer::Signed(self.ca.authority.chain(issued)))
    }

    fn report(&self, object: &CsrObject, answer: &Answer) -> Result<Exit> {
        let request = object.request().ok();
        let user = request.map(|r| r.subject.user().to_owned()).unwrap_or_default();
        let leaf = match answer {
            Answer::Signed(chain) => chain.first(),
            Answer::Failed(_) => None,
        };
        let why = match answer {
            Answer::Failed(why) => Some(why),
            Answer::Signed(_) => None,
        };
        let dry = self.args.dry_run.dry_run != DryRun::None;
        let value = output::object(
            "Issuance",
            json!({
                "name": object.metadata.name, "uid": object.metadata.uid, "user": user,
                "groups": request.map(|r| r.subject.groups()),
                "code": request.map(|r| r.code().short()),
                "sha256": request.map(|r| r.code().full()),
                "outcome": if leaf.is_some() { "Signed" } else { "Failed" },
                "reason": why.map(|_| REASON), "message": why,
                "notAfter": leaf.map(|c| c.not_after), "serial": leaf.map(|c| &c.serial),
                "certificateSha256": leaf.map(Certificate::fingerprint), "dryRun": dry,
            }),
        );
        let name = show(&format!("{RESOURCE}/{}", object.metadata.name));
        // At the end, where no name from the request can stand in for it.
        let code = request.map(|r| format!(", code {}", r.code().short()));
        let mark = code.unwrap_or_default() + if dry { " (dry run)" } else { "" };
        let text = match (leaf, why) {
            (Some(leaf), _) => {
                let end = lifetime::expiry_in_words(leaf.not_after, self.host.now());
                format!("{name} signed for {}, {end}{mark}", show(&user))
            }
            (None, why) => {
                format!("{name} failed: {}{mark}", why.map(String::as_str).unwrap_or_default())
            }
        };
        match self.args.output.format {
            // One object a line: it is a stream.
            Some(Format::Json) => self.host.result(output::visible(&value.to_string()))?,
            Some(Format::Yaml) => {
                let text = usercert_core::encoding::yaml::to_string(&value);
                self.host.result(format!("---\n{text}"))?;
            }
            Some(Format::Name) => self.host.result(name)?,
            Some(Format::Wide) | None => self.host.result(text)?,
        }
        Ok(if leaf.is_some() { Exit::Done } else { Exit::Refused })
    }
}
