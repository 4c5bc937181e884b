//! `credential`: what clients run for a certificate that renews itself.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::self_renewing::{STORE_FLAG, SUBCOMMAND};
use usercert_core::lifecycle::credential::{
    Attempts, ClusterMismatch, Step, answer, check_cluster, client_cluster, meanwhile,
    next_attempt, next_look, renewal_point,
};
use usercert_core::text::{shell_word, show};
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::runtime;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::credential_store::StateHome;
use crate::files::{environment, reading};
use crate::ui::args::Timeout;
use crate::ui::host::Host;
use crate::workflow::self_renewal::{self, Renewal};
use crate::workflow::stored_credential::OpenStore;

/// Longest time that a client waits for a renewal: its own command has not begun yet.
const BUDGET: Duration = Duration::from_secs(10);
/// Longest time for one request to the server.
const REQUEST: Timeout = Timeout::seconds(5);
/// How long a new request is waited for.
const APPROVAL: Duration = Duration::from_secs(5);
/// Longest CA file that is read, in bytes.
const AUTHORITY_LIMIT: usize = 1 << 20;

/// Give kubectl the certificate of an entry that renews itself
///
/// User entries made by `install --auto-renew` and `renew --auto` run this (ExecCredential,
/// client.authentication.k8s.io/v1). It prints the stored certificate, and renews it after 70 to 90 %
/// of its lifetime, using the stored certificate and the stored server only. Until the renewal is
/// approved, or after a failure, it prints the old certificate.
///
/// Examples:
///
///   # What the user entry runs
///   kubectl usercert credential --store 3b1f0c5a9d2e47f68a0b1c2d3e4f5a6b
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct CredentialArgs {
    /// The stored certificate
    #[arg(long, value_name = "ID")]
    pub store: String,
    /// Also answer programs that do not say which cluster they connect to, such as JavaScript's client
    #[arg(long)]
    pub allow_unknown_cluster: bool,
}

