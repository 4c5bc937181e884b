//! `approve NAME…`.

mod bulk;
mod one;
mod replies;
mod watch;

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;
use tokio::sync::OnceCell;
use usercert_core::exchange::request_file::ImportedRequest;
use usercert_core::text::show;
use usercert_core::x509::code::ExpectedCode;

use self::replies::Replies;
use crate::cluster::{Cluster, Target};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::Folder;
use crate::ui::args::{
    ClientArgs, DryRun, DryRunArgs, Expires, OutputArgs, ReplyArgs, TimeoutArgs,
};
use crate::ui::host::Host;
use crate::ui::output;
use crate::ui::role_args::RoleArgs;
use crate::workflow::approval;
use crate::workflow::findings;
use crate::workflow::known_certificates::Held;
use crate::workflow::records::Recorder;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::{PolicyArgs, Rules};
use crate::workflow::review_sheet::OTHER_CERTIFICATES;

/// The reason of an approval where none is given.
pub(super) const REASON: &str = "UsercertApprove";

/// Review requests, ask, and approve exactly what was shown
///
/// What is approved is the very object that was shown: if somebody deletes it and submits another
/// under its name, nothing is approved. With --expect, a request with another code is refused.
///
/// Examples:
///
///   kubectl usercert approve alice --clusterrole view -n dev
///   # For somebody without access: a file in, a file out
///   kubectl usercert approve -f alice.yaml --reply alice.kubeconfig
///   # In a script
///   kubectl usercert approve alice --expect K7QF-2M9X-0ATB-55WZ --yes
///   # As a service: renewals that a policy lets pass
///   kubectl usercert approve --watch --policy policy.yaml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ApproveArgs {
    /// Names of requests, or of users with exactly one pending request
    #[arg(required_unless_present_any = ["from", "all_pending", "selector", "watch"])]
    pub names: Vec<String>,
    /// Submit the requests in this file ("-": standard input) or directory for somebody, and approve
    /// them; repeat for several
    #[arg(short = 'f', long, alias = "filename", value_name = "FILE",
          conflicts_with_all = ["names", "all_pending", "selector"])]
    pub from: Vec<PathBuf>,
    /// All pending requests in one table; those that a finding refuses are left out
    #[arg(long, conflicts_with = "names")]
    pub all_pending: bool,
    /// Like --all-pending, but only requests with these labels
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "names")]
    pub selector: Option<String>,
    /// Approve only the request with this code, short or full; repeat for several requests
    #[arg(long, value_name = "CODE")]
    pub expect: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Continue despite this refusing finding; repeat for several
    #[arg(long, value_name = "FINDING")]
    pub accept: Vec<String>,
    /// Reason, as one word
    #[arg(long, value_name = "WORD", default_value = REASON)]
    pub reason: String,
    /// Reason, as a sentence
    #[arg(
        long,
        value_name = "TEXT",
        hide_default_value = true,
        default_value = "Approved with kubectl usercert approve."
    )]
    pub message: String,
    /// With -f: signer, instead of the manifest's. Otherwise: only requests to this signer
    #[arg(long, value_name = "NAME", conflicts_with = "names")]
    pub signer: Option<String>,
    /// With -f: lifetime to request, instead of the manifest's; "signer" leaves it to the signer
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", requires = "from")]
    pub expires: Option<String>,
    #[command(flatten)]
    reply: ReplyArgs,
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
    watch: watch::WatchArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

impl ApproveArgs {
    /// Whether requests are chosen by what they are, not by their names.
    fn bulk(&self) -> bool {
        self.all_pending || self.selector.is_some()
    }
}

/// One of the things to approve.
enum Asked {
    Named(String),
    HandedOver(Box<ImportedRequest>),
}

/// A run of the command: what was asked for, and what is learnt once for all requests.
struct Approval<'a> {
    host: &'a Host,
    args: &'a ApproveArgs,
    target: &'a Target,
    cluster: &'a Cluster,
    rules: Rules,
    expected: Vec<ExpectedCode>,
    expires: Option<Expires>,
    bindings: OnceCell<Bindings>,
    replies: Replies,
    recorder: Recorder<'a>,
    /// What roles that could not be given make of the exit code.
    ungranted: Cell<Exit>,
}

