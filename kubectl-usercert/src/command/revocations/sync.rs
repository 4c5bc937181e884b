//! `revocations sync`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use usercert_core::encoding::yaml;
use usercert_core::lifecycle::probe::Seen;
use usercert_core::lifecycle::{RevocationList, daemon};

use crate::cluster::{Cluster, Target, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, DryRun, DryRunArgs};
use crate::ui::host::Host;
use crate::workflow::authorization_file::AuthorizationFile;
use crate::workflow::revocation;
use crate::workflow::stop::Stop;

/// The pause after a failure, which grows from the one to the other.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Keep an API server's authorization configuration in sync with the list
///
/// Runs on a control-plane node and watches the list. It keeps entries named usercert-revoked-N first
/// in `authorizers` of the file, and changes nothing else in it. The API server reloads the file, and
/// then refuses every request with a revoked certificate, reads included. Only system:masters still
/// passes, and open connections continue until they end.
///
/// A file that the API server would reject is never written, and the previous version is kept beside
/// it. If the list is missing, the file stays as it is.
///
/// Examples:
///
///   kubectl usercert revocations sync \
///     --authorization-config /etc/kubernetes/usercert/authorization.yaml
///
///   kubectl usercert revocations sync --print-manifests --image IMAGE \
///     --authorization-config FILE
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct SyncArgs {
    /// The file that kube-apiserver's flag --authorization-config names
    #[arg(long, value_name = "FILE")]
    authorization_config: PathBuf,
    /// The file's folder as the API server sees it, if that differs
    #[arg(long, value_name = "DIR")]
    server_folder: Option<PathBuf>,
    /// Run once, then end
    #[arg(long)]
    once: bool,
    /// Print the manifests of a DaemonSet that does this on every control-plane node
    #[arg(long, requires = "image")]
    print_manifests: bool,
    /// With --print-manifests: a container image that has kubectl-usercert as its program
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// Reading or writing fails with `--once` or `--dry-run`, or the service cannot start; it reports later failures and
/// retries.
pub async fn run(host: &Host, args: &SyncArgs) -> Result<Exit> {
    let file = AuthorizationFile::new(&args.authorization_config, args.server_folder.as_deref())?;
    if args.print_manifests {
        return print_manifests(host, args);
    }
    let target = Target::resolve(&args.client)?;
    let cluster = target.connect()?;
    let dry = args.dry_run.dry_run != DryRun::None;
    if args.once || dry {
        let list = revocation::read(&cluster).await?.ok_or_else(revocation::no_list)?;
        let (entries, changed) = file.follow(&list, dry)?;
        host.result(outcome(&file, entries, changed) + args.dry_run.dry_run.mark())?;
        if !dry && list.has_test {
            match revocation::reads_configuration(&target, &cluster, &list).await {
                Seen::Refuses => host.say("The API server uses it."),
                Seen::Passes => return Err(not_read(&file)),
                other => {
                    let why = other.why_unknown().unwrap_or_default();
                    host.say(format!("Not tested whether the API server uses it: {why}."));
                }
            }
        }
        return Ok(Exit::Done);
    }
    let stop = Stop::new()?;
    let cluster = cluster.for_service(stop.receiver());
    host.say(format!(
        "keeping {} in sync with the list of revoked certificates; ctrl-c stops",
        file.shown()
    ));
    let mut pause = PAUSES.0;
    loop {
        match stop.or(follow(host, &target, &cluster, &file)).await {
            None => return Ok(Exit::Done),
            Some(Ok(())) => pause = PAUSES.0,
            Some(Err(error)) => {
                host.fail(&error);
                if stop.within(pause).await {
                    return Ok(Exit::Done);
                }
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

/// Reads the list, and follows its changes until the watch ends.
async fn follow(
    host: &Host,
    target: &Target,
    cluster: &Cluster,
    file: &AuthorizationFile,
) -> Result<()> {
    let explained = |error| explain(&error, &cluster.server, &revocation::watch());
    let Some(value) = cluster.revoked().await.map_err(explained)? else {
        return Err(Error {
            message: format!("{}; {} stays as it is", revocation::no_list().message, file.shown()),
            ..revocation::no_list()
        });
    };
    let apply = async |value: &Value| -> Result<()> {
        let list = RevocationList::read(value);
        let (entries, changed) = file.follow(&list, false)?;
        if changed {
            host.result(outcome(file, entries, changed))?;
        }
        // The rights that are printed for this do not suffice to try it.
        if changed
            && list.has_test
            && revocation::reads_configuration(target, cluster, &list).await == Seen::Passes
        {
            host.fail(&not_read(file));
        }
        Ok(())
    };
    apply(&value).await?;
    let version = value["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let mut changes = cluster.watch_revoked(version).await.map_err(explained)?;
    while let Some(value) = changes.next().await.map_err(explained)? {
        apply(&value).await?;
    }
    Ok(())
}

/// It was written, but is not what an API server goes by.
fn not_read(file: &AuthorizationFile) -> Error {
    Error::new(format!("the API server that answers does not use {}", file.shown())).hint(
        "if it rejects the file, its log says why; with several API servers, another one may have answered",
    )
}

fn outcome(file: &AuthorizationFile, entries: usize, changed: bool) -> String {
    let what = if changed { "written" } else { "unchanged" };
    let noun = if entries == 1 { "entry" } else { "entries" };
    format!("{} {what}: {entries} {noun} of kubectl usercert", file.shown())
}

fn print_manifests(host: &Host, args: &SyncArgs) -> Result<Exit> {
    let path = args.authorization_config.to_str().filter(|p| p.starts_with('/'));
    let path = path.ok_or_else(|| {
        Error::usage("--authorization-config: name the file by its absolute path on the nodes")
    })?;
    let image = args.image.as_deref().unwrap_or_default();
    let seen_as = args.server_folder.as_deref().and_then(Path::to_str);
    let objects = daemon::objects(image, path, seen_as);
    let documents: Vec<String> = objects.iter().map(yaml::to_string).collect();
    host.result(documents.join("---\n"))?;
    Ok(Exit::Done)
}
