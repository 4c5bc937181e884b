//! All pending requests: one table, one question, and then each only if it is still what was shown.
//!
//! Of a request that was shown only its name and a digest over its UID and everything it asks for are
//! kept, so that thousands need little memory; it is read again before it is approved. Labels are
//! chosen by whoever submits a request: they select, they prove nothing.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Decision, State};
use usercert_core::review::{self, Severity};
use usercert_core::text::{show_short, width};
use usercert_core::time::human_duration;

use super::Approval;
use crate::cluster::{ListOptions, Need, explain};
use crate::error::{Exit, Result};
use crate::ui::args::{DryRun, Format};
use crate::ui::output::{self, Room};
use crate::workflow::approval;
use crate::workflow::known_certificates::Held;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_sheet::{Sheet, groups_cell};
use crate::workflow::revocation;

/// How many requests are approved at the same time.
const AT_ONCE: usize = 8;
/// Longest user name that is kept of a request that is left out, in bytes.
const LONGEST_KEPT: usize = 1000;
/// Longest names that are shown in full below the table, in columns. Whoever asks for longer ones is looked
/// at alone.
const LONGEST_SHOWN: usize = 2000;
const HEADER: [&str; 8] =
    ["NAME", "USER", "GROUPS", "KEY", "EXPIRES", "REQUESTER", "CODE", "FINDINGS"];

#[derive(Default)]
struct Selection {
    chosen: Vec<Shown>,
    /// The first of them, as a question names it.
    first: String,
    rows: Vec<Vec<String>>,
    /// User and groups of each, for those that do not fit into the table.
    in_full: Vec<String>,
    left_out: Vec<Value>,
    left_out_rows: Vec<Vec<String>>,
    /// What they are compared with.
    held: Held,
    /// What is revoked by the time that the question is answered, if one was asked.
    revoked: Option<revocation::Known>,
}

struct Shown {
    name: String,
    digest: [u8; 32],
}

impl Selection {
    /// User and groups of those requests whose names the table cuts or has no room for.
    fn not_whole(&self, table: &str, columns: Option<usize>) -> String {
        let lines = table.lines().skip(1).zip(&self.rows).zip(&self.in_full);
        let cut = lines.filter_map(|((line, row), in_full)| {
            let whole =
                row.get(1..3)?.iter().all(|cell| !cell.contains('…') && line.contains(cell));
            let name = row.first().filter(|_| !whole)?;
            Some(format!("  {}\n", output::wrapped(&format!("{name}: {in_full}"), columns)))
        });
        let cut: String = cut.collect();
        if cut.is_empty() { cut } else { format!("In full, names that the table cuts:\n{cut}") }
    }
}