pub async fn run(host: &Host, args: &ApproveArgs) -> Result<Exit> {
    if args.watch.watch {
        return watch::run(host, args).await;
    }
    for code in &args.accept {
        findings::can_be_accepted(code)?;
    }
    let parse = |code: &String| code.parse::<ExpectedCode>().context("--expect").usage();
    let expected = args.expect.iter().map(parse).collect::<Result<Vec<_>>>()?;
    let expires = match &args.expires {
        Some(text) => Some(text.parse::<Expires>().context("--expires").usage()?),
        None => None,
    };
    let rules = args.policy.load(host)?;
    let asked: Vec<Asked> = match args.from.as_slice() {
        [] => args.names.iter().cloned().map(Asked::Named).collect(),
        from => approval::read_all_requests(host, from)?
            .into_iter()
            .map(|incoming| Asked::HandedOver(Box::new(incoming)))
            .collect(),
    };
    if args.reply.to_stdout()
        && args.dry_run.dry_run == DryRun::None
        && args.output.format.is_some()
    {
        return Err(Error::usage("-o and --reply - both write to standard output")
            .hint("name a file for the reply, or leave out -o"));
    }
    let bulk = args.bulk();
    let of_folder = args.from.iter().any(|place| place.is_dir());
    if (bulk || of_folder || asked.len() > 1)
        && let Some(reply) = &args.reply.reply
    {
        let usable = !args.reply.to_stdout() && Folder::open_or_create(reply).is_ok();
        if !usable {
            return Err(Error::usage(
                "--reply must be a directory when several requests, or those in a directory, are approved",
            ));
        }
    }
    if bulk && args.roles.any() {
        return Err(Error::usage("--role and --clusterrole need requests that are named")
            .hint("name the requests, or grant the roles with `kubectl usercert grant`"));
    }
    // Whatever is wrong with them is told before anything is asked for.
    args.roles.scope(args.client.namespace.as_deref())?;
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let approval = Approval {
        host,
        args,
        target: &target,
        cluster: &cluster,
        rules,
        expected,
        expires,
        bindings: OnceCell::new(),
        replies: Replies::default(),
        recorder: Recorder::new(host, &cluster),
        ungranted: Cell::new(Exit::Done),
    };
    if bulk { approval.all_pending().await } else { approval.each(asked).await }
}

impl Approval<'_> {
    async fn each(&self, asked: Vec<Asked>) -> Result<Exit> {
        let several = asked.len() > 1;
        let mut exit = Exit::Done;
        let mut decisions = output::Collected::new(self.args.output.format, asked.len());
        let mut codes = Vec::new();
        for (index, one) in asked.into_iter().enumerate() {
            if index > 0 {
                self.host.say("");
            }
            match self.one(one, &mut codes).await {
                Ok(item) => self.tell(&mut decisions, item)?,
                Err(error) if several => {
                    self.host.fail(&error);
                    exit = exit.gravest(error.exit);
                }
                Err(error) => return Err(error),
            }
        }
        decisions.finish(self.host, "DecisionList")?;
        for (text, code) in self.args.expect.iter().zip(&self.expected) {
            if !codes.iter().any(|found| code.matches(found)) {
                self.host
                    .warn(format!("warning: none of these requests has the code {}", show(text)));
            }
        }
        self.record().await;
        let exit = exit.gravest(self.hand_back(several).await?);
        Ok(exit.gravest(self.ungranted.get()))
    }

    /// Tells of a decision before any wait begins: from here on it stands. A reply on standard output
    /// has that for itself.
    fn tell(&self, decisions: &mut output::Collected, item: output::Item) -> Result<()> {
        if self.args.reply.to_stdout() && self.dry_run() == DryRun::None {
            self.host.say(&item.text);
            return Ok(());
        }
        decisions.add(self.host, Some(item))
    }

    fn dry_run(&self) -> DryRun {
        self.args.dry_run.dry_run
    }

    /// Whether a person looks at it before it is done.
    fn is_shown(&self) -> bool {
        self.args.bulk() || (!self.args.yes && self.host.can_ask())
    }

    /// Whether the certificates that people hold already are looked at: two requests, made where a person
    /// looks at what they tell, or where the policy makes more of it than a warning.
    fn looks_at_held(&self) -> bool {
        self.is_shown() || self.rules.ask_for_held()
    }

    /// The certificates that people hold already, of one user or of all.
    async fn held(&self, user: Option<&str>) -> Held {
        match self.looks_at_held() {
            true => Held::read(self.cluster, user, self.host.now()).await,
            false => Held::default(),
        }
    }

    /// What a review looks at, and this one does not because nobody is asked.
    fn not_checked(&self) -> impl Iterator<Item = &'static str> {
        let roles = (!self.is_shown()).then_some("roles in namespaces");
        let held = (!self.looks_at_held()).then_some(OTHER_CERTIFICATES);
        roles.into_iter().chain(held)
    }

    /// The cluster's bindings, read once: what imitates a name in them is refused. Where a person
    /// decides, all of them; else those that count in the whole cluster.
    async fn bindings(&self) -> &Bindings {
        let read = || async {
            match self.is_shown() {
                true => Bindings::read(self.cluster).await,
                false => Bindings::cluster_wide(self.cluster).await,
            }
        };
        self.bindings.get_or_init(read).await
    }
}
