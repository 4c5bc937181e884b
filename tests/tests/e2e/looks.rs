//! What each command's main answer looks like on a terminal: at 80 and at 120 columns, in color and
//! without. An escape sequence is written as its number, as ‹31›.

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::pty;
use crate::screens::{alone, installed, with_files, with_filters};
use crate::trial::{Person, Trial, plugin};

cases!(getting_access, approving, giving_roles, looking, with_a_ca, many_people, help,);

/// One snapshot of a command on four terminals.
fn look(name: &str, person: &Person, args: &[&str]) {
    let mut text = format!("$ kubectl usercert {}\n", args.join(" "));
    for (columns, color) in [(80, true), (120, true), (80, false), (120, false)] {
        let mut command = person.command(plugin(), args);
        command.env("TERM", if color { "xterm" } else { "dumb" });
        let (code, shown) = pty::shown(command, columns);
        let how = if color { "in color" } else { "without" };
        let end = if code == 0 { String::new() } else { format!("(exit {code})\n") };
        text.push_str(&format!("\n== {columns} columns, {how}\n{shown}{end}"));
        if !color {
            assert!(!shown.contains('‹'), "{shown}");
        }
    }
    let home = person.home.to_str().expect("a path");
    with_filters(&format!("look_{name}"), &text.replace(home, "/home/me"));
}

fn getting_access(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    let request = ["request", "alice", "-g", "dev", "--offline"];
    look("request", &admin, &[&request[..], &["-o", "name"]].concat());
    admin.run(&["request", "alice", "-g", "dev", "-g", "ops"]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok();
    look("install", &admin, &["install", "alice", "--dry-run"]);
    admin.run(&["install", "alice"]).ok();
    look("verify", &admin, &["verify", "alice@sandbox"]);
    look("contexts", &admin, &["contexts"]);
    look("renew", &admin, &["renew", "alice@sandbox", "--dry-run"]);
}

fn approving(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    look("nothing", &admin, &["list"]);
    admin.run(&["request", "alice", "-g", "dev", "-g", "ops"]).ok();
    admin.run(&["request", "bob", "-g", "kubeadm:cluster-admins", "--expires", "signer"]).ok();
    admin.run(&["request", "carol"]).ok();
    admin.run(&["deny", "carol"]).ok();
    look("list", &admin, &["list", "--all"]);
    look("review", &admin, &["review", "alice"]);
    look("review_refused", &admin, &["review", "bob"]);
    look("approve", &admin, &["approve", "alice", "--dry-run=server"]);
    look("approve_all", &admin, &["approve", "--all-pending", "--dry-run=server"]);
    look("deny", &admin, &["deny", "carol"]);
    look("missing", &admin, &["approve", "nobody", "--yes"]);
}

fn giving_roles(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    look(
        "grant",
        &admin,
        &["grant", "alice", "--clusterrole", "edit", "-n", "default", "--dry-run"],
    );
    admin.run(&["grant", "alice", "--clusterrole", "view", "-n", "default", "--yes"]).ok();
    look("access", &admin, &["access", "alice"]);
    look("revoke", &admin, &["revoke", "alice", "--dry-run"]);
    look("revocations", &admin, &["revocations", "list"]);
    look("certificates", &admin, &["certificates"]);
    look("token", &admin, &["token", "default", "--standalone", "t.conf", "--dry-run"]);
}

fn looking(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    look("doctor", &admin, &["doctor"]);
    let nobody = trial.with_kubeconfig(&sandbox.kubeconfig_for("nobody", &[]));
    look("doctor_of_nobody", &nobody, &["doctor"]);
}

fn with_a_ca(trial: &Trial) {
    let person = with_files(trial);
    look("inspect", &person, &["inspect", "alice.crt"]);
    look("inspect_all", &person, &["inspect", "."]);
    let ca = ["ca", "init", "--ca-cert", "new.crt", "--ca-key", "new.key", "--dry-run"];
    look("ca_init", &person, &ca);
    look("ca_sign", &person, &["ca", "sign", "alice.csr", "--dry-run"]);
}

fn many_people(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    let create = ["create", "robot", "-g", "robots", "--standalone", "r.conf", "--dry-run=server"];
    look("create", &admin, &create);
    admin.write("team.csv", "name,groups,grants\nalice,dev;ops,clusterrole/view@default\nbob,,\n");
    look("onboard", &admin, &["onboard", "team.csv", "--standalone-dir", "team", "--dry-run"]);
}

fn help(trial: &Trial) {
    let person = trial.newcomer();
    look("help", &person, &["--help"]);
    look("help_of_request", &person, &["request", "-h"]);
    look("wrong_usage", &person, &["request"]);
}
