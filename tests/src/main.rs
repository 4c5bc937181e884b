//! Runs a sandbox until it is told to stop.
#![expect(clippy::print_stdout, reason = "its output is for the terminal that started it")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use usercert_sandbox::{Sandbox, SandboxOptions};

/// A small Kubernetes API server in memory, to try `kubectl usercert` without a cluster
#[derive(Debug, Parser)]
#[command(name = "usercert-sandbox", version)]
struct Args {
    /// Where to write the kubeconfig files
    #[arg(long, value_name = "DIR", default_value = "sandbox")]
    dir: PathBuf,

    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Leave approved requests unsigned
    #[arg(long)]
    no_signer: bool,

    /// More users to write a kubeconfig for
    #[arg(long, value_name = "NAME[:GROUP,...]", num_args = 1..)]
    users: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let stopped = stopped()?;
    let sandbox = Sandbox::start(SandboxOptions {
        signer: !args.no_signer,
        port: args.port,
        ..SandboxOptions::default()
    })?;
    let admin = write_files(&sandbox, &args)?;
    println!("{}", sandbox.url());
    println!("export KUBECONFIG={}", shell_quoted(&admin.display().to_string()));
    io::stdout().flush()?;
    stopped.await
}

/// What ends when it is told to stop; listens from here on.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

/// What ends when it is told to stop.
#[cfg(not(unix))]
fn stopped() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}

/// Writes the kubeconfig files, and `ready` as the last one. Returns the administrator's.
fn write_files(sandbox: &Sandbox, args: &Args) -> io::Result<PathBuf> {
    fs::create_dir_all(&args.dir)?;
    let dir = args.dir.canonicalize()?;
    let admin = dir.join("admin.kubeconfig");
    write_private(&admin, &sandbox.admin_kubeconfig())?;
    for user in &args.users {
        let (name, groups) = user.split_once(':').unwrap_or((user, ""));
        if name.contains('/') {
            return Err(io::Error::other(format!("{name:?} does not make a file name")));
        }
        let groups: Vec<&str> = groups.split(',').filter(|group| !group.is_empty()).collect();
        let config = sandbox.kubeconfig_for(name, &groups);
        write_private(&dir.join(format!("{name}.kubeconfig")), &config)?;
    }
    fs::write(dir.join("ready"), format!("{}\n", sandbox.url()))?;
    Ok(admin)
}

/// Writes a file that only its owner can read; on Windows, who the folder lets in.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
