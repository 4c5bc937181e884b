//! `contexts`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use usercert_core::kubeconfig::UserEntry;
use usercert_core::kubeconfig::contexts::{self, ContextRow, ContextState, Dead, NotRenewed};
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::lifecycle::credential::Attempts;
use usercert_core::text::{shell_word, show, show_path, show_short};
use usercert_core::time::{UnixTime, human_duration};
use usercert_core::x509::lifetime;
use zeroize::Zeroizing;

use crate::cluster::Kubeconfig;
use crate::error::{Error, Exit, Result};
use crate::files::credential_store::{CredentialStore, StateHome};
use crate::files::{kubeconfig, named, reading};
use crate::ui::args::{DryRun, DryRunArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::kubeconfig_writer::{Refused, edited, readable_by_others, unwritten};
use crate::workflow::revocation;
use crate::workflow::stored_credential::OpenStore;

/// How long to wait for another writer of the kubeconfig.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// Servers that are asked at a time.
const AT_A_TIME: usize = 8;

/// Longest kubeconfig that is searched for credentials, in bytes.
const LONGEST: usize = 64 << 20;

/// List the contexts of the kubeconfig: who they act as, and until when they are valid
///
/// Examples:
///
///   kubectl usercert contexts
///
///   # For a cron job
///   kubectl usercert contexts --expires-within 7d || echo "renew soon"
///
///   # Remove what no longer works
///   kubectl usercert contexts --prune
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ContextsArgs {
    /// Only contexts whose certificate expires within this time, such as 7d or 24h, or has expired; exit
    /// with 4 if there are any
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub expires_within: Option<String>,
    /// Ask each context's server whether its certificate was revoked; otherwise no server is asked
    #[arg(long, conflicts_with = "prune")]
    pub check_revoked: bool,
    /// Remove expired users, contexts without a valid user or cluster, and clusters that only those used
    #[arg(long, conflicts_with = "expires_within")]
    pub prune: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Kubeconfig file to use, instead of $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &ContextsArgs) -> Result<Exit> {
    let within = match &args.expires_within {
        Some(text) => Some(lifetime::parse_duration(text).ok_or_else(|| {
            Error::usage(format!("--expires-within {}: write it as 7d or 24h", show(text)))
        })?),
        None => None,
    };
    let config = Kubeconfig::read(args.kubeconfig.as_deref())?;
    // An alarm must not stay silent because it looks at the wrong place.
    config.must_exist(within.is_some())?;
    let now = host.now();
    let users = users(&config.merged);
    let mut rows = contexts::rows(&config.merged, &users, now);
    for file in &config.list.files {
        if reading::is_readable_by_others(file) && may_hold_secrets(file) {
            host.warn(readable_by_others(file));
        }
    }
    if args.prune {
        return prune(host, args, &config, &contexts::dead(&config.merged, &users, &rows, now));
    }
    if args.check_revoked {
        check_revoked(host, args, &mut rows).await;
    }
    note_renewals(&users, &mut rows);
    let seconds = within.map(|nanos| nanos / 1_000_000_000);
    rows.retain(|row| seconds.is_none_or(|s| contexts::expires_within(row, s, now)));
    let exit = if within.is_some() && !rows.is_empty() { Exit::Matched } else { Exit::Done };
    if rows.is_empty() && !matches!(args.output.format, Some(Format::Json | Format::Yaml)) {
        host.say(match within {
            Some(_) => "No context's certificate expires within that time.",
            None => "No contexts found.",
        });
        return Ok(exit);
    }
    let names: Vec<String> = rows.iter().filter_map(|r| r.context.as_ref()).cloned().collect();
    let value = output::object("ContextList", json!({ "items": rows }));
    output::print(host, args.output.format, &value, &names, |wide| {
        let first_to_go = &["GROUPS", "CLUSTER"];
        table(
            &rows,
            wide,
            now,
            Room { columns: host.table_columns(wide), first_to_go, ..Room::default() },
        )
    })?;
    rows.iter().filter_map(not_renewed_in_words).for_each(|note| host.say(note));
    Ok(exit)
}

/// What the last attempts met of the certificates that renew themselves.
fn note_renewals(users: &BTreeMap<String, UserEntry>, rows: &mut [ContextRow]) {
    for row in rows.iter_mut().filter(|row| row.state == ContextState::Valid) {
        let store = users.get(&row.user_entry).and_then(|entry| entry.store.as_ref());
        let Some(open) = store.and_then(|store| OpenStore::of(store).ok()) else { continue };
        let met = |attempts: Attempts| NotRenewed { waits: attempts.waits(), why: attempts.why };
        row.not_renewed = open.attempts().map(met);
    }
}

fn not_renewed_in_words(row: &ContextRow) -> Option<String> {
    let NotRenewed { waits, why } = row.not_renewed.as_ref()?;
    let context = row.context.as_deref().unwrap_or(&row.user_entry);
    let mut note = format!("context {} is not renewed: {}", show(context), show_short(why, 300));
    if !waits {
        let again = format!("\n  to try now: kubectl usercert renew -- {}", shell_word(context));
        note.push_str(&again);
    }
    Some(note)
}

fn table(rows: &[ContextRow], wide: bool, now: UnixTime, room: Room) -> String {
    let mut header = vec!["CURRENT", "CONTEXT", "CLUSTER", "USER", "GROUPS", "EXPIRES", "STATE"];
    if wide {
        header.extend(["ENTRY", "FILE"]);
    }
    let cell = |text: &str, most| match text {
        "" => "<none>".to_owned(),
        text => show_short(text, most),
    };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let groups: Vec<String> = row.groups.iter().map(|g| show_short(g, 30)).collect();
            let left = row.not_after.map(|end| end.since(now));
            let mut cells = vec![
                if row.current { "*" } else { "" }.to_owned(),
                cell(row.context.as_deref().unwrap_or_default(), 60),
                cell(&row.cluster, 40),
                cell(row.user.as_deref().unwrap_or_default(), 40),
                if groups.is_empty() {
                    "<none>".to_owned()
                } else {
                    show_short(&groups.join(","), 60)
                },
                match left {
                    Some(left) if left >= 0 => human_duration(left),
                    Some(left) => format!("{} ago", human_duration(-left)),
                    None => "<none>".to_owned(),
                },
                row.state_in_words(),
            ];
            if wide {
                cells.push(cell(&row.user_entry, 60));
                cells.push(show_path(&row.file));
            }
            cells
        })
        .collect();
    output::table_within(&header, &rows, room)
}

