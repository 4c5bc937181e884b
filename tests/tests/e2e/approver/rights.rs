//! The printed manifests, and the rights in them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::service::serving;
use super::{RULES, SERVE, ask, comes, person, recorded, stage, state, without_credentials};
use crate::backend::Backend;
use crate::cases;
use crate::trial::{Person, Trial, plugin};

cases!(the_printed_rights_suffice_and_no_less_does);

/// The printed service account, with one rule of its roles left out if a number is given.
fn account(
    trial: &Trial,
    admin: &Person,
    printed: &[Value],
    without: Option<usize>,
) -> Option<Person> {
    let mut rule = 0;
    let mut left_out = false;
    for object in printed {
        let kind = object["kind"].as_str().expect("a kind");
        if !["ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]
            .contains(&kind)
        {
            continue;
        }
        let mut object = object.clone();
        if let Some(rules) = object["rules"].as_array_mut() {
            rules.retain(|_| {
                rule += 1;
                left_out |= Some(rule - 1) == without;
                Some(rule - 1) != without
            });
        }
        admin.write("object.json", &object.to_string());
        admin.kubectl(&["delete", "--ignore-not-found", "-f", "object.json"]).ok();
        admin.kubectl(&["create", "--validate=false", "-f", "object.json"]).ok();
    }
    let token = ["create", "token", "usercert-approver", "-n", "usercert-system"];
    let token = admin.kubectl(&token).ok().stdout;
    let mut view: Value = serde_json::from_str(&without_credentials(admin)).expect("JSON");
    view["users"][0]["user"] = json!({ "token": token.trim() });
    (without.is_none() || left_out).then(|| trial.with_kubeconfig(&view.to_string()))
}

fn the_printed_rights_suffice_and_no_less_does(trial: &Trial) {
    let rules = format!("{RULES}  onReuse: revoke\n");
    let Some((trial, admin, alice)) = stage(trial, &rules) else { return };
    let print = [
        "approve",
        "--watch",
        "--policy",
        "policy.yaml",
        "--print-manifests",
        "--image",
        "example.com/usercert:1",
    ];
    let printed = admin.run(&print).ok().stdout;
    if matches!(*trial.backend, Backend::ControlPlane(_)) {
        admin.write("all.yaml", &printed);
        admin.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", "all.yaml"]).ok();
        // The namespace's level of Pod Security would let the pods in.
        let level = [
            "label",
            "namespace",
            "usercert-system",
            "pod-security.kubernetes.io/enforce=restricted",
        ];
        admin.kubectl(&level).ok().never_shows("Warning");
        let warned =
            admin.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", "all.yaml"]);
        warned.ok().never_shows("would violate PodSecurity");
    }
    let objects: Vec<Value> = printed
        .split("---\n")
        .map(|document| {
            admin.write("one.yaml", document);
            admin
                .kubectl(&[
                    "create",
                    "--dry-run=client",
                    "--validate=false",
                    "-o",
                    "json",
                    "-f",
                    "one.yaml",
                ])
                .stdout
        })
        .filter_map(|text| serde_json::from_str(&text).ok())
        .collect();
    let service = |without| {
        let account = account(&trial, &admin, &objects, without)?;
        account.write("policy.yaml", &rules);
        Some(account)
    };
    // A renewal, its record, a reuse with its family and event, old records, the lease.
    let stolen = trial.with_kubeconfig(&alice.read(".kube/config"));
    let whole = service(None).expect("all rules");
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let running = serving(&whole, &[]);
    comes(&|| recorded(&admin, "alice").len() == 2);
    old_record(&admin);
    ask(&stolen, "alice", &["dev", "ops"], "stolen");
    comes(&|| state(&admin, "stolen").contains("Reused"));
    running.running.stop().ok().never_shows("warning");
    let again = serving(&whole, &[]);
    comes(&|| again.metric("usercert_approver_leader 1"));
    comes(&|| {
        !admin
            .kubectl(&["get", "configmap", "-n", "usercert-system", &old_name()])
            .stdout
            .contains("certificate")
    });
    again.running.stop().ok().never_shows("warning");
    let mut tried = 0;
    while let Some(less) = service(Some(tried)) {
        let user = format!("user{tried}");
        let holder = person(&trial, &admin, &user, &["dev"]);
        let thief = trial.with_kubeconfig(&holder.read(".kube/config"));
        old_record(&admin);
        ask(&holder, &user, &["dev"], &format!("{user}-2"));
        admin.kubectl(&["delete", "lease", "--all", "-n", "usercert-system"]).ok();
        let log = less.home.join("log");
        let mut command = less.command(plugin(), &SERVE);
        command.stdout(std::process::Stdio::null());
        command.stderr(std::fs::File::create(&log).expect("a file"));
        let mut running = command.spawn().expect("it starts");
        let first = format!("{user}-2");
        let second = format!("{user}-thief");
        // Until something is missed; whatever comes to pass before is asked for once.
        let mut asked = false;
        let until = Instant::now() + Duration::from_secs(90);
        while !less.read("log").contains("warning: ") {
            assert!(Instant::now() < until, "rule {tried} is not needed");
            if !asked && state(&admin, &first).contains("Approved") {
                ask(&thief, &user, &["dev"], &second);
                asked = true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        running.kill().expect("it is killed");
        running.wait().expect("it ends");
        tried += 1;
    }
    assert!(tried >= 8, "{tried} rules");
}

fn old_name() -> String {
    format!("certificate-{}", "ab".repeat(32))
}

/// A record of a certificate that ended long ago.
fn old_record(admin: &Person) {
    let name = admin.run(&["certificates", "alice", "-o", "name"]).ok().stdout;
    let name = name.lines().next().expect("a record").to_owned();
    let mut old = admin.kubectl(&["get", "-n", "usercert-system", &name, "-o", "json"]).ok().json();
    old["metadata"] = json!({"name": old_name(), "namespace": "usercert-system", "labels": old["metadata"]["labels"]});
    old["data"]["credentialId"] = format!("X509SHA256={}", "ab".repeat(32)).into();
    old["data"].as_object_mut().expect("an object").remove("renews");
    old["data"]["notBefore"] = "2020-01-01T00:00:00Z".into();
    old["data"]["notAfter"] = "2020-01-02T00:00:00Z".into();
    admin.write("old.json", &old.to_string());
    let made = admin.kubectl(&["create", "-f", "old.json"]);
    assert!(made.code == 0 || made.stderr.contains("AlreadyExists"), "{}", made.stderr);
}
