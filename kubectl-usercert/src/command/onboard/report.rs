//! What became of everybody.

use serde_json::{Value, json};
use usercert_core::api::csr::RESOURCE;
use usercert_core::roster::journal::Written;
use usercert_core::text::{show, show_path, show_short};

use super::person::Issued;
use super::roles::Roles;
use super::rows::{self, Row};
use crate::error::{Error, Exit, Result};
use crate::ui::args::Format;
use crate::ui::host::Host;
use crate::ui::output::{self, Room};

/// So many people, in words.
pub fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// What is going to happen, before the question.
pub fn show_plan(
    host: &Host,
    answered: bool,
    to_do: &[&Row],
    roles: &Roles,
    others: &[Outcome<'_>],
) {
    host.say_before_asking(rows::table(to_do, host.columns()).trim_end(), answered);
    roles.words().for_each(|words| host.say_before_asking(words, answered));
    for (row, state) in others {
        if !matches!(state, State::Refused | State::InTheWay) {
            continue;
        }
        host.warn(format!(
            "left out: line {}, {}: {}",
            row.person.line,
            show(row.user()),
            problem(row, state).unwrap_or_default()
        ));
    }
    let before = others.iter().filter(|(_, state)| matches!(state, State::Before)).count();
    if before > 0 {
        host.say_before_asking(format!("Done by an earlier run: {before}"), answered);
    }
}

pub enum State {
    Issued(Issued),
    Before,
    /// An earlier run's reply was gone, and is written again.
    WrittenAgain(Written),
    /// The same in a dry run.
    WouldWrite,
    /// An earlier run's file is gone for good; what is to be said of it.
    Gone(String),
    Refused,
    /// A file of an earlier run for other terms, or of somebody else, stands where this one's goes.
    InTheWay,
    /// Something stood in the way; with the exit code of a refusal, a decision.
    Failed(Error),
    NotStarted,
    DryRun,
}

impl State {
    /// Of a row for which this run does nothing.
    pub fn of_untouched(row: &Row) -> Self {
        match &row.refused {
            _ if row.is_done() => Self::Before,
            Some(_) => Self::Refused,
            None => Self::InTheWay,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Issued(issued) if issued.before => "Granted",
            Self::Issued(_) => "Issued",
            Self::Before => "IssuedBefore",
            Self::WrittenAgain(_) => "WrittenAgain",
            Self::WouldWrite => "WouldWrite",
            Self::Gone(_) => "FileMissing",
            Self::Refused => "Refused",
            Self::InTheWay => "Failed",
            Self::Failed(error) => match error.exit {
                Exit::Refused => "Refused",
                Exit::TimedOut => "TimedOut",
                _ => "Failed",
            },
            Self::NotStarted => "NotStarted",
            Self::DryRun => "WouldIssue",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Issued(_) | Self::Before | Self::DryRun => Exit::Done,
            Self::WrittenAgain(_) | Self::WouldWrite => Exit::Done,
            Self::Gone(_) | Self::InTheWay => Exit::Failed,
            Self::Refused => Exit::Refused,
            Self::Failed(error) => error.exit,
            Self::NotStarted => Exit::Failed,
        }
    }

    /// Whether running the command again may help.
    fn is_open(&self) -> bool {
        match self {
            Self::Failed(error) => error.exit != Exit::Refused,
            Self::NotStarted => true,
            _ => false,
        }
    }
}

pub type Outcome<'a> = (&'a Row, State);

pub fn print(host: &Host, format: Option<Format>, mut outcomes: Vec<Outcome<'_>>) -> Result<Exit> {
    outcomes.sort_by_key(|(row, _)| row.person.line);
    match format {
        Some(Format::Json | Format::Yaml) => {
            let items: Vec<Value> = outcomes.iter().map(|(row, state)| value(row, state)).collect();
            let list = output::object("Onboarding", json!({ "items": items }));
            output::print(host, format, &list, &[], |_| String::new())?;
        }
        Some(Format::Name) => {
            let names = outcomes.iter().filter_map(|(row, state)| match state {
                State::Issued(issued) => Some(issued.name.as_str()),
                State::Before | State::WrittenAgain(_) => {
                    row.earlier.submitted.as_ref().map(|(name, _)| name.as_str())
                }
                _ => None,
            });
            let lines: String = names.map(|n| format!("{RESOURCE}/{}\n", show(n))).collect();
            host.part(&lines)?;
        }
        None | Some(Format::Wide) => host.text(&table(host, &outcomes, format.is_some()))?,
    }
    summary(host, &outcomes);
    Ok(outcomes.iter().fold(Exit::Done, |exit, (_, state)| exit.gravest(state.exit())))
}

fn written<'a>(row: &'a Row, state: &'a State) -> Option<&'a Written> {
    match state {
        State::Issued(issued) => Some(&issued.written),
        State::Before => row.earlier.written.as_ref(),
        State::WrittenAgain(written) => Some(written),
        _ => None,
    }
}

fn object<'a>(row: &'a Row, state: &'a State) -> Option<(&'a str, &'a str)> {
    match state {
        State::Issued(issued) => Some((&issued.name, &issued.uid)),
        _ => row.earlier.submitted.as_ref().map(|(name, uid)| (name.as_str(), uid.as_str())),
    }
}

