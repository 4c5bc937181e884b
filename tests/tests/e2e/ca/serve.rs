//! The signer of a cluster, with an own CA.

use crate::cases;
use crate::trial::{Person, Trial};
use usercert_sandbox::{Fault, LogEntry, Sandbox, SandboxOptions};

cases!(
    custom_signer,
    what_it_refuses,
    look_alikes,
    bounded_by_the_policy,
    two_replicas,
    least_rights,
    built_in_name,
    forgotten_changes,
    stops_though_nothing_is_answered,
    stops_though_the_server_is_busy,
    watches_that_never_begin,
    wrong_use,
);

/// A signer's name that no other case uses.
fn signer(trial: &Trial) -> String {
    format!("example.com/{}", trial.user("people"))
}

/// An admin with a CA in `ca.crt` and `ca.key`.
fn with_ca(trial: &Trial) -> Person {
    let admin = trial.admin();
    admin.run(&["ca", "init", "--name", "e2e-signer"]).ok();
    admin
}

/// A request by openssl for this subject, submitted as `name` and approved past every review.
fn approved_blindly(admin: &Person, name: &str, subject: &str, signer: &str, usages: &[&str]) {
    let new = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k"];
    let csr = admin.tool("openssl", &[&new[..], &["-utf8", "-subj", subject]].concat()).ok().stdout;
    use base64::Engine as _;
    let manifest = serde_json::json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {"request": base64::engine::general_purpose::STANDARD.encode(csr),
                 "signerName": signer, "usages": usages},
    });
    admin.write("blind.json", &manifest.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "blind.json"]).ok();
    admin.kubectl(&["certificate", "approve", name]).ok();
}

fn custom_signer(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let user = trial.user("alice");
    admin.run(&["request", &user, "-g", "dev", "-g", "ops", "--signer", &signer]).ok();
    let serve = ["ca", "serve", "--signer", &signer, "--once"];
    admin.run(&serve).ok();
    let state = ["get", "csr", &user, "-o", "jsonpath={.status}"];
    admin.kubectl(&state).ok().prints(&["{}"]);
    admin.run(&["approve", &user, "--yes"]).ok().says(&["[unknown-signer]"]);
    let dry = admin.run(&[&serve[..], &["--dry-run=server"]].concat()).ok();
    let dry = dry.prints(&["signed for"]);
    assert!(!admin.kubectl(&state).ok().stdout.contains("\"certificate\""));
    let code = admin.run(&["review", &user]).code_shown();
    assert!(dry.stdout.ends_with(&format!(", code {code} (dry run)\n")), "{}", dry.stdout);
    let signed = admin.run(&[&serve[..], &["-o", "json"]].concat()).ok();
    let signed = signed.says(&["signing for", "CN=e2e-signer"]).json();
    assert_eq!(
        (signed["outcome"].as_str(), signed["user"].as_str()),
        (Some("Signed"), Some(user.as_str()))
    );
    // Nothing is done twice.
    assert_eq!(admin.run(&serve).ok().stdout, "");
    admin.run(&["install", &user, "--no-verify"]).ok();
    let context = admin.context_of(&user);
    let data =
        format!("jsonpath={{.users[?(@.name==\"{context}\")].user.client-certificate-data}}");
    let pem = admin.kubectl(&["config", "view", "--raw", "-o", &data]).ok().stdout;
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.decode(pem).expect("base64");
    admin.write("issued.crt", &String::from_utf8(pem).expect("PEM"));
    let verify = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.crt"];
    admin.tool("openssl", &[&verify[..], &["issued.crt"]].concat()).ok();
    let subject = ["x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", "issued.crt"];
    admin.tool("openssl", &subject).ok().prints(&[&format!("O=ops,O=dev,CN={user}")]);
}

