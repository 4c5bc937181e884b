//! `completion SHELL`, and the answers that the printed scripts ask for.
//!
//! The scripts know nothing themselves: they call the plugin with `__complete`, the words before the
//! cursor and the unfinished word. The answer is what Cobra's programs give
//! (`kubectl/pkg/cmd/plugin/plugin_completion.go`): one candidate a line, a tab before its
//! description, and `:` with a `Directive` as the last line.

mod completers;
mod names;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::iter;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, ValueEnum};
use clap_complete::engine::{self, CompletionCandidate};

use crate::error::{Exit, Result};
use crate::ui::host::Host;

/// The first argument by which the scripts ask.
const ASKED: &str = "__complete";

/// Print the completion script of a shell
///
/// For `kubectl usercert`, once; kubectl's own completion has to be loaded in the shell
/// (`kubectl completion --help`):
///
///   kubectl usercert completion kubectl > ~/.local/bin/kubectl_complete-usercert
///   chmod +x ~/.local/bin/kubectl_complete-usercert  # any folder on the PATH
///
/// For `kubectl-usercert` called by itself, in the shell's start-up file:
///
///   bash         source <(kubectl-usercert completion bash)
///   zsh          source <(kubectl-usercert completion zsh)      # after compinit
///   fish         kubectl-usercert completion fish | source
///   powershell   kubectl-usercert completion powershell | Out-String |
///                  Invoke-Expression
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct CompletionArgs {
    /// The shell; kubectl stands for the helper program that kubectl's own completion calls
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// What there is a script for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// The program kubectl_complete-usercert, which kubectl calls
    Kubectl,
}

pub fn run(host: &Host, args: &CompletionArgs) -> Result<Exit> {
    host.result(match args.shell {
        Shell::Bash => include_str!("scripts/bash"),
        Shell::Zsh => include_str!("scripts/zsh"),
        Shell::Fish => include_str!("scripts/fish"),
        Shell::Powershell => include_str!("scripts/powershell"),
        Shell::Kubectl => include_str!("scripts/kubectl"),
    })?;
    Ok(Exit::Done)
}

/// What the shell is to do beside showing the candidates; Cobra's `ShellCompDirective`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Files = 0,
    Nothing = 4,
    /// Nothing else fits, and the word goes on after the candidate.
    Unfinished = 6,
    Folders = 16,
}

/// The words to complete, if that is what this process was started for.
pub fn asked(args: impl IntoIterator<Item = OsString>) -> Option<Vec<String>> {
    let mut args = args.into_iter().skip(1).peekable();
    args.next_if(|first| first == ASKED)?;
    Some(args.map(|word| word.to_string_lossy().into_owned()).collect())
}

/// Answers on standard output. Says nothing else, whatever goes wrong: this is for a shell in the
/// middle of a line.
pub fn answer(command: &Command, words: Vec<String>) -> ExitCode {
    let (candidates, directive) = complete(command, words);
    let mut text = String::new();
    for (word, about) in candidates {
        let about = about.split(['\n', '\t']).next().unwrap_or_default();
        text.push_str(&if about.is_empty() { word } else { format!("{word}\t{about}") });
        text.push('\n');
    }
    let _ = Host::new(true, anstream::ColorChoice::Never)
        .result(format!("{text}:{}\n", directive as u8));
    ExitCode::SUCCESS
}

/// What the last word can become: words with what they mean, of `--flag=va` the value alone.
fn complete(command: &Command, mut words: Vec<String>) -> (Vec<(String, String)>, Directive) {
    let current = words.pop().unwrap_or_default();
    // Old PowerShells drop an empty argument, so theirs is written as two quotes.
    let current = if current == "\"\"" { String::new() } else { current };
    let optional = with_optional_value(command);
    // A value behind an equals sign only is not the next word.
    words.retain(|word| !optional.contains(word));
    let before = before(command, &words);
    let mut command = completers::attach(command.clone(), &before);
    let line: Vec<OsString> = iter::once(command.get_name().to_owned())
        .chain(words)
        .chain([current.clone()])
        .map(OsString::from)
        .collect();
    let last = line.len() - 1;
    let found = engine::complete(&mut command, line, last, None).unwrap_or_default();

    let kept = match current.split_once('=') {
        Some((flag, _)) if flag.starts_with("--") => flag.len() + 1,
        _ => 0,
    };
    let mut directive = Directive::Nothing;
    let mut fitting = Vec::new();
    for candidate in found {
        match candidate.get_tag().map(ToString::to_string).as_deref() {
            Some(completers::FILES) => directive = Directive::Files,
            Some(completers::FOLDERS) => directive = Directive::Folders,
            _ => {
                let word = candidate.get_value().to_string_lossy();
                let is_flag = kept == 0 && word.starts_with('-');
                // Flags are offered to who begins one.
                if is_flag != (kept == 0 && current.starts_with('-'))
                    || is_given(&candidate, &command, &before)
                {
                    continue;
                }
                let about = candidate.get_help().map(ToString::to_string).unwrap_or_default();
                let word = word.get(kept..).unwrap_or_default().to_owned();
                if is_flag && optional.contains(&word) {
                    fitting.push((format!("{word}="), about.clone()));
                }
                fitting.push((word, about));
            }
        }
    }
    if let [(only, _)] = fitting.as_slice()
        && only.ends_with('=')
    {
        directive = Directive::Unfinished;
    }
    (fitting, directive)
}

