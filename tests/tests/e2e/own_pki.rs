//! A control plane whose certificates were all made by `ca init` and `ca sign`: etcd, API server,
//! controller manager and scheduler believe them, and so does kubectl.

use std::path::Path;

use crate::cases;
use crate::control_plane::{Processes, free_port};
use crate::trial::{Person, Trial};

cases!(whole_control_plane);

/// A group that a token of the test is in, to let the first admin in.
const BOOTSTRAP: &str = "bootstrap-token,bootstrap,1,system:masters\n";
/// Tokens of the signer, before and after it got another one.
const ROBOT: [&str; 2] = ["robot-token-1", "robot-token-2"];
const SIGNER: &str = "example.com/people";

/// The three CAs and the certificates of a control plane, in the home of `owner`.
fn make_pki(owner: &Person, server: &str) {
    for ca in ["ca", "etcd-ca", "front-proxy-ca"] {
        let (crt, key) = (format!("{ca}.crt"), format!("{ca}.key"));
        owner.run(&["ca", "init", "--name", ca, "--ca-cert", &crt, "--ca-key", &key]).ok();
    }
    for (ca, profile, more) in [
        ("ca", "apiserver", &["--service-cidr", "10.0.0.0/24", "--name", "cp1"][..]),
        ("ca", "apiserver-kubelet-client", &[]),
        ("etcd-ca", "apiserver-etcd-client", &[]),
        ("etcd-ca", "etcd-server", &["--name", "cp1", "--key-type", "rsa2048"]),
        ("etcd-ca", "etcd-peer", &["--name", "cp1", "--key-type", "p384"]),
        ("etcd-ca", "etcd-healthcheck-client", &[]),
        ("front-proxy-ca", "front-proxy-client", &["--key-type", "ed25519"]),
    ] {
        let (crt, key) = (format!("{ca}.crt"), format!("{ca}.key"));
        let (out, new) = (format!("{profile}.crt"), format!("{profile}.key"));
        let sign = ["ca", "sign", "--ca-cert", &crt, "--ca-key", &key, "--profile", profile];
        let files = ["--new-key", &new, "--out", &out, "--yes"];
        owner.run(&[&sign[..], &files, more].concat()).ok();
    }
    for (profile, more) in [
        ("controller-manager", &[][..]),
        ("scheduler", &[]),
        ("proxy", &[]),
        ("node", &["--name", "n1"]),
    ] {
        let file = format!("{profile}.conf");
        let sign = ["ca", "sign", "--profile", profile, "--standalone", &file, "--yes"];
        owner.run(&[&sign[..], &["--server", server], more].concat()).ok();
    }
    // Keys for service accounts are no certificates.
    owner.tool("openssl", &["genrsa", "-out", "sa.key", "2048"]).ok();
    owner.tool("openssl", &["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]).ok();
}

/// The control plane, and where its API server is.
fn start(owner: &Person, assets: &Path, ports: [u16; 5]) -> Processes {
    let [etcd, peer, _, kcm, scheduler] = ports;
    let file = |name: &str| owner.home.join(name).display().to_string();
    let (etcd_url, peer_url) =
        (format!("https://127.0.0.1:{etcd}"), format!("https://127.0.0.1:{peer}"));
    let mut plane = Processes::new(&owner.home);
    plane.spawn(
        assets,
        "etcd",
        &[
            "--name=cp1".to_owned(),
            format!("--data-dir={}", file("etcd")),
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls={etcd_url}"),
            format!("--advertise-client-urls={etcd_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster=cp1={peer_url}"),
            format!("--cert-file={}", file("etcd-server.crt")),
            format!("--key-file={}", file("etcd-server.key")),
            format!("--trusted-ca-file={}", file("etcd-ca.crt")),
            "--client-cert-auth".to_owned(),
            format!("--peer-cert-file={}", file("etcd-peer.crt")),
            format!("--peer-key-file={}", file("etcd-peer.key")),
            format!("--peer-trusted-ca-file={}", file("etcd-ca.crt")),
            "--peer-client-cert-auth".to_owned(),
            "--log-level=error".to_owned(),
        ],
    );
    start_api_server(owner, assets, ports, &mut plane);
    // All controllers that a cluster without kubelets has use for, except the signer.
    let controllers = "certificatesigningrequest-approving-controller,clusterrole-aggregation-controller,\
        root-ca-certificate-publisher-controller,serviceaccount-controller,namespace-controller";
    for (name, port, more) in [
        (
            "kube-controller-manager",
            kcm,
            vec![
                format!("--controllers={controllers}"),
                format!("--root-ca-file={}", file("ca.crt")),
                format!("--service-account-private-key-file={}", file("sa.key")),
                format!("--kubeconfig={}", file("controller-manager.conf")),
            ],
        ),
        ("kube-scheduler", scheduler, vec![format!("--kubeconfig={}", file("scheduler.conf"))]),
    ] {
        let config = file(if port == kcm { "controller-manager.conf" } else { "scheduler.conf" });
        let common = [
            format!("--authentication-kubeconfig={config}"),
            format!("--authorization-kubeconfig={config}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", file(name)),
        ];
        plane.spawn(assets, name, &[&common[..], &more].concat());
    }
    plane
}

fn start_api_server(owner: &Person, assets: &Path, ports: [u16; 5], plane: &mut Processes) {
    let [etcd, _, api, ..] = ports;
    let file = |name: &str| owner.home.join(name).display().to_string();
    plane.spawn(
        assets,
        "kube-apiserver",
        &[
            format!("--etcd-servers=https://127.0.0.1:{etcd}"),
            format!("--etcd-cafile={}", file("etcd-ca.crt")),
            format!("--etcd-certfile={}", file("apiserver-etcd-client.crt")),
            format!("--etcd-keyfile={}", file("apiserver-etcd-client.key")),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={api}"),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--kubelet-client-certificate={}", file("apiserver-kubelet-client.crt")),
            format!("--kubelet-client-key={}", file("apiserver-kubelet-client.key")),
            format!("--proxy-client-cert-file={}", file("front-proxy-client.crt")),
            format!("--proxy-client-key-file={}", file("front-proxy-client.key")),
            format!("--requestheader-client-ca-file={}", file("front-proxy-ca.crt")),
            "--requestheader-allowed-names=front-proxy-client".to_owned(),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            format!("--token-auth-file={}", file("tokens")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
        ],
    );
    let ready = ["get", "--raw", "/readyz"];
    plane.wait_until(&file("bootstrap.conf"), &ready, "kube-apiserver answers");
}

fn whole_control_plane(trial: &Trial) {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").expect("the binaries");
    if !Path::new(&assets).join("kube-scheduler").exists() {
        eprintln!(
            "no kube-scheduler in KUBEBUILDER_ASSETS: no control plane of our own certificates"
        );
        return;
    }
    let owner = trial.newcomer();
    let ports = [(); 5].map(|()| free_port());
    let server = format!("https://127.0.0.1:{}", ports[2]);
    make_pki(&owner, &server);
    let tokens = |robot: &str| {
        owner.write("tokens", &format!("{BOOTSTRAP}{robot},robot,2,system:masters\n"));
        owner.write("robot.token", robot);
    };
    tokens(ROBOT[0]);
    let bootstrap = |args: &[&str]| {
        let config = ["config", "--kubeconfig", "bootstrap.conf"];
        owner.kubectl(&[&config[..], args].concat()).ok();
    };
    bootstrap(&["set-cluster", "own", "--server", &server, "--certificate-authority", "ca.crt"]);
    bootstrap(&["set-credentials", "bootstrap", "--token", "bootstrap-token"]);
    bootstrap(&["set-context", "own", "--cluster", "own", "--user", "bootstrap"]);
    bootstrap(&["use-context", "own"]);
    let assets = Path::new(&assets);
    let mut plane = start(&owner, assets, ports);

    // etcd takes the client of health checks, and nobody without a certificate.
    let health = format!("https://127.0.0.1:{}/health", ports[0]);
    let curl = ["-sS", "--cacert", "etcd-ca.crt", &health];
    let client = ["--cert", "etcd-healthcheck-client.crt", "--key", "etcd-healthcheck-client.key"];
    owner.tool("curl", &[&client[..], &curl].concat()).ok().prints(&["true"]);
    assert_ne!(owner.tool("curl", &curl).code, 0);

    // The API server believes the front proxy whom it speaks for.
    let review = format!("{server}/apis/authentication.k8s.io/v1/selfsubjectreviews");
    let body = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let mut proxy = vec!["-sS", "--cacert", "ca.crt", "--cert", "front-proxy-client.crt"];
    proxy.extend(["--key", "front-proxy-client.key", "-H", "X-Remote-User: somebody"]);
    proxy.extend(["-H", "Content-Type: application/json", "-d", body, &review]);
    owner.tool("curl", &proxy).ok().prints(&["\"username\": \"somebody\""]);

    // The first admin, then a person by way of our signer, as on any cluster.
    let admin_config =
        ["ca", "sign", "--name", "root", "-g", "admins", "--standalone", "admin.conf"];
    owner.run(&[&admin_config[..], &["--server", &server, "--yes"]].concat()).ok();
    let role =
        ["create", "clusterrolebinding", "admins", "--clusterrole=cluster-admin", "--group=admins"];
    owner.kubectl(&[&["--kubeconfig", "bootstrap.conf"], &role[..]].concat()).ok();
    let admin = trial.with_kubeconfig(&owner.read("admin.conf"));
    admin.kubectl(&["auth", "whoami"]).ok().prints(&["root", "admins", "X509SHA256="]);
    let robot = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "own",
        "clusters": [{"name": "own", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": "robot", "user": {"tokenFile": "robot.token"}}],
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "robot"}}],
    });
    owner.write("robot.conf", &robot.to_string());
    let serve = ["ca", "serve", "--signer", SIGNER, "--kubeconfig", "robot.conf"];
    let signer = owner.serving(&serve, "signing for");
    admin.run(&["request", "alice", "-g", "dev", "--signer", SIGNER]).ok();
    admin.run(&["approve", "alice", "--yes"]).ok();
    admin.run(&["install", "alice"]).ok().says(&["the server says: alice"]);
    admin.run(&["verify", "alice@kubernetes"]).ok().prints(&["alice"]);
    // The signer outlives the API server, and its own token.
    plane.kill("kube-apiserver");
    tokens(ROBOT[1]);
    start_api_server(&owner, assets, ports, &mut plane);
    admin.run(&["request", "bob", "--signer", SIGNER]).ok();
    admin.run(&["approve", "bob", "--yes"]).ok();
    admin.run(&["install", "bob"]).ok().says(&["the server says: bob"]);
    signer.stop().ok().prints(&["signed for alice", "signed for bob"]);
    admin
        .kubectl(&["--context", "alice@kubernetes", "auth", "whoami"])
        .ok()
        .prints(&["alice", "dev"]);

    // A kubelet's certificate may make its own node, and no other.
    let node = |name: &str| {
        let node = serde_json::json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "status": {
                "capacity": {"cpu": "1", "memory": "1Gi", "pods": "5"},
                "allocatable": {"cpu": "1", "memory": "1Gi", "pods": "5"}},
        });
        owner.write("node.json", &node.to_string());
        owner.kubectl(&["--kubeconfig", "node.conf", "create", "-f", "node.json"])
    };
    node("n1").ok();
    node("n2").exits(1).says(&["is not allowed to"]);
    owner.kubectl(&["--kubeconfig", "proxy.conf", "get", "nodes", "n1"]).ok();

    // Controller manager and scheduler do their work as who they are.
    let admin_file = file(&owner, "admin.conf");
    let account = ["get", "serviceaccount", "-n", "default", "default"];
    plane.wait_until(&admin_file, &account, "kube-controller-manager works");
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "none"}],
                 "tolerations": [{"operator": "Exists"}]},
    });
    owner.write("pod.json", &pod.to_string());
    admin.kubectl(&["create", "-f", &file(&owner, "pod.json")]).ok();
    let scheduled =
        ["wait", "pod/p", "-n", "default", "--for=jsonpath={.spec.nodeName}=n1", "--timeout=60s"];
    admin.kubectl(&scheduled).ok();
    for component in ["kube-scheduler", "kube-controller-manager"] {
        admin.kubectl(&["get", "lease", "-n", "kube-system", component]).ok();
    }
}

fn file(person: &Person, name: &str) -> String {
    person.home.join(name).display().to_string()
}