impl Approval<'_> {
    pub(super) async fn all_pending(&self) -> Result<Exit> {
        let mut selection = self.select().await?;
        let left_out = !selection.left_out.is_empty();
        self.show(&selection);
        if !selection.chosen.is_empty() && self.dry_run() == DryRun::None {
            let question = match selection.chosen.len() {
                1 => format!("Approve {}?", selection.first),
                many => format!("Approve these {many} requests on {}?", self.cluster.name()),
            };
            self.host.confirm(&question, self.args.yes)?;
            if !self.args.yes {
                selection.revoked = Some(revocation::Known::read(self.cluster).await);
            }
        }
        let mut exit = if left_out { Exit::Refused } else { Exit::Done };
        // Always a list: how many there are is not the caller's to know.
        let mut decisions = output::Collected::new(self.args.output.format, usize::MAX);
        let each =
            stream::iter(&selection.chosen).map(|shown| self.approve_shown(shown, &selection));
        let mut each = std::pin::pin!(each.buffered(AT_ONCE));
        while let Some(result) = each.next().await {
            match result {
                Ok(item) => self.tell(&mut decisions, item)?,
                Err(error) => {
                    self.host.fail(&error);
                    exit = exit.gravest(error.exit);
                }
            }
        }
        let more = json!({ "leftOut": selection.left_out });
        decisions.finish_with(self.host, "DecisionList", more)?;
        self.record().await;
        Ok(exit.gravest(self.hand_back(true).await?))
    }

    async fn select(&self) -> Result<Selection> {
        let options = ListOptions {
            signer: self.args.signer.as_deref(),
            selector: self.args.selector.as_deref(),
        };
        let (bindings, held) = tokio::join!(self.bindings(), self.held(None));
        let mut selection = Selection { held, ..Selection::default() };
        let take = |object: CsrObject| {
            if object.state() != State::Pending {
                return;
            }
            let digest = object.digest();
            let mut sheet = Sheet::compared(object, true, bindings, &selection.held, &self.rules);
            sheet.expect(&self.expected);
            let in_full = sheet.names_in_full();
            let too_long = width(&in_full) > LONGEST_SHOWN;
            if review::refuses(&sheet.findings, &self.args.accept) || too_long {
                // Whoever wants to fill memory submits long names, and is left out.
                let user = sheet.request().map(|r| r.subject.user());
                let user = user.filter(|user| user.len() <= LONGEST_KEPT);
                selection.left_out_rows.push(self.left_out_row(&sheet, too_long));
                selection.left_out.push(json!({
                    "name": sheet.name, "uid": sheet.object.metadata.uid,
                    "user": user, "code": sheet.code().map(|c| c.short()), "findings": sheet.findings, "tooLong": too_long,
                }));
            } else {
                if selection.chosen.is_empty() {
                    selection.first = sheet.in_question(self.cluster, self.host.columns());
                }
                selection.rows.push(row(&sheet));
                selection.in_full.push(in_full);
                selection.chosen.push(Shown { name: sheet.name, digest });
            }
        };
        self.cluster
            .list_csrs(&options, take)
            .await
            .map_err(|e| explain(&e, &self.cluster.server, &Need::List))?;
        Ok(selection)
    }

    fn show(&self, selection: &Selection) {
        let mut text = String::new();
        if let Some(file) = self.rules.file() {
            text.push_str(&format!("Reviewed under the policy {file}\n"));
        }
        if let Some(why) = self.bindings.get().and_then(|b| b.why_unknown()) {
            text.push_str(&format!("Not compared with names that have bindings: {why}\n"));
        }
        if let Some(what) = self.bindings.get().and_then(Bindings::not_compared) {
            text.push_str(&format!("Not compared with {what}: there are too many\n"));
        }
        if let Some(why) = self.bindings.get().and_then(|b| b.why_revoked_unknown()) {
            text.push_str(&format!("Not compared with the revoked certificates: {why}\n"));
        }
        if selection.chosen.is_empty() {
            text.push_str("No pending requests can be approved.\n");
        } else {
            let first_to_go = &["KEY", "REQUESTER", "EXPIRES"];
            let room = Room { columns: self.host.columns(), first_to_go, ..Room::default() };
            let table = output::table_within(&HEADER, &selection.rows, room);
            text.push_str(&table);
            text.push_str(&selection.not_whole(&table, self.host.columns()));
            text.push_str("Compare the codes with the people over another channel.\n");
        }
        if !selection.left_out.is_empty() {
            text.push_str(&format!("\nLeft out, {} refused:\n", selection.left_out.len()));
            text.push_str(&output::table(&["NAME", "USER", "WHY"], &selection.left_out_rows));
            text.push_str("`kubectl usercert review NAME` shows everything about one.\n");
        }
        let nothing = selection.chosen.is_empty();
        let answered = self.args.yes || nothing || self.dry_run() != DryRun::None;
        // Programs find what was left out in the object.
        if !(answered && matches!(self.args.output.format, Some(Format::Json | Format::Yaml))) {
            self.host.say_before_asking(text.trim_end(), answered);
        }
    }

    fn left_out_row(&self, sheet: &Sheet, too_long: bool) -> Vec<String> {
        let refuses =
            |f: &&review::Finding| review::refuses(std::slice::from_ref(*f), &self.args.accept);
        let mut why: BTreeSet<&str> =
            sheet.findings.iter().filter(refuses).map(|f| f.code.as_str()).collect();
        if too_long {
            why.insert("names too long for a table");
        }
        vec![
            show_short(&sheet.name, 40),
            show_short(sheet.user(), 40),
            why.into_iter().collect::<Vec<_>>().join(","),
        ]
    }

    /// Approves a request that was shown, if it is still the same.
    async fn approve_shown(&self, shown: &Shown, selection: &Selection) -> Result<output::Item> {
        let name = &shown.name;
        let object = self.cluster.get_csr(name).await.map_err(|error| match error.reason() {
            "NotFound" => approval::gone(name),
            _ => explain(&error, &self.cluster.server, &Need::Get),
        })?;
        if object.digest() != shown.digest {
            return Err(approval::replaced(name));
        }
        let done = approval::already(&object, Decision::Approve)?;
        // Judged once more, since it is what the sheet in the result says.
        let (bindings, held) = (self.bindings().await, &selection.held);
        let mut sheet = Sheet::compared(object, true, bindings, held, &self.rules);
        sheet.expect(&self.expected);
        sheet.refuse(&self.args.accept)?;
        if let Some(now) = selection.revoked.as_ref().filter(|_| !done) {
            bindings.hold_by(now, &sheet.object, sheet.user())?;
        }
        let promise = self.promise(sheet.user()).await?;
        let approved = match done {
            true => Some(sheet.object.clone()),
            false => self.act(&sheet).await?,
        };
        let item = self.item(&sheet, approved.as_ref());
        self.follow_up(promise, approved);
        Ok(item)
    }
}

fn row(sheet: &Sheet) -> Vec<String> {
    let request = sheet.request();
    let worth = |f: &&review::Finding| f.severity > Severity::Info;
    let findings: BTreeSet<&str> =
        sheet.findings.iter().filter(worth).map(|f| f.code.as_str()).collect();
    let findings: Vec<&str> = findings.into_iter().collect();
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let lifetime = sheet.object.spec.expiration_seconds;
    vec![
        show_short(&sheet.name, 40),
        show_short(sheet.user(), 40),
        groups_cell(request),
        request.map(|r| r.key.kind.to_string()).unwrap_or_default(),
        lifetime.map_or("<signer>".to_owned(), human_duration),
        show_short(&sheet.object.spec.username, 40),
        sheet.code().map(|code| code.short()).unwrap_or_default(),
        or_none(findings.join(",")),
    ]
}
