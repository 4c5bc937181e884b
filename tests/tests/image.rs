//! The container image, as it is put together: read by tar and sha256sum, not by who wrote it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(folder).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn image(folder: &Path, out: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scripts/image");
    let script = script.to_str().expect("a path");
    run(folder, "python3", &[script, "--binary", "amd64=a", "--binary", "arm64=b", "--out", out]);
}

fn json(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).expect("a file")).expect("JSON")
}

/// The file of what a descriptor describes, whose size and hash are as it says.
fn blob(folder: &Path, descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().and_then(|d| d.strip_prefix("sha256:"));
    let digest = digest.expect("a digest");
    let file = format!("blobs/sha256/{digest}");
    let size = std::fs::metadata(folder.join(&file)).expect("a blob").len();
    assert_eq!(descriptor["size"], size);
    assert!(run(folder, "sha256sum", &[&file]).starts_with(digest));
    file
}

#[test]
fn the_image_is_the_program_and_nothing_else_for_two_platforms() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path();
    std::fs::write(folder.join("a"), "program of amd64").expect("a file");
    std::fs::write(folder.join("b"), "program of arm64").expect("a file");
    image(folder, "one.tar");
    image(folder, "two.tar");
    let bytes = |name| std::fs::read(folder.join(name)).expect("an image");
    assert_eq!(bytes("one.tar"), bytes("two.tar"), "the same programs, the same bytes");
    run(folder, "tar", &["xf", "one.tar"]);
    assert_eq!(json(folder, "oci-layout")["imageLayoutVersion"], "1.0.0");
    let top = json(folder, "index.json");
    let index = json(folder, &blob(folder, &top["manifests"][0]));
    let manifests = index["manifests"].as_array().expect("manifests");
    assert_eq!(manifests.len(), 2);
    for (described, arch) in manifests.iter().zip(["amd64", "arm64"]) {
        assert_eq!(described["platform"]["architecture"], arch);
        let manifest = json(folder, &blob(folder, described));
        let config = json(folder, &blob(folder, &manifest["config"]));
        assert_eq!((&config["architecture"], &config["os"]), (&arch.into(), &"linux".into()));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"][0], "/kubectl-usercert");
        let layers = manifest["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), 1);
        let layer = blob(folder, &layers[0]);
        let listed = run(folder, "tar", &["tvzf", &layer]);
        assert_eq!(listed.lines().count(), 1, "{listed}");
        assert!(listed.starts_with("-rwxr-xr-x 0/0"), "{listed}");
        let program = run(folder, "tar", &["xOzf", &layer, "kubectl-usercert"]);
        assert_eq!(program, format!("program of {arch}"));
        let plain = run(folder, "sh", &["-c", &format!("gzip -dc {layer} | sha256sum")]);
        let diff = config["rootfs"]["diff_ids"][0].as_str().expect("a digest");
        assert_eq!(diff.strip_prefix("sha256:"), plain.split(' ').next());
    }
}
