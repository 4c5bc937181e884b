//! The command line: what there is, and from arguments to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use usercert_core::text::show_short;

use crate::cluster::runtime;
use crate::command;
use crate::error::{Error, Exit, Result};
use crate::ui::help;
use crate::ui::host::Host;

/// Give people access to Kubernetes with X.509 client certificates
///
/// A person requests and waits; an admin reviews and approves:
///
///   kubectl usercert request alice -g dev --wait --use
///   kubectl usercert approve alice
///
/// Without access to the cluster, request and answer travel as files:
///
///   kubectl usercert request alice --offline -o yaml > alice.yaml
///   kubectl usercert approve -f alice.yaml --reply alice.kubeconfig
///   kubectl usercert install --reply alice.kubeconfig --use
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 something expires
/// within the given time, 5 not decided or signed in time, 130 interrupted.
#[derive(Parser, Debug)]
#[command(
    name = "kubectl-usercert",
    bin_name = "kubectl usercert",
    version,
    verbatim_doc_comment,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    /// Print results, warnings and errors only
    #[arg(short, long, global = true, help_heading = help::GENERAL)]
    quiet: bool,
    /// Color the output; auto honors NO_COLOR, CLICOLOR_FORCE and dumb terminals
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = help::GENERAL)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
enum Command {
    Request(command::request::RequestArgs),
    List(command::list::ListArgs),
    Review(command::review::ReviewArgs),
    Approve(Box<command::approve::ApproveArgs>),
    Deny(command::deny::DenyArgs),
    Install(Box<command::install::InstallArgs>),
    Renew(Box<command::renew::RenewArgs>),
    Create(Box<command::create::CreateArgs>),
    Onboard(Box<command::onboard::OnboardArgs>),
    Verify(command::verify::VerifyArgs),
    Grant(Box<command::grant::GrantArgs>),
    Revoke(Box<command::revoke::RevokeArgs>),
    Revocations(Box<command::revocations::RevocationsArgs>),
    Access(Box<command::access::AccessArgs>),
    Token(Box<command::token::TokenArgs>),
    Doctor(command::doctor::DoctorArgs),
    Certificates(command::certificates::CertificatesArgs),
    Contexts(command::contexts::ContextsArgs),
    Inspect(command::inspect::InspectArgs),
    Ca(command::ca::CaArgs),
    Credential(command::credential::CredentialArgs),
    Completion(command::completion::CompletionArgs),
    /// Show the help of a command
    Help(HelpArgs),
    /// Show the version of this program
    Version,
}

#[derive(clap::Args, Debug)]
struct HelpArgs {
    /// The command
    words: Vec<String>,
}

/// The groups in which help shows the commands.
const GROUPS: &[(&str, &[&str])] = &[
    ("Get access", &["request", "install", "renew", "verify", "contexts"]),
    ("Approve", &["list", "review", "approve", "deny", "create", "onboard", "certificates"]),
    ("Roles and revocation", &["grant", "access", "revoke", "revocations", "token"]),
    ("Look", &["doctor", "inspect"]),
    ("Operate a CA", &["ca"]),
    ("This program", &["credential", "completion", "help", "version"]),
];

/// All commands and flags, for completion and for what is generated from them.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The same as `--help` shows it, in full or, as `-h` does, in short.
pub fn with_help(full: bool) -> clap::Command {
    let command = command();
    let groups = help::grouped(&command, GROUPS);
    help::shown(command, full).help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Flags:\n{{options}}{{after-help}}"
    ))
}

/// What has to be known before the command line is read: whether help is asked for in full, and colors.
fn beforehand(args: impl Iterator<Item = std::ffi::OsString>) -> (bool, anstream::ColorChoice) {
    let words: Vec<String> = args.map(|word| word.to_string_lossy().into_owned()).collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--color="));
    let apart = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1].as_str());
    let color = match joined.or(apart) {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => anstream::ColorChoice::Auto,
    };
    (words.iter().any(|word| word == "--help"), color)
}

