//! The service that approves renewals, on servers of their own: what it trusts is the whole server's.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::cases;
use crate::revocations::own_server;
use crate::trial::{Outcome, Person, Running, Trial, plugin};

cases!(
    a_renewal_is_approved_and_recorded_with_its_parent,
    what_is_no_renewal_is_left_to_people,
    the_revoked_are_denied,
    a_second_renewal_is_denied_and_told,
    a_thief_and_the_holder_are_shut_out,
    an_interrupted_renewal_is_taken_up_and_no_other,
    the_same_holder_may_ask_again,
    it_serves_until_told_and_another_takes_over,
    a_broken_policy_changes_nothing_and_is_told,
    without_a_list_nothing_is_approved,
    the_printed_rights_suffice_and_no_less_does,
    wrong_use,
);

const RULES: &str = "\
apiVersion: usercert/v1
kind: Policy
renewals:
- name: developers
  groups: {allow: [dev, ops]}
  until: \"2099-06-30\"
  maxLifetime: 12h
  earliest: 0%
";
const SERVE: [&str; 6] =
    ["approve", "--watch", "--policy", "policy.yaml", "--listen", "127.0.0.1:0"];
const ONCE: [&str; 5] = ["approve", "--watch", "--once", "--policy", "policy.yaml"];

/// A server with everything installed, its admin with a policy, and `alice` with a recorded certificate
/// who may make requests.
fn stage(trial: &Trial, rules: &str) -> Option<(Trial, Person, Person)> {
    let (trial, _) = own_server(trial)?;
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("policy.yaml", rules);
    let requests =
        ["--verb=create,get,watch", "--resource=certificatesigningrequests.certificates.k8s.io"];
    admin.kubectl(&[&["create", "clusterrole", "requester"][..], &requests].concat()).ok();
    let everybody = "--group=system:authenticated";
    admin
        .kubectl(&[
            "create",
            "clusterrolebinding",
            "requester",
            "--clusterrole=requester",
            everybody,
        ])
        .ok();
    let alice = person(&trial, &admin, "alice", &["dev", "ops"]);
    Some((trial, admin, alice))
}

fn person(trial: &Trial, admin: &Person, user: &str, groups: &[&str]) -> Person {
    let file = format!("{user}.conf");
    let mut args = vec!["create", user, "--yes", "--standalone", &file];
    groups.iter().for_each(|g| args.extend(["-g", g]));
    admin.run(&args).ok();
    trial.with_kubeconfig(&admin.read(&file))
}

/// Somebody asks for a certificate with a new key.
fn ask(person: &Person, user: &str, groups: &[&str], name: &str) {
    let mut args = vec!["request", user, "--csr-name", name, "--expires", "1h"];
    groups.iter().for_each(|g| args.extend(["-g", g]));
    person.run(&args).ok();
}

/// Types of the conditions of a request, and their reasons.
fn state(admin: &Person, name: &str) -> String {
    let path = "jsonpath={range .status.conditions[*]}{.type} {.reason};{end}";
    admin.kubectl(&["get", "csr", name, "-o", path]).ok().stdout
}

fn recorded(admin: &Person, user: &str) -> Vec<Value> {
    let out = admin.run(&["certificates", user, "-o", "json"]).ok().json();
    out["items"].as_array().expect("items").clone()
}

fn issued(admin: &Person, name: &str) {
    admin.kubectl(&["wait", "--for=jsonpath={.status.certificate}", &format!("csr/{name}")]).ok();
}

