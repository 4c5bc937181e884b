//! What `-h`, `--help` and `help` show.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command};

/// Heading of kubectl's flags, which nearly every command has.
pub const CONNECTION: &str = "Connection (as in kubectl)";
/// Heading of the flags that every command has.
pub const GENERAL: &str = "General";

/// The commands with the help that is to be shown: in full, or in short. What is short leaves out
/// examples, the flags that all commands share, those of a command's life as a server, and those that
/// are marked as rare (`hide_short_help`). Either way a flag takes a line or two, as kubectl shows them.
pub fn shown(mut command: Command, full: bool) -> Command {
    let about = command.get_long_about().cloned();
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .help("Show help: -h in short, --help in full with examples")
        .help_heading(GENERAL)
        .action(ArgAction::HelpShort);
    command = command.disable_help_flag(true).arg(help).long_about(Resettable::Reset);
    command = match about {
        Some(about) if full => command.about(about),
        _ if full => command,
        _ => command.after_help("For examples and all other flags, see --help."),
    };
    let shared =
        |arg: &Arg| matches!(arg.get_help_heading(), Some(CONNECTION | GENERAL | "Watching"));
    command
        .mut_args(|arg| match (shared(&arg) || arg.is_hide_short_help_set(), full) {
            (true, false) => arg.hide(true),
            (_, false) => arg,
            (_, true) => {
                let all = arg.get_long_help().or(arg.get_help()).cloned();
                arg.hide_short_help(false).help(all.unwrap_or_default())
            }
        })
        // Only the command that is asked for is worth the work.
        .mut_subcommands(|command| command.defer(if full { in_full } else { in_short }))
}

fn in_full(command: Command) -> Command {
    shown(command, true)
}

fn in_short(command: Command) -> Command {
    shown(command, false)
}

/// The commands in groups, each with its summary, as a part of a help template. Those that no group names
/// come last.
pub fn grouped(command: &Command, groups: &[(&str, &[&str])]) -> String {
    let row = |command: &Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {:<14}{about}\n", command.get_name())
    };
    let find = |name: &&str| command.get_subcommands().find(|c| c.get_name() == *name);
    let named = |command: &&Command| groups.iter().any(|(_, n)| n.contains(&command.get_name()));
    let mut out = String::new();
    for (title, names) in groups {
        out.push_str(&format!("{title}:\n"));
        names.iter().filter_map(find).for_each(|command| out.push_str(&row(command)));
        out.push('\n');
    }
    let rest = command.get_subcommands().filter(|c| !named(c) && !c.is_hide_set());
    let rest: String = rest.map(row).collect();
    if rest.is_empty() { out } else { format!("{out}More:\n{rest}\n") }
}
