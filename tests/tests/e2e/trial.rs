//! One case's surroundings: people with homes of their own, and what they run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tempfile::TempDir;

use crate::backend::Backend;
use crate::pty::Terminal;

static PLUGIN: OnceLock<PathBuf> = OnceLock::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Makes sure that the plugin under test is built from these sources: `USERCERT_BIN` names another.
pub(crate) fn build_plugin() {
    if let Some(given) = std::env::var_os("USERCERT_BIN") {
        PLUGIN.set(given.into()).expect("set once");
        return;
    }
    PLUGIN.set(crate::built::build()).expect("set once");
}

pub(crate) fn plugin() -> &'static Path {
    PLUGIN.get().expect("the plugin is built first")
}

/// Whether programs can be killed at their system calls here.
pub(crate) fn traces() -> bool {
    let tried = Command::new("strace").args(["-qq", "true"]).output();
    assert!(tried.is_ok() || std::env::var_os("USERCERT_ALL_TOOLS").is_none(), "strace is missing");
    let works = tried.is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("SKIPPED: nothing was traced, because strace is missing or may not trace");
    }
    works
}

/// One case.
pub(crate) struct Trial {
    pub(crate) backend: Arc<Backend>,
    dir: TempDir,
    case: String,
}

impl Trial {
    pub(crate) fn new(backend: Arc<Backend>, case: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { backend, dir, case: case.replace("::", "-").replace('_', "-") }
    }

    /// A user name that no other case uses on this server.
    pub(crate) fn user(&self, base: &str) -> String {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{base}-{count}-{}", std::process::id())
    }

