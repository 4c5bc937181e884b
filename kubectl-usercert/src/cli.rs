//! The command line: what there is, and from arguments to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::cluster::runtime;
use crate::command;
use crate::error::{Exit, Result};
use crate::ui::host::Host;

/// Access for people to Kubernetes by X.509 client certificates
///
/// A person requests, an admin approves what was reviewed, the person installs:
///
///   kubectl usercert request alice -g dev     # key, request, submit
///   kubectl usercert approve alice            # for the admin: review, ask, approve
///   kubectl usercert install alice            # certificate into the kubeconfig, tried out
///
/// Without any access to the cluster yet, the request travels as a file and the answer comes back as
/// one: `request --offline`, `approve --from FILE --reply FILE`, `install --reply FILE`.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 what was asked about is so, 5 timed out.
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
    /// Print results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Colours in the output; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
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
    Completion(command::completion::CompletionArgs),
}

/// All commands and flags, for completion and for what is generated from them.
pub fn command() -> clap::Command {
    Cli::command()
}

pub fn main() -> ExitCode {
    harden();
    if let Some(words) = command::completion::asked(std::env::args_os()) {
        return command::completion::answer(&command(), words);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render();
            if error.use_stderr() {
                Host::new(false, anstream::ColorChoice::Auto).warn(text.to_string().trim_end());
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
    let exit = match run(&host, cli.command) {
        Ok(exit) => exit,
        Err(error) => {
            host.fail(&error);
            error.exit
        }
    };
    ExitCode::from(exit.code())
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
        Command::Completion(args) => command::completion::run(host, &args),
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