/// Asks the servers of all contexts with a valid certificate whether it was revoked. Where that could not
/// be told, says so.
async fn check_revoked(host: &Host, args: &ContextsArgs, rows: &mut [ContextRow]) {
    let valid = |row: &ContextRow| row.state == ContextState::Valid;
    let names: Vec<Option<String>> =
        rows.iter().map(|row| row.context.clone().filter(|_| valid(row))).collect();
    let ask = |context: Option<String>| async move {
        Some(revocation::is_revoked(args.kubeconfig.as_deref(), &context?).await)
    };
    let told: Vec<_> = stream::iter(names.into_iter().map(ask)).buffered(AT_A_TIME).collect().await;
    for (row, told) in rows.iter_mut().zip(told) {
        match told {
            None => {}
            Some(Ok(revoked)) => row.revoked = Some(revoked),
            Some(Err(why)) => {
                let context = show(row.context.as_deref().unwrap_or_default());
                let why = why.replace('\n', "\n  ");
                host.warn(format!("context {context}: cannot tell whether it was revoked: {why}"));
            }
        }
    }
}

/// Whether a word stands in the file that credentials come with, also in an entry that another file
/// overrules.
fn may_hold_secrets(file: &Path) -> bool {
    const WORDS: [&str; 5] = ["client-key-data", "token", "password", "auth-provider", "exec"];
    let Ok(text) = reading::read_sensitive(file, LONGEST) else { return true };
    let text = Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
    WORDS.iter().any(|word| text.contains(word))
}

