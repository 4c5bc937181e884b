//! A sandbox with a directory, and the foreign programs run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use usercert_sandbox::{Sandbox, SandboxOptions};

pub(crate) const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// A signer that nobody runs, for requests that are to stay as they are.
pub(crate) const NO_SIGNER: &str = "example.com/nobody";

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    dir: TempDir,
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    pub(crate) fn with(options: SandboxOptions) -> Self {
        let world =
            Self { sandbox: Sandbox::start(options).unwrap(), dir: TempDir::new().unwrap() };
        world.write("admin.kubeconfig", world.sandbox.admin_kubeconfig());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().into()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Runs kubectl as administrator; it has to succeed.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.kubectl_as("admin.kubeconfig", args).ok()
    }

    /// Runs kubectl as administrator; it has to fail, and its complaint is returned.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        self.kubectl_as("admin.kubeconfig", args).refused()
    }

    /// Runs kubectl with one of the kubeconfig files in the directory.
    pub(crate) fn kubectl_as(&self, kubeconfig: &str, args: &[&str]) -> Outcome {
        Outcome::of(self.kubectl_command(kubeconfig).args(args).output().unwrap())
    }

    pub(crate) fn kubectl_command(&self, kubeconfig: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("KUBECONFIG", self.path(kubeconfig))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs openssl in the directory; it has to succeed.
    pub(crate) fn openssl(&self, args: &[&str]) -> String {
        let output = Command::new("openssl").args(args).current_dir(self.dir.path()).output();
        Outcome::of(output.unwrap()).ok()
    }

    /// Makes a P-256 key, unless it exists, and a request for a subject in openssl's notation.
    pub(crate) fn request(&self, subject: &str) -> Vec<u8> {
        self.request_with(subject, &[])
    }

    pub(crate) fn request_with(&self, subject: &str, more: &[&str]) -> Vec<u8> {
        if !Path::new(&self.path("p256.key")).exists() {
            let args = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "p256.key"];
            self.openssl(&args);
        }
        let args = ["req", "-new", "-utf8", "-key", "p256.key", "-subj", subject, "-out", "it.csr"];
        self.openssl(&[&args, more].concat());
        self.read("it.csr")
    }

    /// Creates a CertificateSigningRequest for `subject`, signed by nobody.
    pub(crate) fn submit(&self, name: &str, subject: &str) {
        let request = self.request(subject);
        self.create(&manifest(name, &request, NO_SIGNER));
    }

    /// `kubectl create` of one object.
    pub(crate) fn create(&self, object: &Value) -> String {
        let file = self.write("object.json", object.to_string());
        self.kubectl(&["create", "-f", &file])
    }

    /// `kubectl create` of one object that the server is to refuse.
    pub(crate) fn create_refused(&self, object: &Value) -> String {
        let file = self.write("object.json", object.to_string());
        self.refused(&["create", "-f", &file])
    }

    /// A CertificateSigningRequest as it is now.
    pub(crate) fn get(&self, name: &str) -> Value {
        let json = self.kubectl(&["get", "csr", name, "-o", "json"]);
        serde_json::from_str(&json).unwrap()
    }

    /// Waits until a CertificateSigningRequest satisfies a predicate.
    pub(crate) fn wait_for(&self, name: &str, done: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(name, || {
            last = self.get(name);
            done(&last)
        });
        last
    }

    /// Approves a request and waits for its certificate, PEM.
    pub(crate) fn approve(&self, name: &str) -> Vec<u8> {
        self.kubectl(&["certificate", "approve", name]);
        let issued = self.wait_for(name, |it| it["status"]["certificate"].is_string());
        STANDARD.decode(issued["status"]["certificate"].as_str().unwrap()).unwrap()
    }

    /// What openssl has to say about a certificate.
    pub(crate) fn describe(&self, certificate: &[u8]) -> String {
        self.write("described.crt", certificate);
        self.openssl(&["x509", "-in", "described.crt", "-noout", "-text"])
    }
}

impl Outcome {
    fn of(output: Output) -> Self {
        Self {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into(),
            stderr: String::from_utf8_lossy(&output.stderr).into(),
        }
    }

    pub(crate) fn ok(self) -> String {
        assert!(self.success, "{self:?}");
        self.stdout
    }

    pub(crate) fn refused(self) -> String {
        assert!(!self.success, "{self:?}");
        self.stderr.trim_end().into()
    }
}

/// A CertificateSigningRequest for client authentication.
pub(crate) fn manifest(name: &str, request: &[u8], signer: &str) -> Value {
    json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": signer,
            "usages": ["client auth"],
        },
    })
}

/// Asks again until the answer is yes.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "gave up waiting for {what}");
        std::thread::yield_now();
    }
}