fn show_help(args: &HelpArgs) -> Result<Exit> {
    let mut all = with_help(true);
    all.build();
    let mut command = &mut all;
    for word in &args.words {
        command = command.find_subcommand_mut(word).ok_or_else(|| {
            Error::usage(format!("there is no command {}", show_short(word, 60)))
                .hint("`kubectl usercert help` lists them")
        })?;
    }
    // Nobody is left to tell if the terminal is gone.
    let _ = command.print_help();
    Ok(Exit::Done)
}

pub fn main() -> ExitCode {
    harden();
    if let Some(words) = command::completion::asked(std::env::args_os()) {
        return command::completion::answer(&command(), words);
    }
    let (full, color) = beforehand(std::env::args_os());
    color.write_global();
    // Clients wait for it every time.
    if let Some(args) = command::credential::as_clients_ask(std::env::args_os()) {
        let host = Host::new(false, color);
        return ended(&host, command::credential::run(&host, &args));
    }
    let parsed = with_help(full).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render();
            if error.use_stderr() {
                Host::new(false, color).warn(text.to_string().trim_end());
            } else {
                // Nobody is left to tell if the terminal is gone.
                let _ = error.print();
            }
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    let color = match cli.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    let host = Host::new(cli.quiet, color);
    ended(&host, run(&host, bounded(cli.command)))
}

fn ended(host: &Host, result: Result<Exit>) -> ExitCode {
    let exit = result.unwrap_or_else(|error| {
        host.fail(&error);
        error.exit
    });
    ExitCode::from(exit.code())
}

/// The command, no request of which takes longer than its `--timeout`.
fn bounded(mut command: Command) -> Command {
    let limits = match &mut command {
        Command::Request(args) => Some((&mut args.client, args.timeout)),
        Command::Approve(args) => Some((&mut args.client, args.timeout.timeout)),
        Command::Install(args) => Some((&mut args.client, args.timeout.timeout)),
        Command::Renew(args) => Some((&mut args.client, args.timeout.timeout)),
        Command::Create(args) => Some((&mut args.client, args.timeout.timeout)),
        Command::Onboard(args) => Some((&mut args.client, args.timeout.timeout)),
        _ => None,
    };
    if let Some((client, whole)) = limits {
        client.bound(whole);
    }
    command
}

fn run(host: &Host, command: Command) -> Result<Exit> {
    runtime::new()?.block_on(dispatch(host, command))
}

async fn dispatch(host: &Host, command: Command) -> Result<Exit> {
    match command {
        Command::Request(args) => command::request::run(host, &args).await,
        Command::List(args) => command::list::run(host, &args).await,
        Command::Review(args) => command::review::run(host, &args).await,
        Command::Approve(args) => command::approve::run(host, &args).await,
        Command::Deny(args) => command::deny::run(host, &args).await,
        Command::Install(args) => command::install::run(host, &args).await,
        Command::Renew(args) => command::renew::run(host, &args).await,
        Command::Create(args) => command::create::run(host, &args).await,
        Command::Onboard(args) => command::onboard::run(host, &args).await,
        Command::Verify(args) => command::verify::run(host, &args).await,
        Command::Grant(args) => command::grant::run(host, &args).await,
        Command::Revoke(args) => command::revoke::run(host, &args).await,
        Command::Revocations(args) => command::revocations::run(host, &args).await,
        Command::Token(args) => command::token::run(host, &args).await,
        Command::Doctor(args) => command::doctor::run(host, &args).await,
        Command::Access(args) => command::access::run(host, &args).await,
        Command::Certificates(args) => command::certificates::run(host, &args).await,
        Command::Contexts(args) => command::contexts::run(host, &args).await,
        Command::Inspect(args) => command::inspect::run(host, &args).await,
        Command::Ca(args) => command::ca::run(host, &args).await,
        Command::Credential(args) => command::credential::run(host, &args),
        Command::Completion(args) => command::completion::run(host, &args),
        Command::Help(args) => show_help(&args),
        Command::Version => {
            host.result(concat!("kubectl-usercert ", env!("CARGO_PKG_VERSION")))?;
            Ok(Exit::Done)
        }
    }
}

/// A crash must not write keys to a core dump.
fn harden() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Best effort: where it is forbidden, the system's own settings hold.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
