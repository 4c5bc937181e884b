//! `list --watch`: new requests as they come.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use usercert_core::api::csr::{self, CsrObject, State};
use usercert_core::encoding::yaml;
use usercert_core::text::{show, show_short};

use super::{ListArgs, row, table};
use crate::cluster::Cluster;
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::ui::args::{ClientArgs, Format};
use crate::ui::host::Host;
use crate::ui::output::Table;
use crate::workflow::follow::{self, Follower, Position};
use crate::workflow::known_certificates::Held;
use crate::workflow::remembered::Remembered;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::Rules;
use crate::workflow::review_sheet::Sheet;
use crate::workflow::stop::Stop;

/// How wide the columns usually get: the first request is printed before the others are known.
const EXPECTED: [usize; 9] = [18, 3, 12, 18, 14, 5, 8, 8, 16];

struct Watcher<'a> {
    host: &'a Host,
    args: &'a ListArgs,
    rules: Rules,
    stop: Stop,
    /// UIDs of the requests that were shown.
    seen: Remembered<String>,
    table: RefCell<Table>,
    /// Whether it was told that it is not known what is revoked.
    told: Cell<bool>,
}

/// Shows what is pending, and then each new request, until it is told to stop.
pub(super) async fn run(host: &Host, args: &ListArgs, rules: Rules) -> Result<Exit> {
    let mut table = table(host, args.output.format);
    table.expect(&EXPECTED);
    let watcher = Watcher {
        host,
        args,
        rules,
        stop: Stop::new()?,
        seen: Remembered::default(),
        table: RefCell::new(table),
        told: Cell::new(false),
    };
    let cluster = watcher.connect()?;
    // The first look tells whether it can work at all.
    let Some((version, exit)) = follow::answer_all(&watcher, &cluster).await? else {
        return Ok(Exit::Done);
    };
    if watcher.seen.is_empty() {
        host.say("No pending requests found. Waiting for new ones …");
    }
    follow::follow(&watcher, Position::after(version, exit)).await;
    Ok(Exit::Done)
}

impl Follower for Watcher<'_> {
    type Waiting = CsrObject;

    fn host(&self) -> &Host {
        self.host
    }

    fn stop(&self) -> &Stop {
        &self.stop
    }

    fn client(&self) -> &ClientArgs {
        &self.args.client
    }

    fn signer(&self) -> Option<&str> {
        self.args.signer.as_deref()
    }

    fn waiting(&self, object: CsrObject) -> Option<CsrObject> {
        let new = !self.seen.contains(&object.metadata.uid);
        Some(object).filter(|object| new && object.state() == State::Pending)
    }

    async fn answer(&self, cluster: &Cluster, object: CsrObject) -> Result<Exit> {
        let uid = object.metadata.uid.clone();
        let revoked = Bindings::listed(cluster).await;
        if let Some(why) = revoked.why_revoked_unknown().filter(|_| !self.told.replace(true)) {
            self.host.warn(format!("Not compared with the revoked certificates: {why}"));
        }
        let sheet = Sheet::listed(object.into_fields(), &revoked, &Held::default(), &self.rules);
        self.print(&sheet)?;
        if let Some((program, words)) = self.args.exec.split_first() {
            let name = sheet.object.metadata.name.clone();
            let review = sheet.value();
            let command = tell(program.clone(), words.to_vec(), review);
            // One that fails keeps nobody from being told of the next.
            if let Err(error) = command.await {
                let what = format!("warning: request {}: {}", show_short(&name, 80), error.message);
                self.host.warn(what);
            }
        }
        self.seen.insert(uid);
        Ok(Exit::Done)
    }
}

impl Watcher<'_> {
    fn print(&self, sheet: &Sheet<()>) -> Result<()> {
        let text = match self.args.output.format {
            Some(Format::Name) => {
                format!("{}/{}\n", csr::RESOURCE, show(&sheet.object.metadata.name))
            }
            Some(Format::Json) => format!("{}\n", sheet.value()),
            Some(Format::Yaml) => {
                format!("---\n{}", yaml::to_string(&sheet.value()))
            }
            format @ (None | Some(Format::Wide)) => {
                let mut table = self.table.borrow_mut();
                table.push(row(sheet, self.host.now(), format.is_some()));
                return self.host.text(&table.take());
            }
        };
        self.host.part(&text)
    }
}

/// Runs a command with the review on standard input, and waits for its end.
async fn tell(program: String, words: Vec<String>, review: Value) -> Result<()> {
    let run = move || {
        let shown = show_short(&program, 80);
        let mut child = Command::new(&program)
            .args(&words)
            .stdin(Stdio::piped())
            .spawn()
            .context(format!("cannot run {shown}"))?;
        if let Some(mut pipe) = child.stdin.take() {
            // Whoever does not read it does not need it.
            let _ = writeln!(pipe, "{review}");
        }
        let status = child.wait()?;
        if status.success() {
            return Ok(());
        }
        let end = status.code().map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        Err(Error::new(format!("{shown} ended with {end}")))
    };
    tokio::task::spawn_blocking(run).await?
}