fn what_it_refuses(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let client = &["client auth"][..];
    for (base, subject, usages, finding) in [
        ("masters", "/CN=m/O=system:masters", client, "[system-masters]"),
        ("component", "/CN=system:kube-controller-manager", client, "[privileged-user]"),
        ("server", "/CN=web", &["server auth"], "[unexpected-usages]"),
        ("nobody", "/O=dev", client, "[no-common-name]"),
    ] {
        let name = trial.user(base);
        approved_blindly(&admin, &name, subject, &signer, usages);
        let serve = ["ca", "serve", "--signer", &signer, "--once"];
        let code = admin.run(&["review", &name]).code_shown();
        let refused = admin.run(&serve).exits(3).prints(&["failed: ", finding]);
        assert!(refused.stdout.ends_with(&format!(", code {code}\n")), "{}", refused.stdout);
        let failed = admin.kubectl(&["get", "csr", &name, "-o", "json"]).ok().json();
        let conditions = failed["status"]["conditions"].as_array().expect("conditions");
        let failure = conditions.iter().find(|c| c["type"] == "Failed").expect("a failure");
        assert_eq!(failure["reason"], "SignerValidationFailure");
        assert!(failure["message"].as_str().is_some_and(|m| m.contains(finding)), "{failure}");
        assert!(failed["status"]["certificate"].is_null());
        assert_eq!(admin.run(&serve).ok().stdout, "", "a failure is final");
    }
    // What its own terms accept is signed; what a policy refuses is not.
    let node = trial.user("node");
    let subject = format!("/CN=system:node:{node}");
    approved_blindly(&admin, &node, &subject, &signer, client);
    let serve = ["ca", "serve", "--signer", &signer, "--once"];
    admin
        .run(&[&serve[..], &["--accept", "privileged-user"]].concat())
        .ok()
        .prints(&["signed for"]);
    admin.write("policy", "apiVersion: usercert/v1\nkind: Policy\nusers:\n  deny: [\"*\"]\n");
    let anybody = trial.user("anybody");
    approved_blindly(&admin, &anybody, &format!("/CN={anybody}"), &signer, client);
    admin.run(&[&serve[..], &["--policy", "policy"]].concat()).exits(3).prints(&["[policy-user]"]);
    // A policy may insist on a lifetime that was asked for; the one that is granted is none.
    let rules = "apiVersion: usercert/v1\nkind: Policy\nlifetime: {signerChooses: false}\n";
    admin.write("policy", rules);
    let anybody = trial.user("anybody");
    approved_blindly(&admin, &anybody, &format!("/CN={anybody}"), &signer, client);
    let out = admin.run(&[&serve[..], &["--policy", "policy"]].concat());
    out.exits(3).prints(&["[policy-lifetime]"]);
}

/// A request that is refused for a name that is bound now is neither signed nor failed.
fn left(admin: &crate::trial::Person, serve: &[&str], object: &str, bound: &str) {
    let out = admin.run(serve).exits(3).says(&["is not signed for now", bound, "[look-alike]"]);
    assert_eq!(out.stdout, "");
    let found = admin.kubectl(&["get", "csr", object, "-o", "json"]).ok().json();
    let conditions = found["status"]["conditions"].as_array().expect("conditions");
    assert!(conditions.iter().all(|c| c["type"] == "Approved"), "{found}");
    assert!(found["status"]["certificate"].is_null());
    admin.kubectl(&["delete", "csr", object]).ok();
}

