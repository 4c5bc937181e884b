//! Refusal by the API server's authorization configuration, which `revocations sync` keeps.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::json;

use super::{MAP, becomes, own_server, powerful, set_mode};
use crate::backend::Backend;
use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    everything_is_refused_while_sync_runs,
    a_static_pod_is_prepared,
    many_are_refused_and_others_notice_nothing,
    sync_runs_with_the_printed_rights_and_no_less,
    what_is_open_goes_on,
    a_file_that_the_server_rejects_is_no_success,
    a_file_that_others_may_write_is_left_alone,
);

fn read(person: &Person) -> Outcome {
    person.kubectl(&["get", "namespaces"])
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

fn everything_is_refused_while_sync_runs(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let admin = trial.admin();
    let (alice, bob) = (powerful(&trial, "alice@example.com"), powerful(&trial, "bob"));
    let path = file.to_str().expect("UTF-8");
    let first = text(&file);
    let sync = ["revocations", "sync", "--authorization-config", path];
    admin.run(&[&sync[..], &["--once"]].concat()).exits(1).says(&["no list", "install"]);
    admin.run(&["revocations", "install", "--yes"]).ok();
    // With an entry in the file it is known that it is used, and waited for.
    admin.run(&[&sync[..], &["--once"]].concat()).ok();
    let running = admin.serving(&sync, "in sync with the list");
    admin.write("alice.conf", &alice.read(".kube/config"));
    read(&alice).ok();
    // What is seen to be refused includes reads, since it is waited for.
    admin
        .run(&["revoke", "--certificate", "alice.conf", "--reason", "stolen", "--yes"])
        .ok()
        .prints(&["blocked: refused for everything; open watches and execs continue"]);
    read(&alice).exits(1);
    for refused in [
        &["get", "pods"][..],
        &["get", "--raw", "/api/v1/pods?watch=1"],
        &["auth", "whoami"],
        &["create", "serviceaccount", "x"],
        &["get", "namespaces", "--as", "bob"],
    ] {
        let out = alice.kubectl(refused).exits(1);
        assert!(
            out.stderr.contains("this client certificate was revoked"),
            "{refused:?}: {}",
            out.stderr
        );
    }
    read(&bob).ok();
    alice.run(&["verify"]).exits(1).says(&[
        "this certificate was revoked; the API server gives no reason",
        "user alice@example.com",
        "ask your admin",
    ]);
    alice.run(&["list"]).exits(1).says(&["this certificate was revoked"]);
    let line = admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    line.prints(&["already blocked: refused for everything"]);
    let list = admin.run(&["revocations", "list", "-o", "json"]).ok().json();
    assert_eq!(list["enforcement"], json!({"admission": "refuses", "authorization": "refuses"}));
    assert!(text(&file).ends_with(first.split_once("authorizers:\n").expect("a list").1));
    running.stop().ok().prints(&["written: 1 entry"]);

    // It outlives the API server and the program.
    if let Backend::ControlPlane(plane) = &*trial.backend {
        assert!(plane.api_server_log().contains("reloaded authz config"));
        plane.restart_api_server();
        read(&alice).exits(1).says(&["this client certificate was revoked"]);
        read(&bob).ok();
    }
    // The list goes: the file stays.
    let before = text(&file);
    let kept = admin.kubectl(&[&["get"], &MAP[..], &["-o", "json"]].concat()).ok().stdout;
    admin.kubectl(&[&["delete"], &MAP[..]].concat()).ok();
    let once = [&sync[..], &["--once"]].concat();
    admin.run(&once).exits(1);
    assert_eq!(text(&file), before);
    let mut kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    kept["metadata"] = json!({"name": "revoked-certificates", "namespace": "usercert-system"});
    admin.write("kept.json", &kept.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "kept.json"]).ok();
    admin.run(&once).ok().prints(&["unchanged"]);

    // All of a user's certificates, and the exception. Until the file is written, nobody is let in.
    admin.run(&["revoke", "bob", "--all-certificates", "--yes"]).ok();
    admin.run(&once).ok().prints(&["written: 2 entries"]);
    becomes(|| read(&bob), true).exits(1);
    admin.write("bob.conf", &bob.read(".kube/config"));
    lifted(&admin, "bob.conf");
    admin.run(&once).ok().prints(&["written"]);
    becomes(|| read(&bob), false).ok();
    lifted(&admin, "alice.conf");
    lifted(&admin, "user/bob");
    admin.run(&once).ok().prints(&["written: 1 entry"]).says(&["The API server uses it."]);
    becomes(|| read(&alice), false).ok();
    // What is left is the test entry.
    assert_eq!(text(&file).matches("X509SHA256=").count(), 1);
    assert!(
        text(&file.with_file_name("authorization.yaml.usercert-last-good"))
            .contains("usercert-revoked-0")
    );

    // What cannot be edited safely is left alone.
    let broken = first.replace("type: RBAC", "type: RBACK");
    for (content, said) in [
        (broken, "does not accept the file as it is"),
        ("{\"apiVersion\": \"apiserver.config.k8s.io/v1\", \"kind\": \"AuthorizationConfiguration\", \"authorizers\": [{\"type\": \"RBAC\", \"name\": \"rbac\"}]}".to_owned(), "only such a list can be edited"),
    ] {
        admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
        let other = admin.home.join("other.yaml");
        std::fs::write(&other, &content).expect("a file");
        let other = other.to_str().expect("UTF-8");
        let out = admin.run(&["revocations", "sync", "--once", "--authorization-config", other]);
        out.exits(1).says(&[said, "left as it is"]);
        assert_eq!(admin.read("other.yaml"), content);
    }
}