    /// A fresh person with a home directory but no access to any cluster.
    pub(crate) fn newcomer(&self) -> Person {
        let home = self.dir.path().join(format!("home{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&home).expect("a directory");
        Person { kubeconfig: home.join(".kube").join("config"), home }
    }

    /// A fresh person whose kubeconfig is this text.
    pub(crate) fn with_kubeconfig(&self, text: &str) -> Person {
        let person = self.newcomer();
        std::fs::create_dir_all(person.home.join(".kube")).expect("a directory");
        person.write(".kube/config", text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        let file = person.home.join(".kube/config");
        std::fs::set_permissions(file, mode).expect("as kubectl makes it");
        person
    }

    /// Somebody who may do everything.
    pub(crate) fn admin(&self) -> Person {
        self.with_kubeconfig(&self.backend.admin_kubeconfig())
    }

    /// An authenticated user without any rights of their own.
    pub(crate) fn nobody_special(&self, user: &str, groups: &[&str]) -> Person {
        let text = match self.backend.sandbox() {
            Some(sandbox) => sandbox.kubeconfig_for(user, groups),
            None => {
                let admin = self.admin();
                let mut args = vec!["create", "--yes", "--standalone", "made.conf"];
                groups.iter().for_each(|g| args.extend(["-g", g]));
                args.extend(["--", user]);
                admin.run(&args).ok();
                admin.read("made.conf")
            }
        };
        self.with_kubeconfig(&text)
    }

    /// Whether the server says which certificate it saw, as Kubernetes does since 1.32.
    pub(crate) fn tells_credentials(&self) -> bool {
        let version = self.admin().kubectl(&["version", "-o", "json"]).ok().json();
        let minor = version["serverVersion"]["minor"].as_str().unwrap_or_default();
        minor.trim_end_matches('+').parse::<u32>().is_ok_and(|minor| minor >= 32)
    }

    /// Gives rights to a user, by rules as `create,get csr` pairs of verbs and resource.
    pub(crate) fn grant(&self, user: &str, rules: Value) {
        let name = format!("{}-{}", self.case, self.user("role"));
        let admin = self.admin();
        let role = serde_json::json!({"apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
        let binding = serde_json::json!({"apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        for (file, object) in [("role.json", role), ("binding.json", binding)] {
            admin.write(file, &object.to_string());
            admin.kubectl(&["create", "--validate=false", "-f", file]).ok();
        }
    }
}

/// Somebody at a machine of their own.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) home: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Person {
    pub(crate) fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(&self.home)
            .stdin(Stdio::null());
        command
    }

    /// Runs the plugin.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(plugin(), args), args)
    }

    /// Runs the plugin with something on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Outcome {
        let file = self.home.join("stdin");
        std::fs::write(&file, input).expect("a file is written");
        let mut command = self.command(plugin(), args);
        command.stdin(std::fs::File::open(&file).expect("a file"));
        Outcome::of(command, args)
    }

    /// Starts the plugin and does not wait for it.
    pub(crate) fn start(&self, args: &[&str]) -> std::process::Child {
        let mut command = self.command(plugin(), args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts")
    }

    /// Starts the plugin with a terminal as standard input.
    pub(crate) fn on_terminal(&self, args: &[&str]) -> Terminal {
        Terminal::start(self.command(plugin(), args))
    }

    /// Starts the plugin and lets it run, until it has said this on standard error.
    pub(crate) fn serving(&self, args: &[&str], said: &str) -> Running {
        let mut command = self.command(plugin(), args);
        let out = self.home.join(format!("running{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let file = std::fs::File::create(&out).expect("a file");
        let child = command.stdout(file).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut running = Running { child, out, stderr: String::new() };
        let pipe = running.child.stderr.as_mut().expect("a pipe");
        while !running.stderr.contains(said) {
            let mut byte = [0];
            let read = std::io::Read::read(pipe, &mut byte).expect("messages");
            assert_eq!(read, 1, "it ended: {}", running.stderr);
            running.stderr.push(char::from(byte[0]));
        }
        running
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(Path::new("kubectl"), args), args)
    }

    pub(crate) fn tool(&self, program: &str, args: &[&str]) -> Outcome {
        Outcome::of(self.command(Path::new(program), args), args)
    }

    /// Runs the plugin with further environment variables.
    pub(crate) fn run_env(&self, args: &[&str], env: &[(&str, &str)]) -> Outcome {
        let mut command = self.command(plugin(), args);
        command.envs(env.iter().copied());
        Outcome::of(command, args)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.join(name), text).expect("a file is written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.home.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.home.join(name).exists()
    }

    /// Names in the folder of pending requests.
    pub(crate) fn pending(&self) -> Vec<PathBuf> {
        let folder = self.home.join(".local/state/kubectl-usercert/pending");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|e| e.path()).filter(|p| p.join("key.pem").exists()).collect()
    }

    /// The only context of the kubeconfig whose name begins with `user@`.
    pub(crate) fn context_of(&self, user: &str) -> String {
        let contexts = self.kubectl(&["config", "get-contexts", "-o", "name"]).ok().stdout;
        let mine: Vec<&str> =
            contexts.lines().filter(|c| c.starts_with(&format!("{user}@"))).collect();
        assert_eq!(mine.len(), 1, "contexts of {user} in {contexts}");
        mine[0].to_owned()
    }

    /// Who the server takes a context for: user name and groups.
    pub(crate) fn whoami(&self, context: &str) -> (String, Vec<String>) {
        let out = self.kubectl(&["--context", context, "auth", "whoami", "-o", "json"]).ok();
        let value: Value = serde_json::from_str(&out.stdout).expect("JSON");
        let info = &value["status"]["userInfo"];
        let groups = info["groups"].as_array().expect("groups").iter();
        let groups = groups.filter_map(|g| g.as_str().map(str::to_owned)).collect();
        (info["username"].as_str().expect("a user").to_owned(), groups)
    }
}

/// The plugin while it runs.
pub(crate) struct Running {
    child: std::process::Child,
    out: PathBuf,
    stderr: String,
}

impl Running {
    /// What it had said on standard error when it was waited for.
    pub(crate) fn said(&self) -> &str {
        &self.stderr
    }

    /// Tells it to stop, by SIGTERM, and waits for its end; not for ever.
    pub(crate) fn stop(mut self) -> Outcome {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("a signal");
        let mut pipe = self.child.stderr.take().expect("a pipe");
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if end.recv_timeout(std::time::Duration::from_secs(60)).is_err() {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        std::io::Read::read_to_string(&mut pipe, &mut self.stderr).expect("messages");
        // Not reaped yet, so that the number is still its own.
        let _ = ended.send(());
        watchdog.join().expect("the watchdog ends");
        let status = self.child.wait().expect("an end");
        let stdout = std::fs::read_to_string(&self.out).expect("its output");
        let stderr = std::mem::take(&mut self.stderr);
        Outcome::new("(running)", status.code().unwrap_or(-1), stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a case has failed; stopped before otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    what: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(mut command: Command, args: &[&str]) -> Self {
        let output = command.output().expect("the command runs");
        Self {
            what: format!("{} {}", command.get_program().to_string_lossy(), args.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// For outcomes collected elsewhere.
    pub(crate) fn new(what: &str, code: i32, stdout: String, stderr: String) -> Self {
        Self { what: what.to_owned(), code, stdout, stderr }
    }

    fn describe(&self) -> String {
        format!(
            "{}\nexit {}\n--- stdout\n{}\n--- stderr\n{}",
            self.what, self.code, self.stdout, self.stderr
        )
    }

    /// It succeeded.
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// It ended with this exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.describe());
        self
    }

    /// Its messages hold all these texts.
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is missing in\n{}", self.describe());
        }
        self
    }

    /// Its result holds all these texts.
    pub(crate) fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "{text:?} is missing in\n{}", self.describe());
        }
        self
    }

    /// Nothing of it holds this text.
    pub(crate) fn never_shows(self, text: &str) -> Self {
        let shown = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(!shown, "{text:?} is in\n{}", self.describe());
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in\n{}", self.describe()))
    }

    /// The short code after the word Code.
    pub(crate) fn code_shown(&self) -> String {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        let line = all
            .lines()
            .find(|l| l.starts_with("Code "))
            .unwrap_or_else(|| panic!("no code in\n{}", self.describe()));
        line.split_whitespace().nth(1).expect("a code").to_owned()
    }
}
