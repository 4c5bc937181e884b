//! `ca init`, `ca sign`, `ca serve`: an own certificate authority.

mod authority;
mod init;
mod rbac;
mod serve;
mod sign;

use clap::{Args, Subcommand};

use crate::error::{Exit, Result};
use crate::ui::host::Host;

/// Make a CA, sign certificates with its key, or act as a cluster's signer
///
/// For clusters that do not sign themselves, and for the certificates of a cluster's components.
#[derive(Args, Debug)]
pub struct CaArgs {
    #[command(subcommand)]
    command: CaCommand,
}

#[derive(Subcommand, Debug)]
enum CaCommand {
    Init(init::InitArgs),
    Sign(Box<sign::SignArgs>),
    Serve(Box<serve::ServeArgs>),
}

pub async fn run(host: &Host, args: &CaArgs) -> Result<Exit> {
    match &args.command {
        CaCommand::Init(args) => init::run(host, args),
        CaCommand::Sign(args) => sign::run(host, args),
        CaCommand::Serve(args) => serve::run(host, args).await,
    }
}
