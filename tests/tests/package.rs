//! The release archive, on its way to people: packed by `docs/scripts/release`, held against krew's
//! rules (krew: `internal/index/validation`, `cmd/validate-krew-manifest`), installed as krew does
//! (`internal/installation`, `internal/download`), used, and removed. Packs the debug build.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

#[path = "package/managers.rs"]
mod managers;
mod plugin;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ARCHIVE: &str = "kubectl-usercert_linux_amd64.tar.gz";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was not tested for want of a tool; CI has them all.
fn skipped(what: &str, tool: &str) {
    assert!(std::env::var_os("USERCERT_ALL_TOOLS").is_none(), "{what}: {tool} is missing");
    eprintln!("SKIPPED: {what}, because {tool} is missing");
}

/// The folder into which everything is packed once.
fn dist() -> &'static Path {
    static DIST: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dist = DIST.get_or_init(|| {
        let dist = tempfile::tempdir().expect("a folder");
        pack(dist.path());
        dist
    });
    dist.path()
}

/// Packs the plugin, without what only a debugger needs, into a folder.
fn pack(out: &Path) {
    static PROGRAMS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let sandbox = PathBuf::from(env!("CARGO_BIN_EXE_usercert-sandbox"));
    let [plugin, sandbox] = PROGRAMS.get_or_init(|| {
        [plugin::build(), sandbox].map(|built| {
            let small = built.with_extension("packed");
            run(Command::new("strip").arg("-o").args([&small, &built]));
            small
        })
    });
    run(Command::new(root().join("docs/scripts/release"))
        .args(["--target", TARGET, "--binary"])
        .arg(plugin)
        .arg("--sandbox")
        .arg(sandbox)
        .arg("--out")
        .arg(out));
}

struct Installed {
    dir: tempfile::TempDir,
    manifest: Value,
}

impl Installed {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Somebody whose PATH has krew's folder in front.
    fn shell(&self, command: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        run(Command::new("bash")
            .args(["-c", command])
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", format!("{}:{path}", self.path("krew/bin").display()))
            .current_dir(self.path("home")))
    }
}

/// The archive, unpacked into this new folder.
fn unpack(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder");
    run(Command::new("tar").arg("-xzf").arg(dist().join(ARCHIVE)).arg("-C").arg(folder));
    folder.to_owned()
}

/// Nobody needs a compiler to try it: the walk works in the unpacked archive.
#[test]
fn the_walk_works_from_the_archive() {
    let dir = tempfile::tempdir().expect("a folder");
    let unpacked = unpack(&dir.path().join("unpacked"));
    let walked = run(Command::new(unpacked.join("try")).env("HOME", dir.path()));
    let walked = text(&walked.stdout);
    for shown in ["kubectl usercert request jane", "approved", "joe", "cp kubectl-usercert "] {
        assert!(walked.contains(shown), "{shown} is missing in {walked}");
    }
}

/// Unpacks, moves, links and names as krew does.
fn install() -> Installed {
    let dir = tempfile::tempdir().expect("a folder");
    let dist = dist();
    let manifest = fs::read_to_string(dist.join("usercert.yaml")).expect("a manifest");
    let manifest: Value = serde_yaml::from_str(&manifest).expect("YAML");
    let installed = Installed { dir, manifest };
    let platform = &installed.manifest["spec"]["platforms"][0];
    let version = installed.manifest["spec"]["version"].as_str().expect("a version");
    let store = installed.path("krew/store/usercert").join(version);
    for folder in [&store, &installed.path("krew/bin"), &installed.path("home")] {
        fs::create_dir_all(folder).expect("a folder");
    }
    // What `files` names is moved, and nothing else: no sandbox on people's machines.
    let unpacked = unpack(&installed.path("unpacked"));
    let files = platform["files"].as_array().expect("files");
    let from: Vec<&str> = files.iter().filter_map(|file| file["from"].as_str()).collect();
    for file in fs::read_dir(&unpacked).expect("a folder").flatten() {
        let name = file.file_name().into_string().expect("a name");
        let wanted = |from: &&str| match from.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == **from,
        };
        if from.iter().any(wanted) {
            fs::rename(file.path(), store.join(&name)).expect("moving");
        }
    }
    assert!(store.join("LICENSE").exists() && !store.join("usercert-sandbox").exists());
    let program = store.join(platform["bin"].as_str().expect("a program"));
    assert!(program.exists(), "{}", program.display());
    std::os::unix::fs::symlink(program, installed.path("krew/bin/kubectl-usercert"))
        .expect("a link");
    installed
}

