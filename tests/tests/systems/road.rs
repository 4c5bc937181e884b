//! From nothing to a kubeconfig, with a server and without one.

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::person::Person;

fn sandbox() -> Sandbox {
    Sandbox::start(SandboxOptions::default()).unwrap()
}

#[test]
fn with_a_server() {
    let sandbox = sandbox();
    let admin = Person::with_kubeconfig(&sandbox.admin_kubeconfig());
    let jane = Person::with_kubeconfig(&sandbox.kubeconfig_for("starter", &["system:masters"]));

    let asked = jane.run(&["request", "jane", "-g", "dev"]).ok();
    let code = asked.code_shown();
    admin.run(&["approve", "--expect", code, "--yes", "--", "jane"]).ok();
    let installed = jane.run(&["install", "--", "jane"]).ok();
    assert_eq!(installed.try_it(), ["--context", "jane@sandbox", "auth", "whoami"]);
    let verified = jane.run(&["verify", "jane@sandbox"]).ok();
    assert!(verified.stdout.contains("jane") && verified.stdout.contains("dev"), "{verified:?}");
    jane.run(&["contexts", "--prune", "--yes"]).ok();
    assert_eq!(jane.names(".kube"), ["config"]);
    assert!(jane.names(".local/state/kubectl-usercert/pending").iter().all(|n| n == ".lock"));
}

#[test]
fn the_line_to_try_names_the_kubeconfig_that_was_named() {
    let sandbox = sandbox();
    let admin = Person::with_kubeconfig(&sandbox.admin_kubeconfig());
    let jane = Person::new();
    jane.write("own.kubeconfig", sandbox.kubeconfig_for("starter", &["system:masters"]).as_bytes());

    jane.run(&["request", "jane", "--kubeconfig", "own.kubeconfig"]).ok();
    admin.run(&["approve", "--yes", "--", "jane"]).ok();
    let installed = jane.run(&["install", "--kubeconfig", "own.kubeconfig", "--", "jane"]).ok();
    let line = installed.try_it();
    assert_eq!(line[line.len() - 2..], ["auth", "whoami"]);
    // What kubectl understands, the plugin understands the same way.
    let verify: Vec<&str> = ["verify"]
        .into_iter()
        .chain(line.iter().map(String::as_str))
        .take(line.len() - 1)
        .collect();
    let verified = jane.run(&verify).ok();
    assert!(verified.stdout.contains("jane"), "{verified:?}");
    assert_eq!(jane.names("."), [".local", "own.kubeconfig"]);
}

#[test]
fn by_files() {
    let sandbox = sandbox();
    let admin = Person::with_kubeconfig(&sandbox.admin_kubeconfig());
    let jane = Person::new();

    let made = jane.run(&["request", "jane", "-g", "dev", "--offline", "--out-dir", "stick"]).ok();
    let privacy = if cfg!(windows) { "(only you can read it)" } else { "(mode 0600)" };
    let code = made.says(privacy).code_shown().to_owned();
    assert_eq!(jane.names("stick"), ["jane.csr", "jane.key", "jane.yaml"]);
    admin.write("jane.yaml", &jane.read("stick/jane.yaml"));
    admin
        .run(&["approve", "--from", "jane.yaml", "--expect", &code, "--yes", "--reply", "reply"])
        .ok();
    jane.write("reply", &admin.read("reply"));
    let key = jane.path("stick").join("jane.key");
    let key = key.to_str().unwrap();
    jane.run(&["install", "--reply", "reply", "--key", key, "--yes", "--use", "--", "jane"]).ok();
    jane.run(&["verify"]).ok();
}

#[test]
fn with_a_ca_of_its_own_and_no_server_at_all() {
    let admin = Person::new();
    admin.run(&["ca", "init", "--name", "people"]).ok();
    let jane = Person::new();
    let asked = jane.run(&["request", "jane", "-g", "dev", "--offline", "-o", "yaml"]).ok();
    admin.write("jane.yaml", asked.stdout.as_bytes());
    admin.run(&["review", "--from", "jane.yaml"]).ok();
    admin
        .run(&[
            "ca",
            "sign",
            "jane.yaml",
            "--reply",
            "reply",
            "--server",
            "https://10.0.0.1:6443",
            "--yes",
        ])
        .ok();
    jane.write("reply", &admin.read("reply"));
    jane.run(&["install", "--reply", "reply", "--yes", "--no-verify", "--", "jane"]).ok();
    let contexts = jane.run(&["contexts"]).ok();
    assert!(contexts.stdout.contains("jane") && contexts.stdout.contains("dev"), "{contexts:?}");
}
