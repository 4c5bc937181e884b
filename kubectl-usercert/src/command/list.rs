//! `list`.

use clap::Args;
use serde_json::Value;
use usercert_core::request::{self, Object, State};
use usercert_core::text::{show, show_short};
use usercert_core::time::human_duration;

use super::rules::{PolicyArgs, Rules};
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

/// Rows that are kept back, so that columns can be as wide as their widest cell.
const TOGETHER: usize = 1000;

/// Runs the command.
///
/// # Errors
/// As the server answers.
pub async fn run(host: &Host, args: &ListArgs) -> Result<Exit> {
    let rules = args.policy.load(host)?;
    let cluster = Target::resolve(&args.client)?.connect()?;
    let mut pages =
        cluster.csr_pages(&ListOptions { signer: args.signer.as_deref(), selector: None });
    let mut printer = Printer::new(args.output.format, &rules);
    let failed = |e| explain(&e, &cluster.server, &Need::List);
    while let Some(page) = pages.next().await.map_err(failed)? {
        let objects = page.objects().map_err(failed)?;
        let wanted = objects.into_iter().filter(|o| args.all || o.state() == State::Pending);
        printer.add(host, wanted)?;
    }
    if !printer.finish(host)? {
        host.say(if args.all { "No requests found." } else { "No pending requests found." });
    }
    Ok(Exit::Done)
}

/// Prints requests page by page in the format of `-o`.
struct Printer<'r> {
    rules: &'r Rules,
    wide: bool,
    names_only: bool,
    list: Option<output::ListPrinter>,
    table: output::Table,
    found: bool,
}

impl<'r> Printer<'r> {
    fn new(format: Option<Format>, rules: &'r Rules) -> Self {
        let wide = format == Some(Format::Wide);
        let last = if wide { HEADER.len() } else { HEADER.len() - WIDE };
        Self {
            rules,
            wide,
            names_only: format == Some(Format::Name),
            list: output::ListPrinter::new(format, "ReviewList"),
            table: output::Table::new(HEADER.get(..last).unwrap_or(&HEADER)),
            found: false,
        }
    }

    fn add(&mut self, host: &Host, objects: impl Iterator<Item = Object>) -> Result<()> {
        let mut objects = objects.peekable();
        if objects.peek().is_none() {
            return Ok(());
        }
        self.found = true;
        let bindings = Bindings::unknown("not looked at in lists");
        if self.names_only {
            let name = |o: Object| format!("{}/{}\n", request::RESOURCE, show(&o.metadata.name));
            return host.part(&objects.map(name).collect::<String>());
        }
        let sheets = objects.map(|object| Sheet::new(object, true, &bindings, self.rules));
        if let Some(list) = &mut self.list {
            let values: Vec<Value> = sheets.map(|sheet| sheet.value()).collect();
            return list.add(host, &values);
        }
        let now = host.now();
        sheets.for_each(|sheet| self.table.push(row(&sheet, now, self.wide)));
        if self.table.waiting() > TOGETHER { host.part(&self.table.take()) } else { Ok(()) }
    }

    /// Whether there was anything.
    fn finish(mut self, host: &Host) -> Result<bool> {
        match self.list {
            Some(list) => {
                list.finish(host)?;
                return Ok(true);
            }
            None if self.found && !self.names_only => host.part(&self.table.take())?,
            None => {}
        }
        Ok(self.found || self.names_only)
    }
}

/// How many of the last columns only `-o wide` has.
const WIDE: usize = 2;
const HEADER: [&str; 11] = [
    "NAME",
    "AGE",
    "REQUESTER",
    "USER",
    "GROUPS",
    "KEY",
    "EXPIRES",
    "STATE",
    "FINDINGS",
    "CODE",
    "SIGNER",
];

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