fn a_renewal_is_approved_and_recorded_with_its_parent(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let dry = admin.run(&[&ONCE[..], &["--dry-run=client"]].concat()).ok();
    dry.prints(&["alice-2 approved under the rule developers, user alice (dry run)"]);
    assert_eq!(state(&admin, "alice-2"), "");
    let done = admin.run(&[&ONCE[..], &["-o", "json"]].concat()).ok();
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    let told = done.json();
    assert_eq!((&told["decision"], &told["rule"]), (&json!("Approved"), &json!("developers")));
    assert_eq!(state(&admin, "alice-2"), "Approved UsercertRenewal/developers;");
    issued(&admin, "alice-2");
    assert_eq!(admin.run(&ONCE).ok().says(&["recorded: certificate"]).stdout, "");
    let records = recorded(&admin, "alice");
    let [child, parent] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(child["renews"], parent["sha256"]);
    assert_eq!(child["approvalReason"], "UsercertRenewal/developers");
    assert_eq!(parent["renewed"], true);
    let me = admin.kubectl(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]).ok();
    assert_eq!(child["approvedBy"], me.stdout.as_str());
    // The new one works, and is renewed in its turn.
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    admin.run(&ONCE).ok().prints(&["alice-3 approved"]);
    assert_eq!(admin.run(&ONCE).ok().stdout, "", "nothing is done twice");
}

fn what_is_no_renewal_is_left_to_people(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops", "admins"], "more");
    ask(&alice, "alice", &["dev"], "fewer");
    ask(&alice, "bob", &["dev", "ops"], "bob");
    let outsider = person(&trial, &admin, "carol", &["guests"]);
    ask(&outsider, "carol", &["guests"], "carol");
    // By a token instead of a certificate.
    admin.kubectl(&["create", "serviceaccount", "robot"]).ok();
    let token = admin.kubectl(&["create", "token", "robot"]).ok().stdout;
    let robot =
        ["request", "alice", "-g", "dev", "-g", "ops", "--csr-name", "token", "--expires", "1h"];
    let bearer = trial.with_kubeconfig(&without_credentials(&admin));
    bearer.run(&[&robot[..], &["--token", token.trim()]].concat()).ok();
    // For longer than the rule allows.
    alice.run(&["request", "alice", "-g", "dev", "-g", "ops", "--csr-name", "long"]).ok();
    // Of somebody whose certificate is not recorded, and whose request is forgotten.
    let dave = person(&trial, &admin, "dave", &["dev"]);
    let made = admin.kubectl(&["get", "csr", "-o", "name"]).ok().stdout;
    let made = made.lines().find(|line| line.contains("/dave-")).expect("a request").to_owned();
    admin.kubectl(&["delete", &made]).ok();
    let name = admin.run(&["certificates", "dave", "-o", "name"]).ok().stdout;
    admin.kubectl(&["delete", "-n", "usercert-system", name.trim()]).ok();
    ask(&dave, "dave", &["dev"], "dave");
    let left = admin.run(&ONCE).ok();
    for (name, why) in [
        ("more", "groups are not exactly those of its requester"),
        ("fewer", "groups are not exactly those of its requester"),
        ("bob", "it names bob, but was submitted by alice"),
        ("carol", "no rule is about its user and groups"),
        ("token", "not submitted with a client certificate"),
        ("long", "it allows a lifetime of at most 12h"),
        ("dave", "its certificate is not recorded"),
    ] {
        let line = left.stdout.lines().find(|l| l.contains(&format!("/{name} left")));
        assert!(line.is_some_and(|l| l.contains(why)), "{name}: {}", left.stdout);
        assert_eq!(state(&admin, name), "", "{name}");
    }
    // After the end, and before the time.
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    admin.write("policy.yaml", &RULES.replace("2099-06-30", "2020-06-30"));
    admin.run(&ONCE).ok().prints(&["rule developers: it ended at 2020-07-01"]);
    admin.write("policy.yaml", &RULES.replace("0%", "90%"));
    admin.run(&ONCE).ok().prints(&["its certificate may be renewed from"]);
    admin.write("policy.yaml", &format!("{RULES}users: {{deny: [alice]}}\n"));
    admin.run(&ONCE).ok().prints(&["the review refuses it: policy-user"]);
    assert_eq!(state(&admin, "alice-2"), "");
    let claims =
        ["get", "configmap", "-n", "usercert-system", "-l", "usercert/kind=renewal", "-o", "name"];
    assert_eq!(admin.kubectl(&claims).ok().stdout, "", "nothing was claimed");
}