fn problem(row: &Row, state: &State) -> Option<String> {
    match state {
        State::Failed(error) => Some(error.message.replace('\n', " ")),
        State::Refused => row.refused.clone(),
        State::InTheWay => {
            row.in_the_way.as_ref().map(|file| format!("{} already exists", show_path(file)))
        }
        State::Gone(what) => Some(what.clone()),
        _ => None,
    }
}

fn table(host: &Host, outcomes: &[Outcome<'_>], wide: bool) -> String {
    let mut header = vec!["REQUEST", "USER", "STATE", "FILE OR PROBLEM"];
    if wide {
        header.splice(3..3, ["EXPIRES", "REPLY CODE"]);
    }
    let columns = host.table_columns(wide);
    let room = Room { columns, last_folds: Some(usize::MAX), ..Room::default() };
    let mut table = output::Table::within(&header, room);
    for (row, state) in outcomes {
        let none = || "<none>".to_owned();
        let written = written(row, state);
        let last = written.map(|w| show(&w.file)).or_else(|| problem(row, state));
        let mut cells = vec![
            object(row, state).map_or_else(none, |(name, _)| show(name)),
            show_short(row.user(), 60),
            state.word().to_owned(),
            last.unwrap_or_else(|| show_path(&row.path())),
        ];
        if wide {
            let until = written.map_or_else(none, |w| w.not_after.to_string());
            let code = written.and_then(|w| w.code.clone()).unwrap_or_else(none);
            cells.splice(3..3, [until, code]);
        }
        table.push(cells);
    }
    table.take()
}

fn value(row: &Row, state: &State) -> Value {
    let written = written(row, state);
    let object = object(row, state);
    let grants: Vec<String> = row.person.grants.iter().map(ToString::to_string).collect();
    json!({
        "line": row.person.line, "user": row.user(), "groups": row.person.identity.groups,
        "name": object.map(|(name, _)| name), "uid": object.map(|(_, uid)| uid),
        "state": state.word(), "file": written.map(|w| &w.file),
        "sha256": written.map(|w| &w.sha256), "notAfter": written.map(|w| w.not_after),
        "replyCode": written.and_then(|w| w.code.as_ref()), "grants": grants,
        "findings": row.findings, "problem": problem(row, state),
    })
}

fn summary(host: &Host, outcomes: &[Outcome<'_>]) {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (_, state) in outcomes {
        match counts.iter_mut().find(|(word, _)| *word == state.word()) {
            Some((_, count)) => *count += 1,
            None => counts.push((state.word(), 1)),
        }
    }
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    host.say(format!("{}: {}", people(outcomes.len()), words.join(", ")));
    if outcomes.iter().any(|(_, state)| state.is_open()) {
        host.warn(
            "hint: run the same command again; it resumes where it stopped, and issues nothing twice",
        );
    }
    if outcomes.iter().any(|(_, state)| matches!(state, State::InTheWay)) {
        host.warn(
            "hint: to issue a new certificate, move the file that already exists away (or delete it) and run \
             the\n      same command again; a certificate that was issued before stays valid until it expires",
        );
    }
    let hints = outcomes.iter().filter_map(|(_, state)| match state {
        State::Failed(error) => error.hints.first(),
        _ => None,
    });
    let mut told: Vec<&String> = Vec::new();
    for hint in hints {
        if !told.contains(&hint) && told.len() < 3 {
            host.warn(format!("hint: {}", hint.replace('\n', "\n      ")));
            told.push(hint);
        }
    }
    shortened(host, outcomes);
    replies(host, outcomes);
}

/// People whose lifetimes are listed at most.
const LISTED: usize = 20;

/// Lifetimes that the signer or its CA has shortened.
fn shortened(host: &Host, outcomes: &[Outcome<'_>]) {
    let notes = outcomes.iter().filter_map(|(row, state)| match state {
        State::Issued(issued) => Some((row.user(), issued.note.as_ref()?)),
        _ => None,
    });
    let notes: Vec<String> =
        notes.map(|(user, note)| format!("{}: {note}", show_short(user, 60))).collect();
    notes.iter().take(LISTED).for_each(|note| host.warn(format!("note: {note}")));
    if notes.len() > LISTED {
        host.warn(format!(
            "note: {} more lifetimes differ from those requested",
            notes.len() - LISTED
        ));
    }
}

/// What is to be done with the replies of this run, and their codes, which stand nowhere else.
fn replies(host: &Host, outcomes: &[Outcome<'_>]) {
    let codes = outcomes.iter().filter_map(|(row, state)| {
        let written = match state {
            State::Issued(issued) if !issued.before => &issued.written,
            State::WrittenAgain(written) => written,
            _ => return None,
        };
        Some(format!("  {}  {}", written.code.as_ref()?, show_short(row.user(), 60)))
    });
    let codes: Vec<String> = codes.collect();
    if host.is_quiet() {
        codes.iter().for_each(|code| host.warn(code.trim_start()));
    } else if !codes.is_empty() {
        host.say(format!(
            "Send each reply to its person, who runs:\n  kubectl usercert install --reply FILE\n\
             Read them the code of their reply over another channel, such as a call: it is asked for.\n{}",
            codes.join("\n")
        ));
    }
}
