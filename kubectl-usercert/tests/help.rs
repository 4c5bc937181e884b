//! Help that people read: short where it is asked for in short, with an example for every command.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use clap::Command;

/// Commands that do something, with the words that lead to them.
fn commands(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
    for sub in command.get_subcommands() {
        let words = format!("{words} {}", sub.get_name());
        if !sub.has_subcommands() {
            found.push((words.clone(), sub.clone()));
        }
        commands(sub, &words, found);
    }
}

fn all(full: bool) -> Vec<(String, String)> {
    let mut command = kubectl_usercert::cli::with_help(full);
    command.build();
    let mut found = Vec::new();
    commands(&command, "kubectl usercert", &mut found);
    let text = |command: Command| command.term_width(100).render_help().to_string();
    found.into_iter().map(|(words, command)| (words, text(command))).collect()
}

#[test]
fn every_command_has_an_example_that_is_not_broken() {
    for (words, help) in all(true) {
        if words.ends_with(" help") || words.ends_with(" version") {
            continue;
        }
        let example = |line: &str| line.starts_with("  ") && line.contains("usercert ");
        assert!(help.lines().any(example), "{words} has no example:\n{help}");
        let (before, _) = help.split_once("\nUsage:").expect("a usage");
        for line in before.lines() {
            let limit = if line.starts_with("  ") { 80 } else { 100 };
            assert!(line.chars().count() <= limit, "{words}: {line}");
        }
    }
}

#[test]
fn short_help_is_short_and_full_help_has_everything_at_the_end() {
    for (words, help) in all(false) {
        assert!(help.lines().count() <= 45, "{words}:\n{help}");
        assert!(!help.contains("--as-user-extra") && help.contains("see --help"), "{words}");
    }
    for (words, help) in all(true) {
        assert!(help.lines().count() <= 110, "{words} has {} lines", help.lines().count());
        assert!(help.contains("--color") && help.contains("--quiet"), "{words}");
        if let Some((_, end)) = help.split_once("Connection (as in kubectl):\n") {
            let headings = end.lines().filter(|l| !l.starts_with(' ') && l.ends_with(':'));
            assert_eq!(headings.collect::<Vec<_>>(), ["General:"], "{words}");
        }
    }
}

#[test]
fn every_command_is_in_a_group() {
    let help = kubectl_usercert::cli::with_help(true).render_help().to_string();
    assert!(!help.contains("\nMore:\n"), "{help}");
}