/// The long flags of all commands that take a value behind an equals sign only.
fn with_optional_value(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter(|arg| arg.is_require_equals_set());
    let own = own.filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    own.chain(command.get_subcommands().flat_map(with_optional_value)).collect()
}

/// What the words before the cursor say to the innermost command, as far as they can be understood.
fn before(command: &Command, words: &[String]) -> Arc<ArgMatches> {
    let lenient = command.clone().ignore_errors(true).no_binary_name(true);
    let mut matches = lenient.try_get_matches_from(words).unwrap_or_default();
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    Arc::new(matches)
}

/// Whether a candidate is a flag that was given, and that cannot be given again.
fn is_given(candidate: &CompletionCandidate, command: &Command, before: &ArgMatches) -> bool {
    let id = candidate.get_id().and_then(|id| id.strip_prefix("arg::"));
    id.is_some_and(|id| completers::given(before, id) && !repeats(command, id))
}

fn repeats(command: &Command, id: &str) -> bool {
    let own = command.get_arguments().filter(|arg| arg.get_id() == id);
    own.map(Arg::get_action).any(|a| matches!(a, ArgAction::Append | ArgAction::Count))
        || command.get_subcommands().any(|command| repeats(command, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(words: &[&str]) -> (Vec<String>, Directive) {
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        let (found, directive) = complete(&crate::cli::command(), words);
        (found.into_iter().map(|(word, _)| word).collect(), directive)
    }

    fn found(words: &[&str]) -> Vec<String> {
        asked_for(words).0
    }

    #[test]
    fn commands_come_first() {
        assert_eq!(found(&["req"]), ["request"]);
        assert_eq!(found(&["-q", "--color", "never", "inst"]), ["install"]);
        assert!(found(&[""]).len() > 8);
        assert_eq!(found(&["request", "req"]), <[&str; 0]>::default(), "a user is anybody");
    }

    #[test]
    fn flags_belong_to_their_command() {
        assert_eq!(found(&["request", "--ke"]), ["--key-type", "--key"]);
        assert_eq!(found(&["list", "--ke"]), <[&str; 0]>::default());
        assert_eq!(found(&["list", "--contex"]), ["--context"]);
    }

    #[test]
    fn a_flag_is_offered_once_unless_it_repeats() {
        assert_eq!(found(&["request", "--wait", "--wai"]), <[&str; 0]>::default());
        assert_eq!(found(&["request", "-g", "dev", "--grou"]), ["--group"]);
    }

    #[test]
    fn values_follow_a_space_or_an_equals_sign() {
        assert_eq!(found(&["request", "--key-type", "rsa3"]), ["rsa3072"]);
        assert_eq!(found(&["request", "--key-type=ed"]), ["ed25519"]);
        assert_eq!(found(&["list", "-o", "js"]), ["json"]);
        assert_eq!(found(&["approve", "--accept", "weak-"]), ["weak-key"], "others refuse nothing");
    }

    #[test]
    fn a_value_behind_an_equals_sign_only_does_not_take_the_next_word() {
        assert_eq!(found(&["request", "--dry-run=s"]), ["server"]);
        assert!(found(&["request", "--dry-run", "--key-t"]).contains(&"--key-type".to_owned()));
    }

    #[test]
    fn files_and_folders_are_the_shells_business() {
        assert_eq!(asked_for(&["request", "--key", ""]), (vec![], Directive::Files));
        assert_eq!(asked_for(&["request", "--out-dir", ""]), (vec![], Directive::Folders));
        assert_eq!(asked_for(&["list", "--kubeconfig", ""]), (vec![], Directive::Files));
        assert_eq!(asked_for(&["inspect", ""]), (vec![], Directive::Files));
        assert_eq!(asked_for(&["request", ""]), (vec![], Directive::Nothing));
    }

    #[test]
    fn behind_two_dashes_there_are_no_flags() {
        assert_eq!(found(&["request", "--", "--ke"]), <[&str; 0]>::default());
    }

    #[test]
    fn nonsense_is_answered_with_nothing() {
        for words in [&["nonsense", ""] as &[_], &["request", "--nonsense=", ""], &["-é", "é"], &[]]
        {
            asked_for(words);
        }
        assert_eq!(found(&["--nonsense", "--nonsense="]), <[&str; 0]>::default());
    }
}