/// Lifts what the API server's file still refuses, and says that it does.
fn lifted(admin: &Person, id: &str) {
    admin.run(&["revocations", "lift", id, "--yes"]).exits(1).says(&["still refused"]);
}

fn many_are_refused_and_others_notice_nothing(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let admin = trial.admin();
    let (alice, bob) = (powerful(&trial, "alice"), powerful(&trial, "bob"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    let path = file.to_str().expect("UTF-8");
    let sync = ["revocations", "sync", "--once", "--authorization-config", path];
    admin.write("alice.conf", &alice.read(".kube/config"));
    let mut count = 0;
    for total in [1_000, 5_000] {
        let mut data = serde_json::Map::new();
        while count < total {
            count += 1;
            let value = "2026-11-30 laptop stolen on the train (by jane.admin@example.com)\nuntil: 2036-12-30T00:00:00Z\nuser: alice.wonderland@example.com";
            data.insert(format!("{count:064x}"), value.into());
            if data.len() == 1_000 || count == total {
                let patch = json!({ "data": std::mem::take(&mut data) }).to_string();
                admin.write("patch.json", &patch);
                admin
                    .kubectl(&[
                        "patch",
                        "configmap",
                        "-n",
                        "usercert-system",
                        "revoked-certificates",
                        "--type=merge",
                        "--patch-file=patch.json",
                    ])
                    .ok();
            }
        }
        admin.run(&sync).ok().prints(&["written"]);
        admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
        admin.run(&sync).ok();
        becomes(|| read(&alice), true).exits(1);
        bob.kubectl(&["create", "serviceaccount", "x", "--dry-run=server"]).ok();
        read(&bob).ok();
        lifted(&admin, "alice.conf");
        admin.run(&sync).ok();
        becomes(|| read(&alice), false).ok();
    }
    // A ConfigMap holds 1 MiB.
    let map = ["get", "configmap", "-n", "usercert-system", "revoked-certificates", "-o", "json"];
    let data = admin.kubectl(&map).ok().json()["data"].take();
    let used: usize =
        data.as_object().expect("a map").values().filter_map(|v| v.as_str()).map(str::len).sum();
    let filler = "x".repeat((1 << 20) - used - 10);
    admin.write("patch.json", &json!({ "data": { "filler": filler } }).to_string());
    admin
        .kubectl(&[
            "patch",
            "configmap",
            "-n",
            "usercert-system",
            "revoked-certificates",
            "--type=merge",
            "--patch-file=patch.json",
        ])
        .ok();
    admin
        .run(&["revoke", "--certificate", "alice.conf", "--yes"])
        .exits(1)
        .says(&["is full", "revocations prune"]);
    let told = ["WARNING: key filler: it is not a key"];
    admin.run(&["revocations", "list"]).exits(1).prints(&told);
}

fn a_static_pod_is_prepared(trial: &Trial) {
    let admin = trial.newcomer();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --authorization-mode=Node,RBAC\n    name: kube-apiserver\n    volumeMounts:\n    - mountPath: /pki\n      name: pki\n  volumes:\n  - hostPath:\n      path: /pki\n    name: pki\n";
    admin.write("kube-apiserver.yaml", manifest);
    let folder = admin.home.join("usercert");
    let folder = folder.to_str().expect("UTF-8");
    let init = ["revocations", "init", "--manifest", "kube-apiserver.yaml", "--folder", folder];
    admin
        .run(&init)
        .ok()
        .prints(&["-    - --authorization-mode=Node,RBAC", "+    - --authorization-config="])
        .says(&["kubeadm upgrade", "name: \"authorization-config\"", "extraVolumes:"])
        .says(&["the image's tag has no version"]);
    assert_eq!(admin.read("kube-apiserver.yaml"), manifest, "nothing is written unless told");
    let write = [&init[..], &["--write"]].concat();
    admin.run(&write).exits(2);
    admin.run(&[&write[..], &["--yes"]].concat()).ok().prints(&["written"]);
    let written = admin.read("kube-apiserver.yaml");
    assert!(written.contains(&format!("--authorization-config={folder}/authorization.yaml")));
    assert_eq!(admin.read("usercert/kube-apiserver.yaml.before-usercert"), manifest);
    assert!(
        admin.has("usercert/authorization.yaml")
            && admin.has("usercert/usercert-never-called.kubeconfig")
    );
    admin.run(&init).exits(1).says(&["has an authorization configuration already"]);
    // An image that would not start with it, and one that could not read a file of root's.
    let image = "    image: registry.k8s.io/kube-apiserver:v1.31.0\n    name: kube-apiserver\n";
    let old = manifest.replace("    name: kube-apiserver\n", image);
    admin.write("kube-apiserver.yaml", &old);
    admin.run(&init).exits(1).says(&["is Kubernetes 1.31", "from 1.32 on"]);
    let user = "  securityContext:\n    runAsUser: 998\n  volumes:\n";
    let other = old.replace("v1.31.0", "v1.32.0").replace("  volumes:\n", user);
    admin.write("kube-apiserver.yaml", &other);
    let folder = admin.home.join("readable");
    let folder = folder.to_str().expect("UTF-8");
    let init = ["revocations", "init", "--manifest", "kube-apiserver.yaml", "--folder", folder];
    admin
        .run(&[&init[..], &["--write", "--yes"]].concat())
        .ok()
        .says(&["does not run as root"])
        .never_shows("has no version");
    let modes = admin.tool("sh", &["-c", "stat -c %a readable readable/*"]).ok().stdout;
    assert_eq!(modes, "755\n644\n600\n644\n", "folder, configuration, kept manifest, kubeconfig");
    admin
        .run(&["revocations", "init", "--distribution", "rke2"])
        .ok()
        .prints(&[
            // By a path that the node does not have: RKE2 would mount the file by itself, and the pod
            // would not see what is renamed into its place.
            "authorization-config=/etc/usercert-authorization/authorization.yaml",
            "- \"/etc/kubernetes/usercert:/etc/usercert-authorization:ro\"",
        ])
        .says(&[
            "sync --authorization-config /etc/kubernetes/usercert/authorization.yaml",
            "--server-folder /etc/usercert-authorization",
        ]);
    let sync = ["revocations", "sync", "--authorization-config", "/a/authorization.yaml"];
    let print = ["--server-folder", "/seen", "--print-manifests", "--image", "example.com/x:1"];
    admin.run(&[&sync[..], &print].concat()).ok().prints(&["- \"--server-folder\"", "- \"/seen\""]);
    admin
        .run(&["revocations", "init", "--distribution", "k3s"])
        .ok()
        .prints(&["authorization-config=/etc/kubernetes/usercert/authorization.yaml"])
        .never_shows("extra-mount");
}

/// The rights that are printed for the program in the cluster are those that it needs.
fn sync_runs_with_the_printed_rights_and_no_less(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    let path = file.to_str().expect("UTF-8");
    let sync = ["revocations", "sync", "--authorization-config", path];
    admin.run(&["revocations", "install", "--yes"]).ok();
    let print = ["--print-manifests", "--image", "example.com/usercert:1"];
    let printed = admin.run(&[&sync[..], &print].concat()).ok().stdout;
    // Workloads and network policies are not the sandbox's.
    let rights = ["kind: \"ServiceAccount\"\n", "kind: \"Role\"\n", "kind: \"RoleBinding\"\n"];
    let documents = printed.split("---\n");
    let wanted: Vec<&str> =
        documents.filter(|d| rights.iter().any(|kind| d.contains(kind))).collect();
    assert_eq!(wanted.len(), 3, "{printed}");
    admin.write("rights.yaml", &wanted.join("---\n"));
    admin.kubectl(&["create", "--validate=false", "-f", "rights.yaml"]).ok();
    let name = "usercert-revocations-sync";
    let token = admin.kubectl(&["create", "token", "-n", "usercert-system", name]).ok().stdout;
    let robot = trial.admin();
    let token = format!("--token={}", token.trim());
    robot.kubectl(&["config", "set-credentials", "robot", &token]).ok();
    let context = ["config", "set-context", "--current", "--user=robot"];
    robot.kubectl(&context).ok();

    let running = robot.serving(&sync, "in sync with the list");
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    becomes(|| read(&alice), true).exits(1);
    running.stop().ok().prints(&["written: 1 entry"]);
    robot.kubectl(&["get", "configmaps", "-n", "usercert-system"]).exits(1);
    robot.kubectl(&["get", "secrets", "-n", "usercert-system"]).exits(1);
    for (verbs, missing) in [("[\"watch\"]", "get"), ("[\"get\"]", "watch")] {
        let rule =
            format!("[{{\"op\":\"replace\",\"path\":\"/rules/0/verbs\",\"value\":{verbs}}}]");
        let patch = ["patch", "role", "-n", "usercert-system", name, "--type=json", "-p", &rule];
        admin.kubectl(&patch).ok();
        let refused = format!("cannot {missing} resource");
        let failing = robot.serving(&sync, &refused);
        failing.stop().says(&["verbs: [get, watch]"]);
    }
}

fn what_is_open_goes_on(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.kubectl(&["create", "configmap", "before"]).ok();
    let url = "/api/v1/namespaces/default/configmaps?watch=1";
    let watch = ["get", "--raw", url, "--request-timeout=60s"];
    let mut watching = alice
        .command(Path::new("kubectl"), &watch)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    let mut sees = |name: &str| {
        let named = format!("\"name\":\"{name}\"");
        lines.any(|line| line.expect("a line").contains(&named))
    };
    assert!(sees("before"), "the watch is open");
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    let sync = ["revocations", "sync", "--once", "--authorization-config"];
    admin.run(&[&sync[..], &[file.to_str().expect("UTF-8")]].concat()).ok();
    becomes(|| read(&alice), true).exits(1);
    admin.kubectl(&["create", "configmap", "after"]).ok();
    assert!(sees("after"), "what is open goes on, as it is said");
    watching.kill().expect("it runs");
    watching.wait().expect("an end");
    // A new one does not begin.
    alice.kubectl(&watch).exits(1).says(&["this client certificate was revoked"]);
}

/// Expressions of others are not compiled here; what the server makes of them is seen. The sandbox compiles
/// none either.
fn a_file_that_the_server_rejects_is_no_success(trial: &Trial) {
    if trial.backend.sandbox().is_some() {
        return;
    }
    let Some((trial, file)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    let sync = ["revocations", "sync", "--once", "--authorization-config"];
    let sync = [&sync[..], &[file.to_str().expect("UTF-8")]].concat();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.run(&sync).ok().says(&["The API server uses it."]);
    let theirs = format!(
        "- type: Webhook\n  name: theirs\n  webhook:\n    timeout: 1s\n    subjectAccessReviewVersion: v1\n    matchConditionSubjectAccessReviewVersion: v1\n    failurePolicy: NoOpinion\n    connectionInfo: {{type: KubeConfigFile, kubeConfigFile: {}}}\n    matchConditions:\n    - expression: \"request.nonsense(((\"\n",
        file.with_file_name("usercert-never-called.kubeconfig").display()
    );
    std::fs::write(&file, text(&file) + &theirs).expect("a file");
    admin.write("alice.conf", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice.conf", "--yes"]).ok();
    admin.run(&sync).exits(1).says(&["does not use", "if it rejects the file, its log says why"]);
    read(&alice).ok();
    // Mended, it is read.
    std::fs::write(&file, text(&file).replace("request.nonsense(((", "false")).expect("a file");
    admin.run(&sync).ok().says(&["The API server uses it."]);
    read(&alice).exits(1);
}

/// Once and as a service; what others may write is theirs already.
fn a_file_that_others_may_write_is_left_alone(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let before = text(&file);
    let refused = |path: &Path, said: &str| {
        let path = path.to_str().expect("UTF-8");
        let sync = ["revocations", "sync", "--authorization-config", path];
        admin.run(&[&sync[..], &["--once"]].concat()).exits(1).says(&[said]);
        admin.serving(&sync, said).stop();
        assert_eq!(text(&file), before);
    };
    set_mode(&file, 0o666);
    refused(&file, "other users can write to ");
    set_mode(&file, 0o600);
    let link = admin.home.join("link");
    std::os::unix::fs::symlink(file.parent().expect("a folder"), &link).expect("a link");
    refused(&link.join("authorization.yaml"), "leads through a symbolic link");
    let path = file.to_str().expect("UTF-8");
    admin.run(&["revocations", "sync", "--once", "--authorization-config", path]).ok();
}
