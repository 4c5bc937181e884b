//! What the values of flags and arguments can be.
//!
//! An argument of one name means the same in every command, so completers are attached by names when
//! somebody presses TAB. All other runs, `--help` among them, know nothing of them.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches as _, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use usercert_core::api::csr::CLIENT_SIGNER;
use usercert_core::review::{FindingCode, Severity};
use usercert_core::x509::key::KeyType;

use super::names::{self, Source};
use crate::ui::args::ClientArgs;

/// Tag of a candidate that stands for the names of files, which the shell knows better.
pub(super) const FILES: &str = "files";
/// The same for folders.
pub(super) const FOLDERS: &str = "folders";

/// Attaches completers to the arguments of a command and of those below it. `before` is what the words
/// before the cursor say.
pub(super) fn attach(command: Command, before: &Arc<ArgMatches>) -> Command {
    let name = command.get_name().to_owned();
    command
        .mut_args(|arg| match completer(&name, &arg, before) {
            Some(completer) => arg.add(completer),
            None => arg,
        })
        .mut_subcommands(|command| attach(command, before))
}

fn completer(command: &str, arg: &Arg, before: &Arc<ArgMatches>) -> Option<ArgValueCompleter> {
    let placeholder = arg.get_value_names().and_then(<[_]>::first).map_or("", |n| n.as_str());
    let source = match (command, arg.get_id().as_str()) {
        (_, "accept") => {
            let refusing = FindingCode::ALL.iter().filter(|c| c.severity() == Severity::Refuse);
            return Some(words(refusing.map(|c| (c.as_str(), c.explanation()))));
        }
        (_, "key_type") => return Some(words(KeyType::ALL.iter().map(|k| (k.name(), "")))),
        (_, "expires") => return Some(words(["1h", "24h", "7d", "30d", "90d"].map(|w| (w, "")))),
        (_, "expires_within") => return Some(words(["24h", "7d", "30d"].map(|w| (w, "")))),
        ("inspect", "what") => return Some(files_or_requests(before)),
        ("approve" | "deny" | "review", "names") => Source::Pending,
        ("install", "csr_name") => Source::Requests,
        ("install", "name") => Source::Waiting,
        (_, "context") => Source::Contexts,
        _ if placeholder == "CONTEXT" => Source::Contexts,
        (_, "cluster") => Source::Clusters,
        (_, "user") => Source::Users,
        (_, "namespace") => Source::Namespaces,
        (_, "role") => Source::Roles,
        (_, "clusterrole") => Source::ClusterRoles,
        ("token", "name") | (_, "service_account") => Source::ServiceAccounts,
        ("certificates", "name") => Source::Recorded,
        ("lift", "id") => Source::Revoked,
        ("grant" | "revoke" | "access", "name") => {
            Source::Subjects { groups: given(before, "group") }
        }
        (_, "signer") => Source::Signers { usual: CLIENT_SIGNER },
        _ => {
            return match arg.get_value_hint() {
                _ if placeholder == "DIR" => Some(paths(FOLDERS)),
                ValueHint::AnyPath | ValueHint::FilePath => Some(paths(FILES)),
                _ if placeholder.contains("FILE") => Some(paths(FILES)),
                _ => None,
            };
        }
    };
    let before = Arc::clone(before);
    let id = arg.get_id().to_string();
    Some(ArgValueCompleter::new(move |current: &OsStr| {
        let given: Vec<&OsStr> =
            before.try_get_raw(&id).ok().flatten().map(Iterator::collect).unwrap_or_default();
        let mut found = fitting(names::find(source, &client(&before)), current);
        found.retain(|c| !given.contains(&c.get_value()));
        // What is revoked can also be named by a file.
        if found.is_empty() && source == Source::Revoked {
            found.push(path(FILES));
        }
        found
    }))
}

/// Whether a flag stands before the cursor.
pub(super) fn given(before: &ArgMatches, id: &str) -> bool {
    let known = before.try_contains_id(id).is_ok();
    known && before.value_source(id) == Some(ValueSource::CommandLine)
}

fn fitting(mut all: Vec<CompletionCandidate>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.as_encoded_bytes();
    all.retain(|c| c.get_value().as_encoded_bytes().starts_with(current));
    all
}

/// Values that are known without looking.
fn words(words: impl IntoIterator<Item = (&'static str, &'static str)>) -> ArgValueCompleter {
    let words: Vec<_> = words.into_iter().collect();
    ArgValueCompleter::new(move |current: &OsStr| {
        let all = words
            .iter()
            .map(|(word, about)| CompletionCandidate::new(*word).help(Some((*about).into())))
            .collect();
        fitting(all, current)
    })
}

fn paths(tag: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(move |_: &OsStr| vec![path(tag)])
}

fn path(tag: &'static str) -> CompletionCandidate {
    CompletionCandidate::new("").tag(Some(tag.into()))
}

fn files_or_requests(before: &Arc<ArgMatches>) -> ArgValueCompleter {
    let before = Arc::clone(before);
    ArgValueCompleter::new(move |current: &OsStr| {
        if !current.as_encoded_bytes().starts_with(b"csr/") {
            return vec![path(FILES)];
        }
        let found = names::find(Source::Requests, &client(&before));
        fitting(found.into_iter().map(|c| c.add_prefix("csr/")).collect(), current)
    })
}

/// The connection flags before the cursor; none where a command has none.
fn client(before: &ArgMatches) -> ClientArgs {
    let has_them = before.try_contains_id("request_timeout").is_ok();
    let client = has_them.then(|| ClientArgs::from_arg_matches(before));
    client.and_then(Result::ok).unwrap_or_default()
}
