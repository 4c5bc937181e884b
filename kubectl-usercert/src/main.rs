//! The kubectl plugin's executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_usercert::cli::main()
}