/// The admin's kubeconfig with the cluster and nobody.
fn without_credentials(admin: &Person) -> String {
    let view = admin.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]).ok();
    let mut view = view.json();
    view["users"][0]["user"] = json!({});
    view.to_string()
}

fn the_revoked_are_denied(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    // Asked for before the policy of the server refuses to take the request.
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    admin.write("alice", &alice.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "alice", "--reason", "laptop stolen", "--yes"]).ok();
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["alice-2 denied", "is revoked: 20", "laptop stolen"]);
    assert_eq!(state(&admin, "alice-2"), "Denied UsercertRenewalRevoked;");
}

/// The first renewal, by a thief, and the second, by the holder of the same certificate.
fn renewed_twice(trial: &Trial, admin: &Person, alice: &Person) -> Outcome {
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "thief");
    admin.run(&ONCE).ok().prints(&["thief approved"]);
    issued(admin, "thief");
    ask(alice, "alice", &["dev", "ops"], "alice-2");
    let out = admin.run(&ONCE).exits(3);
    assert_eq!(state(admin, "alice-2"), "Denied UsercertRenewalReused;");
    out.prints(&["alice-2 denied", "was renewed before, with another key, by the request thief"])
}

fn a_second_renewal_is_denied_and_told(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    renewed_twice(&trial, &admin, &alice).never_shows("revoked");
    let events = admin.kubectl(&["get", "events", "-n", "default", "-o", "json"]).ok().json();
    let events = events["items"].as_array().expect("items");
    let event = events.iter().find(|e| e["reason"] == "UsercertRenewalReused").expect("an event");
    assert_eq!(event["involvedObject"]["name"], "alice-2");
    assert!(event["message"].as_str().is_some_and(|m| m.contains("two hold it")), "{event}");
    assert!(recorded(&admin, "alice").iter().all(|r| r["blocked"].is_null()));
}

fn a_thief_and_the_holder_are_shut_out(trial: &Trial) {
    let rules = format!("{RULES}  onReuse: revoke\n");
    let Some((trial, admin, alice)) = stage(trial, &rules) else { return };
    let bob = person(&trial, &admin, "bob", &["dev"]);
    renewed_twice(&trial, &admin, &alice)
        .prints(&["2 certificates that descend from it are revoked"]);
    let records = recorded(&admin, "alice");
    assert_eq!(records.len(), 2);
    for record in &records {
        let line = record["blocked"].as_str().unwrap_or_default();
        assert!(line.contains("renewed twice"), "{record}");
    }
    ask(&bob, "bob", &["dev"], "bob-2");
    admin.run(&ONCE).ok().prints(&["bob-2 approved"]);
    // A renewal that nobody has recorded can be shut out only with the whole user.
    ask(&bob, "bob", &["dev"], "unseen");
    issued(&admin, "bob-2");
    admin.kubectl(&["delete", "csr", "bob-2"]).ok();
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["unseen denied", "every certificate of the user is revoked"]);
    let list = admin.run(&["revocations", "list", "-o", "name"]).ok().stdout;
    assert!(list.contains("user/bob") && !list.contains("user/alice"), "{list}");
}

