//! The signer of a cluster, with an own CA.

use crate::cases;
use crate::trial::{Person, Trial};
use usercert_sandbox::{Sandbox, SandboxOptions};

cases!(
    custom_signer,
    what_it_refuses,
    two_replicas,
    least_rights,
    built_in_name,
    forgotten_changes,
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
    let args = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-subj", subject];
    let csr = admin.tool("openssl", &args).ok().stdout;
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
    dry.prints(&["signed for", "(dry run)"]);
    assert!(!admin.kubectl(&state).ok().stdout.contains("\"certificate\""));
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
        admin.run(&serve).exits(3).prints(&["failed: ", finding]);
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
        replicas.map(|replica| replica.stop().ok().says(&["stopped"]).never_shows("warning"));
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
    assert_eq!(documents.len(), 3, "{}", manifest.stdout);
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
    nobody.run(&serve).ok().prints(&[&format!("signed for {user}")]);
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
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !sandbox.log().iter().any(|e| e.path.contains("watch=1")) {
        assert!(std::time::Instant::now() < until, "no watch: {:?}", sandbox.log());
        std::thread::yield_now();
    }
    sandbox.forget_changes();
    admin.run(&["request", &user, "--signer", &signer]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user, "--no-verify"]).ok();
    let stopped = serving.stop().ok().prints(&[&format!("signed for {user}")]);
    stopped.says(&["stopped"]).never_shows("warning");
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
