//! `revocations lift ID`.

use std::path::Path;

use clap::Args;
use serde_json::json;
use usercert_core::inspect;
use usercert_core::lifecycle::enforcement::Enforcement;
use usercert_core::lifecycle::probe::Seen;
use usercert_core::lifecycle::{Fingerprint, Revocation, RevocationKey, RevocationList};
use usercert_core::text::{shell_word, show, show_short};
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::{clock, known_certificates, revocation};

/// Longest file that certificates are looked for in, in bytes.
const LIMIT: usize = 4 << 20;
/// How many entries that stay are told.
const LISTED: usize = 10;

/// Unblock a certificate or a user
///
/// Removes the entry from the list. For a certificate of a blocked user it writes an exception instead,
/// so that this certificate works and the others stay blocked. Removed roles are not restored. Tests
/// afterwards whether the certificate is accepted; exit code 1 when the policy still refuses it.
///
/// Examples:
///
///   kubectl usercert revocations lift 5f3a91c2
///
///   kubectl usercert revocations lift user/alice
///
///   kubectl usercert revocations lift alice-new.crt
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct LiftArgs {
    /// An id as `list` prints it, or its first 8 digits; a SHA-256; a file with the certificate
    pub id: String,
    /// Reason for an exception: one line of at most 200 characters
    #[arg(long, value_name = "TEXT", default_value = "lifted", hide_default_value = true)]
    reason: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// What is meant.
enum Meant {
    Key(RevocationKey),
    Certificate(Fingerprint, Option<Box<Certificate>>),
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &LiftArgs) -> Result<Exit> {
    usercert_core::lifecycle::check_reason(&args.reason).context("--reason").usage()?;
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let list = revocation::read(&cluster).await?.ok_or_else(revocation::no_list)?;
    let meant = meant(host, args, &list)?;
    let owner = owner(&cluster, &list, &meant).await;
    let (keys, excepted) = plan(&list, meant, owner.as_deref())?;
    let dry = args.dry_run.dry_run;
    let let_in = let_in(&list, &keys, &excepted);
    let let_in = let_in.map(|(key, user)| (key, user.or_else(|| owner.clone())));
    let said = |out: &str, except: &str| -> Vec<String> {
        let taken = keys.iter().map(|key| format!("{}: {out}", shown(key)));
        let excepted = excepted.iter().map(|e| format!("{}: {except}", shown(&e.0)));
        taken.chain(excepted).collect()
    };
    let lines = said("removed from the list", "excepted from the block of its user");
    let answered = args.yes || dry != DryRun::None;
    let planned = said("remove it from the list", "except it from the block of its user");
    host.say_before_asking(format!("To be unblocked:\n  {}", planned.join("\n  ")), answered);
    host.confirm(&format!("Unblock it on {}?", cluster.name()), answered)?;
    if dry != DryRun::Client {
        let server = dry == DryRun::Server;
        let by = cluster.who_am_i().await;
        let by = by.map_err(|e| explain(&e, &cluster.server, &Need::WhoAmI))?.username;
        let now = clock::now(host, &cluster);
        let exceptions: Vec<Revocation> = excepted
            .into_iter()
            .map(|(key, certificate)| {
                let entry = Revocation::new(key, &args.reason, &by, now);
                match (certificate, &owner) {
                    (Some(c), _) => entry.of_certificate(c.subject.user(), c.not_after),
                    (None, Some(user)) => entry.naming(user),
                    (None, None) => entry,
                }
            })
            .collect();
        revocation::change(&cluster, &exceptions, &keys, server).await?;
    }
    let mut seen = None;
    if let (Some((key, user)), DryRun::None) = (&let_in, dry) {
        seen = Some(revocation::lifted(&target, &cluster, key, user.as_deref()).await);
    }
    let kept_out = seen.as_ref().and_then(Enforcement::kept_out);
    let value = output::object(
        "Lifting",
        json!({
            "id": args.id, "done": lines, "dryRun": dry != DryRun::None,
            "enforcement": seen.as_ref().map(revocation::seen_value),
        }),
    );
    output::print(host, args.output.format, &value, std::slice::from_ref(&args.id), |_| {
        lines.iter().map(|line| format!("{line}{}\n", dry.mark())).collect()
    })?;
    if let Some(why) = &kept_out {
        host.warn(format!("warning: {why}"));
    }
    let still: Vec<_> = still_blocked(&list, &keys).collect();
    if !still.is_empty() {
        let flags = args.client.repeated();
        let lines = still.iter().take(LISTED).map(|entry| {
            format!("\n  kubectl usercert revocations lift{flags} {}", revocation::id(&entry.key))
        });
        let more = still.len().checked_sub(LISTED).filter(|more| *more > 0);
        let more = more.map(|more| format!("\n  and {more} more")).unwrap_or_default();
        host.warn(format!(
            "note: certificates of the user are still on the list, by their own entries; to unblock them:{}{more}",
            lines.collect::<String>()
        ));
    }
    let refuses =
        |seen: &Enforcement| [&seen.admission, &seen.authorization].contains(&&Seen::Refuses);
    let stays = seen.as_ref().is_some_and(refuses);
    Ok(if stays { Exit::Failed } else { Exit::Done })
}

/// Entries of certificates of the users that are lifted whose own entries stay.
fn still_blocked<'a>(
    list: &'a RevocationList,
    keys: &[RevocationKey],
) -> impl Iterator<Item = &'a Revocation> {
    list.entries().filter(|entry| {
        let user = entry.user.clone().map(RevocationKey::User);
        let own = matches!(entry.key, RevocationKey::Certificate(_)) && !keys.contains(&entry.key);
        own && user.is_some_and(|user| keys.contains(&user))
    })
}

