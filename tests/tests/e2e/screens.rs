//! What people read, whole: one snapshot of each screen. `snapshots/` holds them; after a change that
//! was meant, `INSTA_UPDATE=always cargo test --workspace --test e2e -- screens` writes them anew.

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    the_main_road,
    a_review_sheet,
    a_review_that_refuses,
    a_list,
    a_certificate,
    a_directory,
    contexts,
    doctor_of_an_admin,
    doctor_of_nobody,
    access,
    verified,
    not_let_in,
);

/// A server of its own with names of its own, so that columns are as wide in every run.
pub(crate) fn alone(trial: &Trial) -> (Sandbox, Person) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    (sandbox, admin)
}

/// A person's screen after these commands, standard error behind `2>`. What differs from run to run is
/// replaced by something of the same width.
fn screen(name: &str, person: &Person, commands: &[&[&str]]) {
    let show = |args: &&[&str]| {
        let Outcome { code, stdout, stderr, .. } = person.run(args);
        let stderr: String =
            stderr.lines().map(|l| format!("2> {l}").trim_end().to_owned() + "\n").collect();
        let end = if code == 0 { String::new() } else { format!("(exit {code})\n") };
        format!("$ kubectl usercert {}\n{stdout}{stderr}{end}", args.join(" "))
    };
    let text: Vec<String> = commands.iter().map(show).collect();
    let home = person.home.to_str().expect("a path");
    with_filters(name, &text.join("\n").replace(home, "/home/me"));
}

