//! `list`.

use clap::Args;
use serde_json::{Value, json};
use usercert_core::request::{self, Object, State};
use usercert_core::text::{show, show_short};
use usercert_core::time::human_duration;

use super::rules::PolicyArgs;
use super::sheet::{Bindings, Sheet};
use crate::args::{ClientArgs, Format, OutputArgs};
use crate::cluster::{ListOptions, Need, Target, explain};
use crate::error::{Exit, Result};
use crate::host::Host;
use crate::output;

/// List requests, decoded: who really asks for what
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Also those that are decided
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Only requests to this signer
    #[arg(long, value_name = "NAME")]
    pub signer: Option<String>,
    #[command(flatten)]
    policy: PolicyArgs,
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
    let rules = args.policy.load(host)?;
    let cluster = Target::resolve(&args.client)?.connect()?;
    let options = ListOptions { signer: args.signer.as_deref(), selector: None };
    let bindings = Bindings::unknown("not looked at in lists");
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let mut names = Vec::new();
    let now = host.now();
    let wide = args.output.format == Some(Format::Wide);
    let take = |value: Value| {
        let Ok(object) = Object::from_item(&value) else { return };
        if !args.all && object.state() != State::Pending {
            return;
        }
        match args.output.format {
            Some(Format::Name) => {
                names.push(format!("{}/{}", request::RESOURCE, object.metadata.name))
            }
            Some(Format::Json | Format::Yaml) => {
                items.push(Sheet::new(object, true, &bindings, &rules).value());
            }
            None | Some(Format::Wide) => {
                rows.push(row(&Sheet::new(object, true, &bindings, &rules), now, wide))
            }
        }
    };
    cluster
        .list_csrs(&options, take)
        .await
        .map_err(|e| explain(&e, &cluster.server, &Need::List))?;
    let value = output::object("ReviewList", json!({ "items": items }));
    if rows.is_empty()
        && !matches!(args.output.format, Some(Format::Json | Format::Yaml | Format::Name))
    {
        host.say(if args.all { "No requests found." } else { "No pending requests found." });
        return Ok(Exit::Done);
    }
    output::print(host, args.output.format, &value, &names, |wide| {
        let mut header = vec![
            "NAME",
            "AGE",
            "REQUESTER",
            "USER",
            "GROUPS",
            "KEY",
            "EXPIRES",
            "STATE",
            "FINDINGS",
        ];
        if wide {
            header.extend(["CODE", "SIGNER"]);
        }
        output::table(&header, &rows)
    })?;
    Ok(Exit::Done)
}

fn row(sheet: &Sheet, now: usercert_core::time::UnixTime, wide: bool) -> Vec<String> {
    let object = &sheet.object;
    let request = sheet.request.as_ref();
    let groups: Vec<String> =
        request.map(|r| r.subject.groups().into_iter().collect()).unwrap_or_default();
    let groups: Vec<String> = groups.iter().take(20).map(|g| show_short(g, 30)).collect();
    let findings: Vec<&str> = sheet
        .findings
        .iter()
        .filter(|f| f.severity > usercert_core::review::Severity::Info)
        .map(|f| f.code.as_str())
        .collect();
    let or_none = |s: String| if s.is_empty() { "<none>".to_owned() } else { s };
    let age = object.metadata.creation_timestamp.map(|t| human_duration(now.since(t)));
    let mut row = vec![
        show_short(&object.metadata.name, 40),
        age.unwrap_or_else(|| "<unknown>".to_owned()),
        show_short(&object.spec.username, 40),
        request.map_or("<unreadable>".to_owned(), |r| show_short(r.subject.user(), 40)),
        or_none(groups.join(",").chars().take(60).collect()),
        request.map_or("<unreadable>".to_owned(), |r| show_short(&r.key.kind.to_string(), 20)),
        object.spec.expiration_seconds.map_or("<signer>".to_owned(), human_duration),
        object.state().name().to_owned(),
        or_none(findings.join(",")),
    ];
    if wide {
        row.push(sheet.code().map_or("<none>".to_owned(), |c| c.short()));
        row.push(show(&object.spec.signer_name));
    }
    row
}
