//! A control plane of its own from the binaries in `KUBEBUILDER_ASSETS` (the envtest convention):
//! etcd, kube-apiserver and kube-controller-manager, on loopback, gone when dropped.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use tempfile::TempDir;

/// The API server's AuthorizationConfiguration, in the folder of a control plane.
const AUTHORIZATION: &str = "authorization/authorization.yaml";
const READY: Duration = Duration::from_secs(120);

pub(crate) struct ControlPlane {
    /// Before the directory: they are stopped before it goes.
    processes: Mutex<Processes>,
    dir: TempDir,
    url: String,
    assets: PathBuf,
    api_args: Vec<String>,
}

/// Programs that run in a directory, stopped in reverse order when dropped.
pub(crate) struct Processes {
    dir: PathBuf,
    children: Vec<(String, Child)>,
}

struct Pki {
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "e2e-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a CA");
        write(dir, "ca.crt", &certificate.pem());
        write(dir, "ca.key", &key.serialize_pem());
        Self { issuer: Issuer::new(params, key) }
    }

    /// A certificate `NAME.crt` with key `NAME.key`. A subject of rcgen carries one group at most.
    fn issue(&self, dir: &Path, file: &str, user: &str, group: Option<&str>, serving: bool) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![if serving {
            params.subject_alt_names = vec![
                SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
                SanType::DnsName("localhost".try_into().expect("a name")),
            ];
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::ClientAuth
        }];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        write(dir, &format!("{file}.crt"), &certificate.pem());
        write(dir, &format!("{file}.key"), &key.serialize_pem());
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect("a file is written");
}

/// A port that nobody listens on. None is given twice, and none is one that the system gives to
/// outgoing connections (Linux: 32768 and above), which the cases beside this one open all the time.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u32 = 20_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let at =
            std::process::id().wrapping_mul(61).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(at % COUNT).expect("below the count");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

impl ControlPlane {
    pub(crate) fn start(assets: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path();
        let pki = Pki::new(path);
        pki.issue(path, "apiserver", "kube-apiserver", None, true);
        pki.issue(path, "admin", "e2e-admin", Some("system:masters"), false);
        pki.issue(path, "kcm", "system:kube-controller-manager", None, false);
        let sa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
        write(path, "sa.key", &sa.serialize_pem());
        write(path, "sa.pub", &sa.public_key_pem());
        let [etcd, peer, api, kcm] = [(); 4].map(|()| free_port());
        let url = format!("https://127.0.0.1:{api}");
        let processes = Processes::new(dir.path());
        let (processes, assets) = (Mutex::new(processes), assets.to_owned());
        let mut plane = Self { processes, dir, url, assets, api_args: Vec::new() };
        // In a folder of its own: what is written beside it is nobody else's.
        std::fs::create_dir(plane.dir.path().join("authorization")).expect("a directory");
        write(
            plane.dir.path(),
            AUTHORIZATION,
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n- type: Node\n  name: node\n- type: RBAC\n  name: rbac\n",
        );
        write(plane.dir.path(), "kcm.kubeconfig", &plane.kubeconfig("kcm"));
        let file = |name: &str| plane.dir.path().join(name).display().to_string();
        let etcd_url = format!("http://127.0.0.1:{etcd}");
        let peer_url = format!("http://127.0.0.1:{peer}");

        let etcd_args = [
            "--name=default".to_owned(),
            format!("--data-dir={}", file("etcd")),
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls={etcd_url}"),
            format!("--advertise-client-urls={etcd_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster=default={peer_url}"),
            "--log-level=error".to_owned(),
        ];
        plane.api_args = vec![
            format!("--etcd-servers={etcd_url}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={api}"),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--cert-dir={}", file("run")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!("--authorization-config={}", file(AUTHORIZATION)),
        ];
        let controllers = "certificatesigningrequest-signing-controller,\
            certificatesigningrequest-approving-controller,certificatesigningrequest-cleaner-controller,\
            clusterrole-aggregation-controller,root-ca-certificate-publisher-controller,namespace-controller";
        let kubeconfig = file("kcm.kubeconfig");
        let kcm_args = [
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={kcm}"),
            format!("--cert-dir={}", file("run-kcm")),
            format!("--cluster-signing-cert-file={}", file("ca.crt")),
            format!("--cluster-signing-key-file={}", file("ca.key")),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--service-account-private-key-file={}", file("sa.key")),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
            format!("--controllers={controllers}"),
        ];
        write(plane.dir.path(), "admin.kubeconfig", &plane.admin_kubeconfig());
        let admin = file("admin.kubeconfig");
        let (mut processes, assets) = (plane.lock(), plane.assets.as_path());
        processes.spawn(assets, "etcd", &etcd_args);
        processes.spawn(assets, "kube-apiserver", &plane.api_args);
        processes.wait_until(&admin, &["get", "--raw", "/readyz"], "kube-apiserver answers");
        processes.spawn(assets, "kube-controller-manager", &kcm_args);
        // It has published the CA once it runs, and signs from then on.
        let published = ["get", "configmap", "-n", "kube-system", "kube-root-ca.crt"];
        processes.wait_until(&admin, &published, "kube-controller-manager works");
        drop(processes);
        plane
    }