fn an_interrupted_renewal_is_taken_up_and_no_other(trial: &Trial) {
    let Some((trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    if let Some(sandbox) = trial.backend.sandbox() {
        sandbox.clear_log();
        // It never hears how its approval went, and is killed.
        sandbox.fail_at("/approval", usercert_sandbox::Fault::Silent);
        let mut killed = admin.start(&ONCE);
        comes(&|| sandbox.log().iter().any(|e| e.path.contains("/approval")));
        killed.kill().expect("it is killed");
        killed.wait().expect("it ends");
        sandbox.recover();
    } else {
        // Where the server has no such fault: as it is left by then.
        claim(&admin, &alice, "alice-2");
    }
    assert_eq!(state(&admin, "alice-2"), "");
    let thief = trial.with_kubeconfig(&alice.read(".kube/config"));
    ask(&thief, "alice", &["dev", "ops"], "a-thief");
    let out = admin.run(&ONCE).exits(3);
    out.prints(&["alice-2 approved", "a-thief denied"]);
    assert_eq!(state(&admin, "alice-2"), "Approved UsercertRenewal/developers;");
}

/// Claims the renewal of somebody's certificate for a request, as the service does.
fn claim(admin: &Person, person: &Person, name: &str) {
    let request = admin.kubectl(&["get", "csr", name, "-o", "json"]).ok().json();
    let id = &request["spec"]["extra"]["authentication.kubernetes.io/credential-id"][0];
    let digits = id.as_str().and_then(|id| id.strip_prefix("X509SHA256=")).expect("a certificate");
    let pem = admin.kubectl(&["get", "csr", name, "-o", "jsonpath={.spec.request}"]).ok().stdout;
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.decode(pem).expect("base64");
    person.write("claimed.csr", &String::from_utf8(pem).expect("PEM"));
    let script =
        "openssl req -in claimed.csr -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum";
    let key = person.tool("sh", &["-c", script]).ok().stdout;
    let claim = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
        "metadata": {"name": format!("renewal-{digits}"), "namespace": "usercert-system", "labels": {
            "app.kubernetes.io/managed-by": "kubectl-usercert", "usercert/kind": "renewal"}},
        "data": {"parent": id, "request": name, "requestUid": request["metadata"]["uid"],
            "key": key.split(' ').next(), "rule": "developers"},
    });
    admin.write("claim.json", &claim.to_string());
    admin.kubectl(&["create", "-f", "claim.json"]).ok();
}

fn the_same_holder_may_ask_again(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    alice
        .tool(
            "openssl",
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                "k.pem",
            ],
        )
        .ok();
    let again = |name: &str| {
        let args = [
            "request",
            "alice",
            "-g",
            "dev",
            "-g",
            "ops",
            "--expires",
            "1h",
            "--key",
            "k.pem",
            "--csr-name",
            name,
        ];
        alice.run(&args).ok();
    };
    again("first");
    admin.run(&ONCE).ok().prints(&["first approved"]);
    // While the first is there, a second is not needed.
    again("second");
    admin.run(&ONCE).ok().prints(&["second left", "for the same key by the request first"]);
    // Requests are forgotten an hour after their decision.
    admin.kubectl(&["delete", "csr", "first"]).ok();
    admin.run(&ONCE).ok().prints(&["second approved"]);
}

/// Waits for a condition, not for ever.
fn comes(condition: &dyn Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < until, "it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Service {
    running: Running,
    address: String,
}

/// The service, once it has said where its health can be asked for.
fn serving(person: &Person, more: &[&str]) -> Service {
    let running = person.serving(&[&SERVE[..], more].concat(), "\n");
    let address = running.said().trim().rsplit("http://").next().expect("an address").to_owned();
    Service { running, address }
}

