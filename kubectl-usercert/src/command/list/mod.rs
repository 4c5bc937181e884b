//! `list`.

mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::Value;
use usercert_core::api::csr::{self, Object, State};
use usercert_core::text::{show, show_short};
use usercert_core::time::{UnixTime, human_duration};

use crate::cluster::{ApiError, ListOptions, Need, Page, Target, explain};
use crate::error::{Exit, Result};
use crate::ui::args::{ClientArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, Room};
use crate::workflow::known_certificates::{Held, KnownCertificate};
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::{PolicyArgs, Rules};
use crate::workflow::review_sheet::{Sheet, groups_cell};

/// List requests, decoded: who asks for what
///
/// Examples:
///
///   kubectl usercert list
///
///   # Also decided ones, with codes
///   kubectl usercert list --all -o wide
///
///   # Continue with new ones, and show a desktop notification
///   kubectl usercert list --watch --exec notify-send "access requested"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ListArgs {
    /// Also list decided requests
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Only requests to this signer
    #[arg(long, value_name = "NAME")]
    pub signer: Option<String>,
    /// Only requests with these labels
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "watch")]
    pub selector: Option<String>,
    /// Continue with new requests as they come, one line each
    #[arg(short, long, conflicts_with = "all")]
    pub watch: bool,
    /// With --watch: run this command for each request, with the review (JSON) on standard input; takes the
    /// rest of the line
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true, requires = "watch")]
    pub exec: Vec<String>,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Rows that are kept back, so that columns can be as wide as their widest cell.
const TOGETHER: usize = 1000;

pub async fn run(host: &Host, args: &ListArgs) -> Result<Exit> {
    let rules = args.policy.load(host)?;
    if args.watch {
        return watch::run(host, args, rules).await;
    }
    let cluster = Target::resolve(&args.client)?.connect()?;
    let failed = |e| explain(&e, &cluster.server, &Need::List);
    let mut pages = cluster.csr_pages(&ListOptions {
        signer: args.signer.as_deref(),
        selector: args.selector.as_deref(),
    });
    let format = args.output.format;
    let held = Mutex::default();
    let mut page = pages.next().await.map_err(failed)?;
    // Not side by side: that would take a second connection.
    let revoked = Bindings::listed(&cluster).await;
    let reader = Reader { rules, format, all: args.all, now: host.now(), revoked, held };
    let reader = Arc::new(reader);
    let mut printer = Printer::new(host, format);
    while let Some(current) = page {
        // The next page comes in while this one is read.
        let reader = Arc::clone(&reader);
        let reading = tokio::task::spawn_blocking(move || reader.read(&current));
        let (next, read) = tokio::join!(pages.next(), reading);
        printer.print(host, read?.map_err(failed)?)?;
        page = next.map_err(failed)?;
    }
    if printer.finish(host)? {
        if let Some(why) = reader.revoked.why_revoked_unknown() {
            host.warn(format!("Not compared with the revoked certificates: {why}"));
        }
    } else {
        host.say(if args.all { "No requests found." } else { "No pending requests found." });
    }
    Ok(Exit::Done)
}

enum Batch {
    Names(String),
    Values(Vec<Value>),
    Rows(Vec<Vec<String>>),
}

struct Reader {
    rules: Rules,
    format: Option<Format>,
    all: bool,
    now: UnixTime,
    revoked: Bindings,
    /// What the requests that were read so far have brought: nothing more is asked for.
    held: Mutex<Held>,
}

impl Reader {
    fn read(&self, page: &Page) -> Result<Batch, ApiError> {
        let objects = page.objects()?;
        // One page is read after the other.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let issued = objects.iter().filter_map(KnownCertificate::of_request);
        issued.for_each(|one| held.add(one, self.now));
        let wanted = objects.into_iter().filter(|o| self.all || o.state() == State::Pending);
        let sheet = |object| Sheet::listed(object, &self.revoked, &held, &self.rules);
        Ok(match self.format {
            Some(Format::Name) => {
                let name = |o: Object| format!("{}/{}\n", csr::RESOURCE, show(&o.metadata.name));
                Batch::Names(wanted.map(name).collect())
            }
            Some(Format::Json | Format::Yaml) => {
                Batch::Values(wanted.map(|object| sheet(object).value()).collect())
            }
            None | Some(Format::Wide) => {
                let wide = self.format.is_some();
                Batch::Rows(wanted.map(|object| row(&sheet(object), self.now, wide)).collect())
            }
        })
    }
}

struct Printer {
    list: Option<output::ListPrinter>,
    table: Option<output::Table>,
    found: bool,
}

impl Printer {
    fn new(host: &Host, format: Option<Format>) -> Self {
        Self {
            list: output::ListPrinter::new(format, "ReviewList"),
            table: matches!(format, None | Some(Format::Wide)).then(|| table(host, format)),
            found: false,
        }
    }

    fn print(&mut self, host: &Host, batch: Batch) -> Result<()> {
        match batch {
            Batch::Names(names) => host.part(&names)?,
            Batch::Values(values) => {
                if let Some(list) = &mut self.list {
                    list.add(host, &values)?;
                }
            }
            Batch::Rows(rows) => {
                let Some(table) = &mut self.table else { return Ok(()) };
                self.found |= !rows.is_empty();
                rows.into_iter().for_each(|row| table.push(row));
                if table.waiting() > TOGETHER {
                    host.text(&table.take())?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, host: &Host) -> Result<bool> {
        if let Some(list) = self.list {
            list.finish(host)?;
            return Ok(true);
        }
        match &mut self.table {
            Some(table) if self.found => host.text(&table.take())?,
            _ => {}
        }
        // Programs that ask for names take nothing for an answer.
        Ok(self.found || self.table.is_none())
    }
}

/// An empty table, with as many columns as the format and the terminal have.
fn table(host: &Host, format: Option<Format>) -> output::Table {
    let wide = format == Some(Format::Wide);
    let room = Room {
        columns: host.table_columns(wide),
        first_to_go: &["KEY", "AGE", "REQUESTER", "EXPIRES"],
        ..Room::default()
    };
    let last = if wide { HEADER.len() } else { HEADER.len() - WIDE };
    output::Table::within(HEADER.get(..last).unwrap_or(&HEADER), room)
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

fn row(sheet: &Sheet<()>, now: UnixTime, wide: bool) -> Vec<String> {
    let object = &sheet.object;
    let request = sheet.request();
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
        groups_cell(request),
        request.map_or("<unreadable>".to_owned(), |r| show_short(&r.key.kind.to_string(), 20)),
        object.spec.expiration_seconds.map_or("<signer>".to_owned(), human_duration),
        object.state().name().to_owned(),
        or_none(findings.join(",")),
    ];
    if wide {
        row.push(sheet.code().map_or("<none>".to_owned(), |c| c.short()));
        row.push(show_short(&object.spec.signer_name, 60));
    }
    row
}