/// What is let in again, each with the user of the certificate if it is known; none where an exception is
/// taken back.
fn let_in(
    list: &RevocationList,
    keys: &[RevocationKey],
    excepted: &[Excepted],
) -> Option<(RevocationKey, Option<String>)> {
    let of_exception = excepted.first().map(|(key, certificate)| {
        (key.clone(), certificate.as_ref().map(|c| c.subject.user().to_owned()))
    });
    of_exception.or_else(|| {
        let key = keys.first().filter(|key| !matches!(key, RevocationKey::Exception(_)))?;
        Some((key.clone(), list.entry(key).and_then(|entry| entry.user.clone())))
    })
}

fn shown(key: &RevocationKey) -> String {
    match key {
        RevocationKey::User(name) => format!("user {}", show_short(name, 100)),
        RevocationKey::Certificate(print) | RevocationKey::Exception(print) => {
            format!("certificate {print}")
        }
    }
}

fn meant(host: &Host, args: &LiftArgs, list: &RevocationList) -> Result<Meant> {
    if let Some(name) = args.id.strip_prefix("user/") {
        return Ok(Meant::Key(RevocationKey::User(name.to_owned())));
    }
    if let Some(digits) = args.id.strip_prefix("except/") {
        let print = match digits.parse::<Fingerprint>() {
            Ok(print) => print,
            Err(error) => match Fingerprint::beginning(digits) {
                Some(start) => the_one(args, list, &start, RevocationKey::Exception)?,
                None => return Err(error).usage(),
            },
        };
        return Ok(Meant::Key(RevocationKey::Exception(print)));
    }
    // As `revoke -o json` has it.
    let digits = args.id.strip_prefix("certificate/").unwrap_or(&args.id);
    if let Ok(print) = digits.parse::<Fingerprint>() {
        return Ok(Meant::Certificate(print, None));
    }
    if let Some(start) = Fingerprint::beginning(digits).filter(|_| !Path::new(&args.id).exists()) {
        let print = the_one(args, list, &start, RevocationKey::Certificate)?;
        return Ok(Meant::Certificate(print, None));
    }
    let ids = ids_of(list, &args.id);
    if !ids.is_empty() && !Path::new(&args.id).exists() {
        return Err(Error::usage(format!("{} is a user, not an id", show(&args.id)))
            .hint(format!("what is revoked of that user:\n  {}", ids.join("\n  "))));
    }
    let input = host.input(Path::new(&args.id), LIMIT)?;
    let found = inspect::read(&input).context(show(&args.id))?;
    let mut leaves = found.iter().filter_map(|f| f.certificate()).filter(|c| !c.is_ca);
    match (leaves.next(), leaves.next()) {
        (Some(leaf), None) => {
            Ok(Meant::Certificate(Fingerprint::of(&leaf.der), Some(Box::new(leaf.clone()))))
        }
        (None, _) => {
            Err(Error::new(format!("{}: it contains no client certificate", show(&args.id))))
        }
        _ => Err(Error::usage(format!("{}: it contains several certificates", show(&args.id)))
            .hint("name one by its SHA-256")),
    }
}