impl Service {
    /// The code and text that are answered.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let code = answer.split(' ').nth(1).and_then(|c| c.parse().ok()).expect("a code");
        (code, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    fn metric(&self, line: &str) -> bool {
        self.get("/metrics").1.lines().any(|l| l == line)
    }
}

fn it_serves_until_told_and_another_takes_over(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    let first = serving(&admin, &[]);
    comes(&|| first.metric("usercert_approver_leader 1"));
    let second = serving(&admin, &[]);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    comes(&|| first.metric("usercert_approver_decisions_total{decision=\"approved\"} 1"));
    comes(&|| {
        first.metric("usercert_approver_recorded_total 2") || recorded(&admin, "alice").len() == 2
    });
    assert!(second.metric("usercert_approver_leader 0"));
    assert!(second.metric("usercert_approver_decisions_total{decision=\"approved\"} 0"));
    for service in [&first, &second] {
        assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
        assert_eq!(service.get("/readyz"), (200, "ok\n".to_owned()));
        assert_eq!(service.get("/").0, 404);
    }
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    first.running.stop().ok().says(&["working: this replica holds the lease", "stopped"]);
    comes(&|| second.metric("usercert_approver_leader 1"));
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    comes(&|| second.metric("usercert_approver_decisions_total{decision=\"approved\"} 1"));
    second.running.stop().ok().prints(&["alice-3 approved"]).never_shows("warning");
}

fn a_broken_policy_changes_nothing_and_is_told(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    let service = serving(&admin, &[]);
    comes(&|| service.metric("usercert_approver_leader 1"));
    // As a ConfigMap's mount does it.
    let exchange = |text: &str| {
        admin.write("policy.new", text);
        std::fs::rename(admin.home.join("policy.new"), admin.home.join("policy.yaml"))
            .expect("renamed");
    };
    exchange(&format!("{RULES}  groups: {{allow: [\"*\"]}}\n"));
    comes(&|| service.get("/readyz").0 == 503);
    assert!(
        service.get("/readyz").1.contains("policy: policy.yaml"),
        "{:?}",
        service.get("/readyz")
    );
    assert!(service.metric("usercert_approver_policy_valid 0"));
    assert_eq!(service.get("/healthz").0, 200);
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    comes(&|| state(&admin, "alice-2").contains("developers"));
    // Mended, it is in force: the rule has another name now.
    exchange(&RULES.replace("developers", "engineers"));
    comes(&|| service.get("/readyz").0 == 200);
    alice.run(&["install", "alice", "--csr-name", "alice-2", "--replace"]).ok();
    ask(&alice, "alice", &["dev", "ops"], "alice-3");
    comes(&|| state(&admin, "alice-3").contains("engineers"));
    let out = service.running.stop().ok();
    out.says(&["the policy is broken, the one before stays in force", "the policy has changed"]);
}

fn without_a_list_nothing_is_approved(trial: &Trial) {
    let Some((_trial, admin, alice)) = stage(trial, RULES) else { return };
    ask(&alice, "alice", &["dev", "ops"], "alice-2");
    let list = ["configmap", "revoked-certificates", "-n", "usercert-system"];
    admin.kubectl(&[&["delete"][..], &list].concat()).ok();
    admin.run(&ONCE).exits(1).says(&["no list of what is revoked"]);
    assert_eq!(state(&admin, "alice-2"), "");
}

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
    old["data"]["notBefore"] = "2020-01-01T00:00:00Z".into();
    old["data"]["notAfter"] = "2020-01-02T00:00:00Z".into();
    admin.write("old.json", &old.to_string());
    let made = admin.kubectl(&["create", "-f", "old.json"]);
    assert!(made.code == 0 || made.stderr.contains("AlreadyExists"), "{}", made.stderr);
}

fn wrong_use(trial: &Trial) {
    let admin = trial.admin();
    let policy = "apiVersion: usercert/v1\nkind: Policy\nsigners: [a]\n";
    admin.write("policy.yaml", policy);
    admin.run(&ONCE).exits(2).says(&["no rules in `renewals`"]);
    admin.run(&["approve", "--watch"]).exits(2).says(&["--policy"]);
    admin.run(&[&ONCE[..], &["alice"]].concat()).exits(2).says(&["cannot be used with"]);
    admin.run(&[&ONCE[..], &["--yes"]].concat()).exits(2).says(&["cannot be used with"]);
    admin.run(&["approve", "alice", "--once"]).exits(2).says(&["--watch"]);
    admin.write("policy.yaml", RULES);
    let watch = ["approve", "--watch", "--policy", "policy.yaml"];
    admin.run(&[&watch[..], &["--dry-run"]].concat()).exits(2).says(&["--once"]);
    admin.run(&[&watch[..], &["--print-manifests"]].concat()).exits(2).says(&["--image"]);
    admin.run(&[&watch[..], &["--listen", "nowhere"]].concat()).exits(2).says(&["--listen"]);
    admin.write("policy.yaml", &format!("{RULES}  onReuse: warn\n"));
    admin.run(&ONCE).exits(1).says(&["line 9, column 12", "unknown variant `warn`"]);
}