/// The arguments as user entries have them, without the reader of command lines, which takes longer than
/// all the rest.
pub fn as_clients_ask(words: impl Iterator<Item = OsString>) -> Option<CredentialArgs> {
    let words: Vec<OsString> = words.skip(1).take(5).collect();
    let words: Vec<&str> = words.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    let (store, allow_unknown_cluster) = match words.as_slice() {
        [SUBCOMMAND, STORE_FLAG, store] => (store, false),
        [SUBCOMMAND, STORE_FLAG, store, "--allow-unknown-cluster"] => (store, true),
        _ => return None,
    };
    Some(CredentialArgs { store: (*store).to_owned(), allow_unknown_cluster })
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub fn run(host: &Host, args: &CredentialArgs) -> Result<Exit> {
    if host.shows_results() {
        return Err(Error::usage("this prints a private key, and standard output is a terminal")
            .hint("kubectl runs this by itself; `kubectl usercert verify` shows the certificate"));
    }
    let open = OpenStore::open(&StateHome::from_environment(), &args.store)?;
    let endpoint = endpoint(args, &open)?;
    let (open, until) = match open.step(host.now()) {
        Step::Answer(until) => (open, until),
        Step::Expired => return Err(expired(host, &open)),
        Step::Renew => renewed(host, open, &endpoint)?,
    };
    host.result(answer(&open.stored, until).as_str())?;
    Ok(Exit::Done)
}

/// The stored endpoint, by the way that the client takes to it.
fn endpoint(args: &CredentialArgs, open: &OpenStore) -> Result<Endpoint> {
    let stored = open.stored.endpoint();
    let info = environment::variable("KUBERNETES_EXEC_INFO");
    let file = |path: &str| reading::read_named(path.as_ref(), AUTHORITY_LIMIT).ok();
    let client = match client_cluster(info.as_deref(), file) {
        Err(ClusterMismatch::Untold) if args.allow_unknown_cluster => return Ok(stored),
        client => client.and_then(|client| check_cluster(&stored, &client).map(|()| client)),
    };
    let client = client.map_err(|mismatch| {
        let error = Error::new(format!(
            "the certificate of {} is for {}: {mismatch}",
            show(open.leaf.subject.user()),
            show(&stored.server)
        ));
        match mismatch {
            ClusterMismatch::Untold => error.hint(
                "the user entry needs provideClusterInfo: true; for programs that do not support \
                 it, add the argument --allow-unknown-cluster",
            ),
            _ => error.hint(format!(
                "if the cluster has moved: kubectl usercert renew --static -- {context}, and then renew --auto",
                context = shell_word(&open.stored.context)
            )),
        }
    })?;
    Ok(Endpoint { proxy_url: client.proxy_url, ..stored })
}

fn expired(host: &Host, open: &OpenStore) -> Error {
    let attempts = open.attempts();
    let why = attempts.as_ref().map(|a| a.why.as_str());
    self_renewal::too_late(&open.stored.context, &open.leaf, true, why, host.now())
}

/// The store after an attempt to renew, and until when its certificate serves.
fn renewed(host: &Host, open: OpenStore, endpoint: &Endpoint) -> Result<(OpenStore, UnixTime)> {
    let lock = open.files.try_lock();
    // Somebody else may have renewed it in between.
    let open = open.again()?;
    let lock = match (open.step(host.now()), lock) {
        (Step::Answer(until), _) => return Ok((open, until)),
        (Step::Expired, _) => return Err(expired(host, &open)),
        (Step::Renew, Ok(Some(lock))) => lock,
        // Another process is at it.
        (Step::Renew, Ok(None)) => {
            let until = meanwhile(&open.leaf, host.now());
            return Ok((open, until));
        }
        (Step::Renew, Err(error)) => {
            host.warn(format!("warning: the certificate cannot be renewed: {error}"));
            let until = meanwhile(&open.leaf, host.now());
            return Ok((open, until));
        }
    };
    let outcome = attempt(&open, endpoint);
    let now = host.now();
    let failures = open.attempts().map_or(0, |a| a.failures) + 1;
    let attempts = |failures, next, why: String| Attempts {
        certificate: open.leaf.fingerprint(),
        failures,
        next,
        why,
    };
    let user = show(open.leaf.subject.user());
    let left = expiry_in_words(open.leaf.not_after, now);
    let note = match outcome {
        Ok(Renewal::Renewed) => {
            let open = open.again()?;
            drop(lock);
            let until = renewal_point(&open.leaf);
            return Ok((open, until));
        }
        Ok(Renewal::Pending { line, code }) => {
            let why = format!("it waits for an admin: {line}");
            if open.attempts().is_none_or(|told| told.why != why) {
                host.say(format!(
                    "The renewal of the certificate of {user}, which {left}, waits for an admin (code {code}):\n  {line}"
                ));
            }
            attempts(0, next_look(&open.leaf, now), why)
        }
        Err(error) => {
            host.warn(format!(
                "warning: the certificate of {user}, which {left}, could not be renewed: {}",
                error.message
            ));
            attempts(failures, next_attempt(&open.leaf, failures, now), error.message)
        }
    };
    // Without the note the next call tries again.
    if let Err(error) = open.files.keep_attempts(&note) {
        host.warn(format!("warning: {error}"));
    }
    let until = meanwhile(&open.leaf, now);
    Ok((open, until))
}

fn attempt(open: &OpenStore, endpoint: &Endpoint) -> Result<Renewal> {
    let renewal = async {
        let renewal = self_renewal::renew(open, endpoint, APPROVAL, REQUEST);
        tokio::time::timeout(BUDGET, renewal).await
    };
    // On a thread of its own: this one may be a runtime's already.
    let run = || runtime::new().map(|runtime| runtime.block_on(renewal));
    let ended = std::thread::scope(|scope| scope.spawn(run).join());
    let ended = ended.map_err(|_| Error::new("the renewal crashed"))?;
    ended
        .context("cannot start")?
        .unwrap_or_else(|_| Err(Error::new("the server did not answer in time")))
}
