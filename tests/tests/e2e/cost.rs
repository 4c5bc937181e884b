//! How many requests the commands make of an API server: counted in the sandbox's log.

use crate::cases;
use crate::trial::{Person, Trial};
use usercert_sandbox::{Sandbox, SandboxOptions};

cases!(main_road, handover, waiting, all_pending, no_discovery_for_lists, roles, traffic);

/// A server of its own, so that nobody else's requests are in the log.
fn alone(trial: &Trial) -> (Sandbox, Person) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    (sandbox, admin)
}

fn made(sandbox: &Sandbox) -> Vec<String> {
    let log = sandbox
        .log()
        .iter()
        .map(|e| format!("{} {}", e.method, e.path.split('?').next().unwrap_or_default()))
        .collect();
    sandbox.clear_log();
    log
}

const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const RECORDS: &str = "/api/v1/namespaces/usercert-system/configmaps";
const REVOKED: &str = "/api/v1/namespaces/usercert-system/configmaps/revoked-certificates";
const BOUND: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

fn main_road(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "alice"]).ok();
    assert_eq!(made(&sandbox), [format!("POST {CSRS}")]);
    // A person who looks is told what is bound in namespaces, and what the user holds already.
    admin.run(&["review", "alice"]).ok();
    let mut reviewing = made(&sandbox);
    reviewing.sort();
    let looked = [
        format!("GET {RECORDS}"),
        format!("GET {REVOKED}"),
        format!("GET {CSRS}"),
        format!("GET {CSRS}/alice"),
        format!("GET {BOUND}"),
        format!("GET {}", BOUND.replace("clusterrole", "role")),
    ];
    assert_eq!(reviewing, looked);
    admin.run(&["approve", "alice", "--yes"]).ok();
    let mut approving = made(&sandbox);
    // The names that are bound in the whole cluster are read beside the request.
    approving.sort();
    let decision = format!("PUT {CSRS}/alice/approval");
    let looked = [format!("GET {REVOKED}"), format!("GET {CSRS}/alice"), format!("GET {BOUND}")];
    assert_eq!(approving[..3], looked);
    assert_eq!(approving[3..], [decision]);
    // Signed by now or not: reading shows it, else one watch does.
    admin.kubectl(&["wait", "--for=jsonpath={.status.certificate}", "csr/alice"]).ok();
    sandbox.clear_log();
    admin.run(&["install", "alice"]).ok();
    assert_eq!(
        made(&sandbox),
        [
            format!("GET {CSRS}/alice"),
            "POST /apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned()
        ]
    );
    admin.run(&["verify", "alice@sandbox"]).ok();
    let review = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    // Who may not read the list tries a write.
    let tried = format!("POST {CSRS}");
    assert_eq!(made(&sandbox), [review.to_owned(), format!("GET {REVOKED}"), tried]);
    admin.run(&["deny", "alice"]).exits(1);
    assert_eq!(made(&sandbox), [format!("GET {CSRS}/alice")]);
}

fn handover(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    let newcomer = trial.newcomer();
    admin.write("r", &newcomer.run(&["request", "bob", "--offline", "-o", "yaml"]).ok().stdout);
    assert!(made(&sandbox).is_empty());
    admin.run(&["approve", "--from", "r", "--yes"]).ok();
    let decision = format!("PUT {CSRS}/bob/approval");
    let mut made = made(&sandbox);
    made[..2].sort();
    let looked = [format!("GET {REVOKED}"), format!("GET {BOUND}")];
    assert_eq!(made, [&looked[..], &[format!("POST {CSRS}"), decision]].concat());
}

fn waiting(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "carol"]).ok();
    sandbox.clear_log();
    let waiting = {
        let admin = admin.clone();
        std::thread::spawn(move || admin.run(&["install", "carol"]))
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !sandbox.log().iter().any(|e| e.path.contains("watch=")) {
        assert!(std::time::Instant::now() < until, "no watch: {:?}", sandbox.log());
        std::thread::yield_now();
    }
    let approver = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    approver.run(&["approve", "carol", "--yes"]).ok();
    waiting.join().expect("it ends").ok();
    let ours: Vec<String> =
        made(&sandbox).into_iter().filter(|r| !r.contains("approval")).collect();
    // Two reads (the installer's, the approver's), one watch, one review, one list of bindings, one of
    // what is revoked.
    assert_eq!(ours.iter().filter(|r| **r == format!("GET {CSRS}/carol")).count(), 2, "{ours:?}");
    assert_eq!(ours.iter().filter(|r| **r == format!("GET {CSRS}")).count(), 1, "{ours:?}");
    assert_eq!(ours.len(), 6, "{ours:?}");
}

