//! Somebody with a home of their own, and the plugin.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

fn plugin() -> &'static Path {
    static PLUGIN: OnceLock<PathBuf> = OnceLock::new();
    PLUGIN.get_or_init(|| match std::env::var_os("USERCERT_BIN") {
        Some(given) => std::path::absolute(given).unwrap(),
        None => crate::plugin::build(),
    })
}

pub(crate) struct Person {
    home: TempDir,
}

impl Person {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// Whose kubeconfig is this text.
    pub(crate) fn with_kubeconfig(text: &str) -> Self {
        let person = Self::new();
        person.write(".kube/config", text.as_bytes());
        person
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// What lies in a directory.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The plugin in this home, which is also where it runs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(plugin());
        command.args(arguments).current_dir(self.home.path()).stdin(Stdio::null());
        for variable in ["KUBECONFIG", "HOMEDRIVE", "HOMEPATH", "XDG_CONFIG_HOME", "XDG_STATE_HOME"]
        {
            command.env_remove(variable);
        }
        command.env("HOME", self.home.path()).env("USERPROFILE", self.home.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

pub(crate) fn outcome(command: &mut Command) -> Outcome {
    Outcome::of(command.output().unwrap(), format!("{command:?}"))
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    what: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(output: std::process::Output, what: String) -> Self {
        Self {
            what,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}: {self:#?}", self.what);
        self
    }

    /// Standard error holds this.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    /// The code of the request that it is about.
    pub(crate) fn code_shown(&self) -> &str {
        let line = self.stderr.lines().find_map(|line| line.trim().strip_prefix("Code"));
        line.and_then(|rest| rest.split_whitespace().next()).unwrap_or_else(|| panic!("{self:#?}"))
    }

    /// The line that people are told to try, after its first word.
    pub(crate) fn try_it(&self) -> Vec<String> {
        let line = self.stderr.lines().find_map(|line| line.strip_prefix("Try it: kubectl "));
        let line = line.unwrap_or_else(|| panic!("{self:#?}"));
        line.split(' ').map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
    }
}