/// The only entry of a kind that begins so.
fn the_one(
    args: &LiftArgs,
    list: &RevocationList,
    start: &str,
    kind: fn(Fingerprint) -> RevocationKey,
) -> Result<Fingerprint> {
    let listed = list.entries().filter_map(|entry| match entry.key {
        RevocationKey::Certificate(print) | RevocationKey::Exception(print)
            if entry.key == kind(print) =>
        {
            Some(print)
        }
        _ => None,
    });
    let prints: Vec<_> = listed.filter(|print| print.to_string().starts_with(start)).collect();
    match prints.as_slice() {
        [print] => Ok(*print),
        [] => Err(not_listed(&args.id)),
        several => {
            let count = several.len();
            Err(Error::usage(format!("{count} entries begin with {}", show(&args.id)))
                .hint("give more of its digits"))
        }
    }
}

/// The ids of what is revoked of a user, and of what is excepted.
fn ids_of(list: &RevocationList, user: &str) -> Vec<String> {
    let of_user = list.entries().filter(|e| e.user.as_deref() == Some(user));
    of_user.map(|e| shell_word(&revocation::id(&e.key))).collect()
}

/// An exception to write, with its certificate if it is known.
type Excepted = (RevocationKey, Option<Box<Certificate>>);

/// Whose certificate is meant, if neither it nor the list tells, but the cluster does.
async fn owner(cluster: &Cluster, list: &RevocationList, meant: &Meant) -> Option<String> {
    let Meant::Certificate(print, None) = meant else { return None };
    if list.entry(&RevocationKey::Certificate(*print)).is_some() {
        return None;
    }
    known_certificates::of_fingerprint(cluster, print).await.map(|known| known.user)
}

/// The keys to take out, and the exceptions to write.
fn plan(
    list: &RevocationList,
    meant: Meant,
    owner: Option<&str>,
) -> Result<(Vec<RevocationKey>, Vec<Excepted>)> {
    match meant {
        Meant::Key(key) if list.entry(&key).is_none() => Err(not_listed(&shown(&key))),
        Meant::Key(key) => Ok((vec![key], Vec::new())),
        Meant::Certificate(print, certificate) => {
            let key = RevocationKey::Certificate(print);
            let entry = list.entry(&key);
            let except = RevocationKey::Exception(print);
            let user = certificate.as_ref().map(|c| c.subject.user().to_owned());
            let user = user.or_else(|| entry.and_then(|e| e.user.clone()));
            let user = user.or_else(|| owner.map(str::to_owned));
            // An exception of what nobody has blocked would outlive the block that comes later.
            let by_user = user.is_some_and(|user| list.user(&user).is_some());
            let writes = by_user && list.entry(&except).is_none();
            if entry.is_none() && !writes {
                return Err(not_listed(&print.to_string()));
            }
            let keys = if entry.is_some() { vec![key] } else { Vec::new() };
            let exceptions = if writes { vec![(except, certificate)] } else { Vec::new() };
            Ok((keys, exceptions))
        }
    }
}

fn not_listed(what: &str) -> Error {
    Error::new(format!("{} is not revoked here", show(what)))
        .hint("`kubectl usercert revocations list` shows what is revoked; to except a certificate from the block of its user, give its file")
}