/// Every request of several pages is read once more and decided once, the bindings are read once, what
/// people hold already is read before, and what somebody has decided already is left alone.
fn all_pending(trial: &Trial) {
    const MANY: usize = 120;
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "first"]).ok();
    admin.run(&["deny", "first"]).ok();
    let mut object = admin.kubectl(&["get", "csr", "first", "-o", "json"]).ok().json();
    object["status"] = serde_json::json!({});
    let items: Vec<_> = (0..MANY)
        .map(|i| {
            object["metadata"] = serde_json::json!({ "name": format!("r{i}") });
            object.clone()
        })
        .collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    admin.write("list.json", &list.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "list.json"]).ok();
    sandbox.clear_log();
    let out = admin.run(&["approve", "--all-pending", "--yes", "-o", "name"]).ok();
    assert_eq!(out.stdout.lines().count(), MANY);
    let log = made(&sandbox);
    let count = |wanted: &dyn Fn(&str) -> bool| log.iter().filter(|r| wanted(r)).count();
    let pages = count(&|r| r == format!("GET {CSRS}"));
    assert!((1..MANY).contains(&pages), "{pages} pages");
    assert_eq!(count(&|r| r.starts_with(&format!("GET {CSRS}/r"))), MANY);
    assert_eq!(count(&|r| r.starts_with("PUT") && r.ends_with("/approval")), MANY);
    assert_eq!(count(&|r| r.contains("bindings")), 2);
    // One of the records, one of what is revoked, two of bindings.
    assert_eq!(log.len(), pages + 2 * MANY + 4);
    let state = ["get", "csr", "first", "-o", "jsonpath={.status.conditions[*].type}"];
    assert_eq!(admin.kubectl(&state).ok().stdout, "Denied");
    admin.run(&["approve", "--all-pending"]).ok().says(&["No pending requests"]);
}

fn no_discovery_for_lists(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    for i in 0..3 {
        admin.run(&["request", &format!("user{i}")]).ok();
    }
    sandbox.clear_log();
    admin.run(&["list"]).ok();
    assert_eq!(made(&sandbox), [format!("GET {CSRS}"), format!("GET {REVOKED}")]);
}

fn roles(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = format!("GET {rbac}/clusterroles/view");
    let bindings = format!("{rbac}/namespaces/default/rolebindings");
    let grant = ["grant", "alice", "--clusterrole", "view", "-n", "default", "--yes", "-o", "name"];
    let made_now = admin.run(&grant).ok().stdout;
    let name = made_now.trim().rsplit('/').next().expect("a name").to_owned();
    let look = format!("GET {bindings}/{name}");
    assert_eq!(made(&sandbox), [role.clone(), look.clone(), format!("POST {bindings}")]);
    admin.run(&grant).ok();
    assert_eq!(made(&sandbox), [role.clone(), look]);
    admin.run(&["access", "alice"]).ok();
    let mut asked = made(&sandbox);
    asked.sort();
    let lists = [format!("GET {rbac}/clusterrolebindings"), format!("GET {rbac}/rolebindings")];
    // The groups of the user's certificates, from requests that are still there, from records, and from what the
    // approving service has noted.
    let leases = "/apis/coordination.k8s.io/v1/namespaces/usercert-system/leases";
    let known = [format!("GET {RECORDS}"), format!("GET {CSRS}"), format!("GET {leases}")];
    assert_eq!(asked, [&known[..], &[lists[0].clone(), role, lists[1].clone()]].concat());
    admin.run(&["revoke", "alice", "--yes"]).ok();
    let mut asked = made(&sandbox);
    asked.sort();
    let delete = format!("DELETE {bindings}/{name}");
    // Twice, for what has come meanwhile.
    let looked = [&known[..], &lists].concat();
    let looked: Vec<_> = looked.into_iter().flat_map(|one| [one.clone(), one]).collect();
    assert_eq!(asked, [&[delete][..], &looked].concat());
}

/// Connections that each command opens, and bytes on the wire: most of them are the handshakes.
fn traffic(trial: &Trial) {
    let (sandbox, admin) = alone(trial);
    admin.run(&["request", "first"]).ok();
    let grant = ["grant", "erin", "--clusterrole", "view", "-n", "default", "--yes"];
    // At most as many as requests are made at the same time: the client speaks HTTP/1.1.
    let commands: [(&[&str], u64); 9] = [
        (&["request", "erin"], 1),
        (&["review", "erin"], 3),
        (&["approve", "erin", "--yes"], 3),
        // The second with the new certificate, to try it.
        (&["install", "erin"], 2),
        (&["verify", "erin@sandbox"], 1),
        (&["list"], 1),
        (&["deny", "first"], 1),
        (&grant, 2),
        (&["access", "erin"], 5),
    ];
    for (args, connections) in commands {
        let before = sandbox.traffic();
        admin.run(args).ok();
        let after = sandbox.traffic();
        let opened = after.connections - before.connections;
        let bytes = (after.received - before.received, after.sent - before.sent);
        eprintln!("traffic: {}: {opened} connections, {bytes:?} bytes", args.join(" "));
        assert!((1..=connections).contains(&opened), "{args:?} opens {opened} connections");
        assert!(bytes.0 <= 6_000 * connections, "{args:?} sends {} bytes", bytes.0);
        assert!(bytes.1 <= 24_000 * connections, "{args:?} receives {} bytes", bytes.1);
    }
}
