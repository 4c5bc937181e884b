//! `completion SHELL`, and the answers that the printed scripts ask for.
//!
//! The scripts know nothing themselves: they call the plugin with `__complete`, the words before the
//! cursor and the unfinished word. The answer is what Cobra's programs give
//! (`kubectl/pkg/cmd/plugin/plugin_completion.go`): one candidate a line, a tab before its
//! description, and `:` with a `Directive` as the last line.

mod line;
mod names;
mod values;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Command, ValueEnum};

use crate::error::{Exit, Result};
use crate::ui::host::Host;
use line::{Line, Wanted};

/// The first argument by which the scripts ask.
const ASKED: &str = "__complete";

/// Print the completion script of a shell
///
/// For `kubectl usercert`, once; kubectl's own completion has to be loaded in the shell
/// (`kubectl completion --help`):
///
///   kubectl usercert completion kubectl > ~/.local/bin/kubectl_complete-usercert
///   chmod +x ~/.local/bin/kubectl_complete-usercert     # any folder on the PATH will do
///
/// For `kubectl-usercert` called by itself, in the shell's start-up file:
///
///   bash         source <(kubectl-usercert completion bash)
///   zsh          source <(kubectl-usercert completion zsh)      # after compinit
///   fish         kubectl-usercert completion fish | source
///   powershell   kubectl-usercert completion powershell | Out-String | Invoke-Expression
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

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written.
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
    /// Complete file names.
    Files = 0,
    /// Nothing else fits.
    Nothing = 4,
    /// Nothing else fits, and the word goes on after the candidate.
    Unfinished = 6,
    /// Complete names of folders.
    Folders = 16,
}

/// One continuation of the unfinished word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    word: String,
    about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }
}

/// The words to complete, if that is what this process was started for.
#[must_use]
pub fn asked(args: impl IntoIterator<Item = OsString>) -> Option<Vec<String>> {
    let mut args = args.into_iter().skip(1).peekable();
    args.next_if(|first| first == ASKED)?;
    Some(args.map(|word| word.to_string_lossy().into_owned()).collect())
}

/// Answers on standard output. Says nothing else, whatever goes wrong: this is for a shell in the
/// middle of a line.
#[must_use]
pub fn answer(mut command: Command, words: &[String]) -> ExitCode {
    command.build();
    let (candidates, directive) = complete(&command, words);
    let mut text = String::new();
    for Candidate { word, about } in candidates {
        let about = about.split(['\n', '\t']).next().unwrap_or_default();
        text.push_str(&if about.is_empty() { word } else { format!("{word}\t{about}") });
        text.push('\n');
    }
    let _ = Host::new(true, anstream::ColorChoice::Never)
        .result(format!("{text}:{}\n", directive as u8));
    ExitCode::SUCCESS
}

fn complete(command: &Command, words: &[String]) -> (Vec<Candidate>, Directive) {
    let line = Line::read(command, words);
    let (found, directive) = match &line.wanted {
        Wanted::Command => (line.commands(), Directive::Nothing),
        Wanted::Flag => line.flags(),
        Wanted::Value(arg) => values::of(&line, arg),
        Wanted::Nothing => (Vec::new(), Directive::Nothing),
    };
    let mut seen = BTreeSet::new();
    let fits = |c: &Candidate| c.word.starts_with(&line.current) && seen.insert(c.word.clone());
    (found.into_iter().filter(fits).collect(), directive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(words: &[&str]) -> (Vec<String>, Directive) {
        let mut command = crate::cli::command();
        command.build();
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let (found, directive) = complete(&command, &words);
        (found.into_iter().map(|c| c.word).collect(), directive)
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
        assert_eq!(found(&["approve", "--accept", "weak-"]), ["weak-key", "weak-signature"]);
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
