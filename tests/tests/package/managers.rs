//! What other package managers are given: manifests made from the same template, and a Debian package.

use super::*;

/// Manifests for every system, as far as syntax and the fields that each manager must find go.
#[test]
fn manifests_of_package_managers() {
    let dir = tempfile::tempdir().expect("a folder");
    let archives = [
        "darwin_amd64.tar.gz",
        "darwin_arm64.tar.gz",
        "linux_amd64.tar.gz",
        "linux_arm64.tar.gz",
        "windows_amd64.zip",
        "windows_arm64.zip",
    ];
    for archive in archives {
        fs::write(dir.path().join(format!("kubectl-usercert_{archive}")), archive).expect("a file");
    }
    run(Command::new(root().join("docs/scripts/packages")).arg(dir.path()));
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect(name);
    let sha256 = |archive: &str| {
        let file = dir.path().join(format!("kubectl-usercert_{archive}"));
        text(&run(Command::new("sha256sum").arg(file)).stdout)[..64].to_owned()
    };

    let formula = read("homebrew-kubectl-usercert.rb");
    for archive in &archives[..4] {
        assert!(formula.contains(&sha256(archive)) && formula.contains(archive), "{formula}");
    }
    match Command::new("ruby").arg("-v").output() {
        Ok(_) => drop(run(Command::new("ruby")
            .arg("-c")
            .arg(dir.path().join("homebrew-kubectl-usercert.rb")))),
        Err(_) => skipped("the formula was not read", "ruby"),
    }

    let scoop: Value = serde_json::from_str(&read("scoop-kubectl-usercert.json")).expect("JSON");
    assert_eq!(scoop["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(scoop["architecture"]["64bit"]["hash"], sha256("windows_amd64.zip"));
    assert_eq!(scoop["architecture"]["arm64"]["hash"], sha256("windows_arm64.zip"));

    let yaml = |kind: &str| -> Value {
        let name = format!("winget-usercert.kubectl-usercert{kind}.yaml");
        serde_yaml::from_str(&read(&name)).expect("YAML")
    };
    for (kind, name) in
        [("", "version"), (".installer", "installer"), (".locale.en-US", "defaultLocale")]
    {
        let manifest = yaml(kind);
        assert_eq!(manifest["ManifestType"], name);
        assert_eq!(manifest["PackageVersion"], env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest["PackageIdentifier"], "usercert.kubectl-usercert");
    }
    let installers = &yaml(".installer")["Installers"];
    assert_eq!(installers[0]["Architecture"], "x64");
    assert_eq!(installers[0]["InstallerSha256"], sha256("windows_amd64.zip").to_uppercase());
    assert_eq!(installers[1]["Architecture"], "arm64");
    let short = yaml(".locale.en-US")["ShortDescription"].as_str().map(str::len);
    assert!(short.is_some_and(|length| (3..=256).contains(&length)));
}

/// The Debian package, installed into a folder of its own by dpkg.
#[test]
fn debian_package_installs() {
    if Command::new("cargo-deb").arg("--version").output().is_err() {
        return skipped("no Debian package was made", "cargo-deb");
    }
    let plugin = plugin::build();
    let target = plugin.parent().and_then(Path::parent).expect("a target folder");
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let (package, system, admin) = (at("a.deb"), at("root"), at("root/var/lib/dpkg"));
    run(Command::new("cargo")
        .args([
            "deb",
            "--quiet",
            "--no-build",
            "--package",
            "kubectl-usercert",
            "--profile",
            "dev",
            "--output",
        ])
        .arg(&package)
        .env("CARGO_TARGET_DIR", target)
        .current_dir(root()));
    for folder in ["info", "updates", "triggers"] {
        fs::create_dir_all(admin.join(folder)).expect("a folder");
    }
    fs::write(admin.join("status"), "").expect("a file");
    run(Command::new("dpkg")
        .args(["--force-not-root", "--force-depends", "--log=/dev/null", "--install"])
        .arg(format!("--instdir={}", system.display()))
        .arg(format!("--admindir={}", admin.display()))
        .arg(&package));
    let version = run(Command::new(system.join("usr/bin/kubectl-usercert")).arg("--version"));
    assert!(text(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
    for file in ["bin/kubectl_complete-usercert", "share/doc/kubectl-usercert/copyright"] {
        assert!(system.join("usr").join(file).is_file(), "{file}");
    }
    let manual = system.join("usr/share/man/man1");
    assert!(fs::read_dir(manual).expect("a folder").count() > 10);
}
