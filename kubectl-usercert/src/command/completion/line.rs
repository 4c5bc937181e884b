//! A command line up to the cursor, held against the commands and flags that there are.

use clap::{Arg, ArgAction, Command};

use super::{Candidate, Directive};

/// What the unfinished word can become.
#[derive(Debug)]
pub(super) enum Wanted<'a> {
    /// A command.
    Command,
    /// A flag.
    Flag,
    /// A flag's value, or an argument.
    Value(&'a Arg),
    /// Nothing that is known.
    Nothing,
}

/// The words before the cursor, understood as far as they can be, and the unfinished one.
pub(super) struct Line<'a> {
    command: &'a Command,
    /// The command's words, as `ca sign`.
    pub path: Vec<&'a str>,
    /// Flags that were given, with their values.
    pub flags: Vec<(&'a Arg, Option<String>)>,
    /// Arguments that were given.
    pub arguments: Vec<String>,
    /// The unfinished word; of `--flag=va` it is `va`.
    pub current: String,
    /// What it can become.
    pub wanted: Wanted<'a>,
}

impl<'a> Line<'a> {
    /// Reads the words; the last one is unfinished. `command` must have been built.
    pub fn read(command: &'a Command, words: &[String]) -> Self {
        let (current, before) = words.split_last().map_or(("", &[] as _), |(c, b)| (c.as_str(), b));
        // Old PowerShells drop an empty argument, so theirs is written as two quotes.
        let current = if current == "\"\"" { "" } else { current };
        let mut line = Self {
            command,
            path: Vec::new(),
            flags: Vec::new(),
            arguments: Vec::new(),
            current: current.to_owned(),
            wanted: Wanted::Nothing,
        };
        let mut waiting = None;
        let mut only_arguments = false;
        for word in before {
            if let Some(arg) = waiting.take() {
                line.flags.push((arg, Some(word.clone())));
            } else if only_arguments || !word.starts_with('-') || word == "-" {
                line.take_argument(word);
            } else if word == "--" {
                only_arguments = true;
            } else {
                waiting = line.take_flags(word);
            }
        }
        line.wanted = match waiting {
            Some(arg) => Wanted::Value(arg),
            None if !only_arguments && current.starts_with('-') => line.unfinished_flag(current),
            None if line.awaits_command() => Wanted::Command,
            None => line.next_argument().map_or(Wanted::Nothing, Wanted::Value),
        };
        line
    }

    fn awaits_command(&self) -> bool {
        self.command.has_subcommands() && self.arguments.is_empty()
    }

    fn take_argument(&mut self, word: &str) {
        let command = self.command;
        match command.find_subcommand(word).filter(|_| self.awaits_command()) {
            Some(command) => {
                self.command = command;
                self.path.push(command.get_name());
            }
            None => self.arguments.push(word.to_owned()),
        }
    }

    /// `--flag`, `--flag=value`, `-f`, `-fvalue`, `-abf`; gives the flag whose value comes next.
    fn take_flags(&mut self, word: &str) -> Option<&'a Arg> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let arg = self.long(name)?;
            if value.is_none() && takes_next_word(arg) {
                return Some(arg);
            }
            self.flags.push((arg, value));
            return None;
        }
        let mut rest = word[1..].chars();
        while let Some(letter) = rest.next() {
            let arg = self.command.get_arguments().find(|a| a.get_short() == Some(letter))?;
            if !takes_next_word(arg) {
                self.flags.push((arg, None));
                continue;
            }
            let value = rest.as_str();
            if value.is_empty() {
                return Some(arg);
            }
            self.flags.push((arg, Some(value.strip_prefix('=').unwrap_or(value).to_owned())));
            return None;
        }
        None
    }

    fn unfinished_flag(&mut self, word: &str) -> Wanted<'a> {
        let Some((name, value)) = word.strip_prefix("--").and_then(|w| w.split_once('=')) else {
            return Wanted::Flag;
        };
        let Some(arg) = self.long(name) else { return Wanted::Nothing };
        self.current = value.to_owned();
        Wanted::Value(arg)
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let command = self.command;
        command.get_arguments().find(|a| {
            a.get_long() == Some(name) || a.get_all_aliases().unwrap_or_default().contains(&name)
        })
    }

    fn next_argument(&self) -> Option<&'a Arg> {
        let command = self.command;
        let all: Vec<&Arg> = command.get_positionals().collect();
        let last = all.last().copied().filter(|a| repeats(a));
        all.get(self.arguments.len()).copied().or(last)
    }

    /// The commands that can come here.
    pub fn commands(&self) -> Vec<Candidate> {
        let shown = self.command.get_subcommands().filter(|c| !c.is_hide_set());
        shown.map(|c| Candidate::new(c.get_name(), text(c.get_about()))).collect()
    }

    /// The flags that can still be given: the command's own before those that every command has.
    pub fn flags(&self) -> (Vec<Candidate>, Directive) {
        let given = |arg: &Arg| self.flags.iter().any(|(a, _)| a.get_id() == arg.get_id());
        let mut found = Vec::new();
        for arg in self.command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            if arg.is_hide_set() || (given(arg) && !repeats(arg)) {
                continue;
            }
            found.push(Candidate::new(format!("--{long}"), text(arg.get_help())));
            if arg.is_require_equals_set() {
                found.push(Candidate::new(format!("--{long}="), text(arg.get_help())));
            }
        }
        let unfinished = |c: &&Candidate| c.word.starts_with(&self.current);
        let mut fitting = found.iter().filter(unfinished);
        let directive = match (fitting.next(), fitting.next()) {
            (Some(only), None) if only.word.ends_with('=') => Directive::Unfinished,
            _ => Directive::Nothing,
        };
        (found, directive)
    }
}

fn takes_next_word(arg: &Arg) -> bool {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    takes && !arg.is_require_equals_set() && arg.get_num_args().is_none_or(|n| n.min_values() > 0)
}

fn repeats(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append | ArgAction::Count)
        || arg.get_num_args().is_some_and(|n| n.max_values() > 1)
}

fn text(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default()
}