/// Names that look like those in bindings, which it has to be allowed to list.
fn look_alikes(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let serve = ["ca", "serve", "--signer", &signer, "--once"];
    let client = &["client auth"][..];
    // The second one has nothing in it that imitates: it is the bound name that does.
    let bound = [trial.user("admin-anna"), trial.user("pool1")];
    let twins = [bound[0].replace("admin", "\u{430}dmin"), bound[1].replace("pool1", "pooll")];
    for (name, twin) in bound.iter().zip(&twins) {
        let user = format!("--user={name}");
        admin.kubectl(&["create", "clusterrolebinding", name, "--clusterrole=view", &user]).ok();
        let object = trial.user("twin");
        approved_blindly(&admin, &object, &format!("/CN={twin}"), &signer, client);
        left(&admin, &serve, &object, name);
    }
    // So does a group.
    let group = trial.user("admins");
    let grant = format!("--group={group}");
    admin.kubectl(&["create", "clusterrolebinding", &group, "--clusterrole=view", &grant]).ok();
    let twin = group.replace("admins", "Admins");
    let subject = format!("/CN={}/O={twin}", trial.user("eve"));
    let object = trial.user("twin");
    approved_blindly(&admin, &object, &subject, &signer, client);
    left(&admin, &serve, &object, &group);
    // Whoever has the bound name gets it.
    let subject = format!("/CN={}/O={group}", bound[0]);
    approved_blindly(&admin, &bound[0], &subject, &signer, client);
    admin.run(&serve).ok().prints(&["signed for"]).never_shows("warning: you may not list role");
    // Where bindings may not be listed that is said, once.
    let robot = trial.user("robot");
    let nobody = trial.nobody_special(&robot, &[]);
    for file in ["ca.crt", "ca.key"] {
        nobody.write(file, &admin.read(file));
    }
    let rule = |resource: &str, verbs: &[&str]| serde_json::json!({"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs});
    trial.grant(
        &robot,
        serde_json::json!([
            rule("certificatesigningrequests", &["get", "list", "watch"]),
            rule("certificatesigningrequests/status", &["update"]),
            rule("signers", &["sign"]),
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        ]),
    );
    for twin in &twins {
        approved_blindly(&admin, &trial.user("twin"), &format!("/CN={twin}"), &signer, client);
    }
    let out = nobody.run(&serve).ok();
    assert_eq!(out.stdout.matches("signed for").count(), 2, "{}", out.stdout);
    let warned = out.stderr.matches("you may not list role bindings").count();
    assert_eq!(warned, 1, "{}", out.stderr);
}

/// Who asks for no lifetime leaves it to the signer, which keeps to the policy.
fn bounded_by_the_policy(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let rules =
        "apiVersion: usercert/v1\nkind: Policy\nlifetime: {max: 30d, signerChooses: true}\n";
    admin.write("policy", rules);
    let user = trial.user("anybody");
    approved_blindly(&admin, &user, &format!("/CN={user}"), &signer, &["client auth"]);
    admin.run(&["ca", "serve", "--signer", &signer, "--once", "--policy", "policy"]).ok();
    let certificate = ["get", "csr", &user, "-o", "jsonpath={.status.certificate}"];
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.decode(admin.kubectl(&certificate).stdout);
    admin.write("issued.crt", &String::from_utf8(pem.expect("base64")).expect("PEM"));
    let lives = |days: u32| {
        let seconds = (days * 86_400).to_string();
        let check = ["x509", "-noout", "-in", "issued.crt", "-checkend", &seconds];
        admin.tool("openssl", &check).code == 0
    };
    assert_eq!([29, 31].map(lives), [true, false]);
}

fn two_replicas(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let serve = ["ca", "serve", "--signer", &signer];
    let replicas = [0, 1].map(|_| admin.serving(&serve, "signing for"));
    let users: Vec<String> = (0..5).map(|_| trial.user("many")).collect();
    for user in &users {
        admin.run(&["request", user, "--signer", &signer]).ok();
        admin.run(&["approve", user, "--yes"]).ok();
    }
    for user in &users {
        admin.run(&["install", user, "--no-verify"]).ok();
    }
    let outcomes =
        replicas.map(|replica| replica.stop().ok().says(&["stopped"]).never_shows("trying again"));
    let lines: Vec<&str> = outcomes.iter().flat_map(|o| o.stdout.lines()).collect();
    for user in &users {
        let mine = lines.iter().filter(|l| l.contains(&format!("signed for {user},"))).count();
        assert_eq!(mine, 1, "{user} in {lines:?}");
    }
}

fn least_rights(trial: &Trial) {
    let (admin, signer) = (with_ca(trial), signer(trial));
    let robot = trial.user("robot");
    let nobody = trial.nobody_special(&robot, &[]);
    for file in ["ca.crt", "ca.key"] {
        nobody.write(file, &admin.read(file));
    }
    let serve = ["ca", "serve", "--signer", &signer, "--once"];
    let refused = nobody.run(&serve).exits(1);
    refused.says(&["certificatesigningrequests/status", "resources: [signers]", &signer, "[sign]"]);
    // The role of the printed manifest is enough.
    let manifest = admin.run(&["ca", "serve", "--signer", &signer, "--print-rbac", "-n", "x"]).ok();
    let documents: Vec<&str> = manifest.stdout.split("---\n").collect();
    assert_eq!(documents.len(), 5, "{}", manifest.stdout);
    assert!(documents[0].contains("ServiceAccount") && documents[2].contains("ClusterRoleBinding"));
    admin.write("role.yaml", documents[1]);
    admin.kubectl(&["create", "--validate=false", "-f", "role.yaml"]).ok();
    let role = format!("--clusterrole=usercert-signer:{}", signer.replace('/', ":"));
    admin
        .kubectl(&["create", "clusterrolebinding", &robot, &role, &format!("--user={robot}")])
        .ok();
    let user = trial.user("alice");
    admin.run(&["request", &user, "--signer", &signer]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    let out = nobody.run(&serve).ok().prints(&[&format!("signed for {user}")]);
    out.never_shows("warning: you may not list role");
    // And for no other signer.
    let other = format!("{signer}-other");
    let user = trial.user("bob");
    admin.run(&["request", &user, "--signer", &other]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    nobody.run(&["ca", "serve", "--signer", &other, "--once"]).exits(1).says(&["Forbidden"]);
}

/// A cluster whose own signer is off, and which trusts our CA: the whole road.
fn built_in_name(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions { signer: false, ..SandboxOptions::default() });
    let sandbox = sandbox.expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    admin.write("ca.crt", sandbox.client_ca_pem());
    admin.write("ca.key", &sandbox.client_ca_key_pem());
    let serve = ["ca", "serve", "--signer", "kubernetes.io/kube-apiserver-client"];
    let signer = admin.serving(&serve, "warning: kubernetes.io/kube-apiserver-client is");
    admin.run(&["request", "alice", "-g", "dev"]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok();
    admin.run(&["install", "alice"]).ok().says(&["the server says: alice"]);
    admin.run(&["verify", "alice@sandbox"]).ok();
    signer.stop().ok().prints(&["signed for alice"]);
}

/// A server that does not know any more where the watch was: the list tells what was missed.
fn forgotten_changes(trial: &Trial) {
    let (user, signer) = (trial.user("alice"), signer(trial));
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    admin.run(&["ca", "init", "--name", "e2e-signer"]).ok();
    let serving = admin.serving(&["ca", "serve", "--signer", &signer], "signing for");
    comes(&sandbox, |e| e.path.contains("watch=1"));
    sandbox.forget_changes();
    admin.run(&["request", &user, "--signer", &signer]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user, "--no-verify"]).ok();
    let stopped = serving.stop().ok().prints(&[&format!("signed for {user}")]);
    stopped.says(&["stopped"]).never_shows("trying again");
}

/// Waits for a request to the sandbox.
fn comes(sandbox: &Sandbox, expected: impl Fn(&LogEntry) -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !sandbox.log().iter().any(&expected) {
        assert!(std::time::Instant::now() < until, "it never came: {:?}", sandbox.log());
        std::thread::yield_now();
    }
}

/// A sandbox of its own, and its admin with a CA.
fn alone(trial: &Trial) -> (Sandbox, Person) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    admin.run(&["ca", "init", "--name", "e2e-signer"]).ok();
    (sandbox, admin)
}

/// Told to stop while the server takes requests and never answers them.
fn stops_though_nothing_is_answered(trial: &Trial) {
    let signer = signer(trial);
    let patient = ["ca", "serve", "--signer", &signer, "--request-timeout", "1h"];
    // Of the first look, whatever part of it, and of an answer: which is waited for, but not for long.
    let impatient = ["ca", "serve", "--signer", &signer, "--request-timeout", "2s"];
    for (part, serve) in [
        ("limit=1&", &patient),
        ("limit=50", &patient),
        ("/rolebindings", &patient),
        ("watch=1", &patient),
        ("/status", &impatient),
    ] {
        let (sandbox, admin) = alone(trial);
        let user = trial.user("waiting");
        approved_blindly(&admin, &user, &format!("/CN={user}"), &signer, &["client auth"]);
        sandbox.fail_at(part, Fault::Silent);
        let serving = admin.serving(serve, "signing for");
        comes(&sandbox, |e| e.path.contains(part) && e.status == 0);
        let stopped = serving.stop().ok().says(&["stopped"]);
        let signed = usize::from(part == "watch=1");
        assert_eq!(stopped.stdout.matches("signed for").count(), signed, "{part}: {stopped:?}");
    }
    // And of a later look.
    let (sandbox, admin) = alone(trial);
    let serving = admin.serving(&patient, "signing for");
    comes(&sandbox, |e| e.path.contains("watch=1"));
    sandbox.fail_at("limit=1&", Fault::Silent);
    sandbox.forget_changes();
    comes(&sandbox, |e| e.path.contains("limit=1&") && e.status == 0);
    serving.stop().ok().says(&["stopped"]);
}

/// Told to stop while a busy server has said to come back later.
fn stops_though_the_server_is_busy(trial: &Trial) {
    let signer = signer(trial);
    for part in ["limit=1&", "/status"] {
        let (sandbox, admin) = alone(trial);
        let user = trial.user("waiting");
        approved_blindly(&admin, &user, &format!("/CN={user}"), &signer, &["client auth"]);
        sandbox.fail_at(part, Fault::Busy(119));
        let serving = admin.serving(&["ca", "serve", "--signer", &signer], "signing for");
        comes(&sandbox, |e| e.path.contains(part) && e.status == 429);
        assert_eq!(serving.stop().ok().says(&["stopped"]).stdout, "");
    }
}

/// A server, or a proxy before it, that answers lists and never a watch.
fn watches_that_never_begin(trial: &Trial) {
    let signer = signer(trial);
    let (sandbox, admin) = alone(trial);
    sandbox.fail_at("watch=1", Fault::Silent);
    let serve = ["ca", "serve", "--signer", &signer, "--request-timeout", "1s"];
    let serving = admin.serving(&serve, "signing for");
    comes(&sandbox, |e| e.path.contains("watch=1"));
    let user = trial.user("alice");
    approved_blindly(&admin, &user, &format!("/CN={user}"), &signer, &["client auth"]);
    comes(&sandbox, |e| e.path.contains("/status") && e.status == 200);
    let stopped = serving.stop().ok().says(&["no answer within 1s; trying again", "stopped"]);
    stopped.prints(&[&format!("signed for {user}")]);
}

fn wrong_use(trial: &Trial) {
    let admin = with_ca(trial);
    let serve = |more: &[&str]| admin.run(&[&["ca", "serve", "--once"], more].concat());
    serve(&[]).exits(2).says(&["--signer"]);
    serve(&["--signer", "people"]).exits(2).says(&["write it as example.com/people"]);
    serve(&["--signer", "a_b.c/d"]).exits(2).says(&["write it as example.com/people"]);
    serve(&["--signer", "kubernetes.io/kubelet-serving"]).exits(2).says(&["not people's"]);
    serve(&["--signer", "a.b/c", "--max-expires", "1s"]).exits(2).says(&["--max-expires"]);
    serve(&["--signer", "a.b/c", "--ca-key", "none"]).exits(1).says(&["--ca-key"]);
    serve(&["--signer", "a.b/c", "-s", "https://127.0.0.1:1"]).exits(1).says(&["refused"]);
}