fn users(merged: &Merged) -> BTreeMap<String, UserEntry> {
    let names = merged.users().map(|entry| entry.name.to_owned());
    names
        .filter_map(|name| {
            let entry = named::user_entry(&merged.user(&name)?);
            Some((name, entry))
        })
        .collect()
}

fn prune(host: &Host, args: &ContextsArgs, config: &Kubeconfig, dead: &Dead) -> Result<Exit> {
    if dead.is_empty() {
        host.say("Nothing to remove.");
        if matches!(args.output.format, Some(Format::Json | Format::Yaml)) {
            let value = output::object("Pruned", json!({ "removed": dead }));
            output::print(host, args.output.format, &value, &[], |_| String::new())?;
        }
        return Ok(Exit::Done);
    }
    let lines: Vec<String> =
        [("user", &dead.users), ("context", &dead.contexts), ("cluster", &dead.clusters)]
            .into_iter()
            .flat_map(|(kind, names)| names.iter().map(move |n| format!("{kind} {}", show(n))))
            .collect();
    if args.dry_run.dry_run != DryRun::None {
        let value = output::object("Pruned", json!({ "removed": dead, "dryRun": true }));
        output::print(host, args.output.format, &value, &lines, |_| {
            lines.iter().map(|l| format!("{l} would be removed (dry run)\n")).collect()
        })?;
        return Ok(Exit::Done);
    }
    let mut text =
        format!("To be removed, with their certificates and keys:\n  {}", lines.join("\n  "));
    let current = config.merged.current_context();
    if current.is_some_and(|name| dead.contexts.iter().any(|dead| dead == name)) {
        text.push_str("\nThe current context is among them; afterwards no context is current.");
    }
    host.say_before_asking(text, args.yes);
    host.confirm("Remove them?", args.yes)?;
    // What is written is decided anew under the lock; it must be what was agreed to.
    let updated = kubeconfig::update(&config.list, LOCK_LIMIT, |files| {
        let decide = || -> Result<Vec<(PathBuf, String)>> {
            let merged = Merged::load(&config.list, files)?;
            let (users, now) = (users(&merged), host.now());
            let rows = contexts::rows(&merged, &users, now);
            if contexts::dead(&merged, &users, &rows, now) != *dead {
                return Err(Error::new("the kubeconfig has changed in the meantime")
                    .hint("nothing was removed; run the command again"));
            }
            let edits = contexts::prune(&merged, dead);
            edited(merged, &edits)
        };
        decide().map_err(Refused)
    });
    updated.map_err(unwritten)?;
    remove_stores(host, &config.merged, dead);
    let value = output::object("Pruned", json!({ "removed": dead }));
    output::print(host, args.output.format, &value, &lines, |_| {
        lines.iter().map(|l| format!("{l} removed\n")).collect()
    })?;
    Ok(Exit::Done)
}

/// Removes the expired certificates, with their keys, that only removed entries led to.
fn remove_stores(host: &Host, merged: &Merged, dead: &Dead) {
    let (removed, kept): (Vec<_>, Vec<_>) =
        users(merged).into_iter().partition(|(name, _)| dead.users.contains(name));
    let kept: Vec<_> = kept.iter().filter_map(|(_, entry)| entry.store.as_ref()).collect();
    for reference in removed.iter().filter_map(|(_, entry)| entry.store.as_ref()) {
        if kept.contains(&reference) {
            continue;
        }
        let opened = CredentialStore::open(&StateHome::of(reference), &reference.id);
        if let Err(error) = opened.and_then(|store| store.map_or(Ok(()), CredentialStore::remove)) {
            host.warn(format!("warning: the stored copy of the key was not deleted: {error}"));
        }
    }
}
