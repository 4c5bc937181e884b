//! `revocations list`.

use clap::Args;
use serde_json::{Value, json};
use usercert_core::lifecycle::enforcement::{Enforcement, Seen};
use usercert_core::lifecycle::{Revocation, RevocationKey, RevocationList};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime::expiry_in_words;

use crate::cluster::{ApiError, Cluster, Target, explain};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::revocation::{self, Installed};

/// List what is revoked, and what was seen to refuse it here
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// As the server answers.
pub async fn run(host: &Host, args: &ListArgs) -> Result<Exit> {
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let found =
        cluster.revoked().await.map_err(|e| explain(&e, &cluster.server, &revocation::see()));
    let found = found?;
    let list = found.as_ref().map(RevocationList::read);
    let installed = Installed::look(&cluster, true).await;
    let tried = list.iter().flat_map(RevocationList::entries);
    let tried = tried.map(|entry| &entry.key).find(|k| !matches!(k, RevocationKey::Exception(_)));
    let seen = match tried {
        Some(key) => Some(revocation::enforcement(&target, &cluster, key, false).await),
        None => None,
    };
    print(host, args, &Found { cluster: &cluster, list: list.as_ref(), installed, seen })?;
    Ok(Exit::Done)
}

struct Found<'a> {
    cluster: &'a Cluster,
    list: Option<&'a RevocationList>,
    installed: Result<Installed, ApiError>,
    /// What trying with one of the entries has shown; `None` where there is none to try with.
    seen: Option<Enforcement>,
}

/// The id by which an entry is lifted.
fn id(key: &RevocationKey) -> String {
    match key {
        RevocationKey::User(name) => format!("user/{name}"),
        RevocationKey::Certificate(print) => print.to_string(),
        RevocationKey::Exception(print) => format!("except/{print}"),
    }
}

fn print(host: &Host, args: &ListArgs, found: &Found<'_>) -> Result<()> {
    let entries: Vec<&Revocation> = found.list.iter().flat_map(|l| l.entries()).collect();
    let damaged = found.list.map(|l| l.damaged.as_slice()).unwrap_or_default();
    let items = entries.iter().map(|entry| {
        json!({ "id": id(&entry.key), "user": entry.user, "notAfter": entry.until, "reason": entry.line })
    });
    let problems = found.installed.as_ref().map(Installed::problems);
    let value = output::object(
        "RevocationList",
        json!({
            "items": items.collect::<Value>(),
            "damaged": damaged.iter().map(|d| json!({ "key": d.key, "problem": d.problem })).collect::<Value>(),
            "list": found.list.is_some(),
            "policy": match &problems {
                Ok(problems) => json!({ "inForce": problems.is_empty(), "problems": problems }),
                Err(error) => json!({ "inForce": null, "problems": [error.to_string()] }),
            },
            "enforcement": found.seen.as_ref().map(revocation::seen_value),
        }),
    );
    let names: Vec<String> = entries.iter().map(|e| id(&e.key)).collect();
    output::print(host, args.output.format, &value, &names, |wide| {
        text(found, &entries, wide, host.now())
    })
}

fn text(found: &Found<'_>, entries: &[&Revocation], wide: bool, now: UnixTime) -> String {
    let row = |entry: &&Revocation| {
        let longest = if wide { 200 } else { 24 };
        let until = match (&entry.key, entry.until) {
            (RevocationKey::User(_), _) => "-".to_owned(),
            (_, Some(until)) => expiry_in_words(until, now),
            (_, None) => "unknown".to_owned(),
        };
        let user = entry.user.as_deref().map_or_else(|| "-".to_owned(), |u| show_short(u, 40));
        vec![show_short(&id(&entry.key), longest), user, until, show_short(&entry.line, 240)]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let mut text = match rows.is_empty() {
        true => "Nothing is revoked.\n".to_owned(),
        false => output::table(&["ID", "USER", "UNTIL", "REASON"], &rows),
    };
    text.push('\n');
    for damaged in found.list.iter().flat_map(|l| &l.damaged) {
        text.push_str(&format!(
            "WARNING: key {}: {}\n",
            show_short(&damaged.key, 100),
            damaged.problem
        ));
    }
    let seen = |layer: fn(&Enforcement) -> &Seen| found.seen.as_ref().map(layer);
    text.push_str(&format!(
        "Admission policy   {}\n",
        policy_in_words(&found.installed, found.list.is_some(), seen(|s| &s.admission))
    ));
    text.push_str(&format!(
        "Authorization      {}\n",
        match seen(|s| &s.authorization) {
            Some(Seen::Refuses) => "seen to refuse: everything, reads too (not system:masters, nor what is open)".to_owned(),
            Some(Seen::Passes) => "does not refuse: the API server has no such entries (`kubectl usercert revocations init`)".to_owned(),
            Some(Seen::NotTried(why)) => format!("not known: {why}"),
            None => "not tried: there is nothing to try it with".to_owned(),
        }
    ));
    if found.list.is_none() {
        text.push_str(&format!(
            "{} has no list of what is revoked yet: kubectl usercert revocations install\n",
            show(&found.cluster.server)
        ));
    }
    text
}

fn policy_in_words(
    installed: &Result<Installed, ApiError>,
    has_list: bool,
    seen: Option<&Seen>,
) -> String {
    let tried = match seen {
        Some(Seen::Refuses) => return "seen to refuse: writes, exec and proxy".to_owned(),
        Some(Seen::Passes) => "WARNING: it was seen to refuse nothing".to_owned(),
        Some(Seen::NotTried(why)) => format!("not tried: {why}"),
        None => "not tried: there is nothing to try it with".to_owned(),
    };
    match installed {
        Ok(found) if !found.in_force() => {
            let not =
                if has_list { "WARNING: not in force, or not any more" } else { "not installed" };
            format!("{not}: {}", found.problems().join("; "))
        }
        Ok(_) => format!("its objects are as they should be; {tried}"),
        Err(error) => {
            format!("its objects cannot be seen ({}); {tried}", show_short(&error.to_string(), 200))
        }
    }
}