#[test]
fn manifest_keeps_krews_rules() {
    let installed = install();
    let (manifest, spec) = (&installed.manifest, &installed.manifest["spec"]);
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "usercert", "the file's name");
    assert_eq!(spec["version"], format!("v{}", env!("CARGO_PKG_VERSION")));
    let short = spec["shortDescription"].as_str().expect("a text");
    assert!((1..=50).contains(&short.len()) && !short.contains(['\n', '\r']), "{short}");
    for field in ["description", "caveats"] {
        let text = spec[field].as_str().expect("a text");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let caveats = spec["caveats"].as_str().expect("a text");
    assert!(caveats.contains("kubectl usercert completion kubectl"), "{caveats}");

    let platforms = spec["platforms"].as_array().expect("platforms");
    assert_eq!(platforms.len(), 1, "only the archive that is there");
    let platform = &platforms[0];
    assert_eq!(
        platform["selector"],
        serde_json::json!({"matchLabels": {"os": "linux", "arch": "amd64"}})
    );
    let uri = platform["uri"].as_str().expect("an address");
    assert!(uri.ends_with(&format!("/v{}/{ARCHIVE}", env!("CARGO_PKG_VERSION"))), "{uri}");
    let sums = run(Command::new("sha256sum").arg(dist().join(ARCHIVE)));
    assert_eq!(platform["sha256"], text(&sums.stdout)[..64]);
}

/// The template has all platforms once, with the names of the archives that are made for them.
#[test]
fn template_has_every_platform() {
    let template = fs::read_to_string(root().join(".krew.yaml")).expect("a template");
    let mut found = BTreeSet::new();
    for platform in template.split("- selector:").skip(1) {
        let value = |key: &str| {
            let line = platform.lines().find_map(|l| l.trim().strip_prefix(key));
            line.expect(key).trim().to_owned()
        };
        let (os, arch) = (value("os:"), value("arch:"));
        let (form, program) = match os.as_str() {
            "windows" => ("zip", "kubectl-usercert.exe"),
            _ => ("tar.gz", "kubectl-usercert"),
        };
        assert!(
            platform
                .contains(&format!("/kubectl-usercert_{os}_{arch}.{form}\" .TagName | indent 6"))
        );
        assert_eq!(value("bin:"), program);
        found.insert((os, arch));
    }
    assert_eq!(found.len(), 6);
}

/// The workflow builds an archive for each target that the script knows, and no other.
#[test]
fn workflow_builds_every_platform() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("a file");
    let script = read("docs/scripts/release");
    let known: BTreeSet<&str> = script
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\": (\""))
        .map(|(target, _)| target)
        .collect();
    let workflow = read(".github/workflows/release.yml");
    let built: BTreeSet<&str> = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- { target: ")?.split_once(','))
        .map(|(target, _)| target)
        .collect();
    assert_eq!(known, built);
    assert_eq!(known.len(), 6);
}

#[test]
fn archive_is_plain_and_the_same_each_time() {
    let dist = dist();
    let list = run(Command::new("tar").arg("-tvzf").arg(dist.join(ARCHIVE)));
    let list = text(&list.stdout);
    // krew unpacks files and folders, nothing else, and no path with two dots.
    assert!(list.lines().all(|line| line.starts_with('-') && !line.contains("..")), "{list}");
    for name in [
        " LICENSE",
        " LICENSES-third-party.txt",
        " kubectl-usercert",
        " kubectl_complete-usercert",
        " usercert-sandbox",
        " try",
    ] {
        assert!(list.lines().any(|line| line.ends_with(name)), "{name} in {list}");
    }
    run(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(dist));
    let again = tempfile::tempdir().expect("a folder");
    pack(again.path());
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).expect("hashes");
    assert_eq!(sums(dist), sums(again.path()));
}