/// Compares what was shown, but for what differs from run to run.
pub(crate) fn with_filters(name: &str, text: &str) {
    insta::with_settings!({
        omit_expression => true,
        prepend_module_to_snapshot => false,
        filters => [
            (r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b", "C0DE-C0DE-C0DE-C0DE"),
            // What the key's hash adds to a name.
            (r"\b(robot|alice|bob)-[0-9a-f]{5}\b", "${1}-0a1b2"),
            // Progress, which comes or not, as fast as the machine is.
            (r"waiting for [^\n]*?\(ctrl-c stops\)", ""),
            (r"(\d of \d)+(‹1›)?REQUEST", "${2}REQUEST"),
            // Certificates renew themselves at different times.
            (r" on \(in 2\dd\)", " on (in 21d)"),
            (r"\b[0-9a-f]{64}\b", "<64 digits of SHA-256>"),
            (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2001-02-03T04:05:06Z"),
            (r"\b20\d\d-\d\d-\d\d\b", "2001-02-03"),
            (r"\b[0-9a-f]{16}…", "0123456789abcdef…"),
            (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:12345"),
            // What is as old as the second in which it was made still has all its days.
            (r"\b365d\b", "364d"),
            (r"\b(in |Z +)30d", "${1}29d"),
            (r"\b30d( +valid)", "29d$1"),
            (r"\b(Z +)10y", "${1}9y "),
            // Ages of what was made just now; a busy machine takes its time.
            (r"(?m)\b\d+s( ago| old|$)", "0s$1"),
            (r"\b\d\ds ", "0s  "),
            (r"\b\ds ", "0s "),
        ],
    }, { insta::assert_snapshot!(name, text) });
}

pub(crate) fn installed(admin: &Person, name: &str) {
    admin.run(&["request", name, "-g", "dev", "-g", "ops"]).ok();
    admin.run(&["approve", name, "--yes"]).ok();
    admin.run(&["install", name]).ok();
}

fn the_main_road(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    screen(
        "the_main_road",
        &admin,
        &[
            &["request", "alice", "-g", "dev", "-g", "ops"],
            &["approve", "alice"],
            &["approve", "alice", "--yes"],
            &["install", "alice"],
        ],
    );
}

fn a_review_sheet(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    let grant = ["grant", "dev", "--group", "--clusterrole", "view", "-n", "default", "--yes"];
    admin.run(&grant).ok();
    admin.run(&["request", "alice", "-g", "dev", "-g", "ops", "--expires", "20000d"]).ok();
    screen("a_review_sheet", &admin, &[&["review", "alice"], &["review", "missing"]]);
}

fn a_review_that_refuses(trial: &Trial) {
    let person = trial.newcomer();
    let request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let subject = ["-nodes", "-keyout", "key", "-out", "eve.csr", "-subj"];
    let subject = [&request[..], &subject, &["/CN=kubernetes-admin/O=system:masters"]].concat();
    person.tool("openssl", &subject).ok();
    screen("a_review_that_refuses", &person, &[&["review", "--from", "eve.csr"]]);
}

fn a_list(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    screen("an_empty_list", &admin, &[&["list"]]);
    admin.run(&["request", "alice", "-g", "dev", "-g", "ops"]).ok();
    admin.run(&["request", "bob", "--key-type", "rsa2048", "--expires", "20000d"]).ok();
    admin.run(&["deny", "bob"]).ok();
    admin.run(&["request", "carol", "--expires", "signer"]).ok();
    screen("a_list", &admin, &[&["list"], &["list", "--all"], &["list", "-o", "wide"]]);
}

/// A CA, a certificate that it signed, and a kubeconfig's worth of other things.
pub(crate) fn with_files(trial: &Trial) -> Person {
    let person = trial.newcomer();
    person.run(&["ca", "init", "--name", "example"]).ok();
    let request = ["request", "alice", "-g", "dev", "-g", "ops", "--offline", "--out-dir", "."];
    person.run(&request).ok();
    person.run(&["ca", "sign", "alice.csr", "--out", "alice.crt", "--yes"]).ok();
    person
}

fn a_certificate(trial: &Trial) {
    let person = with_files(trial);
    screen("a_certificate", &person, &[&["inspect", "alice.crt"], &["inspect", "alice.yaml"]]);
}

fn a_directory(trial: &Trial) {
    let person = with_files(trial);
    std::fs::create_dir(person.home.join("pki")).expect("a directory");
    for file in ["ca.crt", "ca.key", "alice.crt", "alice.csr", "alice.key"] {
        std::fs::rename(person.home.join(file), person.home.join("pki").join(file)).expect(file);
    }
    screen("a_directory", &person, &[&["inspect", "pki"]]);
}

fn contexts(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    admin.kubectl(&["config", "set-credentials", "robot", "--token", "t"]).ok();
    admin
        .kubectl(&["config", "set-context", "robot", "--cluster", "sandbox", "--user", "robot"])
        .ok();
    admin.kubectl(&["config", "set-context", "dead", "--cluster", "gone", "--user", "robot"]).ok();
    screen("contexts", &admin, &[&["contexts"], &["contexts", "--expires-within", "31d"]]);
}

fn doctor_of_an_admin(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    screen("doctor_of_an_admin", &admin, &[&["doctor"]]);
}

fn doctor_of_nobody(trial: &Trial) {
    let (sandbox, _) = alone(trial);
    let nobody = trial.with_kubeconfig(&sandbox.kubeconfig_for("nobody", &[]));
    screen("doctor_of_nobody", &nobody, &[&["doctor"]]);
}

fn access(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    let grant = |name: &str, more: &[&str]| {
        admin.run(&[&["grant", name, "--yes", "--clusterrole"], more].concat()).ok();
    };
    grant("alice", &["edit", "-n", "default"]);
    grant("dev", &["view", "--group", "--cluster-wide"]);
    screen(
        "access",
        &admin,
        &[
            &["access", "alice", "-g", "dev"],
            &["access", "nobody"],
            &["grant", "alice", "--clusterrole", "cluster-admin", "--cluster-wide"],
            &["revoke", "alice", "--yes"],
        ],
    );
}

fn verified(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    screen("verified", &admin, &[&["verify", "alice@sandbox"]]);
}

fn not_let_in(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    admin.kubectl(&["config", "set-credentials", "robot", "--token", "t"]).ok();
    admin
        .kubectl(&["config", "set-context", "robot", "--cluster", "sandbox", "--user", "robot"])
        .ok();
    let nowhere = ["verify", "--server", "https://127.0.0.1:1"];
    screen("not_let_in", &admin, &[&["verify", "robot"], &["verify", "missing"], &nowhere]);
}
