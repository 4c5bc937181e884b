//! What each command's main answer looks like on a terminal: at 80 and at 120 columns, in color and
//! without. An escape sequence is written as its number, as ‹31›.

use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::pty;
use crate::screens::{alone, installed, with_files, with_filters};
use crate::trial::{Person, Trial, plugin};

cases!(
    getting_access,
    approving,
    handing_over,
    giving_roles,
    revoking,
    renewing_by_itself,
    looking,
    with_a_ca,
    many_people,
    help,
);

/// One snapshot of a command on four terminals.
fn look(name: &str, person: &Person, args: &[&str]) {
    look_each(name, person, args, |_| {});
}

/// The same of a command that changes something, which is put right before each.
fn look_each(name: &str, person: &Person, args: &[&str], before: impl Fn(usize)) {
    let mut text = format!("$ kubectl usercert {}\n", args.join(" "));
    let terminals = [(80, true), (120, true), (80, false), (120, false)];
    for (place, (columns, color)) in terminals.into_iter().enumerate() {
        before(place);
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
    let anew = |_| {
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        let _ = std::fs::remove_dir_all(admin.home.join(".local"));
    };
    look_each("request", &admin, &["request", "alice", "-g", "dev", "-g", "ops"], anew);
    let offline = ["request", "bob", "--offline", "--out-dir", "."];
    look_each("request_offline", &admin, &offline, |_| {
        for file in ["bob.key", "bob.csr", "bob.yaml"] {
            let _ = std::fs::remove_file(admin.home.join(file));
        }
    });
    admin.run(&["approve", "alice", "--yes"]).ok();
    look("install", &admin, &["install", "alice", "--dry-run"]);
    admin.run(&["install", "alice"]).ok();
    look("verify", &admin, &["verify", "alice@sandbox"]);
    look("contexts", &admin, &["contexts"]);
    look("renew", &admin, &["renew", "alice@sandbox", "--dry-run"]);
    look_each("installed", &admin, &["install", "alice", "--use"], |_| {
        admin.kubectl(&["config", "use-context", "admin@sandbox"]).ok();
        admin.kubectl(&["config", "delete-context", "alice@sandbox"]).ok();
        admin.kubectl(&["config", "delete-user", "alice@sandbox"]).ok();
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        admin.run(&["request", "alice", "-g", "dev", "-g", "ops"]).ok();
        admin.run(&["approve", "alice", "--yes"]).ok();
    });
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
    look_each("denied", &admin, &["deny", "carol", "--message", "not on the list"], |_| {
        admin.kubectl(&["delete", "csr", "carol"]).ok();
        admin.run(&["request", "carol"]).ok();
    });
    look("missing", &admin, &["approve", "nobody", "--yes"]);
    look("explain", &admin, &["review", "--explain"]);
    look("list_wide", &admin, &["list", "-o", "wide"]);
    look_each("approved", &admin, &["approve", "alice", "--yes"], |_| {
        admin.kubectl(&["delete", "csr", "alice"]).ok();
        admin.run(&["request", "alice", "-g", "dev", "-g", "ops"]).ok();
    });
}

fn handing_over(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    let person = trial.newcomer();
    let anew = || {
        let _ = std::fs::remove_dir_all(person.home.join(".local"));
        let _ = std::fs::remove_dir_all(person.home.join(".kube"));
        let made = person.run(&["request", "alice", "--offline", "-o", "yaml"]).ok().stdout;
        admin.write("alice.yaml", &made);
        let _ = std::fs::remove_file(admin.home.join("alice.reply"));
    };
    let approve = ["approve", "-f", "alice.yaml", "--yes", "--reply", "alice.reply"];
    look_each("approved_reply", &admin, &approve, |_| anew());
    let install = ["install", "--reply", "alice.reply", "--yes"];
    look_each("installed_reply", &person, &install, |_| {
        anew();
        admin.run(&approve).ok();
        person.write("alice.reply", &admin.read("alice.reply"));
    });
    look_each("request_wait", &admin, &["request", "bob", "--wait", "--timeout", "0"], |_| {
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        let _ = std::fs::remove_dir_all(admin.home.join(".local"));
    });
}

fn giving_roles(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    look(
        "grant",
        &admin,
        &["grant", "alice", "--clusterrole", "edit", "-n", "default", "--dry-run"],
    );
    let view = ["grant", "alice", "--clusterrole", "view", "-n", "default", "--yes"];
    look_each("granted", &admin, &view, |_| {
        admin.run(&["revoke", "alice", "--roles-only", "--yes"]).ok();
    });
    look("access", &admin, &["access", "alice"]);
    let grant = ["grant", "alice", "--clusterrole", "edit", "--cluster-wide", "--yes"];
    admin.run(&grant).ok();
    look("access_to_much", &admin, &["access", "alice"]);
    look("revoke", &admin, &["revoke", "alice", "--dry-run"]);
    look("no_certificates", &admin, &["certificates"]);
    let token = ["token", "default", "--standalone", "t.conf"];
    look("token", &admin, &[&token[..], &["--dry-run"]].concat());
    look_each("token_written", &admin, &token, |_| {
        let _ = std::fs::remove_file(admin.home.join("t.conf"));
    });
}

fn revoking(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    look("no_revocations", &admin, &["revocations", "list"]);
    look("revocations_install", &admin, &["revocations", "install", "--dry-run"]);
    admin.run(&["revocations", "install", "--yes"]).ok();
    look_each("revocations_installed", &admin, &["revocations", "install", "--yes"], |_| {
        admin.kubectl(&["delete", "clusterrole", "usercert-revoker"]).ok();
    });
    for (user, group) in [("alexandra.of.macedonia@example.com", "generals"), ("robot", "bots")] {
        let args = ["create", user, "-g", group, "--yes", "--standalone", &format!("{user}.conf")];
        admin.run(&args).ok();
    }
    look("certificates", &admin, &["certificates"]);
    let reason = ["--reason", "the laptop was left in a train on the way to the office"];
    let revoke = [&["revoke", "robot", "--yes"][..], &reason].concat();
    look_each("revoked", &admin, &revoke, |_| {
        let list = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
        list.lines().for_each(|id| {
            admin.run(&["revocations", "lift", id, "--yes"]).ok();
        });
    });
    look("revocations", &admin, &["revocations", "list"]);
    look("revocations_prune", &admin, &["revocations", "prune", "--dry-run"]);
    look_each("revocations_lift", &admin, &["revocations", "lift", "user/robot", "--yes"], |_| {
        admin.run(&["revoke", "robot", "--all-certificates", "--yes"]).ok();
    });
    admin.write("kube-apiserver.yaml", STATIC_POD);
    let init = ["revocations", "init", "--manifest", "kube-apiserver.yaml"];
    look("revocations_init", &admin, &init);
}

/// What kubeadm writes, as far as it matters here.
const STATIC_POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
spec:
  containers:
  - command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    image: registry.k8s.io/kube-apiserver:v1.36.2
    name: kube-apiserver
    volumeMounts:
    - mountPath: /etc/kubernetes/pki
      name: k8s-certs
      readOnly: true
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki
      type: DirectoryOrCreate
    name: k8s-certs
";

fn renewing_by_itself(trial: &Trial) {
    let (_sandbox, admin) = alone(trial);
    installed(&admin, "alice");
    let context = ["alice@sandbox"];
    look_each("renew_waits", &admin, &["renew", context[0], "--timeout", "0"], |_| {
        admin.kubectl(&["delete", "csr", "--all"]).ok();
    });
    let auto = ["renew", "--auto", context[0]];
    let fixed = ["renew", "--static", context[0]];
    look_each("renew_auto", &admin, &auto, |place| {
        if place > 0 {
            admin.run(&fixed).ok();
        }
    });
    look_each("renew_static", &admin, &fixed, |place| {
        if place > 0 {
            admin.run(&auto).ok();
        }
    });
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
    look_each(
        "ca_signed",
        &person,
        &["ca", "sign", "alice.csr", "--yes", "--out", "s.crt"],
        |_| {
            let _ = std::fs::remove_file(person.home.join("s.crt"));
        },
    );
    let (_sandbox, admin) = alone(trial);
    admin.run(&["ca", "init", "--name", "example"]).ok();
    let serve = ["ca", "serve", "--signer", "example.com/people", "--once"];
    look_each("ca_serve", &admin, &serve, |_| {
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        admin.run(&["request", "alice", "--signer", "example.com/people"]).ok();
        admin.run(&["approve", "alice", "--yes"]).ok();
    });
}

fn many_people(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    let create = ["create", "robot", "-g", "robots", "--standalone", "r.conf", "--dry-run=server"];
    look("create", &admin, &create);
    let created = ["create", "robot", "-g", "robots", "--standalone", "r.conf", "--yes"];
    look_each("created", &admin, &created, |_| {
        let _ = std::fs::remove_file(admin.home.join("r.conf"));
    });
    admin.write("team.csv", "name,groups,grants\nalice,dev;ops,clusterrole/view@default\nbob,,\n");
    let onboard = ["onboard", "team.csv", "--standalone-dir", "team"];
    look("onboard", &admin, &[&onboard[..], &["--dry-run"]].concat());
    look_each("onboarded", &admin, &[&onboard[..], &["--yes"]].concat(), |_| {
        let _ = std::fs::remove_dir_all(admin.home.join("team"));
        let _ = std::fs::remove_dir_all(admin.home.join(".local"));
        let _ = std::fs::remove_file(admin.home.join("team.csv.progress"));
        admin.kubectl(&["delete", "csr", "--all"]).ok();
        admin.run(&["revoke", "alice", "--roles-only", "--yes"]);
    });
}

fn help(trial: &Trial) {
    let person = trial.newcomer();
    look("help", &person, &["--help"]);
    look("help_of_request", &person, &["request", "-h"]);
    look("wrong_usage", &person, &["request"]);
    look("version", &person, &["version"]);
    look("completion", &person, &["completion", "kubectl"]);
    look("credential", &person, &["credential", "--store", "3b1f0c5a9d2e47f68a0b1c2d3e4f5a6b"]);
}
