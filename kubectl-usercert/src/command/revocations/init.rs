//! `revocations init`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use usercert_core::encoding::yaml;
use usercert_core::lifecycle::authorization::{NEVER_CALLED, from_modes, never_called};
use usercert_core::lifecycle::static_pod::{self, FILE};
use usercert_core::text::{shell_word, show};

use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::{self, Access};
use crate::ui::host::Host;

/// Longest manifest that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// Show how to set up an API server for `sync`; with --write, do it
///
/// For kubeadm: reads the static pod's manifest and shows a diff, with the flag --authorization-config
/// instead of --authorization-mode, a volume and its mount. With --write it creates the folder with a
/// first configuration, which is equivalent to the old mode, keeps a copy of the old manifest there,
/// and writes the new one. The kubelet then restarts the API server. Do one control-plane node at a
/// time.
///
/// Kubernetes before 1.32 cannot read the configuration; an image with such a tag is refused.
///
/// For k3s and RKE2: prints the lines for their own configuration file.
///
/// Examples:
///
///   kubectl usercert revocations init \
///     --manifest /etc/kubernetes/manifests/kube-apiserver.yaml
///
///   kubectl usercert revocations init --distribution rke2
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct InitArgs {
    /// Static pod manifest of a kube-apiserver, as kubeadm writes it
    #[arg(long, value_name = "FILE", required_unless_present = "distribution")]
    manifest: Option<PathBuf>,
    /// Print what this distribution needs
    #[arg(long, value_name = "NAME", conflicts_with = "manifest")]
    distribution: Option<Distribution>,
    /// Separate folder on the node for the configuration; it is mounted into the API server's pod
    #[arg(long, value_name = "DIR", default_value = "/etc/kubernetes/usercert")]
    folder: PathBuf,
    /// Write it, after asking
    #[arg(long, requires = "manifest")]
    write: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Distribution {
    K3s,
    Rke2,
}

/// Runs the command.
///
/// # Errors
/// A manifest that cannot be edited for certain, or files that cannot be written.
pub fn run(host: &Host, args: &InitArgs) -> Result<Exit> {
    let folder = args.folder.to_str().filter(|f| f.starts_with('/') && f.len() > 1);
    let folder = folder.ok_or_else(|| Error::usage("--folder: the path is not absolute"))?;
    let folder = folder.trim_end_matches('/');
    let Some(manifest) = &args.manifest else {
        return print_distribution(host, args, folder);
    };
    let shown = show(&manifest.display().to_string());
    let before = host.input(manifest, LIMIT)?;
    let text = std::str::from_utf8(&before).context(&shown)?;
    let plan = static_pod::plan(text, folder).context(&shown);
    let plan = plan.hint("nothing was changed")?;
    let configuration = yaml::to_string(&plan.configuration);
    let mut notes = Vec::new();
    if !plan.is_version_known {
        notes.push(
            "warning: the image's tag has no version; before Kubernetes 1.32 the API server would \
             not start again"
                .to_owned(),
        );
    }
    if plan.needs_readable {
        notes.push(format!(
            "note: the API server does not run as root: everybody on the node gets the right to read {FILE}, which holds no secret"
        ));
    }
    notes.iter().for_each(|note| host.warn(note));
    if !args.write {
        host.result(format!(
            "--- {shown}\n{}\n--- {folder}/{FILE} (new)\n{configuration}",
            plan.diff
        ))?;
        host.say("Nothing was written; add --write to write it.");
        say_what_upgrades_need(host, folder);
        return Ok(Exit::Done);
    }
    host.say_before_asking(format!("{shown}:\n{}", plan.diff.trim_end()), args.yes);
    host.confirm("Write it, and let the API server restart?", args.yes)?;
    let place = Path::new(folder);
    files::Folder::open_or_create(place).context(show(folder))?;
    let never = yaml::to_string(&never_called());
    let kept = format!("{}.before-usercert", manifest_name(manifest));
    for (name, content) in [
        (FILE, configuration.as_bytes()),
        (NEVER_CALLED, never.as_bytes()),
        // Not beside it: the kubelet would run that one as well.
        (kept.as_str(), before.as_slice()),
    ] {
        let file = place.join(name);
        match files::create_new(&file, content, Access::Private) {
            // Of an earlier run that was interrupted.
            Err(files::WriteError::Exists { .. })
                if files::read_limited(&file, LIMIT).is_ok_and(|found| found == content) => {}
            other => other.hint("the manifest is as it was")?,
        }
    }
    if plan.needs_readable {
        let publish = files::authorization::let_everybody_read(place, &[FILE, NEVER_CALLED]);
        publish.context(show(folder)).hint("the manifest is as it was")?;
    }
    files::replace(manifest, plan.manifest.as_bytes())?;
    host.result(format!(
        "{shown} written; the old one is kept as {}\n",
        show(&place.join(&kept).display().to_string())
    ))?;
    say_how_to_sync(host, folder, None);
    say_what_upgrades_need(host, folder);
    Ok(Exit::Done)
}

fn say_what_upgrades_need(host: &Host, folder: &str) {
    host.say(format!(
        "`kubeadm upgrade` rewrites the manifest; to keep this change, add to the \
         ClusterConfiguration\n\
         (kubectl edit configmap -n kube-system kubeadm-config):\n\
         {}",
        static_pod::cluster_configuration(folder).trim_end()
    ));
}

fn manifest_name(manifest: &Path) -> String {
    let name = manifest.file_name().map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "manifest".to_owned())
}

fn print_distribution(host: &Host, args: &InitArgs, folder: &str) -> Result<Exit> {
    let name = match args.distribution {
        Some(Distribution::Rke2) => "rke2",
        Some(Distribution::K3s) | None => "k3s",
    };
    let configuration = from_modes("Node,RBAC").map_err(Error::new)?;
    host.result(format!(
        "{}\n# {folder}/{FILE}, before that\n{}",
        static_pod::distribution(name, folder),
        yaml::to_string(&configuration)
    ))?;
    let seen = static_pod::server_folder(name);
    say_how_to_sync(host, folder, seen);
    Ok(Exit::Done)
}

fn say_how_to_sync(host: &Host, folder: &str, seen: Option<&str>) {
    let seen = seen.map(|seen| format!(" \\\n    --server-folder {}", shell_word(seen)));
    host.say(format!(
        "Once the API server is up again:\n  kubectl usercert revocations sync --authorization-config {}{}",
        shell_word(&format!("{folder}/{FILE}")),
        seen.unwrap_or_default()
    ));
}