    fn lock(&self) -> MutexGuard<'_, Processes> {
        self.processes.lock().expect("nobody has panicked with it")
    }

    /// The API server's AuthorizationConfiguration.
    pub(crate) fn authorization_config(&self) -> PathBuf {
        self.dir.path().join(AUTHORIZATION)
    }

    /// What the API server has logged since it was started.
    pub(crate) fn api_server_log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("kube-apiserver.log")).expect("a log")
    }

    /// Ends the API server and starts it again.
    pub(crate) fn restart_api_server(&self) {
        let admin = self.dir.path().join("admin.kubeconfig").display().to_string();
        let mut processes = self.lock();
        processes.kill("kube-apiserver");
        processes.spawn(&self.assets, "kube-apiserver", &self.api_args);
        processes.wait_until(&admin, &["get", "--raw", "/readyz"], "kube-apiserver answers");
    }

    pub(crate) fn client_ca(&self) -> (String, String) {
        let read = |file: &str| {
            std::fs::read_to_string(self.dir.path().join(file)).expect("the CA is there")
        };
        (read("ca.crt"), read("ca.key"))
    }

    pub(crate) fn admin_kubeconfig(&self) -> String {
        self.kubeconfig("admin")
    }

    fn kubeconfig(&self, user: &str) -> String {
        let data = |name: String| {
            use base64::Engine as _;
            let bytes = std::fs::read(self.dir.path().join(name)).expect("a file");
            base64::engine::general_purpose::STANDARD.encode(bytes)
        };
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {
                "server": self.url, "certificate-authority-data": data("ca.crt".to_owned())}}],
            "users": [{"name": user, "user": {
                "client-certificate-data": data(format!("{user}.crt")),
                "client-key-data": data(format!("{user}.key"))}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
        })
        .to_string()
    }
}

impl Processes {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), children: Vec::new() }
    }

    /// Starts a program of `assets`, with its log beside.
    pub(crate) fn spawn(&mut self, assets: &Path, name: &str, args: &[String]) {
        let log = File::create(self.dir.join(format!("{name}.log"))).expect("a log file");
        let child = Command::new(assets.join(name))
            .args(args)
            .env_remove("HTTPS_PROXY")
            .env_remove("https_proxy")
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        self.children.push((name.to_owned(), child));
    }

    /// Ends a program.
    pub(crate) fn kill(&mut self, name: &str) {
        let at = self.children.iter().position(|(n, _)| n == name).expect("it runs");
        let (_, mut child) = self.children.remove(at);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Waits until kubectl succeeds with this kubeconfig.
    pub(crate) fn wait_until(&self, kubeconfig: &str, kubectl: &[&str], what: &str) {
        let until = Instant::now() + READY;
        loop {
            let done = Command::new("kubectl")
                .args(kubectl)
                .arg("--request-timeout=5s")
                .env("KUBECONFIG", kubeconfig)
                .output();
            if done.is_ok_and(|o| o.status.success()) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not within {READY:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        while let Some((_, mut child)) = self.children.pop() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
