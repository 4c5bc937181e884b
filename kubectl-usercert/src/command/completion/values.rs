//! The values that flags and arguments take.

use clap::{Arg, Args as _, Command, FromArgMatches as _, ValueHint};
use usercert_core::api::csr::CLIENT_SIGNER;
use usercert_core::review::{FindingCode, Severity};
use usercert_core::x509::key::KeyType;

use super::line::Line;
use super::names::{self, Source};
use super::{Candidate, Directive};
use crate::ui::args::ClientArgs;

/// The candidates for one flag or argument.
pub(super) fn of(line: &Line<'_>, arg: &Arg) -> (Vec<Candidate>, Directive) {
    let possible: Vec<Candidate> = arg
        .get_possible_values()
        .iter()
        .filter(|v| !v.is_hide_set())
        .map(|v| {
            Candidate::new(v.get_name(), v.get_help().map(ToString::to_string).unwrap_or_default())
        })
        .collect();
    if !possible.is_empty() {
        return (possible, Directive::Nothing);
    }
    if let Some(fixed) = fixed(arg) {
        return (fixed, Directive::Nothing);
    }
    let placeholder = arg.get_value_names().and_then(<[_]>::first).map_or("", |n| n.as_str());
    if let Some(source) = source(line, arg, placeholder) {
        let given = &line.arguments;
        let found = names::find(source, &client(line));
        let fresh = found.into_iter().filter(|c| !given.contains(&c.word)).collect();
        return (fresh, Directive::Nothing);
    }
    match arg.get_value_hint() {
        _ if placeholder == "DIR" => (Vec::new(), Directive::Folders),
        ValueHint::AnyPath | ValueHint::FilePath => (Vec::new(), Directive::Files),
        _ if placeholder.contains("FILE") => (Vec::new(), Directive::Files),
        _ => (Vec::new(), Directive::Nothing),
    }
}

/// Values that are known without looking.
fn fixed(arg: &Arg) -> Option<Vec<Candidate>> {
    let words = |list: &[(&str, &str)]| list.iter().map(|(w, a)| Candidate::new(*w, *a)).collect();
    Some(match arg.get_id().as_str() {
        "accept" => {
            let refusing = |c: &&FindingCode| c.severity() == Severity::Refuse;
            let candidate = |c: &FindingCode| Candidate::new(c.as_str(), c.explanation());
            FindingCode::ALL.iter().filter(refusing).map(candidate).collect()
        }
        "key_type" => KeyType::ALL.iter().map(|k| Candidate::new(k.name(), "")).collect(),
        "expires" => words(&[("1h", ""), ("24h", ""), ("7d", ""), ("30d", ""), ("90d", "")]),
        "expires_within" => words(&[("24h", ""), ("7d", ""), ("30d", "")]),
        _ => return None,
    })
}

/// Where the names for a flag or argument are found, by the names that flags and arguments have.
fn source(line: &Line<'_>, arg: &Arg, placeholder: &str) -> Option<Source> {
    let command = line.path.first().copied().unwrap_or_default();
    Some(match (command, arg.get_id().as_str()) {
        ("approve" | "deny" | "review", "names") => Source::Pending,
        ("install", "csr_name") => Source::Requests { prefix: "" },
        ("inspect", _) if line.current.starts_with("csr/") => Source::Requests { prefix: "csr/" },
        ("install", "name") => Source::Waiting,
        (_, "context") => Source::Contexts,
        _ if placeholder == "CONTEXT" => Source::Contexts,
        (_, "cluster") => Source::Clusters,
        (_, "user") => Source::Users,
        (_, "namespace") => Source::Namespaces,
        (_, "role") => Source::Roles,
        (_, "clusterrole") => Source::ClusterRoles,
        ("token", "name" | "service_account" | "serviceaccount") => Source::ServiceAccounts,
        ("grant" | "revoke" | "access", "name") => {
            Source::Subjects { groups: line.flags.iter().any(|(a, _)| a.get_id() == "group") }
        }
        (_, "signer") => Source::Signers { usual: CLIENT_SIGNER },
        _ => return None,
    })
}

/// The connection flags before the cursor; none if they cannot be understood.
fn client(line: &Line<'_>) -> ClientArgs {
    let command = ClientArgs::augment_args(Command::new("client").no_binary_name(true));
    let known = |arg: &Arg| command.get_arguments().any(|a| a.get_id() == arg.get_id());
    let words: Vec<String> = line
        .flags
        .iter()
        .filter(|(arg, _)| known(arg))
        .filter_map(|(arg, value)| {
            let long = arg.get_long()?;
            Some(value.as_ref().map_or(format!("--{long}"), |value| format!("--{long}={value}")))
        })
        .collect();
    let matches = command.clone().try_get_matches_from(words);
    matches.and_then(|m| ClientArgs::from_arg_matches(&m)).unwrap_or_default()
}
