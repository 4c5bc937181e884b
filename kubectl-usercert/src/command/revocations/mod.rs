//! `revocations`: the list of revoked certificates, and what refuses them.

mod init;
mod install;
mod lift;
mod list;
mod prune;
mod sync;

use clap::{Args, Subcommand};

use crate::error::{Exit, Result};
use crate::ui::host::Host;

/// Manage the list of revoked certificates and its enforcement
///
/// The list is the ConfigMap revoked-certificates in the namespace usercert-system. Two mechanisms of
/// Kubernetes enforce it: a ValidatingAdmissionPolicy on any cluster (writes, exec, proxy; see
/// `install`), and the API server's own authorization configuration where its files can be changed
/// (everything; see `init` and `sync`). Both take Kubernetes 1.32 or newer.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RevocationsArgs {
    #[command(subcommand)]
    command: RevocationsCommand,
}

#[derive(Subcommand, Debug)]
enum RevocationsCommand {
    List(list::ListArgs),
    Install(install::InstallArgs),
    Init(init::InitArgs),
    Lift(lift::LiftArgs),
    Prune(prune::PruneArgs),
    Sync(sync::SyncArgs),
}

/// Runs the command.
///
/// # Errors
/// See the exit codes.
pub async fn run(host: &Host, args: &RevocationsArgs) -> Result<Exit> {
    match &args.command {
        RevocationsCommand::List(args) => list::run(host, args).await,
        RevocationsCommand::Install(args) => install::run(host, args).await,
        RevocationsCommand::Init(args) => init::run(host, args),
        RevocationsCommand::Lift(args) => lift::run(host, args).await,
        RevocationsCommand::Prune(args) => prune::run(host, args).await,
        RevocationsCommand::Sync(args) => sync::run(host, args).await,
    }
}