#[test]
fn ingredients_are_listed() {
    let file = dist().join("kubectl-usercert_linux_amd64.cdx.json");
    let sbom: Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let names = |list: &Value, field: &str| -> BTreeSet<String> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|c| c[field].as_str().expect(field).to_owned())
            .collect()
    };
    let components = names(&sbom["components"], "name");
    for name in ["rustls", "aws-lc-sys", "kube-client", "usercert-core"] {
        assert!(components.contains(name), "{name}");
    }
    for name in ["proptest", "criterion", "clap_derive", "windows-sys", "ring"] {
        assert!(!components.contains(name), "{name} is no part of the program");
    }
    // Every reference leads somewhere.
    let mut known = names(&sbom["components"], "bom-ref");
    known.insert(sbom["metadata"]["component"]["bom-ref"].as_str().expect("a name").to_owned());
    for dependency in sbom["dependencies"].as_array().expect("a list") {
        for needed in dependency["dependsOn"].as_array().expect("a list") {
            assert!(known.contains(needed.as_str().expect("a name")), "{needed}");
        }
    }
}

#[test]
fn installed_used_and_removed() {
    let installed = install();
    let help = text(&installed.shell("kubectl usercert --help").stdout);
    assert!(help.contains("Usage: kubectl usercert [OPTIONS] <COMMAND>"), "{help}");
    let version = text(&installed.shell("kubectl usercert --version").stdout);
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");

    let listed = installed.shell("kubectl plugin list 2>&1 || true");
    let listed = text(&listed.stdout);
    let ours = installed.path("krew/bin/kubectl-usercert").display().to_string();
    assert!(listed.contains(&ours), "{listed}");
    let ours: Vec<&str> = listed.lines().filter(|l| l.contains("usercert")).collect();
    assert!(ours.iter().all(|line| !line.contains("warning")), "{listed}");

    // As the caveats say.
    installed.shell(
        "mkdir -p ~/.local/bin
        kubectl usercert completion kubectl > ~/.local/bin/kubectl_complete-usercert
        chmod +x ~/.local/bin/kubectl_complete-usercert",
    );
    let completed = installed.shell("PATH=~/.local/bin:$PATH kubectl __complete usercert insta");
    assert!(text(&completed.stdout).starts_with("install\t"), "{completed:?}");
    let packed = installed.path("unpacked");
    let helper = |path: PathBuf| fs::read_to_string(path).expect("a script");
    assert_eq!(
        helper(packed.join("kubectl_complete-usercert")),
        helper(installed.path("home/.local/bin/kubectl_complete-usercert"))
    );

    installed.shell("rm ~/.local/bin/kubectl_complete-usercert");
    fs::remove_file(installed.path("krew/bin/kubectl-usercert")).expect("removing");
    fs::remove_dir_all(installed.path("krew/store/usercert")).expect("removing");
    let left = text(&installed.shell("find \"$HOME\" -name '*usercert*'").stdout);
    assert_eq!(left, "");
}

/// With a real krew on the PATH, that one installs the archive.
#[test]
fn real_krew_installs_it() {
    if !Command::new("kubectl-krew").arg("version").output().is_ok_and(|o| o.status.success()) {
        return;
    }
    let installed = install();
    let krew = |arguments: &str| {
        let root = installed.path("real-krew").display().to_string();
        installed.shell(&format!("export KREW_ROOT='{root}' PATH='{root}/bin':$PATH; {arguments}"))
    };
    let dist = dist().display().to_string();
    krew(&format!(
        "kubectl krew install --manifest '{dist}/usercert.yaml' --archive '{dist}/{ARCHIVE}'"
    ));
    let help = krew("kubectl usercert --help");
    assert!(text(&help.stdout).contains("Usage: kubectl usercert"), "{help:?}");
    krew("kubectl krew uninstall usercert");
    assert!(!installed.path("real-krew/bin/kubectl-usercert").exists());
    assert!(!installed.path("real-krew/store/usercert").exists());
}
