//! `docs/cli.md` and `docs/man/` are what the commands' own help says. `make docs` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Command;

/// Heading of the flags that nearly every command has; they are described once.
const CONNECTION: &str = "Connection (as in kubectl)";

#[test]
fn reference_and_manual_are_up_to_date() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut command = kubectl_usercert::cli::command();
    command.build();
    let mut files = manual(&command);
    files.insert("cli.md".to_owned(), reference(&command));
    if std::env::var_os("USERCERT_WRITE_DOCS").is_some() {
        let _ = std::fs::remove_dir_all(docs.join("man"));
        std::fs::create_dir_all(docs.join("man")).expect("a folder");
        for (name, text) in &files {
            std::fs::write(docs.join(name), text).expect("a file");
        }
    }
    for (name, text) in &files {
        let found = std::fs::read_to_string(docs.join(name)).unwrap_or_default();
        assert!(&found == text, "docs/{name} is not what --help says: run `make docs`");
    }
    let pages = std::fs::read_dir(docs.join("man")).expect("docs/man").count();
    assert_eq!(pages + 1, files.len(), "docs/man has a page too many: run `make docs`");
}

/// Commands that do something, with the words that lead to them.
fn commands<'a>(command: &'a Command, words: &str, found: &mut Vec<(String, &'a Command)>) {
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        let words = format!("{words} {}", sub.get_name());
        if !sub.has_subcommands() {
            found.push((words.clone(), sub));
        }
        commands(sub, &words, found);
    }
}

fn reference(command: &Command) -> String {
    let mut found = Vec::new();
    commands(command, "kubectl usercert", &mut found);
    let mut text = String::from(
        "# Commands\n\nWhat `--help` says, in one place; written by `make docs`. [reference.md](reference.md) \
         explains objects, files\nand rules.\n\n```text\n",
    );
    text.push_str(&help(command));
    text.push_str("```\n");
    let mut connection = String::new();
    for (words, command) in found {
        let whole = help(command);
        let (own, shared) = whole.split_once(&format!("\n{CONNECTION}:\n")).unwrap_or((&whole, ""));
        if connection.len() < shared.len() {
            shared.clone_into(&mut connection);
        }
        let more =
            if shared.is_empty() { "" } else { "\nand the connection flags, see the end.\n" };
        let _ = write!(text, "\n## {words}\n\n```text\n{}\n```\n{more}", own.trim_end());
    }
    let _ = write!(text, "\n## Connection flags\n\n```text\n{}\n```\n", connection.trim_end());
    text
}

fn help(command: &Command) -> String {
    let help = command.clone().term_width(100).render_long_help().to_string();
    help.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn manual(command: &Command) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    commands(command, "kubectl-usercert", &mut found);
    found.push(("kubectl-usercert".to_owned(), command));
    found
        .into_iter()
        .map(|(words, command)| {
            let name: &'static str = words.replace(' ', "-").leak();
            let mut page = Vec::new();
            let command = command.clone().name(name);
            clap_mangen::Man::new(command).render(&mut page).expect("a page");
            (format!("man/{name}.1"), String::from_utf8(page).expect("text"))
        })
        .collect()
}
